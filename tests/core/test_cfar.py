"""Thresholds of averaged spectra against noise that is drawn, windowed and averaged."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sdr_detect.dsp.cfar import (
    Spread,
    WelchFreedom,
    greatest_of_threshold,
    mean_threshold,
    ratio_threshold,
)
from sdr_detect.dsp.passband import DEGREE, flatten

#: Chance that an honest threshold fails one of these tests.
DOUBT = 1e-4

NFFT, FRAMES = 256, 32
HANN = np.hanning(NFFT + 1)[:-1]


@pytest.fixture(scope="module")
def levels() -> NDArray[np.float64]:
    """(trials, nfft) mean power of 32 half-overlapped Hann frames of white noise."""
    rng = np.random.Generator(np.random.SFC64(3))
    hop, trials = NFFT // 2, 6000
    window = (HANN / np.sqrt(np.sum(HANN**2))).astype(np.float32)
    out = np.empty((trials, NFFT))
    for k in range(trials):
        draw = rng.standard_normal(2 * ((FRAMES - 1) * hop + NFFT), np.float32)
        samples = draw.view(np.complex64) * np.float32(np.sqrt(0.5))
        frames = np.lib.stride_tricks.sliding_window_view(samples, NFFT)[::hop]
        out[k] = np.mean(np.abs(np.fft.fft(frames * window, axis=1)) ** 2, axis=0)
    return out


def allowed(tests: int, pfa: float, correlated: float = 2.0) -> tuple[float, float]:
    """Counts between which an honest test's lie; neighbours fall together."""
    mean = tests * pfa
    spread = stats.norm.isf(DOUBT) * np.sqrt(correlated * mean)
    return 0.95 * mean - spread, 1.05 * mean + spread


