"""Rate at which a carrier's frequency changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def drift_of(times_s: Sequence[float], offsets_hz: Sequence[float]) -> tuple[float, float] | None:
    """Slope of frequency over time and its standard error, hertz per second.

    Ordinary least squares; the error follows from the residuals. None with
    fewer than four points: with three, one of which is an outlier, the error
    says nothing.
    """
    times = np.asarray(times_s, dtype=np.float64)
    if times.size < 4:
        return None
    offsets = np.asarray(offsets_hz, dtype=np.float64)
    lever = times - times.mean()
    weight = float(np.sum(lever**2))
    slope = float(np.sum(lever * offsets) / weight)
    residual = offsets - offsets.mean() - slope * lever
    sigma = float(np.sqrt(np.sum(residual**2) / (times.size - 2) / weight))
    return slope, sigma
