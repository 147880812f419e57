"""Symbol timing is measured blindly, and only where there are symbols."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from sdr_detect.dsp.cyclic import lag_products, segment_spectra, whiten
from sdr_detect.features.lag import LagMeter, LagPeak
from sdr_detect.features.ofdm import HELD_SAMPLES, OfdmSum
from sdr_detect.features.symbol_comb import OfdmEstimate, SymbolComb
from sdr_detect.model import ComplexArray
from sdr_detect.settings import LagSettings
from sdr_detect.simulate.modulation import linear_burst, ofdm, random_symbols, root_raised_cosine
from tests.core.streams import as_json, events, noise, rendered
from tests.test_real_recordings import tracks_of

UNBOUNDED = LagSettings(body_samples_per_dwell=10**9)
#: Size, spacing, prefixes and postfix at their own rate; resampling; rate received.
UPLINK = (1024, 60e6 / 1024, (24,), 24)
LTE = (2048, 15e3, (160, *[144] * 6), 0)
NR = (1024, 30e3, (88, *[72] * 13), 0)
WIFI = (64, 20e6 / 64, (16,), 0)
DOWNLINK = (128, 240e6 / 1024, (4,), 0)  # the middle eighth of 1024 carriers and a prefix of 32

Wave = tuple[int, float, tuple[int, ...], int]


def burst(
    wave: Wave, ratio: tuple[int, int], seed: int, *, symbols: int = 48, used: float = 0.9
) -> ComplexArray:
    """One burst of unit power that starts somewhere in a symbol."""
    size, spacing_hz, prefix, postfix = wave
    rng = np.random.default_rng(seed)
    half = int(used * size / 2)
    grid = np.zeros((symbols, size), np.complex64)
    grid[:, size // 2 - half : size // 2 + half] = random_symbols(rng, "qpsk", (symbols, 2 * half))
    before = list(itertools.islice(itertools.cycle(prefix), symbols))
    samples = resample_poly(ofdm(grid, spacing_hz, before, postfix), *ratio)
    samples = samples[rng.integers(samples.size // symbols) :]
    samples *= np.exp(2j * np.pi * rng.uniform()) / np.sqrt(np.mean(np.abs(samples) ** 2))
    return np.asarray(samples, np.complex64)


def summed(
    rate_hz: float, dwells: Sequence[Sequence[ComplexArray]], snr_db: float, *, gated: bool = True
) -> OfdmSum:
    """Bursts of several dwells in noise."""
    meter = LagMeter(rate_hz, UNBOUNDED)
    lags = meter.new_body_sum()
    total = OfdmSum(rate_hz, lags, gated=gated)
    seeds = itertools.count(900)
    for bodies in dwells:
        for body in bodies:
            received = body + noise(body.size, next(seeds), 10 ** (-snr_db / 10))
            correlation = meter.stream(received)
            assert correlation is not None
            lags.add(correlation)
            total.add(received)
        lags.close_dwell()
        total.close_dwell()
    return total


def estimated(
    rate_hz: float, make: Callable[[int], ComplexArray], snr_db: float, bursts: int = 2
) -> OfdmEstimate | None:
    """The estimate from two dwells."""
    seeds = itertools.count()
    dwells = [[make(next(seeds)) for _ in range(bursts)] for _ in range(2)]
    return summed(rate_hz, dwells, snr_db).estimate()


# Reference: samples of symbol and extension over the rate of each standard.
@pytest.mark.parametrize(
    ("wave", "rate_hz", "ratio", "useful_s", "symbol_s"),
    [
        (LTE, 20e6, (125, 192), 1 / 15e3, 0.5e-3 / 7),
        (LTE, 15e6, (125, 256), 1 / 15e3, 0.5e-3 / 7),
        (NR, 20e6, (125, 192), 1 / 30e3, 0.5e-3 / 14),
        (WIFI, 20e6, (1, 1), 3.2e-6, 4.0e-6),
        (WIFI, 15e6, (3, 4), 3.2e-6, 4.0e-6),
        (UPLINK, 20e6, (1, 3), 1024 / 60e6, 1072 / 60e6),
        (UPLINK, 15e6, (1, 4), 1024 / 60e6, 1072 / 60e6),
        (DOWNLINK, 20e6, (2, 3), 1024 / 240e6, 1056 / 240e6),
        (DOWNLINK, 15e6, (1, 2), 1024 / 240e6, 1056 / 240e6),
    ],
)
def test_symbol_and_useful_symbol_are_told_apart(
    wave: Wave, rate_hz: float, ratio: tuple[int, int], useful_s: float, symbol_s: float
) -> None:
    symbols = max(20, round(0.84e-3 / symbol_s))
    got = estimated(rate_hz, lambda seed: burst(wave, ratio, seed, symbols=symbols), 8.0)
    assert got is not None
    assert got.pfa < 1e-6
    assert abs(got.useful_symbol_s - useful_s) < min(12e-9, 5 * got.useful_symbol_sigma_s)
    # Uneven prefixes: symbols of LTE last 0.1 % less than their average, but for one of seven.
    assert got.symbol_s == pytest.approx(symbol_s, rel=1.5e-3)
    assert got.symbol_sigma_s < 1e-3 * symbol_s
    assert got.extension_s == pytest.approx(symbol_s - useful_s, abs=0.04 * (symbol_s - useful_s))


@pytest.mark.parametrize("prefix", [256, 128, 64, 32])
@pytest.mark.parametrize(("rate_hz", "down"), [(20e6, 3), (15e6, 4)])
def test_extensions_of_a_quarter_to_a_thirty_second(prefix: int, rate_hz: float, down: int) -> None:
    wave = (1024, 60e6 / 1024, (prefix,), 0)
    got = estimated(rate_hz, lambda seed: burst(wave, (1, down), seed), 5.0)
    assert got is not None
    assert got.useful_symbol_s == pytest.approx(1024 / 60e6, abs=12e-9)
    assert abs(got.symbol_s - (1024 + prefix) / 60e6) < 5 * got.symbol_sigma_s
    assert got.symbol_sigma_s < 10e-9
    assert abs(got.extension_s - prefix / 60e6) < 4 * got.extension_sigma_s


def test_a_narrow_slice_resolves_the_extension_of_the_uplink() -> None:
    # 0.8 µs in 2.4 MHz: 1.9.
    got = estimated(2.4e6, lambda seed: burst(UPLINK, (1, 25), seed, symbols=47), 10.0, bursts=8)
    assert got is not None
    assert got.pfa < 1e-6
    assert abs(got.useful_symbol_s - 1024 / 60e6) < 4 * got.useful_symbol_sigma_s
    assert abs(got.symbol_s - 1072 / 60e6) < 5 * got.symbol_sigma_s < 25e-9


def test_a_slice_too_narrow_for_the_extension_says_nothing() -> None:
    # 0.133 µs in 2.4 MHz: 0.3. The lag itself is plain.
    bodies = [burst(DOWNLINK, (2, 25), k, symbols=400) for k in range(8)]
    total = summed(2.4e6, [bodies], 20.0)
    got = total.estimate()
    assert got is None or got.pfa > 1e-3
    comb = SymbolComb(1024 / 240e6, 2.4e6)
    comb.add([whiten(bodies[1], 1 / 6)])
    assert comb.segments
    assert comb.result(LagPeak(1024 / 240e6, 1e-9, 0.01, 1e-9), 1) is None


def test_the_comb_is_found_where_no_lag_stands_out() -> None:
    meter = LagMeter(20e6, UNBOUNDED)
    bursts = [burst(UPLINK, (1, 3), k, symbols=47) for k in range(8)]
    dwells = [bursts[:4], bursts[4:]]
    total = summed(20e6, dwells, -3.0)
    lags = meter.new_body_sum()
    for bodies in dwells:
        for k, body in enumerate(bodies):
            correlation = meter.stream(body + noise(body.size, 900 + k, 10**0.3))
            assert correlation is not None
            lags.add(correlation)
        lags.close_dwell()
    assert lags.peaks(1e-6) == []
    got = total.estimate()
    assert got is not None
    assert got.pfa < 1e-6
    assert abs(got.symbol_s - 1072 / 60e6) < 5 * got.symbol_sigma_s


def test_the_stated_error_is_the_real_one() -> None:
    errors = []
    for k in range(12):
        bodies = [burst(UPLINK, (1, 3), 50 * k + n, symbols=47) for n in range(4)]
        got = summed(20e6, [bodies[:2], bodies[2:]], 0.0).estimate()
        assert got is not None
        errors.append(
            (
                (got.symbol_s - 1072 / 60e6) / got.symbol_sigma_s,
                (got.useful_symbol_s - 1024 / 60e6) / got.useful_symbol_sigma_s,
            )
        )
    rms = np.sqrt(np.mean(np.square(errors), axis=0))
    assert np.all((rms > 0.4) & (rms < 1.7)), rms


def test_packets_of_any_phase_state_their_doubt() -> None:
    # Pauses cut out: some twenty symbols, then another phase.
    packets = [burst(WIFI, (1, 1), k, symbols=20) for k in range(56)]
    bodies = [np.concatenate(packets[14 * k : 14 * k + 14]) for k in range(4)]
    got = summed(20e6, [bodies[:2], bodies[2:]], 15.0).estimate()
    assert got is not None
    assert got.symbol_sigma_s > 10e-9
    assert abs(got.symbol_s - 4e-6) < 3 * got.symbol_sigma_s


def test_noise_shows_a_comb_as_rarely_as_stated() -> None:
    peak = LagPeak(17.0e-6, 1e-9, 0.01, 1e-9)
    chances = []
    for k in range(300):
        comb = SymbolComb(peak.lag_s, 2.4e6)
        comb.add([whiten(noise(2016, 2 * k + n), 1 / 6) for n in range(2)])
        result = comb.result(peak, 1)
        chances.append(1.0 if result is None else result[1].pfa)
    for stated in (0.02, 0.1, 0.3):
        share = np.mean(np.array(chances) < stated)
        assert share < stated + 3 * np.sqrt(stated / 300)
    assert np.mean(np.array(chances) < 0.3) > 0.02  # nor as good as never


def chance_of_comb(period: float, lag: int, length: int) -> float:
    """Chance of the comb of noise of which, once a period, ``length`` samples return later."""
    comb = SymbolComb(lag / 20e6, 20e6)
    for seed in range(8):
        samples = noise(16_800, seed)
        for first in np.arange(0, samples.size - lag - length, period):
            at = round(first)
            samples[at + lag : at + lag + length] = samples[at : at + length]
        comb.add([whiten(samples, 0.02)])
    result = comb.result(LagPeak(lag / 20e6, 1e-9, 0.1, 1e-9), 1)
    return 1.0 if result is None else result[1].pfa


def test_only_a_comb_of_its_own_is_one() -> None:
    assert chance_of_comb(357.3, 341, 16) < 1e-12
    # A longer period, of which the comb shows every third line: pilots of some symbols.
    assert chance_of_comb(3 * 357.3, 341, 48) > 1e-3
    # Half the period: its odd lines are missing.
    assert chance_of_comb(357.3 / 2, 341, 16) > 1e-3


def test_an_extension_finer_than_the_slice_resolves_is_none() -> None:
    assert chance_of_comb(88.0, 80, 8) < 1e-12
    # Less than a sample in a slice whose width is the sample rate.
    assert chance_of_comb(40.75, 40, 1) > 1e-3
    assert chance_of_comb(42.0, 40, 2) < 1e-6


def copies(seed: int) -> ComplexArray:
    """Random blocks of 17 µs, each sent twice: a lag as plain as can be, but no symbols."""
    blocks = noise(24 * 340, seed).reshape(24, 340)
    return np.repeat(blocks, 2, axis=0).ravel()


def single_carrier(seed: int) -> ComplexArray:
    """QPSK at 5 Mbaud."""
    symbols = random_symbols(np.random.default_rng(seed), "qpsk", 4200)
    return linear_burst(symbols, 5e6, root_raised_cosine(0.25, 4, 16), 4) / np.float32(2e3)


def throbbing(seed: int) -> ComplexArray:
    """Noise whose level beats at a symbol's rate."""
    samples = noise(16_800, seed)
    level = 1 + 0.9 * np.sign(np.sin(2 * np.pi * np.arange(16_800) / 357.3))
    return np.asarray(samples * level, np.complex64)


