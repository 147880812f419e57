"""How well a measured track agrees with a profile, with the reasons in words.

Each claim that could be measured adds its weight, or takes away what stands
against it; claims of one cause count once. The sum with the profile's prior is
the logarithm of the odds against an emitter that nobody described. A score is
the share of one explanation among all, that unknown one included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdr_detect.features.folded import FoldedGrid
from sdr_detect.features.lag import LagPeak
from sdr_detect.model import Match
from sdr_detect.profiles.measured import Measured
from sdr_detect.profiles.schema import (
    AnyClaim,
    BandClaim,
    FlagClaim,
    GridClaim,
    IfBandClaim,
    LagClaim,
    Profile,
    RangeClaim,
    UnknownClaim,
)

#: A lag counts as present when noise shows one at that place this rarely.
LAG_PFA = 1e-5

#: Above this share of signal a head is placed well enough to ask for the full
#: correlation of equal copies.
STRONG_SHARE = 0.6

#: From this share on bursts are placed well enough for the correlation to be read
#: with its statistical doubt alone; and the least chance that the doubt is read from.
PLACED_SHARE = 0.2
SMALLEST_CHANCE = 1e-100

#: Part of a grid claim's weight where bursts keep its frame at other spacings.
FRAME_ALONE = 0.5

#: Starts on a grid whose spacings are among the claimed multiples.
MULTIPLE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim, weighed. ``met`` is None where it could not be told.

    ``weight`` and ``against`` replace the claim's own where the measurement is
    worth less or more.
    """

    claim: AnyClaim
    met: bool | None
    detail: str
    pfa: float | None = None
    against: float | None = None
    weight: float | None = None

    @property
    def worth(self) -> float:
        """Evidence in nats, for what the claim says if it is met, else against it."""
        if self.met is None or isinstance(self.claim, UnknownClaim):
            return 0.0
        if self.met:
            return self.claim.weight if self.weight is None else self.weight
        return self.claim.against if self.against is None else self.against


@dataclass(frozen=True, slots=True)
class Weighed:
    """A profile against a track."""

    profile: Profile
    log_odds: float
    findings: tuple[Finding, ...]
    score: float = 0.0

    @property
    def told(self) -> tuple[Finding, ...]:
        """What speaks for and against: of claims of one cause, the most telling."""
        return most_telling(self.findings)

    @property
    def structural_met(self) -> tuple[Finding, ...]:
        """Claims met that another kind of emitter would not meet by chance.

        What has one cause is one structure, however many claims see it.
        """
        return tuple(
            f
            for f in self.told
            if f.met and not isinstance(f.claim, UnknownClaim) and f.claim.structural
        )

    @property
    def excluded(self) -> bool:
        """Whether a required claim was measured and not met."""
        return any(
            f.met is False and not isinstance(f.claim, UnknownClaim) and f.claim.required
            for f in self.findings
        )

    @property
    def grounded(self) -> bool:
        """Whether enough structure was seen to rest a verdict on this profile."""
        return not self.excluded and len(self.structural_met) >= self.profile.min_structural

    @property
    def pfa(self) -> float:
        """Chance that noise shows the least likely of the structures seen."""
        return min((f.pfa for f in self.structural_met if f.pfa is not None), default=1.0)

    def match(self) -> Match:
        """The public form."""
        return Match(
            self.profile.id,
            self.profile.system,
            self.profile.role,
            self.score,
            bool(self.structural_met),
            tuple(f.detail for f in self.told if f.met),
            tuple(f.detail for f in self.told if not f.met),
        )


def weigh_all(profiles: Sequence[Profile], measured: Measured) -> tuple[Weighed, ...]:
    """Every profile weighed, best first, with their shares of the odds."""
    weighed = sorted(
        (weigh(profile, measured) for profile in profiles),
        key=lambda w: (-w.log_odds, w.profile.id),
    )
    odds = np.exp(np.clip([w.log_odds for w in weighed], -30, 30))
    shares = odds / (1 + odds.sum())
    return tuple(replace(w, score=float(s)) for w, s in zip(weighed, shares, strict=True))


def unknown(weighed: Sequence[Weighed]) -> Match | None:
    """The answer that no known emitter explains it, where that is the likeliest."""
    share = 1 - sum(w.score for w in weighed)
    if weighed and share <= weighed[0].score:
        return None
    return Match(
        "unknown",
        "unknown",
        "unknown",
        share,
        False,
        ("no known emitter explains it better than one that nobody described",),
    )


def weigh(profile: Profile, measured: Measured) -> Weighed:
    """Weigh every claim of a profile."""
    findings = tuple(_evaluate(claim, measured) for claim in profile.claims)
    weighed = Weighed(profile, profile.prior + _evidence(findings), findings)
    return replace(weighed, log_odds=-30.0) if weighed.excluded else weighed


