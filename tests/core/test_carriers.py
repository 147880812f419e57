"""Carriers in averaged spectra: found, left alone, measured; on input that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import poisson

from sdr_detect.detect.carrier_average import Block, QuietFrames
from sdr_detect.detect.carrier_search import (
    CarrierLine,
    _beside,
    _least_beside,
    find_carriers,
    strong_widths,
)
from sdr_detect.detect.carrier_steady import is_steady
from sdr_detect.dsp.cfar import WelchFreedom
from sdr_detect.features.symbol_rate import SymbolRate
from sdr_detect.settings import CarrierSettings
from tests.core.streams import as_json, dwells, events, noise, one_block, stream_info
from tests.core.test_features import qpsk

RATE_HZ = 2.4e6
NFFT = 1024
INFO = stream_info(RATE_HZ)
FREEDOM = WelchFreedom(np.hanning(NFFT + 1)[:-1], NFFT // 2)
#: Half-overlapped frames of 1024 samples in 0.1 s.
FRAMES = 467


def noise_level(seed: int, frames: int = FRAMES) -> NDArray[np.float64]:
    """(NFFT,) mean of ``frames`` spectra, correlated from bin to bin as Hann's are."""
    rng = np.random.default_rng(seed)
    # The Hann window is three bins wide: its spectrum is a sum of white neighbours.
    count = round(frames * 0.95)
    white = rng.standard_normal((2 * count, NFFT + 2))
    hann = (white[:, 1:-1] - 0.5 * (white[:, :-2] + white[:, 2:])) / np.sqrt(1.5)
    level: NDArray[np.float64] = np.mean(hann**2, axis=0)
    return level


def found_in(
    level: NDArray[np.float64], frames: int = FRAMES, **settings: Any
) -> list[CarrierLine]:
    return find_carriers(level, frames, FREEDOM, CarrierSettings(**settings), INFO)


def root_raised_cosine(width: int, middle: int, roll_off: float = 0.25) -> NDArray[np.float64]:
    """(NFFT,) power spectrum of height one, -3 dB points ``width`` bins apart."""
    away = np.abs(np.arange(NFFT) - middle) / width
    edge = np.clip((away - (1 - roll_off) / 2) / roll_off, 0, 1)
    shape: NDArray[np.float64] = np.cos(np.pi / 2 * edge) ** 2
    return shape


