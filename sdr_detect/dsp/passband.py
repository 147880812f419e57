"""The shape of a receiver's passband, and boxes that stand out of it.

Without a recording of the same receiver off target, a carrier as wide as a
good part of the slice and a bump of the passband differ only in how fast they
rise. A polynomial follows what rises slowly: slope, droop and standing waves.
What is left of a box after the same polynomial is taken out of it (its
projection on the orthogonal complement: the matched subspace detector, Scharf
and Friedlander 1994) is what can be told from the passband; the rest is lost,
and for carriers of a quarter of the slice that costs 5 to 7 dB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.dsp.order import median

#: Degree of the polynomial. With 10, a standing wave of 0.6 dB (a mismatch of
#: 0.3 on either end of a cable) and three periods across the sample rate leaves
#: 1 % of the level, and one of two periods 0.02 %.
DEGREE = 10

#: Flanks of a root-raised-cosine carrier reach from its -3 dB points by half of
#: its roll-off, 5 to 35 % of its width (Comtech CDM-600 manual), on both sides:
#: steps at 6 % of the width match the middle of that range.
RING_PERCENT = 6

#: Refinements of the shape; each squares the error of the linear step.
STEPS = 4

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Flattened:
    """A spectrum divided by its passband.

    Parameters
    ----------
    base : (nfft,) float64
        The passband's level.
    rest : (nfft,) float64
        Level over ``base``, less one; zero where it was not used.
    basis : (nfft, terms) float64
        Orthonormal columns that ``rest`` has nothing of; zero where not used.
    used : (nfft,) bool
    total : (nfft + 1, terms + 2) float64
        Running sums of ``rest``, ``used`` and ``basis``.
    """

    base: Vector
    rest: Vector
    basis: Vector
    used: NDArray[np.bool_]
    total: Vector

    def without(self, low: int, stop: int) -> Flattened:
        """The same with a carrier over bins [low, stop) taken out too, at its fitted height."""
        box = np.where(self.used, profile(self.rest.size, low, stop), 0.0)
        box -= self.basis @ (self.basis.T @ box)
        box /= np.sqrt(np.sum(box**2))
        rest = self.rest - box * (box @ self.rest)
        return _flattened(self.base, rest, np.column_stack((self.basis, box)), self.used)

    def boxes(
        self, low: NDArray[np.int64], stop: NDArray[np.int64]
    ) -> tuple[Vector, Vector, Vector]:
        """Carriers over bins [low, stop): arrays of one shape, or that broadcast.

        Returns
        -------
        sums : float64
            Sum of ``rest`` under the carrier's profile; over ``told`` it is its
            fitted height.
        bins : float64
            Bins used between its -3 dB points.
        told : float64
            What the passband leaves of them: the height is known as well as
            the mean of so many bins.
        """
        low, stop = np.broadcast_arrays(low, stop)
        found = box_sums(self.total, low.ravel(), stop.ravel(), _ring(stop - low).ravel())
        sums, bins, told = found.reshape(3, *low.shape)
        return sums, bins, told

    def highest(
        self, width: int, step: int, least_bins: float, least_told: float
    ) -> tuple[float, float, float]:
        """What `highest_boxes` finds in boxes of one width."""
        ring = int(_ring(np.array(width)))
        return highest_boxes(self.total, width, ring, step, least_bins, least_told)


@njit(cache=True, nogil=True)
def _box(total: Vector, a: int, b: int, ring: int) -> tuple[float, float, float]:
    """What `Flattened.boxes` returns of one box, from the running sums of `Flattened`."""
    size, columns = total.shape[0] - 1, total.shape[1]
    first, last = max(a - ring, 0), min(b + ring, size)
    sums = middle = told = 0.0
    for c in range(columns):
        inner = total[b - ring, c] - total[a + ring, c]
        whole = total[b, c] - total[a, c]
        outer = total[last, c] - total[first, c]
        part = (inner + whole + outer) / 3
        if c == 0:
            sums = part
        elif c == 1:
            middle = whole
            # Weights of 1, 2/3 and 1/3 from the inside out.
            told = (5 * inner + 3 * whole + outer) / 9
        else:
            told -= part * part
    return sums, middle, told


@njit(cache=True, nogil=True)
def box_sums(
    total: Vector, low: NDArray[np.int64], stop: NDArray[np.int64], ring: NDArray[np.int64]
) -> Vector:
    """What `Flattened.boxes` returns, (3, boxes)."""
    found = np.empty((3, low.size))
    for k in range(low.size):
        found[0, k], found[1, k], found[2, k] = _box(total, low[k], stop[k], ring[k])
    return found


@njit(cache=True, nogil=True)
def highest_boxes(
    total: Vector, width: int, ring: int, step: int, least_bins: float, least_told: float
) -> tuple[float, float, float]:
    """Of boxes ``step`` apart that rise above the passband: the greatest of three values.

    Fitted height, bins used, and the share of them that is told; zeros where there
    is no box of ``least_bins`` and ``least_told``.
    """
    height = bins = share = 0.0
    for low in range(0, total.shape[0] - width, step):
        if total[low + width, 1] - total[low, 1] < least_bins:
            continue
        sums, middle, told = _box(total, low, low + width, ring)
        if sums > 0 and told > least_told:
            height = max(height, sums / told)
            bins = max(bins, middle)
            share = max(share, told / middle)
    return height, bins, share


def profile(size: int, low: int, stop: int) -> Vector:
    """A carrier of height one with its -3 dB points at [low, stop): steps of a third."""
    ring = int(_ring(np.array(stop - low)))
    out = np.zeros(size)
    for wider in (-ring, 0, ring):
        out[max(0, low - wider) : stop + wider] += 1 / 3
    return out


def _ring(width: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bins from a -3 dB point to the next step."""
    ring: NDArray[np.int64] = width * RING_PERCENT // 100
    return ring


