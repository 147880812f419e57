"""Symbol rate of a single carrier from the line in its squared envelope.

Any linear modulation with excess bandwidth has an envelope that beats at the
symbol rate (Gardner 1986; the cyclic feature of order (1, 1)); noise and OFDM
do not. The band is cut out in the frequency domain, which also decimates.

Looks are summed by power to find the line, and by amplitude, each at its own
time, to measure its frequency: over the time T from the first look to the last
the error falls with the power 3/2 of T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.special import gammaincc

from sdr_detect.model import ComplexArray

#: Samples of one look; 55 ms at 2.4 Msps.
LOOK_SAMPLES = 131_072

#: Looks whose amplitudes are kept: two seconds of dwells, and 6 MB at most for a
#: slice full of carriers.
MAX_LOOKS = 20

#: Bins on each side of the line that are kept for its frequency: it lies
#: between two of one look.
NEAR = 16

#: A line whose looks do not sum to this share of what they hold is not one
#: steady clock over all of them, or was found in noise.
COHERENT = 0.5

#: The symbol rate lies between these shares of the -3 dB bandwidth, which it
#: equals for root-raised-cosine shaping.
LOWEST = 0.7
HIGHEST = 1.4

#: Another line this strong, relative to the first, and it is no single carrier.
UNIQUE = 0.3


#: Looks further apart than this are not added up coherently.
LONGEST_S = 30.0

#: Noise beside a line is taken to be no less than this part of it.
LEAST_NOISE = 1e-12


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
        self._kept: list[tuple[float, ComplexArray]] = []

    @property
    def looks(self) -> int:
        """Looks taken."""
        return self._looks

    def add(self, iq: ComplexArray, first_sample: int) -> None:
        """One look at the start of ``iq``; shorter stretches than the first are left out.

        ``first_sample`` is its place in the stream.
        """
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
        beat = scipy.fft.rfft(power - power.mean())
        line = beat.real**2 + beat.imag**2
        self._spectrum = line.astype(np.float64) + (0 if self._spectrum is None else self._spectrum)
        if len(self._kept) < MAX_LOOKS:
            start, stop = self._range(step, beat.size)
            near = beat[max(0, start - NEAR) : stop + NEAR]
            self._kept.append((first_sample / self._rate, near))
        self._looks += 1

    def result(self) -> SymbolRateResult | None:
        """The line in the range a symbol rate can have, with its chance.

        None when there is more than one: OFDM with pilots and keyed signals
        beat at many rates, a single carrier at its symbol rate alone.
        """
        if self._spectrum is None:
            return None
        step = self._rate / self._size
        low, high = self._range(step, self._spectrum.size)
        if high - low < 16:
            return None
        part = self._spectrum[low:high]
        at = int(np.argmax(part))
        # The continuum falls with the difference frequency: take it locally.
        around = self._spectrum[max(2, low + at - 64) : low + at + 65]
        mean = (
            float(np.median(around)) / np.log(2) if self._looks == 1 else float(np.median(around))
        )
        # Made-up samples without noise have nothing beside the line.
        mean = max(mean, LEAST_NOISE * float(part[at]), float(np.finfo(np.float64).tiny))
        beyond = np.concatenate((part[: max(0, at - 8)], part[at + 9 :]))
        if beyond.size and beyond.max() > UNIQUE * part[at]:
            return None
        ratio = float(part[at]) / mean * self._looks
        pfa = float(min(1.0, gammaincc(self._looks, ratio) * part.size))
        rate_hz, sigma_hz = self._frequency(low, at, step, mean / self._looks)
        return SymbolRateResult(rate_hz, sigma_hz, pfa)

    def _range(self, step: float, size: int) -> tuple[int, int]:
        """Bins [low, high) in which the line of this band can lie."""
        low = max(2, int(LOWEST * self._bandwidth / step))
        return low, min(size - 1, int(HIGHEST * self._bandwidth / step))

    def _frequency(self, low: int, at: int, step: float, noise: float) -> tuple[float, float]:
        """Frequency of the line near bin ``low + at``, and its standard error.

        Parameters
        ----------
        noise : float
            Power per bin of one look beside the line.
        """
        begin = max(0, low - NEAR)
        middle = low + at - begin
        lines = [
            (start, beat[max(0, middle - NEAR) : middle + NEAR + 1]) for start, beat in self._kept
        ]
        first = begin + max(0, middle - NEAR)
        # A few bins of a look are as many samples of the line, moved to zero.
        count = lines[0][1].size
        within = (np.arange(count) + 0.5) / (count * step)
        times = np.concatenate([start + within for start, _ in lines])
        # (k - middle) cycles within the look, the phase being that at its start.
        turn = np.exp(2j * np.pi * np.outer(np.arange(count) + first - low - at, within) * step)
        values = np.concatenate([beat @ turn for _, beat in lines])
        return _line(times, values, (low + at) * step, step, [s for s, _ in lines], noise * count)


def _line(
    times: np.ndarray[tuple[int], np.dtype[np.float64]],
    values: ComplexArray,
    about_hz: float,
    step: float,
    starts: list[float],
    noise: float,
) -> tuple[float, float]:
    """Most likely frequency of a line, from its samples around ``about_hz``, and its error.

    Each look's phase counts from its own start; the stream's time is put in here.
    """
    per_look = values.size // len(starts)
    turns = np.repeat([about_hz * start % 1.0 for start in starts], per_look)
    moved = values * np.exp(-2j * np.pi * turns)
    span = float(times[-1] - times[0])
    if span > LONGEST_S:
        # Samples were lost between the looks: the clock is not followed over that.
        return about_hz, 0.29 * step
    fine = 0.25 / span
    reach = int(np.ceil(step / fine))
    grid = np.arange(-reach, reach + 1) * fine
    power = np.array([np.abs(np.exp(-2j * np.pi * g * times) @ moved) ** 2 for g in grid])
    k = int(np.argmax(power))
    looks = moved.reshape(len(starts), per_look)
    turned = np.exp(-2j * np.pi * grid[k] * times).reshape(looks.shape)
    alone = float(np.sum(np.abs(np.sum(looks * turned, axis=1)) ** 2)) * len(starts)
    if power[k] <= COHERENT * alone:
        # Looks that do not agree: what one of them tells.
        return about_hz, 0.29 * step
    offset = grid[k]
    if 0 < k < grid.size - 1:
        bend = power[k - 1] - 2 * power[k] + power[k + 1]
        offset += fine * 0.5 * (power[k - 1] - power[k + 1]) / bend if bend < 0 else 0.0
    snr = float(power[k]) / (values.size * noise)
    sigma = np.sqrt(1 / (8 * np.pi**2 * snr * np.var(times)))
    return about_hz + float(offset), float(sigma)
