"""Tracks over the stays of a receiver that retunes: one emitter, one track.

Every stay finds its emitters anew. What was seen before at the same frequency, as the
same kind, with the receiver set alike, keeps its id, and becomes one track with what the
stays show together. It is complete when it has not been seen for long, or at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sdr_detect.events import TrackEvent
from sdr_detect.model import StreamInfo, Track
from sdr_detect.reasons import Judged

#: A track that was not seen for so long is complete: a slow scan comes back in less.
AWAY_S = 600.0

#: Tracks kept open; beyond them the one not seen for the longest time is complete.
MAX_OPEN = 256

#: A tone whose drift is not known may have moved by this much a second: the Doppler rate
#: of a low orbit.
DRIFT_HZ_PER_S = 3000.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A track with the stays that showed it; ``info`` and ``setting`` are of the latest."""

    judged: Judged
    info: StreamInfo
    setting: StreamInfo | None
    visits: int = 1

    @property
    def event(self) -> TrackEvent:
        """As it is told."""
        return TrackEvent(self.shown.track, self.info)

    @property
    def shown(self) -> Judged:
        """With the number of stays among its features, where there were several."""
        if self.visits == 1:
            return self.judged
        track = self.judged.track
        told = replace(track, features={**track.features, "visits": self.visits})
        return replace(self.judged, track=told)


class Revisits:
    """Tracks that are open, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._open: list[Seen] = []

    def take(self, judged: Iterable[Judged], info: StreamInfo) -> None:
        """Add what one stay showed."""
        self._open = _merged(self._open, judged, info)

    def with_stay(self, judged: Iterable[Judged], info: StreamInfo) -> list[Judged]:
        """All of it, and what the present stay shows so far; changes nothing."""
        return [seen.shown for seen in _merged(self._open, judged, info)]

    @property
    def tracks(self) -> list[Judged]:
        """All that are open."""
        return [seen.shown for seen in self._open]

    def complete(self, stop_sample: int | None = None) -> list[Seen]:
        """Hand out, and forget, what was not seen for long before ``stop_sample``; None: all."""
        away = [
            seen for seen in self._open
            if stop_sample is None
            or stop_sample - seen.judged.track.span.stop_sample
            > AWAY_S * seen.info.sample_rate_hz
        ]  # fmt: skip
        kept = [seen for seen in self._open if not any(seen is gone for gone in away)]
        while len(kept) > MAX_OPEN:
            oldest = min(kept, key=lambda s: s.judged.track.span.stop_sample)
            kept = [seen for seen in kept if seen is not oldest]
            away.append(oldest)
        self._open = kept
        return away


def _merged(known: Sequence[Seen], judged: Iterable[Judged], info: StreamInfo) -> list[Seen]:
    """The open tracks with those of one stay; each known one goes on once."""
    merged = list(known)
    setting = _setting(info)
    alike = [k for k, seen in enumerate(known) if setting is not None and seen.setting == setting]
    for one in judged:
        mates = [k for k in alike if _same(merged[k].judged.track, one.track, info)]
        if not mates:
            merged.append(Seen(one, info, setting))
            continue
        mate = min(mates, key=lambda k: _apart_hz(merged[k].judged.track, one.track))
        alike.remove(mate)
        old = merged[mate]
        whole = joined(old.judged, one, old.visits)
        merged[mate] = Seen(whole, info, setting, old.visits + 1)
    return merged


def _setting(info: StreamInfo) -> StreamInfo | None:
    """All but where the receiver is tuned; None where that is not known."""
    return None if info.center_hz is None else replace(info, center_hz=None, reference=None)


def _same(known: Track, other: Track, info: StreamInfo) -> bool:
    """Whether the other may be the known emitter, seen again."""
    if known.kind != other.kind:
        return False
    if known.shares_band(other):
        return True
    if known.kind != "tone":
        return False
    away_s = info.seconds(other.span.start_sample - known.span.stop_sample)
    narrower = min(t.freq_upper_hz - t.freq_lower_hz for t in (known, other))
    return _apart_hz(known, other) <= narrower + DRIFT_HZ_PER_S * max(0.0, away_s)


def _apart_hz(one: Track, other: Track) -> float:
    """Distance of the centres."""
    return (
        abs(one.freq_lower_hz + one.freq_upper_hz - other.freq_lower_hz - other.freq_upper_hz) / 2
    )


def joined(known: Judged, other: Judged, visits: int) -> Judged:
    """One track of two stays: what is best explained stands, counts add up.

    Parameters
    ----------
    known : Judged
        Of ``visits`` stays so far; its id is kept.
    other : Judged
        Of a later one.
    """
    best = max((known, other), key=lambda j: (_odds(j), -j.track.pfa))
    one, two = known.track, other.track
    track = replace(
        best.track,
        id=one.id,
        span=replace(one.span, stop_sample=max(one.span.stop_sample, two.span.stop_sample)),
        burst_count=one.burst_count + two.burst_count,
        # Each stay had its chance to show it by accident.
        pfa=min(1.0, (visits + 1) * min(one.pfa / visits, two.pfa)),
        flags=one.flags | two.flags,
    )
    return Judged(track, best.weighed)


def _odds(judged: Judged) -> float:
    return -math.inf if judged.best is None else judged.best.log_odds
