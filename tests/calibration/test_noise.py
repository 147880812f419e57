"""Noise density and Y factor against simulated truth: estimates, and whether their
uncertainties cover it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sdr_detect.calibration.noise import NoiseDensity, noise_density
from sdr_detect.calibration.yfactor import Source, from_enr, y_factor
from sdr_detect.errors import CalibrationError
from sdr_detect.model import ComplexArray, IQBlock, StreamInfo

RATE = 2.4e6
INFO = StreamInfo("bench", RATE, 14.2e9)
BOLTZMANN = 1.380649e-23


def noise(rng: np.random.Generator, power: float, count: int = 1 << 18) -> ComplexArray:
    pairs = rng.standard_normal(2 * count, dtype=np.float32).view(np.complex64)
    scaled: ComplexArray = pairs * np.float32(math.sqrt(power / 2))
    return scaled


def blocks(samples: ComplexArray, info: StreamInfo = INFO) -> Iterator[IQBlock]:
    for first in range(0, len(samples), 1 << 17):
        yield IQBlock(info, first, samples[first : first + (1 << 17)].copy())


def test_density_is_power_over_rate_and_its_uncertainty_covers_it() -> None:
    rng = np.random.default_rng(11)
    true_db = 10 * math.log10(1e-3 / RATE)
    found = [noise_density(blocks(noise(rng, 1e-3))) for _ in range(40)]
    errors = np.array([one.dbfs_per_hz - true_db for one in found])
    covered = [abs(e) <= one.budget.expanded for e, one in zip(errors, found, strict=True)]
    assert np.mean(covered) >= 0.85
    assert abs(errors.mean()) < 4 * errors.std() / math.sqrt(len(errors))
    # A time T and a band B hold B T independent samples; half-overlapped Hann frames keep
    # 0.95 of that (Welch 1967). Three parts of 64 hops of 512 fit into a block.
    samples = 2 * 3 * 64 * 512
    assert found[0].averages == pytest.approx(0.95 * 0.8 * samples, rel=0.03)


def test_spurs_and_bursts_are_left_out() -> None:
    rng = np.random.default_rng(3)
    samples = noise(rng, 1e-3, 1 << 20)
    clean = noise_density(blocks(samples)).dbfs_per_hz
    at = np.arange(len(samples))
    spoilt = samples + np.exp(2j * np.pi * 0.11 * at).astype(np.complex64) * 0.05
    spoilt[200_000:230_000] *= 6
    found = noise_density(blocks(spoilt))
    assert found.dbfs_per_hz == pytest.approx(clean, abs=0.03)
    assert 0 < found.rejected_share < 0.15
    assert 0 < found.rejected_hz < 50e3


def test_drift_of_the_gain_is_told() -> None:
    samples = noise(np.random.default_rng(5), 1e-3, 1 << 20)
    drifting = (samples * np.linspace(1, 1.1, len(samples))).astype(np.complex64)
    found = noise_density(blocks(drifting))
    # Power goes from 1 to 1.21: uniform over that range.
    assert found.instability == pytest.approx(0.21 / math.sqrt(12) / 1.1033, rel=0.15)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[:10_000], "record a second"),
        (lambda x: x * np.where(np.arange(len(x)) % 200_000 < 90_000, 5, 1), "not quiet"),
        (lambda x: x * 0, "zeros"),
        (lambda x: x + np.where(np.arange(len(x)) == 500, np.nan, 0), "no numbers"),
    ],
)
def test_what_is_no_noise_is_refused(spoil: object, message: str) -> None:
    samples = noise(np.random.default_rng(7), 1e-3, 1 << 20)
    spoilt = spoil(samples).astype(np.complex64)  # type: ignore[operator]
    with pytest.raises(CalibrationError, match=message):
        noise_density(blocks(spoilt))


def test_clipping_and_a_change_of_settings_are_refused() -> None:
    samples = noise(np.random.default_rng(7), 0.1)
    with pytest.raises(CalibrationError, match="full scale"):
        noise_density(blocks(samples, replace(INFO, clip_level=0.8)))
    parts = [*blocks(samples), *blocks(samples, replace(INFO, gain_db=1.0))]
    with pytest.raises(CalibrationError, match="changes"):
        noise_density(parts)


def density(power: float, relative: float = 0.0) -> NoiseDensity:
    averages = 1e12 if relative == 0 else relative**-2
    return NoiseDensity(10 * math.log10(power), averages, 0.0, 2e6, 0.0, 0.0)


def test_y_factor_by_hand() -> None:
    # ENR 15 dB: 290 K * (1 + 31.6228) = 9460.6 K; cold 290 K; receiver 75 K, which is a
    # noise figure of 10 log10(365/290) = 0.9989 dB; gain 1e9 full-scale squared a watt.
    gain = 1e9
    hot = density(BOLTZMANN * gain * (9460.605 + 75))
    cold = density(BOLTZMANN * gain * (290 + 75))
    found = y_factor(hot, cold, from_enr(15.0, 0.0, 290.0, 0.0))
    assert found.y_db == pytest.approx(10 * math.log10(9535.605 / 365), abs=1e-6)
    assert found.receiver_k.value == pytest.approx(75.0, abs=1e-3)
    assert found.noise_figure_db.value == pytest.approx(0.9989, abs=1e-4)
    # dBm = dBFS - 10 log10(1e9) + 30 = dBFS - 60.
    assert found.dbm_offset_db.value == pytest.approx(-60.0, abs=1e-5)
    assert found.kgb_db.value == pytest.approx(10 * math.log10(BOLTZMANN * gain * 2e6), abs=1e-5)


def test_y_factor_sensitivities_are_the_numerical_ones() -> None:
    hot_w, cold_w, hot_k, cold_k = 2.0e-12, 1.3e-13, 9400.0, 295.0

    def at(hw: float, cw: float, hk: float, ck: float) -> tuple[float, float]:
        found = y_factor(density(hw), density(cw), Source(hk, 0, ck, 0))
        return found.noise_figure_db.value, found.dbm_offset_db.value

    steps = {"hot level": (hot_w * 1e-4, 0), "cold level": (cold_w * 1e-4, 1),
             "hot temperature": (1e-2, 2), "cold temperature": (1e-2, 3)}  # fmt: skip
    start = [hot_w, cold_w, hot_k, cold_k]
    found = y_factor(density(hot_w, 0.01), density(cold_w, 0.01), Source(hot_k, 1, cold_k, 1))
    for name, (step, place) in steps.items():
        up, down = list(start), list(start)
        up[place] += step
        down[place] -= step
        unit = 2e-4 if "level" in name else 2 * step
        for number, budget in enumerate((found.noise_figure_db, found.dbm_offset_db)):
            slope = (at(*up)[number] - at(*down)[number]) / unit
            (term,) = [t for t in budget.terms if t.name == name]
            assert term.sensitivity == pytest.approx(slope, rel=1e-3, abs=1e-7), name


def test_y_factor_uncertainty_covers_the_truth() -> None:
    """Source, gain and noise drawn anew each time, as their uncertainties say."""
    rng = np.random.default_rng(21)
    receiver_k, gain, enr_db = 180.0, 5e8, 12.0
    covered = {"nf": 0, "offset": 0}
    trials = 60
    for _ in range(trials):
        true_enr_db = enr_db + rng.normal(0, 0.1)
        cold_k = 290 + rng.normal(0, 3)
        hot_k = 290 * (1 + 10 ** (true_enr_db / 10))
        step = 10 ** (rng.normal(0, 0.05) / 10)
        scale = BOLTZMANN * gain * RATE
        hot = noise_density(blocks(noise(rng, scale * (hot_k + receiver_k) * step)))
        cold = noise_density(blocks(noise(rng, scale * (cold_k + receiver_k))))
        found = y_factor(hot, cold, from_enr(enr_db, 0.1, 290.0, 3.0), gain_drift_db=0.05)
        figure_db = 10 * math.log10(1 + receiver_k / 290)
        offset_db = 30 - 10 * math.log10(gain)
        covered["nf"] += (
            abs(found.noise_figure_db.value - figure_db) <= found.noise_figure_db.expanded
        )
        covered["offset"] += (
            abs(found.dbm_offset_db.value - offset_db) <= found.dbm_offset_db.expanded
        )
    # k = 2 covers 0.954; 60 trials tell 0.954 from less than 0.87.
    assert covered["nf"] / trials > 0.87
    assert covered["offset"] / trials > 0.87


@pytest.mark.parametrize(
    ("hot", "cold", "message"),
    [(1e-12, 1e-12, "swapped"), (1e-13, 1e-12, "swapped"), (1e-9, 1e-12, "check ENR")],
)
def test_levels_that_cannot_be_are_refused(hot: float, cold: float, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        y_factor(density(hot), density(cold), from_enr(15.0, 0.1, 290.0, 3.0))


def test_a_source_that_is_not_hot_is_refused() -> None:
    with pytest.raises(CalibrationError, match="hot must be above cold"):
        Source(290.0, 1.0, 295.0, 1.0)
