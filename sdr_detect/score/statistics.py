"""From counts to numbers with an interval. All intervals are two-sided at 95 % unless named."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv, ndtr, ndtri
from scipy.stats import binom, rankdata

LEVEL = 0.95

#: Half the drop of twice the log-likelihood that bounds 95 % (chi-squared, 1 degree).
_PROFILE_DROP = 1.92

#: Steps of the grid on which the crossing is fitted, dB, and how far it goes
#: beyond the ladder.
_STEP_DB = 0.02
_MARGIN_DB = 3.0

#: The prior of the slope is log-normal round the theoretical one, with this
#: standard deviation in nepers (a factor of two). It matters only where few
#: trials leave the slope open.
_SLOPE_SPREAD = math.log(2)


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson 1934)."""
    tail = (1 - LEVEL) / 2
    lower = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    upper = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return lower, upper


def poisson_upper(count: int) -> float:
    """One-sided 95 % upper bound of a Poisson mean after ``count`` events: 3.0 after none."""
    return float(gammaincinv(count + 1, LEVEL))


@dataclass(frozen=True, slots=True)
class Crossing:
    """The C/N at which Pd reaches its mark.

    ``cn_db`` is None where the ladder does not reach it; then ``lower_db`` (or
    ``upper_db``, where the lowest rung was already enough) is the rung it lies
    above (or below). ``lost_above_db`` is the last rung that reaches it where
    stronger ones do not: a detector that a strong signal confuses.
    """

    cn_db: float | None
    lower_db: float | None
    upper_db: float | None
    lost_above_db: float | None = None


def crossing(
    ladder_db: Sequence[float], found: Sequence[Sequence[bool]], slope_db: float, pd: float = 0.9
) -> Crossing:
    """C/N at which a share ``pd`` of the trials is detected.

    The same noise is heard at every rung of a trial, so each trial yields one
    number: the C/N from which it is a detection, known between two rungs. A
    normal law is fitted to these (interval-censored maximum likelihood), and
    the interval of its quantile is that of the profile likelihood. Rungs of one
    trial are never counted as independent.

    Parameters
    ----------
    ladder_db : (rungs,) ascending
    found : (trials, rungs)
        Whether each trial was a detection at each rung.
    slope_db : float
        Standard deviation that theory gives the law (`limits.slope_db`), the
        centre of a weak prior.
    pd : float
    """
    rungs = np.asarray(ladder_db, dtype=np.float64)
    hits = np.asarray(found, dtype=bool)
    share = hits.mean(axis=0)
    enough = np.flatnonzero(share >= pd)
    if not enough.size:
        return Crossing(None, float(rungs[-1]), None)
    last = int(enough[-1])
    lost_above_db = float(rungs[last]) if last + 1 < len(rungs) else None
    rungs, hits = rungs[: last + 1], hits[:, : last + 1]
    if enough.size == last + 1:
        return Crossing(None, None, float(rungs[0]), lost_above_db)
    missed = np.count_nonzero(~hits, axis=1)
    edges = np.concatenate(([-np.inf], rungs, [np.inf]))
    counts = np.bincount(missed, minlength=len(rungs) + 1)
    quantile = np.arange(rungs[0] - _MARGIN_DB, rungs[-1] + _MARGIN_DB, _STEP_DB)
    sigma = slope_db * np.exp(np.linspace(-2, 2, 41))
    score = _log_posterior(edges, counts, quantile, sigma, slope_db, pd)
    profile = score.max(axis=1)
    inside = quantile[profile >= profile.max() - _PROFILE_DROP]
    return Crossing(
        round(float(quantile[int(np.argmax(profile))]), 2),
        round(float(inside[0]), 2),
        round(float(inside[-1]), 2),
        lost_above_db,
    )


