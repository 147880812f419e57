"""``sdr-detect analyze``: what it writes, and how it ends."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from sdr_detect import analysis, cli
from sdr_detect.events import Event, Verdict
from sdr_detect.model import IQBlock
from sdr_detect.simulate.scene import load_scene
from sdr_detect.simulate.write import write_sigmf

KEYS = {
    "recording": {
        "path", "sha256", "format", "sample_rate_hz", "rf_center_hz", "duration_s", "sample_count",
        "config_sha256", "version",
    },
    "burst": {
        "start_sample", "sample_count", "start_s", "stop_s", "freq_lower_hz", "freq_upper_hz",
        "snr_db", "power_dbfs", "features", "flags",
    },
    "track": {
        "id", "start_s", "stop_s", "freq_lower_hz", "freq_upper_hz", "burst_count", "duty_cycle",
        "burst_period_s", "snr_db", "pfa", "doppler_rate_hz_per_s", "matches", "flags",
    },
    "gap": {"start_sample", "sample_count", "reason", "detail"},
    "health": {"start_sample", "sample_count", "reason", "detail"},
    "overload": {"start_sample", "sample_count", "reason", "detail"},
    "verdict": {
        "verdict", "system", "confidence", "pfa", "detection_limit_db", "poi", "analysed_s",
        "blind_s", "reasons", "alternatives",
    },
}  # fmt: skip


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    """Calls the command line inside this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["sdr-detect", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        code = end.value.code
        out, err = self._capsys.readouterr()
        return Done(code if isinstance(code, int) else 0, out, err)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """0.1 s of a Starlink uplink with lost samples."""
    scene = load_scene(repo_root / "recordings" / "scenes" / "lost_samples_2m4.toml")
    return write_sigmf(scene, tmp_path_factory.mktemp("lossy") / "lossy.sigmf-meta")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """A Starlink uplink that is to be detected."""
    scene = load_scene(repo_root / "recordings" / "scenes" / "starlink_subband_20m.toml")
    return write_sigmf(scene, tmp_path_factory.mktemp("terminal") / "terminal.sigmf-meta")


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Noise, in a file that says nothing about itself."""
    path = tmp_path / "noise.cs8"
    np.random.default_rng(5).normal(0, 20, 200_000).astype(np.int8).tofile(path)
    return path


RAW = ("--format", "cs8", "--rate", 1e6, "--rf", 14.2e9)


def test_lines_follow_the_contract(shell: Shell, lossy: Path) -> None:
    done = shell("analyze", lossy, "--json", "-")
    assert done.code == 0
    kinds = [line["type"] for line in done.lines]
    assert kinds[0] == "recording"
    assert kinds[-1] == "verdict"
    assert kinds.count("recording") == kinds.count("verdict") == 1
    assert {"gap", "burst", "track"} <= set(kinds)
    for line in done.lines:
        assert KEYS[line["type"]] <= set(line), line["type"]
        assert next(iter(line)) == "type"
    assert kinds.index("gap") < kinds.index("track")


def test_the_recording_line_identifies_what_was_analysed(shell: Shell, lossy: Path) -> None:
    fact = shell("analyze", lossy, "--json", "-").lines[0]
    data = lossy.with_suffix(".sigmf-data").read_bytes()
    assert fact["sha256"] == hashlib.sha256(data).hexdigest()
    assert fact["path"] == str(lossy)
    assert fact["sample_count"] == len(data) // 2
    # Lost samples take time as well.
    assert fact["duration_s"] > fact["sample_count"] / fact["sample_rate_hz"]


def test_the_same_bytes_every_time(shell: Shell, lossy: Path) -> None:
    assert shell("analyze", lossy, "--json", "-").out == shell("analyze", lossy, "--json", "-").out


def test_tables_go_to_stdout_and_json_to_its_file(
    shell: Shell, lossy: Path, tmp_path: Path
) -> None:
    target = tmp_path / "events.jsonl"
    done = shell("analyze", lossy, "--json", target)
    assert "best match" in done.out
    assert "probability of intercept" in done.out
    assert json.loads(target.read_text().splitlines()[-1])["type"] == "verdict"
    assert done.err == ""


def test_one_bad_recording_does_not_stop_the_others(
    shell: Shell, lossy: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "empty.sigmf-meta"
    bad.write_text("{")
    done = shell("analyze", bad, lossy, tmp_path / "absent", "--json", "-")
    assert done.code == 1
    errors = [line for line in done.lines if line["type"] == "error"]
    assert [Path(line["path"]).name for line in errors] == ["empty.sigmf-meta", "absent"]
    assert {"path", "error", "message"} <= set(errors[0])
    assert errors[1]["error"] == "FormatError"
    assert [line["type"] for line in done.lines][-2:] == ["verdict", "error"]
    assert "does not exist" in done.err
    assert "Traceback" not in done.err


def test_a_raw_file_is_not_guessed(shell: Shell, noise: Path) -> None:
    done = shell("analyze", noise)
    assert done.code == 1
    assert "--format" in done.err
    assert done.out == ""


def test_noise_is_not_detected(shell: Shell, noise: Path) -> None:
    verdict = shell("analyze", noise, *RAW, "--json", "-", "--fail-on-detect")
    assert verdict.code == 0
    assert verdict.lines[-1]["verdict"] == "not_detected"
    assert verdict.lines[-1]["system"] is None


def test_a_terminal_fails_on_request(shell: Shell, terminal: Path) -> None:
    done = shell("analyze", terminal, "--json", "-", "--fail-on-detect")
    assert done.lines[-1]["verdict"] == "detected"
    assert done.lines[-1]["system"] == "starlink"
    assert done.code == 3


def test_unknown_frequency_is_null(shell: Shell, noise: Path) -> None:
    done = shell("analyze", noise, "--format", "cs8", "--rate", 1e6, "--json", "-")
    assert done.lines[0]["rf_center_hz"] is None


def test_bursts_can_be_capped(shell: Shell, lossy: Path) -> None:
    lines = shell("analyze", lossy, "--json", "-", "--max-bursts", 2).lines
    assert [line["type"] for line in lines].count("burst") == 2
    summary = lines[-2]
    assert summary["type"] == "burst_summary"
    assert summary["omitted_count"] == summary["burst_count"] - 2 > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "burst.pfaa=1e-9"], "did you mean 'pfa'"),
        (["--set", "burst.pfa"], "no assignment"),
        (["--set", "burst.pfa=2"], "burst.pfa"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--rate", "-1"], "sample rate"),
        (["--if", "1e9"], "--converter"),
        (["--rf", "1e9", "--converter", "ku-99"], "ku-"),
        (["--format", "cs7"], "cs7"),
        (["--max-bursts", "-1"], "--max-bursts"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_options_exit_with_2(shell: Shell, words: list[str], said: str) -> None:
    done = shell("analyze", "x.cs8", *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_settings_are_in_the_digest(shell: Shell, noise: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[burst]\npfa = 1e-8\n")

    def digest(*words: object) -> str:
        line: dict[str, str] = shell("analyze", noise, *RAW, "--json", "-", *words).lines[0]
        return line["config_sha256"]

    plain, by_file = digest(), digest("--config", config)
    assert plain != by_file
    assert by_file == digest("--set", "burst.pfa=1e-8")
    # What --set says overrides the file, here back to the default.
    assert plain == digest("--config", config, "--set", "burst.pfa=1e-9")


def test_everything_at_once(shell: Shell, lossy: Path, tmp_path: Path) -> None:
    other = tmp_path / lossy.name
    other.write_bytes(lossy.read_bytes())
    other.with_suffix(".sigmf-data").write_bytes(lossy.with_suffix(".sigmf-data").read_bytes())
    report, plots = tmp_path / "report.html", tmp_path / "deep" / "plots"
    done = shell(
        "analyze", other, lossy, "--annotate", "--report", report, "--plots", plots
    )  # fmt: skip
    assert done.code == 0
    # Two recordings of one name do not overwrite each other's picture.
    assert sorted(path.name for path in plots.iterdir()) == ["lossy-2.png", "lossy.png"]
    assert (tmp_path / "lossy.sdr-detect.sigmf-meta").is_file()
    text = report.read_text(encoding="utf-8")
    assert text.count("<section>") == 2
    assert text.count("data:image/png;base64") == 2
    assert f"wrote {report}" in done.out
    lossy.with_name("lossy.sdr-detect.sigmf-meta").unlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(shell: Shell, noise: Path) -> None:
    done = shell("analyze", noise, *RAW, "--json", "/dev/full")
    assert done.code == 1
    assert "No space left" in done.err
    assert "Traceback" not in done.err


def test_a_name_cannot_steer_the_terminal(shell: Shell, noise: Path) -> None:
    name = noise.with_name("\x1b]0;owned\x07[red]x.cs8")
    noise.rename(name)
    done = shell("analyze", name, *RAW)
    assert done.code == 0
    assert "\x1b]0" not in done.out
    assert "\x07" not in done.out
    assert "[red]x.cs8" in done.out


def test_what_the_reader_doubts_is_a_health_line(shell: Shell, noise: Path) -> None:
    with noise.open("ab") as file:
        file.write(b"\x01")
    lines = shell("analyze", noise, *RAW, "--json", "-").lines
    health = [line for line in lines if line["type"] == "health"]
    assert "no whole cs8 sample" in health[0]["detail"]
    assert health[0]["sample_count"] == 100_000


def test_changed_samples_are_told(shell: Shell, lossy: Path, tmp_path: Path) -> None:
    copy = tmp_path / lossy.name
    copy.write_bytes(lossy.read_bytes())
    data = bytearray(lossy.with_suffix(".sigmf-data").read_bytes())
    data[1000] ^= 1
    copy.with_suffix(".sigmf-data").write_bytes(data)
    lines = shell("analyze", copy, "--json", "-").lines
    assert "checksum" in [line.get("reason") for line in lines]


def test_a_wrong_sample_type_never_reads_as_not_detected(shell: Shell, noise: Path) -> None:
    words = ["--format", "cu8", *RAW[2:], "--json", "-"]
    lines = shell("analyze", noise, *words).lines
    assert lines[-1]["verdict"] == "inconclusive"
    assert "look like cs8" in lines[-1]["reasons"][0]
    assert "look like cs8" in next(x["detail"] for x in lines if x["type"] == "health")


def test_what_is_detected_in_doubtful_samples_keeps_the_doubt() -> None:
    found = Verdict("detected", "starlink", 0.99, 1e-9, -9.0, 0.9, 1.0, 0.0, ("a lag",))

    class Sure:
        def process(self, block: IQBlock) -> list[Event]:
            return []

        def finish(self) -> list[Event]:
            return [found]

    doubting = analysis._Doubting(Sure(), ("read as cs8, but …",))
    assert doubting.finish() == [replace(found, reasons=("a lag", "against: read as cs8, but …"))]
    assert analysis._Doubting(Sure(), ()).finish() == [found]
