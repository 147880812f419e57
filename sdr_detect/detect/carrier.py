"""Detector: steady carriers and tones inside the slice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.carrier_search import (
    CarrierLine,
    centroid_hz,
    drop_images,
    find_carriers,
    is_steady,
    join_comb,
)
from sdr_detect.detect.measuring import Features, measured, public_features, stated_pfa
from sdr_detect.dsp.stft import Dwell, quiet_floor
from sdr_detect.features.drift import drift_of
from sdr_detect.features.symbol_rate import SymbolRate
from sdr_detect.model import Burst, ComplexArray, Flag, FloatArray, Span, StreamInfo, Track
from sdr_detect.profiles.measured import Measured

#: After the bursts; it needs nothing from them.
ORDER = 20

#: Frames looked at in each dwell: enough for a quantile, cheap at any rate.
FRAMES = 64

#: Frames that do not overlap, at least, before a quantile over time means anything.
LEAST_FRAMES = 24

#: Tones this far below the strongest one are the receiver's own spurs.
SPUR_DB = 20.0

#: Dwells of a window whose spectra are kept, and points of a drift line.
MAX_PARTS = 32
MAX_POINTS = 4096

#: A symbol-rate line counts when noise shows one this rarely.
LINE_PFA = 1e-8

#: A drift counts when it is this many times its own error.
DRIFT_SIGMAS = 4.0


@dataclass(slots=True, eq=False)
class CarrierTrack:
    """Running state of one carrier."""

    id: int
    offset_hz: float
    lower_hz: float
    upper_hz: float
    first_sample: int
    stop_sample: int
    tone: bool
    cn_db: float
    half_power_hz: float
    times_s: list[float] = field(default_factory=list)
    offsets_hz: list[float] = field(default_factory=list)
    windows: int = 0
    pfa: float = 1.0
    symbols: SymbolRate | None = None
    flags: set[Flag] = field(default_factory=set)


class CarrierDetector:
    """Averages quiet spectra over a window, finds carriers, follows them."""

    def __init__(self, setup: Setup) -> None:
        info = setup.info
        self._info = info
        self._settings = setup.settings.carrier
        self._ids = setup.ids
        rate = info.sample_rate_hz
        self._nfft = 1 << int(np.clip(round(np.log2(rate / self._settings.resolution_hz)), 8, 12))
        window = np.hanning(self._nfft + 1)[:-1]
        self._window = (window / np.sqrt(np.sum(window**2))).astype(np.float32)
        self._sum = np.zeros(self._nfft)
        self._dwells = 0
        self._frames = 0
        self._started_at = 0
        self._parts: list[tuple[float, FloatArray]] = []
        self._latest: FloatArray = np.empty((0, self._nfft), np.float32)
        self._tracks: list[CarrierTrack] = []
        self._overflow = 0
        self._spurs = 0

    @property
    def resolution_hz(self) -> float:
        """Distance of two bins."""
        return self._info.sample_rate_hz / self._nfft

    def update(self, dwell: Dwell) -> list[Burst]:
        """Add a dwell; evaluate when a window is full."""
        if not self._dwells:
            self._started_at = dwell.first_sample
        power = self._spectra(dwell)
        floor = quiet_floor(power, np.ones(len(power), bool)) if len(power) else None
        if floor is None:
            return []
        self._latest = power
        if len(self._parts) < MAX_PARTS:
            middle = dwell.first_sample + dwell.layout.dwell_samples / 2
            self._parts.append((middle / self._info.sample_rate_hz, floor))
        self._sum += floor
        self._dwells += 1
        self._frames += len(power)
        stop = dwell.first_sample + dwell.layout.dwell_samples
        if (stop - self._started_at) / self._info.sample_rate_hz >= self._settings.window_s:
            self._evaluate(dwell.iq, stop)
        return []

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Evaluate what the last window, or a short recording, left."""
        if self._dwells and last is not None:
            self._evaluate(last.iq, stop_sample)
        return []

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """Tracks of carriers and tones."""
        return [_measured_track(track, self._info) for track in self._tracks]

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """Carriers that have gone."""
        idle = [t for t in self._tracks if t.stop_sample < before_sample]
        self._tracks = [t for t in self._tracks if t.stop_sample >= before_sample]
        return [_measured_track(track, self._info) for track in idle]

    def notes(self) -> list[Note]:
        """Spurs left out and caps."""
        notes = []
        if self._spurs:
            notes.append(
                Note(
                    "weak_tones",
                    f"{self._spurs} tones {SPUR_DB:.0f} dB and more below the strongest carrier "
                    "were taken for the receiver's own spurs",
                )
            )
        if self._overflow:
            notes.append(Note("carriers_capped", f"{self._overflow} carriers beyond the cap"))
        return notes

    def _spectra(self, dwell: Dwell) -> FloatArray:
        """(frames, nfft) powers, ascending frequency, of frames without a fault."""
        nfft = self._nfft
        hop = dwell.layout.hop
        bad = np.concatenate(([0], np.cumsum(~dwell.frame_ok)))
        # The last frame that starts inside reaches one hop further.
        need = max(1, nfft // hop - 1)
        first = np.arange(max(0, dwell.layout.frames - need + 1))
        whole = first[bad[first + need] == bad[first]]
        if whole.size * hop < LEAST_FRAMES * nfft:
            return np.empty((0, nfft), np.float32)
        starts = whole[np.unique(np.linspace(0, whole.size - 1, FRAMES).astype(int))] * hop
        frames = np.stack([dwell.iq[s : s + nfft] * self._window for s in starts])
        spectra = scipy.fft.fftshift(scipy.fft.fft(frames, axis=1, overwrite_x=True), axes=1)
        power: FloatArray = spectra.real**2 + spectra.imag**2
        return power

    def _evaluate(self, iq: ComplexArray, stop_sample: int) -> None:
        level = self._sum / self._dwells
        found = find_carriers(level, self._frames, self._settings, self._info)
        found = [c for c in drop_images(found, level.size) if is_steady(self._latest, c)]
        found = join_comb(found)
        strongest = max((c.level_db for c in found), default=0.0)
        real = [c for c in found if not c.tone or c.level_db > strongest - SPUR_DB]
        self._spurs += len(found) - len(real)
        for carrier in real:
            track = self._follow(carrier, stop_sample)
            if track is None:
                continue
            for seconds, floor in self._parts:
                if len(track.times_s) < MAX_POINTS:
                    track.times_s.append(seconds)
                    track.offsets_hz.append(centroid_hz(floor, carrier, self.resolution_hz))
            if track.symbols is not None:
                track.symbols.add(iq)
        self._parts.clear()
        self._sum[:] = 0
        self._dwells = self._frames = 0

    def _follow(self, found: CarrierLine, stop_sample: int) -> CarrierTrack | None:
        info, step = self._info, self.resolution_hz
        centre = info.center_hz or 0.0
        low = centre + (found.low - self._nfft // 2 - 0.5) * step
        high = centre + (found.high - self._nfft // 2 + 0.5) * step
        near = 3 * step + 0.25 * (high - low)
        track = next(
            (
                t
                for t in self._tracks
                if abs(t.offset_hz - found.offset_hz) < near and t.tone == found.tone
            ),
            None,
        )
        if track is None:
            if len(self._tracks) >= self._settings.max_carriers:
                self._overflow += 1
                return None
            track = CarrierTrack(
                next(self._ids),
                found.offset_hz,
                low,
                high,
                self._started_at,
                stop_sample,
                found.tone,
                found.cn_db,
                found.half_power_bins * step,
            )
            if not (found.tone or found.comb):
                track.symbols = SymbolRate(
                    info.sample_rate_hz, low - centre, high - centre, track.half_power_hz
                )
            self._tracks.append(track)
            if found.low <= 2 or found.high >= self._nfft - 3:
                track.flags.add(Flag.EDGE)
            if info.center_hz is None:
                track.flags.add(Flag.RF_UNKNOWN)
        track.windows += 1
        track.offset_hz = found.offset_hz
        track.lower_hz += (low - track.lower_hz) / track.windows
        track.upper_hz += (high - track.upper_hz) / track.windows
        track.cn_db += (found.cn_db - track.cn_db) / track.windows
        track.stop_sample = stop_sample
        track.pfa = self._settings.pfa**track.windows
        return track


def _measured_track(track: CarrierTrack, info: StreamInfo) -> tuple[Track, Measured]:
    drift = drift_of(track.times_s, track.offsets_hz)
    cut_off = Flag.EDGE in track.flags
    symbol = None if track.symbols is None else track.symbols.result()
    lined = symbol is not None and symbol.pfa < LINE_PFA
    features: Features = {
        "bandwidth_hz": None if cut_off else track.upper_hz - track.lower_hz,
        "symbol_rate_hz": symbol.symbol_rate_hz if symbol is not None and lined else None,
        "symbol_rate_hz_pfa": stated_pfa(symbol.pfa) if symbol is not None and lined else None,
        "bandwidth_3db_hz": None if cut_off else track.half_power_hz,
        "symbol_rate_per_bandwidth": symbol.symbol_rate_hz / track.half_power_hz
        if symbol is not None and lined and not cut_off
        else None,
        "doppler_rate_hz_per_s": None if drift is None else drift[0],
        "continuous": True,
        "tone": track.tone,
        "fills_slice": False,
        "drift_rising": None
        if drift is None or abs(drift[0]) < DRIFT_SIGMAS * drift[1]
        else drift[0] > 0,
    }
    public = Track(
        track.id,
        "tone" if track.tone else "carrier",
        Span(track.first_sample, track.stop_sample),
        track.lower_hz,
        track.upper_hz,
        0,
        1.0,
        None,
        track.cn_db,
        stated_pfa(track.pfa),
        None if drift is None else drift[0],
        {
            **public_features(features, {}, 0.0),
            "center_hz": (info.center_hz or 0.0) + track.offset_hz,
            "doppler_rate_sigma_hz_per_s": None if drift is None else drift[1],
        },
        (),
        frozenset(track.flags),
    )
    return public, measured(info, (track.lower_hz, track.upper_hz), features)


def detector(setup: Setup) -> CarrierDetector:
    """Make one."""
    return CarrierDetector(setup)
