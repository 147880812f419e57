"""Stored codes to single precision, compiled: for the types that receivers deliver."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.model import FloatArray


def scaled(codes: NDArray[Any], offset: float, factor: float, out: FloatArray) -> None:
    """(codes - offset) * factor, each step rounded to single precision.

    Parameters
    ----------
    codes : (n,) int8, uint8 or int16
        Of the processor's byte order.
    offset, factor : float
    out : (n,) float32
        Overwritten.
    """
    # Read-only or not is a type of its own: one is enough to compile.
    given = codes.view()
    given.flags.writeable = False
    _scaled(given, np.float32(offset), np.float32(factor), out)


@njit(cache=True, nogil=True)
def _scaled(codes: NDArray[Any], offset: Any, factor: Any, out: FloatArray) -> None:
    for k in range(out.size):
        out[k] = (np.float32(codes[k]) - offset) * factor
