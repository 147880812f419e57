"""Which bins an emission occupies."""

from __future__ import annotations

import numpy as np
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
    sigma = floor / np.sqrt(max(1.0, frames / 1.06))
    strong = np.where(used & (excess > 3 * sigma), excess, 0.0)
    if strong.sum() < 0.5 * np.where(used, np.maximum(excess, 0), 0).sum():
        strong = np.where(used, np.maximum(excess, 0), 0.0)
    total = np.cumsum(strong)
    if total[-1] <= 0:
        span = np.flatnonzero(used)
        return int(span[0]), int(span[-1])
    low = int(np.searchsorted(total, OBW_BETA / 2 * total[-1], side="right"))
    high = int(np.searchsorted(total, (1 - OBW_BETA / 2) * total[-1]))
    return low, max(low, high)
