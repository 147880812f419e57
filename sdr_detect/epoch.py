"""One stretch of the stream at one frequency and gain: the chain of stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from sdr_detect.detect.burst import BurstDetector, Sighting
from sdr_detect.detect.carrier import CarrierDetector
from sdr_detect.detect.track import Tracker
from sdr_detect.dsp.dwell import DwellBuffer, RawDwell
from sdr_detect.dsp.gain_step import remove_gain_steps
from sdr_detect.dsp.layout import make_layout
from sdr_detect.dsp.stft import Analyser, Dwell
from sdr_detect.events import BurstEvent, Event, Incident
from sdr_detect.features.lag import LagMeter
from sdr_detect.incidents import JOIN_S, IncidentLog
from sdr_detect.judge import Judged
from sdr_detect.measure import measure_bursts, measure_carrier, measure_stream
from sdr_detect.model import Frame, IQBlock, Span, StreamInfo, Track
from sdr_detect.profiles.match import weigh
from sdr_detect.profiles.measured import Measured
from sdr_detect.profiles.schema import Profile
from sdr_detect.settings import Settings

#: Dwells with an unsteady noise level, as a share, that are worth a word.
UNSTEADY_SHARE = 0.2
UNSTEADY = 1.6

#: Matches shown with each track, and the log odds below which none is.
MATCHES_SHOWN = 4
LEAST_ODDS = -2.5


class Epoch:
    """Everything between a block and its events, at one `StreamInfo`."""

    def __init__(
        self, info: StreamInfo, profiles: Sequence[Profile], settings: Settings, first_id: int
    ) -> None:
        self.info = info
        self.layout = make_layout(info, settings.frames)
        self._profiles = [p for p in profiles if p.enabled]
        self._settings = settings
        self._first_id = first_id
        self._buffer = DwellBuffer(self.layout)
        self._analyser = Analyser(self.layout)
        self._meter = LagMeter(info.sample_rate_hz, settings.lag)
        self.bursts = BurstDetector(
            self.layout, settings.burst, self._meter, settings.lag.bursts_per_dwell
        )
        self._tracker = Tracker(self.layout, settings.tracks, self._meter, first_id)
        self._carriers = CarrierDetector(
            info, settings.carrier, first_id + settings.tracks.max_tracks
        )
        self._stream = self._meter.new_body_sum()
        join = round(JOIN_S * info.sample_rate_hz)
        self._zeros = IncidentLog(
            "gap", "exact_zeros", "a recorder or driver filled missing samples with zeros", join
        )
        self._non_finite = IncidentLog(
            "health", "non_finite", "NaN or infinite samples, taken as missing", join
        )
        self._overload = IncidentLog(
            "overload", "clipping", "samples at full scale: reduce gain or attenuate", join
        )
        self.first_sample: int | None = None
        self.stop_sample = 0
        self.analysed_frames = 0
        self.blind_samples = 0
        self.lost_samples = 0
        self.cells = 0
        self.overloaded_cells = 0
        self.dwells = 0
        self.unsteady_dwells = 0
        self.energy_excess = 0.0
        self.burst_count = 0
        self.frame: Frame | None = None
        self._last: Dwell | None = None

    def process(self, block: IQBlock) -> list[Event]:
        """Events that ``block`` completes."""
        events: list[Event] = []
        if self.first_sample is None:
            self.first_sample = block.first_sample
        if block.lost_before:
            self.lost_samples += block.lost_before
            lost = Span(block.first_sample - block.lost_before, block.first_sample)
            events.append(Incident("gap", lost, "lost_samples", "missing in the stream"))
        self.stop_sample = block.stop_sample
        for raw in self._buffer.push(block):
            events += self._dwell(raw)
        return events

    def finish(self) -> list[Event]:
        """Events of what is still held."""
        events: list[Event] = []
        for raw in self._buffer.flush():
            events += self._dwell(raw)
        events += self._sightings(self.bursts.finish(self.info))
        self._tracker.close_dwell()
        if self._last is not None:
            self._carriers.finish(self._last.iq, self.stop_sample)
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
    def span(self) -> Span | None:
        """From the first sample to the last."""
        if self.first_sample is None or self.stop_sample <= self.first_sample:
            return None
        return Span(self.first_sample, self.stop_sample)

    def judged(self) -> list[Judged]:
        """All tracks, measured and weighed against the profiles."""
        settings = self._settings
        cells = float(self.analysed_frames) * 2 * self.layout.subbands
        pairs = [
            measure_bursts(
                track,
                self.info,
                self.layout.fine,
                cells,
                settings.burst.pfa,
                settings.lag.pfa,
            )
            for track in self._tracker.tracks
        ]
        pairs += [measure_carrier(track, self.info) for track in self._carriers.tracks]
        if self.span is not None:
            stream_id = self._first_id + settings.tracks.max_tracks + settings.carrier.max_carriers
            stream = measure_stream(stream_id, self._stream, self.info, self.span, settings.lag.pfa)
            if stream is not None:
                pairs.append(stream)
        return [self._weigh(track, measured) for track, measured in pairs]

    def _covered(self) -> int:
        return 0 if self.first_sample is None else self.stop_sample - self.first_sample

    def _weigh(self, track: Track, measured: Measured) -> Judged:
        weighed = sorted(
            (weigh(profile, measured) for profile in self._profiles),
            key=lambda w: (-w.log_odds, w.profile.id),
        )
        shown = tuple(w.match() for w in weighed[:MATCHES_SHOWN] if w.log_odds > LEAST_ODDS)
        return Judged(replace(track, matches=shown), tuple(weighed))

    def _dwell(self, raw: RawDwell) -> list[Event]:
        dwell = self._analyser.analyse(raw, self.info)
        events: list[Event] = list(self._faults(dwell))
        events += [
            Incident(
                "health",
                Span(step.sample, step.sample + 1),
                "gain_step",
                f"level changed by {step.step_db:+.1f} dB and stayed: gain control, or an "
                "emission longer than 30 ms that fills the slice",
            )
            for step in remove_gain_steps(dwell)
        ]
        sightings = self.bursts.update(dwell)
        events += self._sightings(sightings)
        self._tracker.close_dwell()
        self._carriers.update(dwell)
        self._add_stream(dwell)
        self._account(dwell)
        return events

    def _sightings(self, sightings: Iterable[Sighting]) -> list[Event]:
        events: list[Event] = []
        for sighting in sightings:
            self._tracker.add(sighting)
            self.burst_count += 1
            events.append(BurstEvent(sighting.burst, self.info))
        return events

    def _faults(self, dwell: Dwell) -> list[Incident]:
        fine = self.layout.fine
        first = dwell.first_sample
        incidents = self._zeros.add(dwell.zeros, first, fine)
        incidents += self._non_finite.add(dwell.non_finite, first, fine)
        incidents += self._overload.add(dwell.overload, first, fine)
        return incidents

    def _add_stream(self, dwell: Dwell) -> None:
        """Correlate a stretch in which no burst stands out and nothing is missing."""
        start, stop = _longest_run(dwell.frame_ok & ~self.bursts.active)
        hop = self.layout.hop
        correlation = self._meter.stream(dwell.iq[start * hop : stop * hop])
        if correlation is None:
            start, stop = _longest_run(dwell.frame_ok)
            correlation = self._meter.stream(dwell.iq[start * hop : stop * hop])
        if correlation is not None:
            self._stream.add(correlation)
            self._stream.close_dwell()

    def _account(self, dwell: Dwell) -> None:
        layout = self.layout
        self._last = dwell
        self.dwells += 1
        self.analysed_frames += dwell.analysed_frames
        self.unsteady_dwells += self.bursts.unsteadiness > UNSTEADY
        self.energy_excess = max(self.energy_excess, self.bursts.smallest_excess)
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
            shown = np.flatnonzero(dwell.frame_ok)[:: max(1, dwell.analysed_frames // 64)]
            mean = dwell.power[shown].mean(axis=0)
            self.frame = Frame(self.info, dwell.first_sample, mean, dwell.floor.copy())

    def _health(self) -> list[Event]:
        if self.span is None:
            return []
        notes: list[tuple[str, str]] = []
        if self.unsteady_dwells > UNSTEADY_SHARE * max(1, self.dwells):
            notes.append(
                (
                    "unsteady_noise",
                    f"in {self.unsteady_dwells} of {self.dwells} dwells the level fluctuates more "
                    "than receiver noise does; thresholds were raised accordingly",
                )
            )
        if self.bursts.dropped:
            notes.append(
                ("bursts_capped", f"{self.bursts.dropped} bursts beyond the cap per dwell")
            )
        if self._carriers.spurs:
            notes.append(
                (
                    "weak_tones",
                    f"{self._carriers.spurs} tones 20 dB and more below the strongest carrier "
                    "were taken for the receiver's own spurs",
                )
            )
        overflow = self._tracker.overflow + self._carriers.overflow
        if overflow:
            notes.append(("tracks_capped", f"{overflow} bursts or carriers beyond the track cap"))
        return [Incident("health", self.span, reason, detail) for reason, detail in notes]


def _longest_run(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, int]:
    """Start and stop of the longest run of set entries; (0, 0) if none is set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.view(np.int8), [0])))).reshape(-1, 2)
    if not edges.size:
        return 0, 0
    best = int(np.argmax(edges[:, 1] - edges[:, 0]))
    return int(edges[best, 0]), int(edges[best, 1])
