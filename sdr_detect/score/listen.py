"""Runs the pipeline on a scene and keeps what the scorecard needs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdr_detect.catalog import profiles
from sdr_detect.events import BurstEvent, Event, TrackEvent, Verdict
from sdr_detect.model import Burst, IQBlock, Track
from sdr_detect.pipeline import Pipeline
from sdr_detect.profiles.schema import Profile
from sdr_detect.score.scenes import Mapped, drawn
from sdr_detect.settings import Settings
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.scene import Scene, parse_scene

#: Tracks that can be a terminal's wideband emission.
TERMINAL_KINDS = frozenset({"burst", "fold", "preamble", "activity"})

#: Chance at which the detectors of weak signals report a track while the Pd
#: curves are measured: above the largest Pfa that is counted.
OPEN_PFA = 1e-2


@dataclass(slots=True)
class Heard:
    """What the pipeline said about one stream."""

    tracks: list[Track] = field(default_factory=list)
    bursts: list[Burst] = field(default_factory=list)
    verdict: Verdict | None = None

    def take(self, events: Iterable[Event]) -> None:
        """Keep what matters."""
        for event in events:
            if isinstance(event, TrackEvent):
                self.tracks.append(event.track)
            elif isinstance(event, BurstEvent):
                self.bursts.append(event.burst)
            elif isinstance(event, Verdict):
                self.verdict = event

    def pfa(self, kinds: frozenset[str] | None = TERMINAL_KINDS) -> float:
        """Smallest chance stated on a track of those kinds; 1 without one."""
        return smallest_pfa(self.tracks, kinds)

    def named(self, system: str) -> bool:
        """Whether the verdict is `detected` with that system."""
        verdict = self.verdict
        return verdict is not None and verdict.verdict == "detected" and verdict.system == system

    def claim(self, present: str | None) -> list[tuple[float, bool]]:
        """(confidence, right) of a `detected` verdict, else nothing."""
        verdict = self.verdict
        if verdict is None or verdict.verdict != "detected":
            return []
        return [(verdict.confidence, present is not None and verdict.system == present)]


def smallest_pfa(tracks: Iterable[Track], kinds: frozenset[str] | None = TERMINAL_KINDS) -> float:
    """Smallest chance stated on a track of those kinds; 1 without one."""
    return min((t.pfa for t in tracks if kinds is None or t.kind in kinds), default=1.0)


@functools.cache
def known_profiles() -> tuple[Profile, ...]:
    """The profiles that are shipped."""
    return profiles()


def make_scene(data: Mapped, seed: int) -> Scene:
    """The scene of one trial: everything left open is drawn from ``seed``."""
    filled = drawn(data, seed)
    filled["scene"]["seed"] = seed
    return parse_scene(filled)


def hear(stream: Iterable[IQBlock], settings: Settings | None = None) -> Heard:
    """Run the pipeline over a stream."""
    return hear_each(((block,) for block in stream), 1, settings)[0]


def hear_each(
    streams: Iterable[Sequence[IQBlock]], count: int, settings: Settings | None = None
) -> list[Heard]:
    """Run ``count`` pipelines side by side over streams cut alike."""
    pipelines = [Pipeline(known_profiles(), settings) for _ in range(count)]
    heard = [Heard() for _ in range(count)]
    for parallel in streams:
        for pipeline, result, block in zip(pipelines, heard, parallel, strict=True):
            result.take(pipeline.process(block))
    for pipeline, result in zip(pipelines, heard, strict=True):
        result.take(pipeline.finish())
    return heard


def at_levels(data: Mapped, seed: int, cn_db: Sequence[float]) -> Iterator[Sequence[IQBlock]]:
    """One scene at several levels of its first emitter, with the same noise.

    A receiver without faults is linear, so its noise and the emission are
    rendered once and added at each level; the samples equal those rendered at
    that level to single precision. Any other receiver is rendered at each.
    """
    if _linear(data):
        return _added(data, seed, cn_db)
    streams = [blocks(make_scene(_at(data, level), seed)) for level in cn_db]
    return zip(*streams, strict=True)


def _at(data: Mapped, cn_db: float) -> Mapped:
    first, *others = data["emitter"]
    return {**data, "emitter": [{**first, "cn_db": cn_db}, *others]}


def _linear(data: Mapped) -> bool:
    faults = {"dc_dbfs", "spurs", "iq_image_db", "losses", "agc_steps"}
    receiver = data["receiver"]
    return receiver["datatype"] == "cf32_le" and not faults & receiver.keys()


def _added(data: Mapped, seed: int, cn_db: Sequence[float]) -> Iterator[Sequence[IQBlock]]:
    everything = make_scene(_at(data, 0.0), seed)
    rest = everything.model_copy(update={"emitter": ()})
    if len(everything.emitter) != 1:
        raise ValueError("levels are added for one emitter only")
    gains = [np.float32(10 ** (level / 20) - 1) for level in cn_db]
    for quiet, both in zip(blocks(rest), blocks(everything), strict=True):
        emission = both.samples - quiet.samples
        # Both at 0 dB already holds the emission once.
        yield [
            IQBlock(both.info, both.first_sample, both.samples + gain * emission, both.lost_before)
            for gain in gains
        ]


def open_settings(pfa: float = OPEN_PFA) -> Settings:
    """Settings under which weak signals are reported from a larger chance on."""
    values: dict[str, Any] = {
        name: {"pfa": pfa} for name in ("fold", "preamble") if name in Settings.model_fields
    }
    return Settings.model_validate(values)
