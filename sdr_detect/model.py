"""The types every layer speaks: streams, blocks, frames, bursts, tracks.

Frequencies are RF hertz unless named ``if_``; durations seconds; ratios dB;
spectra linear inside and dB at the edges; intervals half-open. A position is
an integer sample index; time is derived from it, in integers.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.plan import FrequencyPlan

ComplexArray = NDArray[np.complex64]
FloatArray = NDArray[np.float32]

NS_PER_S = 1_000_000_000


class Flag(enum.StrEnum):
    """Doubts that travel with a number. One registry, each with its meaning."""

    EDGE = "edge"
    CLIPPED = "clipped"
    GAP = "gap"
    TRUNCATED = "truncated"
    MERGED = "merged"
    NON_FINITE = "non_finite"
    CAPPED = "capped"
    RF_UNKNOWN = "rf_unknown"
    LOW_CN = "low_cn"
    NOISE_UNKNOWN = "noise_unknown"
    RESOLUTION = "resolution"
    UNCALIBRATED = "uncalibrated"


#: What each flag tells the reader of a report.
FLAG_MEANING: Mapping[Flag, str] = MappingProxyType(
    {
        Flag.EDGE: "energy reaches the edge of the capture: bandwidth is a lower bound",
        Flag.CLIPPED: "the receiver was overloaded: levels are lower bounds, shapes distorted",
        Flag.GAP: "samples were lost inside or next to it: duration is uncertain",
        Flag.TRUNCATED: "cut off by the start or end of the data, or by the longest burst kept",
        Flag.MERGED: "several emissions overlap and could not be separated",
        Flag.NON_FINITE: "NaN or infinite samples were replaced by zero inside it",
        Flag.CAPPED: "a limit on memory was reached: later members are counted, not kept",
        Flag.RF_UNKNOWN: "the centre frequency is not known: frequencies are offsets from it",
        Flag.LOW_CN: "too weak for this figure: it is left out, or the noise is in it",
        Flag.NOISE_UNKNOWN: "nothing tells the noise: it is not subtracted",
        Flag.RESOLUTION: "no wider than the resolution of the spectrum: an upper bound",
        Flag.UNCALIBRATED: "the receiver is not calibrated: no absolute level",
    }
)


@dataclass(frozen=True, slots=True)
class NoiseReference:
    """Noise of a slice as it was recorded off target, for the settings of a stream.

    Parameters
    ----------
    power : tuple of float
        Mean power of each short-time bin, ascending RF, in the scale of
        `dsp.stft.Dwell.power`.
    frames : int
        Frames behind each.
    shape, level : float
        Relative standard deviations, from one recording to another beyond thermal
        noise: of the ratio between two parts of the slice, and of the whole.
    """

    power: tuple[float, ...]
    frames: int
    shape: float
    level: float


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is constant over a stretch of samples.

    A retune or a gain change makes a new ``StreamInfo``; the sample index goes
    on.

    Parameters
    ----------
    stream_id : str
        Name of the recording or device.
    sample_rate_hz : float
        Actual rate, not the one asked for.
    center_hz : float or None
        RF of the slice's centre; None when it is not known.
    usable_hz : float or None
        Width of the analog passband around the centre; None means the whole
        sample rate.
    start_ns : int or None
        UTC of sample 0 in nanoseconds since 1970; None when not known.
    time_error_ns : int or None
        Bound on the error of ``start_ns``.
    clip_level : float or None
        |I| or |Q| at or above which the converter has saturated, in the units
        of the samples; None for float recordings, whose full scale is unknown.
    gain_db, dbm_offset_db : float or None
        Receiver gain as applied; what to add to dBFS to get dBm, if calibrated.
    plan : FrequencyPlan
        The converter between RF and the receiver.
    reference : NoiseReference or None
        What the slice shows off target, if a calibration tells.
    """

    stream_id: str
    sample_rate_hz: float
    center_hz: float | None = None
    usable_hz: float | None = None
    start_ns: int | None = None
    time_error_ns: int | None = None
    clip_level: float | None = None
    gain_db: float | None = None
    dbm_offset_db: float | None = None
    plan: FrequencyPlan = field(default_factory=FrequencyPlan)
    reference: NoiseReference | None = None

    def __post_init__(self) -> None:
        rate = self.sample_rate_hz
        if not (math.isfinite(rate) and 0 < rate <= 1e11):
            raise ValueError(f"sample rate {rate!r} Hz is not within (0, 1e11]")
        if self.center_hz is not None and not math.isfinite(self.center_hz):
            raise ValueError(f"centre frequency {self.center_hz!r} Hz is not finite")
        if self.usable_hz is not None and not 0 < self.usable_hz <= rate:
            raise ValueError(f"usable bandwidth {self.usable_hz!r} Hz is not within (0, {rate}]")

    @property
    def if_center_hz(self) -> float | None:
        """Where the receiver was tuned; None when the RF is unknown."""
        return None if self.center_hz is None else self.plan.if_from_rf(self.center_hz)

    @property
    def rf_range_hz(self) -> tuple[float, float] | None:
        """RF of the lower and upper edge of the usable slice."""
        if self.center_hz is None:
            return None
        half = (self.usable_hz or self.sample_rate_hz) / 2
        return self.center_hz - half, self.center_hz + half

    def seconds(self, sample: int) -> float:
        """Seconds from sample 0 to ``sample``."""
        return sample / self.sample_rate_hz

    def time_ns(self, sample: int) -> int | None:
        """UTC of a sample, rounded to the nanosecond.

        Integer arithmetic: float seconds are 219 ns out after a week.
        """
        if self.start_ns is None:
            return None
        return self.start_ns + round(sample * NS_PER_S / Fraction(self.sample_rate_hz))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a receiver tells of itself, other than lost samples.

    Parameters
    ----------
    reason : str
        One word, for example ``source_lost``.
    detail : str
        What is so, for a human.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class IQBlock:
    """A run of contiguous samples.

    Parameters
    ----------
    info : StreamInfo
    first_sample : int
        Index of ``samples[0]`` since the start of the stream. It equals the
        end of the previous block plus ``lost_before``.
    samples : (n,) complex64
        C-contiguous, read-only. Rising frequency is rising RF: a source
        conjugates samples of an inverting converter before they come here.
        Integer formats are scaled so that full scale is 1; float formats keep
        their own scale.
    lost_before : int
        Samples missing before this block, as far as the source can tell.
    notices : tuple of Notice
        What the receiver tells here. A receiver that is silent sends blocks
        without samples to tell why.
    """

    info: StreamInfo
    first_sample: int
    samples: ComplexArray
    lost_before: int = 0
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        if self.samples.dtype != np.complex64 or self.samples.ndim != 1:
            raise ValueError(
                f"samples are {self.samples.dtype}{self.samples.shape}, not complex64 (n,)"
            )
        check_place(self.first_sample, self.lost_before)
        self.samples.flags.writeable = False

    def fill(self, out: ComplexArray, first_sample: int) -> None:
        """Copy the samples from stream index ``first_sample`` on, as many as ``out`` takes."""
        at = first_sample - self.first_sample
        out[:] = self.samples[at : at + len(out)]

    @property
    def sample_count(self) -> int:
        """Samples in it."""
        return len(self.samples)

    @property
    def stop_sample(self) -> int:
        """Index after the last sample."""
        return self.first_sample + len(self.samples)

    @property
    def clipped(self) -> int:
        """Samples at or above the clip level (0 when the level is unknown)."""
        if self.info.clip_level is None:
            return 0
        flat = np.abs(self.samples.view(np.float32)).reshape(-1, 2).max(axis=1, initial=0)
        return int(np.count_nonzero(flat >= self.info.clip_level))


