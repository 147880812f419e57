"""From blocks of any size to dwells on an absolute grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.layout import Layout
from sdr_detect.model import ComplexArray
from sdr_detect.rawblock import Block


@dataclass(slots=True, eq=False)
class RawDwell:
    """Samples of one dwell and which of them are real.

    Parameters
    ----------
    first_sample : int
        A multiple of the layout's ``dwell_samples`` after the buffer's origin.
    iq : (dwell_samples + lookahead,) complex64
        Missing samples are zero. The buffer is reused, see `DwellBuffer`.
    missing : tuple of (start, stop)
        Runs of samples, relative to ``first_sample``, that never arrived.
    """

    first_sample: int
    iq: ComplexArray
    missing: tuple[tuple[int, int], ...]


class DwellBuffer:
    """Collects blocks until a dwell and its lookahead are complete.

    State is one dwell and the spares; a gap of any length costs nothing but the
    dwells it touches.

    Parameters
    ----------
    layout : Layout
    origin : int
        A sample at which a dwell starts, at or before the first one; it is
        moved back to the grid of hops.
    spares : int
        Dwells, besides the latest, that must still hold.
    """

    def __init__(self, layout: Layout, origin: int = 0, spares: int = 0) -> None:
        self._layout = layout
        self._origin = origin // layout.hop * layout.hop
        self._iq: ComplexArray = np.zeros(layout.dwell_samples + layout.lookahead, np.complex64)
        self._others = [np.zeros_like(self._iq) for _ in range(spares)]
        # What follows a dwell is kept as it came: a dwell's faults are put to zero.
        self._behind: ComplexArray = np.zeros(layout.lookahead, np.complex64)
        self._full = False
        self._base = 0
        self._next = 0
        self._real_stop = 0
        self._missing: list[tuple[int, int]] = []

    def push(self, block: Block) -> Iterator[RawDwell]:
        """Yield the dwells that ``block`` completes.

        A yielded dwell must be used before the next one is asked for, or, with
        spares, so many later.

        Raises
        ------
        ValueError
            The block starts before the end of the last one.
        """
        if block.first_sample < self._next:
            raise ValueError(
                f"block starts at sample {block.first_sample}, before {self._next}: "
                "blocks must be in order and must not overlap"
            )
        yield from self._skip_to(block.first_sample)
        while self._next < block.stop_sample:
            self._turn()
            at = self._next - self._base
            take = min(block.stop_sample - self._next, self._iq.size - at)
            block.fill(self._iq[at : at + take], self._next)
            self._real_stop = self._next + take
            yield from self._advance(take)

    def flush(self) -> Iterator[RawDwell]:
        """Yield what is left, its unfilled end marked missing."""
        while self._real_stop > self._base:
            yield from self._lose(self._base + self._iq.size - self._next)

    def _skip_to(self, sample: int) -> Iterator[RawDwell]:
        while self._next < sample:
            if self._real_stop <= self._base:
                step = self._layout.dwell_samples
                self._base = sample - (sample - self._origin) % step
                self._next = self._base
                self._missing = []
            room = self._base + self._iq.size - self._next
            yield from self._lose(min(room, sample - self._next))
            if self._next == sample:
                return

    def _lose(self, count: int) -> Iterator[RawDwell]:
        at = self._next - self._base
        if count:
            self._turn()
            self._iq[at : at + count] = 0
            self._missing.append((at, at + count))
        yield from self._advance(count)

    def _advance(self, count: int) -> Iterator[RawDwell]:
        self._next += count
        if self._next - self._base < self._iq.size:
            return
        step = self._layout.dwell_samples
        dwell = RawDwell(self._base, self._iq, tuple(self._missing))
        self._behind[:] = self._iq[step:]
        self._full = True
        self._base += step
        self._missing = [(max(0, a - step), b - step) for a, b in self._missing if b > step]
        yield dwell

    def _turn(self) -> None:
        """Begin the next dwell, now that the one that was yielded is done with."""
        if not self._full:
            return
        self._full = False
        self._others.append(self._iq)
        self._iq = self._others.pop(0)
        self._iq[: self._behind.size] = self._behind


def missing_cells(missing: tuple[tuple[int, int], ...], cell: int, cells: int) -> NDArray[np.bool_]:
    """Which cells of ``cell`` samples hold at least one missing sample."""
    lost = np.zeros(cells, dtype=np.bool_)
    for start, stop in missing:
        lost[start // cell : min(cells, -(-stop // cell))] = True
    return lost
