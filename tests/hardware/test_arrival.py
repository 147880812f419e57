"""Losses found from arrival times: made-up streams with stalls, drift and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdr_detect_hardware._arrival import STEP_S, WINDOW_BLOCKS, ArrivalClock

RATE = 2.4e6
BLOCK = 32_768


def delays(count: int, seed: int = 1, jitter_s: float = 2e-3) -> np.ndarray:
    """How long each block is under way: mostly short, never negative, sometimes 30 ms."""
    rng = np.random.default_rng(seed)
    out = rng.exponential(jitter_s / 3, count)
    out[rng.random(count) < 0.03] += 0.03
    return out


def arrivals(late_s: np.ndarray, gaps: dict[int, int], rate: float = RATE) -> np.ndarray:
    """When blocks arrive, in order, with ``gaps[k]`` samples missing before block ``k``."""
    missing = np.cumsum([gaps.get(k, 0) for k in range(len(late_s))])
    ends = (np.arange(1, len(late_s) + 1) * BLOCK + missing) / rate
    return np.maximum.accumulate(ends + late_s)


def found(times_s: np.ndarray) -> dict[int, int]:
    clock = ArrivalClock(RATE)
    told = {k: clock.arrived(time_s, BLOCK) for k, time_s in enumerate(times_s)}
    return {k: lost for k, lost in told.items() if lost}


def test_nothing_missing_is_nothing_found() -> None:
    assert found(arrivals(delays(5000), {})) == {}


def test_losses_are_found_where_and_how_long_they_were() -> None:
    gaps = {200: 131_072, 400: 131_072, 600: 20_000, 800: 5_000_000}
    told = found(arrivals(delays(1000), gaps))
    for before, lost in gaps.items():
        here = {k: n for k, n in told.items() if before <= k <= before + 2 * WINDOW_BLOCKS}
        assert sum(here.values()) == pytest.approx(lost, abs=1500), (before, told)
    assert sum(told.values()) == pytest.approx(sum(gaps.values()), abs=4000)


@pytest.mark.parametrize("before", [1, 5, 11, 12, 13])
def test_a_loss_soon_after_the_start_is_found(before: int) -> None:
    told = found(arrivals(np.full(100, 1e-3), {before: 50_000}))
    assert sum(told.values()) == 50_000


def test_a_loss_below_the_step_is_not_claimed() -> None:
    gap = int(STEP_S * RATE * 0.8)
    assert found(arrivals(np.full(200, 1e-3), {100: gap})) == {}
    assert sum(found(arrivals(np.full(200, 1e-3), {100: 2 * gap})).values()) == 2 * gap


@pytest.mark.parametrize("ppm", [-150, 150])
def test_a_crystal_that_is_off_is_followed(ppm: float) -> None:
    times_s = arrivals(delays(4000), {2000: 100_000}, RATE * (1 + ppm * 1e-6))
    assert sum(found(times_s).values()) == pytest.approx(100_000, abs=2000)


@pytest.mark.parametrize("stall_s", [0.1, 1.0, 5.0])
def test_a_stall_that_is_caught_up_is_no_loss(stall_s: float) -> None:
    ends = np.arange(1, 2001) * BLOCK / RATE
    held = np.maximum(ends, np.where(ends > 5.0, 5.0 + stall_s, 0.0))
    # What waited comes as fast as the bus carries it.
    for k in range(1, len(held)):
        held[k] = max(ends[k], held[k], held[k - 1] + 1e-3 if ends[k] < 5.0 + stall_s else 0)
    assert found(held) == {}


def test_a_loss_hidden_by_a_stall_is_found_when_it_is_over() -> None:
    ends = (np.arange(1, 2001) * BLOCK + np.where(np.arange(2000) >= 400, 240_000, 0)) / RATE
    held = np.maximum.accumulate(np.where(ends > 5.0, np.maximum(ends, 6.0), ends))
    assert sum(found(held).values()) == pytest.approx(240_000, abs=300)


@given(st.lists(st.floats(0, 0.9 * STEP_S), min_size=1, max_size=200))
def test_jitter_below_the_step_is_never_a_loss(late_s: list[float]) -> None:
    assert found(arrivals(np.array(late_s), {})) == {}


def test_known_losses_are_not_found_again() -> None:
    clock = ArrivalClock(RATE)
    times_s = arrivals(np.full(100, 1e-3), {50: 100_000})
    for k, time_s in enumerate(times_s):
        if k == 50:
            clock.missed(100_000)
        assert clock.arrived(time_s, BLOCK) == 0


def test_position_is_where_the_stream_has_come() -> None:
    clock = ArrivalClock(RATE)
    with pytest.raises(ValueError, match="no block"):
        clock.position(0.0)
    for time_s in arrivals(np.full(50, 2e-3), {}):
        clock.arrived(time_s, BLOCK)
    assert clock.position(50 * BLOCK / RATE + 2e-3 + 0.5) == 50 * BLOCK + 0.5 * RATE
