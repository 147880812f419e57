"""Repetition is found at its true lag, and only where there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from sdr_detect.dsp.autocorr import Correlator, LagGrid
from sdr_detect.features.lag import LagMeter, LagSum
from sdr_detect.model import ComplexArray
from sdr_detect.settings import LagSettings
from tests.core.streams import as_json, events, noise, one_block, stream_info

UNBOUNDED = LagSettings(body_samples_per_dwell=10**9)
RATES_HZ = (2.4e6, 20e6)
PREAMBLE_S, SYMBOL_S = 128 / 60e6, 1024 / 60e6


def sampled(
    wave: Callable[[NDArray[np.float64]], NDArray[np.complex128]],
    rate_hz: float,
    count: int,
    start_s: float,
) -> ComplexArray:
    """Samples of a function of time."""
    return np.asarray(wave(start_s + np.arange(count) / rate_hz), np.complex64)


def repeated_sequence(
    period_s: float, width_hz: float, seed: int
) -> Callable[[NDArray[np.float64]], NDArray[np.complex128]]:
    """A periodic random function of time: a Fourier series, so it needs no resampling."""
    rng = np.random.default_rng(seed)
    orders = np.arange(-int(width_hz / 2 * period_s), int(width_hz / 2 * period_s) + 1)
    phases = np.exp(2j * np.pi * rng.uniform(size=orders.size))

    def wave(times: NDArray[np.float64]) -> NDArray[np.complex128]:
        turns = np.outer(np.mod(times, period_s) / period_s, orders)
        total = np.exp(2j * np.pi * turns) @ phases
        return np.asarray(total / np.sqrt(orders.size), np.complex128)

    return wave


def heads(
    rate_hz: float, snr_db: float, bursts: int, dwells: int, period_s: float = PREAMBLE_S
) -> tuple[LagMeter, LagSum]:
    """A sum over preambles of one terminal, each at its own fraction of a sample."""
    meter = LagMeter(rate_hz, UNBOUNDED)
    total = meter.new_head_sum()
    rng = np.random.default_rng(5)
    wave = repeated_sequence(period_s, 0.8 * rate_hz, 1)
    length, flat = round(60e-6 * rate_hz), np.ones(64, np.float32)
    for k in range(dwells):
        for n in range(bursts):
            samples = noise(length, 1000 * k + n, power=10 ** (-snr_db / 10))
            start = round(10e-6 * rate_hz)
            part = sampled(wave, rate_hz, round(17e-6 * rate_hz), rng.uniform(0, 1e-6))
            samples[start : start + part.size] += part
            lags = meter.burst(samples, start, samples.size, flat)
            assert lags is not None
            total.add(lags.head)
        total.close_dwell()
    return meter, total


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("snr_db", [3.0, 15.0])
def test_copies_between_samples_are_placed_to_a_fraction(rate_hz: float, snr_db: float) -> None:
    # 2.1333 µs are 5.12 samples at 2.4 Msps. Tolerance: 0.05 samples, and 2 ns.
    _, total = heads(rate_hz, snr_db, bursts=8, dwells=6)
    peak = total.test_comb(PREAMBLE_S, 0.006)
    assert peak is not None
    assert peak.pfa < 1e-12
    assert abs(peak.lag_s - PREAMBLE_S) < max(0.05 / rate_hz, 2e-9)
    assert 0.2 < peak.strength <= 1


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_copies_are_found_without_knowing_their_length(rate_hz: float) -> None:
    _, total = heads(rate_hz, 10.0, bursts=8, dwells=4)
    lags = [p.lag_s for p in total.peaks(1e-6)]
    multiples = np.array(lags) / PREAMBLE_S
    assert np.any(np.abs(multiples - 1) < 0.02)
    # The strongest is the length or a multiple of it.
    assert abs(multiples[0] - round(multiples[0])) < 0.02


@pytest.mark.parametrize(
    ("rate_hz", "other"),
    # At 2.4 Msps lengths 3 % apart are a sixth of a sample apart: not resolved.
    [(r, x) for r, off in ((2.4e6, 0.05), (20e6, 0.03)) for x in (0.9, 1 - off, 1 + off, 1.1, 1.6)],
)
def test_copies_of_another_length_do_not_pass_for_it(rate_hz: float, other: float) -> None:
    _, total = heads(rate_hz, 15.0, bursts=8, dwells=4, period_s=other * PREAMBLE_S)
    peak = total.test_comb(PREAMBLE_S, 0.006)
    assert peak is None or peak.pfa > 1e-5


def test_a_slice_too_narrow_for_a_preamble_says_so() -> None:
    meter = LagMeter(250e3, UNBOUNDED)
    assert not meter.resolves_head
    assert meter.burst(noise(1000, 1), 0, 500, np.ones(32, np.float32)) is None


def prefixed(
    rate_hz: float, symbols: int, symbol_s: float, prefix_s: float, seed: int, width_hz: float
) -> ComplexArray:
    """OFDM as a function of time: each symbol a Fourier series, its start repeated behind."""
    whole = symbol_s + prefix_s
    times = np.arange(round(symbols * whole * rate_hz)) / rate_hz
    out = np.empty(times.size, np.complex64)
    number = np.floor(times / whole).astype(int)
    for k in range(number[-1] + 1):
        here = number == k
        out[here] = repeated_sequence(symbol_s, width_hz, 100 * seed + k)(times[here] - k * whole)
    return out


@pytest.mark.parametrize(("rate_hz", "dwells", "bursts"), [(2.4e6, 4, 8), (20e6, 1, 3)])
def test_cyclic_prefixes_are_found_at_the_symbols_length(
    rate_hz: float, dwells: int, bursts: int
) -> None:
    meter = LagMeter(rate_hz, UNBOUNDED)
    total = meter.new_body_sum()
    flat = np.ones(64, np.float32)
    for k in range(dwells):
        for n in range(bursts):
            burst = prefixed(rate_hz, 46, SYMBOL_S, 0.8e-6, 10 * k + n, 0.8 * rate_hz)
            samples = burst + noise(burst.size, 10 * k + n, power=0.1)
            lags = meter.burst(samples, 0, samples.size, flat)
            assert lags is not None
            assert lags.body is not None
            total.add(lags.body)
        total.close_dwell()
    peak = total.test(SYMBOL_S, 0.006)
    assert peak is not None
    assert peak.pfa < 1e-6
    assert abs(peak.lag_s - SYMBOL_S) < max(0.15 / rate_hz, 10e-9)
    # A prefix of 0.8 µs in 17.87 µs repeats 4.5 % of the power.
    assert peak.strength == pytest.approx(0.8 / 17.87, rel=0.5)
    wrong = total.test(SYMBOL_S * 1.05, 0.006)
    assert wrong is not None
    assert wrong.pfa > 1e-3


FILTERS = {
    "flat": np.ones(1),
    "butter": signal.sosfilt(signal.butter(8, 0.8, output="sos"), np.eye(1, 200)[0]),
    "slope": np.array([1.0, 0.35]),
    "ripple": np.eye(1, 4)[0] + 0.1 * np.eye(1, 4, 3)[0],
}


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", FILTERS)
def test_a_receivers_filter_is_no_repetition(rate_hz: float, name: str) -> None:
    # 0.35 s of nothing but filtered noise must show no stream at all.
    count = int(0.35 * rate_hz)
    samples = signal.fftconvolve(noise(count, 31), FILTERS[name], mode="same")
    found = as_json(events(one_block(samples.astype(np.complex64), stream_info(rate_hz)), None, ()))
    assert [line["type"] for line in found] == ["verdict"]


@pytest.mark.parametrize("tone_db", [-10.0, 0.0, 20.0])
def test_a_steady_tone_is_no_repetition(tone_db: float) -> None:
    meter = LagMeter(2.4e6, UNBOUNDED)
    heads_, bodies = meter.new_head_sum(), meter.new_body_sum()
    turn = 2j * np.pi * 0.137 * np.arange(240_000)
    tone = (10 ** (tone_db / 20) * np.exp(turn)).astype(np.complex64)
    floor = np.ones(64, np.float32)
    at = round(0.137 * 64) + 32
    floor[at - 1 : at + 2] += np.float32(64 * 10 ** (tone_db / 10)) * np.array(
        [0.17, 0.67, 0.17], np.float32
    )
    for k in range(4):
        samples = noise(240_000, k) + tone
        for start in range(0, 200_000, 25_000):
            lags = meter.burst(samples, start, start + 2016, floor)
            assert lags is not None
            assert lags.body is not None
            heads_.add(lags.head)
            bodies.add(lags.body)
        heads_.close_dwell()
        bodies.close_dwell()
    preamble = heads_.test_comb(PREAMBLE_S, 0.006)
    assert preamble is None or preamble.pfa > 1e-6
    for lag_s in (SYMBOL_S, 1024 / 62.5e6, 4.2666667e-6, 66.6666667e-6):
        peak = bodies.test(lag_s, 0.006)
        assert peak is None or peak.pfa > 1e-6
    assert bodies.peaks(1e-6) == []


@pytest.mark.parametrize("size", [400, 5000])  # either side of what lanes transform
def test_products_are_those_of_the_plain_sum(size: int) -> None:
    grid = LagGrid(2.4e6, 9e-6)
    samples = noise(size, 3)
    samples[12:] += samples[:-12] * np.float32(0.8)
    got = Correlator(grid, samples.size, 0.0)([samples])[0]
    level = np.mean(np.abs(samples) ** 2)
    for lag in range(1, 20):
        direct = np.sum(samples[lag:] * samples[:-lag].conj()) / level
        assert got.products[2 * lag] == pytest.approx(direct, abs=2e-3 * samples.size)
        assert got.pairs[2 * lag] == samples.size - lag


def test_lag_grid() -> None:
    grid = LagGrid(2.4e6, 9e-6)
    assert grid.size == 43
    assert grid.lags_s[1] == pytest.approx(1 / 4.8e6)
    assert grid.lags_s[-1] <= 9e-6


def test_an_empty_sum_claims_nothing() -> None:
    total = LagMeter(2.4e6, UNBOUNDED).new_head_sum()
    assert total.peaks(0.5) == []
    assert total.test(PREAMBLE_S, 0.006) is None
    assert total.test_comb(PREAMBLE_S, 0.006) is None
