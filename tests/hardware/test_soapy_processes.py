"""SoapySDR in real processes, over libraries that the loader finds first."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sdr_detect_hardware import soapy
from typer.testing import CliRunner

from sdr_detect import cli
from sdr_detect.formats.find import open_recording

Process = subprocess.Popen[str]
Start = Callable[..., Process]
LIMIT_S = 60
KU = ("--rf", "13.8e9", "--converter", "ku-12.80")  # IF 1 GHz; the tone is 200 kHz above


@pytest.fixture
def hackrf(start: Callable[..., Process], soapy_fakes: Path, tmp_path: Path) -> Start:
    """Starts ``sdr-detect`` over the libraries, with libhackrf doing what ``fake`` says."""

    def begin(*words: object, fake: str = "", once: Path | None = None) -> Process:
        env = {
            "LD_LIBRARY_PATH": str(soapy_fakes),
            "FAKE_HACKRF": fake,
            "FAKE_HACKRF_LOG": str(tmp_path / "calls.log"),
        }
        if once is not None:
            env["FAKE_HACKRF_ONCE"] = str(once)
        return start(*words, env=env)

    return begin


def wait_for(log: Path, call: str, times: int = 1) -> None:
    due = time.monotonic() + LIMIT_S
    while not (log.exists() and log.read_text().count(call) >= times):
        assert time.monotonic() < due
        time.sleep(0.05)


def test_a_hackrf_that_was_unplugged_is_opened_again(hackrf: Start, tmp_path: Path) -> None:
    log = tmp_path / "calls.log"
    monitor = hackrf(
        "monitor", "--source", "soapy://driver=hackrf?rate=2e6&bias=1", *KU, "--json", "-",
        fake="lose_at=1500000 lose=600000 silent_after=4000000", once=tmp_path / "unplugged",
    )  # fmt: skip
    wait_for(log, "start_rx", times=2)
    time.sleep(0.5)
    monitor.send_signal(signal.SIGTERM)
    out, err = monitor.communicate(timeout=LIMIT_S)
    assert monitor.returncode == 130, err
    assert "no samples for 3 s; was it unplugged?" in err
    assert "is back" in err
    assert re.findall(r"set_antenna_enable (\d)", log.read_text()) == ["1", "0", "1", "0"]
    found = [json.loads(line) for line in out.splitlines()]
    assert found[0]["rf_center_hz"] == 13.8e9
    gaps = [event["sample_count"] for event in found if event["type"] == "gap"]
    assert min(gaps) == pytest.approx(600_000, abs=40_000)
    assert max(gaps) > 3 * 2e6
    tones = [event for event in found if event.get("kind") == "tone"]
    assert any(tone["freq_lower_hz"] < 13.8002e9 < tone["freq_upper_hz"] for tone in tones)
    assert found[-1]["type"] == "verdict"
    assert found[-1]["verdict"] != "detected"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_bias_voltage_goes_off_with_the_capture(
    hackrf: Start, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "calls.log"
    capture = hackrf(
        "capture", "--source", "soapy://driver=hackrf?bias=1&rate=2e6", *KU,
        "--record", tmp_path / "heard.sigmf-meta",
    )  # fmt: skip
    wait_for(log, "set_antenna_enable 1")
    time.sleep(0.5)
    capture.send_signal(number)
    _, err = capture.communicate(timeout=LIMIT_S)
    assert capture.returncode == 130, err
    calls = log.read_text()
    assert re.findall(r"set_antenna_enable (\d)", calls) == ["1", "0"]
    assert calls.endswith("stop_rx 0\nclose 0\n")
    assert "REFUSED" not in calls
    with open_recording(tmp_path / "heard.sigmf-meta") as recording:
        assert recording.info.center_hz == 13.8e9


def test_the_module_takes_its_process_along_and_the_capture_goes_on(
    hackrf: Start, tmp_path: Path
) -> None:
    """SoapyHackRF crashes when the device refuses a frequency: no exception, no closing."""
    crashed = tmp_path / "crashed"
    capture = hackrf(
        "capture", "--source", "soapy://driver=hackrf?rate=2e6", *KU, "--keep-trying",
        "--record", tmp_path / "heard.sigmf-meta",
        fake="tune_fails=1000000000", once=crashed,
    )  # fmt: skip
    wait_for(tmp_path / "calls.log", "set_amp_enable")
    time.sleep(0.5)
    capture.send_signal(signal.SIGINT)
    _, err = capture.communicate(timeout=LIMIT_S)
    assert capture.returncode == 130, err
    assert crashed.exists()
    assert "the driver crashed (SIGSEGV)" in err
    with open_recording(tmp_path / "heard.sigmf-meta") as recording:
        assert recording.info.center_hz == 13.8e9
        assert recording.sample_count > 0


def test_what_would_crash_the_module_is_refused_before(hackrf: Start, tmp_path: Path) -> None:
    capture = hackrf(
        "capture", "--source", "soapy://driver=hackrf?rate=2e6", "--rf", "8e9",
        "--record", tmp_path / "heard.sigmf-meta",
    )  # fmt: skip
    _, err = capture.communicate(timeout=LIMIT_S)
    assert capture.returncode == 2
    assert "the device tunes 1..6000 MHz" in err
    assert "set_freq" not in (tmp_path / "calls.log").read_text()


def test_devices_names_each_with_its_uri(hackrf: Start) -> None:
    process = hackrf("devices", "--json", "-", fake="count=2")
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    devices = {line["uri"]: line for line in map(json.loads, out.splitlines())}
    for serial in (0xABC, 0xABD):
        device = devices[f"soapy://driver=hackrf,serial={serial:032x}"]
        assert device["title"].startswith("HackRF One")
    assert any(uri.startswith("soapy://driver=rtlsdr") for uri in devices)


def test_a_module_that_crashes_is_named_and_the_rest_goes_on(hackrf: Start) -> None:
    process = hackrf("devices", "--json", "-", fake="list_fails=1")
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert "a module of SoapySDR crashed while it looked for devices (signal 11)" in err
    process = hackrf("doctor", "--json", "-", fake="list_fails=1")
    out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    (found,) = [f for f in map(json.loads, out.splitlines()) if f["name"] == "SoapySDR"]
    assert found["state"] == "fault"


def test_doctor_names_the_modules(hackrf: Start) -> None:
    out, _ = hackrf("doctor", "--json", "-").communicate(timeout=LIMIT_S)
    (found,) = [f for f in map(json.loads, out.splitlines()) if f["name"] == "SoapySDR"]
    assert found["state"] == "ok"
    assert "libHackRFSupport.so" in found["detail"]


def run_instead(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Lets a script stand for the process that looks for devices."""
    run = subprocess.run

    def other(command: list[str], **options: object) -> object:
        return run([sys.executable, "-c", code], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", other)


@pytest.mark.parametrize(
    ("code", "state", "said"),
    [
        ('print(\'{"missing": "SoapySDR cannot be used"}\')', "missing", "cannot be used"),
        ('print(\'{"failed": "no USB"}\')', "fault", "no USB"),
        ("import sys; sys.exit('broken')", "fault", "broken"),
        ("pass", "fault", "could not look"),
        ("import time; time.sleep(9)", "fault", "hangs: no answer in 1 s"),
        (
            'print(\'{"title": "libSoapySDR", "modules": [], "devices": []}\')',
            "missing",
            "without any module",
        ),
    ],
)
def test_what_keeps_soapysdr_from_looking(
    monkeypatch: pytest.MonkeyPatch, code: str, state: str, said: str
) -> None:
    run_instead(monkeypatch, code)
    monkeypatch.setattr(soapy, "_PROBE_LIMIT_S", 1.0)
    done = CliRunner().invoke(cli.build_app(), ["doctor", "--json", "-"])
    (found,) = [f for f in map(json.loads, done.stdout.splitlines()) if f["name"] == "SoapySDR"]
    assert found["state"] == state
    assert said in found["detail"]
    assert found["remedy"]
    assert ("apt install" in found["remedy"]) == (state == "missing")
