"""Sweeps over a hopping terminal: the stated probability of intercept against what is found.

Two things are compared with it. That a whole burst was *met*, in terminals that the
simulator's own schedule draws, needs no samples and is counted over thousands
(`schedules`); that it was *detected* is counted over fewer, through renderer and pipeline.
Where both are known in one session, their difference varies far less than either: the
mean difference, added to that between met and stated of all, tells how far the share
detected lies from what is stated much better than the few sessions alone (a control
variate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdr_detect.events import Incident
from sdr_detect.pipeline import Pipeline
from sdr_detect.score import schedules
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import Heard, known_profiles
from sdr_detect.score.schedules import Schedules, hopping_scene, is_met
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.score.touring import DWELL_S, RATE_HZ, SETTLE_S, stays, tour
from sdr_detect.settings import Settings
from sdr_detect.simulate.render import stream_info

NAME = "intercept"

#: Strategy, length (s), whether the instants are those it keeps to; starts full and quick.
_DRAWN: tuple[tuple[str, float, bool, int, int], ...] = (
    ("park", 1.0, False, 100, 10),
    ("comb", 0.45, False, 100, 10),
    ("adaptive", 0.6, False, 100, 10),
    ("scan", 5.0, False, 100, 0),
    ("hop", 7.5, False, 100, 10),
    ("hop", 7.5, True, 100, 10),
)

#: Strategy, length (s), whether it ends at the first find, trials full and quick.
_HEARD: tuple[tuple[str, float, bool, int, int], ...] = (
    ("park", 1.0, False, 200, 4),
    ("comb", 0.45, False, 400, 6),
    ("scan", 5.0, False, 40, 0),
    ("hop", 7.5, False, 40, 0),
    ("comb", 60.0, True, 40, 6),
    ("scan", 60.0, True, 24, 0),
)

#: The verdict so far is looked at after every stay.
_SETTINGS = Settings.model_validate({"verdict": {"look_s": DWELL_S}})


@dataclass(frozen=True, slots=True)
class Case:
    """A strategy and how long it is followed."""

    name: str
    strategy: str
    length_s: float
    to_first: bool


def jobs(plan: Plan) -> list[Job]:
    """Every strategy and length."""
    made: list[Job] = []
    for strategy, length_s, kept, full, quick in _DRAWN:
        name = f"{strategy}, {length_s:g} s, {'instants kept to' if kept else 'drawn'}"
        drawn = Schedules(name, strategy, length_s, kept)
        made += make_jobs(plan, NAME, name, drawn, plan.count(full, quick), 0.1 + 0.1 * length_s)
    for strategy, length_s, to_first, full, quick in _HEARD:
        aim = "to the first find" if to_first else f"{length_s:g} s"
        case = Case(f"{strategy}, {aim}", strategy, length_s, to_first)
        cost_s = (12.0 if strategy == "scan" else 1.0) if to_first else length_s
        made += make_jobs(plan, NAME, case.name, case, plan.count(full, quick), cost_s)
    return made


def run(job: Job) -> Result:
    """One session: an always active terminal, drawn channels, a drawn part of the slot."""
    if isinstance(job.case, Schedules):
        return schedules.draw(job)
    case: Case = job.case
    scene = hopping_scene(job.seed, case.length_s)
    pipeline, heard = Pipeline(known_profiles(), _SETTINGS), Heard()
    for block in tour(scene, case.strategy, case.length_s):
        events = pipeline.process(block)
        heard.take(events)
        if case.to_first and any(isinstance(e, Incident) and e.reason == "alert" for e in events):
            return {"first_s": block.first_sample / RATE_HZ, "claims": []}
    heard.take(pipeline.finish())
    if case.to_first:
        return {"first_s": None, "claims": []}
    return {
        "found": heard.named("starlink"),
        "met": is_met(scene, stays(stream_info(scene), case.strategy, case.length_s)),
        "poi": 0.0 if heard.verdict is None else heard.verdict.poi,
        "claims": [],
    }


def tables(plan: Plan, results: Results) -> list[Table]:
    """Stated against met and detected; time to the first find."""
    groups = grouped(results)
    drawn = [(case, found) for case, found in groups if isinstance(case, Schedules)]
    sessions = [(case, found) for case, found in groups if isinstance(case, Case)]
    told = f"{RATE_HZ / 1e6:g} Msps, stops of {DWELL_S:g} s, {SETTLE_S * 1e3:g} ms lost at each"
    notes: tuple[str, ...] = (
        f"A terminal that is always on and hops over eight channels; {told} retune. Met: a whole "
        "burst fell into a stay in its channel. Difference: met less stated, start by start.",
        "Stated takes the instants of reassignment for unknown. Drawn: so they are; kept to: they "
        "are those that hop keeps its stops between, which makes it a little better than stated.",
    )
    if plan.quick:
        notes += ("Quick run: few trials, no scan.",)
    made = []
    if drawn:
        rows = tuple(schedules.row(case, found) for case, found in drawn)
        title = "Probability of intercept against bursts met"
        made.append(Table(NAME, title, schedules.COLUMNS, rows, notes))
    heard = tuple(_heard(c, found, drawn) for c, found in sessions if not c.to_first)
    if heard:
        title = "Probability of intercept against detections"
        made.append(Table("intercept_heard", title, _STATED, heard, _HEARD_NOTES))
    first = tuple(_first(case, found) for case, found in sessions if case.to_first)
    if first:
        made.append(Table("first_find", "Time to the first find (s)", _FIRST, first))
    return made


def _heard(
    case: Case, found: list[Result], drawn: list[tuple[Schedules, list[Result]]]
) -> dict[str, Any]:
    differences = [int(r["found"]) - int(r["met"]) for r in found]
    trials, mean = len(found), sum(differences) / len(found)
    # One more that differs keeps few trials that all agree from looking like a proof.
    scatter = (sum(d * d for d in differences) + 1) / (trials + 1) - mean**2
    # The simulator reassigns at the instants that hop keeps to; others do not know them.
    of_all = {c.strategy: schedules.difference(results) for c, results in drawn}
    met, error = of_all[case.strategy]
    error = math.hypot(error, math.sqrt(max(scatter, 0.0) / trials))
    return {
        "strategy": case.strategy,
        "length_s": case.length_s,
        "trials": trials,
        "poi": sum(r["poi"] for r in found) / trials,
        "found": sum(bool(r["found"]) for r in found),
        "missed": sum(d < 0 for d in differences),
        "unmet": sum(d > 0 for d in differences),
        "difference": met + mean,
        "interval": [
            met + mean - schedules.SIGMAS * error,
            met + mean + schedules.SIGMAS * error,
        ],
        "held": schedules.held(met + mean, error),
    }


def _first(case: Case, found: list[Result]) -> dict[str, Any]:
    times = [r["first_s"] for r in found if r["first_s"] is not None]
    return {
        "strategy": case.strategy,
        "trials": len(found),
        "not_found": len(found) - len(times),
        "mean_s": float(np.mean(times)) if times else None,
        "error_s": float(np.std(times) / len(times) ** 0.5) if times else None,
    }


_HEARD_NOTES = (
    f"Whole sessions through renderer and pipeline, the terminal at {schedules.CN_DB:g} dB. "
    "Stated is the verdict's own poi.",
    "Difference: detected less met in these sessions, and met less stated in all drawn ones "
    "(above); its 95 % hold the scatter of both.",
)
_STATED = (
    text("strategy", "strategy"),
    number("length (s)", "length_s", ".2f"),
    number("trials", "trials", "d"),
    number("stated", "poi", ".3f"),
    number("detected", "found", "d"),
    number("met, not detected", "missed", "d"),
    number("detected, not met", "unmet", "d"),
    number("difference", "difference", "+.3f"),
    interval("95 %", "interval", "+.3f"),
    text(f"within {schedules.TARGET:g}", "held"),
)
_FIRST = (
    text("strategy", "strategy"),
    number("trials", "trials", "d"),
    number("not found", "not_found", "d"),
    number("mean", "mean_s", ".2f"),
    number("± standard error", "error_s", ".2f"),
)
