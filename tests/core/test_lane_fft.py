"""Spectra of eight frames at a time against numpy's transform of each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdr_detect.dsp.lane_fft import LaneFFT
from sdr_detect.model import FloatArray
from tests.core.streams import noise

#: Of single precision, relative to the mean power of a bin.
ROUNDED = 2e-5


def _window(nfft: int) -> FloatArray:
    return np.hanning(nfft + 1)[:-1].astype(np.float32)


def _expected(iq: NDArray[np.complex64], starts: list[int], nfft: int) -> NDArray[np.float64]:
    frames = np.stack([iq[at : at + nfft] for at in starts]) * _window(nfft)
    found: NDArray[np.float64] = np.fft.fftshift(np.fft.fft(frames.astype(complex), axis=1), axes=1)
    return found


@pytest.mark.parametrize("nfft", [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192])
def test_every_size(nfft: int) -> None:
    iq = noise(11 * nfft, nfft)
    out = np.empty((18, nfft), np.float32)
    LaneFFT(_window(nfft)).frames(iq, 5, nfft // 2, out)
    expected = np.abs(_expected(iq, [5 + k * nfft // 2 for k in range(18)], nfft)) ** 2
    assert np.abs(out - expected).max() < ROUNDED * expected.mean()
    bins = (0, 1, nfft // 3, nfft - 1)
    fft, starts = LaneFFT(_window(nfft)), np.array([5, nfft], np.int64)
    values = fft.add(iq, starts, np.zeros(nfft), bins)
    spectra = _expected(iq, [5, nfft], nfft) * np.where(np.arange(nfft) % 2, -1, 1)
    assert np.abs(values - spectra[:, bins]).max() < ROUNDED * expected.mean() ** 0.5


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    starts=st.lists(st.integers(0, 900), max_size=150),
    bins=st.lists(st.integers(0, 63), max_size=3),
    seed=st.integers(0, 99),
)
def test_any_frames_their_sum_and_single_bins(
    starts: list[int], bins: list[int], seed: int
) -> None:
    nfft = 64
    iq = noise(964, seed)
    fft = LaneFFT(_window(nfft))
    at = np.array(starts, np.int64)
    spectra = _expected(iq, [0, *starts], nfft)[1:]
    power = np.abs(spectra) ** 2

    out = np.full((len(starts), nfft), np.nan, np.float32)
    fft.picked(iq, at, out)
    level = power.mean() if starts else 1.0
    assert np.all(np.abs(out - power) < ROUNDED * level)

    total = np.ones(nfft)
    added = fft.add(iq, at, total, bins)
    values = fft.values(iq, at, fft.waves(bins))
    assert np.allclose(total, 1 + power.sum(axis=0), rtol=1e-5)
    # The phase of a bin at the frame's centre: half a turn for odd ones.
    signs = np.where(np.arange(nfft) % 2, -1, 1)
    for found in (values, added):
        assert np.allclose(found, (spectra * signs)[:, bins], atol=1e-3)


def test_a_tone_is_where_it_belongs() -> None:
    for nfft, place in ((32, 5), (256, 200), (512, 0)):
        time = np.arange(nfft * 4)
        iq = np.exp(2j * np.pi * (place / nfft - 0.5) * time).astype(np.complex64)
        out = np.empty((3, nfft), np.float32)
        LaneFFT(_window(nfft)).frames(iq, 0, nfft, out)
        assert np.all(out.argmax(axis=1) == place)


def test_what_cannot_be_done_is_refused() -> None:
    for length in (16, 48, 16384):
        with pytest.raises(ValueError, match=f"{length} is no power of two from 32 to 8192"):
            LaneFFT(np.ones(length, np.float32))
    fft = LaneFFT(_window(32))
    for first in (10, -1):
        with pytest.raises(ValueError, match=f"from samples {first} to {first + 64} on, of 100"):
            fft.frames(noise(100, 1), first, 32, np.empty((3, 32), np.float32))
        with pytest.raises(ValueError, match=f"from samples {first} to {first + 64} on, of 100"):
            fft.add(noise(100, 1), np.array([first, first + 64]), np.zeros(32))
    wrong = np.empty((2, 32), np.float32), np.empty((32, 3), np.float32).T, np.empty((3, 32))
    for out in wrong:
        with pytest.raises(ValueError, match=r"rows must be float32 of shape \(3, 32\) in one"):
            fft.picked(noise(100, 1), np.array([0, 32, 64]), out)
    with pytest.raises(ValueError, match="bins -1 to 32, of 32"):
        fft.add(noise(100, 1), np.array([0]), np.zeros(32), (32, -1))
    with pytest.raises(ValueError, match=r"total must be float64 of shape \(32,\)"):
        fft.add(noise(100, 1), np.array([0]), np.zeros(31))


def test_what_is_not_finite_comes_through() -> None:
    iq = noise(640, 2)
    iq[100] = np.nan
    out = np.empty((10, 64), np.float32)
    LaneFFT(_window(64)).frames(iq, 0, 64, out)
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[[0, *range(2, 10)]]).all()
