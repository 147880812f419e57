"""Period of the frame, from starts and from folds: errors keep to what is stated of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_detect.features.fold_period import fold_period
from sdr_detect.features.grid import grid_period
from sdr_detect.features.line import fit_line
from tests.core.streams import as_json, events, rendered

FRAME_S = 4 / 3 * 1e-3
SAMPLE_S = 1 / 2.4e6
BINS = 100


def starts_on_grid(
    drift_ppm: float, seconds: float, jitter_s: float, seed: int
) -> NDArray[np.float64]:
    """Starts 5 to 14 frames apart, told as samples; one in twenty lies anywhere."""
    rng = np.random.default_rng(seed)
    frames = np.cumsum(rng.integers(5, 15, round(seconds / FRAME_S / 5)))
    starts = rng.uniform(0, FRAME_S) + frames * FRAME_S * (1 + 1e-6 * drift_ppm)
    starts += rng.normal(0, jitter_s, starts.size)
    stray = rng.random(starts.size) < 0.05
    starts[stray] += rng.uniform(0, FRAME_S, np.count_nonzero(stray))
    starts = starts[starts < seconds]
    return np.rint(starts / SAMPLE_S) * SAMPLE_S


@pytest.mark.parametrize("drift_ppm", [-25.0, 0.0, 18.0])
@pytest.mark.parametrize(("seconds", "worst_ppm"), [(2.0, 1.5), (15.0, 0.05), (40.0, 0.05)])
def test_period_of_starts(drift_ppm: float, seconds: float, worst_ppm: float) -> None:
    true = FRAME_S * (1 + 1e-6 * drift_ppm)
    ratios = []
    for seed in range(40):
        found = grid_period(starts_on_grid(drift_ppm, seconds, 1e-6, seed), FRAME_S, SAMPLE_S)
        assert found is not None
        error = found.period_s - true
        assert abs(error) < 1e-6 * worst_ppm * FRAME_S
        ratios.append(error / found.sigma_s)
    # Forty draws of a normal law: its spread lies within a third of 1.
    assert 0.6 < np.std(ratios) < 1.35
    assert abs(np.mean(ratios)) < 0.6


def test_a_grid_in_step_with_the_samples_is_known_to_a_sample() -> None:
    # 3200 samples to the frame: rounding is the same everywhere and hides a drift.
    true = FRAME_S * (1 + 0.01e-6)
    starts = np.rint((0.1 * SAMPLE_S + np.arange(11250) * true) / SAMPLE_S) * SAMPLE_S
    found = grid_period(starts, FRAME_S, SAMPLE_S)
    assert found is not None
    assert abs(found.period_s - true) < 2 * found.sigma_s
    assert found.sigma_s == pytest.approx(FRAME_S * SAMPLE_S / 12**0.5 / 15, rel=0.01)


def test_starts_without_a_period_have_none() -> None:
    rng = np.random.default_rng(1)
    assert grid_period([k * FRAME_S for k in range(7)], FRAME_S, SAMPLE_S) is None
    assert grid_period(rng.uniform(0, 15, 1000), FRAME_S, SAMPLE_S) is None
    # The scheduler moved the terminal half-way: no line goes through both phases.
    starts = starts_on_grid(5.0, 15.0, 1e-6, 2)
    starts[starts > 7] += 0.4e-3
    assert grid_period(starts, FRAME_S, SAMPLE_S) is None


def folded(
    drift_ppm: float, dwells: int, height: float, on: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Profiles of 0.1 s: a burst of nine bins with edges two bins long, in unit noise."""
    rng = np.random.default_rng(seed)
    times_s = 3.3 + 0.1 * np.arange(dwells)
    at = rng.uniform(0, BINS) + times_s * 1e-6 * drift_ppm / (FRAME_S / BINS)
    bins = (np.arange(BINS) - at[:, None] + BINS / 2) % BINS - BINS / 2
    shape = np.clip((5.5 - np.abs(bins)) / 2, 0, 1)
    return rng.normal(0, 1, (dwells, BINS)) + height * on[:, None] * shape, times_s


