"""``sdr-detect batch`` as a process: killed, interrupted, started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from sdr_detect.batch.table import RESULTS
from tests.batch import archive

LIMIT_S = 240


@pytest.fixture
def recordings(tmp_path: Path, repo_root: Path) -> Path:
    return archive.make(tmp_path, repo_root)


def command(recordings: Path, *words: object) -> list[str]:
    folder = recordings.parent
    stated = ("--stated", folder / "stated.toml", "--out", folder / "out")
    words = ("batch", recordings, *stated, *words)
    return [sys.executable, "-m", "sdr_detect", *map(str, words)]


@contextlib.contextmanager
def started(recordings: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(recordings, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def members(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(ProcessLookupError):
            if entry.name.isdecimal() and os.getsid(int(entry.name)) == session:
                found.append(int(entry.name))
    return found


def reader_of(path: Path, among: Callable[[], Iterable[int]]) -> int:
    """The process that has a file open, once there is one."""
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        for pid in among():
            with contextlib.suppress(OSError):
                if any(link.readlink() == path for link in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
        time.sleep(0.02)
    raise AssertionError(f"nobody reads {path}")


def gone(pid: int) -> bool:
    """Whether a process ends."""
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":  # nobody has asked for its exit code yet
            return True
        time.sleep(0.01)
    return False


def test_killed_or_interrupted_it_goes_on_where_it_was(recordings: Path) -> None:
    out, big = recordings.parent / "out", recordings / "usb" / "big.cs8"

    with started(recordings, "--jobs", 1) as process:  # killed in the first recording
        worker = reader_of(big, partial(members, process.pid))
        process.kill()
        assert gone(worker)
    assert not (out / "results.csv").exists()

    with started(recordings, "--jobs", 2) as process:  # Ctrl-C when others are done
        worker = reader_of(big, partial(members, process.pid))
        os.kill(worker, signal.SIGSTOP)
        wait_for_lines(out / "journal.jsonl", len(archive.SHIPPED))
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert gone(worker)
    status = archive.status(out)
    assert status["big.cs8"] == "pending"
    assert status["gsm_2m4.sigmf-meta"] == "analysed"

    before = times(out)
    os.utime(recordings / "gsm_2m4.sigmf-data")  # as if it had been copied anew
    with started(recordings, "--jobs", 2, "--fail-on-detect") as process:
        os.kill(
            reader_of(big, partial(members, process.pid)), signal.SIGKILL
        )  # a worker, as the system kills one
        stdout, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 3, stderr
    assert "3 recordings are done already, 4 are left" in stderr
    after = times(out)
    kept = {name for name in before if after[name] == before[name]}
    assert kept == {"iridium_250k", "lost_samples_2m4", "tone_doppler_250k"}
    check(stdout, out)


def check(stdout: str, out: Path) -> None:
    """Each recording has its row, each reject its reason."""
    rows = {Path(row["path"]).name: row for row in archive.rows(out)}
    assert all(set(row) | {"took_s", "cpu_s"} == set(RESULTS) for row in rows.values())
    assert archive.status(out) == {
        **{f"{name}.sigmf-meta": "analysed" for name in archive.SHIPPED},
        "cut.sigmf-meta": "rejected",
        "big.cs8": "rejected",
        "plot.png": "rejected",
        "notes.txt": "skipped",
    }
    assert "was killed (SIGKILL)" in rows["big.cs8"]["reason"]
    assert "is a PNG image" in rows["plot.png"]["reason"]
    assert rows["cut.sigmf-meta"]["error"] == "TruncatedError"
    assert '"type": "error"' in (out / rows["big.cs8"]["events"]).read_text()
    said = "".join(stdout.split())
    for row in rows.values():
        assert row["status"] != "rejected" or "".join(row["reason"].split()) in said


def wait_for_lines(path: Path, count: int) -> None:
    end_s = time.monotonic() + LIMIT_S
    while path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < end_s
        time.sleep(0.01)


def times(out: Path) -> dict[str, int]:
    """When the events of each recording were written."""
    return {
        path.name.rpartition("-")[0]: path.stat().st_mtime_ns for path in (out / "events").iterdir()
    }
