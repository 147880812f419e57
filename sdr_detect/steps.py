"""An inspector's tests: two results of the same receiver, and what their difference shows.

Off target the antenna is turned away; an absorber covers the feed; a second LO moves
what comes by radio and leaves what leaks in; a check source before and after shows
that the receiver worked. Results are the JSON Lines of ``analyze`` and ``monitor``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sdr_detect.calibration.budget import COVERAGE_FACTOR, DB_PER_NEPER
from sdr_detect.legs import COVERED, POINTING_DB, STEADY_DB, covered, noise_doubt

Kind = Literal["off-target", "absorber", "second-lo", "check-source"]
Status = Literal[
    "gone", "weaker", "same", "stronger", "undecided", "rf", "ingress", "image", "worked", "failed"
]

#: What a real change must at least be: an antenna turned by more than its beam, or an
#: absorber, takes 10 dB and more.
CLEAR_DB = 6.0
NEAR_DB = 3.0

#: Standard uncertainty of the receiver's gain from one recording to the next.
REPEAT_DB = 0.5

#: Part of the slice above which an emission fills it, and of two bands that they share.
_FILLS = 0.6
_SHARED = 0.4

#: How far an LO may wander between two recordings.
_WANDER_HZ = 30e3

#: Periods that differ by less are the same.
_SAME_PERIOD = 0.02

#: C/N at which a carrier of that level cannot be overlooked.
_CARRIER_SEEN_DB = 10.0

#: Kinds of track that may show the same bursts, depending on their level.
_BURSTS = frozenset({"burst", "fold", "preamble", "activity"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A track of a result.

    ``terminal`` is whether a user terminal's profile explains it best; ``counts`` is
    what earlier steps made of it, None without any.
    """

    id: int
    kind: str
    low_hz: float
    high_hz: float
    period_s: float | None
    power_db: float | None
    on_s: float
    snr_db: float
    terminal: bool
    counts: bool | None = None

    @property
    def width_hz(self) -> float:
        """Between its edges."""
        return self.high_hz - self.low_hz

    @property
    def scatter_db(self) -> float:
        """Standard uncertainty that noise leaves in its level."""
        samples = max(1.0, self.width_hz * self.on_s)
        return DB_PER_NEPER * (1 + 10 ** (-self.snr_db / 10)) / math.sqrt(samples)


