"""Blocks with two edges in stitched sweeps: errors, false alarms, sensitivity."""

from __future__ import annotations

import numpy as np
import pytest

from sdr_detect.catalog import channel_plan
from sdr_detect.features.sweep_edges import Channels, Points, SweepBlock, _Search, find_blocks
from sdr_detect.settings import SweepSettings
from sdr_detect.sweep import UPLINK

#: Prior that the pipeline states for a stop's level.
PRIOR = 10 ** (SweepSettings().repeatability_db / 10) - 1

CHANNEL_4_HZ = 14.21875e9

#: Stops of 2 MHz over 14.0-14.5 GHz, of which 1.92 MHz are looked at.
STOPS, STEP_HZ, USED_HZ = 250, 2e6, 1.92e6


def sweep(
    *blocks: tuple[float, float, float],
    seed: int = 0,
    repeatability_db: float = 0.05,
    stops: int = STOPS,
    step_hz: float = STEP_HZ,
    subbands: int = 16,
    sigma: float = 0.01,
) -> Points:
    """A stitched sweep with blocks (excess, lower, upper) and gain errors for each stop."""
    rng = np.random.default_rng(seed)
    used_hz = step_hz * USED_HZ / STEP_HZ
    width_hz = used_hz / subbands
    inside = (np.arange(subbands) + 0.5) * width_hz
    freq_hz = (14.0e9 + step_hz * np.arange(stops)[:, None] + inside).ravel()
    stop = np.repeat(np.arange(stops), subbands)
    power = np.ones(freq_hz.size)
    for excess, lower, upper in blocks:
        shared = np.minimum(freq_hz + width_hz / 2, upper) - np.maximum(
            freq_hz - width_hz / 2, lower
        )
        power += excess * np.clip(shared / width_hz, 0, 1)
    gain = 10 ** (rng.normal(0, repeatability_db, stops) / 10)
    measured = power * gain[stop] - 1 + rng.normal(0, sigma, freq_hz.size)
    return Points(freq_hz, measured, np.full(freq_hz.size, sigma), stop)


def full(excess: float, center_hz: float = CHANNEL_4_HZ) -> tuple[float, float, float]:
    """A full channel."""
    return excess, center_hz - 30e6, center_hz + 30e6


def only(found: list[SweepBlock]) -> SweepBlock:
    (block,) = found
    return block


def test_the_plan_is_that_of_the_data_file() -> None:
    plan = channel_plan("starlink-ku-uplink")
    values = (plan.first_center_hz.value, plan.step_hz.value, plan.occupied_hz.value, plan.count)
    assert Channels(*values) == UPLINK


def test_boxes_are_weighed_as_by_the_whole_covariance_matrix() -> None:
    """Prefix sums against a dense inverse, on stops that overlap."""
    rng = np.random.default_rng(3)
    freq_hz = np.sort(rng.uniform(14.0e9, 14.1e9, 40))
    stop = np.arange(40) % 7
    sigma = rng.uniform(0.5, 2, 40)
    excess = rng.normal(0, 1, 40)
    search = _Search(Points(freq_hz, excess, sigma, stop), 0.7)
    assert search._stop_sigma >= 0.7
    common = search._stop_sigma**2 * (stop[:, None] == stop)
    inverse = np.linalg.inv(np.diag(sigma**2) + common)
    low, high = np.array([3, 10]), np.array([20, 31])
    height, weight = search._box(low, high)
    for i, a in enumerate(low):
        for j, b in enumerate(high):
            box = ((np.arange(40) >= a) & (np.arange(40) < b)).astype(float)
            design = np.stack((box, np.ones(40)), axis=1)
            covariance = np.linalg.inv(design.T @ inverse @ design)
            fit = covariance @ design.T @ inverse @ excess
            assert height[i, j] == pytest.approx(fit[0])
            assert weight[i, j] == pytest.approx(1 / covariance[0, 0])


@pytest.mark.parametrize("repeatability_db", [0.05, 0.1, 0.2])
def test_blank_sweeps_alarm_no_more_often_than_stated(repeatability_db: float) -> None:
    """At the pipeline's prior of 0.02 dB, whatever the receiver really does."""
    trials, stated = 250, 0.1
    least = [
        min(
            (
                block.pfa
                for block in find_blocks(
                    sweep(seed=k, repeatability_db=repeatability_db, stops=120, subbands=4),
                    PRIOR,
                    stated,
                )
            ),
            default=1.0,
        )
        for k in range(trials)
    ]
    alarms = sum(p < stated for p in least)
    # The union over overlapping boxes is a bound: a few per cent remain of ten.
    assert 0 < alarms <= stated * trials


@pytest.mark.parametrize(("repeatability_db", "needed_db"), [(0.05, -17), (0.1, -14), (0.2, -11)])
def test_average_excess_that_is_found(repeatability_db: float, needed_db: float) -> None:
    """Pd 0.9 at Pfa 1e-3, three decibels below the study's -14, -11 and -8 dB."""
    found = 0
    for k in range(20):
        points = sweep(full(10 ** (needed_db / 10)), seed=k, repeatability_db=repeatability_db)
        blocks = find_blocks(points, PRIOR, 1e-3)
        found += any(abs(b.center_hz - CHANNEL_4_HZ) < 10e6 for b in blocks)
    assert found >= 18
    weaker = [
        find_blocks(
            sweep(full(10 ** (needed_db / 10 - 0.5)), seed=k, repeatability_db=repeatability_db),
            PRIOR,
            1e-3,
        )
        for k in range(10)
    ]
    assert sum(map(bool, weaker)) < 8  # it is a limit, not a level that anything passes


