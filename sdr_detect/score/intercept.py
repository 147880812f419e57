"""Sweeps over a hopping terminal: the stated probability of intercept against what is found.

Two things are compared with it. That a whole burst was *met*, in terminals that the
simulator's own schedule draws, needs no samples and is counted over thousands of
sessions; that it was *detected* is counted over fewer, through renderer and pipeline.
Where both are known in one session, their difference varies far less than either: the
mean difference, added to the share met of all, tells the share detected much better than
the few sessions alone (a control variate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sdr_detect.events import Incident
from sdr_detect.pipeline import Pipeline
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import Heard, known_profiles
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.score.touring import DWELL_S, RATE_HZ, SETTLE_S, hopping_terminal, stays, tour
from sdr_detect.settings import Settings
from sdr_detect.simulate.render import stream_info
from sdr_detect.simulate.scene import Scene, parse_scene
from sdr_detect.simulate.waveforms import waveforms
from sdr_detect.watched import Stay

NAME = "intercept"

_CN_DB = 8.0

#: Strategy, length (s), whether it ends at the first find, trials full and quick.
_CASES: tuple[tuple[str, float, bool, int, int], ...] = (
    ("park", 1.0, False, 200, 4),
    ("comb", 0.45, False, 400, 6),
    ("scan", 5.0, False, 40, 0),
    ("hop", 7.5, False, 40, 0),
    ("comb", 60.0, True, 40, 6),
    ("scan", 60.0, True, 24, 0),
)

#: The verdict so far is looked at after every stay.
_SETTINGS = Settings.model_validate({"verdict": {"look_s": DWELL_S}})

#: For each session that is heard so many are drawn besides.
_DRAWN = 20

#: Two-sided, 95 %.
_SIGMAS = 1.96


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
    for strategy, length_s, to_first, full, quick in _CASES:
        aim = "to the first find" if to_first else f"{length_s:g} s"
        case = Case(f"{strategy}, {aim}", strategy, length_s, to_first)
        cost_s = (12.0 if strategy == "scan" else 1.0) if to_first else length_s
        made += make_jobs(plan, NAME, case.name, case, plan.count(full, quick), cost_s)
    return made


def run(job: Job) -> Result:
    """One session: an always active terminal, drawn channels, a drawn part of the slot."""
    case: Case = job.case
    scene = _scene(job.seed, case.length_s)
    pipeline, heard = Pipeline(known_profiles(), _SETTINGS), Heard()
    for block in tour(scene, case.strategy, case.length_s):
        events = pipeline.process(block)
        heard.take(events)
        if case.to_first and any(isinstance(e, Incident) and e.reason == "alert" for e in events):
            return {"first_s": block.first_sample / RATE_HZ, "claims": []}
    heard.take(pipeline.finish())
    if case.to_first:
        return {"first_s": None, "claims": []}
    others = [
        _scene(int(seed), case.length_s)
        for seed in np.random.default_rng(job.seed).integers(1 << 62, size=_DRAWN)
    ]
    met = [is_met(other, _stays(case, other)) for other in others]
    return {
        "found": heard.named("starlink"),
        "met": is_met(scene, _stays(case, scene)),
        "drawn": len(met),
        "drawn_met": sum(met),
        "poi": 0.0 if heard.verdict is None else heard.verdict.poi,
        "claims": [],
    }


def _stays(case: Case, scene: Scene) -> list[Stay]:
    return stays(stream_info(scene), case.strategy, case.length_s)


def is_met(scene: Scene, listened: list[Stay]) -> bool:
    """Whether a whole burst of the scene's terminal fell into a stay in its channel."""
    emitter = scene.emitter[0]
    made = waveforms()[emitter.kind].emissions(emitter, scene.context(0, scene.scene.seed))
    touched = hopping_terminal().touched
    channels = [touched(*stay.range_hz) for stay in listened]
    return any(
        emission.note is not None
        and emission.note.facts["channel"] in heard
        and stay.start_s <= emission.note.start_s
        and emission.note.stop_s <= stay.stop_s
        for emission in made
        for stay, heard in zip(listened, channels, strict=True)
    )


