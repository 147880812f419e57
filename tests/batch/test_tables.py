"""Rows and tables: every column filled or null, the same in each format."""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sdr_detect import cli
from sdr_detect.answering import as_they_end
from sdr_detect.batch import table
from sdr_detect.batch.job import analyse, work
from sdr_detect.batch.outcome import Outcome, read_outcome
from sdr_detect.errors import ConfigError
from sdr_detect.formats.base import RawSpec
from tests.batch.archive import task
from tests.recording_files import noise_codes


@pytest.fixture(scope="module")
def lossy(repo_root: Path) -> Outcome:
    return analyse(task(repo_root / "recordings" / "lost_samples_2m4.sigmf-meta"))


def test_a_row_has_every_column_and_a_track_too(lossy: Outcome) -> None:
    # The journal adds the events; a reject has its own two.
    assert set(lossy.row) == set(table.RESULTS) - {"events", "reason", "error"}
    assert lossy.tracks
    assert all(set(track) == set(table.TRACKS) for track in lossy.tracks)


def test_a_row_tells_what_the_events_tell(lossy: Outcome) -> None:
    told = [json.loads(line) for line in lossy.events.splitlines()]
    by_type: dict[str, list[dict[str, Any]]] = {}
    for line in told:
        by_type.setdefault(line["type"], []).append(line)
    recording, verdict, row = by_type["recording"][0], by_type["verdict"][0], lossy.row
    assert told[-1] is verdict
    for name in ("sha256", "rf_center_hz", "duration_s", "config_sha256", "version"):
        assert row[name] == recording[name]
    for name in ("verdict", "system", "confidence", "pfa", "poi", "blind_s", "reasons"):
        assert row[name] == verdict[name]
    assert row["verdict"] == "detected"
    assert row["gap_count"] == len(by_type["gap"]) > 0
    assert row["lost_samples"] == sum(gap["sample_count"] for gap in by_type["gap"])
    assert row["burst_count"] == len(by_type["burst"])
    assert row["track_count"] == len(by_type["track"]) == len(lossy.tracks)
    assert [track["snr_db"] for track in lossy.tracks] == [t["snr_db"] for t in by_type["track"]]
    assert row["start_utc"].endswith("Z")


def test_the_events_are_those_of_analyze(
    lossy: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sdr-detect", "analyze", lossy.row["path"], "--json", "-"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out == lossy.events


def test_parquet_is_asked_for_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    table.need_parquet()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r"sdr-detect\[batch\].*--no-parquet"):
        table.need_parquet()


def test_an_outcome_survives_its_way_as_text(repo_root: Path, lossy: Outcome) -> None:
    again = read_outcome(work(task(Path(lossy.row["path"])).model_dump_json()))
    timing = dict.fromkeys(table.TIMING)
    assert again.row | timing == lossy.row | timing
    assert (again.tracks, again.events, again.files) == (
        lossy.tracks, lossy.events, lossy.files,
    )  # fmt: skip


def test_a_reject_has_its_reason_and_what_came_before(tmp_path: Path) -> None:
    done = analyse(task(tmp_path / "gone.cs8"))
    assert done.row["status"] == "rejected"
    assert done.row["error"] == "FormatError"
    assert done.row["reason"] == f"{tmp_path / 'gone.cs8'}: does not exist; check the path"
    assert json.loads(done.events)["message"] == done.row["reason"]


def test_a_recording_that_is_still_written_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdr_detect.batch import job

    path = tmp_path / "live.cs8"
    path.write_bytes(noise_codes("i1", 200_000).tobytes())
    whole = job.analyze_recording

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        with path.open("ab") as file:
            file.write(b"more")
        return whole(*args, **kwargs)

    monkeypatch.setattr(job, "analyze_recording", meanwhile)
    done = analyse(task(path, RawSpec("cs8", 2.4e6, rf_hz=14.25e9)))
    assert done.row["status"] == "rejected"
    assert "was changed while it was read" in done.row["reason"]


def test_all_formats_hold_the_same(lossy: Outcome) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    skipped = {"path": '/tmp/ä, "b"\n.txt', "status": "skipped", "reason": "is text"}
    rows = [lossy.row, skipped]
    full = [{name: row.get(name) for name in table.RESULTS} for row in rows]
    assert json.loads(table.as_json(table.RESULTS, rows)) == full

    read = list(csv.DictReader(io.StringIO(table.as_csv(table.RESULTS, rows).decode())))
    assert [row["path"] for row in read] == [row["path"] for row in rows]
    assert json.loads(read[0]["reasons"]) == lossy.row["reasons"]
    assert read[1]["verdict"] == read[1]["reasons"] == read[1]["poi"] == ""
    assert float(read[0]["pfa"]) == lossy.row["pfa"]

    parquet = pq.read_table(pa.BufferReader(table.as_parquet(table.RESULTS, rows)))
    assert parquet.column_names == list(table.RESULTS)
    assert parquet.schema.field("start_utc").type == pa.timestamp("ns", tz="UTC")
    instants = parquet["start_utc"].cast(pa.int64()).to_pylist()
    (recording,) = [json.loads(line) for line in lossy.events.splitlines()[:1]]
    assert instants == [recording["start_ns"], None]
    columns = [name for name in table.RESULTS if name != "start_utc"]
    assert parquet.select(columns).to_pylist() == [{n: r[n] for n in columns} for r in full]


def test_empty_tables_are_tables() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert json.loads(table.as_json(table.TRACKS, [])) == []
    assert table.as_csv(table.TRACKS, []).decode().strip() == ",".join(table.TRACKS)
    assert pq.read_table(pa.BufferReader(table.as_parquet(table.TRACKS, []))).num_rows == 0


def test_results_are_not_held_once_they_are_told() -> None:
    with ThreadPoolExecutor(2) as threads:
        futures = {threads.submit(bytearray, 9): number for number in range(20)}
        told = [number for _, number in as_they_end(futures, threading.Event())]
    assert sorted(told) == list(range(20))
    assert futures == {}


def test_asked_to_stop_it_tells_no_more() -> None:
    stop = threading.Event()
    never: dict[Future[None], int] = {Future(): 1}
    threading.Timer(0.1, stop.set).start()
    assert list(as_they_end(never, stop)) == []
    assert len(never) == 1
