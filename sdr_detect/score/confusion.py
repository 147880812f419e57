"""What an emitter is called 3 dB above the level from which it is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdr_detect.score.emitters import EMITTERS, emitter_scene
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import PD, grouped
from sdr_detect.score.listen import Heard, at_levels, hear_each
from sdr_detect.score.scenes import Mapped
from sdr_detect.score.statistics import clopper_pearson
from sdr_detect.score.table import Column, Row, Table, interval, number, text

NAME = "confusion"

_RATE_HZ = 2.4e6
_DURATION_S = 0.5

#: Chance from which an emitter counts as found.
_PFA = 1e-6

#: Ladder from each emitter's lowest level. Its step is the 3 dB of the target:
#: the rung above the first that is found in 90 % of the trials is judged.
STEP_DB = 3.0
_RUNGS, _QUICK_RUNGS = 16, 11

#: Share of scenes in which the right name is asked for.
_TARGET = 0.95

_TRIALS = 10
_QUICK_TRIALS = 2
_QUICK = ("starlink grid", "VSAT carrier", "radar 750.2 Hz", "tone")

#: Seconds of a core for one trial.
_COST_S = {"LTE": 4.0, "NR": 6.0, "downlink image": 5.0}
_USUAL_COST_S = 1.3


@dataclass(frozen=True, slots=True)
class Case:
    """One emitter and its ladder."""

    name: str
    scene: Mapped
    cn_db: tuple[float, ...]
    right: tuple[str, ...]
    system: str | None


def jobs(plan: Plan) -> list[Job]:
    """Every emitter."""
    made: list[Job] = []
    for name, known in EMITTERS.items():
        rungs = _QUICK_RUNGS if plan.quick else _RUNGS
        levels = tuple(known.lowest_db + STEP_DB * rung for rung in range(rungs))
        data = emitter_scene(name, _DURATION_S, _RATE_HZ)
        case = Case(name, data, levels, known.right, known.system)
        trials = plan.count(_TRIALS, _QUICK_TRIALS if name in _QUICK else 0)
        made += make_jobs(plan, NAME, name, case, trials, _COST_S.get(name, _USUAL_COST_S))
    return made


def run(job: Job) -> Result:
    """What was found at every rung, and what it was called."""
    case: Case = job.case
    heard = hear_each(at_levels(case.scene, job.seed, case.cn_db), len(case.cn_db))
    return {
        "found": [h.pfa(None) <= _PFA for h in heard],
        "label": [label(h) for h in heard],
        "claims": [claim for h in heard for claim in h.claim(case.system)],
    }


def label(heard: Heard) -> str:
    """The verdict's system, or the best match of the most significant track.

    Many tracks of one emitter reach the smallest chance that is stated. Of those
    the one named most surely counts, rightly or wrongly: a reader takes it.
    """
    verdict = heard.verdict
    if verdict is not None and verdict.verdict == "detected":
        return f"detected {verdict.system}"
    if not heard.tracks:
        return "nothing"
    least = min(track.pfa for track in heard.tracks)
    told = [t.matches[0] for t in heard.tracks if t.pfa == least and t.matches]
    return max(told, key=lambda m: m.score).profile if told else "unexplained"


def tables(plan: Plan, results: Results) -> list[Table]:
    """One row an emitter."""
    rows = tuple(_row(case, found) for case, found in grouped(results))
    notes = [
        f"{_DURATION_S:g} s at {_RATE_HZ / 1e6:g} Msps. Found: any track with a pfa of {_PFA:g} "
        f"or less in {PD:.0%} of the trials, in steps of {STEP_DB:g} dB; named: a step above.",
        "C/N as each emitter defines it: bursts while on, carriers over their own width.",
        "Terrestrial emitters are heard at an IF where they leak past a converter.",
        "Called: a verdict's system, else the likeliest match of the most significant track. "
        "Either names a terminal rightly; `detected` asks for more signal (see sensitivity).",
        "VSAT bursts and OneWeb-like signals have no published structure: being named as possible "
        "is the most that can be asked, and of OneWeb nothing but its band is known: `unknown` is "
        "right.",
    ]
    if plan.quick:
        notes.append("Quick run: four emitters, few trials.")
    return [Table(NAME, "What emitters are called", _COLUMNS, rows, tuple(notes))]


def _row(case: Case, found: Sequence[Result]) -> dict[str, Any]:
    trials = len(found)
    rung = _first_found([r["found"] for r in found])
    named = Counter(r["label"][rung + 1] for r in found) if rung is not None else Counter[str]()
    right = sum(named[label] for label in case.right)
    return {
        "emitter": case.name,
        "trials": trials,
        "found_db": None if rung is None else case.cn_db[rung],
        "named_at_db": None if rung is None else case.cn_db[rung + 1],
        "right_labels": list(case.right),
        "right": None if rung is None else right / trials,
        "right_interval": [None, None] if rung is None else list(clopper_pearson(right, trials)),
        "target_met": None if rung is None else right >= _TARGET * trials,
        "labels": dict(named.most_common()),
        "right_by_level": [
            [level, sum(r["label"][i] in case.right for r in found) / trials]
            for i, level in enumerate(case.cn_db)
        ],
    }


def _first_found(found: Sequence[Sequence[bool]]) -> int | None:
    """First rung found in enough trials, if there is one above it to judge."""
    for rung in range(len(found[0]) - 1):
        if sum(trial[rung] for trial in found) >= PD * len(found):
            return rung
    return None


def _named(row: Row) -> str:
    return ", ".join(f"{label} {count}" for label, count in row["labels"].items()) or "never found"


_COLUMNS = (
    text("emitter", "emitter"),
    number("trials", "trials", "d"),
    number("found at", "found_db", ".0f"),
    number("named at", "named_at_db", ".0f"),
    number("right", "right", ".0%"),
    interval("95 %", "right_interval", ".0%"),
    text("≥ 95 %", "target_met"),
    Column("called", _named, right=False),
)
