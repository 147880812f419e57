"""A visit on a real screen: samples over ZMQ, a recording, a case, the sealed report."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)
pytest.importorskip("sqlalchemy", reason="cases need SQLAlchemy")

from sdr_detect.evidence.verify import read_json, verify
from sdr_detect.formats.find import open_recording
from tests.gui.desk import Desk, share
from tests.gui.desk import desk as desk
from tests.gui.desk import screen as screen

ORANGE, BLUE = "#a63a00", "#0b5cad"


@pytest.fixture
def samples(tmp_path: Path, repo_root: Path) -> Iterator[str]:
    """A replay in real time, published; where."""
    source = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    endpoint = f"ipc://{tmp_path}/iq"
    capture = subprocess.Popen(
        [
            sys.executable, "-m", "sdr_detect", "capture",
            "--source", f"file://{source}?loop=600", "--publish", endpoint,
        ],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    yield endpoint
    capture.send_signal(signal.SIGINT)
    try:
        capture.wait(20)
    finally:
        capture.kill()
        capture.wait()


def until(done: Callable[[], bool], what: str, limit_s: float = 90.0) -> None:
    due_s = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < due_s, f"{what} did not come"
        time.sleep(0.2)


def finished(folder: Path) -> list[Path]:
    """Recordings with their checksum, which is written last."""
    return [p for p in sorted(folder.glob("*.sigmf-meta")) if "core:sha512" in p.read_text()]


def second_bytes(folder: Path) -> int:
    return sorted((folder / "recorded").glob("*.sigmf-data"))[1].stat().st_size


def watching(endpoint: str) -> int:
    """Number of the process that watches."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode().split("\0")
            if "monitor" in words and f"zmq://{endpoint}" in words:
                return int(path.parent.name)
    raise AssertionError("the watch has died with its window")


def test_record_case_and_evidence(desk: Desk, samples: str, tmp_path: Path) -> None:
    window = subprocess.Popen(
        [sys.executable, "-m", "sdr_detect", "gui", "--source", f"zmq://{samples}",
         "--language", "en", "--pre-trigger", "2"],
        env=desk.env, cwd=tmp_path,
    )  # fmt: skip
    try:
        number = desk.hands("search", "--sync", "--onlyvisible", "--name", "^sdr-detect$")
        number = number.splitlines()[0]
        desk.hands("windowmove", number, "0", "0", "windowfocus", "--sync", number)
        desk.until(lambda picture: share(picture, ORANGE) > 0.03)  # detected
        desk.hands("key", "F4")
        for text in ("MV Example", "9074729", "", "7", "Kim Example", "Port of Example"):
            desk.hands("type", "--delay", "5", text)  # an r or a b in a field is a letter
            desk.hands("key", "Tab")
        assert not (tmp_path / "recorded").exists()
        desk.hands("type", "--delay", "5", "54.3, 10.1")
        desk.hands("key", "Tab", "space")  # the button that opens the case
        desk.hands("key", "Down")  # recordings are for: on target
        desk.until(lambda picture: share(picture[560:700, 940:], BLUE) > 0.1)  # the case is open
        desk.hands("mousemove", "870", "22", "click", "1")  # the button
        until(lambda: any((tmp_path / "recorded").glob("*.sigmf-data")), "a recording")
        time.sleep(1)
        desk.hands("key", "r")
        until(lambda: bool(finished(tmp_path / "recorded")), "the end of the recording")
        time.sleep(1)
        desk.hands("key", "ctrl+r")
        until(lambda: any(tmp_path.glob("*.html")), "the report", 180)
        desk.hands("key", "r")  # another one, which outlives the window
        until(lambda: len(list((tmp_path / "recorded").glob("*.sigmf-meta"))) == 2, "the second")
    finally:
        window.kill()
        window.wait(60)
    orphan = watching(samples)
    size = second_bytes(tmp_path)
    until(lambda: second_bytes(tmp_path) > size, "samples after the window was killed")
    os.kill(orphan, signal.SIGINT)
    until(lambda: len(finished(tmp_path / "recorded")) == 2, "the second in order")
    first, _ = finished(tmp_path / "recorded")
    with open_recording(first) as recording:
        length_s = recording.stop_sample / recording.info.sample_rate_hz
        assert recording.info.center_hz == pytest.approx(14.2225e9)
        assert length_s > 2.0  # what came before the key was pressed is in it
    (package,) = tmp_path.glob("*.sdrcase")
    result = verify(package)
    assert result.ok, result.findings
    case = read_json(result, "case.json")
    assert "MV Example" in str(case)
    (judged,) = read_json(result, "results.json")["recordings"]
    assert judged["verdict"] == "detected"
    page = next(tmp_path.glob("*.html")).read_text()
    assert "MV Example" in page
