"""The whole card: which sections there are, and the processes that do their jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from sdr_detect import __version__
from sdr_detect.answering import DiedError, Pool, as_they_end
from sdr_detect.errors import BatchError, ConfigError
from sdr_detect.score import (
    alerts,
    berths,
    confusion,
    estimators,
    intercept,
    latency,
    limit,
    roc,
    scenarios,
    sensitivity,
    trust,
)
from sdr_detect.score.job import Job, Plan, Result, Section
from sdr_detect.score.table import Table

#: Sections in the order of the card. `trust` comes last: it has no jobs and
#: reads the verdicts of all the others.
SECTIONS: dict[str, Section] = {
    module.NAME: module
    for module in (
        sensitivity,
        scenarios,
        roc,
        limit,
        latency,
        alerts,
        berths,
        confusion,
        estimators,
        intercept,
    )
}

#: Form of the JSON; a change that breaks readers raises it.
SCHEMA = 1

#: Told the cost of each job that is done.
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Card:
    """What was run and what came out."""

    plan: Plan
    tables: tuple[Table, ...]

    def to_json(self) -> dict[str, Any]:
        """One JSON object; nothing in it depends on the machine or on the number of processes."""
        return {
            "type": "scorecard",
            "schema": SCHEMA,
            "version": __version__,
            "seed": self.plan.seed,
            "quick": self.plan.quick,
            "trials": self.plan.trials,
            "only": list(self.plan.only),
            "tables": [table.to_json() for table in self.tables],
        }


def all_jobs(plan: Plan) -> list[Job]:
    """Every job of the plan.

    Raises
    ------
    ConfigError
        ``plan.only`` names no section.
    """
    unknown = sorted(set(plan.only) - SECTIONS.keys())
    if unknown:
        raise ConfigError(f"no section {unknown[0]!r}; known: {', '.join(SECTIONS)}", key="only")
    chosen = [SECTIONS[name] for name in SECTIONS if not plan.only or name in plan.only]
    return [job for section in chosen for job in section.jobs(plan)]


def score(
    plan: Plan,
    processes: int,
    progress: Progress = lambda _cost: None,
    stop: threading.Event | None = None,
) -> Card:
    """Run the plan.

    Parameters
    ----------
    plan : Plan
    processes : int
        1 works in this process. The result does not depend on it.
    progress : callable
        Called with the ``cost_s`` of each job that is done.
    stop : threading.Event, optional
        When it is set, what the processes are at is given up.

    Raises
    ------
    KeyboardInterrupt
        ``stop`` was set.
    BatchError
        A process died.
    """
    jobs = all_jobs(plan)
    if processes == 1:
        found = dict(_in_place(jobs, progress))
    else:
        found = dict(_spread(plan, jobs, processes, progress, stop or threading.Event()))
    results = [(job, found[index]) for index, job in enumerate(jobs)]
    made: list[Table] = []
    for name, section in SECTIONS.items():
        own = [(job, result) for job, result in results if job.section == name]
        if own:
            made += section.tables(plan, own)
    return Card(plan, (*made, *trust.tables(results)))


def work(job: Job) -> Result:
    """Do one job."""
    return SECTIONS[job.section].run(job)


def _in_place(jobs: Sequence[Job], progress: Progress) -> Iterator[tuple[int, Result]]:
    for index, job in enumerate(jobs):
        yield index, work(job)
        progress(job.cost_s)


def _spread(
    plan: Plan, jobs: Sequence[Job], processes: int, progress: Progress, stop: threading.Event
) -> Iterator[tuple[int, Result]]:
    """Results as they come; the longest jobs start first. No process outlives this one."""
    pool = Pool("sdr_detect.score.worker", processes)
    longest_first = sorted(range(len(jobs)), key=lambda i: (-jobs[i].cost_s, i))
    with ThreadPoolExecutor(processes) as threads:
        try:
            index_of = {
                threads.submit(pool.ask, json.dumps({"plan": asdict(plan), "index": i})): i
                for i in longest_first
            }
            for future, index in as_they_end(index_of, stop):
                yield index, json.loads(future.result())
                progress(jobs[index].cost_s)
            if index_of:
                raise KeyboardInterrupt
        except DiedError as died:
            help_ = "run again with fewer --jobs" if died.killed else "its message is above"
            raise BatchError(f"a process of the card {died.manner}; {help_}") from died
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.close()
