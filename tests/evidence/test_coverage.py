"""What of a time was recorded: gaps are found, however the recordings lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.evidence.coverage import LEAST_NS, Stretch, gaps, stretch, told

S = 10**9
START = 1_777_885_200 * S  # 2026-05-04 09:00:00

stretches = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(1, 10**11)).map(lambda p: (p[0], p[0] + p[1])),
    min_size=1,
    max_size=12,
)


@given(stretches)
def test_a_gap_is_what_no_recording_covers(recorded: list[Stretch]) -> None:
    found = gaps(recorded)
    assert found == gaps(reversed(recorded))
    for begin, end in found:
        assert end - begin > LEAST_NS
        assert not [one for one in recorded if one[0] < end and begin < one[1]]
        assert begin in {stop for _, stop in recorded}
        assert end in {start for start, _ in recorded}


@given(stretches)
def test_filled_gaps_are_gone(recorded: list[Stretch]) -> None:
    assert gaps([*recorded, *gaps(recorded)]) == []


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ([(0, 60), (60, 120)], "09:00:00.0 to 09:02:00.0 UTC without a gap"),
        ([(0, 60), (63, 120)], "97.5 % of it; gaps, 3 s in all: 09:01:00.0 for 3 s"),
        ([(0, 1), *((n, n + 1) for n in range(2, 20, 2))], "for 1 s and 4 more"),
        ([(0, 1), (86400, 86401)], "2026-05-05 09:00:01.0 UTC, <0.1 % of it"),
        ([(0, 1), None], "is not known for all of it"),
        ([], "is not known for all of it"),
    ],
)
def test_in_words(recorded: list[tuple[int, int] | None], words: str) -> None:
    placed = [None if one is None else (START + one[0] * S, START + one[1] * S) for one in recorded]
    assert words in told(placed)


def test_a_stretch_needs_a_start_and_a_length() -> None:
    assert stretch(START, 1.5) == (START, START + 3 * S // 2)
    assert stretch(None, 1.5) is None
    assert stretch(START, None) is None
