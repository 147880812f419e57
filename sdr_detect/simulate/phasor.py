"""Unit phasors in single precision, from phases in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.model import ComplexArray

#: Phasors of even steps are products of these many with one for each stretch of them.
_STRETCH = 256


def phasor(cycles: NDArray[np.floating[Any]]) -> ComplexArray:
    """exp(2πj·cycles); the whole turns go before single precision comes."""
    turn = (2 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
    out = np.empty(turn.shape, np.complex64)
    np.cos(turn, out=out.real)
    np.sin(turn, out=out.imag)
    return out


def turning(
    cycles: NDArray[np.float64] | float, step: NDArray[np.float64] | float, count: int
) -> ComplexArray:
    """exp(2πj·(cycles + step·m)) for m < count, ``(..., count)``.

    Parameters
    ----------
    cycles, step : float or (...) float64
        Phase at m = 0 and its growth, in turns.
    count : int
    """
    at, by = np.asarray(cycles)[..., None], np.asarray(step)[..., None]
    if count <= 2 * _STRETCH:
        return phasor(at + by * np.arange(count))
    coarse = phasor(at + by * _STRETCH * np.arange(-(-count // _STRETCH)))
    fine = phasor(by * np.arange(_STRETCH))
    product = coarse[..., None] * fine[..., None, :]
    joined: ComplexArray = product.reshape(*product.shape[:-2], -1)[..., :count]
    return joined
