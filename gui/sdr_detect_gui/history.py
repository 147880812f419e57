"""Rows of a waterfall in memory of fixed size, and lines of pixels made of them.

Levels are kept as bytes of 0.625 dB. Bins become pixels, and rows lines, by their
maximum: the nearest bin shows a carrier of one bin in a third of all positions, a
mean in none. A new row colours one line; zooming makes all lines anew from the bins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdr_detect.model import FloatArray

LOWEST_DB = -140.0
STEP_DB = 0.625

Bytes = NDArray[np.uint8]
Pixels = NDArray[np.uint32]


def codes(power: FloatArray) -> Bytes:
    """Levels of linear powers as bytes."""
    level_db = 10 * np.log10(np.maximum(power, np.float32(1e-20)))
    scaled: Bytes = np.clip((level_db - LOWEST_DB) / STEP_DB + 0.5, 0, 255).astype(np.uint8)
    return scaled


def level_db(code: float) -> float:
    """The level that a byte stands for."""
    return LOWEST_DB + STEP_DB * code


def pool(
    values: NDArray[np.generic], first: float, stop: float, columns: int
) -> NDArray[np.generic]:
    """Maxima of the last axis between two positions, in ``columns`` equal parts.

    Positions are in bins and may lie outside: what is not there takes the nearest
    bin's value (the caller paints over it). Fewer bins than columns are repeated.
    """
    count = values.shape[-1]
    edges = np.linspace(first, stop, columns + 1)
    starts = np.clip(np.floor(edges[:-1] + 1e-9).astype(np.intp), 0, count - 1)
    if stop - first <= columns:
        return values[..., starts]
    last = int(np.clip(np.ceil(stop), starts[-1] + 1, count))
    # Outside, several columns start at one bin, of which reduceat returns that bin.
    pooled: NDArray[np.generic] = np.maximum.reduceat(values[..., :last], starts, axis=-1)
    return pooled


@dataclass(slots=True, eq=False)
class History:
    """The last ``rows`` rows, newest last; one tuning, whose change empties it."""

    rows: int
    bins: int
    levels: Bytes = field(init=False)
    starts: NDArray[np.int64] = field(init=False)
    stops: NDArray[np.int64] = field(init=False)
    count: int = 0
    _next: int = 0

    def __post_init__(self) -> None:
        self.levels = np.zeros((self.rows, self.bins), np.uint8)
        self.starts = np.zeros(self.rows, np.int64)
        self.stops = np.zeros(self.rows, np.int64)

    def push(self, row: Bytes, first_sample: int, stop_sample: int) -> None:
        """Append a row; the oldest goes."""
        self.levels[self._next] = row
        self.starts[self._next], self.stops[self._next] = first_sample, stop_sample
        self._next = (self._next + 1) % self.rows
        self.count = min(self.count + 1, self.rows)

    def newest(self, count: int) -> NDArray[np.intp]:
        """Places of the newest rows, oldest of them first."""
        count = min(count, self.count)
        return (np.arange(self._next - count, self._next) % self.rows).astype(np.intp)


class Lines:
    """Coloured lines of a waterfall, newest on top, in a ring.

    Parameters
    ----------
    columns, count : int
        Size in pixels.
    per_line : int
        Rows that make a line.
    """

    def __init__(self, columns: int, count: int, per_line: int = 1) -> None:
        self.columns, self.count, self.per_line = columns, count, per_line
        self.top = 0
        self.filled = 0
        self._in_line = 0
        self.levels: Bytes = np.zeros((count, columns), np.uint8)
        self.pixels: Pixels = np.zeros((count, columns), np.uint32)
        self.starts = np.zeros(count, np.int64)
        self.stops = np.zeros(count, np.int64)

    def push(self, row: Bytes, first_sample: int, stop_sample: int, colours: Pixels) -> None:
        """Add a row that is pooled already; only its line is coloured."""
        if self._in_line % self.per_line == 0 or not self.filled:
            self.top = (self.top - 1) % self.count
            self.filled = min(self.filled + 1, self.count)
            self.levels[self.top] = row
            self.starts[self.top] = first_sample
            self._in_line = 0
        else:
            np.maximum(self.levels[self.top], row, out=self.levels[self.top])
        self._in_line += 1
        self.stops[self.top] = stop_sample
        np.take(colours, self.levels[self.top], out=self.pixels[self.top])

    def rebuild(self, history: History, first: float, stop: float, colours: Pixels) -> None:
        """Make all lines anew."""
        places = history.newest(self.count * self.per_line)
        # Lines begin where they did, whatever is zoomed to: counted from the oldest row.
        self.top, self.filled, self._in_line = 0, 0, 0
        pooled = pool(history.levels[places], first, stop, self.columns)
        for row, place in zip(pooled, places, strict=True):
            start, end = int(history.starts[place]), int(history.stops[place])
            self.push(row.astype(np.uint8, copy=False), start, end, colours)

    def recolour(self, colours: Pixels) -> None:
        """Other colours for the same levels."""
        np.take(colours, self.levels, out=self.pixels)

    def ordered(self) -> NDArray[np.intp]:
        """Places of the lines that are filled, newest first."""
        return ((self.top + np.arange(self.filled)) % self.count).astype(np.intp)

    def line_of(self, sample: int) -> int | None:
        """Line, from the top, that holds a sample or the next one after it; None if older."""
        order = self.ordered()
        if not order.size or sample < self.starts[order[-1]]:
            return None
        older = int(np.searchsorted(self.stops[order][::-1], sample, "right"))
        return max(int(order.size) - 1 - older, 0)

    def sample_of(self, line: int) -> int | None:
        """Last sample of a line counted from the top; None where there is none."""
        if not 0 <= line < self.filled:
            return None
        return int(self.stops[(self.top + line) % self.count])


def colour_table(lut: Pixels, low_db: float, high_db: float) -> Pixels:
    """A colour for every byte: ``lut`` (256) stretched between two levels."""
    levels = LOWEST_DB + STEP_DB * np.arange(256)
    place = np.clip((levels - low_db) / max(high_db - low_db, 1e-6), 0, 1)
    table: Pixels = lut[np.rint(place * 255).astype(np.intp)]
    return table
