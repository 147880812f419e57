"""A burst track's level over time, kept small, for steps 15 s apart."""

from __future__ import annotations

from statistics import median

from sdr_detect.detect.measuring import Features, stated_pfa
from sdr_detect.features.slot_steps import slot_steps
from sdr_detect.model import NS_PER_S, StreamInfo

#: Bursts of this time count as one point: their median.
POINT_S = 0.1

#: Points kept, at least half an hour: 120 boundaries. Later ones add nothing.
MAX_POINTS = 18_000

#: Bursts of one point that are looked at.
MAX_PER_POINT = 64


class SlotSeries:
    """Median level of the bursts in each 0.1 s in which there are any."""

    def __init__(self) -> None:
        self._index = -1
        self._now: list[float] = []
        self._times_s: list[float] = []
        self._levels_db: list[float] = []

    def add(self, start_s: float, level_db: float) -> None:
        """Take a burst. One that started before the latest point is put to that."""
        index = int(start_s // POINT_S)
        if index > self._index:
            self._close()
            self._index = index
        if len(self._now) < MAX_PER_POINT:
            self._now.append(level_db)

    def features(self, info: StreamInfo) -> Features:
        """What the steps of the level show, as features of a track."""
        times, levels = self._times_s, self._levels_db
        if self._now and len(times) < MAX_POINTS:
            times = [*times, (self._index + 0.5) * POINT_S]
            levels = [*levels, median(self._now)]
        found = slot_steps(times, levels, info.start_ns)
        if found is None:
            return {"slot_steps": None, "slot_steps_pfa": None}
        error_s = (info.time_error_ns or 0) / NS_PER_S
        return {
            "slot_steps": found.kept,
            "slot_steps_pfa": stated_pfa(found.pfa),
            "slot_phase_s": found.phase_s,
            "slot_phase_sigma_s": found.phase_sigma_s,
            "slot_phase_utc_s": found.phase_utc_s,
            "slot_phase_as_published": found.agrees(error_s),
            "slot_boundaries": float(found.boundaries),
        }

    def _close(self) -> None:
        if self._now and len(self._times_s) < MAX_POINTS:
            self._times_s.append((self._index + 0.5) * POINT_S)
            self._levels_db.append(median(self._now))
        self._now = []
