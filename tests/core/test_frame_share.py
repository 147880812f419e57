"""What part of a frame is on, and whether every frame is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.features.fold_values import alike, log_odds
from sdr_detect.features.frame_share import every_frame, mean_odds, on_doubt, on_part

BINS, FRAMES = 100, 375


@given(st.integers(0, BINS - 1), st.integers(1, BINS - 1), st.floats(-5, 5), st.floats(1e-3, 1e3))
@settings(max_examples=50, deadline=None)
def test_a_step_is_placed_whatever_its_level(
    start: int, width: int, level: float, height: float
) -> None:
    profile = np.full(BINS, level)
    profile[np.arange(start, start + width) % BINS] += height
    assert on_part(profile) == (start, width)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_the_part_that_is_on_is_known_within_its_doubt(share: float) -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(100):
        profile = rng.normal(0, 1, BINS) + 2.0 * (np.arange(BINS) < share * BINS)
        start, width = on_part(profile)
        doubt = on_doubt(profile, start, width, 1.0)
        inside += abs(width / BINS - share) <= doubt
    assert inside >= 90
    assert on_doubt(profile, start, width, 0.1) < doubt


def folded(share: float, mean: float, frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Profiles of energy and odds with bursts in a share of the frames, alike in the mean."""
    rng = np.random.default_rng(seed)
    energy = rng.normal(0, 1, (FRAMES, BINS)) / np.sqrt(alike(frames))
    on = rng.permutation(FRAMES) < round(share * FRAMES)
    energy[np.ix_(on, np.arange(frames))] += mean / share
    runs = np.cumsum(np.concatenate([energy, energy[:, :frames]], axis=1), axis=1)
    z = (runs[:, frames:] - runs[:, :-frames]) / np.sqrt(frames)
    odds = log_odds(np.roll(z, 1, axis=1))
    return energy.mean(axis=0), odds.mean(axis=0)


@pytest.mark.parametrize("frames", [4, 12, 28])
@pytest.mark.parametrize(("share", "told"), [(1.0, True), (0.2, False), (0.1, False)])
def test_bursts_of_one_mean_energy_are_told_apart_by_their_odds(
    share: float, told: bool, frames: int
) -> None:
    for seed in range(10):
        energy, odds = folded(share, 1.0 / np.sqrt(frames), frames, seed)
        found = every_frame(
            energy - energy.mean(), odds - odds.mean(), 0, frames, odds[40:60].std()
        )
        assert found is told


def test_what_hardly_stands_out_is_not_told() -> None:
    energy, odds = folded(1.0, 0.02, 12, 1)
    assert every_frame(energy - energy.mean(), odds - odds.mean(), 0, 12, 0.01) is None
    assert every_frame(-np.eye(1, BINS)[0], odds - odds.mean(), 0, 1, 0.01) is None


def test_odds_grow_faster_than_energy() -> None:
    assert mean_odds(0.0) == pytest.approx(0.0, abs=1e-12)
    assert 0.2 * mean_odds(5.0) > 5 * mean_odds(1.0)