def _flattened(base: Vector, rest: Vector, basis: Vector, used: NDArray[np.bool_]) -> Flattened:
    total = np.zeros((rest.size + 1, basis.shape[1] + 2))
    np.cumsum(np.column_stack((rest, used, basis)), axis=0, out=total[1:])
    return Flattened(base, rest, basis, used, total)


def flatten(level: Vector, used: NDArray[np.bool_]) -> Flattened:
    """Fit the passband to the bins ``used`` and divide by it.

    Least squares with weights of one over the level: the error of an averaged
    spectrum is proportional to it.
    """
    at = np.flatnonzero(used)
    inside, whole, basis = _terms(level.size, used.tobytes())
    base = np.full(level.size, median(level[at]))
    for _ in range(STEPS):
        fitted = whole @ (inside.T @ (level[at] / base[at]))
        # A polynomial may cross zero where a level falls off steeply.
        base *= np.clip(fitted, 0.05, 20.0)
    rest = np.where(used, level / base - 1, 0.0)
    rest -= basis @ (basis.T @ rest)
    return _flattened(base, rest, basis, used.copy())


@lru_cache(maxsize=4)
def _terms(size: int, used: bytes) -> tuple[Vector, Vector, Vector]:
    """Terms of the polynomial, orthonormal over the bins used: there, everywhere, zero elsewhere.

    One window uses the same bins as the one before, mostly.
    """
    at = np.flatnonzero(np.frombuffer(used, np.bool_))
    place = np.linspace(-1, 1, size)
    span = max(abs(place[at[0]]), abs(place[at[-1]]))
    columns = np.polynomial.legendre.legvander(np.clip(place / span, -1, 1), DEGREE)
    inside, turn = np.linalg.qr(columns[at])
    whole = np.linalg.solve(turn.T, columns.T).T
    basis = np.zeros_like(columns)
    basis[at] = inside
    for terms in (inside, whole, basis):
        terms.flags.writeable = False
    return inside, whole, basis