@pytest.mark.parametrize("other", [copies, single_carrier, throbbing])
def test_what_has_no_symbols_shows_none(other: Callable[[int], ComplexArray]) -> None:
    total = summed(20e6, [[other(4 * k + n) for n in range(4)] for k in range(2)], 20.0)
    got = total.estimate()
    assert got is None or got.pfa > 1e-3


def test_a_stream_is_left_alone_until_a_lag_stands_out() -> None:
    total = summed(20e6, [[noise(16_800, 5)], [noise(16_800, 6)]], 20.0, gated=False)
    assert total.estimate() is None
    assert total._combs == []


def test_state_is_bounded_and_looks_get_rarer() -> None:
    meter = LagMeter(2.4e6, UNBOUNDED)
    lags = meter.new_body_sum()
    total = OfdmSum(2.4e6, lags, gated=True)
    body = noise(2016, 1)
    correlation = meter.stream(body)
    assert correlation is not None
    for _ in range(60):
        for _ in range(40):
            lags.add(correlation)
            total.add(body)
        assert sum(held.size for held in total._held) <= HELD_SAMPLES
        lags.close_dwell()
        total.close_dwell()
    assert len(total._combs) <= 6
    looks = [comb.segments for comb in total._combs]
    # Sixteen bodies of two segments a look; eleven looks in 60 dwells.
    assert max(looks, default=0) <= 13 * HELD_SAMPLES // 2016


