"""From cells above threshold to regions, one for each burst.

Noise breaks a weak burst into pieces, on-off keying breaks a message into
pulses, and a strong narrow burst splatters over the slice when it switches.
Pieces that touch in time, or are closer to each other than they are long, are
one emission.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdr_detect.detect.energy import Exceedances
from sdr_detect.dsp.runs import runs

#: Pulses of one keyed message: silences up to this multiple of the pulses.
NARROW_GAP_RATIO = 3.5

#: Pieces of one wide burst: silences up to this multiple of the shorter piece.
WIDE_GAP_RATIO = 1.0

#: Narrow pieces at most this many sub-bands apart belong together.
NEAR_SUBBANDS = 1


@dataclass(frozen=True, slots=True)
class Region:
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
        return 2 * self.wide_frames > self.last - self.first


def find_regions(found: Exceedances, close_frames: int, longest_gap: int) -> list[Region]:
    """Regions in order of their start.

    Parameters
    ----------
    close_frames : int
        Silence that never ends a burst.
    longest_gap : int
        Silence, in frames, that always ends one.
    """
    pieces = [*_narrow_pieces(found.narrow), *_wide_pieces(found.wide)]
    pieces.sort(key=lambda r: (r.first, r.low, r.last))
    done: list[Region] = []
    open_: list[Region] = []
    for piece in pieces:
        expired = [r for r in open_ if piece.first - r.last > longest_gap]
        if expired:
            done += expired
            open_ = [r for r in open_ if r not in expired]
        mates = [r for r in open_ if together(r, piece, close_frames, longest_gap)]
        if mates:
            open_ = [r for r in open_ if r not in mates]
            piece = union([*mates, piece])
        open_.append(piece)
    return sorted(done + open_, key=lambda r: (r.first, r.low, r.last))


def _narrow_pieces(mask: NDArray[np.bool_]) -> Iterable[Region]:
    if not mask.any():
        return []
    labels, _ = ndimage.label(mask, np.ones((3, 3), int))
    return [
        Region(t.start, t.stop, f.start, f.stop, 0, t.stop - t.start)
        for t, f in ndimage.find_objects(labels)
    ]


def _wide_pieces(mask: NDArray[np.bool_]) -> Iterable[Region]:
    rows: NDArray[np.bool_] = np.any(mask, axis=1)
    return [Region(int(a), int(b), 0, mask.shape[1], int(b - a), int(b - a)) for a, b in runs(rows)]


def together(held: Region, piece: Region, close_frames: int, longest_gap: int) -> bool:
    """Whether ``piece``, which starts later, goes on with the burst of ``held``."""
    gap = piece.first - held.last
    if gap <= close_frames and (held.wide_frames or piece.wide_frames):
        return True
    if held.wide != piece.wide:
        return False
    if held.wide:
        allowed = WIDE_GAP_RATIO * min(held.piece, piece.piece)
    else:
        if piece.low - held.high > NEAR_SUBBANDS or held.low - piece.high > NEAR_SUBBANDS:
            return False
        allowed = NARROW_GAP_RATIO * max(held.piece, piece.piece)
    return gap <= max(close_frames, min(allowed, longest_gap))


def union(pieces: list[Region]) -> Region:
    """One region that covers all of them; the last is the latest piece."""
    latest = pieces[-1]
    overlapping = [r.piece for r in pieces if r.last > latest.first]
    return replace(
        latest,
        first=min(r.first for r in pieces),
        last=max(r.last for r in pieces),
        low=min(r.low for r in pieces),
        high=max(r.high for r in pieces),
        wide_frames=sum(r.wide_frames for r in pieces),
        piece=max(overlapping),
    )


def shifted(region: Region, frames: int) -> Region:
    """The same region counted from a frame ``frames`` earlier."""
    return replace(region, first=region.first + frames, last=region.last + frames)
