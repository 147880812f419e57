"""Autocorrelation at lags that need not be whole samples.

The autocorrelation is the Fourier transform of the power spectrum
(Wiener-Khinchin), so a lag between two samples costs a longer inverse
transform and nothing else: the repetition of a preamble (2.133 µs is 5.12
samples at 2.4 Msps) is found at the recording's own rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from sdr_detect.dsp.kernels import sum_of_relative
from sdr_detect.dsp.lane_fft import LEAST_BITS, MOST_BITS, LaneFFT
from sdr_detect.dsp.order import median
from sdr_detect.model import ComplexArray, FloatArray

#: Lags to a sample.
OVERSAMPLING = 2

#: A bin this far above its surroundings is a carrier, not a waveform's shape.
TONE_RATIO = 6.0

#: Below this part of the median level a bin lies outside the receiver's passband.
PASSBAND = 0.5

#: A level to divide by where there is none.
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class LagGrid:
    """Lags from 0 to ``max_lag_s`` in half samples."""

    sample_rate_hz: float
    max_lag_s: float

    @property
    def size(self) -> int:
        """Lags on the grid."""
        return int(self.max_lag_s * self.sample_rate_hz) * OVERSAMPLING + 1

    @property
    def step_s(self) -> float:
        """Distance of two lags."""
        return 1 / (OVERSAMPLING * self.sample_rate_hz)

    @property
    def lags_s(self) -> NDArray[np.float64]:
        """All lags: (size,)."""
        lags: NDArray[np.float64] = np.arange(self.size, dtype=np.float64) * self.step_s
        return lags


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """Summed lag products of one stretch of samples.

    In white noise ``products / sqrt(pairs)`` is a standard complex normal at
    every lag but 0, whose own product is taken out.
    """

    products: NDArray[np.complex128]
    pairs: NDArray[np.float64]


class Correlator:
    """Lag products of stretches, whitened, in blocks of ``block`` samples.

    Parameters
    ----------
    grid : LagGrid
    block : int
        Samples correlated in one transform, at least twice the longest lag; of a
        shorter stretch all.
    smooth_hz : float
        When positive, the spectrum is also divided by its own moving average
        of this width, which removes structure at lags below 1/width.
    """

    def __init__(self, grid: LagGrid, block: int, smooth_hz: float) -> None:
        self._grid = grid
        self._block = block
        self._size = _transform_size(block)
        self._smooth = smooth_hz > 0
        self._width = max(3, round(smooth_hz / grid.sample_rate_hz * self._size) | 1)
        window = np.zeros(self._size, np.float32)
        window[:block] = 1
        self._fft = LaneFFT(window) if 1 << LEAST_BITS <= self._size <= 1 << MOST_BITS else None
        # The moving average holds, at its side lobes, some of every lag.
        lags = np.arange(grid.size) / OVERSAMPLING
        self._gain = 1 / np.maximum(1 - np.sinc(lags * self._width / self._size), 0.5)

    def __call__(self, stretches: Sequence[ComplexArray]) -> list[Correlation]:
        """Correlate each; many at a time cost half as much."""
        if not stretches:
            return []
        block = self._block
        cut = [(max(1, iq.size // block), min(block, iq.size)) for iq in stretches]
        ends = np.cumsum([blocks for blocks, _ in cut])
        samples = np.zeros(ends[-1] * block + self._size - block, np.complex64)
        for iq, end, (blocks, size) in zip(stretches, ends, cut, strict=True):
            first = (end - blocks) * block
            samples[first : first + blocks * size] = iq[: blocks * size]
        power = self._power(samples, ends[-1])
        spectra = np.empty((len(stretches), self._size))
        for k, (end, (blocks, _)) in enumerate(zip(ends, cut, strict=True)):
            spectrum = sum_of_relative(power[end - blocks : end])
            spectra[k] = _flatten(spectrum, self._width) if self._smooth else spectrum
        lags = _lags(spectra, self._grid)
        if self._smooth:
            lags *= self._gain
        found = []
        for of_stretch, (blocks, size) in zip(lags, cut, strict=True):
            # From one at lag 0 to the number of products summed.
            pairs = _pairs(self._grid.size, blocks, size)
            products = np.where(pairs > 0, of_stretch * (blocks * size), 0)
            found.append(Correlation(products, pairs))
        return found

    def _power(self, samples: ComplexArray, blocks: int) -> FloatArray:
        """|X|² of consecutive blocks, (blocks, size), in ascending frequency."""
        power = np.empty((blocks, self._size), np.float32)
        if self._fft is not None:
            self._fft.frames(samples, 0, self._block, power)
            return power
        parts = samples[: blocks * self._block].reshape(blocks, self._block)
        spectra = scipy.fft.fft(parts, n=self._size, axis=1)
        power[:] = scipy.fft.fftshift(spectra.real**2 + spectra.imag**2, axes=1)
        return power


def correlate_heads(
    heads: ComplexArray, grid: LagGrid, shape: FloatArray | None
) -> list[Correlation]:
    """Lag products of short stretches of one length: (stretches, n) complex64.

    Parameters
    ----------
    shape : (bins,) float32 or None
        Receiver's noise shape in ascending frequency, divided out: the
        anti-alias filter correlates noise by itself.
    """
    size = heads.shape[1]
    fft_size = _transform_size(size)
    spectra = scipy.fft.fftshift(scipy.fft.fft(heads, n=fft_size, axis=1), axes=1)
    power = spectra.real.astype(np.float64) ** 2 + spectra.imag.astype(np.float64) ** 2
    level = power.mean(axis=1, keepdims=True)
    power /= np.where(level > 0, level, 1.0)
    if shape is not None:
        power /= _on_bins(shape, fft_size)
    pairs = _pairs(grid.size, 1, size)
    products = np.where(pairs > 0, _lags(power, grid) * size, 0)
    return [Correlation(of_head, pairs) for of_head in products]


def _transform_size(block: int) -> int:
    """So long that no product wraps around."""
    return 1 << (2 * block - 1).bit_length()


def _lags(spectra: NDArray[np.float64], grid: LagGrid) -> NDArray[np.complex128]:
    """Transform of power spectra, (n, fft_size), to lags, one at lag 0: (n, grid.size).

    Spectra come in ascending frequency.
    """
    count, fft_size = spectra.shape
    level = spectra.mean(axis=1, keepdims=True)
    padded = np.zeros((count, fft_size * OVERSAMPLING), np.float32)
    half = fft_size // 2
    # Between samples even white noise correlates with itself, as sin(x)/x of
    # its bandwidth. That is lag 0 seen from afar: take it out.
    np.subtract(spectra[:, half:], level, out=padded[:, :half], casting="same_kind")
    np.subtract(spectra[:, :half], level, out=padded[:, -half:], casting="same_kind")
    # The inverse transform of a real spectrum is the conjugate of its forward one.
    lags = scipy.fft.rfft(padded, axis=1, overwrite_x=True)[:, : grid.size]
    products = np.zeros((count, grid.size), np.complex128)
    scale = np.where(level > 0, 1 / fft_size / np.where(level > 0, level, 1.0), 0.0)
    np.multiply(lags.conj(), scale, out=products[:, : lags.shape[1]])
    return products


@lru_cache(maxsize=64)
def _pairs(size: int, blocks: int, block: int) -> NDArray[np.float64]:
    """Products summed at each lag; 0 where they are too few to tell."""
    samples = blocks * block
    pairs = np.maximum(samples - blocks * np.arange(size) / OVERSAMPLING, 0.0)
    pairs[pairs <= samples / 8] = 0
    pairs.flags.writeable = False
    return pairs


def _on_bins(shape: FloatArray, fft_size: int) -> NDArray[np.float64]:
    """Noise shape at the bins of a transform of that size, mean one, no zeros."""
    centred = (np.arange(fft_size) - fft_size // 2) / fft_size
    known = (np.arange(shape.size) - shape.size // 2) / shape.size
    level = np.interp(centred, known, shape.astype(np.float64))
    # Below a hundredth of the passband nothing is left to be whitened.
    level = np.maximum(level, 0.01 * np.median(level))
    mean = level.mean()
    return level / mean if mean > 0 else np.ones_like(level)


def _flatten(spectrum: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Spectrum over its own moving average, carriers cut down first.

    Beyond the passband there is nothing to be whitened, and averaged across its
    edge the ratio would overshoot: the average is taken inside alone, and what
    lies outside is put down to one.
    """
    around = _moving_mean(spectrum, width)
    inside = around > PASSBAND * median(around.astype(np.float32))
    return _over_surroundings(spectrum, inside, width) if inside.any() else np.ones_like(spectrum)


