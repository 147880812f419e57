"""Which bins an emission occupies."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Occupied bandwidth: this share of the power lies outside, half on each side
#: (ITU-R SM.443, the beta/2 = 0.5 % method).
OBW_BETA = 0.01


def occupied(
    excess: NDArray[np.float64], floor: NDArray[np.float64], frames: float, used: NDArray[np.bool_]
) -> tuple[int, int]:
    """First and last bin of the occupied bandwidth (99 % of the excess power).

    Bins that noise explains (below three of its standard deviations) do not
    count, unless no bin stands out by itself.
    """
    return _occupied(excess, floor, 3 / float(np.sqrt(max(1.0, frames / 1.06))), used)


@njit(cache=True, nogil=True)
def _occupied(
    excess: NDArray[np.float64],
    floor: NDArray[np.float64],
    sigmas: float,
    used: NDArray[np.bool_],
) -> tuple[int, int]:
    """Edges of the power above ``sigmas`` times the floor, else of all above it."""
    strong = above = 0.0
    first, last = -1, -1
    for k in range(used.size):
        if not used[k]:
            continue
        if first < 0:
            first = k
        last = k
        if excess[k] > 0:
            above += excess[k]
        if excess[k] > sigmas * floor[k]:
            strong += excess[k]
    least = sigmas
    if strong < 0.5 * above:
        strong, least = above, 0.0
    if strong <= 0:
        return first, last
    low = high = -1
    total = 0.0
    for k in range(used.size):
        if used[k] and excess[k] > least * floor[k] and excess[k] > 0:
            total += excess[k]
        if low < 0 and total > OBW_BETA / 2 * strong:
            low = k
        if high < 0 and total >= (1 - OBW_BETA / 2) * strong:
            high = k
            break
    return low, max(low, high)
