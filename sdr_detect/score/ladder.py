"""Pd against C/N: one scene climbed rung by rung, and the rung that suffices.

Shared by the sections that look for a C/N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdr_detect.score.job import Job, Result, Results
from sdr_detect.score.limits import matched_burst_db, radiometer_db, slope_db
from sdr_detect.score.listen import at_levels, hear_each, open_settings
from sdr_detect.score.scenes import Mapped
from sdr_detect.score.statistics import Crossing, clopper_pearson, crossing
from sdr_detect.score.table import Column, Row

#: False-alarm probabilities at which a detection is counted.
PFAS = (1e-3, 1e-6)

#: The share of trials that a requirement is for.
PD = 0.9

#: Slope assumed for verdicts, which follow no single law, dB: that of the
#: detector they rest on.
_VERDICT_SLOPE_DB = slope_db(PFAS[1])


@dataclass(frozen=True, slots=True)
class Climb:
    """A scene and the C/N at which its first emitter is heard, ascending.

    ``duty`` and ``bandwidth_hz`` are what the limits are computed for;
    ``kinds`` the tracks that count as finding it, ``system`` the verdict that
    is right, None where there is none.
    """

    name: str
    scene: Mapped
    cn_db: tuple[float, ...]
    kinds: frozenset[str]
    system: str | None
    duty: float
    bandwidth_hz: float

    @property
    def duration_s(self) -> float:
        """Length of the scene."""
        return float(self.scene["scene"]["duration_s"])

    def limit_db(self, pfa: float) -> float:
        """The matched burst's requirement."""
        return matched_burst_db(self.duration_s, self.duty, self.bandwidth_hz, pfa)

    def radiometer_db(self, pfa: float) -> float:
        """The known-noise radiometer's requirement."""
        return radiometer_db(self.duration_s, self.duty, self.bandwidth_hz, pfa)


def rungs_above(limit_db: float, steps_db: Sequence[float]) -> tuple[float, ...]:
    """A ladder that starts from a limit, in whole decibels."""
    return tuple(float(round(limit_db) + step) for step in steps_db)


def climb(job: Job) -> Result:
    """Hear one trial at every rung."""
    case: Climb = job.case
    streams = at_levels(case.scene, job.seed, case.cn_db)
    heard = hear_each(streams, len(case.cn_db), open_settings())
    return {
        "pfa": [h.pfa(case.kinds) for h in heard],
        "verdict": [case.system is not None and h.named(case.system) for h in heard],
        "claims": [claim for h in heard for claim in h.claim(case.system)],
    }


def requirement(case: Climb, results: Sequence[Result], pfa: float) -> Crossing:
    """C/N needed at a false-alarm probability."""
    found = [[p <= pfa for p in result["pfa"]] for result in results]
    return crossing(case.cn_db, found, slope_db(pfa), PD)


def verdict_requirement(case: Climb, results: Sequence[Result]) -> Crossing:
    """C/N needed for the right verdict."""
    found = [result["verdict"] for result in results]
    return crossing(case.cn_db, found, _VERDICT_SLOPE_DB, PD)


def curve(case: Climb, results: Sequence[Result]) -> list[dict[str, Any]]:
    """Pd with its interval at every rung, for each Pfa and for the verdict."""
    points = []
    for index, cn_db in enumerate(case.cn_db):
        point: dict[str, Any] = {"cn_db": cn_db, "trials": len(results)}
        for label, hits in (
            *((f"pd_{p:g}", [r["pfa"][index] <= p for r in results]) for p in PFAS),
            ("pd_verdict", [r["verdict"][index] for r in results]),
        ):
            point[label] = sum(hits) / len(results)
            point[f"{label}_interval"] = clopper_pearson(sum(hits), len(results))
        points.append(point)
    return points


def grouped(results: Results) -> list[tuple[Any, list[Result]]]:
    """Results case by case, in the order of the jobs."""
    groups: dict[str, tuple[Any, list[Result]]] = {}
    for job, result in results:
        groups.setdefault(job.case.name, (job.case, []))[1].append(result)
    return list(groups.values())


def met(target_db: float | None, found: Crossing) -> str | None:
    """Whether a target is met; with a question mark where the interval spans it.

    None without a target, and where the ladder ends on the wrong side of it.
    """
    if target_db is None:
        return None
    if found.upper_db is not None and found.upper_db <= target_db:
        return "yes"
    if found.lower_db is not None and found.lower_db > target_db:
        return "no"
    if found.cn_db is None:
        return None
    return "yes?" if found.cn_db <= target_db else "no?"


def crossing_fields(key: str, found: Crossing) -> dict[str, Any]:
    """A requirement as it goes into a row."""
    return {
        key: found.cn_db,
        f"{key}_interval": [found.lower_db, found.upper_db],
        f"{key}_lost_above": found.lost_above_db,
    }


def crossing_column(heading: str, key: str) -> Column:
    """A requirement with its interval, or the rung it lies beyond."""

    def cell(row: Row) -> str:
        lower, upper = row[f"{key}_interval"]
        lost = row[f"{key}_lost_above"]
        end = "" if lost is None else f" lost > {lost:.0f}"
        if row[key] is not None:
            return f"{row[key]:.1f} ({lower:.1f}…{upper:.1f}){end}"
        return (f"< {upper:.0f}" if lower is None else f"> {lower:.0f}") + end

    return Column(heading, cell)
