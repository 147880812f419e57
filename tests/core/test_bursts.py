"""Where bursts start and end, and what is one burst."""

from __future__ import annotations

import numpy as np
import pytest

from sdr_detect.dsp.layout import make_layout
from sdr_detect.events import TrackEvent
from sdr_detect.model import Burst, ComplexArray, Flag
from sdr_detect.settings import FrameSettings, Settings
from tests.core.streams import (
    KU_HZ,
    band_noise,
    bursts,
    events,
    noise,
    one_block,
    rendered,
    stream_info,
)

BURST_S = 0.84e-3


def stream(
    rate_hz: float,
    seconds: float,
    starts: list[int],
    length: int,
    snr_db: float,
    band: tuple[float, float] = (-0.4, 0.4),
    seed: int = 1,
) -> ComplexArray:
    """Noise with bursts of band-limited noise, ``snr_db`` of density while on."""
    samples = noise(round(seconds * rate_hz), seed)
    power = (band[1] - band[0]) * 10 ** (snr_db / 10)
    for k, start in enumerate(starts):
        burst = band_noise(length, 1000 * seed + k, *band, power)
        samples[start : start + length] += burst[: max(0, samples.size - start)]
    return samples


def found_in(samples: ComplexArray, rate_hz: float) -> list[Burst]:
    return bursts(one_block(samples, stream_info(rate_hz)))


