"""A scene as a stream of samples, and the truth about it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdr_detect.model import ComplexArray, IQBlock, StreamInfo
from sdr_detect.simulate.emission import Emission
from sdr_detect.simulate.frontend import (
    HALF_TAPS,
    FrontEnd,
    clip_level,
    decode,
    encode,
    noise_block,
)
from sdr_detect.simulate.place import place
from sdr_detect.simulate.scene import Scene
from sdr_detect.simulate.waveforms import waveforms

#: Samples are made in blocks of this size on an absolute grid, so the result
#: does not depend on how a reader cuts the stream.
GRID = 1 << 17

#: Emissions are placed this long before they start: their filter ringing is
#: shorter than that.
AHEAD_S = 0.005


@dataclass(frozen=True, slots=True)
class Truth:
    """One emission that reaches the slice, in samples of the *recording*.

    ``freq_lower_hz`` and ``freq_upper_hz`` are its apparent RF edges, not cut
    to the slice. ``facts`` holds what else is known.
    """

    emitter: int
    kind: str
    name: str
    start_sample: int
    sample_count: int
    freq_lower_hz: float
    freq_upper_hz: float
    cn_db: float
    facts: dict[str, Any]


def stream_info(scene: Scene) -> StreamInfo:
    """What a source of this scene says about its stream."""
    receiver = scene.receiver
    return StreamInfo(
        stream_id=scene.scene.title,
        sample_rate_hz=receiver.sample_rate_hz,
        center_hz=receiver.rf_center_hz,
        usable_hz=receiver.filter.usable_fraction * receiver.sample_rate_hz,
        start_ns=scene.start_ns,
        clip_level=clip_level(receiver.datatype),
        plan=receiver.plan,
    )


def blocks(
    scene: Scene, seed: int | None = None, *, block_samples: int = 1 << 17
) -> Iterator[IQBlock]:
    """Render a scene.

    Parameters
    ----------
    scene : Scene
    seed : int, optional
        Instead of the scene's own.
    block_samples : int
        Largest block. The samples do not depend on it.

    Yields
    ------
    IQBlock
        Quantised like the scene's datatype and scaled to full scale 1. Declared
        losses appear as ``lost_before``; others leave no trace.
    """
    if block_samples < 1:
        raise ValueError(f"block_samples {block_samples} is not positive")
    info, datatype = stream_info(scene), scene.receiver.datatype
    position, lost = 0, 0
    for samples, lost_here in _cut(_kept(scene, seed), block_samples):
        lost += lost_here
        if len(samples):
            position += lost
            coded = decode(encode(samples, datatype), datatype)
            yield IQBlock(info, position, coded, lost)
            position, lost = position + len(samples), 0


def truth(scene: Scene, seed: int | None = None) -> Iterator[Truth]:
    """Every emission that reaches the slice, in order of its start."""
    receiver, tuning = scene.receiver, scene.receiver.tuning
    half = receiver.sample_rate_hz / 2
    for index, emission in _emissions(scene, seed):
        note = emission.note
        if note is None:
            continue
        offset_hz, rate = tuning.offset(emission.carrier)
        middle_hz = offset_hz + rate * (note.start_s + note.stop_s) / 2
        edges = [note.lower_hz, note.upper_hz]
        if tuning.mirrored(emission.carrier.path):
            edges = [-note.upper_hz, -note.lower_hz]
        lower, upper = middle_hz + edges[0], middle_hz + edges[1]
        if lower >= half or upper <= -half:
            continue
        first = math.floor(note.start_s * receiver.sample_rate_hz)
        start = _recorded(scene, max(first, 0))
        stop = _recorded(scene, min(receiver.sample(note.stop_s), scene.sample_count))
        if stop <= start:
            continue
        emitter = scene.emitter[index]
        yield Truth(
            emitter=index,
            kind=emitter.kind,
            name=emitter.name or emitter.kind,
            start_sample=start,
            sample_count=stop - start,
            freq_lower_hz=receiver.rf_center_hz + lower,
            freq_upper_hz=receiver.rf_center_hz + upper,
            cn_db=emission.cn_db,
            facts={"start_s": note.start_s, "duration_s": note.stop_s - note.start_s, **note.facts},
        )


def _recorded(scene: Scene, sample: int) -> int:
    """Position in the recording of a sample of the scene, losses taken out."""
    missing = 0
    for loss in scene.receiver.losses:
        missing += min(max(sample - scene.receiver.sample(loss.time_s), 0), loss.count)
    return sample - missing


def _emissions(scene: Scene, seed: int | None) -> Iterator[tuple[int, Emission]]:
    """All emitters merged by start; at a tie the earlier emitter comes first."""
    actual = scene.scene.seed if seed is None else seed
    known = waveforms()

    def numbered(index: int) -> Iterator[tuple[int, Emission]]:
        emitter = scene.emitter[index]
        for emission in known[emitter.kind].emissions(emitter, scene.context(index, actual)):
            yield index, emission

    streams = [numbered(i) for i in range(len(scene.emitter))]
    yield from heapq.merge(*streams, key=lambda item: item[1].start_s)


def _grid_blocks(scene: Scene, seed: int | None) -> Iterator[ComplexArray]:
    """Noise and emissions through the receiver, from sample 0, endless by need."""
    receiver, tuning = scene.receiver, scene.receiver.tuning
    actual = scene.scene.seed if seed is None else seed
    rate, density = receiver.sample_rate_hz, receiver.noise_density
    front = FrontEnd(receiver)
    emissions = _emissions(scene, seed)
    upcoming = next(emissions, None)
    pending: list[tuple[int, ComplexArray]] = []
    first = -GRID  # one block ahead fills the filter
    while first - HALF_TAPS < scene.sample_count:
        block = noise_block(receiver, actual, first // GRID + 1, GRID)
        due = []
        while upcoming is not None:
            _, emission = upcoming
            if (emission.start_s - AHEAD_S) * rate >= first + GRID:
                break
            due.append(emission)
            upcoming = next(emissions, None)
        pending += [placed for placed in place(due, tuning, density) if placed is not None]
        pending = _add(pending, block, first)
        out = front.process(first, block)
        yield out[max(HALF_TAPS - first, 0) :]
        first += GRID


def _add(
    pending: list[tuple[int, ComplexArray]], block: ComplexArray, first: int
) -> list[tuple[int, ComplexArray]]:
    """Add what falls into the block; return what reaches beyond it."""
    rest = []
    for start, samples in pending:
        low, high = max(start, first), min(start + len(samples), first + len(block))
        if low < high:
            block[low - first : high - first] += samples[low - start : high - start]
        if start + len(samples) > first + len(block):
            rest.append((start, samples))
    return rest


def _kept(scene: Scene, seed: int | None) -> Iterator[tuple[ComplexArray, int]]:
    """Stretches that reached the recorder, each with the declared loss before it."""
    receiver = scene.receiver
    losses = [(receiver.sample(x.time_s), x.count, x.declared) for x in receiver.losses]
    first, declared = 0, 0
    for made in _grid_blocks(scene, seed):
        block = made[: scene.sample_count - first]
        at = 0
        for start, count, known in losses:
            low = min(max(start - first, at), len(block))
            high = min(max(start + count - first, low), len(block))
            if low < high:
                yield block[at:low], declared
                declared = high - low if known else 0
                at = high
        yield block[at:], declared
        declared = 0
        first += len(block)


def _cut(
    stretches: Iterator[tuple[ComplexArray, int]], block_samples: int
) -> Iterator[tuple[ComplexArray, int]]:
    """Blocks of ``block_samples``; shorter ones only before a loss and at the end."""
    held: list[ComplexArray] = []
    size, before = 0, 0
    for samples, lost in stretches:
        if lost:
            if size:
                yield np.concatenate(held), before
                held, size, before = [], 0, 0
            before += lost
        held.append(samples)
        size += len(samples)
        if size >= block_samples:
            joined = np.concatenate(held)
            whole = size - size % block_samples
            for at in range(0, whole, block_samples):
                yield joined[at : at + block_samples], before
                before = 0
            held, size = [joined[whole:]], size - whole
    if size:
        yield np.concatenate(held), before
