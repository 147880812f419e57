"""State that stays flat over hours, and caps that say so when they are reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sdr_detect.events import Event
from sdr_detect.model import Flag, IQBlock, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import (
    BurstSettings,
    CarrierSettings,
    FrameSettings,
    Settings,
    TrackSettings,
)
from tests.core.streams import KU_HZ, all_profiles, as_json, events, noise, one_block, stream_info

RATE_HZ = 8e3
INFO = StreamInfo("test", RATE_HZ, KU_HZ, clip_level=9.0)

#: Small caps, so that hours at 8 kHz reach what months would.
SMALL = Settings(
    frames=FrameSettings(dwell_s=1.0),
    tracks=TrackSettings(max_tracks=8, max_bursts_kept=64),
    carrier=CarrierSettings(max_carriers=4),
)


def held(root: object) -> tuple[int, int]:
    """Elements of containers and bytes of arrays reachable from an object."""
    seen: set[int] = set()
    todo: list[Any] = [root]
    elements = size = 0
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, (type, str, bytes)):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            size += one.nbytes
            todo += [one.base] if one.base is not None else []
        elif isinstance(one, dict):
            elements += len(one)
            todo += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            elements += len(one)
            todo += list(one)
        else:
            todo += list(getattr(one, "__dict__", {}).values())
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            todo += [getattr(one, name) for name in slots if hasattr(one, name)]
    return elements, size


def hours(count: int) -> Iterator[IQBlock]:
    """Twelve seconds out of every quarter of an hour: bursts, a carrier, some faults."""
    size = round(12 * RATE_HZ)
    turn = np.exp(2j * np.pi * 0.21 * np.arange(size)).astype(np.complex64)
    position = 0
    for k in range(4 * count):
        rng = np.random.default_rng(k)
        samples = noise(size, k) + turn
        for start in rng.integers(0, size - 4000, 40):
            length = int(rng.choice([80, 400, 2000]))
            shift = np.exp(2j * np.pi * rng.uniform(-0.5, 0.5) * np.arange(length))
            samples[start : start + length] += np.complex64(8) * shift.astype(np.complex64)
        samples[5000:6000] = 0
        samples[9000] = np.nan
        lost = round(888 * RATE_HZ) if k else 0
        position += lost
        yield IQBlock(INFO, position, samples, lost)
        position += size


def test_hours_leave_no_trace_in_memory() -> None:
    pipeline = Pipeline(all_profiles()[:3], SMALL)
    sizes = []
    for k, block in enumerate(hours(16)):
        assert len(pipeline.process(block)) > 20  # there is something to forget
        if k % 8 == 7:
            sizes.append(held(pipeline))
    elements, arrays = np.array(sizes).T
    # Filled to the caps after some hours, flat from then on: what grew with time would
    # have gained a third.
    assert max(elements[6:]) <= 1.15 * max(elements[3:6])
    assert max(arrays[6:]) <= 1.15 * max(arrays[3:6])


def test_reached_caps_are_told() -> None:
    pipeline = Pipeline((), SMALL)
    found: list[Event] = [e for block in hours(2) for e in pipeline.process(block)]
    found += pipeline.finish()
    reasons = [line["reason"] for line in as_json(found, "health")]
    assert "tracks_capped" in reasons
    tracks = as_json(found, "track")
    # A track that has been silent for long makes room; what is told of stays true.
    assert sum(t["burst_count"] for t in tracks) <= len(as_json(found, "burst"))


def test_a_track_with_more_bursts_than_are_kept_says_so() -> None:
    samples = noise(round(20 * RATE_HZ), 4)
    for start in range(1000, samples.size - 1000, 1000):
        samples[start : start + 100] *= 6
    found = as_json(events(one_block(samples, INFO), SMALL, ()))
    bursts = sum(line["type"] == "burst" for line in found)
    assert bursts > 130
    track = max((t for t in found if t["type"] == "track"), key=lambda t: t["burst_count"])
    assert track["burst_count"] > 64
    assert Flag.CAPPED.value in track["flags"]


def test_many_retunes_leave_no_trace_in_memory() -> None:
    pipeline = Pipeline(all_profiles()[:3], SMALL)
    arrays = []
    for k in range(450):
        info = StreamInfo("test", RATE_HZ, KU_HZ + 1e6 * (k % 5))
        samples = noise(2000, k)
        samples[1000:1400] *= 10
        pipeline.process(IQBlock(info, 2000 * k, samples))
        if k % 75 == 74:
            arrays.append(held(pipeline)[1])
    # Of each epoch what it covered stays, a few numbers; of tracks the best, up to a cap.
    assert len(pipeline.snapshot().tracks) <= 300
    assert max(arrays[4:]) <= 1.1 * max(arrays[2:4])


def test_bursts_beyond_the_cap_of_a_dwell_are_counted() -> None:
    info = stream_info(2.4e6)
    samples = noise(260_000, 3)
    for start in range(10_000, 230_000, 1500):
        samples[start : start + 40] += 20
    settings = Settings(burst=BurstSettings(max_per_dwell=10))
    found = as_json(events(one_block(samples, info), settings, ()))
    assert sum(line["type"] == "burst" for line in found) <= 20
    (note,) = [line for line in found if line.get("reason") == "bursts_capped"]
    assert int(note["detail"].split()[0]) > 50


def test_many_faults_are_listed_to_a_cap_and_then_counted() -> None:
    stream = []
    for k in range(300):
        samples = noise(4000, k)
        samples[2000] = np.nan
        stream.append(IQBlock(INFO, 4000 * k, samples))
    found = as_json(events(stream, SMALL, ()), "health")
    assert sum(line["reason"] == "non_finite" for line in found) == 200
    (note,) = [line for line in found if line["reason"] == "incidents_capped"]
    assert "100" in note["detail"]


@pytest.mark.parametrize("seconds", [0.8, 2.0])
def test_a_burst_longer_than_the_longest_is_cut_and_flagged(seconds: float) -> None:
    settings = Settings(burst=BurstSettings(max_burst_s=0.05))
    samples = noise(round(250e3 * (seconds + 0.5)), 5)
    # On air for 0.08 s of every 0.8 s.
    for start in range(50_000, samples.size - 30_000, 200_000):
        samples[start : start + 20_000] *= 5
    found = as_json(events(one_block(samples, stream_info(250e3)), settings, ()), "burst")
    assert found
    assert any("truncated" in b["flags"] for b in found)
