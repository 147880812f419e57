"""Level that goes on and off below single bursts: on noise, on bursts, on what is narrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import firwin, oaconvolve
from scipy.stats import binom, gamma

from sdr_detect.detect.activity import tail_moments
from sdr_detect.features.fold_values import log_odds
from sdr_detect.settings import FoldSettings, Settings
from tests.core.streams import as_json, band_noise, events, noise, one_block, rendered, stream_info

#: Chance that an honest detector fails a test of its stated chance.
DOUBT = 1e-3


def activities(samples: Any, pfa: float = 1e-6, rate_hz: float = 2.4e6) -> list[dict[str, Any]]:
    chosen = Settings(fold=FoldSettings(pfa=pfa))
    stream = one_block(np.asarray(samples, np.complex64), stream_info(rate_hz))
    return [t for t in as_json(events(stream, chosen, ()), "track") if t["kind"] == "activity"]


def with_bursts(count: int, seed: int, rate_hz: float, snr_db: float) -> Any:
    """Noise with bursts of 0.84 ms at random times, a tenth of the time."""
    rng = np.random.default_rng(seed)
    samples = noise(count, seed)
    length = round(0.84e-3 * rate_hz)
    at = int(rng.integers(9 * length))
    while at + length < count:
        samples[at : at + length] += noise(length, at, 10 ** (snr_db / 10))
        at += length + int(rng.integers(18 * length))
    return samples


def test_moments_of_noise_agree_with_drawn_ones() -> None:
    shape = 60.0
    drawn = gamma.rvs(shape, size=400_000, random_state=5)
    z = (drawn - np.median(drawn)) / np.sqrt(shape)
    value = log_odds(z) - log_odds(-z)
    mean, variance, third = tail_moments(1 / shape)
    assert mean == pytest.approx(value.mean(), abs=3e-3)
    assert variance == pytest.approx(value.var(), rel=0.05)
    assert third == pytest.approx(np.mean((value - value.mean()) ** 3), rel=0.3)


@pytest.mark.parametrize("rate_hz", [1.92e6, 2.4e6])
def test_noise_is_active_no_oftener_than_stated(rate_hz: float) -> None:
    trials = 40
    seen = sum(
        bool(activities(noise(round(0.1 * rate_hz), 900 + k), 0.05, rate_hz)) for k in range(trials)
    )
    assert seen <= binom.isf(DOUBT, trials, 0.05)


def test_noise_behind_a_filter_is_active_no_oftener_than_stated() -> None:
    """Bins beyond the passband vary little: fewer of them vary than are watched."""
    taps = firwin(129, 0.5)
    trials, rate_hz = 30, 2.4e6
    seen = 0
    for k in range(trials):
        white = noise(round(0.1 * rate_hz) + 128, 700 + k)
        filtered = oaconvolve(white, taps, mode="valid")
        stream = one_block(filtered.astype(np.complex64), stream_info(rate_hz, usable_hz=None))
        chosen = Settings(fold=FoldSettings(pfa=0.05))
        tracks = as_json(events(stream, chosen, ()), "track")
        seen += any(t["kind"] == "activity" for t in tracks)
    assert seen <= binom.isf(DOUBT, trials, 0.05)


@pytest.mark.parametrize(("rate_hz", "snr_db"), [(2.4e6, -8.0), (20e6, -12.0)])
def test_bursts_at_random_times_are_seen_below_single_ones(rate_hz: float, snr_db: float) -> None:
    for seed in (41, 42, 43):
        (track,) = activities(
            with_bursts(round(0.2 * rate_hz), seed, rate_hz, snr_db), 1e-3, rate_hz
        )
        assert track["pfa"] < 1e-3
        assert track["features"]["fills_slice"] is True


def test_what_is_narrow_or_slow_is_no_activity_of_the_slice() -> None:
    count = 480_000
    keyed = np.where(np.arange(count) // 2000 % 10 == 0, band_noise(count, 3, 0.1, 0.2, 0.05), 0)
    assert activities(noise(count, 4) + keyed) == []
    swing = 10 ** (0.3 / 20 * np.sin(2 * np.pi * np.arange(count) / 120_000))
    assert activities(noise(count, 5) * swing) == []


def test_activity_alone_changes_no_verdict_and_is_told() -> None:
    random = {
        "kind": "starlink_uplink", "frames": [5, 7, 9], "burst_symbols": [21, 47],
        "duty_limit": 0.13, "grid_aligned": False, "cn_db": -8.5,
    }  # fmt: skip
    said = as_json(events(rendered(random, duration_s=1.0, rf_center_hz=14.2155e9)))[-1]
    assert said["verdict"] != "detected"
    assert any("goes on and off" in reason for reason in said["reasons"])