def most_telling(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What was measured; of claims of one cause the heaviest, for and against each."""
    heaviest: dict[tuple[str, bool], Finding] = {}
    for number, finding in enumerate(findings):
        if finding.met is None or isinstance(finding.claim, UnknownClaim):
            continue
        key = finding.claim.cause or str(number), finding.met
        if key not in heaviest or finding.worth > heaviest[key].worth:
            heaviest[key] = finding
    return tuple(heaviest.values())


def _evidence(findings: Sequence[Finding]) -> float:
    """Sum of what speaks for and against."""
    return sum(f.worth if f.met else -f.worth for f in most_telling(findings))


def _evaluate(claim: AnyClaim, measured: Measured) -> Finding:
    match claim:
        case BandClaim():
            return _band(claim, claim.ranges_hz, measured.rf_range_hz, "RF")
        case IfBandClaim():
            return _band(claim, claim.ranges_hz, measured.if_range_hz, "receiver input")
        case LagClaim():
            return _lag(claim, measured)
        case GridClaim():
            return _grid(claim, measured)
        case RangeClaim():
            return _range(claim, measured)
        case FlagClaim():
            value = measured.features.get(claim.feature)
            if value is None:
                return Finding(claim, None, claim.text)
            return _said(claim, bool(value) == claim.value, _yes_no(claim.feature, bool(value)))
        case UnknownClaim():
            return Finding(claim, None, claim.text)


def _band(
    claim: BandClaim | IfBandClaim,
    ranges_hz: list[tuple[float, float]],
    measured_hz: tuple[float, float] | None,
    what: str,
) -> Finding:
    if measured_hz is None:
        return Finding(claim, None, claim.text)
    low, high = measured_hz
    middle = (low + high) / 2
    met = any(a <= middle <= b for a, b in ranges_hz)
    return _said(claim, met, f"{what} {low / 1e6:.3f} to {high / 1e6:.3f} MHz")


def _lag(claim: LagClaim, measured: Measured) -> Finding:
    peaks = [measured.lag(claim.where, lag, claim.tolerance) for lag in claim.lags_s]
    known = [p for p in peaks if p is not None]
    if not known:
        return Finding(claim, None, claim.text)
    best = min(known, key=lambda p: p.pfa)
    against = _against(claim, known)
    if best.pfa >= LAG_PFA:
        return replace(_said(claim, False, "no repetition at that lag"), against=against)
    seen = f"repetition after {best.lag_s * 1e6:.3f} µs, correlation {best.strength:.3f}"
    if claim.max_strength is not None and best.strength > claim.max_strength:
        return _said(claim, False, f"{seen}, more than the {claim.max_strength:.2f} possible")
    least = (claim.min_share or 0.0) * best.signal_share
    # Twice the statistic is chi squared: its root tells the correlation's own doubt.
    doubt = 3 / math.sqrt(2 * -math.log(max(best.pfa, SMALLEST_CHANCE)))
    if best.signal_share > PLACED_SHARE and best.strength * (1 + doubt) < least:
        weak = _said(claim, False, f"{seen}, less than the {least:.2f} of equal copies")
        return replace(weak, against=against)
    return _said(claim, True, seen, best.pfa)


def _against(claim: LagClaim, peaks: Sequence[LagPeak]) -> float | None:
    """What a repetition that is not seen takes away; None for what the claim says.

    Missed by some deviations of its error, it is as likely as they are (half of
    their square, in nats).
    """
    most = claim.against if claim.against_strong is None else claim.against_strong
    missed = [peak.missed for peak in peaks if peak.missed is not None]
    if missed:
        return min(most, min(missed) ** 2 / 2)
    strong = min(peaks, key=lambda p: p.pfa).signal_share > STRONG_SHARE
    return most if strong else None


def _grid(claim: GridClaim, measured: Measured) -> Finding:
    folded = measured.folded
    if folded is not None and abs(folded.period_s - claim.period_s) < 1e-5 * claim.period_s:
        return _folded(claim, folded)
    result = measured.grid(claim.period_s)
    if result is None:
        return Finding(claim, None, claim.text)
    steps = sum(result.multiples.values())
    fitting = sum(count for m, count in result.multiples.items() if m in claim.multiples)
    met = result.kept and steps > 0 and fitting >= MULTIPLE_SHARE * steps
    seen = f"{result.on_grid} of {result.total} bursts keep a {claim.period_s * 1e3:.3f} ms grid"
    if result.kept and not met:
        seen += ", but not at the claimed spacings"
    return _said(claim, met, seen, result.pfa if met else None)


def _folded(claim: GridClaim, folded: FoldedGrid) -> Finding:
    """What folding tells: that bursts begin alike, and perhaps whether every frame holds one."""
    kept = f"bursts keep a frame of {claim.period_s * 1e3:.3f} ms"
    if folded.every is None:
        return Finding(claim, True, f"{kept}, at spacings not told: {folded.detail}", folded.pfa)
    seen = f"{kept}, {'one in every frame' if folded.every else 'few frames hold one'}"
    if (1 in claim.multiples) == folded.every:
        return Finding(claim, True, f"{seen}: {folded.detail}", folded.pfa)
    if not folded.every:
        return _said(claim, False, f"{seen}: {folded.detail}")
    # The frame is there, the spacings are not those that were seen.
    weight = claim.weight * FRAME_ALONE
    return Finding(claim, True, f"{seen}: {folded.detail}", folded.pfa, weight=weight)


def _range(claim: RangeClaim, measured: Measured) -> Finding:
    value = measured.features.get(claim.feature)
    if value is None or isinstance(value, bool):
        return Finding(claim, None, claim.text)
    low = -np.inf if claim.min is None else claim.min
    high = np.inf if claim.max is None else claim.max
    pfa = measured.features.get(f"{claim.feature}_pfa")
    chance = pfa if isinstance(pfa, float) else None
    met = bool(low <= value <= high)
    doubt = measured.features.get(f"{claim.feature}_doubt") or 0.0
    surely = low + doubt <= value <= high - doubt
    perhaps = low - doubt <= value <= high + doubt
    if surely != perhaps:
        return Finding(claim, None, claim.text)
    return _said(claim, met, f"{claim.feature} {_number(value)}", chance)


def _said(claim: AnyClaim, met: bool, seen: str, pfa: float | None = None) -> Finding:
    return Finding(claim, met, f"{claim.text}: {seen}", pfa)


def _yes_no(feature: str, value: bool) -> str:
    return f"{feature} is {'true' if value else 'false'}"


def _number(value: float) -> str:
    return f"{value:.4g}"
