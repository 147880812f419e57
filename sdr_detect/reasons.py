"""The reasons of a verdict, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdr_detect.events import Alternative
from sdr_detect.model import Track
from sdr_detect.profiles.match import Weighed
from sdr_detect.profiles.schema import Profile
from sdr_detect.scan.book import Intercept
from sdr_detect.settings import VerdictSettings

#: Log odds above which a match is worth telling as a suspicion.
SUSPICION = 0.0

#: An emission this much weaker than a carrier inside it does not explain it.
PART_DB = 12.0

#: Explanations named besides the first.
MAX_ALTERNATIVES = 6

#: Closed tracks that are kept for the verdict, best explained first.
MAX_KEPT = 256


@dataclass(frozen=True, slots=True)
class Judged:
    """A track with its profiles weighed, best first.

    ``whole`` is what explains the emission that it is a part of, if it is one.
    """

    track: Track
    weighed: tuple[Weighed, ...]
    whole: Weighed | None = None

    @property
    def best(self) -> Weighed | None:
        """The profile that explains it best."""
        return self.weighed[0] if self.weighed else None


def strongest(tracks: Sequence[Judged]) -> list[Judged]:
    """The best-explained tracks, as many as are kept for a verdict."""
    ranked = sorted(tracks, key=lambda j: 30.0 if j.best is None else -j.best.log_odds)
    return ranked[:MAX_KEPT]


def consistent_with_terminal(judged: Judged) -> bool:
    """Whether a track is best explained by a terminal's structure."""
    best = judged.best
    return (
        best is not None
        and best.profile.role == "user_terminal"
        and best.log_odds > SUSPICION
        and bool(best.structural_met)
    )


@dataclass(frozen=True, slots=True)
class Watch:
    """What was watched, and how well.

    ``intercept`` is None when no RF is known. ``problems`` are reasons why nothing
    can be said. ``retune_s`` is the part of ``blind_s`` in which the receiver
    settled on another frequency: the probability of intercept knows of it. The limit
    refers to noise of ``noise_dbfs_per_hz`` over ``bandwidth_hz``.
    """

    analysed_s: float
    blind_s: float
    detection_limit_db: float | None
    intercept: Intercept | None
    problems: tuple[str, ...] = ()
    noise_dbfs_per_hz: float | None = None
    bandwidth_hz: float | None = None
    retune_s: float = 0.0


def without_rf(weighed: Weighed) -> tuple[str, ...]:
    """Why a match without a centre frequency stays a match only."""
    return (
        f"the waveform is consistent with {weighed.profile.name}, but the centre frequency is "
        "not known: state it with --rf or --if and --converter",
    )


def resemblance(judged: Judged, weighed: Weighed) -> str:
    """What a track resembles, and by what."""
    met = weighed.structural_met or tuple(f for f in weighed.findings if f.met)
    seen = "; ".join(f.detail for f in met)
    return f"track {judged.track.id} resembles {weighed.profile.name} ({seen})"


def suspicion(
    judged: Judged, weighed: Weighed, settings: VerdictSettings, listened_s: float
) -> str:
    """What a track resembles, and what is missing for a verdict."""
    missing = []
    met, need = len(weighed.structural_met), weighed.profile.min_structural
    if met < need:
        asked = "1 structural claim is" if need == 1 else f"{need} structural claims are"
        missing.append(f"{asked} asked for, {met} seen")
    if weighed.score < settings.min_score:
        missing.append(f"score {weighed.score:.2f} of the {settings.min_score:g} asked for")
    if met and weighed.pfa > settings.allowed_pfa(listened_s):
        missing.append("noise does as well too often")
    if not missing:
        missing.append("another explanation is nearly as good, or it lies within another emission")
    return (
        f"{resemblance(judged, weighed)}, which is too little to rest a verdict on: "
        f"{'; '.join(missing)}; watch longer"
    )


def unexplained(judged: Judged) -> str:
    """What fits nothing and may hide something."""
    if judged.track.kind == "contrast":
        return (
            f"track {judged.track.id}: a steady emission that was not there off target shows no "
            "structure of a known emitter; it may be a satellite terminal's carrier: watch longer, "
            "or tune to its edges"
        )
    if not judged.track.burst_count:
        return (
            f"track {judged.track.id}: something keeps a phase of the 4/3 ms frame, and no known "
            "emitter explains it clearly; it may be a terminal's bursts, too weak to be told: "
            "watch longer"
        )
    return (
        f"track {judged.track.id}: {judged.track.burst_count} bursts fill the slice and fit no "
        "known emitter; they may hide a terminal's bursts or be an unknown terminal's"
    )


