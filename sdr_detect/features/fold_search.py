"""The best box of a folded profile, and how often noise has one as good.

A burst that keeps its place in the period lifts a run of phase bins. The mean
of every run of every width is compared with the mean of the other bins: no
noise level needs to be known (a differential fold loses 0.2 dB against a known
one, and a drifting level cancels).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import gammaincc, ndtr

from sdr_detect.model import FloatArray

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


#: What is found where the frames do not cover the period.
NO_BOX = Box(0, 1, 0.0, 0.0, 1.0)


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
    moments: NDArray[np.float64],
    widths: NDArray[np.int64],
    trials: float = 1.0,
) -> Box:
    """Most significant box over all phases and widths.

    Parameters
    ----------
    sums, counts : (bins,) float64
        Sum and number of the frames' values in each phase bin.
    moments : (2,) float64
        Variance and skewness of one frame's value, in noise.
    widths : (n,) int64
        In bins.
    trials : float
        Other profiles searched alike (bands, drifts), for the chance.

    Returns
    -------
    Box
        One that says nothing (chance 1) when the frames do not cover the period.
    """
    if moments[0] <= 0 or not _covered(counts):
        return NO_BOX
    start, width, top, excess, inside = highest_box(sums, counts, moments[0], widths)
    single = upper_tail(top, moments[1] / np.sqrt(max(1.0, inside)))
    chance = min(1.0, single * sums.size * TRIALS_PER_BIN * trials)
    return Box(start, width, excess, top, chance)


def best_of_columns(
    sums: FloatArray,
    counts: FloatArray,
    moments: NDArray[np.float64],
    single: NDArray[np.bool_],
    widths: NDArray[np.int64],
    trials: NDArray[np.float64],
) -> tuple[Box, int]:
    """The same of several profiles, and which of them it is.

    Parameters
    ----------
    sums : (bins, columns) float32
    counts : (bins,) float32
    moments : (2, columns) float64
    single : (columns,) bool
        Profiles of which single bins are looked at, instead of ``widths``.
    widths : (n,) int64
    trials : (columns,) float64
    """
    if not _covered(counts):
        return NO_BOX, 0
    found = highest_of_columns(sums, counts, moments[0], single, widths)
    _, _, z, _, inside = found
    chances = upper_tails(z, moments[1] / np.sqrt(np.maximum(1.0, inside)))
    chances = np.minimum(1.0, chances * len(sums) * TRIALS_PER_BIN * trials)
    # Chances of strong emissions underflow alike.
    column = int(np.lexsort((-z, chances))[0])
    start, width, top, excess, _ = found[:, column].tolist()
    return Box(int(start), int(width), excess, top, float(chances[column])), column


def _covered(counts: NDArray[Any]) -> bool:
    """Whether the frames cover the period."""
    return bool(np.count_nonzero(counts) >= COVERED * counts.size)


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
    # Running sums, twice around the period.
    run, held = np.zeros(2 * bins + 1), np.zeros(2 * bins + 1)
    for k in range(2 * bins):
        at = k if k < bins else k - bins
        run[k + 1] = run[k] + sums[at]
        held[k + 1] = held[k] + counts[at]
    score, wide = np.full(bins, -np.inf), np.zeros(bins)
    for width in widths:
        alike = variance * (1 + 2 * FRAME_CORRELATION * (1 - 1 / width))
        least = 0.5 * width * (held[bins] / bins)
        _raise_scores(
            run, held, np.float64(width), run[width:], held[width:], alike, least, score, wide
        )
    start = int(np.argmax(score))
    if score[start] == -np.inf:
        return 0, int(widths[0]), -np.inf, 0.0, 1.0
    width = int(wide[start])
    inside = held[start + width] - held[start]
    outside = max(held[bins] - inside, 1.0)
    part = run[start + width] - run[start]
    excess = part / inside - (run[bins] - part) / outside
    return start, width, np.sign(score[start]) * np.sqrt(abs(score[start])), excess, inside


# Without a check for division by zero, and with NaN ruled out, vectors are compared at once.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract"})
def _raise_scores(
    run: NDArray[np.float64],
    held: NDArray[np.float64],
    width: float,
    run_stop: NDArray[np.float64],
    held_stop: NDArray[np.float64],
    alike: float,
    least: float,
    score: NDArray[np.float64],
    wide: NDArray[np.float64],
) -> None:
    """Square of the deviation, with its sign, of the boxes of one width, where it is higher."""
    total, number = run[score.size], held[score.size]
    for start in range(score.size):
        part = run_stop[start] - run[start]
        inside = held_stop[start] - held[start]
        outside = max(number - inside, 1.0)
        above = part * outside - (total - part) * inside
        power = alike * max(inside, 1.0) * outside * (inside + outside)
        square = above * abs(above) / power
        higher = (inside > least) & (square > score[start])
        score[start] = square if higher else score[start]
        wide[start] = width if higher else wide[start]


@njit(cache=True, nogil=True)
def highest_of_columns(
    sums: FloatArray,
    counts: FloatArray,
    variance: NDArray[np.float64],
    single: NDArray[np.bool_],
    widths: NDArray[np.int64],
) -> NDArray[np.float64]:
    """`highest_box` of each column, of single bins where it is ``single``: (5, columns).

    Parameters
    ----------
    sums : (bins, columns) float32
    counts : (bins,) float32
    variance : (columns,) float64
        No column is looked at where it is not positive.
    single : (columns,) bool
    widths : (n,) int64
    """
    held, one = counts.astype(np.float64), np.ones(1, np.int64)
    found = np.zeros((5, single.size))
    found[1], found[4] = 1.0, 1.0
    for c in range(single.size):
        if variance[c] > 0:
            line = sums[:, c].astype(np.float64)
            best = highest_box(line, held, variance[c], one if single[c] else widths)
            found[0, c], found[1, c], found[2, c], found[3, c], found[4, c] = best
    return found


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
def unsteadiness(
    sums: FloatArray,
    counts: FloatArray,
    edges: NDArray[np.int64],
    variance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """By how much bins vary more than single frames tell, in most profiles: (columns,), at least 1.

    Parameters
    ----------
    sums : (size, columns) float32
        The profiles one after the other.
    counts : (size,) float32
    edges : (profiles + 1,) int64
        Where each begins.
    variance : (columns,) float64
        Of one frame's value.
    """
    columns = variance.size
    each = np.zeros((columns, edges.size - 1))
    for k in range(edges.size - 1):
        for b in range(edges[k], edges[k + 1]):
            number = max(np.float64(counts[b]), 1.0)
            for c in range(columns):
                each[c, k] += np.float64(sums[b, c]) ** 2 / number
        each[:, k] /= edges[k + 1] - edges[k]
    found = np.ones(columns)
    for c in range(columns):
        found[c] = max(1.0, np.median(each[c]) / max(variance[c], 1e-30))
    return found


def upper_tail(z: float, skewness: float) -> float:
    """Probability that a mean of noise lies ``z`` deviations or more above its own mean.

    The third moment is matched by a Gamma law (Pearson's type III): energies
    are Gamma distributed, and their tails are heavier than the normal law's.
    """
    return float(upper_tails(z, skewness))


def upper_tails(z: Any, skewness: Any) -> Any:
    """The same of many, as an array."""
    shape = 4 / np.maximum(skewness, SMALL_SKEWNESS) ** 2
    heavy = gammaincc(shape, np.maximum(0.0, shape + z * np.sqrt(shape)))
    return np.where(np.less(skewness, SMALL_SKEWNESS), ndtr(np.negative(z)), heavy)
