"""What tables, plots and reports say: the same plain words everywhere.

Absence is never called "off": what was not detected is stated with the level
that would have been found and the chance that it was listened for at all.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from sdr_detect.calibration.levels import Levels
from sdr_detect.events import Alternative, OccupancyEvent, Stated, TrackEvent, Verdict
from sdr_detect.model import Flag, Match, StreamInfo, Track

#: Systems as their operators write them.
_SYSTEM_NAMES = {
    "starlink": "Starlink",
    "oneweb": "OneWeb",
    "amazon_leo": "Amazon Leo",
    "qianfan": "Qianfan",
    "guowang": "Guowang",
    "vsat": "GEO VSAT",
}

UNKNOWN = "unknown"


def terminal(system: str | None) -> str:
    """A terminal of a system."""
    if system in _SYSTEM_NAMES:
        return f"a {_SYSTEM_NAMES[system]} user terminal"
    return "a satellite user terminal of an unidentified system"


def alternative(other: Alternative) -> str:
    """An explanation that was weighed and not chosen."""
    return f"{other.profile}, {other.score:.2f}: {other.why}"


def because(reason: str) -> str:
    """A reason of the verdict as part of a sentence."""
    against = reason.removeprefix("against: ")
    return f"because {reason}" if against == reason else f"although {against}"


def headline(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    match verdict.verdict:
        case "detected":
            return (
                f"Detected: an emission consistent with {terminal(verdict.system)} "
                f"(confidence {percent(verdict.confidence)})"
            )
        case "not_detected":
            return (
                f"Not detected: no user terminal {limit(verdict)} "
                f"(probability of intercept {percent(verdict.poi)})"
            )
        case "inconclusive":
            why = verdict.reasons[0] if verdict.reasons else "the data do not allow an answer"
            return f"Inconclusive: {why}"


def limit(verdict: Verdict) -> str:
    """Above which level a terminal would have been found."""
    if verdict.detection_limit_db is None:
        return "found; no detection limit can be stated"
    text = f"above a C/N of {verdict.detection_limit_db:+.1f} dB in the analysed bandwidth"
    physical = verdict.physical
    if physical is not None and physical.eirp_dbm is not None:
        text += f", {stated(physical.eirp_dbm, 'dBm')} EIRP over the channel,"
    return text


def stated(number: Stated, unit: str) -> str:
    """A number with its expanded uncertainty."""
    doubt = "uncertainty unknown" if number.expanded is None else f"± {number.expanded:.1f} dB"
    return f"{number.value:.1f} {unit} ({doubt})"


def physical_limits(verdict: Verdict) -> list[tuple[str, str]]:
    """The limit in physical units, as names and values; that there is none is said too."""
    found = verdict.physical
    if found is None:
        return [("in physical units", "none: the receiver is not calibrated for this")]
    rows = [("at the antenna's port", stated(found.dbm, "dBm"))]
    if found.pfd_dbw_m2 is not None:
        rows.append(("as flux density", stated(found.pfd_dbw_m2, "dBW/m²")))
    if found.eirp_dbm is not None:
        over = f" over {found.channel_hz / 1e6:g} MHz, free space"
        rows.append(("as EIRP towards here", stated(found.eirp_dbm, "dBm") + over))
    return rows


def power(event: TrackEvent, levels: Levels | None) -> str:
    """Level of a track in its bandwidth: dBm where calibrated, else dBFS."""
    found = (levels or Levels()).level(event)
    if found is None:
        dbfs = event.track.power_dbfs
        return UNKNOWN if dbfs is None else f"{dbfs:.1f} dBFS"
    doubt = "" if found.dbm.expanded is None else f" ± {found.dbm.expanded:.1f}"
    return f"{found.dbm.value:.1f}{doubt} dBm"


def facts(verdict: Verdict) -> list[tuple[str, str]]:
    """Figures that qualify the verdict, as names and values."""
    limit_text = (
        UNKNOWN
        if verdict.detection_limit_db is None
        else f"C/N {verdict.detection_limit_db:+.1f} dB, found with probability 0.9"
    )
    claimed = [
        ("confidence", percent(verdict.confidence)),
        ("false-alarm probability", f"{verdict.pfa:.2g}"),
    ]
    return [
        (
            "verdict",
            verdict.verdict if verdict.system is None else f"{verdict.verdict}, {verdict.system}",
        ),
        # Where nothing is claimed there is nothing to be confident of.
        *(claimed if verdict.verdict != "inconclusive" else []),
        ("detection limit", limit_text),
        *(physical_limits(verdict) if verdict.detection_limit_db is not None else []),
        ("probability of intercept", percent(verdict.poi)),
        ("analysed", f"{seconds(verdict.analysed_s)}, blind {seconds(verdict.blind_s)}"),
    ]


def occupancy(period: OccupancyEvent) -> str:
    """Occupancy of a band in one period, with the busiest channel."""
    busiest = max(period.channels, key=lambda channel: channel.fco)
    middle_hz = (busiest.freq_lower_hz + busiest.freq_upper_hz) / 2
    return (
        f"occupancy {period.start_s:g} to {period.stop_s:g} s"
        f"{'' if period.complete else ' (incomplete)'}: band {percent(period.fbo)} "
        f"({percent(period.fbo_lower)} to {percent(period.fbo_upper)} at 95 %), busiest channel "
        f"{percent(busiest.fco)} at {hertz(middle_hz)}; heard {percent(period.observation_share)} "
        "of the time"
    )


def percent(share: float | None) -> str:
    """A probability; what is not certain never reads 100 %, nor 0 % what is possible."""
    if share is None:
        return UNKNOWN
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{share * 100:.3g} %"


def seconds(duration_s: float | None) -> str:
    """A duration with a unit that suits it."""
    if duration_s is None:
        return UNKNOWN
    if duration_s == 0:
        return "0 s"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if duration_s >= 0.9995 * size:  # what rounds up to 1000 belongs to the next unit
            return f"{duration_s / size:.4g} {unit}"
    return f"{duration_s * 1e9:.3g} ns"


def hertz(frequency_hz: float | None) -> str:
    """A frequency with a unit that suits it, to the kilohertz at most."""
    if frequency_hz is None:
        return UNKNOWN
    for unit, size, digits in (("GHz", 1e9, 6), ("MHz", 1e6, 4), ("kHz", 1e3, 3)):
        if abs(frequency_hz) >= size:
            return f"{frequency_hz / size:.{digits}f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{frequency_hz:g} Hz"


def frequency_range(track: Track) -> str:
    """Edges of a track; offsets from the centre when the RF is not known."""
    unit, size = ("MHz", 1e6) if abs(track.freq_upper_hz) < 10e9 else ("GHz", 1e9)
    digits = 4 if size == 1e6 else 6
    low, high = track.freq_lower_hz / size, track.freq_upper_hz / size
    if Flag.RF_UNKNOWN in track.flags:
        return f"{low:+.{digits}f} … {high:+.{digits}f} {unit} from the centre"
    return f"{low:.{digits}f}–{high:.{digits}f} {unit}"


def decibel(value_db: float | None) -> str:
    """A ratio."""
    return UNKNOWN if value_db is None else f"{value_db:.1f} dB"


def level(track: Track) -> str:
    """C/N of a track while on.

    Folding averages over the frames without a burst; activity is read off the
    strongest frames.
    """
    bound = {"fold": "≥ ", "preamble": "≥ ", "activity": "≤ "}.get(track.kind, "")
    return bound + decibel(track.snr_db)


def best_match(track: Track) -> Match | None:
    """The profile that agrees best; None when none was tried."""
    return max(track.matches, key=lambda match: match.score, default=None)


def match_text(match: Match | None) -> str:
    """A match with its score."""
    return "no profile fits" if match is None else f"{match.profile} {match.score:.2f}"


def by_score(tracks: Iterable[TrackEvent]) -> list[TrackEvent]:
    """Best matching tracks first, then the strongest."""

    def order(event: TrackEvent) -> tuple[float, float, int]:
        best = best_match(event.track)
        return (-(best.score if best else 0.0), -event.track.snr_db, event.track.id)

    return sorted(tracks, key=order)


def start_time(info: StreamInfo) -> str:
    """UTC of sample 0, to the microsecond."""
    if info.start_ns is None:
        return UNKNOWN
    return utc(info.start_ns)


def utc(time_ns: int) -> str:
    """A UTC instant, to the microsecond; built from integers, so nothing is rounded up."""
    whole, part = divmod(time_ns, 1_000_000_000)
    stamp = datetime.datetime.fromtimestamp(whole, datetime.UTC)
    return f"{stamp:%Y-%m-%d %H:%M:%S}.{part // 1000:06d} UTC"
