"""Faults of single cells, joined to incidents worth reporting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.runs import runs
from sdr_detect.events import Incident
from sdr_detect.model import Span

#: Faults closer than this are one incident.
JOIN_S = 10e-3

#: Incidents of one kind that are listed; more are counted.
MAX_LISTED = 200


@dataclass(slots=True)
class _Open:
    start: int
    stop: int
    cells: int


class IncidentLog:
    """Joins the faults of one kind across dwells."""

    def __init__(
        self,
        kind: Literal["gap", "overload", "health"],
        reason: str,
        detail: str,
        join_samples: int,
    ) -> None:
        self._kind: Literal["gap", "overload", "health"] = kind
        self._reason = reason
        self._detail = detail
        self._join = join_samples
        self._open: _Open | None = None
        self.count = 0

    def add(self, cells: NDArray[np.bool_], first_sample: int, cell: int) -> list[Incident]:
        """Take the fault cells of a dwell; return the incidents that ended."""
        ended: list[Incident] = []
        for start, stop in runs(cells).tolist():
            ended += self._extend(
                first_sample + start * cell, first_sample + stop * cell, stop - start
            )
        return ended

    def finish(self) -> list[Incident]:
        """The incident still open, and a note on those not listed."""
        ended = self._close()
        if self.count > MAX_LISTED:
            last = Span(0, 1) if not ended else ended[-1].span
            ended.append(
                Incident(
                    "health",
                    last,
                    "incidents_capped",
                    f"{self.count - MAX_LISTED} further incidents '{self._reason}' not listed",
                )
            )
        return ended

    def _extend(self, start: int, stop: int, cells: int) -> list[Incident]:
        if self._open is not None and start - self._open.stop <= self._join:
            self._open.stop = stop
            self._open.cells += cells
            return []
        ended = self._close()
        self._open = _Open(start, stop, cells)
        return ended

    def _close(self) -> list[Incident]:
        if self._open is None:
            return []
        done, self._open = self._open, None
        self.count += 1
        if self.count > MAX_LISTED:
            return []
        return [Incident(self._kind, Span(done.start, done.stop), self._reason, self._detail)]
