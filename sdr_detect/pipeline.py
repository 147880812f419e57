"""The one pipeline: blocks in, events out.

No clock, thread, file, log or randomness. The stream is re-blocked on an
absolute grid, so the events are the same however it was cut. State is bounded:
a dwell of samples, capped tracks, sums of fixed size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdr_detect.coverage import Coverage
from sdr_detect.epoch import DwellObserver, Epoch, weigh_track
from sdr_detect.events import CoverageEvent, Event, Incident, OccupancyEvent, TrackEvent, Verdict
from sdr_detect.features.channel_occupancy import OccupancyLog
from sdr_detect.front import Ahead
from sdr_detect.judge import judge
from sdr_detect.lookout import Lookout
from sdr_detect.model import Frame, Notice, Span, StreamInfo, Track
from sdr_detect.profiles.schema import Profile
from sdr_detect.rawblock import Block
from sdr_detect.reasons import Judged, consistent_with_terminal, strongest
from sdr_detect.revisits import Revisits
from sdr_detect.scan.book import DwellBook, Sighting
from sdr_detect.settings import Settings
from sdr_detect.sweep import Sweep
from sdr_detect.watched import ChannelWatch


def _told(notice: Notice, block: Block) -> Incident:
    """What the receiver told, over the samples that were lost or at the next one."""
    start = block.first_sample - block.lost_before
    span = Span(start, max(block.first_sample, start + 1))
    return Incident("health", span, notice.reason, notice.detail)


def _sightings(tracks: Iterable[Judged], info: StreamInfo) -> list[Sighting]:
    """Where and when something consistent with a terminal was seen."""
    found = (judged.track for judged in tracks if consistent_with_terminal(judged))
    return [(t.freq_lower_hz, t.freq_upper_hz, info.seconds(t.span.stop_sample)) for t in found]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the pipeline stands, for display. Immutable.

    ``verdict`` is what it would be if the stream ended here; ``occupancy`` that of
    the band last heard, so far in its period, None unless it is asked for.
    ``channels`` tells for each channel of the first system how long it was watched,
    the probability of intercept so far and when something like a terminal was last
    seen in it.
    """

    next_sample: int
    analysed_s: float
    blind_s: float
    burst_count: int
    tracks: tuple[Track, ...]
    frame: Frame | None
    counters: dict[str, int]
    verdict: Verdict
    occupancy: OccupancyEvent | None = None
    channels: tuple[ChannelWatch, ...] = ()


