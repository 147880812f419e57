"""Frequency and chirp rate of a tone from its phase.

The centroid of a spectrum's bins is good to a part of a bin; the phase of one
bin, frame by frame, tells a tone's frequency to a part of one over the time
watched. The chirp A exp(i(phi + 2 pi f t + pi a t²)) is fitted by maximum
likelihood: within a dwell first, then, if the dwells' phases agree, over all.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdr_detect.features.drift import Drift, drift_of
from sdr_detect.model import ComplexArray

#: Fastest chirp looked for: 5.9 kHz/s is the most that a low orbit shows.
MAX_CHIRP_HZ_PER_S = 6000.0

#: Peak power over noise below which a dwell's frequency is a guess: noise alone
#: reaches it in one dwell of 40 (some 3e4 frequencies and rates).
LEAST_PEAK = 14.0

#: Values whose phases are fitted together: two seconds at 2.4 Msps. Beyond,
#: only the dwells' frequencies go on.
MAX_VALUES = 10_000

#: Dwells whose frequencies are kept.
MAX_DWELLS = 4096

#: Share of the peak that is left when all dwells are summed in phase, below
#: which the oscillators wander too much for it.
COHERENT = 0.6

#: Half-overlapped Hann frames correlate by a sixth: in the middle of a bin the
#: noise is denser than on average by this factor, at its edges by 2/3.
DENSITY = 4 / 3

#: Values further apart than this are not fitted with one phase.
LONGEST_S = 30.0

#: Rates transformed together: 2 MB at two seconds.
RATES_AT_ONCE = 16

#: Steps of the rate within a dwell, in units of one over its length squared.
RATE_STEP = 2.0

#: Steps to each side of the last dwell's rate that are searched again.
NEAR_STEPS = 2

Vector = NDArray[np.float64]


class TonePhase:
    """Frequencies of one tone, dwell by dwell, and the values of its bin."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._offsets: list[float] = []
        self._sigmas: list[float] = []
        self._parts: list[tuple[Vector, ComplexArray]] = []
        self._held = 0
        self._power = 0.0
        self._rate: float | None = None

    @property
    def frequency_hz(self) -> float | None:
        """Latest frequency, relative to the slice's centre."""
        return self._offsets[-1] if self._offsets else None

    def add(self, times_s: Vector, values: ComplexArray, bin_hz: float) -> None:
        """A dwell's values of the bin at ``bin_hz``; its tone lies within half a bin's alias.

        Dwells in which no tone stands out are left out.
        """
        if times_s.size < 16 or len(self._times) >= MAX_DWELLS:
            return
        middle = float(times_s.mean())
        moved = values * _turns(-bin_hz * times_s)
        time = times_s - middle
        span = float(time[-1] - time[0])
        step = RATE_STEP / span**2
        count = int(np.ceil(MAX_CHIRP_HZ_PER_S / step))
        if self._rate is None:
            rates = np.arange(-count, count + 1, dtype=np.float64) * step
        else:
            rates = self._rate + step * np.arange(-NEAR_STEPS, NEAR_STEPS + 1, dtype=np.float64)
        grid = _Grid(time)
        _, rate, _ = grid.search(moved, rates)
        f_hz, rate, peak = grid.search(moved, rate + step * np.arange(-4.0, 5.0) / 4)
        snr = peak / _noise(values, peak)
        if snr < LEAST_PEAK:
            self._rate = None
            return
        self._rate = rate
        self._times.append(middle)
        self._offsets.append(bin_hz + f_hz)
        self._sigmas.append(float(np.sqrt(1 / (8 * np.pi**2 * snr * np.var(time)))))
        if self._held + values.size <= MAX_VALUES:
            self._parts.append((times_s, values))
            self._held += values.size
            self._power += peak

    def drift(self) -> Drift | None:
        """Chirp rate: from all phases if they agree, else from the dwells' frequencies."""
        coarse = drift_of(self._times, self._offsets, self._sigmas)
        if coarse is None or len(self._parts) < len(self._times):
            return coarse
        return self._coherent(coarse) or coarse

    def _coherent(self, coarse: Drift) -> Drift | None:
        times = np.concatenate([t for t, _ in self._parts])
        values = np.concatenate([v for _, v in self._parts])
        middle = float(times.mean())
        time = times - middle
        at = np.asarray(self._times)
        weight = 1 / np.asarray(self._sigmas) ** 2
        centre = float(np.sum(weight * (self._offsets - coarse.rate_hz_per_s * (at - middle))))
        centre /= float(weight.sum())
        span = float(time[-1] - time[0])
        if span > LONGEST_S:
            return None  # samples were lost: the grid of the search would span the gap
        # Half of a turn at the ends and less, so that the search starts on the main lobe.
        step = 0.5 / span**2
        moved = values * np.exp(-2j * np.pi * centre * times)
        expected = np.sqrt(1 / np.sum(weight * (at - middle) ** 2))
        reach = int(np.ceil(5 * max(expected, coarse.sigma_hz_per_s) / step)) + 1
        if reach > 400:
            return None
        rates = coarse.rate_hz_per_s + np.arange(-reach, reach + 1, dtype=np.float64) * step
        near = 5 * float(np.sqrt(1 / weight.sum())) + 2 / span
        f_hz, rate, _ = _Grid(time).search(moved, rates, near)
        f_hz, rate, peak = _refined(time, moved, f_hz, rate)
        if peak < COHERENT * self._power:
            return None
        # Cramér-Rao: the phase pi a t² is known as well as its quadratic part
        # over the line and the constant that are fitted with it.
        basis = np.polynomial.polynomial.polyvander(time / span, 2)
        rest = basis[:, 2] - basis[:, :2] @ np.linalg.lstsq(basis[:, :2], basis[:, 2])[0]
        moment = float(np.mean(rest**2)) * span**4 * np.pi**2
        return Drift(
            rate, float(np.sqrt(_noise(values, peak) / (2 * peak * moment))), values.size - 3
        )