@pytest.mark.parametrize("nfft", [256, 1000, 4096])
@pytest.mark.parametrize("spread", [0.02, 1.0])
def test_references_are_the_medians_beside_and_their_bounds_lie_below(
    nfft: int, spread: float
) -> None:
    rng = np.random.default_rng(nfft)
    level = np.exp(spread * rng.standard_normal(nfft))
    level[nfft // 3 : nfft // 2] *= 2
    some = np.sort(rng.choice(nfft, nfft // 9, replace=False))
    for width in strong_widths(nfft):
        reach = max(24, 2 * width) | 1
        middle = median_filter(level, reach, mode="nearest")
        shift = width + 3 + reach // 2
        padded = np.pad(middle, shift, mode="edge")
        expected = np.maximum(padded[:nfft], padded[2 * shift :])
        assert np.array_equal(_beside(level, width, np.arange(nfft)), expected)
        assert np.array_equal(_beside(level, width, some), expected[some])
        bound = _least_beside(level, width)
        assert np.all(bound <= expected)
        assert np.median(bound / expected) > 0.1


def test_a_window_of_noise_holds_a_carrier_no_oftener_than_stated() -> None:
    """The bound over all bins and widths; 5000 windows of 32 frames gave 0.2 of it."""
    windows, pfa = 240, 0.09
    seen = sum(bool(found_in(noise_level(k, 32), 32, pfa=pfa)) for k in range(windows))
    # At a tenth of what is stated, none at all would have a chance of 11 %.
    assert 0 < seen <= poisson.isf(1e-3, pfa * windows)


@pytest.mark.parametrize(("width", "cn_db"), [(43, -7.0), (213, -5.5)])
def test_weak_carriers_are_found(width: int, cn_db: float) -> None:
    """100 and 500 kBd in 0.1 s, where 1 dB of contrast was asked before."""
    hits, heights = 0, []
    for seed in range(12):
        middle = 280 + 40 * seed
        level = noise_level(seed) * (1 + 10 ** (cn_db / 10) * root_raised_cosine(width, middle))
        for line in found_in(level, pfa=1e-6):
            hits += abs((line.low + line.high) / 2 - middle) < 0.2 * width
            heights.append(line.cn_db)
    assert hits >= 11
    assert np.median(heights) == pytest.approx(cn_db, abs=1.0)


@pytest.mark.parametrize(
    ("slope_db", "ripple_db", "periods"),
    [(6.0, 0.0, 1), (4.0, 0.6, 2), (2.0, 0.6, 3), (0.0, 0.6, 5), (-6.0, 1.0, 1)],
)
def test_a_receivers_own_shape_is_no_carrier(
    slope_db: float, ripple_db: float, periods: float
) -> None:
    place = (np.arange(NFFT) - NFFT / 2) / NFFT
    shape = slope_db * place + ripple_db * np.cos(2 * np.pi * periods * place + 0.4)
    assert found_in(noise_level(5) * 10 ** (shape / 10)) == []


def test_strong_neighbours_hide_no_tone() -> None:
    # Interferers of 20 dB every 64 bins: cell averages lose 11 dB beside them.
    level = noise_level(7)
    level[130:900:64] *= 100
    level[290] *= 1.7
    tones = [round((line.low + line.high) / 2) for line in found_in(level)]
    assert any(abs(tone - 290) <= 1 for tone in tones)
    assert len(tones) == len(range(130, 900, 64)) + 1


def test_the_receivers_own_dc_is_no_carrier() -> None:
    level = noise_level(8)
    level[NFFT // 2 - 1 : NFFT // 2 + 2] *= 1e3
    assert found_in(level) == []


def test_a_carrier_is_one_at_every_level() -> None:
    for cn_db in (-3.0, 0.0, 1.0, 3.0, 6.0, 15.0):
        shape = root_raised_cosine(213, 600)
        lines = found_in(noise_level(9) * (1 + 10 ** (cn_db / 10) * shape))
        assert len(lines) == 1, cn_db
        assert lines[0].cn_db == pytest.approx(cn_db, abs=1.2)
        assert lines[0].half_power_bins == pytest.approx(213, rel=0.12)


def steady(level: NDArray[np.float64], share: NDArray[np.float64]) -> bool:
    """`is_steady` of a band of 64 bins whose excess over time is ``level``."""
    rng = np.random.default_rng(1)
    power = rng.exponential(size=(level.size, NFFT)).astype(np.float32)
    power[:, 300:364] *= 1 + level[:, None].astype(np.float32)
    blocks = [
        Block(float(k), 200, (1 + share[k] * root_raised_cosine(64, 332)).astype(np.float32))
        for k in range(share.size)
    ]
    cn_db = 10 * float(np.log10(np.mean(level)))
    line = CarrierLine(300, 363, 0.0, cn_db, cn_db, False, 64)
    return is_steady(power, blocks, FREEDOM, line)


def test_what_stays_is_steady_and_what_is_keyed_is_not() -> None:
    on, always = np.tile([0.0, 2.0], 32), np.ones(64)
    blocks = np.ones(8)
    assert steady(always, blocks)
    assert not steady(on, blocks)
    # On for two blocks of eight: the mean shows it, the typical block does not.
    assert not steady(always, np.array([4.0, 4.0, 0, 0, 0, 0, 0, 0]))


def test_bursts_do_not_raise_the_average() -> None:
    samples = noise(260_000, 3)
    dwell = next(iter(dwells(samples, INFO)))
    frames = QuietFrames(RATE_HZ, 2500)
    quiet = frames.of(dwell)
    for start in range(10_000, 240_000, 24_000):
        dwell.iq[start : start + 2400] *= 10
        dwell.active[start // 32 - 4 : (start + 2400) // 32 + 4] = True
    loud = frames.of(dwell)
    assert quiet is not None
    assert loud is not None
    assert loud.starts.size < quiet.starts.size
    means = [sum(q.sums).mean() / q.starts.size for q in (loud, quiet)]
    assert means[0] == pytest.approx(means[1], rel=0.01)
    dwell.active[:] = True
    assert frames.of(dwell) is None


def test_a_bin_keeps_a_tones_phase() -> None:
    # Whichever bin: the phase at a frame's centre is that of the tone there.
    frequency = 123_456.7
    at = np.arange(250_000) / RATE_HZ
    samples = np.exp(2j * np.pi * frequency * at).astype(np.complex64) + noise(at.size, 2, 1e-4)
    dwell = next(iter(dwells(samples, INFO)))
    bins = [round(frequency / RATE_HZ * NFFT) + NFFT // 2 + k for k in (0, 1)]
    frames = QuietFrames(RATE_HZ, 2500)
    quiet = frames.of(dwell)
    assert quiet is not None
    for part in frames.series(dwell, quiet, bins):
        turned = part.values * np.exp(-2j * np.pi * frequency * part.times_s)
        assert np.abs(np.angle(turned)).max() < 0.02


def test_symbol_rate_over_half_a_second() -> None:
    """0.3 ppm at a C/N of 3 dB, and the stated error is the error made."""
    off, cn_db = [], 3.0
    for seed in range(3):
        symbol_rate_hz = 500e3 + 37.0 * seed
        count = round(0.5 * RATE_HZ)
        samples = qpsk(RATE_HZ, symbol_rate_hz, count, seed)
        samples += noise(count, 50 + seed, 10 ** (-cn_db / 10) * RATE_HZ / symbol_rate_hz)
        half = 0.62 * symbol_rate_hz
        meter = SymbolRate(RATE_HZ, -half, half, symbol_rate_hz)
        for first in range(0, count, 240_000):
            meter.add(samples[first:], first)
        result = meter.result()
        assert result is not None
        assert result.sigma_hz < 0.3e-6 * symbol_rate_hz
        off.append((result.symbol_rate_hz - symbol_rate_hz) / result.sigma_hz)
    assert np.sqrt(np.mean(np.square(off))) < 2.2


def test_a_carrier_in_a_stream_is_one_track_with_its_clock() -> None:
    count = round(0.6 * RATE_HZ)
    symbol_rate_hz = 400e3
    shift = np.exp(2j * np.pi * 2e5 / RATE_HZ * np.arange(count))
    samples = noise(count, 4)
    gain = np.sqrt(10**0.6 * symbol_rate_hz / RATE_HZ)
    samples += (gain * qpsk(RATE_HZ, symbol_rate_hz, count, 5) * shift).astype(np.complex64)
    (track,) = as_json(events(one_block(samples, INFO), None, ()), "track")
    features = track["features"]
    assert track["kind"] == "carrier"
    assert features["center_hz"] == pytest.approx((INFO.center_hz or 0) + 2e5, abs=5e3)
    assert features["bandwidth_3db_hz"] == pytest.approx(symbol_rate_hz, rel=0.06)
    assert features["symbol_rate_hz"] == pytest.approx(symbol_rate_hz, rel=3e-7)
    assert 0 < features["symbol_rate_sigma_hz"] < 3e-7 * symbol_rate_hz


@pytest.mark.parametrize("turns", [0.11, 0.1234, 0.2])
def test_a_strong_tone_is_not_taken_for_its_own_skirt(turns: float) -> None:
    """The skirt, wider than the tone, once took its place where many frames were averaged."""
    tone = 0.3 * np.exp(2j * np.pi * turns * np.arange(1_200_000))
    stream = one_block((noise(1_200_000, 4, 4e-4) + tone).astype(np.complex64))
    (track,) = as_json(events(stream), "track")
    assert track["kind"] == "tone"
    assert track["snr_db"] > 40
