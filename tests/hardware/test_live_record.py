"""Recording in real processes, over a served dongle: kills, losses, full disks, triggers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sdr_detect import cli
from sdr_detect.formats.find import open_recording
from tests.hardware.rtl_tcp_server import Plan, Server

Process = subprocess.Popen[str]
LIMIT_S = 60
KU = ("--rf", "13.8e9", "--converter", "ku-12.80")


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts ``sdr-detect`` processes and ends what is left of them."""
    with contextlib.ExitStack() as stack:

        def begin(*words: object, code: str = "") -> Process:
            command = ["-c", code] if code else ["-m", "sdr_detect"]
            process = subprocess.Popen(
                [sys.executable, *command, *map(str, words)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Starts servers of a dongle that hears a tone; returns the source's URI."""
    with contextlib.ExitStack() as stack:

        def begin(**plan: Any) -> str:
            server = Server(Plan(paced=True, tone_hz=1.0002e9, **plan))
            stack.callback(server.close)
            return f"rtl_tcp://127.0.0.1:{server.port}?rate=1e6"

        yield begin


def until(wanted: Callable[[], bool], process: Process) -> None:
    due_s = time.monotonic() + LIMIT_S
    while not wanted():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < due_s
        time.sleep(0.02)


def size(path: Path) -> int:
    data = path.with_suffix(".sigmf-data")
    return data.stat().st_size if data.exists() else 0


def lines(text: str) -> list[str]:
    """All lines but the one that says what was analysed."""
    return [line for line in text.splitlines() if not line.startswith('{"type": "recording"')]


class Ended(NamedTuple):
    code: object
    out: str
    err: str


@pytest.fixture
def run_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Calls the command line inside this process, which has all libraries loaded."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sdr-detect", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return Ended(end.value.code, *capsys.readouterr())

    return call


def test_the_watch_and_its_recording_agree_to_the_byte(
    start: Callable[..., Process],
    served: Callable[..., str],
    run_here: Callable[..., Ended],
    tmp_path: Path,
) -> None:
    path = tmp_path / "heard.sigmf-meta"
    source = served(noise=8.0, gaps={600_000: 300_000})
    monitor = start("monitor", "--source", source, *KU, "--record", path, "--json", "-")
    until(lambda: size(path) > 2 * 1_700_000, monitor)
    monitor.send_signal(signal.SIGINT)
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 130
    assert err.count("free last") == err.count("WARNING sdr_detect.sinks") == 1
    found = [json.loads(line) for line in lines(out)]
    gaps = [event["sample_count"] for event in found if event["type"] == "gap"]
    assert 250_000 < sum(gaps) < 350_000
    assert any(event["type"] == "track" and event["kind"] == "tone" for event in found)
    assert found[-1]["type"] == "verdict"
    assert lines(out) == lines(run_here("analyze", path, "--json", "-").out)
    with open_recording(path) as recording:
        assert recording.verify() is True
        assert [c.lost_before for c in recording.captures] == [0, *gaps]


@pytest.mark.parametrize("verb", ["monitor", "record"])
def test_what_was_heard_until_a_kill_can_be_analysed(
    start: Callable[..., Process],
    served: Callable[..., str],
    run_here: Callable[..., Ended],
    tmp_path: Path,
    verb: str,
) -> None:
    path = tmp_path / "heard.sigmf-meta"
    option = "--out" if verb == "record" else "--record"
    process = start(verb, "--source", served(gaps={300_000: 50_000}), *KU, option, path)
    until(lambda: size(path) > 2 * 700_000, process)
    process.kill()
    process.wait(LIMIT_S)
    with open_recording(path) as recording:
        assert recording.notes == ()
        assert recording.verify() is None
        assert len(recording.captures) >= 2
        assert 2 * recording.sample_count == size(path)
    assert '"verdict"' in run_here("analyze", path, "--json", "-").out


FULL_DISK = """
import errno, sys
from sdr_detect import cli
from sdr_detect.sinks import sigmf_pair

real, room = sigmf_pair.open_data, 500_001

class File:
    def __init__(self, path):
        self.file, self.room = real(path), room

    def write(self, data):
        part = data[: self.room]
        if not part:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(part)
        return self.file.write(part)

    def __getattr__(self, name):
        return getattr(self.file, name)

sigmf_pair.open_data = File
cli.main()
"""


def test_a_full_disk_does_not_end_the_watch(
    start: Callable[..., Process], served: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "heard.sigmf-meta"
    source = served(close_after=1_300_000)
    words = ("monitor", "--source", source, *KU, "--give-up", 0, "--record", path, "--json", "-")
    out, err = start(*words, code=FULL_DISK).communicate(timeout=LIMIT_S)
    found = [json.loads(line) for line in lines(out)]
    (told,) = [event for event in found if event.get("reason") == "recording_ended"]
    assert "250000 samples (500000 bytes)" in told["detail"]
    assert err.count(told["detail"]) == 1
    assert found[-1]["type"] == "verdict"
    assert found[-1]["analysed_s"] > 0.5
    with open_recording(path) as recording:
        assert recording.verify() is True
        assert recording.sample_count == 250_000


def test_a_full_disk_ends_a_recording_alone(
    start: Callable[..., Process], served: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "heard.sigmf-meta"
    capture = start("capture", "--source", served(), *KU, "--record", path, code=FULL_DISK)
    _, err = capture.communicate(timeout=LIMIT_S)
    assert capture.returncode == 1
    last = err.splitlines()[-1]
    assert last.startswith(f"sdr-detect: error: {path}: No space left on device; free some")
    with open_recording(path) as recording:
        assert recording.verify() is True


def test_a_signal_saves_what_was_just_heard(
    start: Callable[..., Process], served: Callable[..., str], tmp_path: Path
) -> None:
    record = start(
        "record", "--source", served(), *KU, "--folder", tmp_path / "finds", "--pre-trigger", 0.4,
        "--post-trigger", 0.3, "--json", tmp_path / "events.jsonl",
    )  # fmt: skip
    until((tmp_path / "events.jsonl").exists, record)
    time.sleep(1.0)
    record.send_signal(signal.SIGUSR1)
    assert record.stderr is not None
    while not (line := record.stderr.readline()).startswith("recorded"):
        assert record.poll() is None, line
    record.send_signal(signal.SIGINT)
    assert record.wait(LIMIT_S) == 130
    assert '"verdict"' in (tmp_path / "events.jsonl").read_text()
    (path,) = (tmp_path / "finds").glob("*.sigmf-meta")
    with open_recording(path) as recording:
        assert recording.verify() is True
        assert recording.sample_count == pytest.approx(700_000, abs=100_000)
    (note,) = json.loads(path.read_text())["annotations"]
    assert (note["core:label"], note["core:sample_start"]) == ("trigger: by hand", 0)
    assert note["core:comment"].startswith("SIGUSR1; asked for at sample ")


def test_a_terminal_is_recorded_with_its_past(
    run_here: Callable[..., Ended], tmp_path: Path, repo_root: Path
) -> None:
    original = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    ended = run_here("record", "--source", f"file://{original}?pace=0", "--folder", tmp_path)
    assert ended.code == 0
    assert "Detected" in ended.out
    (path,) = tmp_path.glob("*.sigmf-meta")
    with open_recording(path) as recording, open_recording(original) as heard:
        assert recording.read(0, heard.stop_sample).tobytes() == (
            heard.read(0, heard.stop_sample).tobytes()
        )
    labels = {note["core:label"] for note in json.loads(path.read_text())["annotations"]}
    assert labels == {"trigger: starlink_uplink"}


def test_an_end_by_time_is_kept_to_the_sample(
    start: Callable[..., Process], served: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "heard.sigmf-meta"
    record = start("record", "--source", served(), *KU, "--out", path, "--seconds", 0.3)
    _, err = record.communicate(timeout=LIMIT_S)
    assert record.returncode == 0
    assert err.splitlines()[-1] == f"recorded {path}: 300000 samples"
    assert size(path) == 600_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--out"),
        (["--out", "a.sigmf-meta", "--folder", "b"], "either"),
        (["--out", "a.sigmf-meta", "--pre-trigger", 3], "need --folder"),
        (["--folder", "b", "--trigger", "noise"], "terminal, burst"),
        (["--folder", "b", "--quota", "much"], "500M, 20G"),
        (["--folder", "b", "--pre-trigger", 60, "--ring-memory", "1M"], "60 s before a trigger"),
    ],
)
def test_wrong_calls(
    run_here: Callable[..., Ended], repo_root: Path, tmp_path: Path, words: list[object], said: str
) -> None:
    words = [tmp_path / word if word == "b" else word for word in words]
    original = repo_root / "recordings" / "blank_2m4.sigmf-meta"
    ended = run_here("record", "--source", f"file://{original}?pace=0", *words)
    assert ended.code == 2
    assert said in " ".join(ended.err.replace("│", " ").split())