@pytest.mark.parametrize("dwells", [10, 47, 150])
@pytest.mark.parametrize("drift_ppm", [-17.3, 0.0, 9.1])
@pytest.mark.parametrize("z", [25.0, 60.0])
def test_period_of_folds(dwells: int, drift_ppm: float, z: float) -> None:
    true = FRAME_S * (1 + 1e-6 * drift_ppm)
    height = z / 3 / np.sqrt(dwells)
    # The trial lies off by half a step of the search.
    trial_ppm = drift_ppm + FRAME_S / BINS / (0.1 * dwells) * 1e6
    errors, sigmas = [], []
    for seed in range(60):
        profiles, times_s = folded(drift_ppm, dwells, height, np.ones(dwells), seed)
        found = fold_period(profiles, times_s, 1.0, FRAME_S, 1e-6 * trial_ppm, z)
        assert found is not None
        errors.append(found.period_s - true)
        sigmas.append(found.sigma_s)
    # Cramér-Rao: four bins slope by half the height each, and a line's slope.
    bound_s = FRAME_S / BINS / (z / 3) * np.sqrt(12) / (0.1 * dwells) * FRAME_S
    assert bound_s * 0.8 < np.sqrt(np.mean(np.square(errors))) < 2.2 * bound_s
    # A normal law has 68 % and 95 % within one and two deviations.
    ratios = np.abs(np.array(errors) / sigmas)
    assert 0.5 < np.mean(ratios < 1) < 0.86
    assert np.mean(ratios < 2) > 0.86


def test_pieces_without_a_burst_tell_no_phase() -> None:
    on = (np.arange(150) // 30 % 2 == 0).astype(float)
    ratios = []
    for seed in range(40):
        profiles, times_s = folded(9.1, 150, 2.0, on, seed)
        found = fold_period(profiles, times_s, 1.0, FRAME_S, 9e-6, 40.0)
        assert found is not None
        assert found.sigma_s < 0.4e-6 * FRAME_S
        ratios.append(abs(found.period_s - FRAME_S * (1 + 9.1e-6)) / found.sigma_s)
    assert np.mean(np.array(ratios) < 2) > 0.86


def test_folds_that_tell_no_period() -> None:
    profiles, times_s = folded(5.0, 150, 0.0, np.ones(150), 1)
    assert fold_period(profiles, times_s, 1.0, FRAME_S, 0.0, 40.0) is None
    strong, times_s = folded(5.0, 150, 3.0, np.ones(150), 1)
    assert fold_period(strong[:1], times_s[:1], 1.0, FRAME_S, 0.0, 40.0) is None
    # What stands out by 13 deviations leaves too little to five pieces.
    assert fold_period(strong, times_s, 1.0, FRAME_S, 0.0, 13.0) is None


def test_a_line_by_hand() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0])
    line = fit_line(x, np.array([0.0, 1.0, 0.0, 1.0]))
    # Slope 0.2, residuals (-0.2, 0.6, -0.6, 0.2): variance 0.4 over a moment of 5.
    assert line.slope == pytest.approx(0.2)
    assert line.sigma == pytest.approx((0.4 / 5) ** 0.5)
    assert line.freedom == 2
    known = fit_line(x, 2 * x, np.full(4, 0.5))
    assert known.slope == pytest.approx(2)
    assert known.least == pytest.approx(0.5 / 5**0.5)
    assert known.sigma == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("cn_db", "kind"), [(-6.0, "fold"), (5.0, "burst")])
def test_tracks_state_the_period_of_a_drifting_frame(cn_db: float, kind: str) -> None:
    terminal = {
        "kind": "starlink_uplink",
        "channel": 3,
        "cn_db": cn_db,
        "frames": [1],
        "burst_symbols": [7],
        "duty_limit": 0.3,
        "grid_drift_ppm": 18.0,
    }
    found = as_json(events(rendered(terminal, duration_s=2.0, rf_center_hz=14.2155e9)), "track")
    track = next(t for t in found if t["kind"] == kind and t["features"]["frame_period_s"])
    sigma_s = track["features"]["frame_period_sigma_s"]
    assert sigma_s < 5e-6 * FRAME_S
    assert abs(track["features"]["frame_period_s"] - FRAME_S * (1 + 18e-6)) < 4 * sigma_s