def test_products_are_those_of_the_whitened_samples() -> None:
    white = whiten(noise(3000, 3), 0.02)
    assert np.mean(np.abs(np.fft.fft(white.samples)) ** 2) == pytest.approx(1, rel=0.02)
    direct = white.samples[341:] * white.samples[:-341].conj()
    got = lag_products(white, 341.0, 5)
    expected = direct[: 5 * got.size].reshape(-1, 5).sum(axis=1)
    assert got == pytest.approx(expected, abs=1e-5 * float(np.abs(expected).max()))
    # A lag between samples: of a pure tone the product is the tone's turn over the lag.
    tone = np.exp(2j * np.pi * 0.15 * np.arange(3000)).astype(np.complex64)
    plain = type(white)(np.fft.fft(tone).astype(np.complex64), tone, 1.0)
    assert lag_products(plain, 100.25, 1) == pytest.approx(
        np.full(2899, np.exp(2j * np.pi * 0.15 * 100.25)), abs=1e-3
    )


def test_a_line_stands_at_its_frequency() -> None:
    values = np.cos(2 * np.pi * 0.05 * np.arange(4000)) + noise(4000, 2).real
    got = segment_spectra(values.astype(np.float32), 4, 2000, 1000)
    assert np.argmax(got) == 100
    # Unit amplitude against variance a half, in all 1: 1000/4 of a segment's samples.
    assert got[100] == pytest.approx(4 * 250, rel=0.1)
    assert np.mean(got[300:]) == pytest.approx(4 * 0.5, rel=0.1)


