"""Swept sessions: stays told without a sample are those of the receiver; empty berths."""

from __future__ import annotations

import pytest

from sdr_detect.model import IQBlock
from sdr_detect.score import berths, intercept
from sdr_detect.score.job import Plan
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
    job = intercept.jobs(Plan(quick=True))[0]
    scene = intercept._scene(job.seed, 1.0)
    channel = scene.emitter[0].model_dump()["channel"]
    low = 14.0e9 + channel * 62.5e6 + 20e6
    whole = Stay(0.0, 0.5, low, low + 1.92e6, 0.5)
    assert intercept.is_met(scene, [whole])
    assert not intercept.is_met(scene, [Stay(0.0, 0.5e-3, low, low + 1.92e6, 0.5e-3)])
    elsewhere = 14.0e9 + (channel + 1) % 8 * 62.5e6 + 20e6
    assert not intercept.is_met(scene, [Stay(0.0, 0.5, elsewhere, elsewhere + 1.92e6, 0.5)])


def test_shares_and_intervals_of_intercept() -> None:
    job = next(j for j in intercept.jobs(Plan()) if j.case.name == "comb, 0.45 s")
    results = [
        (job, {"found": k % 2 == 0, "met": k % 2 == 0 or k == 1, "drawn": 20, "drawn_met": 10,
               "poi": 0.5, "claims": []})
        for k in range(100)
    ]  # fmt: skip
    row = intercept.tables(Plan(), results)[0].rows[0]
    assert (row["drawn"], row["met"], row["missed"], row["unmet"]) == (2000, 0.5, 1, 0)
    assert row["detected"] == pytest.approx(0.49)
    low, high = row["interval"]
    # The binomial scatter of 2000 and of a difference in 2 of 101: far less than of 100 trials.
    assert high - low == pytest.approx(2 * 1.96 * (0.25 / 2000 + (2 / 101 - 1e-4) / 100) ** 0.5)


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
