"""From tracks to the one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdr_detect.detect.track import LONG_S, PULSE_S
from sdr_detect.events import Alternative, Verdict, VerdictWord
from sdr_detect.intercept import covered_share, probability_of_intercept
from sdr_detect.model import Track
from sdr_detect.profiles.match import Weighed
from sdr_detect.profiles.schema import Profile
from sdr_detect.settings import VerdictSettings

#: Log odds by which the best explanation must lead one of another kind.
CLEAR_LEAD = 1.0

#: Log odds above which a match is worth telling as a suspicion.
SUSPICION = 0.0

#: An emission this much weaker than a carrier inside it does not explain it.
PART_DB = 12.0

#: The system that a probability of intercept is stated for, if its band was covered.
FIRST_SYSTEM = "starlink"

#: Bursts from which a resemblance, or the lack of any, is worth a word.
MANY_BURSTS = 4

#: No chance smaller than this is stated: nothing here was ever tested that far.
SMALLEST_PFA = 1e-12

#: Explanations named besides the first.
MAX_ALTERNATIVES = 6


@dataclass(frozen=True, slots=True)
class Judged:
    """A track with its profiles weighed, best first."""

    track: Track
    weighed: tuple[Weighed, ...]

    @property
    def best(self) -> Weighed | None:
        """The profile that explains it best."""
        return self.weighed[0] if self.weighed else None


@dataclass(frozen=True, slots=True)
class Watch:
    """What was watched, and how well.

    ``rf_ranges_hz`` and ``watched_s`` go together, one for each stretch of the
    stream at one frequency. ``problems`` are reasons why nothing can be said.
    """

    rf_ranges_hz: tuple[tuple[float, float] | None, ...]
    watched_s: tuple[float, ...]
    blind_s: float
    detection_limit_db: float | None
    problems: tuple[str, ...] = ()

    @property
    def analysed_s(self) -> float:
        """All analysed time."""
        return sum(self.watched_s)


def judge(
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
    settings: VerdictSettings,
) -> Verdict:
    """The verdict over all tracks of a recording or a watch."""
    terminals = [_terminal(t) for t in tracks]
    grounds = [
        (judged, weighed)
        for judged, weighed in zip(tracks, terminals, strict=True)
        if weighed is not None
        and _carries(judged, weighed, settings)
        and not _part_of_another(judged, tracks)
    ]
    if grounds:
        judged, weighed = max(grounds, key=lambda pair: pair[1].log_odds)
        if judged.track.matches and not _rf_known(judged):
            return _inconclusive(tracks, watch, profiles, _without_rf(weighed))
        return _detected(judged, weighed, tracks, watch, profiles)
    problems = list(watch.problems) + _doubts(watch, settings)
    suspicions = [
        _suspicion(judged, weighed)
        for judged, weighed in zip(tracks, terminals, strict=True)
        if weighed is not None and _suspect(judged, weighed, tracks)
    ]
    suspicions += [_unexplained(judged) for judged in tracks if _is_unexplained(judged)]
    intercept = _intercept(watch, profiles)
    if intercept is not None and intercept.poi < max(settings.min_poi, 1e-12):
        problems.append(_poi_problem(intercept.poi, settings))
    if problems or suspicions:
        return _inconclusive(tracks, watch, profiles, (*suspicions, *problems))
    return _verdict("not_detected", None, 1.0, settings.max_pfa, tracks, watch, profiles)


def _terminal(judged: Judged) -> Weighed | None:
    """The best explanation by a terminal."""
    return next((w for w in judged.weighed if w.profile.role == "user_terminal"), None)


def _rival_odds(judged: Judged) -> float:
    """Log odds of the best explanation by anything else."""
    return max(
        (w.log_odds for w in judged.weighed if w.profile.role != "user_terminal"), default=-30.0
    )


def _carries(judged: Judged, weighed: Weighed, settings: VerdictSettings) -> bool:
    return (
        weighed.grounded
        and weighed.match().score >= settings.min_score
        and weighed.pfa <= settings.max_pfa
        and weighed.log_odds >= _rival_odds(judged) + CLEAR_LEAD
    )


def _part_of_another(judged: Judged, tracks: Sequence[Judged]) -> bool:
    """Whether a carrier lies within a known emission that is no terminal.

    Pilots and control channels of an OFDM downlink look like carriers.
    """
    if judged.track.kind != "carrier":
        return False
    low, high = judged.track.freq_lower_hz, judged.track.freq_upper_hz
    middle = (low + high) / 2
    return any(
        other.best is not None
        and other.best.profile.role != "user_terminal"
        and other.best.structural_met
        and other.best.log_odds > 2
        and other.track.snr_db > judged.track.snr_db - PART_DB
        and other.track.freq_lower_hz <= middle <= other.track.freq_upper_hz
        for other in tracks
        if other is not judged
    )


def _suspect(judged: Judged, weighed: Weighed, tracks: Sequence[Judged]) -> bool:
    """Whether a track looks like a terminal without carrying a verdict."""
    if weighed.log_odds <= max(SUSPICION, _rival_odds(judged)):
        return False
    if _part_of_another(judged, tracks):
        return False
    # A terminal that hops leaves its bursts in several tracks.
    alike = sum(
        other.track.burst_count
        for other in tracks
        if other.best is not None and other.best.profile == weighed.profile
    )
    return bool(weighed.structural_met) or (judged.track.kind == "burst" and alike >= MANY_BURSTS)


def _is_unexplained(judged: Judged) -> bool:
    """Whether bursts that no profile explains could hide a terminal's, or be one's."""
    best = judged.best
    return (
        judged.track.kind == "burst"
        and judged.track.burst_count >= MANY_BURSTS
        and judged.track.features.get("fills_slice") is True
        and _as_long_as_a_terminal(judged)
        and (best is None or best.log_odds < SUSPICION)
    )


def _as_long_as_a_terminal(judged: Judged) -> bool:
    width = judged.track.features.get("pulse_width_s")
    return isinstance(width, float) and PULSE_S <= width <= LONG_S


def _unexplained(judged: Judged) -> str:
    return (
        f"track {judged.track.id}: {judged.track.burst_count} bursts fill the slice and fit no "
        "known emitter; they may hide a terminal's bursts or be an unknown terminal's"
    )


def _rf_known(judged: Judged) -> bool:
    return "rf_unknown" not in {flag.value for flag in judged.track.flags}


def _without_rf(weighed: Weighed) -> tuple[str, ...]:
    return (
        f"the waveform is consistent with {weighed.profile.name}, but the centre frequency is "
        "not known: state it with --rf or --if and --converter",
    )


def _suspicion(judged: Judged, weighed: Weighed) -> str:
    met = weighed.structural_met or tuple(f for f in weighed.findings if f.met)
    seen = "; ".join(f.detail for f in met)
    need = weighed.profile.min_structural
    return (
        f"track {judged.track.id} resembles {weighed.profile.name} ({seen}), which is too little "
        f"to rest a verdict on: {need} structural claims and score 0.9 are asked for; watch longer"
    )


def _doubts(watch: Watch, settings: VerdictSettings) -> list[str]:
    doubts = []
    total = watch.analysed_s + watch.blind_s
    if watch.analysed_s < settings.min_analysed_s:
        doubts.append(
            f"only {watch.analysed_s * 1e3:.1f} ms could be analysed; at least "
            f"{settings.min_analysed_s * 1e3:.0f} ms are needed to meet a burst"
        )
    elif watch.blind_s > settings.max_blind_fraction * total:
        doubts.append(
            f"the receiver was blind for {watch.blind_s:.3f} of {total:.3f} s (lost samples, "
            "overload); reduce gain or data rate and record again"
        )
    elif watch.detection_limit_db is None:
        doubts.append(
            "no terminal could be recognised at any level: the slice is too narrow for its "
            "preamble, or the time too short for a burst; record at 1 MHz or more, for longer"
        )
    return doubts


@dataclass(frozen=True, slots=True)
class Intercept:
    """Probability of intercept and the terminal it is stated for."""

    poi: float
    name: str


def _intercept(watch: Watch, profiles: Sequence[Profile]) -> Intercept | None:
    """For the first system covered, Starlink before others; None without RF."""
    known = [
        (r, s) for r, s in zip(watch.rf_ranges_hz, watch.watched_s, strict=True) if r is not None
    ]
    if not known:
        return None
    terminals = [p for p in profiles if p.role == "user_terminal" and p.receivable]
    terminals.sort(key=lambda p: (p.system != FIRST_SYSTEM, p.id))
    for profile in terminals:
        missed = 1.0
        for rf_range_hz, seconds in known:
            missed *= 1 - probability_of_intercept(seconds, covered_share(rf_range_hz, profile))
        if missed < 1:
            return Intercept(1 - missed, profile.name)
    return Intercept(0.0, "any known terminal")


def _poi_problem(poi: float, settings: VerdictSettings) -> str:
    if poi == 0:
        return (
            "the recording covers no band in which a terminal of a known system transmits: "
            "it can neither show nor exclude one (is the converter stated?)"
        )
    return (
        f"probability of intercept {poi:.3f} is below the {settings.min_poi:.3f} asked for: "
        "watch longer or more channels"
    )


def _detected(
    judged: Judged,
    weighed: Weighed,
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
) -> Verdict:
    match = weighed.match()
    reasons = (
        f"track {judged.track.id} is consistent with {weighed.profile.name}",
        *(f.detail for f in weighed.structural_met),
        *(r for r in match.reasons if r not in {f.detail for f in weighed.structural_met}),
        *(f"against: {text}" for text in match.against),
    )
    pfa = max(min(weighed.pfa, 1.0), SMALLEST_PFA)
    verdict = _verdict("detected", match.system, match.score, pfa, tracks, watch, profiles)
    return _with_reasons(verdict, reasons)


def _inconclusive(
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
    reasons: tuple[str, ...],
) -> Verdict:
    verdict = _verdict("inconclusive", None, 0.0, 1.0, tracks, watch, profiles)
    return _with_reasons(verdict, (*reasons, *verdict.reasons))


def _with_reasons(verdict: Verdict, reasons: tuple[str, ...]) -> Verdict:
    return Verdict(
        verdict.verdict,
        verdict.system,
        verdict.confidence,
        verdict.pfa,
        verdict.detection_limit_db,
        verdict.poi,
        verdict.analysed_s,
        verdict.blind_s,
        reasons,
        verdict.alternatives,
    )


def _verdict(
    word: VerdictWord,
    system: str | None,
    confidence: float,
    pfa: float,
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
) -> Verdict:
    intercept = _intercept(watch, profiles)
    poi = None if intercept is None else intercept.poi
    if word == "not_detected":
        # What is known is that a terminal above the limit would have been
        # found with Pd 0.9 had it used the watched channels.
        confidence = 0.9 * (poi or 0.0)
    return Verdict(
        word,
        system,
        confidence,
        pfa,
        watch.detection_limit_db,
        poi,
        watch.analysed_s,
        watch.blind_s,
        _plain_reasons(tracks, watch, intercept, profiles),
        _alternatives(tracks, system, profiles),
    )


def _plain_reasons(
    tracks: Sequence[Judged],
    watch: Watch,
    intercept: Intercept | None,
    profiles: Sequence[Profile],
) -> tuple[str, ...]:
    reasons = []
    if not tracks:
        reasons.append("no burst and no carrier stands out of the noise")
    for judged in tracks[:MAX_ALTERNATIVES]:
        best = judged.best
        if best is None or best.log_odds < SUSPICION:
            reasons.append(f"track {judged.track.id} fits no known emitter")
        else:
            reasons.append(f"track {judged.track.id} is best explained as {best.profile.name}")
    if len(tracks) > MAX_ALTERNATIVES:
        reasons.append(f"{len(tracks) - MAX_ALTERNATIVES} more tracks")
    if intercept is not None:
        reasons.append(
            f"{watch.analysed_s:.2f} s watched: probability of intercept {intercept.poi:.3f} for "
            f"an active {intercept.name}; absence from what was watched is not silence"
        )
    reasons += [
        f"{p.name} transmits outside what this set-up receives: neither seen nor excluded"
        for p in profiles
        if p.role == "user_terminal" and not p.receivable
    ]
    return tuple(reasons)


def _alternatives(
    tracks: Sequence[Judged], system: str | None, profiles: Sequence[Profile]
) -> tuple[Alternative, ...]:
    found: dict[str, Alternative] = {}
    for judged in tracks:
        for weighed in judged.weighed[:3]:
            match = weighed.match()
            if match.system == system or weighed.log_odds < -2:
                continue
            known = found.get(match.profile)
            if known is None or match.score > known.score:
                against = match.against[0] if match.against else "nothing speaks against it"
                found[match.profile] = Alternative(
                    match.system, match.profile, match.score, f"track {judged.track.id}: {against}"
                )
    ranked = sorted(found.values(), key=lambda a: (-a.score, a.profile))[:MAX_ALTERNATIVES]
    ranked += [
        Alternative(p.system, p.id, 0.0, "outside the receivable band: not excluded")
        for p in profiles
        if p.role == "user_terminal" and not p.receivable
    ]
    return tuple(ranked)