@pytest.mark.parametrize(("rate_hz", "count"), [(2.4e6, 24), (20e6, 12)])
@pytest.mark.parametrize(
    ("snr_db", "cells"),
    # Root mean square error in fine cells; a change of level is a jump, so the
    # error falls fast with the ratio.
    [(4.0, 3.0), (10.0, 1.2), (20.0, 0.9)],
)
def test_edges_are_placed_within_fine_cells(
    rate_hz: float, count: int, snr_db: float, cells: float
) -> None:
    fine = make_layout(stream_info(rate_hz), FrameSettings()).fine
    length = round(BURST_S * rate_hz)
    rng = np.random.default_rng(7)
    spacing = round(8e-3 * rate_hz)
    starts = [
        round(3e-3 * rate_hz) + k * spacing + int(rng.integers(spacing // 2)) for k in range(count)
    ]
    samples = stream(rate_hz, count * 8e-3 + 0.02, starts, length, snr_db)
    found = found_in(samples, rate_hz)
    assert len(found) == count
    off = np.array([[b.span.start_sample for b in found], [b.span.stop_sample for b in found]])
    off[0] -= starts
    off[1] -= np.array(starts) + length
    assert np.all(np.sqrt(np.mean((off / fine) ** 2, axis=1)) < cells)
    assert np.max(np.abs(off)) <= 3 * cells * fine
    # What is reported as ratio is that of the densities.
    ratio = np.array([b.detection.snr_db for b in found])
    assert np.median(ratio) == pytest.approx(snr_db, abs=1.5)


def known_levels_error_s(snr_db: float, rate_hz: float) -> float:
    """Root mean square error of the change point when both levels are known, by trial."""
    before, ratio = 100, 1 + 10 ** (snr_db / 10)
    power = np.random.default_rng(1).exponential(1, (5000, 2 * before))
    power[:, before:] *= ratio
    trend = np.cumsum(power - (1 + ratio) / 2, axis=1)
    off = np.argmin(trend, axis=1) + 1 - before
    return float(np.sqrt(np.mean(off**2.0))) / rate_hz


@pytest.mark.parametrize(("rate_hz", "count"), [(2.4e6, 100), (20e6, 40)])
def test_starts_at_5_db_are_as_good_as_with_known_levels(rate_hz: float, count: int) -> None:
    length = round(BURST_S * rate_hz)
    offsets_s = np.random.default_rng(3).uniform(1e-3, 2e-3, count)
    starts = [round((k * 3e-3 + offset_s) * rate_hz) for k, offset_s in enumerate(offsets_s)]
    samples = stream(rate_hz, count * 3e-3 + 0.02, starts, length, 5.0)
    told = np.array([b.span.start_sample for b in found_in(samples, rate_hz)])
    assert told.size == count
    off_s = (told - np.array(starts)) / rate_hz
    # Bursts fill 0.8 of the slice: so many of its samples are independent.
    bound_s = known_levels_error_s(5.0, 0.8 * rate_hz)
    assert np.sqrt(np.mean(off_s**2)) < 1.2 * bound_s
    cell_s = make_layout(stream_info(rate_hz), FrameSettings()).fine / rate_hz
    # On the grid of cells half of the errors would exceed a quarter of one.
    assert np.median(np.abs(off_s)) < cell_s / 6


@pytest.mark.parametrize(
    ("rate_hz", "low", "high"), [(2.4e6, 0.1, 0.3), (20e6, -0.35, -0.15), (20e6, 0.05, 0.1)]
)
def test_a_burst_in_part_of_the_slice_is_placed_in_time_and_frequency(
    rate_hz: float, low: float, high: float
) -> None:
    layout = make_layout(stream_info(rate_hz), FrameSettings())
    length, start = round(BURST_S * rate_hz), round(0.04321 * rate_hz)
    samples = stream(rate_hz, 0.12, [start], length, 15.0, (low, high))
    (burst,) = found_in(samples, rate_hz)
    assert abs(burst.span.start_sample - start) <= 3 * layout.fine
    assert abs(burst.span.stop_sample - start - length) <= 3 * layout.fine
    assert burst.detection.freq_lower_hz == pytest.approx(
        KU_HZ + low * rate_hz, abs=2 * layout.bin_hz
    )
    assert burst.detection.freq_upper_hz == pytest.approx(
        KU_HZ + high * rate_hz, abs=2 * layout.bin_hz
    )
    assert Flag.EDGE not in burst.flags
    expected_db = 10 * np.log10((high - low) * 10**1.5)
    assert burst.power_dbfs == pytest.approx(expected_db, abs=0.5)


def test_a_burst_that_fills_the_slice_is_flagged_at_its_edges() -> None:
    samples = stream(2.4e6, 0.12, [100_000], 2016, 15.0)
    (burst,) = found_in(samples, 2.4e6)
    assert Flag.EDGE in burst.flags


@pytest.mark.parametrize("rate_hz", [2.4e6, 20e6])
@pytest.mark.parametrize("inside", [0.02, 0.5, 0.98])
def test_a_burst_across_a_dwells_end_is_one(rate_hz: float, inside: float) -> None:
    layout = make_layout(stream_info(rate_hz), FrameSettings())
    length = round(BURST_S * rate_hz)
    start = layout.dwell_samples - round(inside * length)
    (burst,) = found_in(stream(rate_hz, 0.14, [start], length, 15.0), rate_hz)
    assert abs(burst.span.start_sample - start) <= 3 * layout.fine
    assert abs(burst.span.sample_count - length) <= 4 * layout.fine
    assert burst.flags <= {Flag.EDGE}


def test_a_burst_of_most_of_a_dwell_is_one() -> None:
    length = round(0.06 * 2.4e6)
    (burst,) = found_in(stream(2.4e6, 0.5, [400_000], length, 15.0, (0.1, 0.2)), 2.4e6)
    assert abs(burst.span.start_sample - 400_000) <= 64
    assert abs(burst.span.sample_count - length) <= 128


def test_bursts_at_either_end_of_the_data() -> None:
    length = round(BURST_S * 2.4e6)
    total = round(0.23 * 2.4e6)
    samples = stream(2.4e6, 0.23, [0, 200_000, total - length // 2], length, 15.0)
    found = found_in(samples, 2.4e6)
    assert [round(b.span.start_sample, -2) for b in found][1] == 200_000
    assert len(found) == 3
    assert found[0].span.start_sample <= 32
    assert abs(found[0].span.stop_sample - length) <= 32
    assert abs(found[2].span.start_sample - (total - length // 2)) <= 32
    assert found[2].span.stop_sample <= total
    # What the end of the data cut off cannot be told from what ended there.
    assert Flag.TRUNCATED in found[2].flags or Flag.GAP in found[2].flags
    assert not {Flag.TRUNCATED, Flag.GAP} & found[1].flags


def test_two_bursts_at_once_at_different_frequencies_are_two() -> None:
    rate_hz = 2.4e6
    samples = stream(rate_hz, 0.12, [100_000], 2016, 15.0, (-0.3, -0.22))
    other = stream(rate_hz, 0.12, [100_700], 2016, 15.0, (0.15, 0.25), seed=2)
    samples += other - noise(samples.size, 2)
    found = found_in(samples, rate_hz)
    assert len(found) == 2
    centres = sorted((b.detection.freq_lower_hz + b.detection.freq_upper_hz) / 2 for b in found)
    assert centres == pytest.approx([KU_HZ - 0.26 * rate_hz, KU_HZ + 0.2 * rate_hz], abs=80e3)
    # Bursts 200 kHz wide fade within themselves: ten times 1/B.
    assert sorted(b.span.start_sample for b in found) == pytest.approx([100_000, 100_700], abs=100)


def test_bursts_one_after_another_are_as_many() -> None:
    length, gap = 2016, 4000
    starts = [50_000 + k * (length + gap) for k in range(20)]
    found = found_in(stream(2.4e6, 0.12, starts, length, 12.0), 2.4e6)
    assert [b.span.start_sample for b in found] == pytest.approx(starts, abs=48)


def test_a_short_pulse_is_measured_as_one() -> None:
    samples = noise(300_000, 3)
    samples[100_000:100_003] += 30
    (burst,) = found_in(samples, 2.4e6)
    assert burst.features["pulse_width_s"] < 9e-6
    assert abs(burst.span.start_sample - 100_001) < 64


@pytest.mark.parametrize("power", [1e-9, 1.0, 1e6])
def test_noise_steps_by_half_a_decibel_are_no_burst(power: float) -> None:
    samples = noise(300_000, 4, power)
    samples[100_000:110_000] *= np.float32(10 ** (0.3 / 20))
    assert found_in(samples, 2.4e6) == []


def test_a_burst_of_few_bins_says_how_badly_its_width_is_known() -> None:
    found = []
    for kind in ("iridium_like", "vsat_tdma"):
        emitter = {"kind": kind, "offset_hz": 1e5, "cn_db": 20.0}
        blocks = rendered(emitter, duration_s=0.4, sample_rate_hz=2.4e6)
        tracks = [e.track for e in events(blocks, Settings(), ()) if isinstance(e, TrackEvent)]
        found.append(max(tracks, key=lambda t: t.burst_count).features)
    narrow, wide = found
    # 35 kHz wide, in bins of 37.5 kHz that a Hann window widens.
    assert narrow["bandwidth_hz"] - narrow["bandwidth_hz_doubt"] <= 35e3
    assert narrow["bandwidth_hz"] + narrow["bandwidth_hz_doubt"] >= 35e3
    assert wide["bandwidth_hz"] > 2.4e5
    assert wide["bandwidth_hz_doubt"] is None
