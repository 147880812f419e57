"""What a ladder says of a target, and a climb of a terminal that is certain to be found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sdr_detect.score.job import Job, Plan
from sdr_detect.score.ladder import climb, crossing_column, crossing_fields, met, rungs_above
from sdr_detect.score.scenarios import TARGETS_DB, cases
from sdr_detect.score.sensitivity import RATES_HZ, case, jobs
from sdr_detect.score.statistics import Crossing


@pytest.mark.parametrize(
    ("found", "answer", "cell"),
    [
        (Crossing(-12.0, -12.5, -11.5), "yes", "-12.0 (-12.5…-11.5)"),
        (Crossing(-10.5, -11.5, -9.5), "yes?", "-10.5 (-11.5…-9.5)"),
        (Crossing(-9.5, -10.5, -8.5), "no?", "-9.5 (-10.5…-8.5)"),
        (Crossing(-8.0, -9.0, -7.0), "no", "-8.0 (-9.0…-7.0)"),
        (Crossing(-12.0, -12.5, -11.5, 4.0), "yes", "-12.0 (-12.5…-11.5) lost > 4"),
        (Crossing(None, -5.0, None), "no", "> -5"),
        (Crossing(None, -12.0, None), None, "> -12"),
        (Crossing(None, None, -12.0), "yes", "< -12"),
        (Crossing(None, None, -9.0), None, "< -9"),
    ],
)
def test_target_of_minus_ten(found: Crossing, answer: str | None, cell: str) -> None:
    assert met(-10.0, found) == answer
    assert met(None, found) is None
    assert crossing_column("", "cn_db").cell(crossing_fields("cn_db", found)) == cell


def test_rungs_start_at_the_limit() -> None:
    assert rungs_above(-18.7, (-1, 0, 3)) == (-20.0, -19.0, -16.0)


def test_every_target_has_its_row() -> None:
    assert [one.name for one in cases()] == list(TARGETS_DB)
    full = {j.case.name for j in jobs(Plan())}
    assert len(full) == 2 * 4 * len(RATES_HZ)
    for one in cases():
        pfa, target_db = TARGETS_DB[one.name]
        # Neither the limit nor the top of the ladder makes the target pointless.
        assert one.limit_db(pfa) < target_db < one.cn_db[-1]


def test_a_loud_terminal_is_found_and_a_faint_one_is_not() -> None:
    loud = case("jittered", 2.4e6, 0.1)
    faint = replace(loud, cn_db=(-40.0, 10.0))
    found = climb(Job("sensitivity", faint, 0, 11, 1.0))
    assert found["pfa"][0] > 1e-3
    assert found["pfa"][1] <= 1e-6
    assert found["verdict"] == [False, True]
    assert found["claims"] == [(pytest.approx(1.0, abs=0.1), True)]
