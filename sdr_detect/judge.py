"""From tracks to the one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sdr_detect.detect.measuring import stated_pfa
from sdr_detect.detect.track import LONG_S, PULSE_S
from sdr_detect.events import Verdict, VerdictWord
from sdr_detect.intercept import PD
from sdr_detect.profiles.match import Weighed
from sdr_detect.profiles.schema import Profile
from sdr_detect.reasons import (
    PART_DB,
    SUSPICION,
    Judged,
    Watch,
    alternatives,
    doubts,
    plain_reasons,
    poi_problem,
    poi_unknown,
    resemblance,
    suspicion,
    unexplained,
    without_rf,
)
from sdr_detect.settings import VerdictSettings

#: Log odds by which the best explanation must lead one of another kind.
CLEAR_LEAD = 1.0

#: Kinds of track that were found by folding at a terminal's frame rate.
FOLDED = ("fold", "preamble")

#: Log odds by which another explanation of what keeps a terminal's frame must lead it:
#: what a preamble missed by three to four deviations, or by two at a duty that no
#: terminal has, brings.
RULED_OUT = 5.5

#: Bursts from which a resemblance, or the lack of any, is worth a word.
MANY_BURSTS = 4


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
        and _carries(judged, weighed, settings, watch.analysed_s)
        and not _part_of_another(judged, tracks)
    ]
    if grounds:
        judged, weighed = max(grounds, key=lambda pair: pair[1].log_odds)
        if watch.analysed_s < settings.min_analysed_s:
            reasons = (resemblance(judged, weighed), *doubts(watch, settings))
            return _inconclusive(tracks, watch, profiles, reasons)
        if judged.track.matches and not _rf_known(judged):
            return _inconclusive(tracks, watch, profiles, without_rf(weighed))
        return _detected(judged, weighed, tracks, watch, profiles)
    problems = list(watch.problems) + doubts(watch, settings)
    suspicions = [
        suspicion(judged, weighed, settings, watch.analysed_s)
        for judged, weighed in zip(tracks, terminals, strict=True)
        if weighed is not None and _suspect(judged, weighed, tracks)
    ]
    suspicions += [unexplained(judged) for judged in tracks if _is_unexplained(judged)]
    intercept = watch.intercept
    unheard: list[
        str
    ] = []  # what is found where no terminal transmits is none, so this comes first
    if intercept is not None and intercept.poi < max(settings.min_poi, 1e-12):
        told = unheard if intercept.poi == 0 else problems
        told.append(poi_problem(intercept.poi, settings))
    if intercept is None and settings.min_poi > 0:
        problems.append(poi_unknown(settings))
    if unheard or problems or suspicions:
        return _inconclusive(tracks, watch, profiles, (*unheard, *suspicions, *problems))
    pfa = settings.allowed_pfa(watch.analysed_s)
    return _verdict("not_detected", None, 1.0, pfa, tracks, watch, profiles)


def _terminal(judged: Judged) -> Weighed | None:
    """The best explanation by a terminal."""
    return next((w for w in judged.weighed if w.profile.role == "user_terminal"), None)


def _rival_odds(judged: Judged) -> float:
    """Log odds of the best explanation by anything else."""
    return max(
        (w.log_odds for w in judged.weighed if w.profile.role != "user_terminal"), default=-30.0
    )


def _carries(
    judged: Judged, weighed: Weighed, settings: VerdictSettings, listened_s: float
) -> bool:
    return (
        weighed.grounded
        and weighed.score >= settings.min_score
        and weighed.pfa <= settings.allowed_pfa(listened_s)
        and weighed.log_odds >= _rival_odds(judged) + CLEAR_LEAD
    )


def _part_of_another(judged: Judged, tracks: Sequence[Judged]) -> bool:
    """Whether a carrier lies within another emission.

    Pilots and control channels of an OFDM downlink look like carriers, and so
    do the lines of any bursts that fill the slice.
    """
    if judged.track.kind != "carrier":
        return False
    low, high = judged.track.freq_lower_hz, judged.track.freq_upper_hz
    middle = (low + high) / 2
    if any(_fills_slice(other) for other in tracks):
        return True
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
    if judged.track.kind == "sweep":
        return judged.track.features.get("on_channel") is True
    # A terminal that hops leaves its bursts in several tracks.
    alike = sum(
        other.track.burst_count
        for other in tracks
        if other.best is not None and other.best.profile == weighed.profile
    )
    return bool(weighed.structural_met) or (judged.track.kind == "burst" and alike >= MANY_BURSTS)


def _is_unexplained(judged: Judged) -> bool:
    """Whether what no profile explains could hide a terminal's bursts, or be them."""
    best = judged.best
    if judged.track.kind == "contrast":
        # It is there towards the vessel, and was not off target.
        return best is None or not (
            best.log_odds >= SUSPICION and best.profile.role != "user_terminal"
        )
    if best is not None and best.log_odds >= SUSPICION:
        return judged.track.kind in FOLDED and _may_be_terminal(judged, best)
    if judged.track.kind in FOLDED:
        return True
    return _fills_slice(judged) and _as_long_as_a_terminal(judged)


def _may_be_terminal(judged: Judged, best: Weighed) -> bool:
    """Whether a terminal with the same frame is not clearly ruled out by a better explanation."""
    if best.profile.role == "user_terminal":
        return False  # a suspicion, and told as one
    odds = [
        w.log_odds
        for w in judged.weighed
        if w.profile.role == "user_terminal" and w.structural_met and not w.excluded
    ]
    return bool(odds) and best.log_odds - max(odds) < RULED_OUT


def _fills_slice(judged: Judged) -> bool:
    """Whether a track is a train of bursts wider than the capture."""
    return (
        judged.track.kind == "burst"
        and judged.track.burst_count >= MANY_BURSTS
        and judged.track.features.get("fills_slice") is True
    )


def _as_long_as_a_terminal(judged: Judged) -> bool:
    width = judged.track.features.get("pulse_width_s")
    return isinstance(width, float) and PULSE_S <= width <= LONG_S


def _rf_known(judged: Judged) -> bool:
    return "rf_unknown" not in {flag.value for flag in judged.track.flags}


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
    pfa = stated_pfa(weighed.pfa)
    verdict = _verdict("detected", match.system, match.score, pfa, tracks, watch, profiles)
    return replace(verdict, reasons=reasons)


def _inconclusive(
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
    reasons: tuple[str, ...],
) -> Verdict:
    verdict = _verdict("inconclusive", None, 0.0, 1.0, tracks, watch, profiles)
    return replace(verdict, reasons=(*reasons, *verdict.reasons))


def _verdict(
    word: VerdictWord,
    system: str | None,
    confidence: float,
    pfa: float,
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
) -> Verdict:
    poi = None if watch.intercept is None else watch.intercept.poi
    if word == "not_detected":
        # What is known is that a terminal above the limit would have been
        # found with this Pd had it used the watched channels.
        confidence = PD * (poi or 0.0)
    return Verdict(
        word,
        system,
        confidence,
        pfa,
        watch.detection_limit_db,
        poi,
        watch.analysed_s,
        watch.blind_s,
        plain_reasons(tracks, watch, profiles),
        alternatives(tracks, system, profiles),
        watch.noise_dbfs_per_hz,
        watch.bandwidth_hz,
    )
