"""From cells above threshold to regions, one for each burst.

Noise breaks a weak burst into pieces, on-off keying breaks a message into
pulses, and a strong narrow burst splatters over the slice when it switches.
Pieces that touch in time, or are closer to each other than they are long, are
one emission.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.detect.energy import Exceedances
from sdr_detect.dsp.runs import runs

#: Pulses of one keyed message: silences up to this multiple of the pulses.
NARROW_GAP_RATIO = 3.5

#: Pieces of one wide burst: silences up to this multiple of the shorter piece.
WIDE_GAP_RATIO = 1.0

#: Narrow pieces at most this many sub-bands apart belong together.
NEAR_SUBBANDS = 1


class Region(NamedTuple):
    """Frames [first, last) and sub-bands [low, high) that one burst fills.

    ``wide_frames`` is how many frames fill the slice, ``piece`` the length of
    the latest piece.
    """

    first: int
    last: int
    low: int
    high: int
    wide_frames: int
    piece: int

    @property
    def wide(self) -> bool:
        """Whether it fills the slice for most of its time, not only when it switches."""
        return bool(_is_wide(self))


def find_regions(found: Exceedances, close_frames: int, longest_gap: int) -> list[Region]:
    """Regions in order of their start.

    Parameters
    ----------
    close_frames : int
        Silence that never ends a burst.
    longest_gap : int
        Silence, in frames, that always ends one.
    """
    pieces = np.concatenate((_narrow_pieces(found.narrow), _wide_pieces(found.wide)))
    regions = _grown(_in_order(pieces), close_frames, longest_gap)
    return [Region(*row) for row in _in_order(regions).tolist()]


def _in_order(regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """By start, then lowest sub-band, then end."""
    first, last, low = regions[:, 0], regions[:, 1], regions[:, 2]
    return regions[np.lexsort((last, low, first))]


def _narrow_pieces(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Connected cells, one row each as a `Region` counts them."""
    frames = np.flatnonzero(mask.any(axis=1))
    boxes: NDArray[np.int64] = _connected(frames, np.ascontiguousarray(mask[frames]))
    return boxes