class Pipeline:
    """Finds emissions in a stream and judges them.

    Parameters
    ----------
    profiles : sequence of Profile
        Emitters to weigh tracks against.
    settings : Settings
    observers : sequence of DwellObserver
        Look at every dwell after the detectors.
    ahead : callable, optional
        Prepares a dwell elsewhere while the one before is finished here: the same
        events, a dwell later.
    """

    def __init__(
        self,
        profiles: Sequence[Profile],
        settings: Settings | None = None,
        observers: Sequence[DwellObserver] = (),
        ahead: Ahead | None = None,
    ) -> None:
        self._ahead = ahead
        self._profiles = tuple(p for p in profiles if p.enabled)
        self._settings = settings or Settings()
        wanted = self._settings.occupancy
        self._occupancy = OccupancyLog(wanted) if wanted.enabled else None
        own = () if self._occupancy is None else (self._occupancy,)
        self._observers: tuple[DwellObserver, ...] = (*own, *observers)
        self._epoch: Epoch | None = None
        self._ids = itertools.count(1)
        self._sweep = Sweep(self._settings.sweep)
        self._kept: list[Judged] = []
        self._revisits = Revisits()
        self._coverage = Coverage()
        self._book = DwellBook(self._profiles)
        self._epochs = 0
        self._lookout = Lookout(self._settings.verdict.look_s)
        self._finished = False

    def process(self, block: Block) -> list[Event]:
        """Take a block; return the events it completes.

        Raises
        ------
        ValueError
            The block starts before the end of the last one, or `finish` was called.
        """
        if self._finished:
            raise ValueError("the pipeline has finished; make a new one for another stream")
        events: list[Event] = []
        if self._epoch is None or self._epoch.info != block.info:
            events += self._next_epoch(block)
        assert self._epoch is not None
        for found in self._epoch.process(block):
            events += found
            self._listened(self._epoch)
            events += self._look(self._epoch)
        return events + [_told(notice, block) for notice in block.notices]

    def finish(self) -> list[Event]:
        """Close everything; the last event is the verdict.

        Raises
        ------
        ValueError
            It was called before.
        """
        if self._finished:
            raise ValueError("the pipeline has finished; its verdict was given")
        events = self._close_epoch() + self._told_complete(None) + self._swept()
        if self._occupancy is not None:
            events += self._occupancy.finish()
        self._finished = True
        if self._book.swept:
            events.append(CoverageEvent(self._book.channels(), self._book.rows))
        return [*events, self._judge(self._kept, self._coverage)]

    def _look(self, epoch: Epoch, *, ended: bool = False) -> Sequence[Event]:
        """Tell when the verdict so far has become `detected`, or is so no more."""
        if not self._lookout.due(self._epochs, epoch):
            return []
        if ended:
            gone, heard, coverage = self._kept, list(self._revisits.tracks), self._coverage
        else:
            gone, heard, coverage = self._so_far(epoch)
        verdict = now = self._judge(strongest([*gone, *heard]), coverage)
        if gone and verdict.verdict == "detected":
            now = self._judge(strongest(heard), coverage)
        return self._lookout.news(verdict, now, epoch.stop_sample)

    def _so_far(self, epoch: Epoch) -> tuple[list[Judged], list[Judged], Coverage]:
        """Tracks that have ended, those that are still followed, and what was watched."""
        heard = self._revisits.with_stay(epoch.judged(), epoch.info)
        return [*self._kept, *epoch.retired], heard, self._with(epoch)

    def snapshot(self) -> Snapshot:
        """Where it stands now."""
        epoch = self._epoch
        tracks, coverage = [*self._kept, *self._revisits.tracks], self._coverage
        sightings: list[Sighting] = []
        if epoch is not None:
            gone, heard, coverage = self._so_far(epoch)
            tracks = [*gone, *heard]
            sightings = _sightings(tracks, epoch.info)
        return Snapshot(
            0 if epoch is None else epoch.stop_sample,
            coverage.analysed_s,
            coverage.blind_s,
            coverage.bursts,
            tuple(judged.track for judged in tracks),
            None if epoch is None else epoch.frame,
            {"epochs": self._epochs, "dwells": 0 if epoch is None else epoch.dwells},
            self._judge(strongest(tracks), coverage),
            None if self._occupancy is None else self._occupancy.current(),
            self._book.channels(sightings),
        )

    def _next_epoch(self, block: Block) -> list[Event]:
        before, events = self._epoch, self._close_epoch()
        if before is not None:
            events += self._look(before, ended=True)
        self._epoch = Epoch(
            block.info,
            self._profiles,
            self._settings,
            self._ids,
            self._observers,
            origin=0 if before is None else block.first_sample,
            retuned=before is not None and before.info.center_hz != block.info.center_hz,
            ahead=self._ahead,
        )
        self._epochs += 1
        return events

    def _close_epoch(self) -> list[Event]:
        epoch = self._epoch
        if epoch is None:
            return []
        events = epoch.finish()
        self._listened(epoch)
        judged = epoch.judged()
        self._book.saw(_sightings((*epoch.retired, *judged), epoch.info))
        self._kept = strongest([*self._kept, *epoch.retired])
        self._revisits.take(judged, epoch.info)
        events += self._told_complete(epoch.stop_sample)
        self._coverage = self._with(epoch)
        self._sweep.add(epoch)
        self._epoch = None
        return events

    def _told_complete(self, stop_sample: int | None) -> list[Event]:
        """Tracks that are not expected again."""
        complete = self._revisits.complete(stop_sample)
        self._kept = strongest([*self._kept, *(seen.shown for seen in complete)])
        return [seen.event for seen in complete]

    def _swept(self) -> list[Event]:
        """Blocks that only several stops of a retuning receiver show."""
        found = [
            (weigh_track(track, measured, self._profiles), info)
            for track, measured, info in self._sweep.tracks(self._ids)
        ]
        self._kept = strongest([*self._kept, *(judged for judged, _ in found)])
        return [TrackEvent(judged.track, info) for judged, info in found]

    def _with(self, epoch: Epoch) -> Coverage:
        return self._coverage.with_epoch(epoch, self._settings.burst)

    def _listened(self, epoch: Epoch) -> None:
        for stay in epoch.listened():
            self._book.watch(stay)

    def _judge(self, tracks: Sequence[Judged], coverage: Coverage) -> Verdict:
        watch = coverage.watch(self._book.intercept())
        return judge(tracks, watch, self._profiles, self._settings.verdict)
