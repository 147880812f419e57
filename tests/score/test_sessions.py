"""Swept sessions: stays told without a sample are those of the receiver; empty berths."""

from __future__ import annotations

import pytest

from sdr_detect.model import IQBlock
from sdr_detect.score import berths, intercept, schedules
from sdr_detect.score.job import Job, Plan, Result
from sdr_detect.score.touring import SETTLE_S, stays, tour
from sdr_detect.simulate.render import stream_info
from sdr_detect.simulate.scene import parse_scene
from sdr_detect.watched import Stay


def test_stays_told_without_a_sample_are_those_heard() -> None:
    scene = parse_scene({
        "scene": {"title": "t", "seed": 1, "duration_s": 1.5},
        "receiver": {"sample_rate_hz": 2.4e6, "rf_center_hz": 14.22e9, "datatype": "cf32_le"},
    })  # fmt: skip
    told = stays(stream_info(scene), "comb", 0.4)
    heard: list[list[IQBlock]] = []
    for block in tour(scene, "comb", 0.4):
        if not heard or heard[-1][-1].info != block.info:
            heard.append([])
        heard[-1].append(block)
    edges = [(run[0].info.seconds(run[0].first_sample), run[-1].info.seconds(run[-1].stop_sample))
             for run in heard]  # fmt: skip
    assert [(s.start_s, s.stop_s) for s in told] == edges
    assert [s.range_hz for s in told] == [run[0].info.rf_range_hz for run in heard]
    assert told[1].start_s - told[0].stop_s == pytest.approx(SETTLE_S)


def test_a_whole_burst_in_a_stay_in_its_channel_is_met() -> None:
    scene = schedules.hopping_scene(5, 1.0)
    channel = scene.emitter[0].model_dump()["channel"]
    low = 14.0e9 + channel * 62.5e6 + 20e6
    whole = Stay(0.0, 0.5, low, low + 1.92e6, 0.5)
    assert schedules.is_met(scene, [whole])
    assert not schedules.is_met(scene, [Stay(0.0, 0.5e-3, low, low + 1.92e6, 0.5e-3)])
    elsewhere = 14.0e9 + (channel + 1) % 8 * 62.5e6 + 20e6
    assert not schedules.is_met(scene, [Stay(0.0, 0.5, elsewhere, elsewhere + 1.92e6, 0.5)])


@pytest.mark.parametrize("strategy", ["comb", "adaptive", "hop"])
def test_terminals_are_met_as_often_as_stated(strategy: str) -> None:
    """Starts and terminals of the card, compared start by start."""
    chosen = [
        job
        for job in intercept.jobs(Plan(quick=True))
        if isinstance(job.case, schedules.Schedules) and job.case.strategy == strategy
    ][:3]
    found = [intercept.run(job) for job in chosen]
    mean, _ = schedules.difference(found)
    assert abs(mean) < 0.05


def drawn(strategy: str, poi: float, met: int) -> list[tuple[Job, Result]]:
    """Forty starts, each with as many met of its terminals."""
    job = next(j for j in intercept.jobs(Plan()) if j.case.strategy == strategy)
    assert isinstance(job.case, schedules.Schedules)
    return [(job, {"poi": poi, "met": met, "claims": []}) for _ in range(40)]


@pytest.mark.parametrize(("met", "held"), [(8, "yes"), (10, "no")])
def test_stated_and_met_are_compared_start_by_start(met: int, held: str) -> None:
    results = drawn("comb", 0.5, met) + drawn("scan", 0.25, 4)
    comb, scan = intercept.tables(Plan(), results)[0].rows
    assert (comb["drawn"], comb["poi"], comb["met"]) == (640, 0.5, met / 16)
    assert comb["difference"] == pytest.approx(met / 16 - 0.5)
    assert (comb["held"], scan["held"]) == (held, "yes")


def test_a_doubtful_difference_bears_a_question_mark() -> None:
    assert [schedules.held(mean, 0.005) for mean in (0.0, 0.015, -0.025, -0.04)] == [
        "yes", "yes?", "no?", "no",
    ]  # fmt: skip


def test_detections_are_compared_with_what_is_stated() -> None:
    job = next(j for j in intercept.jobs(Plan()) if j.case.name == "comb, 0.45 s")
    heard = [
        (job, {"found": k % 2 == 0, "met": k % 2 == 0 or k == 1, "poi": 0.5, "claims": []})
        for k in range(100)
    ]
    table = intercept.tables(Plan(), drawn("comb", 0.5, 8) + heard)[1]
    (row,) = table.rows
    assert (row["found"], row["missed"], row["unmet"]) == (50, 1, 0)
    assert row["difference"] == pytest.approx(-0.01)
    low, high = row["interval"]
    # Of a difference in 2 of 101: far less than the scatter of 100 trials.
    scatter = (2 / 101 - 1e-4) / 100 + (1 / 640) ** 2
    assert high - low == pytest.approx(2 * 1.96 * scatter**0.5)


def test_an_empty_berth_has_its_verdict() -> None:
    jobs = berths.jobs(Plan())
    assert len(jobs) == 100
    assert len({job.case.name for job in jobs}) == 20
    found = [("not_detected", None), ("detected", "vsat")]
    results = [
        (job, {"verdict": word, "system": system, "seed": k, "claims": []})
        for k, (job, (word, system)) in enumerate(zip(jobs, found, strict=False), 1)
    ]
    whole = berths.tables(Plan(), results)[0].rows[-1]
    assert (whole["sessions"], whole["detected"], whole["seeds"]) == (2, 1, [2])
