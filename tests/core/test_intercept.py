"""Probability of intercept against a simulated scheduler, and the detection limit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from sdr_detect.catalog import profile
from sdr_detect.intercept import covered_share, detection_limit_db, probability_of_intercept

STARLINK = profile("starlink_uplink")


def simulated(watched_s: float, channels: int, seed: int) -> float:
    """Share of watches that meet a terminal: a channel of eight drawn every 15 s."""
    rng = np.random.default_rng(seed)
    trials = 20_000
    phase_s = rng.uniform(0, 15, trials)
    # The watch runs from phase to phase + watched; slots end every 15 s.
    slots = np.floor((phase_s + watched_s) / 15).astype(int) + 1
    drawn = rng.integers(0, 8, (trials, int(slots.max())))
    touched = np.arange(drawn.shape[1]) < slots[:, None]
    return float(np.mean(((drawn < channels) & touched).any(axis=1)))


@pytest.mark.parametrize("channels", [1, 2, 5, 8])
@pytest.mark.parametrize("watched_s", [0.5, 7.5, 15.0, 40.0, 200.0])
def test_probability_is_that_of_the_slot_process(watched_s: float, channels: int) -> None:
    expected = simulated(watched_s, channels, 3)
    assert probability_of_intercept(watched_s, channels / 8) == pytest.approx(expected, abs=0.02)


def test_probability_grows_with_time_and_channels() -> None:
    times = np.geomspace(1e-3, 1e4, 400)
    for share in (0.125, 0.5, 1.0):
        chances = [probability_of_intercept(t, share) for t in times]
        assert all(b >= a - 1e-12 for a, b in itertools.pairwise(chances))
        assert min(chances) >= 0
        assert max(chances) <= 1
    shares = [probability_of_intercept(5.0, s) for s in np.linspace(0, 1, 50)]
    assert shares == sorted(shares)


def test_probability_at_its_ends() -> None:
    assert probability_of_intercept(0, 1) == 0
    assert probability_of_intercept(10, 0) == 0
    assert probability_of_intercept(1, 1) == 1
    assert probability_of_intercept(1e6, 0.125) == pytest.approx(1)
    # Shorter than the slowest repetition, in proportion.
    assert probability_of_intercept(14 * 4 / 3 * 1e-3 / 2, 1) == pytest.approx(0.5)


def test_covered_share_counts_channels_touched() -> None:
    def share(low_hz: float, high_hz: float) -> float:
        return covered_share((low_hz, high_hz), STARLINK)

    assert share(14.21e9, 14.212e9) == 1 / 8
    assert share(14.0e9, 14.5e9) == 1
    assert share(13e9, 15e9) == 1
    # Across the edge of two channels, at 14 GHz plus multiples of 62.5 MHz.
    assert share(14.0625e9 - 1e6, 14.0625e9 + 1e6) == 2 / 8
    assert share(14.0625e9, 14.0625e9 + 1e6) == 1 / 8
    assert share(13.9e9, 14.0e9) == 0
    assert share(14.5e9, 14.6e9) == 0
    assert share(13.9e9, 14.0e9 + 1) == 1 / 8


def test_limit_falls_with_time_and_bandwidth_to_that_of_energy() -> None:
    def limit(seconds: float, width_hz: float) -> float:
        found = detection_limit_db(seconds, width_hz, 0.05, 0.05)
        assert found is not None
        return found

    assert limit(0.1, 1.9e6) > limit(1, 1.9e6) > limit(10, 1.9e6) - 1e-9
    assert limit(0.1, 1.9e6) > limit(0.1, 4e6) > limit(0.1, 16e6) - 1e-9
    # Longer than a slot nothing adds up coherently.
    assert limit(1e4, 16e6) == limit(15, 16e6)
    # Nothing is found whose bursts cannot be told from the silence between them.
    assert limit(1e4, 16e6) >= 10 * math.log10(0.05 / 3)
    deaf = detection_limit_db(1e4, 16e6, 0.05, 0.5)
    assert deaf is not None
    assert deaf >= 10 * math.log10(0.45)


def test_no_limit_where_nothing_can_be_recognised() -> None:
    assert detection_limit_db(0.005, 2e6, 0.05, 0.05) is None
    assert detection_limit_db(100, 200e3, 0.05, 0.05) is None
