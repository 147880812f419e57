"""What is kept about one carrier, and the track it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdr_detect.detect.measuring import Features, measured, public_features, stated_pfa
from sdr_detect.features.drift import Drift, drift_class, drift_of, is_rising
from sdr_detect.features.symbol_rate import SymbolRate
from sdr_detect.features.tone_phase import TonePhase
from sdr_detect.model import Flag, Span, StreamInfo, Track
from sdr_detect.profiles.measured import Measured
from sdr_detect.settings import CarrierSettings

#: A symbol-rate line counts when noise shows one this rarely.
LINE_PFA = 1e-8


#: Bins across the -3 dB points from which the width is known to a tenth. Pilots
#: and other lines of OFDM, a few bins wide, beat at some rate near their width.
LEAST_WIDTH = 10


@dataclass(slots=True, eq=False)
class CarrierTrack:
    """Running state of one carrier; none has been reported while ``windows`` is 0."""

    offset_hz: float
    lower_hz: float
    upper_hz: float
    first_sample: int
    stop_sample: int
    tone: bool
    cn_db: float
    half_power_hz: float
    resolution_hz: float
    id: int = 0
    times_s: list[float] = field(default_factory=list)
    offsets_hz: list[float] = field(default_factory=list)
    windows: int = 0
    frames: int = 0
    pfa: float = 1.0
    symbols: SymbolRate | None = None
    phase: TonePhase | None = None
    flags: set[Flag] = field(default_factory=set)

    @property
    def now_hz(self) -> float:
        """Where it was last, relative to the slice's centre."""
        latest = None if self.phase is None else self.phase.frequency_hz
        return self.offset_hz if latest is None else latest

    def drift(self) -> Drift | None:
        """From a tone's phase if it could be followed, else from centres of gravity."""
        fine = None if self.phase is None else self.phase.drift()
        return fine or drift_of(self.times_s, self.offsets_hz)

    def measured(self, info: StreamInfo, settings: CarrierSettings) -> tuple[Track, Measured]:
        """The track as it is published, and as claims see it."""
        drift = self.drift()
        heading = drift_class(drift, settings)
        cut_off = Flag.EDGE in self.flags
        symbol = None if self.symbols is None else self.symbols.result()
        if symbol is not None and symbol.pfa >= LINE_PFA:
            symbol = None
        features: Features = {
            "bandwidth_hz": None if cut_off else self.upper_hz - self.lower_hz,
            "symbol_rate_hz": None if symbol is None else symbol.symbol_rate_hz,
            "symbol_rate_sigma_hz": None if symbol is None else symbol.sigma_hz,
            "symbol_rate_hz_pfa": None if symbol is None else stated_pfa(symbol.pfa),
            "bandwidth_3db_hz": None if cut_off else self.half_power_hz,
            "symbol_rate_per_bandwidth": None
            if symbol is None or cut_off or self.half_power_hz < LEAST_WIDTH * self.resolution_hz
            else symbol.symbol_rate_hz / self.half_power_hz,
            "doppler_rate_hz_per_s": None if drift is None else drift.rate_hz_per_s,
            "doppler_rate_hz_per_s_doubt": None if drift is None else drift.doubt_hz_per_s,
            "continuous": True,
            "tone": self.tone,
            "fills_slice": False,
            "drift_rising": is_rising(heading),
        }
        public = Track(
            self.id,
            "tone" if self.tone else "carrier",
            Span(self.first_sample, self.stop_sample),
            self.lower_hz,
            self.upper_hz,
            0,
            1.0,
            None,
            self.cn_db,
            stated_pfa(self.pfa),
            None if drift is None else drift.rate_hz_per_s,
            {
                **public_features(features, {}, 0.0),
                "center_hz": (info.center_hz or 0.0) + self.offset_hz,
                "doppler_rate_sigma_hz_per_s": None if drift is None else drift.sigma_hz_per_s,
                "drift_class": heading,
            },
            (),
            frozenset(self.flags),
        )
        return public, measured(info, (self.lower_hz, self.upper_hz), features)
