"""Symbol rate of a single carrier from the line in its squared envelope.

Any linear modulation with excess bandwidth has an envelope that beats at the
symbol rate (Gardner 1986; the cyclic feature of order (1, 1)); noise and OFDM
do not. The band is cut out in the frequency domain, which also decimates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.special import gammaincc

from sdr_detect.model import ComplexArray

#: Samples of one look; 55 ms at 2.4 Msps.
LOOK_SAMPLES = 131_072

#: The symbol rate lies between these shares of the -3 dB bandwidth, which it
#: equals for root-raised-cosine shaping.
LOWEST = 0.7
HIGHEST = 1.4

#: Another line this strong, relative to the first, and it is no single carrier.
UNIQUE = 0.3


@dataclass(frozen=True, slots=True)
class SymbolRateResult:
    """The line found; ``pfa`` is the chance of such a line in noise."""

    symbol_rate_hz: float
    sigma_hz: float
    pfa: float


class SymbolRate:
    """Squared-envelope spectra of one band, summed over looks."""

    def __init__(
        self,
        sample_rate_hz: float,
        low_offset_hz: float,
        high_offset_hz: float,
        half_power_hz: float,
    ) -> None:
        margin = 0.3 * (high_offset_hz - low_offset_hz)
        self._rate = sample_rate_hz
        self._low = low_offset_hz - margin
        self._high = high_offset_hz + margin
        self._bandwidth = half_power_hz
        self._spectrum: np.ndarray[tuple[int], np.dtype[np.float64]] | None = None
        self._size = 0
        self._looks = 0

    def add(self, iq: ComplexArray) -> None:
        """One look at the start of ``iq``; shorter stretches than the first are left out."""
        size = min(iq.size, LOOK_SAMPLES)
        if self._size and size < self._size:
            return
        self._size = self._size or size
        step = self._rate / self._size
        low, high = round(self._low / step), round(self._high / step)
        if high - low < 64 or not iq[: self._size].any():
            return
        spectrum = scipy.fft.fft(iq[: self._size])
        bins = np.arange(low, high) % self._size
        # Twice the band: its squared envelope is twice as wide.
        padded = np.zeros(2 * (high - low), np.complex64)
        padded[: high - low] = spectrum[bins]
        envelope = scipy.fft.ifft(padded)
        power = envelope.real**2 + envelope.imag**2
        line = np.abs(scipy.fft.rfft(power - power.mean())) ** 2
        self._spectrum = line.astype(np.float64) + (0 if self._spectrum is None else self._spectrum)
        self._looks += 1

    def result(self) -> SymbolRateResult | None:
        """The line in the range a symbol rate can have, with its chance.

        None when there is more than one: OFDM with pilots and keyed signals
        beat at many rates, a single carrier at its symbol rate alone.
        """
        if self._spectrum is None:
            return None
        step = self._rate / self._size
        low = max(2, int(LOWEST * self._bandwidth / step))
        high = min(self._spectrum.size - 1, int(HIGHEST * self._bandwidth / step))
        if high - low < 16:
            return None
        part = self._spectrum[low:high]
        at = int(np.argmax(part))
        # The continuum falls with the difference frequency: take it locally.
        around = self._spectrum[max(2, low + at - 64) : low + at + 65]
        mean = (
            float(np.median(around)) / np.log(2) if self._looks == 1 else float(np.median(around))
        )
        beyond = np.concatenate((part[: max(0, at - 8)], part[at + 9 :]))
        if beyond.size and beyond.max() > UNIQUE * part[at]:
            return None
        ratio = float(part[at]) / max(mean, np.finfo(np.float64).tiny) * self._looks
        pfa = float(min(1.0, gammaincc(self._looks, ratio) * part.size))
        sigma = 0.5 * step / np.sqrt(max(ratio / self._looks, 1.0))
        return SymbolRateResult((low + at) * step, float(sigma), pfa)
