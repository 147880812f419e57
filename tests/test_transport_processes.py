"""Real processes: capture to monitor, and what happens when one of them ends."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sdr_detect import cli
from sdr_detect.formats.find import open_recording
from sdr_detect.simulate.scene import load_scene
from sdr_detect.simulate.write import write_sigmf

Process = subprocess.Popen[str]
LIMIT_S = 60


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """0.1 s with three gaps."""
    scene = load_scene(repo_root / "recordings" / "scenes" / "lost_samples_2m4.toml")
    return write_sigmf(scene, tmp_path_factory.mktemp("lossy") / "lossy.sigmf-meta")


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts ``sdr-detect`` processes and ends what is left of them."""
    with contextlib.ExitStack() as stack:

        def begin(*words: object) -> Process:
            process = subprocess.Popen(
                [sys.executable, "-m", "sdr_detect", *map(str, words)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield begin


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


def first_line(process: Process) -> str:
    """The first line on stdout, waiting for it."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], LIMIT_S)
    assert ready, "nothing came"
    return process.stdout.readline()


def events(text: str | list[str]) -> list[str]:
    """All lines but the one that says what was analysed."""
    lines = text.splitlines() if isinstance(text, str) else text
    return [line for line in lines if not line.startswith('{"type": "recording"')]


def last(text: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(text.splitlines()[-1])
    return line


def test_the_chain_finds_what_the_file_analysis_finds(
    start: Callable[..., Process],
    run_here: Callable[..., Ended],
    recording: Path,
    tmp_path: Path,
) -> None:
    capture = start(
        "capture", "--source", f"file://{recording}?pace=0", "--publish", "tcp://127.0.0.1:*",
        "--wait-subscriber", "--record", tmp_path / "again.sigmf-meta",
    )  # fmt: skip
    assert capture.stderr is not None
    endpoint = capture.stderr.readline().split()[-1]
    monitor = start("monitor", "--subscribe", endpoint, "--json", "-", "--plots", tmp_path)
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert (monitor.returncode, err) == (0, "")
    assert capture.wait(LIMIT_S) == 0
    # Byte for byte: bursts, gaps, tracks and the verdict.
    assert events(out) == events(run_here("analyze", recording, "--json", "-").out)
    assert (tmp_path / "lossy.png").read_bytes().startswith(b"\x89PNG")
    with open_recording(tmp_path / "again.sigmf-meta") as again, open_recording(recording) as first:
        assert [c.lost_before for c in again.captures] == [c.lost_before for c in first.captures]
        length = first.stop_sample
        assert again.read(0, length).tobytes() == first.read(0, length).tobytes()


def test_between_machines_with_keys(
    start: Callable[..., Process],
    run_here: Callable[..., Ended],
    recording: Path,
    tmp_path: Path,
) -> None:
    keys = {name: tmp_path / name / f"{name}.key_secret" for name in ("capture", "me", "you")}
    for name, path in keys.items():
        assert run_here("keys", "new", name, "--folder", path.parent).code == 0
    capture = start(
        "capture", "--source", f"file://{recording}?pace=0", "--publish", "tcp://0.0.0.0:*",
        "--wait-subscriber", "--curve-key", keys["capture"], "--curve-allow", tmp_path / "me",
    )  # fmt: skip
    assert capture.stderr is not None
    endpoint = capture.stderr.readline().split()[-1].replace("0.0.0.0", "127.0.0.1")
    server = keys["capture"].with_suffix(".key")
    watch = ["monitor", "--subscribe", endpoint, "--json", "-", "--curve-server", server]
    refused = run_here(*watch, "--curve-key", keys["you"])
    assert (refused.code, refused.out) == (1, "")
    assert "does not know our key" in refused.err
    heard = run_here(*watch, "--curve-key", keys["me"])
    assert heard.code == 0
    _, logged = capture.communicate(timeout=LIMIT_S)
    assert capture.returncode == 0
    assert "refused a subscriber: unknown key" in logged
    assert events(heard.out) == events(run_here("analyze", recording, "--json", "-").out)


def test_monitor_reads_a_source_itself(run_here: Callable[..., Ended], recording: Path) -> None:
    analysed = run_here("analyze", recording, "--json", "-")
    watched = run_here("monitor", "--source", f"file://{recording}?pace=0", "--json", "-")
    assert (watched.code, watched.err) == (0, "")
    assert events(watched.out) == events(analysed.out)
    facts = json.loads(watched.out.splitlines()[0])
    assert (facts["sha256"], facts["duration_s"], facts["sample_count"]) == (None, None, None)


def test_tables_as_it_happens(run_here: Callable[..., Ended], recording: Path) -> None:
    watched = run_here("monitor", "--source", f"file://{recording}?pace=0")
    lines = watched.out.splitlines()
    assert lines[0].startswith("gap at sample 48000")
    assert any(line.startswith("track T1 from") for line in lines)
    assert "probability of intercept" in watched.out


def test_a_killed_capture_is_told_and_leaves_a_verdict(
    start: Callable[..., Process],
    run_here: Callable[..., Ended],
    recording: Path,
    tmp_path: Path,
) -> None:
    endpoint = f"ipc://{tmp_path}/iq"
    capture = start(
        "capture", "--source", f"file://{recording}?pace=0.05", "--publish", endpoint,
        "--wait-subscriber",
    )  # fmt: skip
    heard = tmp_path / "events.jsonl"

    def kill() -> None:
        while not (heard.exists() and heard.stat().st_size):
            time.sleep(0.05)
        capture.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    watched = run_here(
        "monitor", "--subscribe", endpoint, "--json", heard, "--timeout", 1, "--give-up", 0
    )
    killer.join()
    assert watched.code == 1
    assert "nothing for 1 s" in watched.err
    assert "Inconclusive" in watched.out
    assert last(heard.read_text())["verdict"] == "inconclusive"


def test_who_joins_late_says_so(
    start: Callable[..., Process],
    run_here: Callable[..., Ended],
    recording: Path,
    tmp_path: Path,
) -> None:
    endpoint = f"ipc://{tmp_path}/iq"
    capture = start("capture", "--source", f"file://{recording}?pace=0.05", "--publish", endpoint)
    assert capture.stderr is not None
    capture.stderr.readline()
    time.sleep(0.9)  # a block takes 0.55 s at this pace
    watched = run_here("monitor", "--subscribe", endpoint, "--json", "-")
    assert watched.code == 0
    joined = json.loads(watched.out.splitlines()[1])
    assert (joined["type"], joined["reason"]) == ("health", "joined_late")
    assert joined["start_sample"] == 0
    # What was missed is neither analysed nor blind.
    watched_s = (240_000 - joined["sample_count"]) / 2.4e6
    verdict = last(watched.out)
    assert verdict["analysed_s"] <= watched_s < 0.1
    assert verdict["analysed_s"] + verdict["blind_s"] <= watched_s


def test_interrupting_the_monitor_gives_its_verdict(
    start: Callable[..., Process], recording: Path
) -> None:
    monitor = start("monitor", "--source", f"file://{recording}?pace=0.01", "--json", "-")
    first_line(monitor)
    time.sleep(0.3)
    for _ in range(3):  # as ``timeout`` sends it, to the process and to its group
        monitor.send_signal(signal.SIGINT)
        time.sleep(0.01)
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 130
    assert err == ""
    assert last(out)["type"] == "verdict"


def test_interrupting_the_capture_ends_the_stream_properly(
    start: Callable[..., Process], recording: Path, tmp_path: Path
) -> None:
    capture = start(
        "capture", "--source", f"file://{recording}?pace=0.05", "--publish", f"ipc://{tmp_path}/iq",
        "--wait-subscriber",
    )  # fmt: skip
    monitor = start("monitor", "--subscribe", f"ipc://{tmp_path}/iq", "--json", "-")
    first_line(monitor)
    capture.send_signal(signal.SIGINT)
    assert capture.wait(LIMIT_S) == 130
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert (monitor.returncode, err) == (0, "")
    assert last(out)["type"] == "verdict"


def test_interrupting_an_analysis_gives_a_verdict_on_its_part(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    path = tmp_path / "long.cs8"
    with path.open("wb") as file:
        file.truncate(1 << 29)  # a sparse file: 13 s of zeros
    analyze = start(
        "analyze", path, "--format", "cs8", "--rate", "20e6", "--rf", "14.2e9", "--json", "-",
        "--set", "frames.dwell_s=0.05",
    )  # fmt: skip
    first_line(analyze)
    time.sleep(0.5)
    analyze.send_signal(signal.SIGINT)
    out, _ = analyze.communicate(timeout=LIMIT_S)
    assert analyze.returncode == 130
    assert last(out)["type"] == "verdict"


def test_a_reader_that_leaves_ends_it_quietly(
    start: Callable[..., Process], recording: Path
) -> None:
    analyze = start("analyze", recording, "--json", "-")
    assert analyze.stdout is not None
    analyze.stdout.close()
    assert analyze.stderr is not None
    err = analyze.stderr.read()
    assert analyze.wait(LIMIT_S) == 1
    assert "Traceback" not in err
    analyze.stdout = None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["capture", "--source", "file://x"], 2, "nowhere"),
        (["capture", "--source", "file://x", "--record", "a.wav"], 1, "does not exist"),
        (["capture", "--source", "file://x", "--wait-subscriber", "--record", "a"], 2, "needs"),
        (["capture", "--source", "file://x", "--publish", "x", "--curve-key", "x"], 2, "together"),
        (["monitor", "--subscribe", "x", "--curve-server", "x"], 2, "go together"),
        (["monitor", "--source", "x", "--curve-server", "x", "--curve-key", "x"], 2, "together"),
        (
            ["capture", "--source", "rtl_tcp://h:1", "--wait-subscriber", "--publish", "ipc:///x"],
            2,
            "runs on",
        ),
        (["monitor"], 2, "--subscribe"),
        (["monitor", "--source", "file://x", "--subscribe", "ipc:///x"], 2, "either"),
        (["monitor", "--source", "flie://x"], 1, "did you mean file://"),
        (["monitor", "--subscribe", "tcp://192.0.2.1:5555"], 2, "neither encrypted"),
        (["monitor", "--subscribe", "ipc:///x", "--rf", "14e9"], 2, "the publisher says"),
        (["monitor", "--source", "file://x", "--timeout", "0"], 2, "timeout"),
    ],
)
def test_wrong_calls(
    run_here: Callable[..., Ended], words: list[str], code: int, said: str
) -> None:
    ended = run_here(*words)
    assert ended.code == code
    assert said in ended.err
