"""Noise alone: every stated probability of false alarm is kept.

The statements are upper bounds: counts may stay below, not above, what they
allow. Counts are drawn from fixed seeds; the limits are quantiles that chance
alone would pass once in a thousand runs.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from sdr_detect.detect.energy import EnergyTest
from sdr_detect.detect.regions import find_regions
from sdr_detect.dsp.layout import make_layout
from sdr_detect.features.grid import grid_test
from sdr_detect.features.lag import LagMeter, LagSum
from sdr_detect.settings import (
    BurstSettings,
    CarrierSettings,
    FrameSettings,
    LagSettings,
    Settings,
)
from tests.core.streams import as_json, dwells, events, noise, one_block, rendered, stream_info

#: Chance that an honest detector fails one of these tests.
DOUBT = 1e-3

#: The pipeline looks at a few bursts a dwell; here the statistic is meant.
UNBOUNDED = LagSettings(body_samples_per_dwell=10**9)

RATES_HZ = (1.92e6, 2.4e6, 20e6)


def at_most(mean: float) -> int:
    """The largest count that honest independent alarms with this mean reach."""
    return int(poisson.isf(DOUBT, mean))


@pytest.fixture(scope="module")
def false_bursts() -> dict[float, tuple[int, int, int]]:
    """Frames, frames above a single-frame test, and regions found in noise, by rate."""
    settings = BurstSettings(pfa=1e-4, noise_uncertainty_db=0)
    counts = {}
    for rate_hz, number in zip(RATES_HZ, (6, 6, 2), strict=True):
        info = stream_info(rate_hz)
        layout = make_layout(info, FrameSettings())
        test = EnergyTest(layout, settings)
        frames = short = regions = 0
        for dwell in dwells(noise(number * layout.dwell_samples + layout.lookahead, 5), info):
            found = test.find(dwell)
            frames += layout.frames
            short += int(np.count_nonzero(found.short))
            regions += len(find_regions(found, 0, 0))
        counts[rate_hz] = frames, short, regions
    return counts


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_energy_of_noise_crosses_no_oftener_than_stated(
    rate_hz: float, false_bursts: dict[float, tuple[int, int, int]]
) -> None:
    frames, short, regions = false_bursts[rate_hz]
    # 16 sub-bands in boxes of 1, 2, 4, 8 and 16, over 1, 8 and 32 frames.
    boxes = 16 + 8 + 4 + 2 + 1
    assert short <= at_most(boxes * frames * 1e-4)
    assert regions <= at_most(3 * boxes * frames * 1e-4)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_energy_threshold_is_no_higher_than_its_doubts_explain(
    rate_hz: float, false_bursts: dict[float, tuple[int, int, int]]
) -> None:
    # The allowance for the noise reference and the overlap of boxes cost a
    # factor; a detector that never fires would be honest and blind.
    frames, short, _ = false_bursts[rate_hz]
    assert short >= 0.1 * 31 * frames * 1e-4


def test_noise_makes_no_burst_at_the_default() -> None:
    for rate_hz, seconds in ((1.92e6, 1.0), (20e6, 0.3)):
        found = as_json(events(one_block(noise(int(seconds * rate_hz), 9), stream_info(rate_hz))))
        assert [line["type"] for line in found] == ["verdict"]
        assert found[0]["verdict"] == "not_detected"


def test_noise_through_a_sloping_filter_makes_nothing() -> None:
    shape = {"slope_db": 6.0, "ripple_db": 1.0, "order": 6}
    stream = rendered(duration_s=0.4, filter=shape, dc_dbfs=-35.0, datatype="cu8")
    assert [line["type"] for line in as_json(events(stream))] == ["verdict"]


def lag_chances(
    rate_hz: float, dwells_: int, members: int, trials: int
) -> dict[str, NDArray[np.float64]]:
    """p-values of lag tests on tracks of noise taken for bursts."""
    meter = LagMeter(rate_hz, UNBOUNDED)
    rng = np.random.default_rng(17)
    length = round(0.84e-3 * rate_hz)
    flat = np.ones(64, np.float32)
    kept: dict[str, list[float]] = {"head": [], "copies": [], "peaks": [], "body": []}
    for _ in range(trials):
        heads, bodies = meter.new_head_sum(), meter.new_body_sum()
        for _ in range(dwells_):
            for _ in range(members):
                draw = rng.standard_normal(2 * (length + 64), np.float32)
                lags = meter.burst(draw.view(np.complex64), 32, 32 + length, flat)
                assert lags is not None
                assert lags.body is not None
                heads.add(lags.head)
                bodies.add(lags.body)
            heads.close_dwell()
            bodies.close_dwell()
        kept["head"].append(_chance(heads, 2.1333333e-6))
        copies = heads.test_comb(2.1333333e-6, 0.006)
        kept["copies"].append(1.0 if copies is None else copies.pfa)
        kept["body"].append(_chance(bodies, 17.0666667e-6))
        kept["peaks"].append(min((p.pfa for p in bodies.peaks(0.5)), default=1.0))
    return {name: np.array(values) for name, values in kept.items()}


def _chance(total: LagSum, lag_s: float) -> float:
    peak = total.test(lag_s, 0.006)
    assert peak is not None
    return peak.pfa


@pytest.mark.parametrize(
    ("rate_hz", "dwells_", "members", "trials"),
    [
        (2.4e6, 1, 1, 400),
        (2.4e6, 1, 8, 150),
        (2.4e6, 4, 2, 150),
        (2.4e6, 25, 1, 80),
        (20e6, 1, 1, 120),
        (20e6, 6, 2, 30),
    ],
)
def test_lags_of_noise_are_no_rarer_than_stated(
    rate_hz: float, dwells_: int, members: int, trials: int
) -> None:
    for name, chances in lag_chances(rate_hz, dwells_, members, trials).items():
        for level in (0.1, 0.01):
            seen = np.count_nonzero(chances < level)
            assert seen <= binom.isf(DOUBT, trials, level), (name, level, seen)


def test_a_long_watch_of_noise_shows_no_lag() -> None:
    # Leakage of lag 0 between samples once added up over dwells.
    meter = LagMeter(2.4e6, UNBOUNDED)
    flat = np.ones(64, np.float32)
    heads, bodies = meter.new_head_sum(), meter.new_body_sum()
    for k in range(60):
        for start in range(0, 16_000, 4000):
            lags = meter.burst(noise(16_000, k), start, start + 2016, flat)
            assert lags is not None
            assert lags.body is not None
            heads.add(lags.head)
            bodies.add(lags.body)
        heads.close_dwell()
        bodies.close_dwell()
    assert heads.peaks(1e-4) == []
    assert bodies.peaks(1e-4) == []


def carrier_tracks(pfa: float, seeds: range) -> int:
    """Carriers found in 0.25 s of noise at 1.92 Msps, over seeds."""
    settings = Settings(carrier=CarrierSettings(pfa=pfa))
    total = 0
    for seed in seeds:
        stream = one_block(noise(480_000, seed), stream_info(1.92e6))
        tracks = as_json(events(stream, settings, ()), "track")
        total += sum(track["kind"] in ("carrier", "tone") for track in tracks)
    return total


def test_noise_shows_no_carrier() -> None:
    assert carrier_tracks(1e-9, range(30)) == 0


def test_carriers_in_noise_are_no_rarer_than_stated() -> None:
    # One window each; the stated chance is that of a whole window.
    assert carrier_tracks(5e-2, range(100, 120)) <= at_most(20 * 5e-2)


@pytest.mark.parametrize("bursts", [5, 12, 40, 120])
@pytest.mark.parametrize("seconds", [0.3, 1.4, 6.0])
def test_random_starts_keep_a_grid_no_oftener_than_stated(bursts: int, seconds: float) -> None:
    rng = np.random.default_rng(23)
    chances = []
    for _ in range(500):
        result = grid_test(np.sort(rng.uniform(0, seconds, bursts)), 4 / 3 * 1e-3)
        assert result is not None
        chances.append(result.pfa)
    for level in (0.2, 0.05, 0.01):
        seen = np.count_nonzero(np.array(chances) < level)
        assert seen <= binom.isf(DOUBT, 500, level), (level, seen)


def test_random_starts_are_not_said_to_keep_the_grid() -> None:
    rng = np.random.default_rng(29)
    for _ in range(500):
        result = grid_test(np.sort(rng.uniform(0, 1.0, 60)), 4 / 3 * 1e-3)
        assert result is not None
        assert not result.kept
