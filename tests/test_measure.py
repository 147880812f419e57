"""``sdr-detect measure``, ``--occupancy`` and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.core.streams import band_noise, noise
from tests.evidence.shell import Done, Shell

RATE_HZ, RF_HZ = 1e6, 14.2e9


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def ran(done: Done) -> str:
    """What it printed."""
    assert done.code == 0, done.err
    return done.out


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A carrier of 200 kHz, 20 dB over the noise beneath it, and how to read it."""
    path = tmp_path_factory.mktemp("measure") / "a.cf32"
    samples = noise(1 << 19, 1, 1e-4) + band_noise(1 << 19, 2, -0.1, 0.1, 2e-3)
    samples.astype(np.complex64).tofile(path)
    return [str(path), "--format", "cf32", "--rate", "1e6", "--rf", f"{RF_HZ:.0f}"]


def test_a_selection(recording: list[str], tmp_path: Path) -> None:
    out = tmp_path / "m.json"
    edges = ["--freq-lower", f"{RF_HZ - 2e5:.0f}", "--freq-upper", f"{RF_HZ + 2e5:.0f}"]
    words = [*recording, *edges, "--start", "0.1", "--json", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "sdr_detect", "measure", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    line = json.loads(out.read_text())
    assert line["occupied_bandwidth_hz"]["value"] == pytest.approx(198e3, rel=0.01)
    assert line["occupied_lower_hz"] == pytest.approx(RF_HZ - 99e3, abs=2e3)
    assert line["channel_power_dbfs"]["value"] == pytest.approx(10 * np.log10(2e-3), abs=0.05)
    assert line["start_s"] == 0.1
    assert line["noise_from"] == "beside"
    assert "occupied bandwidth" in shown
    assert "uncalibrated" in shown


def test_a_track_has_room_beside_it(shell: Shell, recording: list[str]) -> None:
    line = json.loads(ran(shell("measure", *recording, "--track", "1", "--json", "-")))
    assert line["occupied_bandwidth_hz"]["value"] == pytest.approx(198e3, rel=0.02)


def test_what_is_refused(shell: Shell, recording: list[str], repo_root: Path) -> None:
    for words, reason in (
        (("--start", "9"), "is not within 0 to"),
        (("--track", "99"), "there is no track 99"),
        (("--track", "1", "--start", "0"), "leave the selection out"),
        (("--noise-start", "0"), "go together"),
        (("--beta", "0.7"), "beta 0.7"),
        (("--freq-lower", "15e9"), "is not below"),
        (("--freq-lower", "15e9", "--freq-upper", "16e9"), "outside the receiver's"),
        (("--freq-lower", f"{RF_HZ:.0f}", "--freq-upper", f"{RF_HZ + 5:.0f}"), "tell no shape"),
    ):
        done = shell("measure", *recording, *words)
        assert done.code == 2, done.out
        error = " ".join(done.err.split())
        assert reason in error.replace("│ ", "").replace(" │", ""), error
    lost = str(repo_root / "recordings" / "lost_samples_2m4.sigmf-meta")
    line = json.loads(ran(shell("measure", lost, "--json", "-")))
    assert line["occupied_bandwidth_hz"]["value"] is None


def test_occupancy_of_a_recording(shell: Shell, recording: list[str]) -> None:
    lines = [
        json.loads(text)
        for text in ran(shell("analyze", *recording, "--occupancy", "--json", "-")).splitlines()
    ]
    (period,) = (line for line in lines if line["type"] == "occupancy")
    assert lines[-1]["type"] == "verdict"
    middle = [c["fco"] for c in period["channels"] if abs(c["freq_lower_hz"] - RF_HZ) < 5e4]
    assert middle
    assert min(middle) == 1.0
    assert "occupancy 0 to 0.5" in ran(shell("analyze", *recording, "--occupancy"))
    plain = ran(shell("analyze", *recording, "--json", "-"))
    assert '"occupancy"' not in plain
