"""The whole card: which sections there are, and the processes that do their jobs."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from sdr_detect import __version__
from sdr_detect.errors import ConfigError
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

#: Libraries that would start threads beside the processes.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

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


def score(plan: Plan, processes: int, progress: Progress = lambda _cost: None) -> Card:
    """Run the plan.

    Parameters
    ----------
    plan : Plan
    processes : int
        1 works in this process. The result does not depend on it.
    progress : callable
        Called with the ``cost_s`` of each job that is done.
    """
    jobs = all_jobs(plan)
    found = dict(
        _in_place(jobs, progress) if processes == 1 else _spread(jobs, processes, progress)
    )
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
    jobs: Sequence[Job], processes: int, progress: Progress
) -> Iterator[tuple[int, Result]]:
    """Results as they come; the longest jobs start first."""
    order = sorted(range(len(jobs)), key=lambda i: (-jobs[i].cost_s, i))
    with _pool(processes) as pool:
        index_of = {pool.submit(work, jobs[index]): index for index in order}
        for future in as_completed(index_of):
            index = index_of[future]
            yield index, future.result()
            progress(jobs[index].cost_s)


@contextlib.contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes with one thread each; none outlives an interrupt or a fault."""
    context = multiprocessing.get_context("spawn")
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.terminate()
            worker.join()
        raise
    else:
        pool.shutdown()


def _start_worker() -> None:
    """Ctrl-C reaches the whole group: a worker ends without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
