from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import catalog
from sdr_detect.model import (
    FLAG_MEANING,
    Burst,
    Detection,
    Flag,
    Frame,
    IQBlock,
    Span,
    StreamInfo,
)
from sdr_detect.plan import FrequencyPlan

START_NS = 1_780_000_000_123_456_789
FOUR_WEEKS_S = 4 * 7 * 86_400

rates = st.one_of(
    st.sampled_from([250e3, 1.92e6, 2.4e6, 15e6, 20e6, 61.44e6, 500e6, 44.1e3, 3.0]),
    st.floats(1.0, 1e9),
)


def info(**changes: Any) -> StreamInfo:
    fields: dict[str, Any] = {"stream_id": "test", "sample_rate_hz": 2.4e6}
    return StreamInfo(**(fields | changes))


def exact_ns(sample: int, rate_hz: float) -> int:
    """Nearest nanosecond by integers alone; ties go to the even one."""
    top, bottom = rate_hz.as_integer_ratio()
    whole, rest = divmod(sample * bottom * 1_000_000_000, top)
    return whole + (2 * rest > top or (2 * rest == top and whole % 2 == 1))


@given(rate_hz=rates, share=st.floats(0, 1))
def test_time_is_exact_for_weeks(rate_hz: float, share: float) -> None:
    sample = int(FOUR_WEEKS_S * rate_hz * share)
    stream = info(sample_rate_hz=rate_hz, start_ns=START_NS)
    assert stream.time_ns(sample) == START_NS + exact_ns(sample, rate_hz)


def test_time_where_float_seconds_go_wrong() -> None:
    stream = info(sample_rate_hz=61.44e6, start_ns=START_NS)
    sample = 7 * 86_400 * 61_440_000 + 1  # a week and one sample of 16.276 ns
    assert stream.time_ns(sample) == START_NS + 604_800_000_000_016
    # The guard of this test: float arithmetic does not get this one right.
    assert round((START_NS / 1e9 + stream.seconds(sample)) * 1e9) != stream.time_ns(sample)


@given(rate_hz=rates, sample=st.integers(0, 10**15), step=st.integers(1, 10**6))
def test_time_never_runs_backwards(rate_hz: float, sample: int, step: int) -> None:
    stream = info(sample_rate_hz=rate_hz, start_ns=0)
    early, late = stream.time_ns(sample), stream.time_ns(sample + step)
    assert early is not None
    assert late is not None
    assert late >= early


def test_unknown_time_stays_unknown() -> None:
    assert info().time_ns(0) is None
    assert info(start_ns=0).time_ns(0) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate_hz": 0.0}, "sample rate"),
        ({"sample_rate_hz": -1.0}, "sample rate"),
        ({"sample_rate_hz": math.nan}, "sample rate"),
        ({"sample_rate_hz": math.inf}, "sample rate"),
        ({"sample_rate_hz": 2e11}, "sample rate"),
        ({"center_hz": math.nan}, "centre"),
        ({"usable_hz": 2.5e6}, "usable"),
        ({"usable_hz": 0.0}, "usable"),
    ],
)
def test_impossible_streams_are_refused(change: dict[str, float], message: str) -> None:
    info(center_hz=14.2e9, usable_hz=2.4e6)
    with pytest.raises(ValueError, match=message):
        info(**change)


def test_edges_of_the_slice() -> None:
    assert info().rf_range_hz is None
    assert info().if_center_hz is None
    plan = FrequencyPlan(catalog.converter("ku-12.80"))
    stream = info(center_hz=14.21875e9, usable_hz=2e6, plan=plan)
    assert stream.rf_range_hz == (14.21775e9, 14.21975e9)
    assert stream.if_center_hz == 1418.75e6
    assert info(center_hz=100e6).rf_range_hz == (98.8e6, 101.2e6)


def test_block_is_read_only_and_knows_its_end() -> None:
    samples = np.zeros(10, np.complex64)
    block = IQBlock(info(), 5, samples, lost_before=5)
    assert block.stop_sample == 15
    with pytest.raises(ValueError, match="read-only"):
        block.samples[0] = 1
    with pytest.raises(FrozenInstanceError):
        block.first_sample = 0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("samples", "first", "lost", "message"),
    [
        (np.zeros(4, np.complex128), 0, 0, "not complex64"),
        (np.zeros(4, np.float32), 0, 0, "not complex64"),
        (np.zeros((2, 2), np.complex64), 0, 0, "not complex64"),
        (np.zeros(4, np.complex64), -1, 0, "negative"),
        (np.zeros(4, np.complex64), 0, -1, "negative"),
        (np.zeros(4, np.complex64), 3, 4, "more than all"),
    ],
)
def test_impossible_blocks_are_refused(samples: Any, first: int, lost: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IQBlock(info(), first, samples, lost)


def test_clipping_counts_samples_not_components() -> None:
    samples = np.array([1 + 1j, 0.99 - 1j, -1, 0.5j, 0.999], np.complex64)
    assert IQBlock(info(clip_level=1.0), 0, samples).clipped == 3
    assert IQBlock(info(clip_level=None), 0, samples).clipped == 0
    assert IQBlock(info(clip_level=1.0), 0, np.zeros(0, np.complex64)).clipped == 0


def test_every_flag_says_what_it_means() -> None:
    assert set(FLAG_MEANING) == set(Flag)
    assert all(FLAG_MEANING.values())


def test_spans_are_half_open_and_never_empty() -> None:
    assert Span(3, 7).sample_count == 4
    for start, stop in ((3, 3), (4, 3), (-1, 3)):
        with pytest.raises(ValueError, match="empty or negative"):
            Span(start, stop)


def test_detections_have_width_and_a_probability() -> None:
    good = {"freq_lower_hz": 1.0, "freq_upper_hz": 2.0, "snr_db": 3.0, "pfa": 1e-3}
    detection = Detection(Span(0, 1), **good)
    assert Burst(detection, power_dbfs=-20).bandwidth_hz == 1.0
    assert Burst(detection, power_dbfs=-20).span == Span(0, 1)
    bad = ({"freq_upper_hz": 1.0}, {"pfa": 1.1}, {"pfa": -0.1}, {"pfa": math.nan})
    for change in bad:
        with pytest.raises(ValueError, match=r"not below|not a probability"):
            Detection(Span(0, 1), **(good | change))


def test_frames_pair_power_with_its_floor() -> None:
    row = np.ones(8, np.float32)
    assert Frame(info(), 0, row, row).power.shape == (8,)
    with pytest.raises(ValueError, match="differ"):
        Frame(info(), 0, row, row[:4])
    with pytest.raises(ValueError, match="differ"):
        Frame(info(), 0, row.reshape(2, 4), row.reshape(2, 4))
