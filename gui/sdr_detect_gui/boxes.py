"""Bursts joined to boxes that can be seen: a burst of a millisecond is no pixel high."""

from __future__ import annotations

from dataclasses import dataclass

from sdr_detect import view

MAX_BOXES = 200
#: Boxes that a new burst may still belong to.
_OPEN = 16
#: A longer silence begins another box.
JOIN_S = 0.5


@dataclass(slots=True)
class Box:
    """A region of time and frequency with bursts in it."""

    start_sample: int
    stop_sample: int
    freq_lower_hz: float
    freq_upper_hz: float
    bursts: int
    snr_db: float

    def shares(self, lower_hz: float, upper_hz: float) -> float:
        """Shared part of the narrower of two ranges, 0 to 1."""
        width = min(self.freq_upper_hz - self.freq_lower_hz, upper_hz - lower_hz)
        shared = min(self.freq_upper_hz, upper_hz) - max(self.freq_lower_hz, lower_hz)
        return max(shared, 0.0) / width if width > 0 else 0.0


class Boxes:
    """The newest boxes, in the order in which they began."""

    def __init__(self) -> None:
        self.all: list[Box] = []

    def add(self, finds: view.Finds, sample_rate_hz: float) -> None:
        """Take in bursts."""
        join = round(JOIN_S * sample_rate_hz)
        for burst in finds.bursts:
            self._add(burst, join)
        del self.all[:-MAX_BOXES]

    def _add(self, burst: view.BurstPart, join: int) -> None:
        lower, upper, snr_db = burst.freq_lower_hz, burst.freq_upper_hz, burst.snr_db or 0.0
        for box in reversed(self.all[-_OPEN:]):
            near = burst.start_sample - box.stop_sample <= join
            if near and box.shares(lower, upper) >= 0.5:
                box.stop_sample = max(box.stop_sample, burst.stop_sample)
                box.freq_lower_hz = min(box.freq_lower_hz, lower)
                box.freq_upper_hz = max(box.freq_upper_hz, upper)
                box.snr_db = max(box.snr_db, snr_db)
                box.bursts += 1
                return
        span = burst.start_sample, burst.stop_sample
        self.all.append(Box(*span, lower, upper, 1, snr_db))

    def clear(self) -> None:
        """Forget all."""
        self.all.clear()


def track_of(box: Box, tracks: tuple[view.TrackPart, ...]) -> view.TrackPart | None:
    """The track that a box belongs to: alive then, and alike in frequency."""
    best, best_share = None, 0.5
    for track in tracks:
        alive = track.start_sample < box.stop_sample and box.start_sample < track.stop_sample
        share = box.shares(track.freq_lower_hz, track.freq_upper_hz)
        if alive and share > best_share:
            best, best_share = track, share
    return best