def _noise(values: ComplexArray, peak: float) -> float:
    """Noise power per value, at the density that it has in the middle of the bin."""
    rest = float(np.mean(np.abs(values) ** 2)) - peak / values.size
    return max(DENSITY * rest, 1e-30)


class _Grid:
    """Values laid on an even grid of times; what is missing there is zero."""

    def __init__(self, time: Vector) -> None:
        self._squares = time**2
        spacing = float(np.min(np.diff(time)))
        self._place = np.rint((time - time[0]) / spacing).astype(int)
        self._size = 1 << int(np.ceil(np.log2(2 * (self._place[-1] + 1))))
        self._step_hz = 1 / (self._size * spacing)

    def search(
        self, values: ComplexArray, rates: Vector, near_hz: float | None = None
    ) -> tuple[float, float, float]:
        """Frequency, rate and power per value of the highest peak over a grid."""
        best = (0.0, 0.0, -1.0)
        for first in range(0, rates.size, RATES_AT_ONCE):
            some = rates[first : first + RATES_AT_ONCE]
            rows = np.zeros((some.size, self._size), np.complex64)
            rows[:, self._place] = values * _turns(np.outer(some, self._squares) / -2)
            spectra = scipy.fft.fft(rows, axis=1, overwrite_x=True)
            power = spectra.real**2 + spectra.imag**2
            if near_hz is not None:
                reach = min(int(near_hz / self._step_hz), self._size // 2)
                power[:, reach + 1 : self._size - reach] = 0
            row, k = np.unravel_index(int(np.argmax(power)), power.shape)
            top = float(power[row, k])
            if top > best[2]:
                best = _peak_hz(power[row], int(k), self._step_hz), float(some[row]), top
        return best[0], best[1], best[2] / values.size


def _turns(turns: Vector) -> ComplexArray:
    """exp(2πi turns), in single precision of what is left of whole turns."""
    angle = (2 * np.pi * (turns - np.rint(turns))).astype(np.float32)
    found = np.empty(angle.shape, np.complex64)
    found.real, found.imag = np.cos(angle), np.sin(angle)
    return found


def _peak_hz(power: Vector, k: int, step_hz: float) -> float:
    """Vertex of the parabola through the logarithms of a peak and its neighbours."""
    size = power.size
    left, top, right = (np.log(power[(k + j) % size] + 1e-30) for j in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(((k + size // 2) % size - size // 2 + np.clip(shift, -0.5, 0.5)) * step_hz)


def _refined(
    time: Vector, values: ComplexArray, f_hz: float, rate: float
) -> tuple[float, float, float]:
    """The peak's frequency and rate to the last digit: Gauss-Newton on the phase."""
    span = float(time[-1] - time[0])
    unit = time / span
    shape = np.column_stack((np.ones_like(unit), unit, unit**2 - np.mean(unit**2)))
    for _ in range(6):
        turned = values * np.exp(-2j * np.pi * f_hz * time - 1j * np.pi * rate * time**2)
        total = np.mean(turned)
        # Projection of what is out of phase with the sum.
        error = np.imag(turned * np.conj(total)) / np.abs(total) ** 2
        _, line, bend = np.linalg.lstsq(shape, error)[0]
        f_hz += float(line) / (2 * np.pi * span)
        rate += float(bend) / (np.pi * span**2)
    turned = values * np.exp(-2j * np.pi * f_hz * time - 1j * np.pi * rate * time**2)
    return f_hz, rate, float(np.abs(np.mean(turned)) ** 2 * values.size)
