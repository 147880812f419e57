"""Order statistics against sorting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sdr_detect.dsp.order import both_nth, median, medians, nth_of_columns, quantiles

FLOATS = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda kind: arrays(
        kind,
        st.tuples(st.integers(1, 4), st.integers(1, 40)),
        elements=st.floats(-(2.0**99), 2.0**99, width=32) | st.sampled_from([0.0, -0.0, 1.0, -1.0]),
    )
)


@given(FLOATS)
def test_medians_are_those_of_sorting(values: NDArray[Any]) -> None:
    assert np.array_equal(medians(values), np.median(values, axis=1))
    assert np.array_equal(medians(values, axis=0), np.median(values, axis=0))
    assert medians(values).dtype == values.dtype
    assert median(values[0]) == np.median(values[0])


@given(FLOATS, st.floats(0, 1))
def test_quantiles_lie_between_ranks(values: NDArray[Any], share: float) -> None:
    wanted = np.quantile(values.astype(np.float64), share, axis=1)
    largest = float(np.abs(values).max(initial=1e-30))
    assert quantiles(values, share) == pytest.approx(wanted, rel=1e-5, abs=2e-6 * largest)


@given(FLOATS, st.floats(0, 1), st.floats(0, 1))
def test_two_ranks(values: NDArray[Any], lower: float, upper: float) -> None:
    ranks = tuple(sorted(int(share * (values.shape[1] - 1)) for share in (lower, upper)))
    both = both_nth(values, ranks)
    assert np.array_equal(both, np.sort(values, axis=1)[:, ranks].T)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_rank_of_columns_over_some_rows(count: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    power = rng.exponential(size=(2 * count, columns)).astype(np.float32)
    power[rng.random(power.shape) < 0.1] = 0.0  # ties
    index = np.sort(rng.choice(2 * count, count, replace=False))
    rank = int(rng.integers(count))
    assert np.array_equal(nth_of_columns(power, index, rank), np.sort(power[index], axis=0)[rank])