def doubts(watch: Watch, settings: VerdictSettings) -> list[str]:
    """Why this watch is too short, too blind or too narrow to say anything."""
    found: list[str] = []
    blind_s = watch.blind_s - watch.retune_s
    total = watch.analysed_s + blind_s
    if watch.analysed_s < settings.min_analysed_s:
        found.append(
            f"only {watch.analysed_s * 1e3:.1f} ms could be analysed; at least "
            f"{settings.min_analysed_s * 1e3:.0f} ms are needed to meet a burst"
        )
    elif blind_s > settings.max_blind_fraction * total:
        found.append(
            f"the receiver was blind for {blind_s:.3f} of {total:.3f} s (lost samples, "
            "overload); reduce gain or data rate and record again"
        )
    elif watch.detection_limit_db is None:
        found.append(
            "no terminal could be recognised at any level: the slice is too narrow for its "
            "preamble, or the time too short for a burst; record at 2 Msps or more, for longer"
        )
    elif watch.detection_limit_db > settings.max_limit_db:
        found.append(
            f"only a terminal above a C/N of {watch.detection_limit_db:.1f} dB would have been "
            f"found, more than the {settings.max_limit_db:.1f} dB allowed: other emissions or an "
            "unsteady level hide weaker ones"
        )
    return found


def poi_problem(poi: float, settings: VerdictSettings) -> str:
    """Why the coverage is too small for a statement of absence."""
    if poi == 0:
        return (
            "the recording covers no band in which a terminal of a known system transmits: "
            "it can neither show nor exclude one (is the converter stated?)"
        )
    return (
        f"probability of intercept {poi:.3f} is below the {settings.min_poi:.3f} asked for: "
        "watch longer or more channels"
    )


def poi_unknown(settings: VerdictSettings) -> str:
    """Why nothing can be said of a probability of intercept that is asked for."""
    return (
        f"a probability of intercept of {settings.min_poi:.3f} is asked for, and none can be "
        "stated: the centre frequency is not known; give --rf, or --if and --converter"
    )


def plain_reasons(
    tracks: Sequence[Judged],
    watch: Watch,
    profiles: Sequence[Profile],
) -> tuple[str, ...]:
    """How each track was explained, and what the watch covered."""
    reasons = []
    if not tracks:
        reasons.append("no burst and no carrier stands out of the noise")
    for judged in tracks[:MAX_ALTERNATIVES]:
        best = judged.best
        if judged.track.kind == "activity":
            reasons.append(
                f"track {judged.track.id}: the level of the whole slice goes on and off more than "
                "noise does, below what single bursts show; it may be a weak terminal's bursts, "
                "or ingress: watch longer, or turn the antenna away and compare"
            )
        elif judged.whole is not None:
            reasons.append(
                f"track {judged.track.id} shows little by itself; it lies within an emission best "
                f"explained as {judged.whole.profile.name}"
            )
        elif best is None or best.log_odds < SUSPICION:
            reasons.append(f"track {judged.track.id} fits no known emitter")
        elif best.profile.role == "user_terminal" and not best.structural_met:
            reasons.append(
                f"track {judged.track.id} resembles {best.profile.name} in outline only: "
                "nothing in its structure speaks for it"
            )
        else:
            reasons.append(f"track {judged.track.id} is best explained as {best.profile.name}")
    if len(tracks) > MAX_ALTERNATIVES:
        reasons.append(f"{len(tracks) - MAX_ALTERNATIVES} more tracks")
    intercept = watch.intercept
    if intercept is not None and intercept.poi > 0:
        reasons.append(
            f"{watch.analysed_s:.3g} s watched: probability of intercept {intercept.poi:.3f} for "
            f"an active {intercept.name}; absence from what was watched is not silence"
        )
    if watch.blind_s > 0:
        reasons.append(
            f"{watch.blind_s:.3g} s beside them were lost, zero or overloaded, and are not covered"
        )
    reasons += [
        f"{p.name} transmits outside what this set-up receives: neither seen nor excluded"
        for p in profiles
        if p.role == "user_terminal" and not p.receivable
    ]
    return tuple(reasons)


def alternatives(
    tracks: Sequence[Judged], system: str | None, profiles: Sequence[Profile]
) -> tuple[Alternative, ...]:
    """Other explanations that were weighed, best first, and what was not receivable."""
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
