"""Intervals, the fitted crossing, ROC and reliability on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sdr_detect.score.limits import slope_db
from sdr_detect.score.statistics import (
    auc,
    clopper_pearson,
    crossing,
    poisson_upper,
    quantile,
    quantile_interval,
    reliability,
    roc,
)

LADDER = [float(level) for level in range(-10, 11)]


def climbed(mean_db: float, sigma_db: float, trials: int, seed: int) -> list[list[bool]]:
    """Trials that become detections at a level drawn from a normal law."""
    levels = np.random.default_rng(seed).normal(mean_db, sigma_db, trials)
    return [[rung >= level for rung in LADDER] for level in levels]


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (45, 50)])
def test_clopper_pearson_against_scipy(hits: int, trials: int) -> None:
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, trials) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_poisson_bound_leaves_five_percent(count: int) -> None:
    assert stats.poisson.cdf(count, poisson_upper(count)) == pytest.approx(0.05)


@pytest.mark.parametrize("sigma_db", [0.5, 1.0, 2.0])
def test_crossing_is_the_quantile_of_the_law(sigma_db: float) -> None:
    found = crossing(LADDER, climbed(-3.0, sigma_db, 300, 5), slope_db(1e-6))
    assert found.cn_db == pytest.approx(-3.0 + 1.2816 * sigma_db, abs=0.3)
    assert found.lower_db is not None
    assert found.upper_db is not None
    assert found.lower_db <= found.cn_db <= found.upper_db  # type: ignore[operator]
    assert found.upper_db - found.lower_db < 0.6 * sigma_db


def test_crossing_interval_covers_the_truth() -> None:
    sigma_db = slope_db(1e-6)
    truth_db = 1.3 + 1.2816 * sigma_db
    hits = 0
    for seed in range(100):
        found = crossing(LADDER, climbed(1.3, sigma_db, 10, seed), sigma_db)
        assert found.lower_db is not None
        assert found.upper_db is not None
        hits += found.lower_db <= truth_db <= found.upper_db
    # 95 % of 100, three standard deviations down.
    assert hits >= 88


def test_crossing_out_of_reach_is_a_bound() -> None:
    never = crossing(LADDER, [[False] * len(LADDER)] * 5, 0.7)
    assert (never.cn_db, never.lower_db, never.upper_db) == (None, 10.0, None)
    always = crossing(LADDER, [[True] * len(LADDER)] * 5, 0.7)
    assert (always.cn_db, always.lower_db, always.upper_db) == (None, None, -10.0)
    # Reached by too few of the trials.
    few = [[False] * 20 + [True]] * 4 + [[False] * 21]
    assert crossing(LADDER, few, 0.7).cn_db is None


def test_crossing_tells_what_a_strong_signal_loses() -> None:
    found = [row[:15] + [False] * 6 for row in climbed(-3.0, 0.7, 40, 3)]
    crossed = crossing(LADDER, found, 0.7)
    assert crossed.cn_db == pytest.approx(-2.1, abs=0.5)
    assert crossed.lost_above_db == 4.0
    assert crossing(LADDER, climbed(-3.0, 0.7, 40, 3), 0.7).lost_above_db is None
    low = crossing(LADDER, [[True] * 3 + [False] * 18] * 5, 0.7)
    assert (low.cn_db, low.upper_db, low.lost_above_db) == (None, -10.0, -8.0)


def test_crossing_does_not_need_every_rung_in_order() -> None:
    found = climbed(0.0, 0.7, 40, 3)
    found[0][12], found[0][11] = False, True
    cleaned = crossing(LADDER, found, 0.7)
    assert cleaned.cn_db == pytest.approx(0.9, abs=0.5)


def test_auc_is_the_chance_that_signal_beats_blank() -> None:
    rng = np.random.default_rng(6)
    blank, signal = rng.normal(0, 1, 300).tolist(), rng.normal(1, 1, 200).tolist()
    area, lower, upper = auc(blank, signal)
    assert area == pytest.approx(np.mean([s > b for b in blank for s in signal]))
    assert lower < stats.norm.cdf(1 / np.sqrt(2)) < upper
    assert auc([0.0] * 4, [0.0] * 4)[0] == 0.5
    assert auc([0.0] * 10, [1.0] * 10) == (1.0, 0.7, 1.0)


def test_roc_runs_from_corner_to_corner_and_has_that_area() -> None:
    blank, signal = [0.0, 0.0, 1.0, 2.0], [0.0, 2.0, 3.0]
    points = roc(blank, signal)
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (1.0, 1.0)
    x, y = np.array(points).T
    assert np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) == pytest.approx(auc(blank, signal)[0])


def test_reliability_counts_and_weighs() -> None:
    verdicts = [(0.92, True)] * 9 + [(0.92, False)] + [(1.0, True)] * 10
    bins, error = reliability(verdicts, (0.0, 0.9, 0.95, 1.0))
    assert [(b.count, b.right) for b in bins] == [(10, 9), (10, 10)]
    assert error == pytest.approx((abs(9.2 - 9) + 0) / 20)
    assert reliability([], (0.0, 1.0)) == ([], None)


def test_quantiles_and_their_intervals() -> None:
    values = [float(v) for v in range(1, 21)]
    assert quantile(values, 0.5) == 10.0
    assert quantile(values, 0.9) == 18.0
    assert quantile([*values, float("inf"), float("inf"), float("inf")], 0.95) is None
    # Order statistics 6 and 15 of 20 bound the median (Conover 1999, table A3).
    assert quantile_interval(values, 0.5) == (6.0, 15.0)
    assert quantile_interval([1.0, 2.0], 0.5) == (None, None)


def test_quantile_interval_covers() -> None:
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(400):
        lower, upper = quantile_interval(rng.uniform(size=60).tolist(), 0.9)
        covered += (lower or 0.0) <= 0.9 <= (1.0 if upper is None else upper)
    assert covered >= 0.93 * 400
