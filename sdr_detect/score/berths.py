"""Empty berths: swept sessions without a terminal, and in how many one was `detected`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdr_detect.pipeline import Pipeline
from sdr_detect.score.emitters import ALERTS, alert_scene
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import Heard, known_profiles, make_scene
from sdr_detect.score.scenes import Mapped
from sdr_detect.score.statistics import clopper_pearson
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.score.touring import DWELL_S, RATE_HZ, tour

NAME = "berths"

#: Length of a session: the comb comes to each channel three times.
_SESSION_S = 3.0

#: Sessions of each scene; 20 scenes make 100.
_SESSIONS = 5

_QUICK = ("blank", "GSM phone")

#: Seconds of a core to render and hear one second.
_COST = 1.2


@dataclass(frozen=True, slots=True)
class Case:
    """One scene that is swept."""

    name: str
    scene: Mapped


def jobs(plan: Plan) -> list[Job]:
    """Every scene of the false alerts in which a receiver can be tuned."""
    made: list[Job] = []
    for name, parts in ALERTS.items():
        if "losses" in parts.get("receiver", {}):
            continue
        case = Case(name, alert_scene(name, _SESSION_S + 1, RATE_HZ))
        count = plan.count(_SESSIONS, int(name in _QUICK))
        made += make_jobs(plan, NAME, name, case, count, _COST * _SESSION_S)
    return made


def run(job: Job) -> Result:
    """One session with the comb."""
    pipeline, heard = Pipeline(known_profiles()), Heard()
    for block in tour(make_scene(job.case.scene, job.seed), "comb", _SESSION_S):
        heard.take(pipeline.process(block))
    heard.take(pipeline.finish())
    assert heard.verdict is not None
    return {
        "verdict": heard.verdict.verdict,
        "system": heard.verdict.system,
        "seed": job.seed,
        "claims": heard.claim(None),
    }


def tables(plan: Plan, results: Results) -> list[Table]:
    """Sessions and verdicts, by scene and in all."""
    rows = [_row(case.name, found) for case, found in grouped(results)]
    rows.append(_row("all together", [result for _, result in results]))
    notes = [
        f"A comb over eight channels, {RATE_HZ / 1e6:g} Msps, stops of {DWELL_S:g} s, "
        f"{_SESSION_S:g} s a session. Levels, places and loads are drawn anew for each; an "
        "emitter that is no terminal follows the receiver to every stop, as its own ingress would.",
        "`inconclusive` is no alert.",
    ]
    if plan.quick:
        notes.append("Quick run: two sessions; it bounds nothing of use.")
    return [Table(NAME, "Empty berths that were swept", _COLUMNS, tuple(rows), tuple(notes))]


def _row(name: str, found: list[Result]) -> dict[str, Any]:
    false = [r for r in found if r["verdict"] == "detected"]
    return {
        "scene": name,
        "sessions": len(found),
        "detected": len(false),
        "inconclusive": sum(r["verdict"] == "inconclusive" for r in found),
        "interval": clopper_pearson(len(false), len(found)),
        "systems": sorted({str(r["system"]) for r in false}),
        "seeds": [r["seed"] for r in false],
    }


_COLUMNS = (
    text("scene", "scene"),
    number("sessions", "sessions", "d"),
    number("`detected`", "detected", "d"),
    number("inconclusive", "inconclusive", "d"),
    interval("95 %", "interval", ".3f"),
)