def check_place(first_sample: int, lost_before: int) -> None:
    """Refuse a block that lies before the stream's start, or lost more than there was.

    Raises
    ------
    ValueError
        It does.
    """
    if first_sample < 0 or lost_before < 0:
        raise ValueError("sample index and loss must not be negative")
    if lost_before > first_sample:
        raise ValueError(f"{lost_before} samples lost before sample {first_sample}: more than all")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open run of samples."""

    start_sample: int
    stop_sample: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_sample < self.stop_sample:
            raise ValueError(f"span [{self.start_sample}, {self.stop_sample}) is empty or negative")

    @property
    def sample_count(self) -> int:
        """Length in samples."""
        return self.stop_sample - self.start_sample


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One short-time spectrum, for display.

    Parameters
    ----------
    first_sample : int
    power, floor : (nfft,) float32
        Linear power per bin in ascending RF, and its noise reference.
    """

    info: StreamInfo
    first_sample: int
    power: FloatArray
    floor: FloatArray

    def __post_init__(self) -> None:
        if self.power.shape != self.floor.shape or self.power.ndim != 1:
            raise ValueError(f"power {self.power.shape} and floor {self.floor.shape} differ")


@dataclass(frozen=True, slots=True)
class Detection:
    """A region of the time-frequency plane that noise alone would not fill.

    ``pfa`` is the probability that noise crosses this detector's threshold in
    one test.
    """

    span: Span
    freq_lower_hz: float
    freq_upper_hz: float
    snr_db: float
    pfa: float

    def __post_init__(self) -> None:
        if not self.freq_lower_hz < self.freq_upper_hz:
            raise ValueError(f"{self.freq_lower_hz} Hz is not below {self.freq_upper_hz} Hz")
        if not 0 <= self.pfa <= 1:
            raise ValueError(f"Pfa {self.pfa!r} is not a probability")


