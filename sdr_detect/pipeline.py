"""The one pipeline: blocks in, events out.

No clock, thread, file, log or randomness. The stream is re-blocked on an
absolute grid, so the events are the same however it was cut. State is bounded:
a dwell of samples, capped tracks, sums of fixed size.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from sdr_detect.detect.energy import EnergyTest
from sdr_detect.epoch import Epoch, weigh_track
from sdr_detect.events import Event, Incident, TrackEvent, Verdict
from sdr_detect.intercept import detection_limit_db
from sdr_detect.judge import judge
from sdr_detect.model import Frame, IQBlock, Notice, Span, StreamInfo, Track
from sdr_detect.profiles.schema import Profile
from sdr_detect.reasons import Judged, Watch, strongest
from sdr_detect.settings import Settings
from sdr_detect.sweep import Sweep

#: Share of time with clipped samples above which silence proves nothing.
MAX_OVERLOAD = 0.1

#: Epochs whose coverage is kept; later ones are counted with the last.
MAX_EPOCHS = 4096


def _told(notice: Notice, block: IQBlock) -> Incident:
    """What the receiver told, over the samples that were lost or at the next one."""
    start = block.first_sample - block.lost_before
    span = Span(start, max(block.first_sample, start + 1))
    return Incident("health", span, notice.reason, notice.detail)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the pipeline stands, for display. Immutable."""

    next_sample: int
    analysed_s: float
    blind_s: float
    burst_count: int
    tracks: tuple[Track, ...]
    frame: Frame | None
    counters: dict[str, int]


class Pipeline:
    """Finds emissions in a stream and judges them.

    Parameters
    ----------
    profiles : sequence of Profile
        Emitters to weigh tracks against.
    settings : Settings
    """

    def __init__(self, profiles: Sequence[Profile], settings: Settings | None = None) -> None:
        self._profiles = tuple(p for p in profiles if p.enabled)
        self._settings = settings or Settings()
        self._epoch: Epoch | None = None
        self._ids = itertools.count(1)
        self._sweep = Sweep(self._settings.sweep)
        self._kept: list[Judged] = []
        self._ranges: list[tuple[float, float] | None] = []
        self._watched: list[float] = []
        self._limits: list[float | None] = []
        self._blind_s = 0.0
        self._bursts = 0
        self._cells = 0
        self._overloaded = 0
        self._epochs = 0
        self._finished = False

    def process(self, block: IQBlock) -> list[Event]:
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
            events += self._next_epoch(block.info)
        assert self._epoch is not None
        events += self._epoch.process(block)
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
        events = self._close_epoch() + self._swept()
        self._finished = True
        return [*events, self._verdict()]

    def snapshot(self) -> Snapshot:
        """Where it stands now."""
        epoch = self._epoch
        live = [] if epoch is None else epoch.judged()
        retired = [] if epoch is None else epoch.retired
        return Snapshot(
            0 if epoch is None else epoch.stop_sample,
            sum(self._watched) + (0 if epoch is None else epoch.analysed_s),
            self._blind_s + (0 if epoch is None else epoch.blind_s),
            self._bursts + (0 if epoch is None else epoch.burst_count),
            tuple(j.track for j in (*self._kept, *retired, *live)),
            None if epoch is None else epoch.frame,
            {"epochs": self._epochs, "dwells": 0 if epoch is None else epoch.dwells},
        )

    def _next_epoch(self, info: StreamInfo) -> list[Event]:
        events = self._close_epoch()
        self._epoch = Epoch(info, self._profiles, self._settings, self._ids)
        self._epochs += 1
        return events

    def _close_epoch(self) -> list[Event]:
        epoch = self._epoch
        if epoch is None:
            return []
        events = epoch.finish()
        judged = epoch.judged()
        events += [TrackEvent(j.track, epoch.info) for j in judged]
        self._kept = strongest([*self._kept, *epoch.retired, *judged])
        self._watch(epoch)
        self._sweep.add(epoch)
        self._epoch = None
        return events

    def _swept(self) -> list[Event]:
        """Blocks that only several stops of a retuning receiver show."""
        found = [
            (weigh_track(track, measured, self._profiles), info)
            for track, measured, info in self._sweep.tracks(self._ids)
        ]
        self._kept = strongest([*self._kept, *(judged for judged, _ in found)])
        return [TrackEvent(judged.track, info) for judged, info in found]

    def _watch(self, epoch: Epoch) -> None:
        watched_s = epoch.analysed_s
        limit = None
        if watched_s > 0:
            thermal = EnergyTest(epoch.layout, self._settings.burst).least_excess
            limit = detection_limit_db(
                watched_s, epoch.layout.used_hz, thermal, epoch.energy_excess
            )
        if len(self._watched) < MAX_EPOCHS:
            self._ranges.append(epoch.info.rf_range_hz)
            self._watched.append(watched_s)
            self._limits.append(limit)
        else:
            self._watched[-1] += watched_s
        self._blind_s += epoch.blind_s
        self._bursts += epoch.burst_count
        self._cells += epoch.cells
        self._overloaded += epoch.overloaded_cells

    def _verdict(self) -> Verdict:
        known = [limit for limit in self._limits if limit is not None]
        watch = Watch(
            tuple(self._ranges),
            tuple(self._watched),
            self._blind_s,
            max(known) if known else None,
            self._problems(),
        )
        return judge(self._kept, watch, self._profiles, self._settings.verdict)

    def _problems(self) -> tuple[str, ...]:
        share = self._overloaded / max(1, self._cells)
        if share > MAX_OVERLOAD:
            return (
                f"the receiver was overloaded for {share:.0%} of the time: reduce gain or "
                "attenuate, and record again",
            )
        if not any(self._watched):
            return ("no sample could be analysed: the data are missing, zero or not finite",)
        return ()
