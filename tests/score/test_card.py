"""The card as a whole: repeatable, whatever the number of processes; its JSON and pictures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_detect.errors import ConfigError
from sdr_detect.score import card, plots, trust
from sdr_detect.score.job import Job, Plan, seed_for
from sdr_detect.score.sensitivity import case

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def tiny() -> card.Card:
    return card.score(Plan(quick=True, trials=3, only=("roc",)), 1)


def as_text(made: card.Card) -> str:
    return json.dumps(made.to_json(), allow_nan=False)


def test_same_numbers_whatever_the_processes(tiny: card.Card) -> None:
    spread = card.score(tiny.plan, 2)
    assert as_text(spread) == as_text(tiny)


def test_another_seed_hears_other_noise() -> None:
    one, other = (card.all_jobs(Plan(quick=True, seed=seed)) for seed in (1, 2))
    assert len(one) == len(other)
    assert not {j.seed for j in one} & {j.seed for j in other}


def test_seeds_depend_on_names_and_not_on_what_else_is_run() -> None:
    everything = {(j.section, j.case.name, j.trial): j.seed for j in card.all_jobs(Plan())}
    assert len(set(everything.values())) == len(everything)
    quick = card.all_jobs(Plan(quick=True, only=("roc", "latency")))
    assert quick
    assert all(everything[j.section, j.case.name, j.trial] == j.seed for j in quick)
    assert all(0 <= seed < 2**63 for seed in everything.values())


def test_seeds_are_of_a_domain_of_their_own() -> None:
    """Neither a small seed nor a plain sequence of it leads there."""
    seed = seed_for(Plan(seed=1), "roc", "blank", 0)
    plain = [
        np.random.SeedSequence(1, spawn_key=(k,)).generate_state(1, np.uint64)[0] >> 1
        for k in range(1000)
    ]
    assert seed > 2**32
    assert seed not in plain


def test_every_section_runs_in_both_plans_and_is_known() -> None:
    for plan in (Plan(), Plan(quick=True)):
        assert {job.section for job in card.all_jobs(plan)} == set(card.SECTIONS)
    with pytest.raises(ConfigError, match="no section 'nothing'; known: sensitivity"):
        card.all_jobs(Plan(only=("nothing",)))


def test_trials_replace_those_of_the_plan() -> None:
    usual = card.all_jobs(Plan(quick=True, only=("sensitivity",)))
    fewer = card.all_jobs(Plan(quick=True, only=("sensitivity",), trials=1))
    names = {j.case.name for j in usual}
    assert sorted(j.case.name for j in fewer) == sorted(names)


def test_rows_say_how_many_trials_they_rest_on(tiny: card.Card) -> None:
    assert [t.name for t in tiny.tables] == ["roc", "trust"]
    table = tiny.tables[0]
    assert [row["blank_trials"] for row in table.rows] == [3, 3, 3]
    assert any("Quick run" in note for note in table.notes)


def sensitivity_results(found_from_db: float) -> list[tuple[Job, dict[str, Any]]]:
    """Twenty trials of one case that become detections at that level."""
    one = case("grid", 2.4e6, 1.0)
    result = {
        "pfa": [1e-9 if level >= found_from_db else 1.0 for level in one.cn_db],
        "verdict": [level >= found_from_db + 8 for level in one.cn_db],
        "claims": [(0.95, True)],
    }
    return [(Job("sensitivity", one, trial, 0, 1.0), result) for trial in range(20)]


@pytest.mark.parametrize(
    ("from_db", "target_met", "near"), [(-18.0, "yes", "yes"), (-15.0, "no", "no")]
)
def test_sensitivity_row_compares_with_limit_and_target(
    from_db: float, target_met: str, near: str
) -> None:
    (table,) = card.SECTIONS["sensitivity"].tables(Plan(), sensitivity_results(from_db))
    row = next(r for r in table.rows if r["pfa"] == 1e-6)
    assert row["trials"] == 20
    assert from_db - 1 < row["cn_db"] <= from_db + 0.5
    # Matched burst at 9.4 % duty: 0.28 dB above the study's -18.7 dB per half of 10 % less.
    assert row["limit_db"] == pytest.approx(-18.5, abs=0.2)
    assert row["to_limit_db"] == pytest.approx(row["cn_db"] - row["limit_db"], abs=0.02)
    assert (row["target_met"], row["distance_target_met"]) == (target_met, near)
    cells = [column.cell(row) for column in table.columns]
    assert "20" in cells


def test_pictures_are_png(tiny: card.Card) -> None:
    (table,) = card.SECTIONS["sensitivity"].tables(Plan(), sensitivity_results(-17.0))
    pictures = plots.render([table, *tiny.tables])
    assert set(pictures) >= {"pd_grid", "requirement", "roc"}
    assert all(image.startswith(PNG) and len(image) > 5000 for image in pictures.values())


def test_trust_counts_right_and_wrong_verdicts() -> None:
    claims = [(0.95, True)] * 30 + [(0.95, False)] * 10
    job = Job("roc", None, 0, 0, 1.0)
    (table,) = trust.tables([(job, {"claims": claims})])
    total = table.rows[-1]
    assert (total["verdicts"], total["wrong"], total["right"]) == (40, 10, 0.75)
    assert "error 0.200." in table.notes[1]
    assert "not met, 25.0% are" in table.notes[1]
    (nothing,) = trust.tables([(job, {"claims": []})])
    assert nothing.rows == ()
    assert "not measured" in nothing.notes[1]


def command(*options: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "sdr_detect", "score", "--quick", *options]


def test_command_line(tmp_path: Path) -> None:
    options = ("--only", "roc", "--trials", "2", "--jobs", "1", "--plots", str(tmp_path / "plots"))
    done = subprocess.run(
        command(*options, "--json", "-"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["type"], found["schema"], found["seed"]) == ("scorecard", card.SCHEMA, 1)
    assert [table["name"] for table in found["tables"]] == ["roc", "trust"]
    (picture,) = (tmp_path / "plots").glob("*.png")
    assert picture.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("number", "to_worker", "after_s", "code", "told"),
    [
        (signal.SIGINT, False, 0.0, 130, ""),  # while the workers are still starting
        (signal.SIGKILL, False, 1.0, -signal.SIGKILL, ""),
        (signal.SIGKILL, True, 1.0, 1, "was ended by SIGKILL"),
    ],
)
def test_whatever_ends_it_no_process_is_left(
    number: signal.Signals, to_worker: bool, after_s: float, code: int, told: str
) -> None:
    running = subprocess.Popen(
        command("--jobs", "2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers = _children(running.pid)
    time.sleep(after_s)
    os.kill(workers[0] if to_worker else running.pid, number)
    # The pipes close when no child holds them any more.
    _, errors = running.communicate(timeout=20)
    assert running.returncode == code, errors
    assert told in errors
    assert "Traceback" not in errors


def _children(pid: int) -> list[int]:
    """Both workers, once they are started."""
    listed = Path(f"/proc/{pid}/task")
    stop = time.monotonic() + 60
    while time.monotonic() < stop:
        found = [
            int(word) for file in listed.glob("*/children") for word in file.read_text().split()
        ]
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError("no workers")
