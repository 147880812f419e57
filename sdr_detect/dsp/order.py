"""Medians and other order statistics of rows and columns.

A library moves values about to find one of them. Here single precision is searched by
halving the range the value lies in: each step counts the values at or below the middle,
a whole vector at a time. What is found is exactly what sorting finds. The halving is
done on the values' bits, which are in the order of the values once those of negative
values are turned around: numbers of any size take 31 steps at most.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.model import FloatArray

#: Columns brought together before they are searched: a cache line.
TILE = 16

Values = NDArray[Any]
_Keys = NDArray[np.int32]

# Counts may be added up in any order.
_FAST = {"reassoc", "nsz", "contract"}


def medians(values: Values, axis: int = -1) -> Values:
    """Medians of finite values along an axis, as `numpy.median` gives them.

    Parameters
    ----------
    values : float32 or float64
        At least one along the axis.
    axis : int

    Returns
    -------
    Of the same type, without the axis.
    """
    size = values.shape[axis]
    low, high = _ranked(values, (size - 1) // 2, size // 2, axis)
    middle: Values = low if size % 2 else (low + high) * values.dtype.type(0.5)
    return middle


def median(values: Values) -> float:
    """Median of finite values, at least one."""
    return float(medians(values.ravel()))


def quantiles(values: Values, share: float, axis: int = -1) -> Values:
    """Quantiles of finite values along an axis, between ranks as `numpy.quantile` has them.

    Parameters
    ----------
    values : float32 or float64
        At least one along the axis.
    share : float
        0 to 1.
    axis : int

    Returns
    -------
    Of the same type, without the axis.
    """
    last = values.shape[axis] - 1
    at = share * last
    low, high = _ranked(values, math.floor(at), min(math.floor(at) + 1, last), axis)
    found: Values = low + (high - low) * values.dtype.type(at - math.floor(at))
    return found


def both_nth(values: Values, ranks: tuple[int, int], axis: int = -1) -> tuple[Values, Values]:
    """Values of two ranks, from 0, of finite values along an axis."""
    return _ranked(values, *ranks, axis)


def nth_of_columns(power: FloatArray, index: NDArray[np.int64], rank: int) -> FloatArray:
    """Value of ``rank``, from 0, of each column over the rows ``index``.

    Parameters
    ----------
    power : (rows, columns) float32
        Finite, contiguous.
    index : (n,) int64
    rank : int
        Less than n.

    Returns
    -------
    (columns,) float32
    """
    found = np.empty(power.shape[1], np.int32)
    _of_columns(power.view(np.int32), np.ascontiguousarray(index), rank, found)
    return _turned(found).view(np.float32)


def _ranked(values: Values, rank: int, above: int, axis: int) -> tuple[Values, Values]:
    if values.dtype != np.float32:
        both = np.partition(values, (rank, above), axis=axis)
        return both.take(rank, axis=axis), both.take(above, axis=axis)
    rows = np.moveaxis(values, axis, -1)
    found = np.empty((2, *rows.shape[:-1]), np.int32)
    bits = np.ascontiguousarray(rows).view(np.int32)
    _of_rows(bits.reshape(-1, rows.shape[-1]), rank, above, found.reshape(2, -1))
    low, high = _turned(found).view(np.float32)
    return low, high


def _turned(bits: _Keys) -> _Keys:
    """Bits of negative values in the order of the values, or back again."""
    turned: _Keys = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return turned


@njit(cache=True, nogil=True)
def _turn(bits: _Keys, keys: _Keys) -> None:
    for k in range(bits.size):
        keys[k] = bits[k] ^ ((bits[k] >> 31) & 0x7FFFFFFF)


@njit(cache=True, nogil=True, fastmath=_FAST)
def _at_or_below(keys: _Keys, limit: Any) -> Any:
    # Counted in single precision, which is as wide as a key: exact up to 2**24.
    count = np.float32(0)
    for k in range(keys.size):
        count += np.float32(1) if keys[k] <= limit else np.float32(0)
    return count


@njit(cache=True, nogil=True)
def _nth(keys: _Keys, rank: int) -> Any:
    """Key of ``rank``."""
    least = most = keys[0]
    for k in range(keys.size):
        least = min(least, keys[k])
        most = max(most, keys[k])
    low, high = np.int64(least) - 1, np.int64(most)
    # Rank keys at most are <= low, more are <= high.
    while high - low > 1:
        middle = (low + high) >> 1
        count = _at_or_below(keys, np.int32(middle))
        if count <= rank:
            low = middle
        elif count > rank + 1:
            high = middle
        else:
            return _last(keys, np.int32(middle), least)
    return np.int32(high)


@njit(cache=True, nogil=True)
def _last(keys: _Keys, limit: Any, least: Any) -> Any:
    """Greatest key of those up to ``limit``."""
    found = least
    for k in range(keys.size):
        found = max(found, keys[k] if keys[k] <= limit else least)
    return found


@njit(cache=True, nogil=True)
def _next(keys: _Keys, key: Any, rank: int) -> Any:
    """Key of the rank after ``rank``, which has ``key``."""
    if _at_or_below(keys, key) > rank + 1:
        return key
    most = np.int32(0x7FFFFFFF)
    found = most
    for k in range(keys.size):
        found = min(found, keys[k] if keys[k] > key else most)
    return found


@njit(cache=True, nogil=True)
def middle_of(values: NDArray[np.float64], keys: _Keys) -> Any:
    """Median of finite values, for compiled loops, in single precision about the first of them.

    Parameters
    ----------
    values : (n,) float64
        At least one.
    keys : (n,) int32
        Overwritten.
    """
    near = np.empty(values.size, np.float32)
    for k in range(values.size):
        near[k] = values[k] - values[0]
    _turn(near.view(np.int32), keys)
    both = np.empty(2, np.int32)
    both[0] = _nth(keys, (values.size - 1) // 2)
    both[1] = both[0] if values.size % 2 else _next(keys, both[0], values.size // 2 - 1)
    _turn(both, both)
    low, high = both.view(np.float32)
    return values[0] + 0.5 * (np.float64(low) + np.float64(high))


@njit(cache=True, nogil=True)
def _of_rows(bits: NDArray[np.int32], rank: int, above: int, found: NDArray[np.int32]) -> None:
    keys = np.empty(bits.shape[1], np.int32)
    for r in range(bits.shape[0]):
        _turn(bits[r], keys)
        found[0, r] = _nth(keys, rank)
        if above == rank:
            found[1, r] = found[0, r]
        elif above == rank + 1:
            found[1, r] = _next(keys, found[0, r], rank)
        else:
            found[1, r] = _nth(keys, above)


@njit(cache=True, nogil=True)
def _of_columns(
    bits: NDArray[np.int32], index: NDArray[np.int64], rank: int, found: NDArray[np.int32]
) -> None:
    # Rows in one piece first: single lines of the cache, far apart, come slowly.
    rows = np.empty((index.size, bits.shape[1]), np.int32)
    for r in range(index.size):
        _turn(bits[index[r]], rows[r])
    keys = np.empty((TILE, index.size), np.int32)
    for at in range(0, bits.shape[1], TILE):
        count = min(TILE, bits.shape[1] - at)
        for r in range(index.size):
            part = rows[r, at : at + count]
            for c in range(count):
                keys[c, r] = part[c]
        for c in range(count):
            found[at + c] = _nth(keys[c], rank)
