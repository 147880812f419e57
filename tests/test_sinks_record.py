"""Recordings: what they hold, where they go on, and how they end."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sigmf import validate

from sdr_detect.catalog import converter
from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import SinkError
from sdr_detect.formats.find import open_recording
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect.rawblock import RawBlock, stored
from sdr_detect.sinks import sigmf_pair, sigmf_record, whole_file
from sdr_detect.sinks.keeper import Keeper
from sdr_detect.sinks.sigmf_record import SigmfRecorder

RATE = 1e6
INVERTING = FrequencyPlan(converter("ku-15.45-high"), 2.5)
CU8 = parse_datatype("cu8")


@pytest.fixture(autouse=True)
def recorders_may_log() -> None:
    """import-linter, run by another test in the same process, disables all loggers."""
    for name in ("sigmf_record", "disk", "keeper"):
        logging.getLogger(f"sdr_detect.sinks.{name}").disabled = False


def block(
    first: int,
    count: int,
    lost: int = 0,
    plan: FrequencyPlan | None = None,
    notices: tuple[Notice, ...] = (),
) -> RawBlock:
    info = StreamInfo(
        "dev", RATE, 14.2e9, start_ns=1_700_000_000_000_000_000, time_error_ns=7, gain_db=29.7,
        clip_level=CU8.clip_level, plan=plan or FrequencyPlan(),
    )  # fmt: skip
    raw = np.random.default_rng(first).integers(0, 256, 2 * count, np.uint8)
    return RawBlock(info, first, raw, CU8, lost, notices, mirrored=info.plan.inverted)


def meta(path: Path) -> dict[str, Any]:
    """The metadata, once found valid."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the extension has no schema there
        validate.validate(document)
    return document


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def whole(path: Path) -> bool:
    """Whether a recording is as it should be: no doubt, and the checksum agrees."""
    with open_recording(path) as read:
        return read.verify() is True and not read.notes


@pytest.mark.parametrize("plan", [FrequencyPlan(), INVERTING])
def test_a_recording_reads_back_with_its_gaps(tmp_path: Path, plan: FrequencyPlan) -> None:
    path = tmp_path / "live.sigmf-meta"
    blocks = [block(0, 1000, 0, plan), block(1000, 500, 0, plan), block(2500, 700, 1000, plan)]
    recorder = SigmfRecorder(path)
    for item in blocks:
        recorder.take(item)
    recorder.close()
    recorder.close()
    meta(path)
    with open_recording(path) as read:
        assert not read.notes
        assert read.verify()
        assert read.info == replace(blocks[0].info, stream_id="live.sigmf-meta")
        assert (tmp_path / "live.sigmf-data").stat().st_size == 2 * 2200  # kept as bytes
        assert [(c.first_sample, c.sample_count, c.lost_before) for c in read.captures] == [
            (0, 1500, 0),
            (2500, 700, 1000),
        ]
        for item in blocks:
            samples = read.read(item.first_sample, item.sample_count)
            assert samples.tobytes() == item.decode().samples.tobytes()


def test_every_sample_is_on_disk_at_once(tmp_path: Path) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    for first, lost in ((0, 0), (1000, 0), (2500, 500), (3500, 0)):
        recorder.take(block(first, 1000, lost))
        with open_recording(tmp_path / "live.sigmf-meta") as read:
            assert read.stop_sample == first + 1000
    recorder.close()
    data = (tmp_path / "live.sigmf-data").read_bytes()
    digest = meta(tmp_path / "live.sigmf-meta")["global"]["core:sha512"]
    assert digest == hashlib.sha512(data).hexdigest()
    assert names(tmp_path) == ["live.sigmf-data", "live.sigmf-meta"]


def test_what_the_receiver_told_becomes_annotations(tmp_path: Path) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    recorder.take(block(0, 0, notices=(Notice("early", "before any sample"),)))
    recorder.take(block(0, 1000))
    recorder.take(block(1000, 0, notices=(Notice("source_lost", "unplugged"),)))
    recorder.take(block(1500, 0, 500))
    assert (tmp_path / "live.sigmf-data").stat().st_size == 2000
    recorder.take(block(1500, 200, 0, notices=(Notice("source_back", "after 0.5 ms"),)))
    recorder.take(block(1700, 0, notices=(Notice("late", "after the last sample"),)))
    recorder.close()
    document = meta(tmp_path / "live.sigmf-meta")
    told = [
        (a["core:sample_start"], a["core:label"], a["core:comment"])
        for a in document["annotations"]
    ]
    assert told == [
        (0, "early", "before any sample"),
        (1000, "source_lost", "unplugged"),
        (1000, "source_back", "after 0.5 ms"),
        (1200, "late", "after the last sample"),
    ]
    # The loss that an empty block named is kept: the index tells it.
    assert [c["core:global_index"] for c in document["captures"]] == [0, 1500]


