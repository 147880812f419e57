"""Building blocks of the waveforms."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.simulate.modulation import CarrierWindow, below, random_symbols


@given(st.lists(st.tuples(st.sampled_from([2, 4, 8]), st.integers(0, 9)), min_size=1, max_size=5))
def test_below_draws_what_integers_draws(draws: list[tuple[int, int]]) -> None:
    """In any order, a number left over from an odd count included."""
    ours, numpys = np.random.Generator(np.random.PCG64(3)), np.random.Generator(np.random.PCG64(3))
    for order, count in draws:
        assert np.array_equal(
            below(ours, order, (3, count)), numpys.integers(order, size=(3, count))
        )
    assert ours.integers(1000) == numpys.integers(1000)


def test_symbols_left_out_are_drawn_all_the_same() -> None:
    whole = random_symbols(np.random.default_rng(5), "qpsk", (4, 10))
    part = random_symbols(np.random.default_rng(5), "qpsk", (4, 10), slice(3, 7))
    assert np.array_equal(part, whole[:, 3:7])


@given(first=st.integers(-40, 40), size=st.integers(1, 60), inner=st.integers(1, 5))
def test_pair_is_the_carriers_beside_the_gap(first: int, size: int, inner: int) -> None:
    sides = CarrierWindow(first, size, False).pair(inner, 20)
    numbers = np.arange(first, first + size)
    used = [n for side in sides for n in numbers[side]]
    assert used == [n for n in numbers if inner <= abs(n) <= 20]
