"""Errors are those of the truth: measured on scenes with made-up answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sdr_detect.model import Burst, Detection, Span, Track
from sdr_detect.score import estimators
from sdr_detect.score.job import Job, Plan
from sdr_detect.score.listen import Heard, make_scene
from sdr_detect.score.scenes import clean_receiver, grid_terminal, scene
from sdr_detect.simulate.render import truth
from sdr_detect.simulate.waveforms.starlink_uplink import FRAME_S

RATE_HZ = 2.4e6


def track(**changes: object) -> Track:
    whole = Track(1, "burst", Span(0, 10), 1.0, 2.0, 9, 0.1, None, 5.0, 1e-9, None, {})
    return replace(whole, **changes)  # type: ignore[arg-type]


def case_of(measure: str, data: dict[str, object]) -> estimators.Case:
    return estimators.Case("made up", data, measure, "", None, "", 1.0)


def test_start_errors_are_against_the_true_instant() -> None:
    made = make_scene(scene("s", 0.05, clean_receiver(RATE_HZ), grid_terminal()), 4)
    true = [item for item in truth(made) if item.facts["start_s"] > 0]
    shift = 5
    bursts = [
        Burst(
            Detection(
                Span(round(t.facts["start_s"] * RATE_HZ) + shift, t.start_sample + 400),
                1.0,
                2.0,
                5.0,
                1e-9,
            ),
            -30.0,
        )
        for t in true[::2]
    ]
    stray = Burst(Detection(Span(1, 5), 1.0, 2.0, 5.0, 1e-9), -30.0)
    errors, looked_for = estimators._start_errors(made, Heard(bursts=[*bursts, bursts[3], stray]))
    assert looked_for == len(true) == 37
    assert len(errors) == 19
    assert estimators._start_errors(made, Heard()) == ([], 37)
    # Rounding to a sample adds up to half of 0.42 µs.
    assert errors == pytest.approx([shift / RATE_HZ * 1e6] * 19, abs=0.22)


def test_period_errors_are_relative_to_the_drifting_frame() -> None:
    made = make_scene(
        scene("s", 0.05, clean_receiver(RATE_HZ), grid_terminal(grid_drift_ppm=12.0)), 4
    )
    frame_s = FRAME_S * (1 + 12e-6)
    folded = track(kind="fold", features={"frame_period_s": frame_s * (1 + 5e-7)}, pfa=1e-12)
    burst = track(features={"frame_period_s": frame_s * (1 - 2e-6)})
    radar = track(features={"frame_period_s": 1 / 750.2})
    spaced = track(burst_period_s=9 * frame_s, features={"frame_period_s": None})
    for tracks, error_ppm in (([folded, spaced, burst], -2.0), ([folded, spaced], 0.5)):
        found = estimators._period_errors(made, Heard(tracks))
        assert found == ([pytest.approx(error_ppm, abs=1e-4)], 1)
    assert estimators._period_errors(made, Heard([radar, spaced])) == ([], 1)


def test_row_sums_up_the_errors_of_all_trials() -> None:
    made = case_of("start", {})
    results = [
        (Job("estimators", made, i, 0, 1.0), {"errors": e, "looked_for": 4, "claims": []})
        for i, e in enumerate([[1.0, -1.0], [2.0]])
    ]

    (table,) = estimators.tables(Plan(), results)
    (row,) = table.rows
    assert (row["trials"], row["estimates"], row["found"]) == (2, 3, 3 / 8)
    assert row["bias"] == pytest.approx(2 / 3)
    assert row["rms"] == pytest.approx(2**0.5)
    assert (row["median_error"], row["p90_error"], row["target_met"]) == (1.0, 2.0, False)


def test_nothing_found_is_no_number() -> None:

    job = Job("estimators", case_of("period", {}), 0, 0, 1.0)
    (table,) = estimators.tables(Plan(), [(job, {"errors": [], "looked_for": 1, "claims": []})])
    (row,) = table.rows
    assert (row["rms"], row["p90_error"], row["target_met"]) == (None, None, False)
    assert [c.cell(row) for c in table.columns]
