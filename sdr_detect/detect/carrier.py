"""Detector: steady carriers and tones inside the slice."""

from __future__ import annotations

from collections import deque

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.carrier_average import QuietAverage, QuietDwell, QuietFrames
from sdr_detect.detect.carrier_search import (
    CarrierLine,
    centroid_hz,
    drop_images,
    find_carriers,
    join_comb,
)
from sdr_detect.detect.carrier_steady import is_steady
from sdr_detect.detect.carrier_track import CarrierTrack
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.symbol_rate import MAX_LOOKS, SymbolRate
from sdr_detect.features.tone_phase import TonePhase
from sdr_detect.model import Burst, Flag, Span, Track
from sdr_detect.profiles.measured import Measured

#: After the bursts: it looks at the frames that they leave.
ORDER = 20

#: Tones and faint lines this far below the strongest one are the receiver's own:
#: spurs, products and phase noise.
SPUR_DB = 20.0
FAINT_DB = 3.0

#: Points of a drift line.
MAX_POINTS = 4096

#: Tones whose phase is followed.
MAX_PHASES = 4

#: A symbol clock sought in a band that turns out to be off by this share of its
#: width is sought again.
BAND_OFF = 0.25

#: Carriers, and what is taken for the receiver's own spurs.
_Found = tuple[list[CarrierLine], list[CarrierLine]]


