"""``devices`` and ``doctor``: what is attached, what is missing, and the remedy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sdr_detect_hardware import _usb_host
from typer.testing import CliRunner

from sdr_detect import cli, hostclock

RUNNER = CliRunner()
RULE = 'SUBSYSTEMS=="usb", ATTRS{idVendor}=="0bda", ATTRS{idProduct}=="2838", GROUP="plugdev"\n'


@pytest.fixture
def library_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtlsdr", None)
    monkeypatch.setitem(sys.modules, "rtlsdr.librtlsdr", None)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Path]:
    """A file system as Linux shows it."""

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def states(root: Path) -> dict[str, str]:
    return {finding.name: finding.state for finding in _usb_host.findings(root)}


def dongle(product: str = "2838") -> dict[str, str]:
    folder = "sys/bus/usb/devices/1-2"
    return {
        f"{folder}/idVendor": "0bda\n",
        f"{folder}/idProduct": f"{product}\n",
        f"{folder}/busnum": "1\n",
        f"{folder}/devnum": "7\n",
    }


def test_a_machine_that_has_nothing(machine: Callable[..., Path]) -> None:
    assert states(machine({})) == {"television driver": "ok", "udev rules": "missing"}


def test_a_machine_that_is_right(machine: Callable[..., Path]) -> None:
    root = machine(
        {
            "proc/modules": "usbcore 331776 0 - Live\nnot_dvb_usb_rtl28xxu 1 0 - Live\n",
            "lib/udev/rules.d/60-librtlsdr0.rules": RULE,
            "dev/bus/usb/001/007": "",
            **dongle(),
        }
    )
    assert states(root) == {"television driver": "ok", "udev rules": "ok", "access to 1-2": "ok"}


def test_the_kernel_driver_is_a_fault_with_its_remedy(machine: Callable[..., Path]) -> None:
    root = machine({"proc/modules": "dvb_usb_rtl28xxu 40960 0 - Live 0x0\n"})
    finding = _usb_host.findings(root)[0]
    assert finding.state == "fault"
    assert finding.remedy is not None
    assert "modprobe -r dvb_usb_rtl28xxu" in finding.remedy


def test_a_dongle_that_may_not_be_opened_is_a_fault(machine: Callable[..., Path]) -> None:
    # Its node is not there at all: root may open everything that is.
    finding = _usb_host.findings(machine(dongle("2832")))[-1]
    assert (finding.name, finding.state) == ("access to 1-2", "fault")
    assert finding.remedy is not None
    assert "plugdev" in finding.remedy


def test_other_usb_devices_are_none_of_ours(machine: Callable[..., Path]) -> None:
    assert "access to 1-2" not in states(machine(dongle("8153")))


@pytest.mark.usefixtures("rtlsdr_log")
def test_devices_lists_each_with_its_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RTLSDR", "count=2")
    done = RUNNER.invoke(cli.build_app(), ["devices"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["rtlsdr://0", "rtlsdr://1"]
    assert "serial 00000002" in done.stdout
    done = RUNNER.invoke(cli.build_app(), ["devices", "--json", "-"])
    assert lines(done.stdout)[1] == {
        "type": "device",
        "uri": "rtlsdr://1",
        "title": "Fake RTL2838UHIDIR",
        "detail": "serial 00000002",
    }


@pytest.mark.usefixtures("rtlsdr_log")
def test_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RTLSDR", "count=0")
    done = RUNNER.invoke(cli.build_app(), ["devices"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "no receiver is attached" in done.stdout
    assert RUNNER.invoke(cli.build_app(), ["devices", "--json", "-"]).stdout == ""


@pytest.mark.usefixtures("library_missing")
def test_a_missing_driver_is_told_with_its_remedy() -> None:
    done = RUNNER.invoke(cli.build_app(), ["devices", "--json", "-"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert 'pip install "sdr-detect[rtlsdr]"' in done.stderr
    done = RUNNER.invoke(cli.build_app(), ["doctor", "--json", "-"])
    found = {line["name"]: line for line in lines(done.stdout)}
    assert found["rtlsdr library"]["state"] == "missing"
    assert found["rtlsdr library"]["remedy"] == 'pip install "sdr-detect[rtlsdr]"'


@pytest.mark.usefixtures("rtlsdr_log")
def test_doctor_names_the_library_it_would_use(fake_library: Path) -> None:
    done = RUNNER.invoke(cli.build_app(), ["doctor", "--json", "-"])
    found = {line["name"]: line for line in lines(done.stdout)}
    assert found["rtlsdr library"]["detail"] == str(fake_library)
    assert found["compiled code"]["state"] == "ok"
    assert os.access(found["compiled code"]["detail"].removeprefix("kept in "), os.W_OK)


def test_a_fault_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, machine: Callable[..., Path]
) -> None:
    root = machine({"proc/modules": "dvb_usb_rtl28xxu 40960 0 - Live 0x0\n"})
    findings = _usb_host.findings
    monkeypatch.setattr(_usb_host, "findings", lambda: findings(root))
    done = RUNNER.invoke(cli.build_app(), ["doctor"])
    assert done.exit_code == 1
    assert "fault    television driver" in done.stdout
    assert "remedy: echo 'blacklist" in done.stdout


@pytest.mark.parametrize(
    ("error_ns", "state", "said"),
    [(None, "missing", "no known error"), (12_500_000, "ok", "within ±12.5 ms")],
)
def test_the_clock(
    monkeypatch: pytest.MonkeyPatch, error_ns: int | None, state: str, said: str
) -> None:
    monkeypatch.setattr(hostclock, "error_ns", lambda: error_ns)
    done = RUNNER.invoke(cli.build_app(), ["doctor", "--json", "-"])
    (found,) = [line for line in lines(done.stdout) if line["name"] == "clock"]
    assert found["state"] == state
    assert said in found["detail"]


def test_the_kernel_bounds_the_clock_or_says_that_it_cannot() -> None:
    error_ns = hostclock.error_ns()
    assert error_ns is None or 0 < error_ns < 20e9  # the kernel stops at 16 s