def test_frequent_losses_go_on_in_more_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sigmf_record, "MAX_ENTRIES", 100)
    (tmp_path / "live-0002.sigmf-data").write_text("mine")
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    for number in range(250):
        recorder.take(block(20 * number + 10, 10, 10))
    recorder.close()
    files = [tmp_path / f"live{end}.sigmf-meta" for end in ("", "-0001", "-0003")]
    assert all(whole(file) for file in files)
    captures = [meta(file)["captures"] for file in files]
    assert [len(c) for c in captures] == [100, 100, 50]
    # Each begins with its own place in the stream and its own time.
    assert [c[0]["core:global_index"] for c in captures] == [10, 2010, 4010]
    assert [c[0]["core:sample_start"] for c in captures] == [0, 0, 0]
    assert captures[1][0]["core:datetime"] == "2023-11-14T22:13:20.002010000Z"
    assert "continued in" in caplog.text
    assert (tmp_path / "live-0002.sigmf-data").read_text() == "mine"
    assert recorder.sample_count == 2500


def test_notices_fill_a_file_as_captures_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sigmf_record, "MAX_ENTRIES", 10)
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    for number in range(30):
        recorder.take(block(number, 1, notices=(Notice("n", str(number)),)))
    recorder.close()
    files = sorted(tmp_path.glob("*.sigmf-meta"))
    assert all(len(meta(f)["annotations"]) + len(meta(f)["captures"]) <= 10 for f in files)
    told = [a["core:comment"] for f in files for a in meta(f)["annotations"]]
    assert sorted(told, key=int) == [str(n) for n in range(30)]