def test_hann_frames_correlate_as_published() -> None:
    # Harris 1978: amplitudes of half-overlapped Hann frames by 1/6, of neighbouring bins by 2/3.
    freedom = WelchFreedom(HANN, NFFT // 2)
    assert freedom.correlation[1, 0] == pytest.approx(1 / 36, rel=1e-6)
    assert freedom.correlation[0, :3] == pytest.approx([1, 4 / 9, 1 / 36], rel=1e-6)
    # Welch 1967, 11/9 K frames lost to overlap: 0.95 of the frames count.
    assert freedom.shape(1, 1000) / 1000 == pytest.approx(0.947, abs=1e-3)
    assert freedom.shape(1, 1) == 1


def test_frames_that_do_not_overlap_are_independent() -> None:
    assert WelchFreedom(np.ones(64), 64).shape(1, 50) == pytest.approx(50)


def test_variance_of_means_is_the_stated_one(levels: NDArray[np.float64]) -> None:
    freedom = WelchFreedom(HANN, NFFT // 2)
    assert 1 / levels.var() == pytest.approx(freedom.shape(1, FRAMES), rel=0.01)
    for bins in (4, 32):
        means = levels.reshape(len(levels), -1, bins).mean(axis=2)
        assert 1 / means.var() == pytest.approx(freedom.shape(bins, FRAMES), rel=0.03)
        medians = np.median(levels.reshape(len(levels), -1, bins), axis=2)
        if bins > 4:
            expected = freedom.median_shape(bins, FRAMES)
            assert np.mean(medians) ** 2 / medians.var() == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("pfa", [1e-3, 1e-4])
def test_a_cell_crosses_as_often_as_stated(levels: NDArray[np.float64], pfa: float) -> None:
    """±5 % and what chance adds; 2.5e7 cells of 1024-point frames, drawn once, gave
    1.007, 1.009 and 1.06 times the stated rate at 1e-3, 1e-4 and 1e-5."""
    spread = WelchFreedom(HANN, NFFT // 2).spread(1, FRAMES)
    seen = np.count_nonzero(levels > mean_threshold(pfa, spread))
    low, high = allowed(levels.size, pfa)
    assert low <= seen <= high


@pytest.mark.parametrize("pfa", [1e-3, 1e-4])
@pytest.mark.parametrize("greatest", [False, True])
def test_a_cell_crosses_its_references_as_often_as_stated(
    levels: NDArray[np.float64], pfa: float, greatest: bool
) -> None:
    """Cell averages of 16 bins on both sides; drawn once as above, 1.02, 1.02 and
    1.03 times the stated rate, and 1.01, 1.00 and 1.01 for the greater side."""
    freedom = WelchFreedom(HANN, NFFT // 2)
    cells = np.arange(0, NFFT, 3)
    sides = [
        np.mean([levels[:, (cells + sign * k) % NFFT] for k in range(3, 19)], axis=0)
        for sign in (-1, 1)
    ]
    cell, side = freedom.spread(1, FRAMES), freedom.shape(16, FRAMES)
    if greatest:
        threshold = greatest_of_threshold(pfa, cell, side)
        crossed = levels[:, cells] > threshold * np.maximum(*sides)
    else:
        threshold = ratio_threshold(pfa, cell, 2 * side)
        crossed = levels[:, cells] > threshold * (sides[0] + sides[1]) / 2
    low, high = allowed(crossed.size, pfa, 1.2)
    assert low <= np.count_nonzero(crossed) <= high


def test_thresholds_are_those_of_textbook_laws() -> None:
    assert mean_threshold(1e-5, Spread(20.0)) == pytest.approx(stats.gamma.isf(1e-5, 20) / 20)
    assert ratio_threshold(1e-5, Spread(20.0), 90) == pytest.approx(stats.f.isf(1e-5, 40, 180))
    both = greatest_of_threshold(1e-3, Spread(20.0), 90)
    rng = np.random.default_rng(1)
    cell = rng.gamma(20, 1 / 20, 1_000_000)
    beside = rng.gamma(90, 1 / 90, (2, 1_000_000)).max(axis=0)
    assert np.count_nonzero(cell > both * beside) == pytest.approx(1000, abs=4 * np.sqrt(1000))


def test_a_polynomial_passband_leaves_nothing() -> None:
    place = np.linspace(-1, 1, 512)
    used = np.ones(512, bool)
    used[250:260] = False
    shape = 1 + 0.5 * place - 0.2 * place**2 + 0.1 * place**5
    flat = flatten(shape, used)
    assert np.abs(flat.rest).max() < 1e-9
    assert flat.base == pytest.approx(shape, rel=1e-6)


def test_three_standing_waves_leave_a_hundredth() -> None:
    # What `settings.carrier.least_excess_db` rests on.
    place = np.linspace(-0.5, 0.5, 1024)
    used = np.abs(place) < 0.4
    flat = flatten(10 ** (0.06 * np.cos(2 * np.pi * 3 * place)), used)
    for width in (64, 213):
        low = np.arange(1024 - width + 1)
        sums, bins, told = flat.boxes(low, low + width)
        inside = (bins == width) & (told > 0.01 * width)
        assert np.abs(sums[inside] / told[inside]).max() < 10**0.015 - 1


def test_the_highest_boxes_are_those_of_all(levels: NDArray[np.float64]) -> None:
    used = np.ones(NFFT, bool)
    used[70:90] = False
    flat = flatten(levels[:500].mean(axis=0), used)
    for width, step in ((4, 1), (40, 1), (100, 3)):
        low = np.arange(0, NFFT - width + 1, step)
        sums, bins, told = flat.boxes(low, low + width)
        at = (bins >= 0.75 * width) & (told > 0.01 * width) & (sums > 0)
        sums, bins, told = sums[at], bins[at], told[at]
        expected = [(sums / told).max(), bins.max(), (told / bins).max()]
        assert flat.highest(width, step, 0.75 * width, 0.01 * width) == pytest.approx(expected)
    assert flat.highest(4, 1, 5.0, 0.0) == (0, 0, 0)


def test_a_box_is_found_at_its_height(levels: NDArray[np.float64]) -> None:
    used = np.ones(NFFT, bool)
    mean = levels[:2000].mean(axis=0)
    mean[100:140] *= 1.2
    flat = flatten(mean, used)
    assert flat.basis.shape == (NFFT, DEGREE + 1)
    sums, bins, told = flat.boxes(np.array(100), np.array(140))
    assert bins == 40
    # The fit has taken up a part of the box: heights are relative to what it left.
    assert 0.1 < sums / told < 0.22
    sums, _, _ = flat.without(100, 140).boxes(np.array(100), np.array(140))
    assert sums == pytest.approx(0, abs=1e-9)
