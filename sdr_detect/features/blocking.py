"""Errors of means of correlated samples, by blocking.

Neighbouring samples of a channel are not independent: a transmission lasts. The
variance of the mean is estimated from means over blocks, over pairs of blocks,
pairs of pairs and so on (Flyvbjerg and Petersen 1989): it rises with the block
until the blocks are independent. The largest estimate that still rests on enough
blocks counts. State is a few numbers for each doubling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Doublings followed: 2^24 dwells of 0.1 s are 19 days.
LEVELS = 24

#: Blocks from which a variance is taken.
LEAST_BLOCKS = 8

#: Two-sided 95 %.
Z95 = 1.959964


class Blocking:
    """Weighted means of several quantities within 0..1, and their variance.

    Parameters
    ----------
    columns : int
        Quantities.
    """

    def __init__(self, columns: int) -> None:
        self.weight = 0.0
        self._sum = np.zeros(columns)
        self._count = np.zeros(LEVELS, np.int64)
        self._weights = np.zeros((LEVELS, 2))  # of w and w²
        self._squares = np.zeros((LEVELS, columns))
        self._crossed = np.zeros((LEVELS, columns))
        self._waiting: list[tuple[float, Floats] | None] = [None] * LEVELS

    def add(self, weight: float, total: Floats) -> None:
        """Add a block: its number of samples, and each quantity's sum over them."""
        self.weight += weight
        self._sum += total
        for level in range(LEVELS):
            self._count[level] += 1
            self._weights[level] += weight, weight**2
            self._squares[level] += total**2
            self._crossed[level] += weight * total
            before = self._waiting[level]
            if before is None:
                self._waiting[level] = weight, total
                return
            self._waiting[level] = None
            weight, total = weight + before[0], total + before[1]

    def mean(self, column: int) -> float:
        """The mean over all samples."""
        return float(self._sum[column] / self.weight)

    def variance(self, column: int) -> float:
        """Variance of that mean as an estimate of the process behind it."""
        mean = self.mean(column)
        found = [self._level(level, column, mean) for level in range(LEVELS)]
        known = [value for value in found if value is not None]
        # Too few blocks to tell: as if they were all independent and on or off.
        return max(known) if known else mean * (1 - mean) / max(1, int(self._count[0]))

    def _level(self, level: int, column: int, mean: float) -> float | None:
        count = int(self._count[level])
        if count < LEAST_BLOCKS:
            return None
        total, squared = self._weights[level]
        off = (
            self._squares[level, column]
            - 2 * mean * self._crossed[level, column]
            + mean**2 * squared
        )
        return float(max(0.0, off) * count / (count - 1) / total**2)

    def independent(self, column: int) -> float:
        """Number of independent on-or-off samples that know the mean as well.

        What never changed tells nothing of how long it stays: each block counts once.
        """
        mean = self.mean(column)
        variance = self.variance(column)
        if mean in (0.0, 1.0) or variance <= 0:
            return float(self._count[0])
        return float(min(self.weight, max(1.0, mean * (1 - mean) / variance)))


def wilson(share: float, count: float) -> tuple[float, float]:
    """Interval of 95 % for a share seen in ``count`` independent samples (Wilson 1927)."""
    spread = Z95**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * np.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def samples_needed(share: float, relative_error: float) -> float:
    """Independent samples that tell a share to that relative error at 95 % (SM.1880, Annex 2)."""
    return Z95**2 * (1 - share) / (share * relative_error**2)
