"""Tracks that are parts of an emission which another track explains.

One emission may leave several tracks: bursts seen one by one beside what folding
shows of all, single and paired pulses, pilots and spectral fringes that look like
carriers. A part shows too little to be explained by itself; it is named as the
whole is. A verdict weighs every track by itself all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sdr_detect.model import Match
from sdr_detect.profiles.match import Weighed
from sdr_detect.reasons import PART_DB, SUSPICION, Judged

#: Kinds of track that show bursts, and those that a mean over time shows.
BURSTS = frozenset({"burst", "fold", "preamble", "activity"})
LINES = frozenset({"carrier", "tone"})

#: Log odds from which a track is explained well enough to explain its parts.
EXPLAINED = 2.0

#: So much of the shorter one, in time and in frequency, lies within the other.
WITHIN = 0.8


def name_parts(tracks: Sequence[Judged]) -> list[Judged]:
    """The tracks, with those that are parts of others named as these are."""
    wholes = [judged for judged in tracks if _is_explained(judged)]
    return [_named(judged, wholes) for judged in tracks]


def _is_explained(judged: Judged) -> bool:
    best = judged.best
    return best is not None and bool(best.structural_met) and best.log_odds > EXPLAINED


def _named(part: Judged, wholes: Sequence[Judged]) -> Judged:
    best = part.best
    if best is None or (best.structural_met and best.log_odds > SUSPICION):
        return part
    fitting = [w.best for w in wholes if w.best is not None and _contains(w, part, w.best)]
    if not fitting:
        return part
    whole = max(fitting, key=lambda weighed: weighed.log_odds)
    match = Match(
        whole.profile.id,
        whole.profile.system,
        whole.profile.role,
        whole.score,
        False,
        (f"part of an emission that is best explained as {whole.profile.name}",),
    )
    others = tuple(m for m in part.track.matches if m.profile != whole.profile.id)
    return replace(part, track=replace(part.track, matches=(match, *others)), whole=whole)


def _contains(whole: Judged, part: Judged, best: Weighed) -> bool:
    """Whether a track can be a part of another one that ``best`` explains."""
    if part.track.kind in LINES:
        # A carrier of its own may stand beside a terminal's bursts.
        kinds = best.profile.role != "user_terminal"
        kinds = kinds and whole.track.snr_db > part.track.snr_db - PART_DB
    else:
        kinds = part.track.kind in BURSTS and whole.track.kind in BURSTS
        # The traffic of a base station comes and goes, its waveform shows throughout.
        kinds = kinds or (part.track.kind, whole.track.kind) == ("activity", "stream")
    a, b = part.track, whole.track
    own = next((w for w in part.weighed if w.profile == best.profile), None)
    times = a.span.start_sample, a.span.stop_sample, b.span.start_sample, b.span.stop_sample
    band = a.freq_lower_hz, a.freq_upper_hz, b.freq_lower_hz, b.freq_upper_hz
    return kinds and own is not None and not own.excluded and _share(*times) and _share(*band)


def _share(low: float, high: float, other_low: float, other_high: float) -> bool:
    """Whether two intervals share nearly all of the shorter one."""
    shared = min(high, other_high) - max(low, other_low)
    return shared >= WITHIN * min(high - low, other_high - other_low)
