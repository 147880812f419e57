"""Bandwidth of an emission by the methods of ITU-R SM.328 and SM.443.

Both work on the *excess*: averaged power per bin, noise subtracted. What noise
leaves after that decides how strong an emission must be for either method; the
weaker one is refused with the C/N it would need, never answered with a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: What is left of the noise may be this part of what lies beyond an edge.
TAIL_SHARE = 0.5

#: A level is seen when it stands so many standard errors above zero.
SEEN_SIGMAS = 2.0

#: Share of the selection at either end in which the emission must have ended.
EDGE_SHARE = 0.02

#: Standard errors above zero from which energy at an end is no noise.
EDGE_SIGMAS = 4.0

#: A Hann window shows a sharp edge 26 dB down so many bins beyond it.
WINDOW_BINS = 2.0

#: At the level sought, noise is averaged down to this part of it.
CLEAR_SHARE = 0.2

#: Share of the selection over which density is averaged for its greatest value.
SMOOTH_SHARE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Excess:
    """Power above noise in the bins of a selection, in ascending frequency.

    Parameters
    ----------
    freq_hz : (n,) float64
        Bin centres.
    power : (n,) float64
        Noise subtracted; may be negative where there is nothing.
    noise : (n,) float64
        What was subtracted.
    random : float
        Relative standard error of one bin's noise after subtraction.
    systematic : float
        Relative error that all bins share: ripple of the passband, drift of the gain.
    """

    freq_hz: Floats
    power: Floats
    noise: Floats
    random: float
    systematic: float

    @property
    def bin_hz(self) -> float:
        """Distance of two bins."""
        return float(self.freq_hz[1] - self.freq_hz[0])

    @property
    def total(self) -> float:
        """Power of the emission."""
        return float(self.power.sum())

    @property
    def cn_db(self) -> float:
        """Carrier to noise in the selection; -inf when nothing is left."""
        return decibel(self.total / float(self.noise.sum()))

    def error(self, bins: int) -> float:
        """Standard error of a sum over so many bins, of mean noise."""
        mean = float(self.noise.mean())
        return mean * math.hypot(self.random * math.sqrt(bins), self.systematic * bins)


@dataclass(frozen=True, slots=True)
class Width:
    """Edges of an emission, or why there are none.

    ``lower_hz`` and ``upper_hz`` are None when the method does not apply: the
    emission does not end inside the selection (``reaches_edge``), or its C/N in the
    selection is below ``required_cn_db``.
    """

    lower_hz: float | None
    upper_hz: float | None
    sigma_hz: float | None
    required_cn_db: float
    reaches_edge: bool

    @property
    def hz(self) -> float | None:
        """Width; None when it was refused."""
        return (
            None
            if self.lower_hz is None or self.upper_hz is None
            else self.upper_hz - self.lower_hz
        )


def occupied_width(excess: Excess, beta: float, *, floor_db: float = 26.0) -> Width:
    """Occupied bandwidth: below and above it lie ``beta``/2 of the power each.

    Parameters
    ----------
    excess : Excess
    beta : float
        Share of the power outside; 0.01 gives the 99 % bandwidth of RR 1.153.
    floor_db : float
        Density at an end of the selection that is still no energy, below the peak.
    """
    half = beta / 2
    left = excess.error(excess.power.size // 2)
    required = left / (TAIL_SHARE * half) / float(excess.noise.sum())
    edge = _reaches_edge(excess, floor_db)
    if edge or excess.total < required * float(excess.noise.sum()):
        return Width(None, None, None, decibel(required), edge)
    share = half * excess.total
    lower_hz, lower_sigma = _tail(excess, excess.power, share)
    mirrored, upper_sigma = _tail(excess, excess.power[::-1], share)
    first, last = excess.freq_hz[0], excess.freq_hz[-1]
    sigma = math.hypot(lower_sigma, upper_sigma)
    return Width(first + lower_hz, last - mirrored, sigma, decibel(required), edge)


def x_db_width(excess: Excess, x_db: float) -> Width:
    """Bandwidth beyond which density stays ``x_db`` below its greatest value."""
    density = smoothed(excess.power)
    peak, level = float(density.max()), float(density.max()) * 10 ** (-x_db / 10)
    bins = _window(excess.power.size)
    error = excess.error(bins) / bins
    required = SEEN_SIGMAS * error * 10 ** (x_db / 10)
    # Density over noise that is needed, stated as C/N of this very shape.
    scale = excess.total / peak / float(excess.noise.sum()) if peak > 0 else 0.0
    required_db = (
        decibel(required * scale) if scale > 0 else decibel(required / excess.noise.mean())
    )
    edge = _reaches_edge(excess, x_db)
    if edge or peak < required:
        return Width(None, None, None, required_db, edge)
    # No wider an average than the level needs: it would widen the edges.
    fine = next((k for k in range(1, bins, 2) if excess.error(k) / k < CLEAR_SHARE * level), bins)
    density, error = smoothed(excess.power, fine), excess.error(fine) / fine
    above = np.flatnonzero(density >= level)
    lower, lower_sigma = _crossing(density, int(above[0]), -1, level, error)
    upper, upper_sigma = _crossing(density, int(above[-1]), 1, level, error)
    step, first = excess.bin_hz, excess.freq_hz[0]
    sigma = step * math.hypot(lower_sigma, upper_sigma)
    return Width(first + lower * step, first + upper * step, sigma, required_db, edge)


def smoothed(power: Floats, bins: int | None = None) -> Floats:
    """Running mean over ``bins``, an odd number; by default a hundredth of them all."""
    bins = _window(power.size) if bins is None else bins
    padded = np.pad(power, bins // 2, mode="edge")
    return np.asarray(np.convolve(padded, np.full(bins, 1 / bins), mode="valid"))


def decibel(ratio: float) -> float:
    """Ratio of powers in dB; -inf for nothing."""
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


def _window(size: int) -> int:
    return max(1, round(SMOOTH_SHARE * size)) | 1


def _reaches_edge(excess: Excess, floor_db: float) -> bool:
    """Whether there is energy at an end of the selection."""
    bins = max(2, round(EDGE_SHARE * excess.power.size))
    least = float(smoothed(excess.power).max()) * 10 ** (-floor_db / 10)
    error = excess.error(bins) / bins
    ends = excess.power[:bins].mean(), excess.power[-bins:].mean()
    return bool(max(ends) > max(EDGE_SIGMAS * error, least))


def _tail(excess: Excess, power: Floats, share: float) -> tuple[float, float]:
    """Distance from the first bin's centre at which ``share`` of power lies behind, and error."""
    total = np.cumsum(power)
    at = int(np.argmax(total >= share))
    before = float(total[at - 1]) if at else 0.0
    height = max(float(power[at]), 1e-300)
    # A bin's power is spread evenly over it.
    place = at - 0.5 + (share - before) / height
    error = excess.error(at + 1) / height
    return place * excess.bin_hz, excess.bin_hz * math.hypot(error, 1 / math.sqrt(12))


def _crossing(
    density: Floats, at: int, step: int, level: float, error: float
) -> tuple[float, float]:
    """Where, in bins, density falls below ``level`` outside bin ``at``; and the error."""
    beyond = at + step
    if not 0 <= beyond < density.size:
        return float(at), 1.0
    inner, outer = float(density[at]), float(density[beyond])
    slope = max(inner - outer, 1e-300)
    place = at + step * (inner - level) / slope
    return place, math.hypot(min(error / slope, 1.0 * density.size), WINDOW_BINS)
