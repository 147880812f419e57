"""Receivers in real processes: device to capture to monitor, over the fakes."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdr_detect.formats.find import open_recording
from tests.hardware.rtl_tcp_server import Plan, Server

Process = subprocess.Popen[str]
LIMIT_S = 60
KU = ("--rf", "13.8e9", "--converter", "ku-12.80")  # IF 1 GHz; the tone is 200 kHz above


def events(text: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in text.splitlines():
        event = json.loads(line)
        found.setdefault(event["type"], []).append(event)
    return found


def lost_samples(text: str) -> int:
    return sum(gap["sample_count"] for gap in events(text).get("gap", ()))


def check_heard(text: str, *, lost: int) -> None:
    """The tone at its RF, the loss as blind time, and one verdict at the end."""
    found = events(text)
    assert found["recording"][0]["rf_center_hz"] == 13.8e9
    assert lost_samples(text) == pytest.approx(lost, abs=20_000)
    (tone,) = [track for track in found["track"] if track["kind"] == "tone"]
    assert tone["freq_lower_hz"] < 13.8002e9 < tone["freq_upper_hz"]
    (verdict,) = found["verdict"]
    assert verdict["verdict"] != "detected"
    assert verdict["blind_s"] == pytest.approx(lost / 1e6, abs=0.03)
    assert text.splitlines()[-1].startswith('{"type": "verdict"')


def test_a_served_dongle_through_capture_to_monitor(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    gap = {3_000_000: 300_000}
    with contextlib.closing(Server(Plan(paced=True, tone_hz=1.0002e9, gaps=gap))) as server:
        endpoint = f"ipc://{tmp_path}/iq"
        source = f"rtl_tcp://127.0.0.1:{server.port}?rate=1e6"
        # A device does not wait: who wants its first samples must be there before it.
        monitor = start("monitor", "--subscribe", endpoint, "--json", "-")
        capture = start(
            "capture", "--source", source, *KU, "--publish", endpoint,
            "--record", tmp_path / "heard.sigmf-meta",
        )  # fmt: skip
        assert monitor.stdout is not None
        heard = ""
        while lost_samples(heard) < 200_000:  # a computer under load shows small ones, too
            heard += monitor.stdout.readline()
            assert monitor.poll() is None, heard
        time.sleep(0.5)
        capture.send_signal(signal.SIGINT)
        assert capture.wait(LIMIT_S) == 130
        rest, err = monitor.communicate(timeout=LIMIT_S)
        assert (monitor.returncode, err) == (0, "")
    check_heard(heard + rest, lost=300_000)
    with open_recording(tmp_path / "heard.sigmf-meta") as recording:
        assert recording.info.center_hz == 13.8e9
        first, *others = (c.lost_before for c in recording.captures)
        assert first == 0
        assert max(others) >= 200_000  # under load small ones stand beside it


def test_a_served_dongle_that_goes_away(start: Callable[..., Process]) -> None:
    plan = Plan(paced=True, tone_hz=1.0002e9, gaps={1_000_000: 300_000}, close_after=2_300_000)
    with contextlib.closing(Server(plan)) as server:
        source = f"rtl_tcp://127.0.0.1:{server.port}?rate=1e6"
        monitor = start("monitor", "--source", source, *KU, "--json", "-", "--give-up", 0)
        out, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 1
    assert err.splitlines()[-1] == (
        f"sdr-detect: error: rtl_tcp://127.0.0.1:{server.port}: the server ended the connection"
    )
    check_heard(out, lost=300_000)


def test_a_dongle_on_usb_that_is_unplugged(
    start: Callable[..., Process], fake_usb: dict[str, str]
) -> None:
    fake = "lose_at=700000 lose=300000 unplug_after=1700000"
    monitor = start(
        "monitor", "--source", "rtlsdr://0?rate=1e6", *KU, "--json", "-", "--give-up", 0,
        env={**fake_usb, "FAKE_RTLSDR": fake},
    )  # fmt: skip
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 1
    assert "device gone (-5); was it unplugged?" in err
    check_heard(out, lost=300_000)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_bias_voltage_goes_off_with_the_capture(
    start: Callable[..., Process], fake_usb: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    log = Path(fake_usb["FAKE_RTLSDR_LOG"])
    capture = start(
        "capture", "--source", "rtlsdr://serial=00000001?bias=1", *KU,
        "--record", tmp_path / "heard.sigmf-meta", env=fake_usb,
    )  # fmt: skip
    due = time.monotonic() + LIMIT_S
    while not (log.exists() and "read_async" in log.read_text()) and time.monotonic() < due:
        time.sleep(0.05)
    time.sleep(0.3)
    capture.send_signal(number)
    assert capture.wait(LIMIT_S) == 130
    assert re.findall(r"set_bias_tee (\d)", log.read_text()) == ["1", "0"]
    assert log.read_text().endswith("close 0\n")


def test_wrong_settings_are_usage_errors(start: Callable[..., Process]) -> None:
    capture = start("capture", "--source", "rtl_tcp://h:1?rate=1", *KU, "--record", "x.sigmf-meta")
    _, err = capture.communicate(timeout=LIMIT_S)
    assert capture.returncode == 2
    assert "225001..300000 or 900001..3200000" in err