def test_width_and_centre_at_minus_6_db() -> None:
    """The study: within 0.5 MHz in width; centre 0.1 MHz."""
    off = []
    for k in range(20):
        center_hz = CHANNEL_4_HZ + 5e4 * k
        points = sweep(full(10**-0.6, center_hz), seed=k, repeatability_db=0.1)
        block = only(find_blocks(points, PRIOR, 1e-3))
        off.append((block.center_hz - center_hz, block.width_hz - 60e6))
        assert abs(off[-1][0]) < 4 * block.center_sigma_hz
        assert abs(off[-1][1]) < 4 * block.width_sigma_hz
        assert block.excess == pytest.approx(10**-0.6, abs=5 * block.excess_sigma)
        assert UPLINK.nearest(block) == 4
        assert UPLINK.fits(block) is (abs(center_hz - CHANNEL_4_HZ) < 1.25e6)
    center, width = np.sqrt(np.mean(np.square(off), axis=0))
    assert center < 0.1e6
    assert width < 0.5e6


def test_wide_stops_place_the_edges_by_how_far_they_fill_a_subband() -> None:
    """16 MHz stops have sub-bands of 1 MHz, and gaps of 0.64 MHz between them."""
    off = []
    for k in range(12):
        center_hz = CHANNEL_4_HZ + 1e5 * k
        points = sweep(full(10**-0.6, center_hz), seed=k, stops=31, step_hz=16e6, sigma=0.004)
        block = only(find_blocks(points, PRIOR, 1e-3))
        off.append((block.center_hz - center_hz, block.width_hz - 60e6))
    center, width = np.sqrt(np.mean(np.square(off), axis=0))
    assert center < 0.25e6
    assert width < 0.5e6


def test_two_channels_are_told_apart() -> None:
    points = sweep(full(0.3, 14.09375e9), full(0.2, 14.34375e9))
    found = find_blocks(points, PRIOR, 1e-3)
    assert [UPLINK.nearest(b) for b in found] == [2, 6]
    assert [UPLINK.fits(b) for b in found] == [True, True]


def test_narrow_carriers_are_no_block_and_hide_none() -> None:
    carriers = ((10.0, 14.229e9, 14.2302e9), (3.0, 14.40e9, 14.4015e9))
    assert find_blocks(sweep(*carriers), PRIOR, 1e-3) == []
    block = only(find_blocks(sweep(full(0.1), *carriers), PRIOR, 1e-3))
    assert UPLINK.fits(block)


def test_an_allocation_is_no_full_channel() -> None:
    points = sweep((0.3, CHANNEL_4_HZ + 0.5e6, CHANNEL_4_HZ + 30e6))
    block = only(find_blocks(points, PRIOR, 1e-3))
    assert block.width_hz == pytest.approx(29.5e6, abs=0.3e6)
    assert UPLINK.fits(block) is False


def test_an_edge_outside_the_sweep_is_not_claimed() -> None:
    block = only(find_blocks(sweep((0.3, 13.99e9, 14.03e9)), PRIOR, 1e-3))
    assert not block.lower_seen
    assert block.upper_seen
    assert UPLINK.fits(block) is None


def test_a_slope_has_no_edges() -> None:
    points = sweep()
    slope = np.linspace(0, 0.3, points.freq_hz.size)
    tilted = Points(points.freq_hz, points.excess + slope, points.sigma, points.stop)
    assert all(UPLINK.fits(b) is None for b in find_blocks(tilted, PRIOR, 1e-3))


def test_stays_that_met_unlike_numbers_of_bursts_leave_the_error_true() -> None:
    for seed in range(8):
        points = sweep(full(0.2), seed=seed)
        share = np.maximum(0, np.random.default_rng(seed).normal(1, 0.6, STOPS))
        uneven = Points(
            points.freq_hz, points.excess * share[points.stop], points.sigma, points.stop
        )
        block = max(find_blocks(uneven, PRIOR, 1e-3), key=lambda b: b.statistic)
        assert abs(block.width_hz - 60e6) < 4 * block.width_sigma_hz
        assert UPLINK.fits(block) is not False


@pytest.mark.parametrize("stop_hz", [31.25e6, 62.5e6])
def test_a_comb_bounds_the_edges_that_it_does_not_see(stop_hz: float) -> None:
    """One or two stops of 2 MHz a channel: the edges lie in parts nobody looked at."""
    plain = sweep((1.0, CHANNEL_4_HZ - 30e6, CHANNEL_4_HZ + 30e6))
    offset_hz = plain.freq_hz - 14.0e9
    keep = np.mod(offset_hz - 11e6, stop_hz) < 2e6
    comb = plain.only(keep)
    block = only(find_blocks(comb, PRIOR, 1e-3))
    assert block.coverage < 0.1
    assert block.width_sigma_hz > 0.15 * stop_hz
    assert abs(block.width_hz - 60e6) < 2 * block.width_sigma_hz
    assert abs(block.center_hz - CHANNEL_4_HZ) < 2 * block.center_sigma_hz
    assert UPLINK.fits(block) is None


def test_points_must_ascend_and_have_errors() -> None:
    points = sweep(stops=3)
    with pytest.raises(ValueError, match="ascend"):
        Points(points.freq_hz[::-1], points.excess, points.sigma, points.stop)
    with pytest.raises(ValueError, match="error above zero"):
        Points(points.freq_hz, points.excess, 0 * points.sigma, points.stop)
