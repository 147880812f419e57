"""Spectra of a dwell and its noise reference, on noise and tones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.dsp.stft import quiet_floor
from tests.core.streams import dwells, noise, stream_info


@pytest.mark.parametrize("rate_hz", [250e3, 2.4e6, 20e6])
def test_white_noise_of_unit_power_gives_unit_bins(rate_hz: float) -> None:
    dwell = next(iter(dwells(noise(int(0.13 * rate_hz), 4), stream_info(rate_hz))))
    layout = dwell.layout
    assert dwell.power.shape == (layout.frames, layout.nfft)
    # Half-overlapped Hann frames are worth about 0.95 independent ones.
    error = 5 / np.sqrt(0.9 * layout.frames)
    assert np.all(np.abs(dwell.power.mean(axis=0) - 1) < error)
    assert dwell.power.mean() == pytest.approx(1, abs=0.01)
    assert dwell.fine_power.mean() == pytest.approx(1, abs=0.01)
    # A bin's quiet level comes from some 256 frames: 1.8 / sqrt(256), and bins
    # next to each other are not independent.
    error = 4 * 1.8 / 16 / np.sqrt(layout.used_bins / 1.94)
    assert dwell.floor.mean() == pytest.approx(1, abs=error)
    assert dwell.energy.mean() == pytest.approx(1.0127, abs=error)


@pytest.mark.parametrize("bins_off", [-20, -1, 3, 17])
def test_tone_lands_in_its_bin_in_ascending_order(bins_off: int) -> None:
    info = stream_info(2.4e6)
    turn = 2j * np.pi * bins_off / 64
    tone = np.exp(turn * np.arange(300_000)).astype(np.complex64)
    dwell = next(iter(dwells(tone, info)))
    layout = dwell.layout
    assert layout.nfft == 64
    row = dwell.power[100]
    at = int(np.argmax(row))
    assert layout.offsets_hz[at] == pytest.approx(bins_off * 2.4e6 / 64)
    # Hann: the coherent gain over the energy, N (1/2)² / (3/8), in the bin itself.
    assert row[at] == pytest.approx(64 * 0.25 / 0.375, rel=1e-3)
    assert row.sum() == pytest.approx(64, rel=1e-3)


def test_energy_is_conserved_from_samples_to_bins() -> None:
    info = stream_info(2.4e6)
    samples = noise(280_000, 8) * np.float32(0.01)
    dwell = next(iter(dwells(samples, info)))
    layout = dwell.layout
    window = np.hanning(layout.nfft + 1)[:-1] ** 2
    window /= window.sum()
    for frame in (0, 1, 777, layout.frames - 1):
        part = samples[frame * layout.hop :][: layout.nfft]
        # Parseval: the sum over bins is nfft times the windowed energy.
        expected = layout.nfft * np.sum(window * np.abs(part) ** 2)
        assert dwell.power[frame].sum() == pytest.approx(expected, rel=1e-4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(frames=st.integers(8, 2000), level=st.floats(1e-6, 1e6))
def test_quiet_floor_of_noise_is_its_mean(frames: int, level: float) -> None:
    rng = np.random.default_rng(frames)
    power = (level * rng.exponential(1.0, (frames, 512))).astype(np.float32)
    floor = quiet_floor(power, np.ones(frames, bool))
    assert floor is not None
    # The 0.3 quantile varies by 1.8 / sqrt(n) in each of 512 bins.
    assert floor.mean() == pytest.approx(level, rel=5 * 1.8 / np.sqrt(512 * min(frames, 256)))


@pytest.mark.parametrize(("on_air", "raised_db"), [(0.05, 0.3), (0.15, 0.9), (0.5, 4.2)])
def test_quiet_floor_is_little_moved_by_bursts(on_air: float, raised_db: float) -> None:
    rng = np.random.default_rng(1)
    power = rng.exponential(1.0, (4000, 512)).astype(np.float32)
    power[: round(4000 * on_air)] *= 1000
    floor = quiet_floor(power, np.ones(4000, bool))
    assert floor is not None
    assert 10 * np.log10(floor.mean()) == pytest.approx(raised_db, abs=0.15)


def test_quiet_floor_needs_eight_frames() -> None:
    power = np.ones((100, 64), np.float32)
    assert quiet_floor(power, np.arange(100) < 7) is None
    assert quiet_floor(power, np.arange(100) < 8) is not None


def test_noise_reference_follows_each_bin() -> None:
    # Two quiet levels 20 dB apart, and a burst that lifts both by the same factor.
    info = stream_info(2.4e6)
    count = 280_000
    taps = np.array([1, 0.8, 0.4], np.float32)
    samples = np.convolve(noise(count, 2), taps)[:count].astype(np.complex64)
    samples[100_000:102_000] *= 3
    dwell = next(iter(dwells(samples, info)))
    layout = dwell.layout
    lit = slice(100_000 // layout.hop + 1, 102_000 // layout.hop - 2)
    rise = dwell.energy[lit].mean(axis=0)
    assert np.all(np.abs(10 * np.log10(rise) - 20 * np.log10(3)) < 2.0)
    assert np.abs(np.median(dwell.energy, axis=0) - 0.9).max() < 0.2


def test_renewed_reference_leaves_every_subband_at_its_level() -> None:
    # The passband ends well inside the sample rate: what lies beyond the last
    # sub-band must not enter it.
    rng = np.random.default_rng(6)
    info = stream_info(20e6, usable_hz=14e6)
    spectrum = np.fft.fft(noise(2_100_000, 6).astype(complex))
    spectrum[np.abs(np.fft.fftfreq(2_100_000)) > 0.38] *= 1e-3
    samples = np.fft.ifft(spectrum).astype(np.complex64)
    dwell = next(iter(dwells(samples, info)))
    before = dwell.energy.mean(axis=0)
    moved_db = dwell.renew_reference(rng.uniform(size=dwell.layout.frames) < 0.5)
    assert moved_db < 0.15
    assert np.allclose(dwell.energy.mean(axis=0), before, rtol=0.1)