@njit(cache=True, nogil=True, error_model="numpy")
def _moving_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Mean of the ``width`` (odd) values around each, around the end."""
    n, half = values.size, width // 2
    mean = np.empty(n)
    total = 0.0
    for k in range(-half, half + 1):
        total += values[k % n]
    enters, leaves = (half + 1) % n, -half % n
    for k in range(n):
        mean[k] = total / width
        total += values[enters] - values[leaves]
        enters = enters + 1 if enters + 1 < n else 0
        leaves = leaves + 1 if leaves + 1 < n else 0
    return mean


# Without a check for division by zero, and without branches, vectors are divided at once.
@njit(cache=True, nogil=True, error_model="numpy")
def _over_surroundings(
    spectrum: NDArray[np.float64], inside: NDArray[np.bool_], width: int
) -> NDArray[np.float64]:
    """What is inside over its moving average; one outside."""
    held, cut = np.empty(spectrum.size), np.empty(spectrum.size)
    for k in range(spectrum.size):
        held[k] = inside[k]
    share = _moving_mean(held, width)
    for k in range(spectrum.size):
        share[k] = max(share[k], 1 / width)
        held[k] = spectrum[k] if inside[k] else 0.0
    around = _moving_mean(held, width)
    for k in range(spectrum.size):
        cut[k] = min(spectrum[k], TONE_RATIO * (around[k] / share[k]))
        held[k] = cut[k] if inside[k] else 0.0
    around = _moving_mean(held, width)
    for k in range(spectrum.size):
        around[k] /= share[k]
    floor = max(around.max() * 1e-9, TINY)
    flat = np.empty(spectrum.size)
    for k in range(spectrum.size):
        ratio = min(cut[k] / max(around[k], floor), TONE_RATIO)
        # At the edge the average is one-sided, and wrong by the filter's slope.
        value = 1 + max(2 * share[k] - 1, 0.0) * (ratio - 1)
        flat[k] = value if inside[k] else 1.0
    return flat
