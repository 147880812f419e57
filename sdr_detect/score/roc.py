"""Blank against terminal: the area under the ROC, and what blank data state of themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.listen import TERMINAL_KINDS, hear, make_scene, open_settings
from sdr_detect.score.scenes import Mapped, clean_receiver, grid_terminal, scene
from sdr_detect.score.statistics import auc, clopper_pearson, roc
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.simulate.render import blocks

NAME = "roc"

_RATE_HZ = 2.4e6
_DURATION_S = 0.1
_CN_DB = -14.0
_TARGET = 0.985

#: Trials of each class, full and quick.
_TRIALS = (200, 30)

_COST_S = 0.15

#: Chance from which weak signals are reported here: nearly always, so that blank
#: stretches are ranked too.
_REPORTED_PFA = 0.99

#: Stated chances whose share on blank data is counted.
_STATED = (1e-2, 1e-3)

#: What counts: any track of the wideband detectors, and those that look for
#: weak signals alone.
_KINDS = {"any": TERMINAL_KINDS, "fold": frozenset({"fold"}), "preamble": frozenset({"preamble"})}


@dataclass(frozen=True, slots=True)
class Case:
    """One of the two classes."""

    name: str
    scene: Mapped


def cases() -> tuple[Case, Case]:
    """Blank, and a terminal on the grid."""
    receiver = clean_receiver(_RATE_HZ)
    return (
        Case("blank", scene("blank", _DURATION_S, receiver)),
        Case("terminal", scene("terminal", _DURATION_S, receiver, grid_terminal(cn_db=_CN_DB))),
    )


def jobs(plan: Plan) -> list[Job]:
    """Trials of both classes."""
    trials = plan.count(*_TRIALS)
    return [
        job for case in cases() for job in make_jobs(plan, NAME, case.name, case, trials, _COST_S)
    ]


def run(job: Job) -> Result:
    """The smallest chance stated on one stretch."""
    heard = hear(blocks(make_scene(job.case.scene, job.seed)), open_settings(_REPORTED_PFA))
    present = None if job.case.name == "blank" else "starlink"
    return {
        "pfa": {name: heard.pfa(kinds) for name, kinds in _KINDS.items()},
        "claims": heard.claim(present),
    }


def tables(plan: Plan, results: Results) -> list[Table]:
    """Area under the curve, and how often blank data reach a stated chance."""
    rows = []
    for kind in _KINDS:
        blank, signal = _statistics(results, kind)
        area, lower, upper = auc(blank, signal)
        rows.append(
            {
                "kinds": kind,
                "blank_trials": len(blank),
                "terminal_trials": len(signal),
                "auc": area,
                "auc_interval": [lower, upper],
                "target": _TARGET if kind == "any" else None,
                "curve": roc(blank, signal),
                **_reached(blank),
            }
        )
    notes = [
        f"{_DURATION_S:g} s at {_RATE_HZ / 1e6:g} Msps, terminal on the grid at {_CN_DB:g} dB. "
        "Statistic: -log10 of the smallest pfa over the tracks; a stretch without a track "
        "scores 0, and ties count half.",
        "The last two columns are the shares of blank stretches on which a chance of that size "
        "or less was stated; `any` looks with three detectors and may reach three times it.",
    ]
    if plan.quick:
        notes.append("Quick run: too few trials to tell a chance of 1e-3.")
    return [Table(NAME, "Blank against terminal (ROC)", _COLUMNS, tuple(rows), tuple(notes))]


def _statistics(results: Results, kind: str) -> tuple[list[float], list[float]]:
    values: dict[str, list[float]] = {"blank": [], "terminal": []}
    for job, result in results:
        values[job.case.name].append(-math.log10(result["pfa"][kind]))
    return values["blank"], values["terminal"]


def _reached(blank: Sequence[float]) -> dict[str, object]:
    found: dict[str, object] = {}
    for chance in _STATED:
        hits = sum(value >= -math.log10(chance) for value in blank)
        found[f"blank_at_{chance:g}"] = hits / len(blank)
        found[f"blank_at_{chance:g}_interval"] = clopper_pearson(hits, len(blank))
    return found


_COLUMNS = (
    text("tracks", "kinds"),
    number("blank", "blank_trials", "d"),
    number("terminal", "terminal_trials", "d"),
    number("AUC", "auc", ".3f"),
    interval("95 %", "auc_interval", ".3f"),
    number("target", "target", ".3f"),
    number("blank ≤ 1e-2", "blank_at_0.01", ".3f"),
    interval("95 %", "blank_at_0.01_interval", ".3f"),
    number("blank ≤ 1e-3", "blank_at_0.001", ".3f"),
    interval("95 %", "blank_at_0.001_interval", ".3f"),
)
