"""The best box of a folded profile, and how often noise has one as good.

A burst that keeps its place in the period lifts a run of phase bins. The mean
of every run of every width is compared with the mean of the other bins: no
noise level needs to be known (a differential fold loses 0.2 dB against a known
one, and a drifting level cancels).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import gammaincc, ndtr

#: Correlation of the energies of neighbouring half-overlapped Hann frames, from
#: the overlap of the squared windows: 3/70 (Harris 1978 for the window).
FRAME_CORRELATION = 3 / 70

#: Widest box, as a share of the period: of a downlink's frame a gap of few symbols
#: may be left. What is on for so long is no terminal's burst, and its claims say so.
WIDEST = 0.95

#: From one width tried to the next: steps of a third lose less than 0.2 dB.
WIDENING = 1.33

#: Independent trials of the search, per phase bin: neighbouring boxes overlap.
#: Measured on noise at 100 bins: 4 at chances of 1e-2, 6 at 1e-3, 8 at 1e-4.
TRIALS_PER_BIN = 8.0


#: Phases that must hold a frame, as a share of all.
COVERED = 0.9

#: Means less skew than this are as good as normal.
SMALL_SKEWNESS = 1e-3


@dataclass(frozen=True, slots=True)
class Noise:
    """Second and third moment of one frame's value, in noise."""

    variance: float
    skewness: float


@dataclass(frozen=True, slots=True)
class Box:
    """A run of phase bins that stands out.

    ``excess`` is its mean above that of the other bins, ``z`` the same in
    standard deviations of noise, ``chance`` the probability that noise shows
    such a box anywhere in the search.
    """

    start: int
    width: int
    excess: float
    z: float
    chance: float


@cache
def box_widths(bins: int, least: int) -> NDArray[np.int64]:
    """Widths tried, in bins."""
    widths = [least]
    while (following := max(widths[-1] + 1, round(widths[-1] * WIDENING))) <= WIDEST * bins:
        widths.append(following)
    tried = np.array(widths, np.int64)
    tried.flags.writeable = False
    return tried


def best_box(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    noise: Noise,
    widths: NDArray[np.int64],
    trials: float = 1.0,
) -> Box:
    """Most significant box over all phases and widths.

    Parameters
    ----------
    sums, counts : (bins,) float64
        Sum and number of the frames' values in each phase bin.
    noise : Noise
        How one frame's value is distributed.
    widths : (n,) int64
        In bins.
    trials : float
        Other profiles searched alike (bands, drifts), for the chance.

    Returns
    -------
    Box
        One that says nothing (chance 1) when the frames do not cover the period.
    """
    bins = sums.size
    if noise.variance <= 0 or np.count_nonzero(counts) < COVERED * bins:
        return Box(0, 1, 0.0, 0.0, 1.0)
    start, width, top, excess, inside = highest_box(sums, counts, noise.variance, widths)
    single = upper_tail(top, noise.skewness / np.sqrt(max(1.0, inside)))
    chance = min(1.0, single * bins * TRIALS_PER_BIN * trials)
    return Box(start, width, excess, top, chance)


@njit(cache=True, nogil=True)
def highest_box(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    variance: float,
    widths: NDArray[np.int64],
) -> tuple[int, int, float, float, float]:
    """Start, width, deviation, excess and frames of the box that deviates most.

    Where blanked pulses left less than half of the frames nothing is compared.
    """
    bins = sums.size
    total, number = sums.sum(), counts.sum()
    best = (0, int(widths[0]), -np.inf, 0.0, 1.0)
    for width in widths:
        alike = variance * (1 + 2 * FRAME_CORRELATION * (1 - 1 / width))
        least = 0.5 * width * (number / bins)
        part, inside = sums[:width].sum(), counts[:width].sum()
        for start in range(bins):
            if inside > least:
                outside = max(number - inside, 1.0)
                above = part * outside - (total - part) * inside
                power = alike * inside * outside * (inside + outside)
                # Squares first: most boxes need neither root nor division.
                if best[2] <= 0 or (above > 0 and above * above > best[2] ** 2 * power):
                    z = above / np.sqrt(power)
                    if z > best[2]:
                        best = (start, int(width), z, above / (inside * outside), inside)
            after = (start + width) % bins
            part += sums[after] - sums[start]
            inside += counts[after] - counts[start]
    return best


@njit(cache=True, nogil=True)
def highest_of_each(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    edges: NDArray[np.int64],
    variance: float,
    least: int,
) -> NDArray[np.float64]:
    """Deviation of the best box of several profiles: (profiles,).

    Parameters
    ----------
    sums, counts : (size,) float64
        The profiles one after the other.
    edges : (profiles + 1,) int64
        Where each begins.
    variance : float
        Of one frame's value, in noise.
    least : int
        Narrowest box, as in `box_widths`; 0 for single bins alone.
    """
    found = np.zeros(edges.size - 1)
    for k in range(found.size):
        part, held = sums[edges[k] : edges[k + 1]], counts[edges[k] : edges[k + 1]]
        bins = part.size
        if variance <= 0 or np.count_nonzero(held) < COVERED * bins:
            continue
        widths = [max(1, least)]
        while least > 0:
            following = max(widths[-1] + 1, int(np.rint(widths[-1] * WIDENING)))
            if following > WIDEST * bins:
                break
            widths.append(following)
        found[k] = highest_box(part, held, variance, np.array(widths))[2]
    return found


@njit(cache=True, nogil=True)
def variance_of_each(
    sums: NDArray[np.float64], counts: NDArray[np.float64], edges: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean square of the bins of several profiles, for one frame: (profiles, columns).

    Parameters
    ----------
    sums : (size, columns) float64
        The profiles one after the other.
    counts : (size,) float64
    edges : (profiles + 1,) int64
        Where each begins.
    """
    found = np.zeros((edges.size - 1, sums.shape[1]))
    for k in range(found.shape[0]):
        for b in range(edges[k], edges[k + 1]):
            number = max(counts[b], 1.0)
            for c in range(sums.shape[1]):
                found[k, c] += sums[b, c] * sums[b, c] / number
        found[k] /= edges[k + 1] - edges[k]
    return found


def upper_tail(z: float, skewness: float) -> float:
    """Probability that a mean of noise lies ``z`` deviations or more above its own mean.

    The third moment is matched by a Gamma law (Pearson's type III): energies
    are Gamma distributed, and their tails are heavier than the normal law's.
    """
    if skewness < SMALL_SKEWNESS:
        return float(ndtr(-z))
    shape = 4 / skewness**2
    return float(gammaincc(shape, max(0.0, shape + z * np.sqrt(shape))))