class CarrierDetector:
    """Averages quiet spectra over a window, finds carriers, follows them.

    The first dwell is looked at by itself too: what stands out already is
    followed from there, and reported once a whole window shows it.
    """

    def __init__(self, setup: Setup) -> None:
        self._info = setup.info
        self._settings = setup.settings.carrier
        self._ids = setup.ids
        self._frames = QuietFrames(self._info.sample_rate_hz, self._settings.resolution_hz)
        self._nfft = self._frames.nfft
        self._average = QuietAverage(self._nfft)
        self._prepared: deque[QuietDwell | None] = deque()
        # Bins of tones, from each update to the second dwell after: the first after
        # may be prepared while that update is at work.
        self._asked: deque[tuple[int, ...]] = deque([(), ()])
        self._started_at = 0
        self._looked = False
        self._found: _Found | None = None
        self._tracks: list[CarrierTrack] = []
        self._overflow = 0
        self._spurs = 0

    @property
    def resolution_hz(self) -> float:
        """Distance of two bins."""
        return self._frames.step_hz

    def prepare(self, dwell: Dwell) -> None:
        """Take the spectra of the dwell's quiet time."""
        self._prepared.append(self._frames.of(dwell, self._asked.popleft()))

    def update(self, dwell: Dwell) -> list[Burst]:
        """Add a dwell; evaluate when a window is full."""
        self._asked.append(tuple(sorted({self._bin(t) for t in self._tones()})))
        if not self._average.frames:
            self._started_at = dwell.first_sample
        quiet = self._prepared.popleft()
        if quiet is None:
            return []
        self._average.add(quiet)
        self._go_on(dwell, quiet)
        self._found = None
        stop = dwell.first_sample + dwell.layout.dwell_samples
        if not self._looked:
            self._looked = True
            self._found = self._find()
            for line in self._found[0]:
                self._start(line, stop)
            # In the same dwell, now that there is something to follow.
            self._go_on(dwell, quiet)
        if (stop - self._started_at) / self._info.sample_rate_hz >= self._settings.window_s:
            self._evaluate(dwell, stop)
        return []

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Evaluate what the last window, or a short recording, left."""
        if self._average.frames and last is not None:
            self._evaluate(last, stop_sample)
        return []

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """Tracks of carriers and tones."""
        return self._measured(self._tracks)

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """Carriers that have gone."""
        idle = [t for t in self._tracks if t.stop_sample < before_sample]
        self._tracks = [t for t in self._tracks if t.stop_sample >= before_sample]
        return self._measured(idle)

    def notes(self) -> list[Note]:
        """Spurs left out and caps."""
        notes = []
        if self._spurs:
            notes.append(
                Note(
                    "weak_tones",
                    f"{self._spurs} tones and faint lines {SPUR_DB:.0f} dB and more below the "
                    "strongest carrier were taken for the receiver's own spurs",
                )
            )
        if self._overflow:
            notes.append(Note("carriers_capped", f"{self._overflow} carriers beyond the cap"))
        return notes

    def _measured(self, tracks: list[CarrierTrack]) -> list[tuple[Track, Measured]]:
        return [t.measured(self._info, self._settings) for t in tracks if t.windows]

    def _go_on(self, dwell: Dwell, quiet: QuietDwell) -> None:
        """Follow tones and symbol clocks in a dwell."""
        tones = self._tones()
        bins = [self._bin(t) for t in tones]
        series = self._frames.series(dwell, quiet, bins)
        for tone, at, part in zip(tones, bins, series, strict=True):
            if tone.phase is not None:
                at_hz = (at - self._nfft // 2) * self.resolution_hz
                tone.phase.add(part.times_s, part.values, at_hz)
        for track in self._tracks:
            if track.symbols is not None and track.symbols.looks < MAX_LOOKS:
                track.symbols.add(dwell.iq, dwell.first_sample)

    def _tones(self) -> list[CarrierTrack]:
        """Those whose phase is followed."""
        return [t for t in self._tracks if t.phase is not None]

    def _bin(self, tone: CarrierTrack) -> int:
        """Where a tone is now, counted in ascending frequency."""
        at = round(tone.now_hz / self.resolution_hz) + self._nfft // 2
        return min(max(at, 0), self._nfft - 1)

    def _find(self) -> _Found:
        """Carriers in the average so far, and what is taken for the receiver's own spurs."""
        average, freedom = self._average, self._frames.freedom
        found = find_carriers(average.level, average.frames, freedom, self._settings, self._info)
        found = [
            c
            for c in drop_images(found, self._nfft)
            if is_steady(average.latest, average.blocks, freedom, c)
        ]
        found = join_comb(found)
        strongest = max((c.level_db for c in found), default=0.0)
        real = [
            c
            for c in found
            if c.level_db > strongest - SPUR_DB or not (c.tone or c.cn_db < FAINT_DB)
        ]
        return real, [c for c in found if c not in real]

    def _evaluate(self, dwell: Dwell, stop_sample: int) -> None:
        # A stay of one dwell was looked at already.
        real, spurs = self._found or self._find()
        self._found = None
        self._spurs += len(spurs)
        for line in real:
            track = self._follow(line, stop_sample)
            if track is None:
                continue
            for block in self._average.blocks:
                if len(track.times_s) < MAX_POINTS:
                    track.times_s.append(block.time_s)
                    track.offsets_hz.append(centroid_hz(block.power, line, self.resolution_hz))
            if track.symbols is not None and not 0 < track.symbols.looks < MAX_LOOKS:
                track.symbols.add(dwell.iq, dwell.first_sample)
        self._tracks = [t for t in self._tracks if t.windows]
        self._average.reset()

    def _edges_hz(self, line: CarrierLine) -> tuple[float, float]:
        """Edges of a line relative to the slice's centre."""
        half = self._nfft // 2
        return (line.low - half - 0.5) * self.resolution_hz, (
            line.high - half + 0.5
        ) * self.resolution_hz

    def _start(self, line: CarrierLine, stop_sample: int) -> CarrierTrack | None:
        if len(self._tracks) >= self._settings.max_carriers:
            self._overflow += 1
            return None
        low, high = self._edges_hz(line)
        centre = self._info.center_hz or 0.0
        track = CarrierTrack(
            line.offset_hz,
            centre + low,
            centre + high,
            self._started_at,
            stop_sample,
            line.tone,
            line.cn_db,
            line.half_power_bins * self.resolution_hz,
            self.resolution_hz,
        )
        if line.tone and sum(t.phase is not None for t in self._tracks) < MAX_PHASES:
            track.phase = TonePhase()
        track.symbols = self._new_symbols(line)
        if line.low <= 2 or line.high >= self._nfft - 3:
            track.flags.add(Flag.EDGE)
        if self._info.center_hz is None:
            track.flags.add(Flag.RF_UNKNOWN)
        self._tracks.append(track)
        return track

    def _new_symbols(self, line: CarrierLine) -> SymbolRate | None:
        if line.tone or line.comb:
            return None
        return SymbolRate(
            self._info.sample_rate_hz,
            *self._edges_hz(line),
            line.half_power_bins * self.resolution_hz,
        )

    def _follow(self, line: CarrierLine, stop_sample: int) -> CarrierTrack | None:
        low, high = self._edges_hz(line)
        near = 3 * self.resolution_hz + 0.25 * (high - low)
        track = next(
            (
                t
                for t in self._tracks
                if t.tone == line.tone
                and min(abs(t.offset_hz - line.offset_hz), abs(t.now_hz - line.offset_hz)) < near
            ),
            None,
        ) or self._start(line, stop_sample)
        if track is None:
            return None
        if not track.windows:
            track.id = next(self._ids)
            self._confirm(track, line)
        track.windows += 1
        track.frames += self._average.frames
        # The last window may be a short one, and knows that much less.
        share = self._average.frames / track.frames
        track.offset_hz = line.offset_hz
        centre = self._info.center_hz or 0.0
        track.lower_hz += (centre + low - track.lower_hz) * share
        track.upper_hz += (centre + high - track.upper_hz) * share
        track.cn_db += (line.cn_db - track.cn_db) * share
        track.stop_sample = stop_sample
        track.pfa = self._settings.pfa**track.windows
        return track

    def _confirm(self, track: CarrierTrack, line: CarrierLine) -> None:
        """Take the width from a whole window; a clock sought in the wrong band starts anew."""
        width = line.half_power_bins * self.resolution_hz
        if abs(width - track.half_power_hz) > BAND_OFF * width:
            track.half_power_hz = width
            track.symbols = self._new_symbols(line)


def detector(setup: Setup) -> CarrierDetector:
    """Make one."""
    return CarrierDetector(setup)