@njit(cache=True, nogil=True)
def _connected(frames: NDArray[np.int64], cells: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cells that touch each other, at corners too; the frames of ``cells``'s rows ascend."""
    lines = _lines(frames, cells)
    parent = np.arange(len(lines))
    before = 0
    for k in range(len(lines)):
        while lines[before, 1] < lines[k, 0]:
            before += 1
        other = before
        while lines[other, 1] == lines[k, 0]:
            if lines[other, 2] <= lines[k, 3] and lines[other, 3] >= lines[k, 2]:
                one, two = _root(parent, other), _root(parent, k)
                parent[max(one, two)] = min(one, two)
            other += 1
    # The root is the first of its lines: pieces come in order of their first cells.
    found = 0
    for k in range(len(lines)):
        _cover(lines[_root(parent, k)], lines[k])
    for k in range(len(lines)):
        if parent[k] == k:
            lines[found] = lines[k]
            lines[found, 5] = lines[found, 1] - lines[found, 0]
            found += 1
    return lines[:found]


@njit(cache=True, nogil=True)
def _lines(frames: NDArray[np.int64], cells: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cells side by side in one frame, as a `Region` counts them."""
    subbands = cells.shape[1]
    found = np.zeros((len(frames) * ((subbands + 1) // 2), 6), np.int64)
    count = 0
    for row in range(len(frames)):
        low = 0
        while low < subbands:
            high = low
            while high < subbands and cells[row, high]:
                high += 1
            if high > low:
                found[count, :4] = frames[row], frames[row] + 1, low, high
                count += 1
            low = high + 1
    return found[:count]


@njit(cache=True, nogil=True)
def _root(parent: NDArray[np.int64], run: int) -> int:
    while parent[run] != run:
        run = parent[run]
    return run


@njit(cache=True, nogil=True)
def _cover(box: NDArray[np.int64], run: NDArray[np.int64]) -> None:
    box[0], box[2] = min(box[0], run[0]), min(box[2], run[2])
    box[1], box[3] = max(box[1], run[1]), max(box[3], run[3])


def _wide_pieces(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Runs of frames that fill the slice, likewise."""
    rows: NDArray[np.bool_] = np.any(mask, axis=1)
    edges = runs(rows).astype(np.int64)
    low, high = np.zeros(len(edges), np.int64), np.full(len(edges), mask.shape[1])
    length = edges[:, 1] - edges[:, 0]
    return np.column_stack((edges, low, high, length, length))


@njit(cache=True, nogil=True)
def _is_wide(region: Region) -> bool:
    return 2 * region.wide_frames > region.last - region.first


@njit(cache=True, nogil=True)
def _together(held: Region, piece: Region, close_frames: int, longest_gap: int) -> bool:
    """Whether ``piece``, which starts later, goes on with the burst of ``held``."""
    gap = piece.first - held.last
    if gap <= close_frames and (held.wide_frames > 0 or piece.wide_frames > 0):
        return True
    if _is_wide(held) != _is_wide(piece):
        return False
    if _is_wide(held):
        allowed = WIDE_GAP_RATIO * min(held.piece, piece.piece)
    else:
        if piece.low - held.high > NEAR_SUBBANDS or held.low - piece.high > NEAR_SUBBANDS:
            return False
        allowed = NARROW_GAP_RATIO * max(held.piece, piece.piece)
    return gap <= max(close_frames, min(allowed, longest_gap))


@njit(cache=True, nogil=True)
def _joined(held: Region, whole: Region, latest_first: int) -> Region:
    """Both, where ``whole`` goes on to the latest piece, which starts at ``latest_first``."""
    return Region(
        min(held.first, whole.first),
        max(held.last, whole.last),
        min(held.low, whole.low),
        max(held.high, whole.high),
        held.wide_frames + whole.wide_frames,
        max(held.piece, whole.piece) if held.last > latest_first else whole.piece,
    )


@njit(cache=True, nogil=True)
def _row(regions: NDArray[np.int64], k: int) -> Region:
    r = regions[k]
    return Region(r[0], r[1], r[2], r[3], r[4], r[5])


@njit(cache=True, nogil=True)
def _grown(pieces: NDArray[np.int64], close_frames: int, longest_gap: int) -> NDArray[np.int64]:
    """Pieces, which come in order of their start, joined to those that they go on with."""
    done, open_ = np.empty_like(pieces), np.empty_like(pieces)
    ended = held = 0
    for p in range(len(pieces)):
        piece = _row(pieces, p)
        whole = piece
        kept = 0
        for k in range(held):
            region = _row(open_, k)
            if piece.first - region.last > longest_gap:
                done[ended] = open_[k]
                ended += 1
            elif _together(region, piece, close_frames, longest_gap):
                whole = _joined(region, whole, piece.first)
            else:
                open_[kept] = open_[k]
                kept += 1
        open_[kept] = whole
        held = kept + 1
    return np.concatenate((done[:ended], open_[:held]))


@njit(cache=True, nogil=True)
def going_on(
    held: NDArray[np.int64], piece: Region, close_frames: int, longest_gap: int
) -> NDArray[np.bool_]:
    """Which of ``held``, a region a row, ``piece`` goes on with."""
    found = np.empty(len(held), np.bool_)
    for k in range(len(held)):
        found[k] = _together(_row(held, k), piece, close_frames, longest_gap)
    return found


def union(pieces: list[Region]) -> Region:
    """One region that covers all of them; the last is the latest piece."""
    latest = pieces[-1]
    return reduce(lambda whole, held: _joined(held, whole, latest.first), pieces[:-1], latest)


def shifted(region: Region, frames: int) -> Region:
    """The same region counted from a frame ``frames`` earlier."""
    return region._replace(first=region.first + frames, last=region.last + frames)
