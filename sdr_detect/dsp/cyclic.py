"""Lag products of whitened samples as they run along time.

A cyclic extension repeats only part of each symbol: the product of the samples
with themselves one useful symbol later is on during the extension and off
otherwise. Its spectrum has lines at the multiples of the symbol rate, the cyclic
frequencies of the signal's cyclic autocorrelation (Gardner 1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sdr_detect.dsp.autocorr import PASSBAND, TONE_RATIO
from sdr_detect.model import ComplexArray, FloatArray

#: Phases of a delay are made from two short tables, this many in the first.
_TABLE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """Samples whose spectrum is flat inside the receiver's passband.

    Parameters
    ----------
    spectrum : (bins,) complex64
        Zero outside the passband; ``bins`` is at least the number of samples.
    samples : (n,) complex64
        Its inverse transform.
    passband : float
        Share of the bins inside.
    """

    spectrum: ComplexArray
    samples: ComplexArray
    passband: float


def whiten(iq: ComplexArray, width: float) -> Whitened:
    """Divide by the moving average of the spectrum.

    Parameters
    ----------
    iq : (n,) complex64
    width : float
        Of the moving average, as a share of the sample rate.
    """
    size = scipy.fft.next_fast_len(iq.size)
    spectrum = scipy.fft.fft(iq, n=size)
    power = spectrum.real**2 + spectrum.imag**2
    bins = max(3, round(width * size) | 1)
    around = uniform_filter1d(power, bins, mode="wrap")
    # A carrier must not dent the level beside it.
    power = np.minimum(power, TONE_RATIO * around)
    around = uniform_filter1d(power, bins, mode="wrap")
    # Every eighth bin will do: the average is far wider.
    inside = around > PASSBAND * np.median(around[::8])
    share = float(np.count_nonzero(inside)) / size
    tones = power >= TONE_RATIO * around
    gain = np.zeros(size, np.float32)
    # What still stands out is a carrier: it correlates at every lag.
    kept = inside & ~tones
    gain[kept] = 1 / np.sqrt(around[kept])
    spectrum *= gain
    return Whitened(spectrum, scipy.fft.ifft(spectrum)[: iq.size], share)


def lag_products(white: Whitened, lag: float, cell: int) -> ComplexArray:
    """x(n + lag)·conj(x(n)), summed over cells of ``cell`` samples.

    Parameters
    ----------
    white : Whitened
    lag : float
        In samples, not necessarily whole.
    cell : int

    Returns
    -------
    (cells,) complex64, empty when the stretch is no longer than the lag.
    """
    whole = int(lag)
    cells = (white.samples.size - whole - 1) // cell
    if cells < 1:
        return np.zeros(0, np.complex64)
    later = scipy.fft.ifft(white.spectrum * _advance(lag - whole, white.spectrum.size))
    used = cells * cell
    products = later[whole : whole + used] * white.samples[:used].conj()
    # Strided additions: a reduction over rows this short is slower.
    total: ComplexArray = products[::cell].copy()
    for k in range(1, cell):
        total += products[k::cell]
    return total


def _advance(samples: float, size: int) -> ComplexArray:
    """Phase of each bin of an unshifted transform for an advance by part of a sample."""
    turn = 2j * np.pi * samples / size
    fine = np.exp(turn * np.arange(_TABLE)).astype(np.complex64)
    half = size // 2
    coarse = np.exp(turn * np.arange(0, half + 1, _TABLE)).astype(np.complex64)
    positive = np.multiply.outer(coarse, fine).ravel()[: half + 1]
    phases = np.empty(size, np.complex64)
    phases[: half + 1] = positive
    # Bins above the middle are negative frequencies.
    phases[half + 1 :] = positive[1 : size - half][::-1].conj()
    return phases


def segment_spectra(values: FloatArray, segments: int, size: int, bins: int) -> NDArray[np.float64]:
    """Sum of the power spectra of equal segments, each divided by its own variance.

    In white noise every bin but the first averages ``segments``.

    Parameters
    ----------
    values : (n,) float32
    segments, size, bins : int
        Number of segments, transform size, bins returned.
    """
    length = values.size // segments
    parts = values[: segments * length].reshape(segments, length)
    parts = parts - parts.mean(axis=1, keepdims=True)
    variance = np.maximum(np.mean(parts**2, axis=1, dtype=np.float64), np.finfo(np.float64).tiny)
    spectra = scipy.fft.rfft(parts, n=size, axis=1)[:, :bins]
    powers = spectra.real**2 + spectra.imag**2
    total: NDArray[np.float64] = np.sum(
        powers / (length * variance[:, None]), axis=0, dtype=np.float64
    )
    return total
