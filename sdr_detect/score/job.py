"""One piece of work for a worker process, and the seeds that make it repeatable."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sdr_detect.score.table import Table

#: What a job found: JSON-like, so that it can cross processes.
Result = dict[str, Any]

#: Keeps the scorecard's random numbers apart from all others: tests and tuning
#: seed numpy with small integers, never with this word before them.
SEED_DOMAIN = int.from_bytes(b"scorecard")


@dataclass(frozen=True, slots=True)
class Job:
    """One trial of one case. ``cost_s`` is a rough guess; long ones start first."""

    section: str
    case: Any
    trial: int
    seed: int
    cost_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. ``trials`` replaces the number of trials of every case."""

    quick: bool = False
    seed: int = 1
    trials: int | None = None
    only: tuple[str, ...] = ()

    def count(self, full: int, quick: int = 0) -> int:
        """Trials of a case; 0 leaves it out of the quick run."""
        wanted = quick if self.quick else full
        return wanted if self.trials is None else min(wanted, 1) * self.trials


#: What a section is handed when its jobs are done.
Results = Sequence[tuple[Job, Result]]


class Section(Protocol):
    """One part of the scorecard: a module with these three functions."""

    def jobs(self, plan: Plan) -> list[Job]:
        """All of its work."""
        ...

    def run(self, job: Job) -> Result:
        """One piece of it, in a worker process."""
        ...

    def tables(self, plan: Plan, results: Results) -> list[Table]:
        """What came out."""
        ...


def seed_for(plan: Plan, section: str, case: str, trial: int) -> int:
    """A seed that depends on the user's seed and on names, not on what else is run."""
    key = (zlib.crc32(section.encode()), zlib.crc32(case.encode()), trial)
    sequence = np.random.SeedSequence([plan.seed, SEED_DOMAIN], spawn_key=key)
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def make_jobs(
    plan: Plan, section: str, name: str, case: Any, trials: int, cost_s: float
) -> list[Job]:
    """The trials of one case."""
    return [
        Job(section, case, trial, seed_for(plan, section, name, trial), cost_s)
        for trial in range(trials)
    ]