def _scene(seed: int, length_s: float) -> Scene:
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=float(rng.uniform(0, 15)))
    head: dict[str, Any] = {"title": NAME, "seed": seed, "duration_s": length_s + 1}
    receiver = {"sample_rate_hz": RATE_HZ, "rf_center_hz": 14.22e9, "datatype": "cf32_le"}
    terminal = {
        "kind": "starlink_uplink",
        "channel": int(rng.integers(8)),
        "hop_channels": list(range(8)),
        # As the model has it: spacings of 5 to 14 frames, each as likely.
        "frames": list(range(5, 15)),
        "duty_limit": 0.13,
        "cn_db": _CN_DB,
    }
    scene = {"scene": {**head, "start_utc": start}, "receiver": receiver, "emitter": [terminal]}
    return parse_scene(scene)


def tables(plan: Plan, results: Results) -> list[Table]:
    """Stated against observed; time to the first find."""
    groups = grouped(results)
    stated = tuple(_stated(case, found) for case, found in groups if not case.to_first)
    first = tuple(_first(case, found) for case, found in groups if case.to_first)
    notes: tuple[str, ...] = (
        f"A terminal that is always on at {_CN_DB:g} dB and hops over eight channels; "
        f"{RATE_HZ / 1e6:g} Msps, stops of {DWELL_S:g} s, {SETTLE_S * 1e3:g} ms lost at each "
        "retune. Stated is the verdict's own poi.",
        "Met: a whole burst fell into a stay in its channel, in so many drawn schedules without "
        "samples. Share detected: that, and the mean difference between detected and met in the "
        "trials that were heard; its 95 % hold the scatter of both.",
    )
    if plan.quick:
        notes += ("Quick run: few trials, no scan.",)
    made = []
    if stated:
        title = "Probability of intercept against detections"
        made.append(Table(NAME, title, _STATED, stated, notes))
    if first:
        made.append(Table("first_find", "Time to the first find (s)", _FIRST, first))
    return made


def _stated(case: Case, found: list[Result]) -> dict[str, Any]:
    trials, drawn = len(found), sum(r["drawn"] for r in found)
    met = sum(r["drawn_met"] for r in found) / drawn
    differences = [int(r["found"]) - int(r["met"]) for r in found]
    mean = sum(differences) / trials
    # One more that differs keeps few trials that all agree from looking like a proof.
    scatter = (sum(d * d for d in differences) + 1) / (trials + 1) - mean**2
    error = math.sqrt(met * (1 - met) / drawn + max(scatter, 0.0) / trials)
    share = met + mean
    return {
        "strategy": case.strategy,
        "length_s": case.length_s,
        "poi": sum(r["poi"] for r in found) / trials,
        "drawn": drawn,
        "met": met,
        "trials": trials,
        "found": sum(bool(r["found"]) for r in found),
        "missed": sum(d < 0 for d in differences),
        "unmet": sum(d > 0 for d in differences),
        "detected": share,
        "interval": [max(0.0, share - _SIGMAS * error), min(1.0, share + _SIGMAS * error)],
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


_STATED = (
    text("strategy", "strategy"),
    number("length (s)", "length_s", ".2f"),
    number("stated", "poi", ".3f"),
    number("drawn", "drawn", "d"),
    number("met", "met", ".3f"),
    number("trials", "trials", "d"),
    number("met, not detected", "missed", "d"),
    number("detected, not met", "unmet", "d"),
    number("share detected", "detected", ".3f"),
    interval("95 %", "interval", ".3f"),
)
_FIRST = (
    text("strategy", "strategy"),
    number("trials", "trials", "d"),
    number("not found", "not_found", "d"),
    number("mean", "mean_s", ".2f"),
    number("± standard error", "error_s", ".2f"),
)
