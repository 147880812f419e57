"""Regions against the rule written out plainly."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sdr_detect.detect.energy import Exceedances
from sdr_detect.detect.regions import Region, find_regions, shifted, union


def _pieces(narrow: np.ndarray, wide: np.ndarray) -> list[Region]:
    labels, count = ndimage.label(narrow, np.ones((3, 3)))
    found = []
    for label in range(1, count + 1):
        frame, band = np.nonzero(labels == label)
        first, last = int(frame.min()), int(frame.max()) + 1
        found.append(Region(first, last, int(band.min()), int(band.max()) + 1, 0, last - first))
    labels, count = ndimage.label(wide.any(axis=1))
    for label in range(1, count + 1):
        frame = np.flatnonzero(labels == label)
        first, last = int(frame[0]), int(frame[-1]) + 1
        found.append(Region(first, last, 0, wide.shape[1], last - first, last - first))
    return sorted(found, key=lambda r: (r.first, r.low, r.last))


def _goes_on(held: Region, piece: Region, close: int, longest: int) -> bool:
    silence = piece.first - held.last
    if silence > longest:
        return False
    if silence <= close and held.wide_frames + piece.wide_frames > 0:
        return True
    if held.wide and piece.wide:
        return silence <= max(close, min(held.piece, piece.piece))
    apart = max(piece.low - held.high, held.low - piece.high)
    if held.wide or piece.wide or apart > 1:
        return False
    return silence <= max(close, 3.5 * max(held.piece, piece.piece))


def _expected(pieces: list[Region], close: int, longest: int) -> list[Region]:
    regions: list[Region] = []
    for piece in pieces:
        mates = [r for r in regions if _goes_on(r, piece, close, longest)]
        alike = [piece.piece, *(r.piece for r in mates if r.last > piece.first)]
        parts = [*mates, piece]
        regions = [r for r in regions if r not in mates]
        regions.append(
            Region(
                min(r.first for r in parts),
                max(r.last for r in parts),
                min(r.low for r in parts),
                max(r.high for r in parts),
                sum(r.wide_frames for r in parts),
                max(alike),
            )
        )
    return sorted(regions, key=lambda r: (r.first, r.low, r.last))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(1, 200), st.sampled_from([1, 4, 8, 16])),
    share=st.tuples(st.sampled_from([0, 0.02, 0.1, 0.4]), st.sampled_from([0, 0.05, 0.3])),
    gaps=st.tuples(st.integers(0, 4), st.integers(4, 60)),
)
def test_pieces_that_go_on_are_one(
    seed: int, size: tuple[int, int], share: tuple[float, float], gaps: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    narrow = rng.random(size) < share[0]
    wide = np.repeat(rng.random((size[0], 1)) < share[1], size[1], axis=1)
    found = Exceedances(narrow, wide, np.zeros(size[0], np.bool_), 1.0, 0.1)
    assert find_regions(found, *gaps) == _expected(_pieces(narrow, wide), *gaps)


def test_a_union_and_a_shift() -> None:
    pieces = [Region(3, 9, 2, 4, 0, 5), Region(7, 12, 3, 8, 2, 4), Region(8, 10, 0, 1, 1, 2)]
    assert union(pieces) == Region(3, 12, 0, 8, 3, 5)
    assert union(pieces[2:]) == pieces[2]
    assert shifted(pieces[0], 100) == Region(103, 109, 2, 4, 0, 5)
