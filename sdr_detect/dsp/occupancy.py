"""Which bins an emission occupies."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Occupied bandwidth: this share of the power lies outside, half on each side
#: (ITU-R SM.443, the beta/2 = 0.5 % method).
OBW_BETA = 0.01


def occupied(
    excess: NDArray[np.float64],
    floor: NDArray[np.float64],
    frames: float,
    used: NDArray[np.bool_],
    doubt: float = 0.0,
) -> tuple[int, int]:
    """First and last bin of the occupied bandwidth (99 % of the excess power).

    Bins that noise explains (below three standard deviations of its mean over
    ``frames`` and of the floor, whose own relative error is ``doubt``) do not
    count, unless no bin stands out by itself.
    """
    sigmas = 3 * float(np.sqrt(1 / max(1.0, frames / 1.06) + doubt**2))
    total = _power_above(excess, floor, sigmas, used)
    above = _power_above(excess, floor, 0.0, used)
    if total < 0.5 * above:
        total, sigmas = above, 0.0
    if total <= 0:
        span = np.flatnonzero(used)
        return int(span[0]), int(span[-1])
    low, high = _edges(excess, floor, sigmas, used, OBW_BETA / 2 * total)
    return low, max(low, high)


@njit(cache=True, nogil=True)
def _power_above(
    excess: NDArray[np.float64], floor: NDArray[np.float64], sigmas: float, used: NDArray[np.bool_]
) -> float:
    """Sum of the positive excess of used bins above ``sigmas`` times the floor."""
    total = 0.0
    for k in range(used.size):
        if used[k] and excess[k] > sigmas * floor[k] and excess[k] > 0:
            total += excess[k]
    return total


@njit(cache=True, nogil=True)
def _edges(
    excess: NDArray[np.float64],
    floor: NDArray[np.float64],
    sigmas: float,
    used: NDArray[np.bool_],
    outside: float,
) -> tuple[int, int]:
    """First and last bin of what is left with the power ``outside`` cut off on each side."""
    low, high = 0, used.size - 1
    for step, end in ((1, 0), (-1, used.size - 1)):
        total, k = 0.0, end
        while total <= outside and 0 <= k < used.size:
            if used[k] and excess[k] > sigmas * floor[k] and excess[k] > 0:
                total += excess[k]
            k += step
        if step > 0:
            low = k - 1
        else:
            high = k + 1
    return low, high
