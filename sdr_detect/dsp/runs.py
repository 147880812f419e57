"""Runs of set entries in a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(start, stop) of every run of set entries, half-open: (n, 2), ascending."""
    padded = np.concatenate(([0], mask.view(np.int8), [0]))
    return np.flatnonzero(np.diff(padded)).reshape(-1, 2)
