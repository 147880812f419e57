"""The shape of a receiver's passband, and boxes that stand out of it.

Without a recording of the same receiver off target, a carrier as wide as a
good part of the slice and a bump of the passband differ only in how fast they
rise. A polynomial follows what rises slowly: slope, droop and standing waves.
What is left of a box after the same polynomial is taken out of it (its
projection on the orthogonal complement: the matched subspace detector, Scharf
and Friedlander 1994) is what can be told from the passband; the rest is lost,
and for boxes of a quarter of the slice that costs 5 dB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Degree of the polynomial. With 10, a standing wave of 0.6 dB (a mismatch of
#: 0.3 on either end of a cable) and three periods across the sample rate leaves
#: 1 % of the level, and one of two periods 0.02 %.
DEGREE = 10

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

    def without(self, low: int, high: int) -> Flattened:
        """The same with a box over bins [low, high] taken out too, at its fitted height."""
        box = np.zeros_like(self.rest)
        box[low : high + 1] = self.used[low : high + 1]
        box -= self.basis @ (self.basis.T @ box)
        box /= np.sqrt(np.sum(box**2))
        rest = self.rest - box * (box @ self.rest)
        return _flattened(self.base, rest, np.column_stack((self.basis, box)), self.used)

    def boxes(
        self, low: NDArray[np.int64], stop: NDArray[np.int64]
    ) -> tuple[Vector, Vector, Vector]:
        """Boxes over bins [low, stop): arrays of one shape, or that broadcast.

        Returns
        -------
        sums : float64
            Sum of ``rest``; over ``told`` it is the fitted height of the box.
        bins : float64
            Bins used under the box.
        told : float64
            What the passband leaves of them: the height is known as well as
            the mean of so many bins.
        """
        part = self.total[stop] - self.total[low]
        bins = part[..., 1]
        told = bins - np.einsum("...k,...k->...", part[..., 2:], part[..., 2:])
        return part[..., 0], bins, told


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
    place = np.linspace(-1, 1, level.size)
    span = max(abs(place[at[0]]), abs(place[at[-1]]))
    columns = np.polynomial.legendre.legvander(np.clip(place / span, -1, 1), DEGREE)
    inside, turn = np.linalg.qr(columns[at])
    whole = np.linalg.solve(turn.T, columns.T).T
    base = np.full(level.size, float(np.median(level[at])))
    for _ in range(STEPS):
        fitted = whole @ (inside.T @ (level[at] / base[at]))
        base *= np.clip(fitted, 0.25, 4.0)
    basis = np.zeros_like(columns)
    basis[at] = inside
    rest = np.where(used, level / base - 1, 0.0)
    rest -= basis @ (basis.T @ rest)
    return _flattened(base, rest, basis, used.copy())
