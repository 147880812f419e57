"""Streams for the tests of the core: noise, scenes, blocks and what comes out."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from sdr_detect.catalog import profiles
from sdr_detect.dsp.dwell import DwellBuffer
from sdr_detect.dsp.layout import make_layout
from sdr_detect.dsp.stft import Analyser, Dwell
from sdr_detect.events import BurstEvent, Event, to_json
from sdr_detect.model import Burst, ComplexArray, IQBlock, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.profiles.schema import Profile
from sdr_detect.settings import FrameSettings, Settings
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.scene import parse_scene

#: Middle of the fourth terminal channel.
KU_HZ = 14.21875e9


def stream_info(rate_hz: float = 2.4e6, **changes: Any) -> StreamInfo:
    """A stream in the terminals' band whose passband is 80 % of its rate."""
    keys: dict[str, Any] = {"center_hz": KU_HZ, "usable_hz": 0.8 * rate_hz, **changes}
    return StreamInfo("test", rate_hz, **keys)


def noise(count: int, seed: int, power: float = 1.0) -> ComplexArray:
    """White Gaussian noise of that mean |x|²."""
    draw = np.random.default_rng(seed).standard_normal(2 * count, np.float32)
    samples: ComplexArray = draw.view(np.complex64)
    samples *= np.float32(np.sqrt(power / 2))
    return samples


def band_noise(count: int, seed: int, low: float, high: float, power: float = 1.0) -> ComplexArray:
    """Gaussian noise of that mean |x|² between two frequencies in cycles per sample."""
    spectrum = np.fft.fft(noise(count, seed).astype(complex))
    inside = (np.fft.fftfreq(count) >= low) & (np.fft.fftfreq(count) < high)
    shaped = np.fft.ifft(np.where(inside, spectrum, 0))
    return np.asarray(shaped * np.sqrt(power / np.mean(np.abs(shaped) ** 2)), np.complex64)


def one_block(samples: ComplexArray, info: StreamInfo | None = None) -> list[IQBlock]:
    """The whole stream in one block. The block holds a copy."""
    return [IQBlock(info or stream_info(), 0, samples.copy())]


def cut_stream(
    info: StreamInfo,
    samples: ComplexArray,
    gaps: Sequence[tuple[int, int]],
    cuts: Iterable[int],
) -> list[IQBlock]:
    """Blocks between cuts, the gaps taken out and declared. Gaps must not touch the end."""
    stream = []
    position = lost = 0
    wanted = sorted(set(cuts))
    for start, stop in [*sorted(gaps), (len(samples), len(samples))]:
        edges = [position, *(c for c in wanted if position < c < start), start]
        for a, b in itertools.pairwise(edges):
            if a < b:
                stream.append(IQBlock(info, a, samples[a:b].copy(), lost))
                lost = 0
        lost += stop - start
        position = stop
    return stream


def events(
    stream: Iterable[IQBlock],
    settings: Settings | None = None,
    known: Sequence[Profile] | None = None,
) -> list[Event]:
    """Everything the pipeline says about a stream."""
    pipeline = Pipeline(all_profiles() if known is None else known, settings)
    found = [event for block in stream for event in pipeline.process(block)]
    return found + pipeline.finish()


def bursts(stream: Iterable[IQBlock], settings: Settings | None = None) -> list[Burst]:
    """Bursts found in a stream."""
    return [e.burst for e in events(stream, settings, ()) if isinstance(e, BurstEvent)]


def as_json(found: Iterable[Event], kind: str | None = None) -> list[dict[str, Any]]:
    """Events in their JSON form, all or those of one type."""
    lines = [to_json(event) for event in found]
    return [line for line in lines if kind is None or line["type"] == kind]


def dwells(samples: ComplexArray, info: StreamInfo) -> Iterator[Dwell]:
    """Analysed dwells of a stream without gaps, whole ones only."""
    layout = make_layout(info, FrameSettings())
    buffer, analyser = DwellBuffer(layout), Analyser(layout)
    for raw in buffer.push(IQBlock(info, 0, samples.copy())):
        yield analyser.analyse(raw, info)


def rendered(
    *emitters: dict[str, Any], duration_s: float, seed: int = 7, **receiver: Any
) -> list[IQBlock]:
    """Blocks of a simulated scene, float samples unless the receiver says otherwise."""
    defaults = {"sample_rate_hz": 2.4e6, "rf_center_hz": KU_HZ, "datatype": "cf32_le"}
    data = {
        "scene": {"title": "test", "seed": seed, "duration_s": duration_s},
        "receiver": {**defaults, **receiver},
        "emitter": list(emitters),
    }
    return list(blocks(parse_scene(data)))


@functools.cache
def all_profiles() -> tuple[Profile, ...]:
    """The profiles that are shipped."""
    return profiles()
