"""Bursts and carriers of what looks like one emitter, gathered over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scipy.special import pdtrc

from sdr_detect.detect.burst import Sighting
from sdr_detect.detect.slot_series import SlotSeries
from sdr_detect.dsp.layout import Layout
from sdr_detect.features.lag import LagMeter, LagSum
from sdr_detect.features.ofdm import OfdmSum
from sdr_detect.model import Flag, Span
from sdr_detect.settings import TrackSettings

#: Pulses narrower than this are a radar's or a transponder's, never OFDM: the
#: shortest piece of a terminal's burst is its 17.9 µs preamble.
PULSE_S = 9e-6

#: Bursts on either side of this duration are kept apart: no terminal's burst is
#: longer than a frame of 4/3 ms.
LONG_S = 1.5e-3

#: Bursts belong together when their bands share this part of their union.
BAND_OVERLAP = 0.4

#: A burst that fills this part of the slice is wider than the capture.
SLICE_SHARE = 0.6


@dataclass(slots=True, eq=False)
class BurstTrack:
    """Running state of a burst track. Lists are capped; sums are not lists."""

    id: int
    length: str
    fills_slice: bool
    lower_hz: float
    upper_hz: float
    head: LagSum
    body: LagSum
    ofdm: OfdmSum
    first_sample: int
    stop_sample: int
    count: int = 0
    on_samples: int = 0
    starts: list[int] = field(default_factory=list)
    durations_s: list[float] = field(default_factory=list)
    widths_s: list[float] = field(default_factory=list)
    snr_db: list[float] = field(default_factory=list)
    slots: SlotSeries = field(default_factory=SlotSeries)
    edge_count: int = 0
    flags: set[Flag] = field(default_factory=set)

    @property
    def span(self) -> Span:
        """From the first burst's start to the last one's end."""
        return Span(self.first_sample, self.stop_sample)


class Tracker:
    """Sorts bursts into tracks by band and by length."""

    def __init__(
        self, layout: Layout, settings: TrackSettings, meter: LagMeter, ids: Iterator[int]
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._meter = meter
        self._ids = ids
        self.tracks: list[BurstTrack] = []
        self.overflow = 0

    def add(self, sighting: Sighting) -> None:
        """Put one burst into its track, or open a new one."""
        burst = sighting.burst
        length = _length_class(burst.features["pulse_width_s"], burst.features["duration_s"])
        fills = burst.bandwidth_hz > SLICE_SHARE * self._layout.used_hz
        low, high = burst.detection.freq_lower_hz, burst.detection.freq_upper_hz
        track = next(
            (
                t
                for t in self.tracks
                if t.length == length and t.fills_slice == fills and _same_band(t, low, high)
            ),
            None,
        )
        if track is None:
            if len(self.tracks) >= self._settings.max_tracks:
                self.overflow += 1
                return
            track = self._open(sighting, length, fills)
        self._extend(track, sighting)

    def close_dwell(self) -> None:
        """Products of the next burst belong to another dwell."""
        for track in self.tracks:
            track.head.close_dwell()
            track.body.close_dwell()
            track.ofdm.close_dwell()

    def retire(self, before_sample: int) -> list[BurstTrack]:
        """Remove and return the tracks that ended before a sample."""
        idle = [t for t in self.tracks if t.stop_sample < before_sample]
        if idle:
            self.tracks = [t for t in self.tracks if t.stop_sample >= before_sample]
        return idle

    def _open(self, sighting: Sighting, length: str, fills: bool) -> BurstTrack:
        burst = sighting.burst
        body = self._meter.new_body_sum()
        track = BurstTrack(
            next(self._ids),
            length,
            fills,
            burst.detection.freq_lower_hz,
            burst.detection.freq_upper_hz,
            self._meter.new_head_sum(),
            body,
            OfdmSum(self._layout.sample_rate_hz, body, gated=True),
            burst.span.start_sample,
            burst.span.stop_sample,
        )
        self.tracks.append(track)
        return track

    def _extend(self, track: BurstTrack, sighting: Sighting) -> None:
        burst = sighting.burst
        track.count += 1
        share = 1 / min(track.count, 64)
        track.lower_hz += share * (burst.detection.freq_lower_hz - track.lower_hz)
        track.upper_hz += share * (burst.detection.freq_upper_hz - track.upper_hz)
        track.first_sample = min(track.first_sample, burst.span.start_sample)
        track.stop_sample = max(track.stop_sample, burst.span.stop_sample)
        track.on_samples += burst.span.sample_count
        track.edge_count += Flag.EDGE in burst.flags
        track.flags |= burst.flags - {Flag.EDGE}
        start_s = burst.span.start_sample / self._layout.sample_rate_hz
        track.slots.add(start_s, burst.detection.snr_db)
        if len(track.starts) < self._settings.max_bursts_kept:
            track.starts.append(burst.span.start_sample)
            track.durations_s.append(burst.features["duration_s"])
            track.widths_s.append(burst.features["pulse_width_s"])
            track.snr_db.append(burst.detection.snr_db)
        else:
            track.flags.add(Flag.CAPPED)
        if sighting.lags is not None:
            track.head.add(sighting.lags.head, sighting.lags.head_share)
            if sighting.lags.body is not None:
                track.body.add(sighting.lags.body)
            if sighting.lags.body_iq is not None:
                track.ofdm.add(sighting.lags.body_iq)


def _length_class(pulse_width_s: float, duration_s: float) -> str:
    if pulse_width_s < PULSE_S:
        return "pulse"
    return "long" if duration_s > LONG_S else "short"


def _same_band(track: BurstTrack, low_hz: float, high_hz: float) -> bool:
    if track.fills_slice:
        return True
    shared = min(track.upper_hz, high_hz) - max(track.lower_hz, low_hz)
    union = max(track.upper_hz, high_hz) - min(track.lower_hz, low_hz)
    return shared > BAND_OVERLAP * union


def chance_of(bursts: int, cells: float, pfa: float) -> float:
    """Probability that noise alone crosses the threshold ``bursts`` times in ``cells`` tests."""
    return 1.0 if bursts <= 0 else float(pdtrc(bursts - 1, cells * pfa))
