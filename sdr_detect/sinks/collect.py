"""Events kept in memory, within limits, for tables, plots and reports."""

from __future__ import annotations

from typing import TypeVar

from sdr_detect.events import (
    BurstEvent,
    CoverageEvent,
    Event,
    Incident,
    OccupancyEvent,
    TrackEvent,
    Verdict,
)

#: A picture or an annotation file with more of them helps nobody.
MAX_BURSTS = 10_000
MAX_INCIDENTS = 1_000
MAX_TRACKS = 1_000
MAX_PERIODS = 1_000


class Collector:
    """Keeps what a reader wants to see at the end.

    Attributes
    ----------
    bursts, tracks, incidents : list
        In the order they came, up to a limit.
    periods : list of OccupancyEvent
        Likewise.
    burst_count, track_count, incident_count : int
        All of them, kept or not.
    coverage : CoverageEvent or None
    verdict : Verdict or None
    """

    def __init__(
        self,
        *,
        max_bursts: int = MAX_BURSTS,
        max_incidents: int = MAX_INCIDENTS,
        max_tracks: int = MAX_TRACKS,
    ) -> None:
        self._max_bursts = max_bursts
        self._max_incidents = max_incidents
        self._max_tracks = max_tracks
        self.bursts: list[BurstEvent] = []
        self.tracks: list[TrackEvent] = []
        self.incidents: list[Incident] = []
        self.periods: list[OccupancyEvent] = []
        self.burst_count = 0
        self.track_count = 0
        self.incident_count = 0
        self.coverage: CoverageEvent | None = None
        self.verdict: Verdict | None = None

    def write(self, event: Event) -> None:
        """Keep or count one event."""
        match event:
            case BurstEvent():
                self.burst_count += 1
                _keep(self.bursts, event, self._max_bursts)
            case TrackEvent():
                self.track_count += 1
                _keep(self.tracks, event, self._max_tracks)
            case Incident():
                self.incident_count += 1
                _keep(self.incidents, event, self._max_incidents)
            case OccupancyEvent():
                _keep(self.periods, event, MAX_PERIODS)
            case CoverageEvent():
                self.coverage = event
            case Verdict():
                self.verdict = event

    def track_of(self, event: BurstEvent) -> int | None:
        """Id of the track of bursts that overlaps it most in frequency, if any does."""
        region, start = event.burst.detection, event.burst.span.start_sample
        best, best_share = None, 0.0
        for candidate in self.tracks:
            track = candidate.track
            inside = track.span.start_sample <= start < track.span.stop_sample
            if not inside or track.burst_count == 0:
                continue
            low = min(region.freq_lower_hz, track.freq_lower_hz)
            high = max(region.freq_upper_hz, track.freq_upper_hz)
            shared = min(region.freq_upper_hz, track.freq_upper_hz) - max(
                region.freq_lower_hz, track.freq_lower_hz
            )
            if shared / (high - low) > best_share:
                best, best_share = track.id, shared / (high - low)
        return best

    def close(self) -> None:
        """Nothing to release."""


_E = TypeVar("_E")


def _keep(kept: list[_E], event: _E, most: int) -> None:
    if len(kept) < most:
        kept.append(event)
