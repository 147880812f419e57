"""Averaged spectra of the parts of a stretch that count, and how well they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdr_detect.dsp.cfar import WelchFreedom
from sdr_detect.dsp.runs import runs
from sdr_detect.model import ComplexArray

Floats = NDArray[np.float64]

#: Values transformed together.
BATCH = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Mean power of each bin in ascending frequency; all bins add up to the mean |x|².

    Parameters
    ----------
    offsets_hz : (nfft,) float64
    power : (nfft,) float64
    frames : int
        Half-overlapped Hann frames averaged.
    averages : float
        Independent ones that know a bin of noise as well.
    """

    offsets_hz: Floats
    power: Floats
    frames: int
    averages: float

    @property
    def bin_hz(self) -> float:
        """Distance of two bins."""
        return float(self.offsets_hz[1] - self.offsets_hz[0])

    @property
    def resolution_hz(self) -> float:
        """Equivalent noise bandwidth of the Hann window."""
        return 1.5 * self.bin_hz


def welch(
    iq: ComplexArray, sample_rate_hz: float, nfft: int, wanted: NDArray[np.bool_]
) -> Spectrum | None:
    """Average over frames that lie wholly in ``wanted`` samples; None when none does.

    Parameters
    ----------
    iq : (n,) complex64
    nfft : int
        Frame length, even.
    wanted : (n,) bool
    """
    window = np.hanning(nfft + 1)[:-1]
    window /= np.sqrt(np.sum(window**2)) * np.sqrt(nfft)
    taper = window.astype(np.float32)
    total = np.zeros(nfft)
    frames = 0
    for start, stop in runs(wanted):
        count = (stop - start - nfft) // (nfft // 2) + 1
        for first in range(0, max(0, count), max(1, BATCH // nfft)):
            some = min(max(1, BATCH // nfft), count - first)
            begin = start + first * (nfft // 2)
            view = np.lib.stride_tricks.sliding_window_view(
                iq[begin : begin + (some + 1) * (nfft // 2)], nfft
            )[:: nfft // 2]
            spectra = scipy.fft.fft(view * taper, axis=1)
            total += np.sum(spectra.real**2 + spectra.imag**2, axis=0, dtype=np.float64)
            frames += some
    if not frames:
        return None
    offsets_hz = (np.arange(nfft, dtype=np.float64) - nfft // 2) * (sample_rate_hz / nfft)
    averages = WelchFreedom(window, nfft // 2).shape(1, frames)
    return Spectrum(offsets_hz, np.fft.fftshift(total / frames), frames, averages)
