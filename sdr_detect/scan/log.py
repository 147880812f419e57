"""Where the receiver listened, when, and how much of it could be analysed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from sdr_detect.watched import Stay

#: Rows kept. When there are more, those of one frequency range that fall into
#: one cell of time are joined; the cell doubles until half of them are left.
MAX_ROWS = 4096


class DwellLog:
    """Rows in order of time, bounded."""

    def __init__(self, rows: Iterable[Stay] = ()) -> None:
        self._rows: list[Stay] = []
        self._cell_s = 1.0
        #: Rows dropped, oldest first: only with more ranges than rows to keep.
        self.dropped = 0
        for row in rows:
            self.add(row)

    @property
    def rows(self) -> tuple[Stay, ...]:
        """All of it, by start."""
        return tuple(self._rows)

    def add(self, row: Stay) -> None:
        """Append a stay; one that only goes on lengthens the last row."""
        last = self._rows[-1] if self._rows else None
        if last is not None and last.visits == 1 and row.follows(last):
            analysed_s = last.analysed_s + row.analysed_s
            self._rows[-1] = replace(last, stop_s=row.stop_s, analysed_s=analysed_s)
            return
        self._rows.append(row)
        while len(self._rows) > MAX_ROWS:
            self._join()

    def _join(self) -> None:
        while len(self._rows) > MAX_ROWS // 2 and self._cell_s < 1e9:
            cells: dict[tuple[float, float, int], Stay] = {}
            for row in self._rows:
                key = (*row.range_hz, int(row.start_s // self._cell_s))
                known = cells.get(key)
                cells[key] = row if known is None else _joined(known, row)
            self._rows = sorted(cells.values(), key=lambda row: row.start_s)
            self._cell_s *= 2
        spare = len(self._rows) - MAX_ROWS // 2
        if spare > 0:
            self._rows = self._rows[spare:]
            self.dropped += spare


def _joined(one: Stay, other: Stay) -> Stay:
    return replace(
        one,
        stop_s=max(one.stop_s, other.stop_s),
        analysed_s=one.analysed_s + other.analysed_s,
        visits=one.visits + other.visits,
    )


def all_parts(rows: Iterable[Stay]) -> list[Stay]:
    """All single stays of a log, by start."""
    return sorted(itertools.chain.from_iterable(r.parts() for r in rows), key=lambda r: r.start_s)
