"""False alerts: scenes without a terminal, and how often a terminal was `detected` in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdr_detect.score.emitters import ALERTS, alert_scene
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import hear, make_scene
from sdr_detect.score.scenes import Mapped
from sdr_detect.score.statistics import poisson_upper
from sdr_detect.score.table import Table, number, text
from sdr_detect.simulate.render import blocks

NAME = "alerts"

#: Length of a piece: each gets one verdict.
_PIECE_S = {2.4e6: 5.0, 20e6: 2.0}
_QUICK_PIECE_S = 2.0

#: Seconds of a core to render and hear one second at 2.4 Msps; others take less
#: than `_USUAL_COST`.
_SLOW = {
    "LTE": 3.0,
    "NR": 3.0,
    "downlink image": 4.0,
    "mixture: image, radar, drift": 3.0,
    "mixture: LTE, Iridium, hum": 3.0,
}
_USUAL_COST = 0.6

#: Pieces of each scene at 2.4 Msps, fewer where rendering is slow; more of blank.
_PIECES, _SLOW_PIECES, _BLANK_PIECES = 8, 4, 40

#: Scenes heard at 20 Msps as well, where a second costs ten times as much.
_WIDE = ("blank", "radar 750.2 Hz", "ADS-B", "GSM phone", "downlink image", "gain steps of 1 dB")
_WIDE_PIECES = 4

#: Scenes of the quick run, one piece each.
_QUICK = (
    "blank",
    "radar 750.2 Hz",
    "weak radar 750.2 Hz",
    "GSM phone",
    "mixture: aircraft and GSM",
    "gain steps of 1 dB",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One scene at one rate."""

    name: str
    scene: Mapped
    scene_name: str
    rate_hz: float
    piece_s: float


def jobs(plan: Plan) -> list[Job]:
    """Every scene at 2.4 Msps, some at 20 Msps."""
    made: list[Job] = []
    for name in ALERTS:
        cost = _SLOW.get(name, _USUAL_COST)
        full = _BLANK_PIECES if name == "blank" else _SLOW_PIECES if name in _SLOW else _PIECES
        made += _jobs(plan, name, 2.4e6, plan.count(full, int(name in _QUICK)), cost)
        if name in _WIDE:
            made += _jobs(plan, name, 20e6, plan.count(_WIDE_PIECES), 3 + cost)
    return made


def _jobs(plan: Plan, name: str, rate_hz: float, pieces: int, cost: float) -> list[Job]:
    piece_s = _QUICK_PIECE_S if plan.quick else _PIECE_S[rate_hz]
    title = f"{name}, {rate_hz / 1e6:g} Msps"
    case = Case(title, alert_scene(name, piece_s, rate_hz), name, rate_hz, piece_s)
    return make_jobs(plan, NAME, title, case, pieces, cost * piece_s)


def run(job: Job) -> Result:
    """One verdict over one piece."""
    heard = hear(blocks(make_scene(job.case.scene, job.seed)))
    assert heard.verdict is not None
    return {
        "verdict": heard.verdict.verdict,
        "system": heard.verdict.system,
        "seed": job.seed,
        "claims": heard.claim(None),
    }


def tables(plan: Plan, results: Results) -> list[Table]:
    """Hours, false alerts and the bound of their rate, by scene and in all."""
    rows = [_row(case.name, case.piece_s * len(found), found) for case, found in grouped(results)]
    total_s = sum(job.case.piece_s for job, _ in results)
    rows.append(_row("all together", total_s, [result for _, result in results]))
    notes = [
        "Levels, places and loads are drawn anew for every piece; each piece gets one verdict. "
        "Upper bound: Poisson, 95 %, one-sided, for a rate per hour of such scenes.",
        "Terrestrial emitters lie in a slice of the terminals' band, as mixing products would: "
        "their own IF does not give them away.",
        "`inconclusive` is no alert. For more hours: --only alerts --trials N.",
    ]
    if plan.quick:
        notes.append("Quick run: six scenes, seconds of each; it bounds nothing of use.")
    return [
        Table(
            NAME, "False alerts in scenes without a terminal", _COLUMNS, tuple(rows), tuple(notes)
        )
    ]


def _row(name: str, seconds: float, found: list[Result]) -> dict[str, Any]:
    false = [r for r in found if r["verdict"] == "detected"]
    hours = seconds / 3600
    return {
        "scene": name,
        "pieces": len(found),
        "hours": round(hours, 5),
        "detected": len(false),
        "inconclusive": sum(r["verdict"] == "inconclusive" for r in found),
        "per_hour": len(false) / hours,
        "per_hour_upper": poisson_upper(len(false)) / hours,
        "systems": sorted({str(r["system"]) for r in false}),
        "seeds": [r["seed"] for r in false],
    }


_COLUMNS = (
    text("scene", "scene"),
    number("pieces", "pieces", "d"),
    number("hours", "hours", ".4f"),
    number("`detected`", "detected", "d"),
    number("inconclusive", "inconclusive", "d"),
    number("per hour", "per_hour", ".1f"),
    number("at most (95 %)", "per_hour_upper", ".0f"),
)
