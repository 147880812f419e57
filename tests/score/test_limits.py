"""Limits against values computed elsewhere, and against simulated energies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdr_detect.score.limits import (
    chirp_sigma_hz_per_s,
    matched_burst_db,
    period_sigma,
    quantisation_s,
    radiometer_db,
    slope_db,
)

#: Duration, bandwidth, Pfa and the C/N of the design study, Pd 0.9, 10 % duty.
MATCHED = [
    (0.1, 2e6, 1e-3, -15.0),
    (1.0, 2e6, 1e-3, -20.1),
    (15.0, 2e6, 1e-3, -26.0),
    (0.1, 2e6, 1e-6, -13.6),
    (1.0, 2e6, 1e-6, -18.7),
    (15.0, 2e6, 1e-6, -24.6),
    (0.1, 16e6, 1e-6, -18.2),
    (1.0, 16e6, 1e-6, -23.2),
    (15.0, 16e6, 1e-6, -29.1),
]

RADIOMETER = [
    (0.01, 2e6, 1e-3, -5.2),
    (0.1, 2e6, 1e-3, -10.1),
    (1.0, 2e6, 1e-3, -15.1),
    (15.0, 2e6, 1e-3, -21.0),
    (0.1, 16e6, 1e-3, -14.6),
    (1.0, 16e6, 1e-3, -19.6),
]


@pytest.mark.parametrize(("duration_s", "bandwidth_hz", "pfa", "expected_db"), MATCHED)
def test_matched_burst_agrees_with_the_study(
    duration_s: float, bandwidth_hz: float, pfa: float, expected_db: float
) -> None:
    # From 20 000 samples on; with fewer the study's normal law is no longer exact.
    found_db = matched_burst_db(duration_s, 0.1, bandwidth_hz, pfa)
    assert found_db == pytest.approx(expected_db, abs=0.1)


@pytest.mark.parametrize(("duration_s", "bandwidth_hz", "pfa", "expected_db"), RADIOMETER)
def test_radiometer_agrees_with_the_study(
    duration_s: float, bandwidth_hz: float, pfa: float, expected_db: float
) -> None:
    # The study simulated it; 0.2 dB is its own stated spread.
    found_db = radiometer_db(duration_s, 0.1, bandwidth_hz, pfa)
    assert found_db == pytest.approx(expected_db, abs=0.2)


def test_a_vsat_carrier_is_a_burst_that_never_ends() -> None:
    assert matched_burst_db(0.1, 1.0, 0.5e6, 1e-6) == pytest.approx(-15.6, abs=0.1)
    assert radiometer_db(0.1, 1.0, 0.5e6, 1e-6) == matched_burst_db(0.1, 1.0, 0.5e6, 1e-6)


def test_limits_hold_for_simulated_energies() -> None:
    """Few samples, where no normal law helps: draw the energies and count."""
    pfa, pd, samples, duty = 0.01, 0.8, 400.0, 0.2
    rng = np.random.default_rng(8)
    on = rng.gamma(samples * duty, size=(2, 200_000))
    off = rng.gamma(samples * (1 - duty), size=(2, 200_000))
    for limit, rest in ((matched_burst_db, 0.0), (radiometer_db, 1.0)):
        gain = 1 + 10 ** (limit(1.0, duty, samples, pfa, pd) / 10)
        threshold = np.quantile(on[0] + rest * off[0], 1 - pfa)
        assert np.mean(gain * on[1] + rest * off[1] > threshold) == pytest.approx(pd, abs=0.01)


def test_slope_is_that_of_the_matched_burst() -> None:
    """Pd at the requirement plus and minus one slope, from exact quantiles."""
    width = 2e6 * 0.1
    high = matched_burst_db(1.0, 1.0, width, 1e-6, 0.9)
    middle = matched_burst_db(1.0, 1.0, width, 1e-6, 0.5)
    assert high - middle == pytest.approx(1.2816 * slope_db(1e-6), rel=0.15)


def test_chirp_bound_of_the_study() -> None:
    assert chirp_sigma_hz_per_s(-40.0, 2.4e6, 1.0) == pytest.approx(0.195, abs=0.001)


def test_period_bound_is_that_of_a_fitted_line() -> None:
    rng = np.random.default_rng(4)
    bursts, sigma_s, period_s = 200, 2e-6, 4 / 3000
    index = np.arange(bursts)
    starts = index * period_s + rng.normal(0, sigma_s, (4000, bursts))
    fitted = np.polynomial.polynomial.polyfit(index, starts.T, 1)[1]
    spread = float(np.std(fitted / period_s - 1))
    assert spread == pytest.approx(period_sigma(sigma_s, bursts, bursts * period_s), rel=0.05)


def test_quantisation_is_the_spread_of_a_uniform_error() -> None:
    errors = np.random.default_rng(2).uniform(-0.5, 0.5, 100_000)
    assert quantisation_s(3e-6) == pytest.approx(3e-6 * float(errors.std()), rel=0.01)
    assert quantisation_s(1.0) == pytest.approx(1 / math.sqrt(12))
