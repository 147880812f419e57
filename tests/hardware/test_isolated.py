"""Receivers that crash, hang, are pulled or held: told with the cause, opened again, counted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdr_detect.formats.base import RawSpec
from sdr_detect.isolate import IsolatedSource
from sdr_detect.registry import SourceOptions
from tests.hardware.conftest import Process

LIMIT_S = 60
KU = ("--rf", "13.8e9", "--converter", "ku-12.80")  # IF 1 GHz; the tone is 200 kHz above
RTL = "rtlsdr://0?rate=1e6"
Start = Callable[..., Process]


@pytest.fixture
def mishap(fake_usb: dict[str, str], tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Environment of a dongle to which something happens once."""
    return lambda what: {
        **fake_usb, "FAKE_RTLSDR": what, "FAKE_RTLSDR_ONCE": str(tmp_path / "happened")
    }  # fmt: skip


def read_until(process: Process, wanted: str) -> str:
    """What it prints up to the line that holds ``wanted``."""
    assert process.stdout is not None
    text = ""
    while wanted not in text:
        line = process.stdout.readline()
        assert line, f"{process.args} ended: {text}"
        text += line
    return text


def interrupted(process: Process) -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=LIMIT_S)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def check_resumed(text: str, cause: str) -> None:
    """The cause, then the gap as long as was told, then the verdict with it as blind time."""
    found = lines(text)
    told = [line for line in found if line["type"] == "health"]
    lost, back = (
        next(line for line in told if line["reason"] == reason)
        for reason in ("source_lost", "source_back")
    )
    assert cause in lost["detail"]
    gaps = [line for line in found if line["type"] == "gap"]
    missing = sum(gap["sample_count"] for gap in gaps)
    assert f"about {back['sample_count']} samples are missing" in back["detail"]
    assert missing == back["sample_count"] > 1e6  # a second at least
    assert back["start_sample"] == lost["start_sample"]
    verdict = found[-1]
    assert verdict["type"] == "verdict"
    assert verdict["blind_s"] == pytest.approx(missing / 1e6, abs=0.3)
    assert verdict["analysed_s"] > 0.5


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ("crash_after=700000", "the driver crashed (SIGSEGV)"),
        ("freeze_after=700000", "the driver was silent for 1 s: it hangs"),
        ("unplug_after=700000", "device gone (-5); was it unplugged?"),
    ],
)
def test_a_receiver_is_opened_again(
    start: Start, mishap: Callable[[str], dict[str, str]], what: str, cause: str
) -> None:
    monitor = start(
        "monitor", "--source", RTL, *KU, "--json", "-", "--timeout", 1, env=mishap(what)
    )
    heard = read_until(monitor, "source_back")
    time.sleep(0.7)
    out, err = interrupted(monitor)
    assert monitor.returncode == 130
    assert cause in err
    assert "Traceback" not in err
    check_resumed(heard + out, cause)


