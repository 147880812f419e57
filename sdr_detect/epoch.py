"""One stretch of the stream at one frequency and gain: the chain of stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdr_detect.detect.base import Setup
from sdr_detect.detect.find import make_detectors
from sdr_detect.detect.joined import joined
from sdr_detect.dsp.dwell import DwellBuffer, RawDwell
from sdr_detect.dsp.layout import make_layout
from sdr_detect.dsp.stft import Dwell
from sdr_detect.events import BurstEvent, Event, Incident, TrackEvent
from sdr_detect.features.lag import LagMeter
from sdr_detect.front import AHEAD_FROM_HZ, Ahead, Front, Prepared
from sdr_detect.incidents import JOIN_S, IncidentLog
from sdr_detect.model import Burst, FloatArray, Frame, Span, StreamInfo, Track
from sdr_detect.parts import name_parts
from sdr_detect.profiles.match import unknown, weigh_all
from sdr_detect.profiles.measured import Measured
from sdr_detect.profiles.schema import Profile
from sdr_detect.rawblock import Block
from sdr_detect.reasons import Judged, strongest
from sdr_detect.settings import Settings
from sdr_detect.watched import Stay

#: Matches shown with each track, and the log odds below which none is.
MATCHES_SHOWN = 4
LEAST_ODDS = -2.5


class DwellObserver(Protocol):
    """Looks at every dwell after the detectors, across retunes: occupancy, levels."""

    def observe(self, dwell: Dwell) -> list[Event]:
        """Take a dwell, which is not to be kept; events that it completes."""
        ...


class Epoch:
    """Everything between a block and its events, at one `StreamInfo`.

    Parameters
    ----------
    origin : int
        Where the first dwell starts: at the first sample of all epochs but the
        first, so that a short stay is one dwell, not two that it shares.
    retuned : bool
        Another frequency than before: what is lost at its start is the receiver
        settling.
    ahead : callable, optional
        Prepares a dwell elsewhere while the one before is finished here.
    """

    def __init__(
        self,
        info: StreamInfo,
        profiles: Sequence[Profile],
        settings: Settings,
        ids: Iterator[int],
        observers: Sequence[DwellObserver] = (),
        *,
        origin: int = 0,
        retuned: bool = False,
        ahead: Ahead | None = None,
    ) -> None:
        self.info = info
        self._observers = observers
        self.layout = make_layout(info, settings.frames)
        self._profiles = profiles
        self._retuned = retuned
        self._ahead = ahead if info.sample_rate_hz >= AHEAD_FROM_HZ else None
        self._waiting: Callable[[], Prepared] | None = None
        spares = int(self._ahead is not None)
        self._buffer = DwellBuffer(self.layout, origin, spares)
        meter = LagMeter(info.sample_rate_hz, settings.lag)
        self._idle_samples = round(settings.tracks.idle_s * info.sample_rate_hz)
        self.retired: list[Judged] = []
        self._detectors = make_detectors(Setup(info, self.layout, settings, meter, ids))
        self._front = Front(info, self.layout, self._detectors, spares)
        join = round(JOIN_S * info.sample_rate_hz)
        self._zeros = IncidentLog(
            "gap", "exact_zeros", "a recorder or driver filled missing samples with zeros", join
        )
        self._non_finite = IncidentLog(
            "health", "non_finite", "NaN, infinite or beyond 1e15, taken as missing", join
        )
        self._overload = IncidentLog(
            "overload", "clipping", "samples at full scale: reduce gain or attenuate", join
        )
        self.first_sample: int | None = None
        self.stop_sample = 0
        self.analysed_frames = 0
        self.blind_samples = 0
        #: Lost before the first sample: the receiver settled after a retune.
        self.retune_samples = 0
        #: Stretches listened to and not yet taken: start, stop, samples used of it.
        self._listened: list[tuple[int, int, int]] = []
        self.lost_samples = 0
        self.cells = 0
        self.overloaded_cells = 0
        self.dwells = 0
        self.energy_excess = 0.0
        self._noise_sum = 0.0
        self._noise_dwells = 0
        self.burst_count = 0
        self.frame: Frame | None = None
        self._last: Dwell | None = None
        #: Whitened energy and usable frames of the dwell with most of them.
        self.fullest: tuple[FloatArray, NDArray[np.bool_]] | None = None
        self._most_frames = 0

    def process(self, block: Block) -> Iterator[list[Event]]:
        """Events that ``block`` completes: of the gap before it, then of each dwell.

        Between two of them the epoch stands at the end of a dwell, wherever the
        stream was cut.
        """
        lost = self._lost(block)
        if lost:
            yield from self._caught_up()
            yield [self._gap(block, lost)]
        for raw in self._buffer.push(block):
            self.stop_sample = block.stop_sample
            for prepared in self._prepared(raw):
                yield self._finished(prepared)
        self.stop_sample = block.stop_sample
        if block.notices:
            yield from self._caught_up()

    def _prepared(self, raw: RawDwell) -> Iterator[Prepared]:
        """The dwell; or, where it is prepared elsewhere, meanwhile the one before."""
        if self._ahead is None:
            yield self._front(raw)
            return
        waiting, self._waiting = self._waiting, self._ahead(partial(self._front, raw))
        if waiting is not None:
            yield waiting()

    def _caught_up(self) -> Iterator[list[Event]]:
        """Events of the dwell that is being prepared elsewhere."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            stop_sample = self.stop_sample
            yield self._finished(waiting())
            self.stop_sample = stop_sample

    def _finished(self, prepared: Prepared) -> list[Event]:
        events = self._dwell(prepared)
        self.stop_sample = prepared.dwell.first_sample + self.layout.dwell_samples
        return events

    def _lost(self, block: Block) -> int:
        """Samples missing before a block: the index tells, whatever the source counted."""
        lost = block.lost_before
        if self.first_sample is None:
            self.first_sample = block.first_sample
        else:
            lost = max(lost, block.first_sample - self.stop_sample)
        return lost

    def _gap(self, block: Block, lost: int) -> Incident:
        self.lost_samples += lost
        span = Span(block.first_sample - lost, block.first_sample)
        if self._retuned and self.first_sample == block.first_sample:
            self.retune_samples += lost
            return Incident("gap", span, "retune", "discarded while the receiver settled")
        return Incident("gap", span, "lost_samples", "missing in the stream")

    def listened(self) -> list[Stay]:
        """What was listened to since the last call; nothing without an RF."""
        found, self._listened = self._listened, []
        edges = self.info.rf_range_hz
        if edges is None:
            return []
        seconds = self.info.seconds
        return [Stay(seconds(a), seconds(b), *edges, seconds(used)) for a, b, used in found]

    def finish(self) -> list[Event]:
        """Events of what is still held."""
        events: list[Event] = []
        for found in self._caught_up():
            events += found
        for raw in self._buffer.flush():
            events += self._dwell(self._front(raw))
        for detector in self._detectors:
            events += self._bursts(detector.finish(self._last, self.stop_sample))
        for log in (self._zeros, self._non_finite, self._overload):
            events += log.finish()
        return events + self._health()

    @property
    def analysed_s(self) -> float:
        """Time the detectors could use."""
        samples = min(self.analysed_frames * self.layout.hop, self._covered())
        return samples / self.info.sample_rate_hz

    @property
    def blind_s(self) -> float:
        """Time lost, zero-filled, not finite or hopelessly overloaded."""
        return (self.blind_samples + self.lost_samples) / self.info.sample_rate_hz

    @property
    def noise_dbfs_per_hz(self) -> float | None:
        """Density of the noise reference: median over the bins in use, mean over dwells.

        The median leaves out where the passband falls off.
        """
        if not self._noise_sum > 0:
            return None
        mean = self._noise_sum / self._noise_dwells
        return 10 * math.log10(mean / self.info.sample_rate_hz)

    @property
    def span(self) -> Span | None:
        """From the first sample to the last."""
        if self.first_sample is None or self.stop_sample <= self.first_sample:
            return None
        return Span(self.first_sample, self.stop_sample)

    def judged(self) -> list[Judged]:
        """Tracks still followed, measured and weighed against the profiles."""
        span = self.span
        if span is None:
            return []
        pairs = [pair for detector in self._detectors for pair in detector.tracks(span)]
        pairs = joined(pairs, self.info)
        return name_parts([self._weighed(track, measured) for track, measured in pairs])

    def _weighed(self, track: Track, measured: Measured) -> Judged:
        """A track with its level and its matches."""
        width_hz = track.freq_upper_hz - track.freq_lower_hz
        noise = self.noise_dbfs_per_hz
        if noise is not None and width_hz > 0:
            track = replace(track, power_dbfs=noise + 10 * math.log10(width_hz) + track.snr_db)
        return weigh_track(track, measured, self._profiles)

    def _covered(self) -> int:
        return 0 if self.first_sample is None else self.stop_sample - self.first_sample

    def _dwell(self, prepared: Prepared) -> list[Event]:
        dwell = prepared.dwell
        events: list[Event] = list(self._faults(dwell))
        events += [
            Incident(
                "health",
                Span(step.sample, step.sample + 1),
                "gain_step",
                f"level changed by {step.step_db:+.1f} dB and stayed: gain control, or an "
                "emission longer than 30 ms that fills the slice",
            )
            for step in prepared.steps
        ]
        for detector in self._detectors:
            events += self._bursts(detector.update(dwell))
        for observer in self._observers:
            events += observer.observe(dwell)
        self._account(dwell)
        return events + self._retire(dwell.first_sample - self._idle_samples)

    def _retire(self, before_sample: int) -> list[Event]:
        """Close tracks that have been idle, so that new emitters find room for weeks."""
        if before_sample <= 0:
            return []
        pairs = [pair for detector in self._detectors for pair in detector.retire(before_sample)]
        gone = [self._weighed(track, measured) for track, measured in joined(pairs, self.info)]
        self.retired = strongest([*self.retired, *gone])
        return [TrackEvent(judged.track, self.info) for judged in gone]

    def _bursts(self, bursts: Iterable[Burst]) -> list[Event]:
        found: list[Event] = [BurstEvent(burst, self.info) for burst in bursts]
        self.burst_count += len(found)
        return found

    def _faults(self, dwell: Dwell) -> list[Incident]:
        fine = self.layout.fine
        first = dwell.first_sample
        incidents = self._zeros.add(dwell.zeros, first, fine)
        incidents += self._non_finite.add(dwell.non_finite, first, fine)
        incidents += self._overload.add(dwell.overload, first, fine)
        return incidents

    def _account(self, dwell: Dwell) -> None:
        layout = self.layout
        self._last = dwell
        used = np.flatnonzero(dwell.frame_ok)
        if used.size:
            first = max(dwell.first_sample + int(used[0]) * layout.hop, self.first_sample or 0)
            stop = min(dwell.first_sample + int(used[-1] + 1) * layout.hop, self.stop_sample)
            share = used.size / (used[-1] + 1 - used[0])
            self._listened.append((first, stop, round((stop - first) * share)))
        if dwell.analysed_frames > self._most_frames:
            self._most_frames = dwell.analysed_frames
            self.fullest = dwell.energy, dwell.frame_ok
        self.dwells += 1
        self.analysed_frames += dwell.analysed_frames
        self.energy_excess = max(self.energy_excess, dwell.smallest_excess)
        real = min(
            dwell.lost.size, max(0, -(-(self.stop_sample - dwell.first_sample) // layout.fine))
        )
        self.cells += real
        self.overloaded_cells += int(np.count_nonzero(dwell.overload[:real]))
        blind = (dwell.zeros | dwell.non_finite)[:real]
        self.blind_samples += int(np.count_nonzero(blind)) * layout.fine
        if not dwell.analysed_frames:
            self.blind_samples += (
                int(np.count_nonzero(dwell.overload[:real] & ~blind)) * layout.fine
            )
        if dwell.analysed_frames:
            self._noise_sum += dwell.floor_level
            self._noise_dwells += 1
            shown = np.flatnonzero(dwell.frame_ok)[:: max(1, dwell.analysed_frames // 64)]
            mean = dwell.power[shown].mean(axis=0)
            self.frame = Frame(self.info, dwell.first_sample, mean, dwell.floor.copy())

    def _health(self) -> list[Event]:
        span = self.span
        if span is None:
            return []
        notes = [note for detector in self._detectors for note in detector.notes()]
        return [Incident("health", span, note.reason, note.detail) for note in notes]


def weigh_track(track: Track, measured: Measured, profiles: Sequence[Profile]) -> Judged:
    """A track with its matches, best first."""
    weighed = weigh_all(profiles, measured)
    shown = [w.match() for w in weighed[:MATCHES_SHOWN] if w.log_odds > LEAST_ODDS]
    nobody = unknown(weighed)
    if nobody is not None:
        shown.insert(0, nobody)
    return Judged(replace(track, matches=tuple(shown)), weighed)
