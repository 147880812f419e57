"""Sweeps over a hopping terminal: the stated probability of intercept against what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sdr_detect.catalog import profile
from sdr_detect.events import TrackEvent
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.plan import FrequencyPlan
from sdr_detect.ports import Overflow
from sdr_detect.scan.plan import Receiver, comb_stops, scan_stops
from sdr_detect.scan.strategy import Cycle, Hop, Strategy
from sdr_detect.scan.terminal import terminal_model
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import Heard, known_profiles
from sdr_detect.score.statistics import clopper_pearson
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.simulate.render import stream_info
from sdr_detect.simulate.retune import RetunedScene
from sdr_detect.simulate.scene import Scene, parse_scene
from sdr_detect.tour import TouringSource

NAME = "intercept"

_RATE_HZ, _DWELL_S, _SETTLE_S, _CN_DB = 2.4e6, 0.1, 0.008, 8.0
_BLOCK = 1 << 15

#: Strategy, length (s), whether it ends at the first find, trials full and quick.
_CASES: tuple[tuple[str, float, bool, int, int], ...] = (
    ("park", 1.0, False, 60, 4),
    ("comb", 0.45, False, 60, 6),
    ("scan", 5.0, False, 24, 0),
    ("hop", 7.5, False, 24, 0),
    ("comb", 60.0, True, 40, 6),
    ("scan", 60.0, True, 24, 0),
)


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
    source = TouringSource(_SceneSource(scene), _strategy(case.strategy), case.length_s)
    pipeline, heard = Pipeline(known_profiles()), Heard()
    for block in source.blocks():
        assert isinstance(block, IQBlock)
        events = pipeline.process(block)
        heard.take(events)
        if case.to_first and any(_finds(e) for e in events if isinstance(e, TrackEvent)):
            return {"first_s": block.first_sample / _RATE_HZ, "claims": []}
    heard.take(pipeline.finish())
    poi = 0.0 if heard.verdict is None else heard.verdict.poi
    return {"found": heard.named("starlink"), "poi": poi, "first_s": None, "claims": []}


def _finds(event: TrackEvent) -> bool:
    best = event.track.matches[0] if event.track.matches else None
    return best is not None and best.profile == "starlink_uplink" and best.score > 0.9


def _scene(seed: int, length_s: float) -> Scene:
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=float(rng.uniform(0, 15)))
    head: dict[str, Any] = {"title": NAME, "seed": seed, "duration_s": length_s + 1}
    receiver = {"sample_rate_hz": _RATE_HZ, "rf_center_hz": 14.22e9, "datatype": "cf32_le"}
    terminal = {
        "kind": "starlink_uplink",
        "channel": int(rng.integers(8)),
        "hop_channels": list(range(8)),
        "cn_db": _CN_DB,
    }
    scene = {"scene": {**head, "start_utc": start}, "receiver": receiver, "emitter": [terminal]}
    return parse_scene(scene)


def _strategy(name: str) -> Strategy:
    model = terminal_model(profile("starlink_uplink"))
    assert model is not None
    receiver = Receiver(_RATE_HZ, 0.8 * _RATE_HZ, FrequencyPlan(), _SETTLE_S)
    if name == "scan":
        stops = scan_stops([(14.0e9, 14.5e9)], model.channels_hz, receiver, _DWELL_S)
        return Cycle(stops)
    comb = comb_stops(model.channels_hz, receiver, _DWELL_S)
    if name == "park":
        return Cycle([replace(comb[3], dwell_s=float("inf"))])
    return Hop(comb, _SETTLE_S) if name == "hop" else Cycle(comb)


class _SceneSource:
    """A scene as a tunable source."""

    overflow = Overflow.BLOCK

    def __init__(self, scene: Scene) -> None:
        self.info: StreamInfo = stream_info(scene)
        self._tuned = RetunedScene(scene, None, 0, _SETTLE_S)

    def retune(self, rf_hz: float) -> None:
        self._tuned.retune(rf_hz)

    def blocks(self) -> Iterator[IQBlock]:
        while (block := self._tuned.read(_BLOCK)) is not None:
            yield block

    def close(self) -> None:
        pass


def tables(plan: Plan, results: Results) -> list[Table]:
    """Stated against observed; time to the first find."""
    stated, first = [], []
    for case, found in grouped(results):
        if case.to_first:
            times = [r["first_s"] for r in found if r["first_s"] is not None]
            first.append(
                {
                    "strategy": case.strategy,
                    "trials": len(found),
                    "not_found": len(found) - len(times),
                    "mean_s": float(np.mean(times)) if times else None,
                    "error_s": float(np.std(times) / len(times) ** 0.5) if times else None,
                }
            )
            continue
        count = sum(bool(r["found"]) for r in found)
        stated.append(
            {
                "strategy": case.strategy,
                "length_s": case.length_s,
                "trials": len(found),
                "poi": float(np.mean([r["poi"] for r in found])),
                "detected": count / len(found),
                "interval": clopper_pearson(count, len(found)),
            }
        )
    notes: tuple[str, ...] = (
        f"A terminal that is always on at {_CN_DB:g} dB and hops over eight channels; 2.4 Msps, "
        f"stops of {_DWELL_S:g} s, {_SETTLE_S * 1e3:g} ms lost at each retune. Stated is the "
        "verdict's own poi.",
    )
    if plan.quick:
        notes += ("Quick run: few trials, no scan.",)
    made = []
    if stated:
        made.append(
            Table(
                NAME, "Probability of intercept against detections", _STATED, tuple(stated), notes
            )
        )
    if first:
        made.append(Table("first_find", "Time to the first find (s)", _FIRST, tuple(first), ()))
    return made


_STATED = (
    text("strategy", "strategy"),
    number("length (s)", "length_s", ".2f"),
    number("trials", "trials", "d"),
    number("stated", "poi", ".3f"),
    number("detected", "detected", ".3f"),
    interval("95 %", "interval", ".2f"),
)
_FIRST = (
    text("strategy", "strategy"),
    number("trials", "trials", "d"),
    number("not found", "not_found", "d"),
    number("mean", "mean_s", ".2f"),
    number("± standard error", "error_s", ".2f"),
)