@dataclass(frozen=True, slots=True)
class Burst:
    """One emission with a start and an end.

    Parameters
    ----------
    detection : Detection
        Where it is. Frequencies are RF, or offsets from the centre with
        `Flag.RF_UNKNOWN`.
    power_dbfs : float
        Mean in-band power while on, noise subtracted.
    features : mapping
        Numbers measured on it, units in the names.
    flags : frozenset of Flag
    """

    detection: Detection
    power_dbfs: float
    features: Mapping[str, float] = field(default_factory=dict)
    flags: frozenset[Flag] = frozenset()

    @property
    def span(self) -> Span:
        """Samples it covers."""
        return self.detection.span

    @property
    def bandwidth_hz(self) -> float:
        """Width of the region it fills inside the capture."""
        return self.detection.freq_upper_hz - self.detection.freq_lower_hz


@dataclass(frozen=True, slots=True)
class Match:
    """How well a track agrees with one emitter profile. "Consistent with", never "is".

    The profile ``unknown`` stands for an emitter that nobody described.
    """

    profile: str
    system: str
    role: str
    score: float
    structural: bool
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """Bursts, or a carrier, of what looks like one emitter.

    ``features`` maps a name with its unit to a number, a list or None (not
    measurable here). ``pfa`` is the probability that noise alone makes a track
    at least this significant in the analysed data. ``power_dbfs`` is its level while
    on, between its edges, noise subtracted; None where the noise is not known.
    """

    id: int
    kind: str
    span: Span
    freq_lower_hz: float
    freq_upper_hz: float
    burst_count: int
    duty_cycle: float | None
    burst_period_s: float | None
    snr_db: float
    pfa: float
    doppler_rate_hz_per_s: float | None
    features: Mapping[str, Any]
    matches: tuple[Match, ...] = ()
    flags: frozenset[Flag] = frozenset()
    power_dbfs: float | None = None

    def shares_band(self, other: Track) -> bool:
        """Whether more than half of the narrower band lies within the other."""
        shared = min(self.freq_upper_hz, other.freq_upper_hz) - max(
            self.freq_lower_hz, other.freq_lower_hz
        )
        narrower = min(t.freq_upper_hz - t.freq_lower_hz for t in (self, other))
        return shared > 0.5 * narrower
