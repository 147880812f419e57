"""Recordings that a person begins and ends while a watch goes on."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sdr_detect.commands import _hand
from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import ConfigError
from sdr_detect.formats.find import open_recording
from sdr_detect.model import StreamInfo
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks import sigmf_pair
from sdr_detect.sinks.by_hand import ByHand

RATE = 1000.0
INFO = StreamInfo("dev", RATE, 14.2e9, start_ns=1_700_000_000_000_000_000)
CU8 = parse_datatype("cu8")


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigmf_pair, "RESERVE_BYTES", 1)


def block(first: int, count: int = 10) -> RawBlock:
    """Samples that tell their own index."""
    index = np.arange(first, first + count, dtype="<u2")
    return RawBlock(INFO, first, index.view(np.uint8), CU8, 0)


def recorded(folder: Path) -> list[tuple[int, int]]:
    """First and last sample of each file; none may be missing between."""
    found = []
    for path in sorted(folder.glob("*.sigmf-data")):
        data = np.fromfile(path, "<u2")
        assert (np.diff(data) == 1).all()
        found.append((int(data[0]), int(data[-1]) + 1))
    return sorted(found)


def test_from_before_it_was_asked_for_until_it_is_ended(tmp_path: Path) -> None:
    hand = ByHand(tmp_path / "new", 0.05)
    for first in range(0, 1000, 10):
        if first == 300:
            status = hand.status()
            assert status is not None
            assert (status.recording, status.path) == (False, None)
            assert status.kept_s == pytest.approx(0.05, abs=0.011)
            hand.start("towards\nthe vessel")
        if first == 500:
            status = hand.status()
            assert status is not None
            assert status.recording
            assert status.bytes_per_s == 2 * RATE
            assert status.data_bytes == 2 * (500 - 250)
            hand.stop()
        if first == 520:
            hand.start("again")
        hand.record(block(first))
    hand.close()
    assert recorded(tmp_path / "new") == [(250, 500), (500, 1000)]
    labels = [
        json.loads(p.read_text())["annotations"][0]["core:label"]
        for p in sorted((tmp_path / "new").glob("*.sigmf-meta"))
    ]
    assert sorted(labels) == ["again", "towards\nthe vessel"]


def test_a_full_disk_ends_one_recording_and_not_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = ByHand(tmp_path, 0.0)
    hand.start("first")
    hand.record(block(0))
    monkeypatch.setattr(
        sigmf_pair.SigmfPair, "append", lambda *_: (_ for _ in ()).throw(
            sigmf_pair.DiskRefusal(OSError(errno.ENOSPC, "No space left on device"))
        ),
    )  # fmt: skip
    seen = hand.record(block(10))
    assert [notice.reason for notice in seen.notices] == ["recording_ended"]
    status = hand.status()
    assert status is not None
    assert not status.recording
    assert "No space left" in (status.failure or "")
    assert hand.failed
    assert not hand.recording
    monkeypatch.undo()
    monkeypatch.setattr(sigmf_pair, "RESERVE_BYTES", 1)
    hand.record(block(20))
    hand.start("second")
    hand.record(block(30))
    status = hand.status()
    assert status is not None
    assert status.recording
    assert status.failure is None
    hand.close()


def test_what_memory_does_not_hold_is_told_and_not_kept(tmp_path: Path) -> None:
    hand = ByHand(tmp_path, None, memory_bytes=2000)  # 20 s would be 40 000 bytes
    for first in range(0, 3000, 10):
        hand.record(block(first))
    status = hand.status()
    assert status is not None
    assert status.kept_s == pytest.approx(0.95, abs=0.02)
    asked = ByHand(tmp_path, 20.0, memory_bytes=2000)
    with pytest.raises(ConfigError, match="shorten --pre-trigger"):
        asked.record(block(0))


def test_lines_are_commands(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hand = ByHand(tmp_path)
    pieces = iter([b"rec", b"ord towards\nhelp\n", b"\xff\n" + b"x" * 9000, b""])
    _hand.follow_all(lambda: next(pieces), hand)
    assert hand.recording
    assert [record.getMessage()[:6] for record in caplog.records] == ["'help'", "'\ufffd' is"]
    pieces = iter([b"stop\n", b""])
    _hand.follow_all(lambda: next(pieces), hand)
    assert not hand.recording


@pytest.fixture
def watch(repo_root: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A watch that somebody attends; everything it is to hear waits for it."""
    source = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "sdr_detect", "monitor", "--source", f"file://{source}?pace=0",
            "--folder", str(tmp_path / "kept"), "--attended", "--json", str(tmp_path / "e.jsonl"),
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None and not pipe.closed:
            pipe.close()


def test_a_recording_outlives_who_asked_for_it(
    watch: subprocess.Popen[bytes], tmp_path: Path, repo_root: Path
) -> None:
    assert watch.stdin is not None
    watch.stdin.write(b"record by hand\n")
    watch.stdin.flush()
    for pipe in (watch.stdin, watch.stdout, watch.stderr):  # as when the window is killed
        assert pipe is not None
        pipe.close()
    assert watch.wait(120) == 0
    (path,) = (tmp_path / "kept").glob("*.sigmf-meta")
    source = repo_root / "recordings" / "starlink_parked_2m4.sigmf-data"
    with open_recording(path) as recording:
        assert recording.stop_sample == source.stat().st_size // 2
    assert '"verdict": "detected"' in (tmp_path / "e.jsonl").read_text()
