"""Whether a level changes at instants 15 s apart.

A terminal is given satellite and channel anew every 15 s: its level steps, or
it leaves the slice and comes back. Steps are found first, wherever they are;
then it is counted how many of them share one phase of 15 s. Steps at random
times (fading, traffic, a ship that turns) do so by chance only, and that chance
is the false-alarm probability; the size of the steps does not matter. The
phase is learned, not assumed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrc

Floats = NDArray[np.float64]

#: The scheduler's interval (Tanveer et al. 2023, arXiv:2307.00402).
SLOT_S = 15.0

#: Second of the slot in UTC at which published plots show the steps: :12, :27,
#: :42 and :57, read to a second.
PLOTTED_UTC_S = 12.0
PLOTTED_ERROR_S = 1.0

#: Levels are compared over this time before and after a step: two of them fit
#: between boundaries, so that one step never enters another's comparison.
SIDE_S = 7.0

#: Points on each side from which two levels can be compared.
LEAST_POINTS = 8

#: A step counts from this many standard errors on. White noise shows one in
#: about four minutes; those fall on any phase alike.
STEP_SIGMAS = 3.0

#: Silence longer than this is a change too: bursts come 4 to 8 a second even
#: when little is sent.
SILENCE_S = 2.0

#: Steps this close to a common phase agree with it. A step as large as the
#: noise of one point in ten a second is placed within some tenths of a second.
TOLERANCE_S = 0.4

#: Periods that no scheduler keeps: the same steps must agree far less well there.
CONTROLS_S = (13.7, 14.3, 15.7, 16.3)
CONTROL_RATIO = 1e-2

#: Steps 15 s apart agree at these too, but not as well as what really has such
#: a period (a rolling ship, a radar's scan, a lamp's flash).
RELATED_S = (2.5, 3.0, 3.75, 5.0, 7.5, 30.0)

#: Chance below which the steps are believed, and boundaries after which their
#: lack is.
BELIEVED_PFA = 1e-3
ENOUGH_BOUNDARIES = 4

#: Steps looked at: those of an hour and more. The largest come first.
MAX_STEPS = 400

#: Their lack means something where steps of this size would have been found: half
#: of what separates two slots with levels that spread by 1 dB.
TELLING_DB = 0.7


@dataclass(frozen=True, slots=True)
class SlotSteps:
    """How well level changes keep 15 s.

    ``phase_s`` is their phase in the time of the series, ``phase_utc_s`` in
    UTC where the start is known; ``pfa`` the chance that as many of ``steps``
    at random times agree to some phase, ``control_pfa`` the least that a wrong
    period reached, ``related_pfa`` that of a divisor or multiple;
    ``boundaries`` how many instants of that phase were watched on both sides;
    ``smallest_db`` the step that the noise allows to be found.
    """

    phase_s: float | None
    phase_sigma_s: float | None
    phase_utc_s: float | None
    on_phase: int
    steps: int
    boundaries: int
    pfa: float
    control_pfa: float
    related_pfa: float
    smallest_db: float

    @property
    def kept(self) -> bool | None:
        """True or False where the data say so; None where they do not."""
        apart = self.pfa < CONTROL_RATIO * self.control_pfa and self.pfa < self.related_pfa
        if self.pfa < BELIEVED_PFA and apart:
            return True
        enough = self.boundaries >= ENOUGH_BOUNDARIES and self.smallest_db <= TELLING_DB
        return False if enough and self.on_phase <= self.boundaries / 4 else None

    def agrees(self, time_error_s: float = 0.0) -> bool | None:
        """Whether the phase is that of :12, :27, :42 and :57 UTC, within its error."""
        if self.phase_utc_s is None or self.phase_sigma_s is None:
            return None
        off_s = abs(_wrapped(self.phase_utc_s - PLOTTED_UTC_S, SLOT_S))
        return bool(off_s <= 3 * self.phase_sigma_s + time_error_s + PLOTTED_ERROR_S)


def slot_steps(
    times_s: ArrayLike, level_db: ArrayLike, start_ns: int | None = None
) -> SlotSteps | None:
    """Test whether level changes share one phase of 15 s.

    By chance a step lies within ``TOLERANCE_S`` of another one's phase with
    probability c = 2 · 0.4/15. That h of n do so for one of the n phases has at
    most the probability n · P(Binomial(n - 1, c) >= h - 1).

    Parameters
    ----------
    times_s, level_db : (n,) array_like
        Level at ascending times, such as medians over 0.1 s; no entry where
        nothing was heard.
    start_ns : int or None
        UTC of time 0, nanoseconds since 1970.

    Returns
    -------
    SlotSteps or None
        None if not even one slot was watched.
    """
    times = np.asarray(times_s, dtype=np.float64)
    level = np.asarray(level_db, dtype=np.float64)
    if times.size < 2 * LEAST_POINTS or times[-1] - times[0] < SLOT_S:
        return None
    steps = step_times_s(times, level)
    pfa, members = _agreement(steps, SLOT_S)
    control, related = (
        min(_agreement(steps, period)[0] for period in periods)
        for periods in (CONTROLS_S, RELATED_S)
    )
    phase = sigma = utc = None
    if members.size:
        off = _wrapped(steps[members] - steps[members[0]], SLOT_S)
        phase = float(np.mod(steps[members[0]] + np.median(off), SLOT_S))
        # A single one is known to the tolerance only; the median of more, better.
        spread = TOLERANCE_S if off.size < 2 else max(float(np.std(off)), 0.1)
        sigma = 1.25 * spread / off.size**0.5
        if start_ns is not None:
            whole_s, rest_ns = divmod(start_ns, 1_000_000_000)
            utc = float(np.mod(whole_s % 15 + rest_ns * 1e-9 + phase, SLOT_S))
    return SlotSteps(
        phase,
        sigma,
        utc,
        int(members.size),
        int(steps.size),
        _boundaries(times, phase or 0.0),
        pfa,
        control,
        related,
        STEP_SIGMAS * _noise_db(level) * np.sqrt(2 * float(np.median(np.diff(times))) / SIDE_S),
    )


def step_times_s(times: Floats, level: Floats) -> Floats:
    """Instants at which the level changes, or the emission falls silent or returns."""
    gaps = np.flatnonzero(np.diff(times) > SILENCE_S)
    edges = np.concatenate(([0], gaps + 1, [times.size]))
    found = [times[gaps], times[gaps + 1]]
    for first, last in itertools.pairwise(edges.tolist()):
        if last - first >= 2 * LEAST_POINTS:
            found.append(_level_steps(times[first:last], level[first:last]))
    return np.sort(np.concatenate(found))


def _level_steps(times: Floats, level: Floats) -> Floats:
    """Change points: where the means on both sides differ most, and enough."""
    noise = _noise_db(level)
    if noise <= 0:
        return np.zeros(0)
    at = np.arange(LEAST_POINTS, times.size - LEAST_POINTS + 1)
    instant = (times[at - 1] + times[at]) / 2
    low = np.searchsorted(times, instant - SIDE_S)
    high = np.searchsorted(times, instant + SIDE_S)
    total = np.concatenate(([0.0], np.cumsum(level - level.mean())))
    before, after = at - low, high - at
    change = (total[high] - total[at]) / after - (total[at] - total[low]) / before
    score = np.abs(change) / (noise * np.sqrt(1 / before + 1 / after))
    score[(before < LEAST_POINTS) | (after < LEAST_POINTS)] = 0
    found: list[float] = []
    while True:
        best = int(np.argmax(score))
        if score[best] < STEP_SIGMAS or len(found) == MAX_STEPS:
            return np.array(found)
        found.append(float(instant[best]))
        score[np.abs(instant - instant[best]) <= SIDE_S] = 0


def _noise_db(level: Floats) -> float:
    """Standard deviation of one point, from neighbours: the steps do not enter it."""
    return float(np.median(np.abs(np.diff(level)))) / (0.6745 * 2**0.5)


def _agreement(steps: Floats, period_s: float) -> tuple[float, NDArray[np.int64]]:
    """Chance of the largest group of steps at one phase, and its members."""
    n = steps.size
    if not n:
        return 1.0, np.zeros(0, np.int64)
    width = min(2 * TOLERANCE_S, period_s / 3)
    phase = np.mod(steps, period_s)
    order = np.sort(phase)
    twice = np.concatenate((order, order + period_s))
    group = np.searchsorted(twice, order + width, side="right") - np.arange(n)
    begin = order[int(np.argmax(group))]
    members = np.flatnonzero(np.mod(phase - begin, period_s) <= width)
    others = members.size - 1
    chance = 1.0 if others < 1 else float(bdtrc(others - 1, n - 1, width / period_s))
    return min(1.0, n * chance), members


def _boundaries(times: Floats, phase_s: float) -> int:
    """Instants of a phase within the series."""
    first, last = (int(np.floor((t - phase_s) / SLOT_S)) for t in (times[0], times[-1]))
    return last - first


def _wrapped(difference_s: Floats | float, period_s: float) -> Floats:
    """Difference to the nearest multiple of the period."""
    return np.asarray(np.mod(difference_s + period_s / 2, period_s) - period_s / 2)
