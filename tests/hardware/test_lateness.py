"""Lateness against clocks that are set apart, drift, and stand still."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sdr_detect_hardware._lateness import Lateness

S = 1_000_000_000
offsets = st.integers(-(10**17), 10**17)


def dropped(delays: list[int], offset: int = 0, step: int = S // 10) -> list[int]:
    """Which of the messages sent ``step`` apart are too late at a limit of 2 s."""
    lateness = Lateness(2.0)
    sent = [10**18 + number * step for number in range(len(delays))]
    return [
        number
        for number, (at, delay) in enumerate(zip(sent, delays, strict=True))
        if lateness.too_late(at, at + delay + offset)
    ]


@given(st.lists(st.integers(0, int(1.9 * S)), max_size=50), offsets)
def test_what_waits_less_is_kept_whatever_the_clocks_say(delays: list[int], offset: int) -> None:
    assert dropped(delays, offset) == []


@given(st.integers(int(2.1 * S), 30 * S), st.integers(1, 15), offsets)
def test_a_backlog_goes_and_nothing_else(wait: int, length: int, offset: int) -> None:
    delays = [0, 0, *[wait] * length, 0, 0]
    assert dropped(delays, offset) == list(range(2, 2 + length))


def test_a_backlog_is_dropped_until_it_waited_less() -> None:
    # All 50 come at once, 5 s after the first was sent.
    delays = [0] + [5 * S - number * S // 10 for number in range(50)]
    assert dropped(delays) == list(range(1, 31))


def test_clocks_may_drift_apart_for_days() -> None:
    step = 10 * S
    for ppm in (-100, 100, 190):
        delays = [number * step * ppm // 1_000_000 for number in range(30_000)]
        assert dropped(delays, step=step) == []


def test_a_way_that_became_longer_is_accepted_after_a_while() -> None:
    late = dropped([0, 0] + [3600 * S] * 200)
    assert late == list(range(2, 2 + 21))


def test_after_that_the_limit_holds_again() -> None:
    delays = [0] + [10 * S] * 50 + [13 * S] * 3 + [10 * S]
    assert dropped(delays) == [*range(1, 22), 51, 52, 53]
