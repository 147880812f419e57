"""What the pipeline says, and its JSON form (the contract's JSON Lines)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sdr_detect.model import Burst, Flag, Span, StreamInfo, Track
from sdr_detect.watched import ChannelWatch, Stay

VerdictWord = Literal["detected", "not_detected", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that made the receiver blind or doubtful for a while.

    ``kind`` is ``gap`` (samples missing), ``overload`` (converter saturated)
    or ``health`` (anything else worth telling).
    """

    kind: Literal["gap", "overload", "health"]
    span: Span
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BurstEvent:
    """A burst that has ended."""

    burst: Burst
    info: StreamInfo


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """A track that is complete, with its matches."""

    track: Track
    info: StreamInfo


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another explanation that was weighed."""

    system: str
    profile: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Stated:
    """A number with its expanded uncertainty (k = 2), which is None where it is not known."""

    value: float
    expanded: float | None


@dataclass(frozen=True, slots=True)
class PhysicalLimit:
    """The detection limit of a calibrated receiver.

    Parameters
    ----------
    dbm : Stated
        Power at the antenna's port in the analysed bandwidth.
    pfd_dbw_m2 : Stated or None
        Flux density there in the same bandwidth; None without an antenna.
    eirp_dbm : Stated or None
        Towards here, over the whole channel; None without a distance.
    channel_hz : float
        Width of that channel.
    """

    dbm: Stated
    pfd_dbw_m2: Stated | None
    eirp_dbm: Stated | None
    channel_hz: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one answer for a recording or a watch.

    ``detected`` means an emission consistent with a *user terminal*. Absence
    is never "off": ``not_detected`` carries a detection limit and a
    probability of intercept; that is None when the recording's centre
    frequency is not known. ``noise_dbfs_per_hz`` and ``bandwidth_hz`` are what the
    limit refers to; ``physical`` is the limit where the receiver is calibrated.
    """

    verdict: VerdictWord
    system: str | None
    confidence: float
    pfa: float
    detection_limit_db: float | None
    poi: float | None
    analysed_s: float
    blind_s: float
    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = field(default_factory=tuple)
    noise_dbfs_per_hz: float | None = None
    bandwidth_hz: float | None = None
    physical: PhysicalLimit | None = None

    def __post_init__(self) -> None:
        for name in ("confidence", "pfa", "poi"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} {value!r} is not within 0..1")
        if self.analysed_s < 0 or self.blind_s < 0:
            raise ValueError("analysed and blind time must not be negative")
        if self.verdict == "detected" and self.system is None:
            raise ValueError("a detected verdict names a system, or 'unknown'")


@dataclass(frozen=True, slots=True)
class ChannelShare:
    """Occupancy of one channel (FCO).

    ``lower`` and ``upper`` hold the traffic's occupancy with 95 %, from
    ``independent_samples``; ``accuracy`` is the error, at 95 %, against the true
    occupancy of this very period, None when the channel was never occupied.
    """

    freq_lower_hz: float
    freq_upper_hz: float
    fco: float
    lower: float
    upper: float
    accuracy: float | None
    independent_samples: float
    transmissions: int
    transmission_s: float | None


@dataclass(frozen=True, slots=True)
class OccupancyEvent:
    """Occupancy of a band in one integration period (ITU-R SM.1880).

    ``observation_share`` is the part of the period in which the band was heard;
    lost, overloaded and blind time is no part of it. ``sample_s`` is the time of one
    sample, ``revisit_s`` from one look to the next. A period that the watch did not
    see from its start to its end is not ``complete``.
    """

    start_s: float
    stop_s: float
    freq_lower_hz: float
    freq_upper_hz: float
    complete: bool
    observed_s: float
    observation_share: float
    sample_s: float
    revisit_s: float
    threshold_db: float
    fbo: float
    fbo_lower: float
    fbo_upper: float
    channels: tuple[ChannelShare, ...]
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True)
class CoverageEvent:
    """Where a receiver that retuned has listened; comes before the verdict."""

    channels: tuple[ChannelWatch, ...]
    stays: tuple[Stay, ...]


Event = Incident | BurstEvent | TrackEvent | OccupancyEvent | CoverageEvent | Verdict


def to_json(event: Event) -> dict[str, Any]:
    """The event as one JSON object of the contract; unknown is None, never 0."""
    match event:
        case Incident():
            return {
                "type": event.kind,
                "start_sample": event.span.start_sample,
                "sample_count": event.span.sample_count,
                "reason": event.reason,
                "detail": event.detail,
            }
        case BurstEvent():
            return _burst_json(event)
        case TrackEvent():
            return _track_json(event)
        case OccupancyEvent():
            return _occupancy_json(event)
        case CoverageEvent():
            return _coverage_json(event)
        case Verdict():
            return _verdict_json(event)


def _burst_json(event: BurstEvent) -> dict[str, Any]:
    burst, info, span = event.burst, event.info, event.burst.span
    return {
        "type": "burst",
        "start_sample": span.start_sample,
        "sample_count": span.sample_count,
        "start_s": info.seconds(span.start_sample),
        "stop_s": info.seconds(span.stop_sample),
        "freq_lower_hz": burst.detection.freq_lower_hz,
        "freq_upper_hz": burst.detection.freq_upper_hz,
        "snr_db": _round(burst.detection.snr_db),
        "power_dbfs": _round(burst.power_dbfs),
        "features": {name: _round(value, 9) for name, value in sorted(burst.features.items())},
        "flags": _flags(burst.flags),
    }


