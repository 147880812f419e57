"""Which stop comes next. All of it is arithmetic: the caller says what time it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sdr_detect.intercept import PD
from sdr_detect.model import NS_PER_S, StreamInfo, Track
from sdr_detect.scan.plan import Stop
from sdr_detect.scan.terminal import SLOT_UTC_S

SLOT_S = 15.0

#: Slowest repetition of bursts seen, 14 frames of 4/3 ms.
SLOWEST_S = 14 * 4 / 3 * 1e-3

#: Chance before any evidence that a terminal is on the air at all.
PRIOR = 0.5

#: A sighting changes the odds by no more than this: profiles are imperfect.
MOST_LOG_ODDS = 7.0

#: Longer stays on suspicion: 0.1, 1, 10 s with stops of 0.1 s, never beyond a slot.
LONGER = 10.0

#: Score of a match with a terminal from which it is a sighting.
SUSPICIOUS = 0.5

#: A piece of a slot shorter than this holds no two bursts and is not worth a stop.
LEAST_STAY_S = 0.04


@dataclass(frozen=True, slots=True)
class Moment:
    """Time of the stream in seconds since sample 0, and its UTC where known."""

    time_s: float
    utc_ns: int | None = None


class Strategy(Protocol):
    """Says where to go."""

    def next(self, now: Moment) -> Stop:
        """The stop that begins now."""
        ...


class Cycle:
    """The same stops again and again: park, scan, comb."""

    def __init__(self, stops: Sequence[Stop]) -> None:
        self._stops = tuple(stops)
        self._at = -1

    def next(self, now: Moment) -> Stop:  # noqa: ARG002 - the time does not matter
        """The next of the list."""
        self._at = (self._at + 1) % len(self._stops)
        return self._stops[self._at]


class Hop:
    """Every stop once between two reassignments, as long as the slot allows.

    A terminal keeps its channel for a slot: once every channel was heard in it,
    only a longer stay would have told more. Where UTC is known no stop crosses a
    reassignment; else stops have that length all the same.
    """

    def __init__(self, stops: Sequence[Stop], settle_s: float) -> None:
        self._cycle = Cycle(stops)
        self._count = len(stops)
        self._settle_s = settle_s
        self._left = 0
        self._slot: int | None = None

    def next(self, now: Moment) -> Stop:
        """The next channel, with an equal part of what is left of the slot."""
        stop = self._cycle.next(now)
        if now.utc_ns is None:
            return replace(stop, dwell_s=self._part(SLOT_S, self._count))
        since_ns = now.utc_ns - round(SLOT_UTC_S * NS_PER_S)
        slot, past_ns = divmod(since_ns, round(SLOT_S * NS_PER_S))
        left_s = SLOT_S - past_ns / NS_PER_S
        if left_s < LEAST_STAY_S + self._settle_s:
            slot, left_s = slot + 1, left_s + SLOT_S
        if slot != self._slot or self._left < 1:
            self._slot, self._left = slot, self._count
        part_s = self._part(left_s, self._left)
        self._left -= 1
        return replace(stop, dwell_s=part_s)

    def _part(self, seconds: float, count: int) -> float:
        return max(seconds / count - self._settle_s, LEAST_STAY_S)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Log odds that something in an RF range is a terminal, and when it was last heard."""

    lower_hz: float
    upper_hz: float
    stop_s: float
    log_odds: float


def evidence(tracks: Iterable[Track], info: StreamInfo) -> list[Evidence]:
    """What speaks for terminals: of each track, the best match with one."""
    found = []
    for track in tracks:
        best = max((m.score for m in track.matches if m.role == "user_terminal"), default=0.0)
        if best >= SUSPICIOUS:
            odds = best / (1 - min(best, 1 - 1e-9))
            stop_s = info.seconds(track.span.stop_sample)
            found.append(Evidence(track.freq_lower_hz, track.freq_upper_hz, stop_s, math.log(odds)))
    return found


class Adaptive:
    """Goes where a terminal is most probable, and stays longer on suspicion.

    The chance of each stop's channel being in use is kept by Bayes' rule: a stay
    that shows nothing lowers it, a sighting raises it, and as terminals are
    reassigned every 15 s all of them drift towards their mean. Without a sighting
    that is a round of all stops.
    """

    def __init__(self, stops: Sequence[Stop]) -> None:
        self._stops = tuple(stops)
        self._chance = [PRIOR / len(stops)] * len(stops)
        self._left_s = [-math.inf] * len(stops)
        self._judged_s = [0.0] * len(stops)
        self._at: int | None = None
        self._since_s = 0.0
        self._raised = 0
        self._evidence: tuple[Evidence, ...] = ()

    def observe(self, evidence: Iterable[Evidence]) -> None:
        """Take what is known by now; may be called from another thread."""
        self._evidence = tuple(evidence)

    @property
    def chances(self) -> tuple[float, ...]:
        """For each stop, that its channel is in use."""
        return tuple(self._chance)

    def next(self, now: Moment) -> Stop:
        """The most probable stop; of equal ones the one left the longest time ago."""
        if self._at is not None:
            self._weigh(self._at, now.time_s)
            self._left_s[self._at] = now.time_s
        sighted = self._sightings()
        best = max(
            range(len(self._stops)), key=lambda i: (round(self._chance[i], 12), -self._left_s[i])
        )
        suspicious = best == self._at and best in sighted
        self._raised = self._raised + 1 if suspicious else 0
        self._at, self._since_s = best, now.time_s
        stop = self._stops[best]
        return replace(stop, dwell_s=min(stop.dwell_s * LONGER**self._raised, SLOT_S))

    def _weigh(self, at: int, now_s: float) -> None:
        """A stay is over: reassignment mixes all chances, silence lowers this one."""
        stay_s = now_s - self._since_s
        mixed = 1 - math.exp(-stay_s / SLOT_S)
        mean = sum(self._chance) / len(self._chance)
        self._chance = [(1 - mixed) * p + mixed * mean for p in self._chance]
        self._update(at, 1 - PD * min(1.0, stay_s / SLOWEST_S))

    def _sightings(self) -> set[int]:
        """Stops with news, their chances raised."""
        found: dict[int, Evidence] = {}
        for one in self._evidence:
            for i, stop in enumerate(self._stops):
                if one.lower_hz <= stop.rf_hz <= one.upper_hz and one.stop_s > self._judged_s[i]:
                    known = found.get(i)
                    found[i] = one if known is None or one.log_odds > known.log_odds else known
        for i, one in found.items():
            self._judged_s[i] = one.stop_s
            # The stay that showed it was taken for silence.
            self._update(i, math.exp(min(one.log_odds, MOST_LOG_ODDS)) / (1 - PD))
        return set(found)

    def _update(self, at: int, ratio: float) -> None:
        """Bayes' rule: what was heard is ``ratio`` times as likely with a terminal there."""
        total = 1 + (ratio - 1) * self._chance[at]
        self._chance = [p * (ratio if i == at else 1) / total for i, p in enumerate(self._chance)]
