"""Symbol rate, drift, occupied bandwidth, gain steps and grids, each on known input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from sdr_detect.dsp.gain_step import remove_gain_steps
from sdr_detect.dsp.occupancy import occupied
from sdr_detect.features.drift import drift_of
from sdr_detect.features.grid import common_period_s, grid_test
from sdr_detect.features.symbol_rate import SymbolRate, SymbolRateResult
from sdr_detect.model import ComplexArray
from tests.core.streams import as_json, band_noise, dwells, events, noise, one_block, stream_info

FRAME_S = 4 / 3 * 1e-3


def qpsk(rate_hz: float, symbol_rate_hz: float, count: int, seed: int) -> ComplexArray:
    """Root-raised-cosine QPSK of unit power, roll-off 0.25, made at 16 samples a symbol."""
    over, span, roll = 16, 12, 0.25
    rng = np.random.default_rng(seed)
    number = int(count / rate_hz * symbol_rate_hz) + 4 * span
    symbols = np.exp(0.5j * np.pi * (rng.integers(0, 4, number) + 0.5))
    # The raised cosine's spectrum under a root, transformed: no closed form to get wrong.
    size = 4096
    f = np.abs(np.fft.fftfreq(size) * over)
    edge = np.clip((f - (1 - roll) / 2) / roll, 0, 1)
    taps = np.fft.fftshift(np.fft.ifft(np.cos(np.pi / 2 * edge)).real)
    taps = taps[size // 2 - span * over : size // 2 + span * over + 1]
    wave = signal.fftconvolve(np.kron(symbols, np.eye(1, over)[0]), taps)[span * over :]
    at = np.arange(count) / rate_hz * symbol_rate_hz * over
    samples = np.interp(at, np.arange(wave.size), wave)
    return np.asarray(samples / np.sqrt(np.mean(np.abs(samples) ** 2)), np.complex64)


def measured(samples: ComplexArray, rate_hz: float, width_hz: float) -> SymbolRateResult | None:
    meter = SymbolRate(rate_hz, -0.7 * width_hz, 0.7 * width_hz, width_hz)
    for start in range(0, samples.size - 131_072 + 1, 131_072):
        meter.add(samples[start:], start)
    return meter.result()


@pytest.mark.parametrize("symbol_rate_hz", [64e3, 270_833.3, 500e3])
@pytest.mark.parametrize("snr_db", [3.0, 12.0])
def test_symbol_rate_of_a_single_carrier(symbol_rate_hz: float, snr_db: float) -> None:
    count = 4 * 131_072
    noise_power = 10 ** (-snr_db / 10) * 2.4e6 / symbol_rate_hz
    samples = qpsk(2.4e6, symbol_rate_hz, count, 3) + noise(count, 4, noise_power)
    result = measured(samples, 2.4e6, 1.06 * symbol_rate_hz)
    assert result is not None
    assert result.symbol_rate_hz == pytest.approx(symbol_rate_hz, rel=1e-3)
    assert result.pfa < 1e-6
    assert result.sigma_hz < 1e-3 * symbol_rate_hz


@pytest.mark.parametrize("seed", range(12))
def test_noise_has_no_symbol_rate(seed: int) -> None:
    band = band_noise(2 * 131_072, seed, -0.1, 0.1)
    for samples in (noise(2 * 131_072, seed), band):
        result = measured(samples, 2.4e6, 480e3)
        assert result is None or result.pfa > 1e-4


def test_ofdm_has_no_symbol_rate() -> None:
    # 64 carriers 15 kHz apart with a prefix of a sixteenth.
    rng = np.random.default_rng(1)
    size, prefix = 160, 10
    symbols = []
    for _ in range(2 * 131_072 // (size + prefix) + 1):
        spectrum = np.zeros(size, complex)
        spectrum[np.r_[1:33, -32:0]] = np.exp(0.5j * np.pi * rng.integers(0, 4, 64))
        symbol = np.fft.ifft(spectrum) * size / 8
        symbols.append(np.concatenate((symbol[-prefix:], symbol)))
    samples = np.concatenate(symbols).astype(np.complex64)[: 2 * 131_072]
    result = measured(samples + noise(samples.size, 2, 0.1), 2.4e6, 960e3)
    assert result is None or result.pfa > 1e-6


def test_drift_and_its_error() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(0, 20, 0.1)
    slopes, sigmas = [], []
    for _ in range(200):
        found = drift_of(list(times), list(1000 + 37.5 * times + rng.normal(0, 20, times.size)))
        assert found is not None
        slopes.append(found.rate_hz_per_s)
        sigmas.append(found.sigma_hz_per_s)
    assert np.mean(slopes) == pytest.approx(37.5, abs=0.1)
    # The stated error is the scatter that there is.
    assert np.mean(sigmas) == pytest.approx(np.std(slopes), rel=0.2)


def test_drift_needs_four_points() -> None:
    assert drift_of([0, 1, 2], [0, 1, 2]) is None
    found = drift_of([0, 1, 2, 3], [5, 7, 9, 11])
    assert found is not None
    assert (found.rate_hz_per_s, found.sigma_hz_per_s) == pytest.approx((2.0, 0.0), abs=1e-9)


def test_occupied_bandwidth_of_a_rectangle() -> None:
    used = np.ones(1000, bool)
    excess = np.zeros(1000)
    excess[300:700] = 10.0
    # 99 % of 400 equal bins: half a per cent, two bins, lies outside on each side.
    low, high = occupied(excess, np.ones(1000), 1e4, used)
    assert low == pytest.approx(302, abs=1)
    assert high == pytest.approx(697, abs=1)


def test_occupied_bandwidth_of_a_triangle() -> None:
    used = np.ones(2001, bool)
    excess = np.maximum(0, 1 - np.abs(np.arange(2001) - 1000) / 800)
    low, high = occupied(excess, np.full(2001, 1e-6), 1e6, used)
    # Each tail of a triangle holds (1 - x)² / 2 of the whole beyond x: 0.5 % at x = 0.9.
    assert (low, high) == pytest.approx((1000 - 720, 1000 + 720), abs=2)


def test_occupied_bandwidth_ignores_noise_and_unused_bins() -> None:
    rng = np.random.default_rng(5)
    floor, frames = np.ones(1000), 100.0
    excess = rng.normal(0, 0.1, 1000)
    excess[400:500] += 5.0
    used = np.ones(1000, bool)
    used[900:] = False
    excess[950] = 1e6
    low, high = occupied(excess, floor, frames, used)
    assert 398 <= low <= 403
    assert 496 <= high <= 501


def test_occupied_bandwidth_of_nothing_is_everything() -> None:
    used = np.zeros(64, bool)
    used[10:50] = True
    assert occupied(np.zeros(64), np.ones(64), 10, used) == (10, 49)


def test_a_floor_that_is_known_badly_widens_no_band() -> None:
    """Eight milliseconds of a narrow burst: its own mean is known to 4 %, the floor to 11 %."""
    rng = np.random.default_rng(4)
    used = np.ones(64, bool)
    widths = []
    for _ in range(200):
        excess = 0.1125 * rng.standard_normal(64) + 0.04 * rng.standard_normal(64)
        excess[30:33] += (1.5, 6.0, 1.5)
        low, high = occupied(excess, np.ones(64), 620, used, 0.1125)
        assert low <= 30 < 32 <= high
        widths.append(high - low + 1)
    # Three deviations leave 0.13 % of each of 61 bins.
    assert np.mean(np.array(widths) == 3) > 0.85


@pytest.mark.parametrize("step_db", [3.0, -3.0, 1.0])
@pytest.mark.parametrize("at", [96_000, 100_000, 120_001, 130_000, 140_000])
def test_a_gain_step_is_reported_and_taken_out(step_db: float, at: int) -> None:
    samples = noise(260_000, 6)
    samples[at:] *= np.float32(10 ** (step_db / 20))
    dwell = next(iter(dwells(samples, stream_info(2.4e6))))
    (step,) = remove_gain_steps(dwell)
    assert abs(step.sample - at) < 2.4e6 * 0.5e-3
    assert step.step_db == pytest.approx(step_db, abs=0.3)
    level = [float(dwell.energy[:1500].mean()), float(dwell.energy[-1500:].mean())]
    assert level[1] / level[0] == pytest.approx(1, abs=0.08)


def test_a_gain_step_makes_no_burst() -> None:
    samples = noise(500_000, 7)
    samples[130_000:] *= 2
    found = as_json(events(one_block(samples, stream_info(2.4e6)), None, ()))
    assert [line.get("reason") for line in found] == ["gain_step", None]


def test_bursts_and_drift_are_no_gain_step() -> None:
    info = stream_info(2.4e6)
    burst = noise(260_000, 8)
    burst[120_000:132_000] *= 2
    swing = noise(260_000, 9)
    swing *= np.linspace(1, 1.6, swing.size, dtype=np.float32)
    busy = noise(260_000, 11)
    for start in range(50_000, 170_000, 6000):  # on air for a third, then silent
        busy[start : start + 2000] *= 5
    for samples in (burst, swing, busy, noise(260_000, 10)):
        assert remove_gain_steps(next(iter(dwells(samples, info)))) == []


def starts_on_grid(
    period_s: float, multiples: list[int], count: int, jitter_s: float, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    steps = rng.choice(multiples, count)
    return 0.0123 + np.cumsum(steps) * period_s + rng.normal(0, jitter_s, count)


@pytest.mark.parametrize("drift_ppm", [0.0, 20.0])
@pytest.mark.parametrize("count", [14, 60, 400])
def test_a_grid_is_found_despite_jitter_and_drift(drift_ppm: float, count: int) -> None:
    period_s = FRAME_S * (1 + drift_ppm * 1e-6)
    result = grid_test(starts_on_grid(period_s, [5, 6, 7, 8, 12, 14], count, 3e-6, 1), FRAME_S)
    assert result is not None
    assert result.kept
    assert result.on_grid > 0.6 * count
    assert set(result.multiples) <= set(range(1, 64))


def test_a_grid_is_found_among_strangers() -> None:
    rng = np.random.default_rng(2)
    mine = starts_on_grid(FRAME_S, [5, 6, 7, 8], 60, 3e-6, 3)
    result = grid_test(np.concatenate((mine, rng.uniform(0, 0.5, 60))), FRAME_S)
    assert result is not None
    assert result.kept
    assert 60 <= result.on_grid <= 75


@pytest.mark.parametrize(
    "period_s", [1 / 750.2, 1 / 749.0, 1e-3, 1 / 1000.1, 4.61538e-3, 20e-3 / 3 * 1.01]
)
def test_another_rate_is_no_frame_grid(period_s: float) -> None:
    # 0.2 Hz beside 750 Hz moves a turn in 5 s: it takes more than a second to tell.
    starts = np.arange(0, 3.0, period_s)
    result = grid_test(starts, FRAME_S)
    assert result is not None
    assert not result.kept


def test_multiples_of_the_frame_keep_its_grid() -> None:
    # A radar every 8 ms keeps a grid of 4/3 ms by arithmetic: only the waveform tells.
    result = grid_test(np.arange(0, 2.0, 8e-3), FRAME_S)
    assert result is not None
    assert result.pfa < 1e-6
    assert set(result.multiples) == {6}


def test_a_grid_needs_four_starts() -> None:
    assert grid_test([0.0, FRAME_S, 2 * FRAME_S], FRAME_S) is None


def test_common_period() -> None:
    rng = np.random.default_rng(4)
    starts = np.arange(50) * 8e-3 + rng.normal(0, 1e-6, 50)
    period_s = common_period_s(list(starts), 3.3e-6)
    assert period_s == pytest.approx(8e-3, rel=1e-3)
    assert common_period_s(list(rng.uniform(0, 1, 50)), 3.3e-6) is None
    assert common_period_s([0.1, 0.2], 3.3e-6) is None


def test_a_grid_is_kept_however_long_the_watch() -> None:
    """The chance of minutes of starts lies far below any float."""
    starts = np.arange(0, 300, 0.1)
    starts = np.round(starts / (4 / 3e3)) * (4 / 3e3)
    result = grid_test(starts, 4 / 3e3)
    assert result is not None
    assert result.kept
    random = grid_test(np.sort(np.random.default_rng(3).uniform(0, 300, 3000)), 4 / 3e3)
    assert random is not None
    assert not random.kept