def _log_posterior(
    edges: NDArray[np.float64],
    counts: NDArray[np.int64],
    quantile: NDArray[np.float64],
    sigma: NDArray[np.float64],
    slope_db: float,
    pd: float,
) -> NDArray[np.float64]:
    """(quantiles, sigmas): log-likelihood of the censored law plus the prior of its slope."""
    mean = quantile[:, None] - float(ndtri(pd)) * sigma
    total = np.tile(-0.5 * (np.log(sigma / slope_db) / _SLOPE_SPREAD) ** 2, (len(quantile), 1))
    for lower, upper, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            inside = ndtr((upper - mean) / sigma) - ndtr((lower - mean) / sigma)
            total += count * np.log(np.maximum(inside, 1e-300))
    return total


def auc(blank: Sequence[float], signal: Sequence[float]) -> tuple[float, float, float]:
    """Area under the ROC with its interval; ties count half.

    Mann-Whitney statistic; the standard error is that of Hanley and McNeil
    (1982), and where the area is 0 or 1 the bound of the rule of three.
    """
    ranks = rankdata(np.concatenate([blank, signal]))
    n0, n1 = len(blank), len(signal)
    area = (float(ranks[n0:].sum()) - n1 * (n1 + 1) / 2) / (n0 * n1)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (n1 - 1) * (q1 - area**2) + (n0 - 1) * (q2 - area**2)) / (
        n0 * n1
    )
    half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(max(variance, 0.0))
    if area in (0.0, 1.0):
        half = min(1.0, 3 / min(n0, n1))
    return area, max(0.0, area - half), min(1.0, area + half)


def roc(blank: Sequence[float], signal: Sequence[float]) -> list[tuple[float, float]]:
    """(false-alarm share, detection share) at every threshold, from (0, 0) to (1, 1)."""
    cuts = np.unique(np.concatenate([blank, signal]))[::-1]
    zeros, ones = np.asarray(blank), np.asarray(signal)
    points = [(float(np.mean(zeros >= c)), float(np.mean(ones >= c))) for c in cuts]
    return [(0.0, 0.0), *points]


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts of like confidence: how many, how confident, how many of them right."""

    lower: float
    upper: float
    count: int
    confidence: float
    right: int


def reliability(
    verdicts: Sequence[tuple[float, bool]], edges: Sequence[float]
) -> tuple[list[Bin], float | None]:
    """Filled bins of a reliability diagram, and the expected calibration error.

    The error is the mean over verdicts of the distance between a bin's mean
    confidence and its share of right verdicts (Naeini et al. 2015); None
    without verdicts.
    """
    bins = []
    for lower, upper in itertools.pairwise(edges):
        inside = [(c, r) for c, r in verdicts if lower <= c < upper or (c == upper == edges[-1])]
        if inside:
            mean = sum(c for c, _ in inside) / len(inside)
            bins.append(Bin(lower, upper, len(inside), mean, sum(r for _, r in inside)))
    if not bins:
        return [], None
    total = sum(b.count for b in bins)
    return bins, sum(abs(b.confidence * b.count - b.right) for b in bins) / total


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all values does not exceed.

    None where that is infinite: a trial that never came to an end.
    """
    ordered = sorted(values)
    value = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
    return value if math.isfinite(value) else None


def quantile_interval(values: Sequence[float], share: float) -> tuple[float | None, float | None]:
    """Distribution-free interval of a quantile: order statistics by the binomial law.

    A bound is None where the trials are too few for one, or it is infinite.
    """
    ordered = sorted(values)
    lower, upper = _ranks(len(ordered), share)
    return _at(ordered, lower), _at(ordered, upper)


def _at(ordered: Sequence[float], rank: int) -> float | None:
    if not 0 <= rank < len(ordered) or not math.isfinite(ordered[rank]):
        return None
    return ordered[rank]


def _ranks(trials: int, share: float) -> tuple[int, int]:
    tail = (1 - LEVEL) / 2
    below = binom.cdf(np.arange(trials + 1), trials, share)
    lower = int(np.searchsorted(below, tail, side="right")) - 1
    return lower, int(np.searchsorted(below, 1 - tail))