def test_files_of_the_current_folder_are_not_run(
    fake_usb: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not ours')\n")
    monkeypatch.chdir(tmp_path)
    for name, value in fake_usb.items():
        monkeypatch.setenv(name, value)
    spec = RawSpec(rf_hz=1e9)
    with contextlib.closing(IsolatedSource(RTL, SourceOptions(spec))) as source:
        assert next(source.blocks()).sample_count


def test_a_busy_receiver_is_waited_for(
    start: Start, mishap: Callable[[str], dict[str, str]]
) -> None:
    monitor = start("monitor", "--source", RTL, *KU, "--json", "-", env=mishap("open=-6"))
    heard = read_until(monitor, '"type": "recording"')
    time.sleep(0.5)
    out, err = interrupted(monitor)
    assert "another program" in err
    assert "next try in 1 s" in err
    assert lines(heard + out)[-1]["analysed_s"] > 0


def test_a_missing_receiver_is_an_error_at_once(start: Start, fake_usb: dict[str, str]) -> None:
    monitor = start("monitor", "--source", RTL, *KU, env={**fake_usb, "FAKE_RTLSDR": "count=0"})
    _, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 1
    assert err.splitlines()[-1] == (
        "sdr-detect: error: rtlsdr://0: no RTL-SDR is attached; plug one in"
    )


def test_who_subscribes_hears_of_it_too(
    start: Start, mishap: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    endpoint, happened = f"ipc://{tmp_path}/iq", tmp_path / "happened"
    happened.touch()
    monitor = start("monitor", "--subscribe", endpoint, "--json", "-", "--timeout", 3)
    capture = start(
        "capture", "--source", RTL, *KU, "--publish", endpoint, env=mishap("crash_after=0")
    )
    heard = read_until(monitor, '"type": "recording"')
    time.sleep(0.7)
    happened.unlink()  # now
    heard += read_until(monitor, "source_back")
    time.sleep(0.7)
    capture.send_signal(signal.SIGINT)
    assert capture.wait(LIMIT_S) == 130
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert (monitor.returncode, err) == (0, "")
    check_resumed(heard + out, "crashed (SIGSEGV)")


def test_a_capture_that_gives_up_says_why(
    start: Start, mishap: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    endpoint, happened = f"ipc://{tmp_path}/iq", tmp_path / "happened"
    happened.touch()
    monitor = start("monitor", "--subscribe", endpoint, "--json", "-", "--give-up", 0)
    capture = start(
        "capture", "--source", RTL, *KU, "--publish", endpoint, "--give-up", 0,
        env=mishap("unplug_after=0"),
    )  # fmt: skip
    heard = read_until(monitor, '"type": "recording"')
    happened.unlink()
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert capture.wait(LIMIT_S) == 1
    assert monitor.returncode == 1
    assert "was it unplugged?" in err
    assert lines(heard + out)[-1]["type"] == "verdict"


def test_a_capture_that_is_killed_and_started_again(
    start: Start, fake_usb: dict[str, str], tmp_path: Path
) -> None:
    endpoint = f"ipc://{tmp_path}/iq"
    monitor = start("monitor", "--subscribe", endpoint, "--json", "-", "--timeout", 1)
    words = ("capture", "--source", RTL, *KU, "--publish", endpoint)
    capture = start(*words, env=fake_usb)
    heard = read_until(monitor, '"type": "recording"')
    time.sleep(0.7)
    capture.kill()
    capture.wait(LIMIT_S)
    heard += read_until(monitor, "source_lost")
    again = start(*words, env=fake_usb)
    heard += read_until(monitor, "source_back")
    time.sleep(0.7)
    again.send_signal(signal.SIGINT)
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 0
    assert "nothing for 1 s" in err
    check_resumed(heard + out, "nothing for 1 s")


def test_a_monitor_that_is_killed_harms_nobody(
    start: Start, fake_usb: dict[str, str], tmp_path: Path
) -> None:
    endpoint = f"ipc://{tmp_path}/iq"
    capture = start("capture", "--source", RTL, *KU, "--publish", endpoint, env=fake_usb)
    first = start("monitor", "--subscribe", endpoint, "--json", "-")
    read_until(first, '"type": "recording"')
    first.kill()
    wait_for(lambda: "read_async" in text_of(Path(fake_usb["FAKE_RTLSDR_LOG"])))
    second = start("monitor", "--subscribe", endpoint, "--json", "-")
    heard = read_until(second, '"type": "recording"')
    time.sleep(0.5)
    capture.send_signal(signal.SIGINT)
    out, err = second.communicate(timeout=LIMIT_S)
    assert (second.returncode, err) == (0, "")
    assert capture.wait(LIMIT_S) == 130
    found = lines(heard + out)
    assert found[-1]["analysed_s"] > 0.3
    assert found[-1]["blind_s"] == 0
    assert next(line["reason"] for line in found if line["type"] == "health") == "joined_late"


def test_the_device_is_let_go_when_its_user_is_killed(
    start: Start, fake_usb: dict[str, str], tmp_path: Path
) -> None:
    log = Path(fake_usb["FAKE_RTLSDR_LOG"])
    capture = start(
        "capture", "--source", f"{RTL}&bias=1", *KU, "--record", tmp_path / "x.sigmf-meta",
        env=fake_usb,
    )  # fmt: skip
    wait_for(lambda: "read_async" in text_of(log))
    os.kill(capture.pid, signal.SIGKILL)
    wait_for(lambda: text_of(log).endswith("close 0\n"))
    assert re.findall(r"set_bias_tee (\d)", text_of(log)) == ["1", "0"]


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def wait_for(condition: Callable[[], bool]) -> None:
    due_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < due_s, "it did not happen"
        time.sleep(0.05)
