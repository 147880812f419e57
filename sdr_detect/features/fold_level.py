"""Energies clipped, and running sums of a level above its own slow drift, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.model import FloatArray

#: Frames that count, as a share of those a mean is taken over, are taken to be no fewer.
LEAST_SHARE = 0.1


@njit(cache=True, nogil=True)
def clipped(energy: FloatArray, ok: NDArray[np.bool_], most: float) -> FloatArray:
    """Energies of ``most`` at most, less the mean of each column over the rows ``ok``.

    Parameters
    ----------
    energy : (frames, columns) float32
    ok : (frames,) bool
        Where none is, nothing is taken off.
    most : float
    """
    frames, columns = energy.shape
    limit, mean = np.float32(most), np.zeros(columns)
    for f in range(frames):
        if ok[f]:
            for c in range(columns):
                mean[c] += min(energy[f, c], limit)
    mean /= max(1, int(np.count_nonzero(ok)))
    off, found = mean.astype(np.float32), np.empty_like(energy)
    for f in range(frames):
        for c in range(columns):
            found[f, c] = min(energy[f, c], limit) - off[c]
    return found


@njit(cache=True, nogil=True)
def running_level(
    energy: FloatArray,
    ok: NDArray[np.bool_],
    around: int,
    level: NDArray[np.float64],
    whole: NDArray[np.int64],
) -> Any:
    """Sums up to each frame of the energy less its mean around the frame; the level's variance.

    Beyond the ends the energies are taken to be mirrored.

    Parameters
    ----------
    energy : (frames,) float32
    ok : (frames,) bool
        Other frames add nothing.
    around : int
        Frames the mean is taken over; odd.
    level : (frames + 1,) float64
        Overwritten.
    whole : (frames + 1,) int64
        Overwritten: frames that count, up to each.
    """
    frames, half = energy.size, around // 2
    sums = np.zeros(frames + 1)
    whole[0], level[0] = 0, 0.0
    for f in range(frames):
        sums[f + 1] = sums[f] + (np.float64(energy[f]) if ok[f] else 0.0)
        whole[f + 1] = whole[f] + ok[f]
    squares = 0.0
    for f in range(frames):
        rise = 0.0
        if ok[f]:
            total = _up_to(sums, f + half + 1) - _up_to(sums, f - half)
            count = _up_to(whole, f + half + 1) - _up_to(whole, f - half)
            rise = energy[f] - total / max(np.float64(count), LEAST_SHARE * around)
        level[f + 1] = level[f] + rise
        squares += rise * rise
    count = max(whole[frames], 1)
    return squares / count - (level[frames] / count) ** 2


@njit(cache=True, nogil=True)
def _up_to(sums: NDArray[Any], stop: int) -> Any:
    """Sum of the first ``stop`` values; of those before the first, with their sign, if negative."""
    frames = sums.size - 1
    if 0 <= stop <= frames:
        return sums[stop]
    turns, rest = stop // frames, stop % frames
    part = sums[rest] if turns % 2 == 0 else sums[frames] - sums[frames - rest]
    return turns * sums[frames] + part


@njit(cache=True, nogil=True)
def rises(
    level: NDArray[np.float64], whole: NDArray[np.int64], frames: int, held: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Sums over ``frames`` from each frame on, of those that are whole.

    Parameters
    ----------
    level, whole : (n + 1,)
        As `running_level` makes them.
    held : (n + 1 - frames,) bool
        Overwritten: from which frames on all are whole.
    """
    if whole[-1] == whole.size - 1:
        held[:] = True
        return level[frames:] - level[:-frames]
    found, count = np.empty(held.size), 0
    for f in range(held.size):
        held[f] = whole[f + frames] - whole[f] == frames
        found[count] = level[f + frames] - level[f]
        count += held[f]
    return found[:count]
