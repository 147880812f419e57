"""Runs of set entries in a mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(start, stop) of every run of set entries, half-open: (n, 2), ascending."""
    found: NDArray[np.int64] = _runs(np.ascontiguousarray(mask, np.bool_))
    return found


@njit(cache=True, nogil=True)
def _runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    count = 0
    before = False
    for entry in mask:
        count += entry and not before
        before = entry
    found = np.empty((count, 2), np.int64)
    count = 0
    before = False
    for k in range(mask.size):
        entry = mask[k]
        if entry and not before:
            found[count, 0] = k
        elif before and not entry:
            found[count, 1] = k
            count += 1
        before = entry
    if before:
        found[count, 1] = mask.size
    return found
