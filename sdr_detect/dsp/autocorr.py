"""Autocorrelation at lags that need not be whole samples.

The autocorrelation is the Fourier transform of the power spectrum
(Wiener-Khinchin), so a lag between two samples costs a longer inverse
transform and nothing else: the repetition of a preamble (2.133 µs is 5.12
samples at 2.4 Msps) is found at the recording's own rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sdr_detect.dsp.kernels import sum_of_relative_power
from sdr_detect.model import ComplexArray, FloatArray

#: Lags to a sample.
OVERSAMPLING = 2

#: A bin this far above its surroundings is a carrier, not a waveform's shape.
TONE_RATIO = 6.0

#: Below this part of the median level a bin lies outside the receiver's passband.
PASSBAND = 0.5


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


def correlate(
    iq: ComplexArray, grid: LagGrid, block: int, shape: FloatArray | None, smooth_hz: float
) -> Correlation:
    """Lag products of ``iq``, whitened, in blocks of ``block`` samples.

    Parameters
    ----------
    iq : (n,) complex64
    block : int
        Samples correlated in one transform; at least twice the longest lag, or
        all of a shorter stretch.
    shape : (bins,) float32 or None
        Receiver's noise shape in ascending frequency, divided out: the
        anti-alias filter correlates noise by itself.
    smooth_hz : float
        When positive, the spectrum is also divided by its own moving average
        of this width, which removes structure at lags below 1/width.
    """
    size = iq.size
    block = min(block, size)
    blocks = size // block
    fft_size = 1 << (2 * block - 1).bit_length()
    spectra = scipy.fft.fft(iq[: blocks * block].reshape(blocks, block), n=fft_size, axis=1)
    spectrum = sum_of_relative_power(spectra)
    if shape is not None:
        spectrum /= _on_bins(shape, fft_size)
    width = max(3, round(smooth_hz / grid.sample_rate_hz * fft_size) | 1)
    if smooth_hz > 0:
        spectrum = _flatten(spectrum, width)
    level = float(spectrum.mean())
    # Between samples even white noise correlates with itself, as sin(x)/x of
    # its bandwidth. That is lag 0 seen from afar: take it out.
    spectrum -= level
    padded = np.zeros(fft_size * OVERSAMPLING, np.float32)
    half = fft_size // 2
    padded[:half] = spectrum[:half]
    padded[-half:] = spectrum[half:]
    # The inverse transform of a real spectrum is the conjugate of its forward
    # one. Normalised to one at lag 0, then to the number of products summed.
    lags = scipy.fft.rfft(padded)[: grid.size].conj() / fft_size
    samples = blocks * block
    whole = np.arange(grid.size) / OVERSAMPLING
    pairs = np.maximum(samples - blocks * whole, 0.0)
    products = lags / level * samples if level > 0 else np.zeros(grid.size, complex)
    if smooth_hz > 0:
        # The moving average holds, at its side lobes, some of every lag.
        products /= np.maximum(1 - np.sinc(whole * width / fft_size), 0.5)
    full = np.zeros(grid.size, complex)
    full[: products.size] = products
    full[pairs <= samples / 8] = 0
    return Correlation(full, np.where(pairs <= samples / 8, 0, pairs))


def _on_bins(shape: FloatArray, fft_size: int) -> NDArray[np.float64]:
    """Noise shape at the bins of an unshifted transform, mean one, no zeros."""
    centred = (np.arange(fft_size) - fft_size // 2) / fft_size
    known = (np.arange(shape.size) - shape.size // 2) / shape.size
    level = np.interp(centred, known, shape.astype(np.float64))
    # Below a hundredth of the passband nothing is left to be whitened.
    level = np.maximum(level, 0.01 * np.median(level))
    mean = level.mean()
    return np.fft.ifftshift(level / mean if mean > 0 else np.ones_like(level))


def _flatten(spectrum: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Spectrum over its own moving average, carriers cut down first.

    Beyond the passband there is nothing to be whitened, and averaged across its
    edge the ratio would overshoot: the average is taken inside alone, and what
    lies outside is put down to one.
    """
    around = uniform_filter1d(spectrum, width, mode="wrap")
    inside = around > PASSBAND * np.median(around)
    if not inside.any():
        return np.ones_like(spectrum)
    share = np.maximum(uniform_filter1d(inside.astype(np.float64), width, mode="wrap"), 1 / width)
    around = uniform_filter1d(np.where(inside, spectrum, 0), width, mode="wrap") / share
    cut = np.minimum(spectrum, TONE_RATIO * around)
    around = uniform_filter1d(np.where(inside, cut, 0), width, mode="wrap") / share
    floor = max(float(around.max()) * 1e-9, np.finfo(np.float64).tiny)
    ratio = np.minimum(cut / np.maximum(around, floor), TONE_RATIO)
    # At the edge the average is one-sided, and wrong by the filter's slope.
    trust = np.maximum(2 * share - 1, 0)
    return np.where(inside, 1 + trust * (ratio - 1), 1.0)