def _track_json(event: TrackEvent) -> dict[str, Any]:
    track, info = event.track, event.info
    return {
        "type": "track",
        "id": track.id,
        "kind": track.kind,
        "start_s": info.seconds(track.span.start_sample),
        "stop_s": info.seconds(track.span.stop_sample),
        "freq_lower_hz": track.freq_lower_hz,
        "freq_upper_hz": track.freq_upper_hz,
        "burst_count": track.burst_count,
        "duty_cycle": _round(track.duty_cycle, 5),
        "burst_period_s": _finite(track.burst_period_s),
        "snr_db": _round(track.snr_db),
        "power_dbfs": _round(track.power_dbfs),
        "pfa": track.pfa,
        "doppler_rate_hz_per_s": _round(track.doppler_rate_hz_per_s),
        "features": {name: _finite(value) for name, value in sorted(track.features.items())},
        "matches": [
            {
                "profile": match.profile,
                "system": match.system,
                "score": _round(match.score, 4),
                "reasons": list(match.reasons),
                "against": list(match.against),
            }
            for match in track.matches
        ],
        "flags": _flags(track.flags),
    }


def _occupancy_json(event: OccupancyEvent) -> dict[str, Any]:
    return {
        "type": "occupancy",
        "start_s": event.start_s,
        "stop_s": event.stop_s,
        "freq_lower_hz": event.freq_lower_hz,
        "freq_upper_hz": event.freq_upper_hz,
        "complete": event.complete,
        "observed_s": _round(event.observed_s, 6),
        "observation_share": _round(event.observation_share, 5),
        "sample_s": event.sample_s,
        "revisit_s": event.revisit_s,
        "threshold_db": _round(event.threshold_db),
        "fbo": _round(event.fbo, 6),
        "fbo_lower": _round(event.fbo_lower, 6),
        "fbo_upper": _round(event.fbo_upper, 6),
        "channels": [
            {
                "freq_lower_hz": channel.freq_lower_hz,
                "freq_upper_hz": channel.freq_upper_hz,
                "fco": _round(channel.fco, 6),
                "lower": _round(channel.lower, 6),
                "upper": _round(channel.upper, 6),
                "accuracy": _round(channel.accuracy, 6),
                "independent_samples": _round(channel.independent_samples, 1),
                "transmissions": channel.transmissions,
                "transmission_s": _round(channel.transmission_s, 6),
            }
            for channel in event.channels
        ],
        "flags": _flags(event.flags),
    }


def _coverage_json(event: CoverageEvent) -> dict[str, Any]:
    return {
        "type": "coverage",
        "channels": [
            {
                "channel": c.number,
                "freq_lower_hz": c.lower_hz,
                "freq_upper_hz": c.upper_hz,
                "watched_s": round(c.watched_s, 6),
                "visits": c.visits,
                "revisit_s": _round(c.revisit_s, 6),
                "blind_s": round(c.blind_s, 6),
                "longest_blind_s": round(c.longest_blind_s, 6),
                "poi": _round(c.poi, 4),
                "last_seen_s": _round(c.last_seen_s, 6),
            }
            for c in event.channels
        ],
        "dwell_log": [
            {
                "start_s": round(s.start_s, 9),
                "stop_s": round(s.stop_s, 9),
                "freq_lower_hz": s.lower_hz,
                "freq_upper_hz": s.upper_hz,
                "analysed_s": round(s.analysed_s, 9),
                "visits": s.visits,
            }
            for s in event.stays
        ],
    }


def _verdict_json(event: Verdict) -> dict[str, Any]:
    return {
        "type": "verdict",
        "verdict": event.verdict,
        "system": event.system,
        "confidence": _round(event.confidence, 4),
        "pfa": event.pfa,
        "detection_limit_db": _round(event.detection_limit_db),
        "noise_dbfs_per_hz": _round(event.noise_dbfs_per_hz),
        "bandwidth_hz": event.bandwidth_hz,
        **_physical_json(event.physical),
        "poi": _round(event.poi, 4),
        "analysed_s": event.analysed_s,
        "blind_s": event.blind_s,
        "reasons": list(event.reasons),
        "alternatives": [
            {"system": a.system, "profile": a.profile, "score": _round(a.score, 4), "why": a.why}
            for a in event.alternatives
        ],
    }


def _physical_json(limit: PhysicalLimit | None) -> dict[str, Any]:
    named = {
        "dbm": None if limit is None else limit.dbm,
        "pfd_dbw_m2": None if limit is None else limit.pfd_dbw_m2,
        "eirp_dbm": None if limit is None else limit.eirp_dbm,
    }
    return {
        key: value
        for name, stated in named.items()
        for key, value in (
            (f"detection_limit_{name}", None if stated is None else _round(stated.value)),
            (f"detection_limit_{name}_expanded_db", stated and _round(stated.expanded)),
        )
    }


def _flags(flags: frozenset[Flag]) -> list[str]:
    return sorted(flag.value for flag in flags)


def _finite(value: Any) -> Any:
    """The value with NaN and infinity, which JSON has not, as None."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _round(value: float | None, digits: int = 2) -> float | None:
    """Two decimals of a decibel say more than any of our uncertainties."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, digits)
