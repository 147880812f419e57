"""Timing of bursts: a grid they keep, and how often they come."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from sdr_detect.features.line import fit_line

#: Bursts are compared within this time: a clock error of 20 ppm moves the
#: phase by 30 µs in it.
WINDOW_S = 1.5

#: A start is on the grid when it lies within this of the common phase, or
#: within one part in twenty-four of the period if that is less.
TOLERANCE_S = 20e-6

#: Trial periods that no emitter is known to use, relative to the one claimed.
#: What keeps these as well as the claimed period keeps neither.
CONTROLS = (0.9713, 0.9867, 1.0149, 1.0311)

#: Share of the starts that must be on the grid. Every fourth pulse of a 1 kHz
#: radar is on the 4/3 ms grid too.
KEPT_SHARE = 0.3

#: Spacings that agree, as a share of all, to call it a period.
PERIOD_SHARE = 0.3

#: Time over which a grid is taken to run on: the scheduler reassigns a terminal
#: every 15 s, and another satellite need not keep the same phase.
FIT_S = 15.0

#: Starts that a period is fitted to, at least.
FIT_STARTS = 8

#: A start further from the line than this is no member (normal deviations).
OUTLIER_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class GridResult:
    """How well burst starts keep a grid.

    ``pfa`` is the probability that starts at random times do as well;
    ``control_pfa`` the best that wrong periods reached on the same starts.
    """

    period_s: float
    on_grid: int
    total: int
    pfa: float
    control_pfa: float
    multiples: dict[int, int]

    @property
    def kept(self) -> bool:
        """Whether the claimed grid is kept and wrong ones are not."""
        return (
            self.on_grid >= KEPT_SHARE * self.total
            and self.pfa < 1e-4
            and self.pfa < 1e-2 * self.control_pfa
        )


def grid_test(
    starts_s: Sequence[float] | NDArray[np.float64], period_s: float
) -> GridResult | None:
    """Test whether starts keep a common phase modulo ``period_s``.

    In each window of `WINDOW_S` the most populated phase interval is counted.
    By chance a start falls into a given interval with probability
    ``2 tolerance / period``, and there are period/tolerance intervals to
    choose from (scan statistic with the union bound). Windows are independent,
    so their counts and choices add up. None with fewer than four starts.
    """
    starts = np.sort(np.asarray(starts_s, dtype=np.float64))
    if starts.size < 4:
        return None
    log_pfa, members = _scan(starts, period_s)
    log_control = min(_scan(starts, period_s * factor)[0] for factor in CONTROLS)
    steps = np.diff(starts[members])
    counts = np.rint(steps / period_s).astype(int)
    multiples, times = np.unique(counts[(counts > 0) & (counts < 64)], return_counts=True)
    return GridResult(
        period_s,
        int(members.size),
        int(starts.size),
        float(np.exp(log_pfa)),
        float(np.exp(log_control)),
        {int(m): int(t) for m, t in zip(multiples, times, strict=True)},
    )


def _scan(starts: NDArray[np.float64], period_s: float) -> tuple[float, NDArray[np.int64]]:
    """Logarithm of the chance, which long watches drive far below any float; members."""
    half = min(TOLERANCE_S, period_s / 24)
    chance = 2 * half / period_s
    hits = 0
    windows = 0
    members: list[NDArray[np.int64]] = []
    edges = np.arange(starts[0], starts[-1] + WINDOW_S, WINDOW_S)
    bounds = np.searchsorted(starts, edges)
    bounds[-1] = starts.size
    for low, high in itertools.pairwise(bounds):
        if high - low < 2:
            continue
        phase = np.mod(starts[low:high], period_s)
        order = np.sort(np.concatenate((phase, phase + period_s)))
        reach = np.searchsorted(order, order[: phase.size] + 2 * half, side="right")
        best = int(np.argmax(reach - np.arange(phase.size)))
        middle = order[best] + half
        off = np.abs(np.mod(phase - middle + period_s / 2, period_s) - period_s / 2)
        inside = np.flatnonzero(off <= half * 1.001) + low
        hits += inside.size
        windows += 1
        members.append(inside)
    if not windows:
        return 0.0, np.zeros(0, np.int64)
    # In every window one start defines the phase; the others fall in by chance.
    log_pfa = _log_at_least(hits - windows, starts.size - windows, min(1.0, chance))
    log_choices = windows * np.log(period_s / half)
    return float(min(0.0, log_pfa + log_choices)), np.concatenate(members)


def _log_at_least(hits: int, trials: int, chance: float) -> float:
    """Logarithm of the binomial probability of that many hits or more."""
    if hits <= 0:
        return 0.0
    with np.errstate(divide="ignore"):  # below any float: minus infinity
        return float(np.log(bdtrc(hits - 1, trials, chance)))


def common_period_s(starts_s: Sequence[float], resolution_s: float) -> float | None:
    """The spacing of consecutive bursts that occurs most often.

    None when fewer than three bursts were seen or no spacing makes up
    `PERIOD_SHARE` of them.
    """
    starts = np.sort(np.asarray(starts_s, dtype=np.float64))
    steps = np.diff(starts)
    steps = steps[steps > 2 * resolution_s]
    if steps.size < 2:
        return None
    steps = np.sort(steps)
    slack = np.maximum(4 * resolution_s, 0.004 * steps)
    reach = np.searchsorted(steps, steps + slack, side="right")
    counts = reach - np.arange(steps.size)
    best = int(np.argmax(counts))
    if counts[best] < max(2, PERIOD_SHARE * steps.size):
        return None
    return float(np.mean(steps[best : reach[best]]))


@dataclass(frozen=True, slots=True)
class GridPeriod:
    """Period of a grid and its standard error."""

    period_s: float
    sigma_s: float


def grid_period(
    starts_s: Sequence[float] | NDArray[np.float64], nominal_s: float, resolution_s: float
) -> GridPeriod | None:
    """Fit the period of a grid to the starts that keep it.

    Least squares over the `FIT_S` that hold most members of the grid, and once
    more without outliers. In that time a clock error of 25 ppm moves the phase
    by less than a third of a frame of 4/3 ms: frames need no counting. Starts
    come in steps of ``resolution_s``, which do not average out when the grid
    keeps step with them. None with fewer than `FIT_STARTS` members, and where
    they scatter like starts at random around their phase: a grid that jumped.
    """
    starts = np.sort(np.asarray(starts_s, dtype=np.float64))
    if starts.size < FIT_STARTS:
        return None
    members = starts[_scan(starts, nominal_s)[1]]
    reach = np.searchsorted(members, members + FIT_S, side="right")
    first = int(np.argmax(reach - np.arange(members.size))) if members.size else 0
    times = members[first : reach[first]] if members.size else members
    for last in (False, True):
        if times.size < FIT_STARTS:
            return None
        turns = np.exp(2j * np.pi * np.mod(times, nominal_s) / nominal_s)
        lags = np.angle(turns * np.conj(turns.mean())) * nominal_s / (2 * np.pi)
        line = fit_line(times, lags)
        off = np.abs(line.residuals)
        if not last:
            # The median of normal deviations is 0.6745 of their standard one.
            times = times[off <= OUTLIER_SIGMAS * np.median(off) / 0.6745]
    if np.sqrt(np.mean(off**2)) > min(TOLERANCE_S, nominal_s / 24) / np.sqrt(3):
        return None
    sigma = np.hypot(line.sigma, resolution_s / np.sqrt(12) / (times[-1] - times[0]))
    return GridPeriod(nominal_s * (1 + line.slope), nominal_s * float(sigma))