@dataclass(frozen=True, slots=True)
class Result:
    """What one recording or watch yielded, as far as steps need it.

    ``power_db`` of its tracks and ``noise_db_per_hz`` are dBm where ``calibrated``,
    else dBFS.
    """

    name: str
    center_hz: float | None
    rate_hz: float
    bandwidth_hz: float | None
    lo_hz: float
    side: str
    gain_db: float | None
    calibrated: bool
    noise_db_per_hz: float | None
    limit_cn_db: float | None
    verdict: str
    tracks: tuple[Seen, ...]

    def holds(self, low_hz: float, high_hz: float) -> bool:
        """Whether the middle of a band lies in the slice."""
        half = (self.bandwidth_hz or self.rate_hz) / 2
        return self.center_hz is not None and abs((low_hz + high_hz) / 2 - self.center_hz) < half

    @property
    def slice_hz(self) -> tuple[float, float] | None:
        """Edges of what was listened to."""
        if self.center_hz is None:
            return None
        half = (self.bandwidth_hz or self.rate_hz) / 2
        return self.center_hz - half, self.center_hz + half

    def fills(self, track: Seen) -> bool:
        """Whether a track is as wide as the slice."""
        return track.width_hz > _FILLS * (self.bandwidth_hz or self.rate_hz)

    def would_show_db(self, track: Seen) -> float | None:
        """Level from which an emission like that would surely be seen here."""
        if self.noise_db_per_hz is None or track.width_hz <= 0:
            return None
        noise_db = self.noise_db_per_hz + 10 * math.log10(track.width_hz)
        if track.kind in _BURSTS:
            return None if self.limit_cn_db is None else noise_db + self.limit_cn_db
        return noise_db + _CARRIER_SEEN_DB


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step shows of one track of the first result.

    ``counts``: True it may be this vessel's, False it is not, None not decided.
    ``contrast_db`` is the level in the first result over that in the second, with its
    expanded uncertainty; ``at_least`` where the second shows nothing.
    """

    track: Seen
    status: Status
    text: str
    counts: bool | None
    contrast_db: float | None = None
    expanded_db: float | None = None
    at_least: bool = False


def read_result(lines: Sequence[Mapping[str, Any]], roles: Mapping[str, str]) -> Result:
    """The result in JSON Lines of one recording.

    Parameters
    ----------
    lines : sequence of mapping
    roles : mapping
        Role of each emitter profile by its id.

    Raises
    ------
    ValueError
        They hold no recording, several, or no verdict.
    """
    heads = [line for line in lines if line.get("type") == "recording"]
    verdicts = [line for line in lines if line.get("type") == "verdict"]
    if len(heads) != 1 or len(verdicts) != 1:
        raise ValueError(
            f"{len(heads)} recordings and {len(verdicts)} verdicts are in it; one of each is needed"
        )
    head, verdict = heads[0], verdicts[0]
    offset = head.get("dbm_offset_db")
    noise = verdict.get("noise_dbfs_per_hz")
    return Result(
        str(head["path"]),
        head.get("rf_center_hz"),
        head["sample_rate_hz"],
        verdict.get("bandwidth_hz"),
        head.get("lo_hz") or 0.0,
        head.get("converter_side") or "none",
        head.get("gain_db"),
        offset is not None,
        None if noise is None else noise + (offset or 0.0),
        verdict.get("detection_limit_db"),
        verdict["verdict"],
        tuple(
            _seen(line, offset or 0.0, roles) for line in lines if line.get("type") == "track"
        ),
    )  # fmt: skip


def _seen(line: Mapping[str, Any], offset_db: float, roles: Mapping[str, str]) -> Seen:
    best = max(line["matches"], key=lambda match: match["score"] or 0.0, default=None)
    power = line.get("power_dbfs")
    duty = line.get("duty_cycle")
    length_s = line["stop_s"] - line["start_s"]
    return Seen(
        line["id"],
        line["kind"],
        line["freq_lower_hz"],
        line["freq_upper_hz"],
        line.get("burst_period_s"),
        None if power is None else power + offset_db,
        length_s if duty is None else duty * length_s,
        line["snr_db"],
        best is not None and roles.get(best["profile"]) == "user_terminal",
        line.get("counts"),
    )


def compare(kind: Kind, pairs: Sequence[tuple[Result, Result]]) -> list[Finding]:
    """What a step shows of every track of the first result.

    Parameters
    ----------
    kind : Kind
    pairs : sequence of (Result, Result)
        On and off, open and covered, one LO and the other, before and after. More
        than one pair, taken in turn, guards against an emitter that changes by itself.

    Raises
    ------
    ValueError
        The results cannot be compared; the message says why.
    """
    for number, (one, other) in enumerate(pairs, 1):
        try:
            _check(kind, one, other)
        except ValueError as exc:
            raise ValueError(f"pair {number}, {one.name} and {other.name}: {exc}") from exc
    first = pairs[0][0]
    if kind == "second-lo":
        return [_second_lo(track, *pairs[0]) for track in first.tracks]
    if kind == "check-source":
        return [_check_source(track, *pairs[0]) for track in first.tracks]
    return [_contrast(kind, track, pairs) for track in first.tracks]


def _check(kind: Kind, one: Result, other: Result) -> None:
    if one.center_hz is None or other.center_hz is None:
        raise ValueError(
            "the centre frequency of a result is not known; analyse it with --rf, or --if and "
            "--converter"
        )
    if kind == "second-lo":
        if one.side == "none" or one.side != other.side or abs(one.lo_hz - other.lo_hz) < 1e5:
            raise ValueError(
                f"their LOs are {one.lo_hz:.9g} and {other.lo_hz:.9g} Hz, of side {one.side} and "
                f"{other.side}: two LOs of one side, 100 kHz apart or more, are needed"
            )
    elif one.gain_db != other.gain_db and not (one.calibrated and other.calibrated):
        raise ValueError(
            f"their gains are {one.gain_db} and {other.gain_db} dB: levels of two gains compare "
            "only where both are calibrated; record with the same gain"
        )
    elif one.calibrated != other.calibrated:
        raise ValueError("one is calibrated, the other not: analyse both alike")
    if kind in ("off-target", "absorber"):
        _check_legs(kind, one, other)


def _check_legs(kind: Kind, one: Result, other: Result) -> None:
    """What is not seen by who listens elsewhere, or is deaf, may be there all the same."""
    here, there = one.slice_hz, other.slice_hz
    if here is not None and there is not None and not covered(here, there):
        raise ValueError(
            f"they were recorded at {sum(here) / 2e9:.9g} and {sum(there) / 2e9:.9g} GHz, which "
            "do not overlap, so nothing can be compared; record both at one frequency"
        )
    if one.noise_db_per_hz is not None and other.noise_db_per_hz is not None:
        change_db = other.noise_db_per_hz - one.noise_db_per_hz
        least_db = POINTING_DB if kind == "off-target" else STEADY_DB
        if doubt := noise_doubt("the first", "the second", change_db, least_db):
            raise ValueError(doubt)


def partner(track: Seen, one: Result, other: Result, shift_hz: float = 0.0) -> Seen | None:
    """The track of the other result that is the same emission, moved by ``shift_hz``."""
    alike = [t for t in other.tracks if _same(track, one, t, other, shift_hz)]
    return max(alike, key=lambda t: (t.kind == track.kind, t.snr_db), default=None)


def _same(track: Seen, one: Result, other_track: Seen, other: Result, shift_hz: float) -> bool:
    bursts = track.kind in _BURSTS
    if bursts != (other_track.kind in _BURSTS) or (not bursts and track.kind != other_track.kind):
        return False
    a, b = track.period_s, other_track.period_s
    if a is not None and b is not None and not _multiple(a, b):
        return False
    if one.fills(track) and other.fills(other_track):
        return True
    low, high = track.low_hz + shift_hz, track.high_hz + shift_hz
    shared = min(high, other_track.high_hz) - max(low, other_track.low_hz)
    union = max(high, other_track.high_hz) - min(low, other_track.low_hz)
    middle_hz = abs(low + high - other_track.low_hz - other_track.high_hz) / 2
    return shared > _SHARED * union or (track.width_hz < _WANDER_HZ and middle_hz < _WANDER_HZ)


def _multiple(a: float, b: float) -> bool:
    """Whether two periods agree, or one is a multiple of the other: bursts may be missed."""
    ratio = max(a, b) / min(a, b)
    return abs(ratio - round(ratio)) < _SAME_PERIOD * ratio


def _contrast(kind: Kind, track: Seen, pairs: Sequence[tuple[Result, Result]]) -> Finding:
    found: list[tuple[float, float, bool]] = []
    losses_db: list[float] = []
    for one, other in pairs:
        loss_db = _loss_db(one, other)
        here = track if one is pairs[0][0] else partner(track, pairs[0][0], one)
        if here is None or here.power_db is None:
            continue  # idle or unmeasured while it was looked for: this pair tells nothing
        there = partner(here, one, other)
        if there is not None and there.power_db is not None:
            scatter = math.hypot(here.scatter_db, there.scatter_db, REPEAT_DB)
            found.append((here.power_db - there.power_db, scatter, False))
            losses_db.append(loss_db)
            continue
        least_db = other.would_show_db(here)
        heard = other.slice_hz
        if heard is None or covered((here.low_hz, here.high_hz), heard) < COVERED:
            continue
        if there is None and least_db is not None:
            bound_db = here.power_db - least_db - loss_db
            found.append((bound_db, math.hypot(here.scatter_db, REPEAT_DB), True))
            losses_db.append(0.0)
    if not found:
        return Finding(track, "undecided", _UNDECIDED, None)
    contrast = statistics.fmean(c for c, _, _ in found)
    standard = math.sqrt(statistics.fmean(u**2 for _, u, _ in found) / len(found))
    if len(found) > 1:
        scatter = statistics.stdev(c for c, _, _ in found) / math.sqrt(len(found))
        standard = math.hypot(standard, scatter)
    gone = all(bound for _, _, bound in found)
    finding = Finding(
        track,
        "undecided",
        "",
        None,
        contrast,
        COVERAGE_FACTOR * standard,
        any(b for *_, b in found),
    )
    return _told(kind, finding, gone, len(found), statistics.fmean(losses_db))


def _loss_db(one: Result, other: Result) -> float:
    """By how much the gain may have fallen unnoticed: by no more than the noise did."""
    if one.noise_db_per_hz is None or other.noise_db_per_hz is None:
        return 0.0
    return max(0.0, one.noise_db_per_hz - other.noise_db_per_hz)


_UNDECIDED = (
    "not decided: its level, or the limit of the other recording, is not known, or that one "
    "does not hold its band"
)


def _told(kind: Kind, finding: Finding, gone: bool, pairs: int, loss_db: float) -> Finding:
    contrast, doubt = finding.contrast_db or 0.0, finding.expanded_db or 0.0
    bound = "at least " if finding.at_least else ""
    figure = f"by {bound}{contrast:.1f} ± {doubt:.1f} dB"
    change = f"{-contrast:+.1f} ± {doubt:.1f} dB"
    where = {"off-target": "off target", "absorber": "with the absorber"}.get(kind, "")
    alone = "" if pairs > 1 else (
        "; of one pair only: an emitter's own change may look the same (terminals step by 20 dB "
        "and more between their 15 s slots), so alternate several times"
    )  # fmt: skip
    surely = contrast - loss_db
    if surely >= CLEAR_DB and surely - doubt >= NEAR_DB:
        origin = "from the direction of the target" if kind == "off-target" else "from the antenna"
        word: Status = "gone" if gone else "weaker"
        fall = f"not seen {where}, weaker {figure}" if gone else f"weaker {where} {figure}"
        return replace(finding, status=word, counts=True, text=f"{origin}: {fall}{alone}")
    if finding.at_least:
        return replace(
            finding,
            text=f"not decided: not seen {where}, but what is weaker {figure} would be missed",
        )
    if contrast + doubt <= CLEAR_DB:
        stronger = contrast + doubt < -NEAR_DB
        origin = (
            "not from the target alone" if kind == "off-target"
            else "not from the antenna: it reaches the receiver past the feed"
        )  # fmt: skip
        fall = f"stronger {where}" if stronger else f"as strong {where}"
        return replace(
            finding, status="stronger" if stronger else "same", counts=False,
            text=f"{origin}: {fall} ({change}); it does not count for this vessel",
        )  # fmt: skip
    lost = loss_db >= REPEAT_DB
    gain = f", but noise fell by {loss_db:.1f} dB, which may be gain" if lost else ""
    return replace(finding, text=f"not decided: weaker {where} {figure}{gain}; repeat it")


def _second_lo(track: Seen, one: Result, other: Result) -> Finding:
    """Where a track is found when the LO has moved.

    RF stays where it is; what enters behind the converter keeps its IF, so that its
    believed RF moves as the LO does; an image moves twice as far.
    """
    step_hz = other.lo_hz - one.lo_hz
    shifts: dict[Status, float] = {"rf": 0.0, "ingress": step_hz, "image": 2 * step_hz}
    inside = [
        name for name, shift in shifts.items()
        if other.holds(track.low_hz + shift, track.high_hz + shift)
    ]  # fmt: skip
    met = [name for name in inside if partner(track, one, other, shifts[name]) is not None]
    if len(met) == 1:
        return Finding(track, met[0], _LO_TEXT[met[0]], met[0] == "rf")
    if met:
        text = f"not decided: it may be {' or '.join(met)}; take LOs further apart"
        return Finding(track, "undecided", text, None)
    least_db = other.would_show_db(track)
    hidden = track.power_db is None or least_db is None or track.power_db < least_db + NEAR_DB
    if hidden or not inside:
        return Finding(track, "undecided", "not decided: it would not have been seen there", None)
    if "rf" in inside:
        text = "not at its RF with the other LO: ingress or an image, or it fell silent; repeat it"
        return Finding(track, "gone", text, None)
    text = (
        f"not where {' or '.join(inside)} would be: consistent with RF; tune to its RF to prove it"
    )
    return Finding(track, "undecided", text, None)


_LO_TEXT: Mapping[str, str] = {
    "rf": "RF confirmed: at the same frequency on air with the other LO",
    "ingress": "not RF: it stays at the same IF, so it enters behind the converter",
    "image": "not RF: it moves twice as far as the LO, so it is an image from its other side",
}


def _check_source(track: Seen, one: Result, other: Result) -> Finding:
    after = partner(track, one, other)
    if after is None:
        text = "seen before, not after: the receiver is not proven to have worked in between"
        return Finding(track, "failed", text, None)
    if track.power_db is None or after.power_db is None:
        return Finding(track, "undecided", _UNDECIDED, None)
    change = track.power_db - after.power_db
    doubt = COVERAGE_FACTOR * math.hypot(track.scatter_db, after.scatter_db, REPEAT_DB)
    if abs(change) > NEAR_DB + doubt:
        text = f"before {change:+.1f} ± {doubt:.1f} dB over after: the receiver changed in between"
        return Finding(track, "failed", text, None, change, doubt)
    text = f"the receiver worked: seen before and after, {change:+.1f} ± {doubt:.1f} dB apart"
    return Finding(track, "worked", text, None, change, doubt)


@dataclass(frozen=True, slots=True)
class Combined:
    """The verdict for this vessel; ``attributed`` is None where it is not decided."""

    verdict: str
    attributed: bool | None
    reasons: tuple[str, ...]


def combined(
    kind: Kind, verdict: str, findings: Sequence[Finding], source: Finding | None = None
) -> Combined:
    """A verdict with what a step showed.

    What is seen off target as well, or through the absorber, or is no RF, does not
    count. Of earlier steps one that excludes a track is not undone by a later one.

    Parameters
    ----------
    kind : Kind
    verdict : str
        Of the first result, or of the session between two looks at a check source.
    findings : sequence of Finding
    source : Finding or None
        The check source; None where it was not seen at first.
    """
    if kind == "check-source":
        if source is not None and source.status == "worked":
            return Combined(verdict, None, (source.text,))
        text = "the check source was not seen before" if source is None else source.text
        word = "inconclusive" if verdict == "not_detected" else verdict
        return Combined(word, None, (text,))
    terminals = [finding for finding in findings if finding.track.terminal]
    told = tuple(f"track {f.track.id}: {f.text}" for f in terminals)
    counts = [kept(finding) for finding in terminals]
    if verdict != "detected":
        return Combined(verdict, None, told)
    if any(counts):
        return Combined(verdict, True, told)
    if counts and all(one is False for one in counts):
        reason = "what resembles a terminal does not count for this vessel"
        return Combined("inconclusive", False, (reason, *told))
    return Combined(verdict, None, ("detected, not attributed to this vessel", *told))


def kept(finding: Finding) -> bool | None:
    """Whether a track counts after this step and those before."""
    before = finding.track.counts
    if before is False or finding.counts is False:
        return False
    return finding.counts if finding.counts is not None else before