def test_tracks_carry_the_timing_of_a_terminal() -> None:
    emitter = {"kind": "starlink_uplink", "channel": 3, "cn_db": 10.0}
    found = as_json(events(rendered(emitter, duration_s=0.05, sample_rate_hz=15e6)), "track")
    timed = [t["features"] for t in found if t["features"].get("ofdm_symbol_s")]
    assert timed
    for features in timed:
        assert features["ofdm_symbol_s"] == pytest.approx(1072 / 60e6, abs=5e-9)
        assert features["useful_symbol_s"] == pytest.approx(1024 / 60e6, abs=20e-9)
        assert features["extension_s"] == pytest.approx(0.8e-6, abs=25e-9)
        assert features["ofdm_symbol_rate_hz"] == pytest.approx(60e6 / 1072, rel=1e-3)
        assert features["ofdm_pfa"] < 1e-6


@pytest.mark.parametrize(
    ("name", "useful_s", "symbol_s"),
    [
        ("lte_0", 1 / 15e3, 0.5e-3 / 7),
        ("lte_1", 1 / 15e3, 0.5e-3 / 7),
        ("lte_tdd", 1 / 15e3, 0.5e-3 / 7),
        ("wifi_a", 3.2e-6, 4e-6),
        ("wifi_n", 3.2e-6, 4e-6),
    ],
)
def test_real_recordings(
    shared_recordings: Path, name: str, useful_s: float, symbol_s: float
) -> None:
    timed = [
        t.features for t in tracks_of(shared_recordings, name) if t.features.get("ofdm_symbol_s")
    ]
    assert timed
    for features in timed:
        assert features["useful_symbol_s"] == pytest.approx(useful_s, rel=6e-4)
        doubt_s = max(1e-3 * symbol_s, 2 * features["ofdm_symbol_sigma_s"])
        assert abs(features["ofdm_symbol_s"] - symbol_s) < doubt_s < 0.03 * symbol_s


@pytest.mark.parametrize("name", ["qpsk", "noise", "tone", "modes", "ook", "enocean", "tpms"])
def test_real_recordings_without_symbols(shared_recordings: Path, name: str) -> None:
    assert not [
        t for t in tracks_of(shared_recordings, name) if t.features.get("ofdm_symbol_s") is not None
    ]