@pytest.mark.parametrize("most", [1, 3, 1000, 1001, 5000])
def test_the_longest_file_is_kept_to_the_sample(tmp_path: Path, most: int) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta", max_file_bytes=most)
    blocks = [block(0, 7), block(7, 1), block(8, 1300 if most > 3 else 3)]
    for item in blocks:
        recorder.take(item)
    recorder.close()
    files = sorted(tmp_path.glob("*.sigmf-meta"), key=lambda f: (len(f.name), f.name))
    assert all(whole(file) for file in files)
    pieces = [file.with_suffix(".sigmf-data").read_bytes() for file in files]
    assert b"".join(pieces) == b"".join(item.raw.tobytes() for item in blocks)
    assert all(len(piece) == max(2, most // 2 * 2) for piece in pieces[:-1])


def test_another_type_or_rate_goes_to_another_file(tmp_path: Path) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    first = block(0, 1000)
    recorder.take(first)
    recorder.take(stored(block(1000, 1000).decode()))
    faster = stored(block(2000, 1000).decode())
    recorder.take(replace(faster, info=replace(faster.info, sample_rate_hz=2e6)))
    recorder.close()
    tops = [meta(file)["global"] for file in sorted(tmp_path.glob("*-meta"))]
    forms = {(t["core:datatype"], t["core:sample_rate"]) for t in tops}
    assert forms == {("cu8", 1e6), ("cf32_le", 1e6), ("cf32_le", 2e6)}


@pytest.mark.parametrize("quota", [0, 1, 2, 2001, 2600])
def test_a_quota_ends_with_whole_samples(tmp_path: Path, quota: int) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta", quota_bytes=quota)
    if quota > 2000:
        recorder.take(block(0, 1000))
    with pytest.raises(SinkError, match=rf"quota of {quota} bytes .* allow more.* {quota // 2} s"):
        recorder.take(block(1000, 1000))
    recorder.take(block(9000, 10))
    recorder.close()
    if quota < 2:
        assert names(tmp_path) == []
        return
    assert whole(tmp_path / "live.sigmf-meta")
    assert (tmp_path / "live.sigmf-data").stat().st_size == quota // 2 * 2


class Disk:
    """The last wire: a disk with so much room for samples and metadata."""

    def __init__(self, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = room
        disk, open_data, write_bytes = self, sigmf_pair.open_data, Path.write_bytes

        def put_meta(path: Path, data: bytes) -> int:
            if len(data) > disk.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write_bytes(path, data)

        class File:
            """Takes part of a write when it gets full, as Linux does."""

            def __init__(self, path: Path) -> None:
                self.file = open_data(path)

            def write(self, data: memoryview) -> int:
                part = data[: disk.room]
                if not part:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                disk.room -= len(part)
                return self.file.write(part) or 0

            def __getattr__(self, name: str) -> Any:
                return getattr(self.file, name)

        monkeypatch.setattr(Path, "write_bytes", put_meta)
        monkeypatch.setattr(sigmf_pair, "open_data", File)


@pytest.mark.parametrize("room", [3000, 3001, 4001, 6999])
def test_a_full_disk_ends_the_recording_and_not_its_validity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    disk = Disk(room, monkeypatch)
    path = tmp_path / "live.sigmf-meta"
    keeper = Keeper(recorder := SigmfRecorder(path), tmp_path)
    real_close = recorder._pair._reserve.close

    def free() -> None:
        disk.room += 1 << 20
        real_close()

    monkeypatch.setattr(recorder._pair._reserve, "close", free)
    passed = [keeper.record(block(1000 * n, 1000)) for n in range(6)]
    # All else goes on, and one block says what happened.
    assert [p.sample_count for p in passed] == [1000] * 6
    (notice,) = [notice for p in passed for notice in p.notices]
    assert notice.reason == "recording_ended"
    assert str(path) in notice.detail
    assert "No space left on device; free some space" in notice.detail
    assert f"{room // 2} samples ({room // 2 * 2} bytes)" in notice.detail
    assert keeper.failed
    recorder.close()
    assert whole(path)
    data = (tmp_path / "live.sigmf-data").read_bytes()
    assert data == b"".join(p.raw.tobytes() for p in passed)[: room // 2 * 2]


def test_no_room_for_a_capture_ends_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    recorder.take(block(0, 1000))
    real, full = whole_file.write_whole, True

    def write(path: Path, content: bytes) -> None:
        if full:
            raise SinkError("full") from OSError(errno.ENOSPC, "No space left on device")
        real(path, content)

    def free() -> None:
        nonlocal full
        full = False

    monkeypatch.setattr(sigmf_pair, "write_whole", write)
    reserve = recorder._pair._reserve
    monkeypatch.setattr(
        recorder._pair, "_reserve", type("Freed", (), {"close": staticmethod(free)})
    )
    with pytest.raises(SinkError, match="ended with 1000 samples"):
        recorder.take(block(1500, 1000, 500))
    reserve.close()
    assert whole(tmp_path / "live.sigmf-meta")
    assert len(meta(tmp_path / "live.sigmf-meta")["captures"]) == 1


def test_alone_a_recording_that_ends_is_an_error(tmp_path: Path) -> None:
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta", quota_bytes=10)
    keeper = Keeper(recorder, tmp_path, alone=True)
    with pytest.raises(SinkError, match="quota"):
        keeper.record(block(0, 1000))


def test_how_long_the_disk_lasts_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 36e9}))
    recorder = SigmfRecorder(tmp_path / "live.sigmf-meta")
    keeper = Keeper(recorder, tmp_path)
    for first in range(0, 3000, 1000):
        keeper.record(block(first, 1000))
    recorder.close()
    (record,) = caplog.records
    assert record.getMessage() == f"{tmp_path}: 36.0 GB free last 5.0 h at 2.0 MB/s"


def test_a_file_system_with_short_files_gets_more_of_them(tmp_path: Path) -> None:
    """A real limit of the system: what a write may not exceed comes back as EFBIG."""
    code = f"""
        import pathlib, resource
        import numpy as np
        from sdr_detect.datatype import parse_datatype
        from sdr_detect.model import StreamInfo
        from sdr_detect.rawblock import RawBlock
        from sdr_detect.sinks.sigmf_record import SigmfRecorder
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_001, 1_500_001))
        recorder = SigmfRecorder(pathlib.Path({str(tmp_path)!r}) / "live.sigmf-meta")
        for n in range(20):
            raw = np.full(200_000, n, np.uint8)
            info = StreamInfo("dev", 1e6)
            recorder.take(RawBlock(info, 100_000 * n, raw, parse_datatype("cu8")))
        recorder.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    files = [tmp_path / f"live{end}.sigmf-meta" for end in ("", "-0001", "-0002")]
    assert all(whole(file) for file in files)
    data = b"".join(file.with_suffix(".sigmf-data").read_bytes() for file in files)
    assert data == b"".join(bytes([n]) * 200_000 for n in range(20))
    assert meta(files[1])["captures"][0]["core:global_index"] == 750_000


def test_nothing_received_leaves_nothing(tmp_path: Path) -> None:
    SigmfRecorder(tmp_path / "live.sigmf-meta").close()
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["live.sigmf-meta", "live.sigmf-data"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SinkError, match="exists"):
        SigmfRecorder(tmp_path / "live.sigmf-meta")
    assert (tmp_path / name).read_text() == "mine"
    assert names(tmp_path) == [name]


def test_a_recording_needs_its_suffix_and_its_folder(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"\.sigmf-meta"):
        SigmfRecorder(tmp_path / "live.cf32")
    with pytest.raises(SinkError, match="No such file"):
        SigmfRecorder(tmp_path / "none" / "live.sigmf-meta")
