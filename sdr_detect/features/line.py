"""A straight line through points, and how well its slope is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Slope of a line and its standard error.

    ``sigma`` follows from the residuals and is itself no better known than
    ``freedom`` of them make it; ``least`` follows from the points' own errors
    and is 0 where none were given. ``residuals`` is (points,).
    """

    slope: float
    sigma: float
    least: float
    freedom: int
    residuals: NDArray[np.float64]


def fit_line(
    x: NDArray[np.float64], y: NDArray[np.float64], sigmas: NDArray[np.float64] | None = None
) -> Line:
    """Least squares through three points or more; with ``sigmas`` they weigh by them."""
    weight = np.ones_like(x) if sigmas is None else 1 / sigmas**2
    total = float(weight.sum())
    weight = weight / total
    lever = x - weight @ x
    moment = float(weight @ lever**2)
    slope = float(weight @ (lever * y) / moment)
    residuals = y - weight @ y - slope * lever
    sigma = float(np.sqrt(weight @ residuals**2 / (x.size - 2) / moment))
    least = 0.0 if sigmas is None else float(1 / np.sqrt(total * moment))
    return Line(slope, sigma, least, x.size - 2, residuals)
