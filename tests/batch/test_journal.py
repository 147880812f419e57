"""What is done is kept, and done again only where something has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sdr_detect.batch.journal import NAME, open_journal
from sdr_detect.batch.outcome import Outcome, rejected, stamp
from sdr_detect.batch.task import Task, key
from sdr_detect.errors import SinkError
from sdr_detect.formats.base import RawSpec
from tests.batch.archive import task


def outcome(of: Task) -> Outcome:
    row = {"path": of.path, "status": "analysed", "verdict": "not_detected"}
    return Outcome(row, ({"path": of.path, "id": 1},), "{}\n", (stamp(of.path),))


@pytest.fixture
def some(tmp_path: Path) -> Task:
    path = tmp_path / "a.cs8"
    path.write_bytes(bytes(100))
    return task(path)


def test_what_is_kept_is_found_by_the_next_process(tmp_path: Path, some: Task) -> None:
    with open_journal(tmp_path / "out") as journal:
        kept = journal.keep(some, outcome(some))
    with open_journal(tmp_path / "out") as journal:
        assert journal.find(some) == kept
    assert (tmp_path / "out" / kept.row["events"]).read_text() == "{}\n"


def touch(path: Path, _out: Path) -> None:
    os.utime(path, ns=(0, 1))


def grow(path: Path, _out: Path) -> None:
    before = path.stat()
    path.write_bytes(bytes(101))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def remove(path: Path, _out: Path) -> None:
    path.unlink()


def cut_events(_path: Path, out: Path) -> None:
    (events,) = (out / "events").iterdir()
    events.write_bytes(b"{")


def lose_events(_path: Path, out: Path) -> None:
    (events,) = (out / "events").iterdir()
    events.unlink()


@pytest.mark.parametrize("change", [touch, grow, remove, cut_events, lose_events])
def test_a_change_makes_it_undone(
    tmp_path: Path, some: Task, change: Callable[[Path, Path], None]
) -> None:
    with open_journal(tmp_path / "out") as journal:
        journal.keep(some, outcome(some))
        assert journal.find(some) is not None
        change(Path(some.path), tmp_path / "out")
        assert journal.find(some) is None


def test_everything_that_steers_a_result_is_in_the_key(some: Task) -> None:
    how = some.treatment
    others = [
        task(Path(some.path), RawSpec(rf_hz=1e9)),
        task(Path(some.path), fold={"pfa": 1e-7}),
        *(
            some.model_copy(update={"treatment": how.model_copy(update=change)})
            for change in (
                {"max_bursts": 1}, {"software": "other"}, {"version": "9"}, {"gain_db": 3.0},
                {"calibration_sha256": "0" * 64},
            )
        ),
    ]  # fmt: skip
    keys = [key(other) for other in (some, *others)]
    assert len(set(keys)) == len(keys)
    assert key(task(Path(some.path))) == keys[0]


def test_a_reject_is_tried_again_and_says_why_in_its_events(tmp_path: Path, some: Task) -> None:
    with open_journal(tmp_path / "out") as journal:
        kept = journal.keep(some, rejected(some, "FormatError", "no reason"))
        assert journal.find(some) is None
    told = (tmp_path / "out" / kept.row["events"]).read_text()
    assert '"type": "error"' in told
    assert '"message": "no reason"' in told


@pytest.mark.parametrize("cut", [1, 2, 100, 10_000])
def test_a_torn_line_costs_its_own_recording_only(tmp_path: Path, cut: int) -> None:
    tasks = []
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(bytes(10))
        tasks.append(task(tmp_path / name))
    out = tmp_path / "out"
    with open_journal(out) as journal:
        journal.keep(tasks[0], outcome(tasks[0]))
        whole = (out / NAME).stat().st_size
        journal.keep(tasks[1], outcome(tasks[1]))
    size = (out / NAME).stat().st_size
    os.truncate(out / NAME, max(size - cut, whole + 1))
    with open_journal(out) as journal:
        assert journal.find(tasks[0]) is not None
        assert journal.find(tasks[1]) is None
        journal.keep(tasks[1], outcome(tasks[1]))
    with open_journal(out) as journal:
        assert all(journal.find(item) for item in tasks)


def test_two_batches_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path / "out"),
        pytest.raises(SinkError, match="another batch writes to"),
        open_journal(tmp_path / "out"),
    ):
        pass


def test_a_file_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("dear diary")
    with pytest.raises(SinkError, match="no journal"), open_journal(tmp_path):
        pass
    assert (tmp_path / NAME).read_text() == "dear diary"
