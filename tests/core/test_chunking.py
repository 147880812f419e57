"""The same events however the stream is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.events import Verdict
from sdr_detect.model import ComplexArray, IQBlock, StreamInfo
from sdr_detect.settings import Settings, VerdictSettings
from tests.core.streams import as_json, cut_stream, events, noise, rendered, stream_info

Whole = tuple[StreamInfo, ComplexArray, list[tuple[int, int]]]

#: 0.35 s in which most stages have something to do.
EMITTERS: list[dict[str, Any]] = [
    {"kind": "starlink_uplink", "cn_db": 12.0},
    {"kind": "vsat_scpc", "offset_hz": -3e5, "symbol_rate_hz": 60e3, "cn_db": 15.0},
    {"kind": "tone", "offset_hz": 2.2e5, "cn_db": 12.0, "doppler_rate_hz_per_s": 2e3},
    {"kind": "gsm", "offset_hz": 3.1e5, "cn_db": 20.0},
]
FAULTS: dict[str, Any] = {
    "sample_rate_hz": 1.2e6,
    "agc_steps": [{"time_s": 0.25, "gain_db": 4.0}],
    "losses": [{"time_s": 0.32, "count": 901}],
}
#: Looks in every dwell, so that alerts come into it.
LOOKING = Settings(verdict=VerdictSettings(look_s=0.1))
REPEATABLE = settings(max_examples=10, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def whole() -> Whole:
    """A busy stream of 0.35 s: its samples on the stream's own index, and its gap."""
    made = rendered(*EMITTERS, duration_s=0.35, **FAULTS)
    samples = np.zeros(made[-1].stop_sample, np.complex64)
    for block in made:
        samples[block.first_sample : block.stop_sample] = block.samples
    samples[100_000:100_003] = np.nan
    samples[120_000:121_000] = 0
    gaps = [(b.first_sample - b.lost_before, b.first_sample) for b in made if b.lost_before]
    return made[0].info, samples, gaps


@pytest.fixture(scope="module")
def expected(whole: Whole) -> list[dict[str, Any]]:
    """What is said of the stream in one piece."""
    return as_json(events(cut_stream(*whole, []), LOOKING))


def test_the_reference_stream_exercises_every_kind_of_event(
    expected: list[dict[str, Any]],
) -> None:
    assert {"burst", "track", "gap", "health", "verdict"} <= {line["type"] for line in expected}
    reasons = {line.get("reason") for line in expected}
    assert {"lost_samples", "exact_zeros", "non_finite", "gain_step"} <= reasons
    assert {"burst", "carrier", "tone"} <= {t["kind"] for t in expected if t["type"] == "track"}
    assert expected[-1]["type"] == "verdict"
    assert sum(line["type"] == "burst" for line in expected) > 20


@REPEATABLE
@given(data=st.data())
def test_cutting_changes_no_event(
    data: st.DataObject, whole: Whole, expected: list[dict[str, Any]]
) -> None:
    total = len(whole[1])
    cuts = data.draw(st.lists(st.integers(1, total - 1), max_size=40), label="cuts")
    assert as_json(events(cut_stream(*whole, cuts), LOOKING)) == expected


@pytest.mark.parametrize("size", [997, 4096, 131_072])
def test_equal_blocks_change_no_event(
    size: int, whole: Whole, expected: list[dict[str, Any]]
) -> None:
    cuts = range(size, len(whole[1]), size)
    assert as_json(events(cut_stream(*whole, cuts), LOOKING)) == expected


def test_single_samples_change_no_event() -> None:
    info = stream_info(250e3)
    samples = noise(12_000, 3)
    samples[5000:5300] *= 8
    whole = as_json(events(cut_stream(info, samples, [], [])))
    got = as_json(events(cut_stream(info, samples, [], range(1, len(samples)))))
    assert got == whole
    assert [line["type"] for line in whole].count("burst") == 1


@st.composite
def gap_lists(draw: st.DrawFn, total: int) -> list[tuple[int, int]]:
    """Up to four gaps of any length that touch neither each other nor the ends."""
    edges = sorted(draw(st.sets(st.integers(1, total - 1), max_size=8)))
    return list(zip(edges[::2], edges[1::2], strict=False))


@REPEATABLE
@given(data=st.data())
def test_cutting_changes_no_event_with_gaps(data: st.DataObject, whole: Whole) -> None:
    info, samples, _ = whole
    gaps = data.draw(gap_lists(len(samples)), label="gaps")
    cuts = data.draw(st.lists(st.integers(1, len(samples) - 1), max_size=30), label="cuts")
    plain = as_json(events(cut_stream(info, samples, gaps, []), LOOKING))
    got = as_json(events(cut_stream(info, samples, gaps, cuts), LOOKING))
    assert got == plain
    said = [line for line in got if line.get("reason") == "lost_samples"]
    assert [(g["start_sample"], g["sample_count"]) for g in said] == [(a, b - a) for a, b in gaps]
    lost = sum(b - a for a, b in gaps)
    assert got[-1]["blind_s"] * info.sample_rate_hz >= lost - 1e-3


def test_empty_blocks_change_no_event(whole: Whole) -> None:
    info = whole[0]
    plain = cut_stream(*whole, [50_000])
    empty = np.zeros(0, np.complex64)
    padded = [IQBlock(info, 0, empty)]
    for block in plain:
        padded += [block, IQBlock(info, block.stop_sample, empty)]
    assert as_json(events(padded)) == as_json(events(plain))


def test_a_stream_may_start_at_any_index(whole: Whole) -> None:
    info, samples, _ = whole
    late, half, total = 7_000_000_123, 77_777, 200_000
    got = events([IQBlock(info, late, samples[:total].copy())])
    again = events(
        [
            IQBlock(info, late, samples[:half].copy()),
            IQBlock(info, late + half, samples[half:total].copy()),
        ]
    )
    assert as_json(got) == as_json(again)
    found = as_json(got, "burst")
    assert len(found) > 5
    assert all(late <= b["start_sample"] < late + total for b in found)
    verdict = got[-1]
    assert isinstance(verdict, Verdict)
    assert verdict.analysed_s * info.sample_rate_hz == rough(total - 1000)


def rough(samples: float) -> Any:
    """Within two per cent: a fault spoils the frames it touches."""
    return pytest.approx(samples, rel=0.02)
