"""The verbs ``calibrate``, ``limit`` and ``compare`` on simulated recordings of known truth."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdr_detect import cli
from sdr_detect.calibration.text import read_calibration
from sdr_detect.simulate.scene import parse_scene
from sdr_detect.simulate.write import write_sigmf

BOLTZMANN = 1.380649e-23
RATE = 2.4e6

#: The receiver: 120 K of noise at its port, dBm = dBFS - 60.
RECEIVER_K, OFFSET_DB = 120.0, -60.0
GAIN = 10 ** ((30 - OFFSET_DB) / 10)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sdr-detect", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


def record(
    path: Path,
    input_k: float,
    *emitters: dict[str, Any],
    seed: int = 1,
    duration_s: float = 0.3,
    **receiver: Any,
) -> Path:
    power = BOLTZMANN * GAIN * (input_k + RECEIVER_K) * RATE
    data = {
        "scene": {"title": "bench", "duration_s": duration_s, "seed": seed},
        "receiver": {
            "sample_rate_hz": RATE, "rf_center_hz": 14.2225e9, "converter": "ku-12.80",
            "datatype": "cf32_le", "noise_dbfs": 10 * math.log10(power),
            "filter": {"usable_fraction": 1.0}, **receiver,
        },
        "emitter": list(emitters),
    }  # fmt: skip
    return write_sigmf(parse_scene(data), path.with_suffix(".sigmf-meta"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of one receiver: noise source on and off, carriers, a terminal on and off."""
    folder = tmp_path_factory.mktemp("bench")
    record(folder / "hot", 290 * (1 + 10**1.5), seed=2)
    record(folder / "cold", 290, seed=3)
    for name, rf_hz in (("low", 14.2222e9), ("high", 14.2229e9)):
        tone = {"kind": "tone", "rf_hz": rf_hz, "cn_db": 10.0}
        record(folder / name, 200, tone, seed=4, lo_error_ppm=8.0, lo_drift_hz_per_s=40.0)
    terminal = {"kind": "starlink_uplink", "channel": 3, "cn_db": 8.0}
    record(folder / "on", 200, terminal, seed=5)
    record(folder / "off", 200, seed=6)
    record(folder / "also_off", 200, {**terminal, "cn_db": 7.5}, seed=7)
    return folder


@pytest.fixture
def calibrated(bench: Path, tmp_path: Path, run: Run) -> Path:
    """The file, made by the verbs; the antenna written by hand."""
    file = tmp_path / "rx.toml"
    hot, cold = bench / "hot.sigmf-meta", bench / "cold.sigmf-meta"
    code, out, err = run(
        "calibrate", "y-factor", "--hot", hot, "--cold", cold, "--enr", 15, "--gain", 30,
        "--out", file,
    )  # fmt: skip
    assert code == 0, err
    assert "noise figure" in out
    file.write_text(
        file.read_text()
        + '\n[antenna.gain_dbi]\nvalue = 20.0\nuncertainty = 0.5\nmethod = "data sheet"\n'
        'utc = "2026-01-01T00:00:00Z"\n'
    )
    return file


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_y_factor_and_noise_find_the_receiver(bench: Path, calibrated: Path, run: Run) -> None:
    code, _, err = run(
        "calibrate", "noise", bench / "cold.sigmf-meta", "--gain", 30, "--out", calibrated
    )
    assert code == 0, err
    made = read_calibration(calibrated)
    assert made.dbm_offset_db is not None
    assert made.noise_figure_db is not None
    assert made.noise_dbfs_per_hz is not None
    assert abs(made.dbm_offset_db.value - OFFSET_DB) <= 2 * made.dbm_offset_db.uncertainty
    figure_db = 10 * math.log10(1 + RECEIVER_K / 290)
    assert abs(made.noise_figure_db.value - figure_db) <= 2 * made.noise_figure_db.uncertainty
    noise_db = 10 * math.log10(BOLTZMANN * GAIN * (290 + RECEIVER_K))
    # The receiver's filter has begun to fall at the edges of the width that it states.
    assert made.noise_dbfs_per_hz.value == pytest.approx(noise_db, abs=0.1)
    assert len(made.dbm_offset_db.recordings) == 2
    assert made.antenna is not None  # what was written by hand is kept
    code, out, _ = run("calibrate", "show", calibrated)
    assert code == 0
    assert "gain 30 dB" in out
    code, _, err = run(
        "calibrate", "noise", bench / "cold.sigmf-meta", "--gain", 20, "--out", calibrated
    )
    assert code == 2
    assert "give another file" in err


def test_lo_error_drift_and_orientation(bench: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "lo.toml"
    code, out, err = run(
        "calibrate", "lo", bench / "low.sigmf-meta", bench / "high.sigmf-meta",
        "--known", 14.2222e9, "--known", 14.2229e9, "--known-uncertainty", 5, "--out", file,
        "--clock-ppm", 0,
    )  # fmt: skip
    assert code == 0, err
    assert "lies as the converter's file says" in out
    lo = read_calibration(file).lo
    assert lo is not None
    assert lo.drift_hz_per_s is not None
    true_ppm = 8.0 + 40.0 * 0.15 / 12.8e9 * 1e6  # at the middle of the recording
    assert abs(lo.error_ppm.value - true_ppm) <= 2 * lo.error_ppm.uncertainty + 1e-4
    assert abs(lo.drift_hz_per_s.value - 40.0) <= 3 * lo.drift_hz_per_s.uncertainty


def test_wrong_converter_is_recognised(bench: Path, tmp_path: Path, run: Run) -> None:
    code, _, err = run(
        "calibrate", "lo", bench / "low.sigmf-meta", "--known", 14.2222e9, "--if", 1422.5e6,
        "--converter", "ku-13.05", "--out", tmp_path / "lo.toml",
    )  # fmt: skip
    assert code == 2
    assert "name that converter" in err
    assert "ku-12.80" in err
    assert not (tmp_path / "lo.toml").exists()


def test_levels_are_those_of_the_air(bench: Path, calibrated: Path, run: Run) -> None:
    words = ("analyze", bench / "on.sigmf-meta", "--json", "-", "--calibration", calibrated)
    code, out, err = run(*words, "--gain", 30, "--set", "site.distance_m=500")
    assert code == 0, err
    found = lines(out)
    bursts = [line for line in found if line["type"] == "burst"]
    # C/N 8 dB over 320 K of noise, in the bandwidth that each burst is stated for.
    density = 10 * math.log10(BOLTZMANN * (200 + RECEIVER_K)) + 30 + 8.0
    errors = [b["power_dbm"] - density - 10 * math.log10(b["level_bandwidth_hz"]) for b in bursts]
    assert abs(sum(errors) / len(errors)) < 0.5
    assert all(b["power_expanded_db"] > 0.2 and b["pfd_dbw_m2"] < -100 for b in bursts)
    track = next(line for line in found if line["type"] == "track" and line["kind"] == "burst")
    assert track["power_dbm"] == pytest.approx(sum(b["power_dbm"] for b in bursts) / len(bursts), 1)
    verdict = found[-1]
    assert verdict["noise_dbfs_per_hz"] == pytest.approx(density - 8.0 - OFFSET_DB, abs=0.3)
    assert verdict["detection_limit_eirp_dbm_expanded_db"] > 1
    assert found[0]["dbm_offset_db"] == pytest.approx(OFFSET_DB, abs=0.4)


def test_uncalibrated_stays_dbfs_and_says_so(bench: Path, calibrated: Path, run: Run) -> None:
    code, out, _ = run("analyze", bench / "off.sigmf-meta")
    assert code == 0
    assert "the receiver is not calibrated" in out
    code, out, _ = run(
        "analyze", bench / "off.sigmf-meta", "--calibration", calibrated, "--gain", 20,
        "--json", "-",
    )  # fmt: skip
    assert code == 0
    told = [line for line in lines(out) if line["type"] == "health"]
    assert any("gain 20 dB, calibrated for 30 dB" in line["detail"] for line in told)
    assert lines(out)[-1]["detection_limit_dbm"] is None
    code, _, err = run("analyze", bench / "off.sigmf-meta", "--gain", 20)
    assert code == 2
    assert "give both" in err


@pytest.mark.parametrize(
    ("required_dbm", "with_calibration", "word"),
    [(60.0, True, "not_detected"), (-40.0, True, "inconclusive"), (60.0, False, "inconclusive")],
)
def test_required_limit(
    bench: Path, calibrated: Path, run: Run, required_dbm: float, with_calibration: bool, word: str
) -> None:
    words: list[object] = ["analyze", bench / "off.sigmf-meta", "--json", "-"]
    words += ["--set", f"verdict.max_limit_eirp_dbm={required_dbm}"]
    words += ["--set", "site.distance_m=500"]
    if with_calibration:
        words += ["--calibration", calibrated, "--gain", 30]
    _, out, _ = run(*words)
    assert lines(out)[-1]["verdict"] == word


def test_required_intercept_without_rf_is_inconclusive(bench: Path, run: Run) -> None:
    data = bench / "off.sigmf-data"
    raw = bench / "bare.cf32"
    raw.write_bytes(data.read_bytes())
    words = ("analyze", raw, "--format", "cf32", "--rate", RATE, "--json", "-")
    _, out, _ = run(*words, "--set", "verdict.min_poi=0.1")
    verdict = lines(out)[-1]
    assert verdict["verdict"] == "inconclusive"
    assert any("none can be stated" in reason for reason in verdict["reasons"])


def test_limit_of_a_recording_and_of_its_result_agree(
    bench: Path, calibrated: Path, tmp_path: Path, run: Run
) -> None:
    options = ("--calibration", calibrated, "--gain", 30)
    result = tmp_path / "off.jsonl"
    run("analyze", bench / "off.sigmf-meta", "--json", result, *options)
    distance = ("--distance", 500, "--distance-uncertainty", 20, "--json", "-")
    _, first, _ = run("limit", bench / "off.sigmf-meta", *options, *distance)
    code, second, err = run("limit", result, "--calibration", calibrated, *distance)
    assert code == 0, err
    one, other = json.loads(first), json.loads(second)
    assert one["detection_limit_eirp_dbm"] == pytest.approx(
        other["detection_limit_eirp_dbm"], abs=0.02
    )
    ports = [row["port_dbm"] - one["detection_limit_eirp_dbm"] for row in one["terminals"]]
    assert ports == pytest.approx([0, 10, 20], abs=0.02)
    code, out, _ = run("limit", result)
    assert code == 0
    assert "no limit in physical units: no --calibration" in out


def test_limit_of_a_plan(run: Run) -> None:
    code, out, err = run(
        "limit", "--rate", 2.4e6, "--rf", 14.2225e9, "--noise-figure", 1.5, "--antenna-gain", 20,
        "--distance", 500, "--time", 15,
    )  # fmt: skip
    assert code == 0, err
    assert "free space" in out
    assert "+0 dBi" in out
    code, _, err = run("limit", "--noise-figure", 1.5)
    assert code == 2
    assert "--rate" in err


def test_compare_attributes_or_not_and_can_follow_itself(
    bench: Path, tmp_path: Path, run: Run
) -> None:
    results = {}
    for name in ("on", "off", "also_off"):
        results[name] = tmp_path / f"{name}.jsonl"
        run("analyze", bench / f"{name}.sigmf-meta", "--json", results[name])
    first = tmp_path / "first.jsonl"
    code, out, err = run("compare", "--on", results["on"], "--off", results["off"], "--json", first)
    assert code == 0, err
    assert "counts for this vessel" in out
    verdict = lines(first.read_text())[-1]
    assert (verdict["verdict"], verdict["attributed"]) == ("detected", True)
    # A second test on the first one's result: as strong through the absorber.
    code, out, err = run(
        "compare", "--kind", "absorber", "--on", first, "--off", results["also_off"],
        "--json", "-",
    )  # fmt: skip
    assert code == 0, err
    found = lines(out)
    assert (found[-1]["verdict"], found[-1]["attributed"]) == ("inconclusive", False)
    assert {line["type"] for line in found} >= {"recording", "track", "comparison", "verdict"}


def test_compare_says_how_and_refuses_what_it_cannot_use(bench: Path, run: Run) -> None:
    code, out, _ = run("compare", "--kind", "absorber")
    assert code == 0
    assert "over the whole feed" in out
    code, _, err = run("compare", "--on", "a", "--on", "b", "--off", "c")
    assert code == 2
    bad = bench / "bad.jsonl"
    bad.write_text('{"type": "recording"}\nnot json\n')
    code, _, err = run("compare", "--on", bad, "--off", bad)
    assert code == 1
    assert "line 2 is not JSON" in err
    bad.write_text('{"type": "recording", "path": "x"}\n{"type": "verdict"}\n')
    for words in (("compare", "--on", bad, "--off", bad), ("limit", bad)):
        code, _, err = run(*words)
        assert code == 1
        assert "has no" in err


def test_capture_and_monitor_carry_the_calibration(
    bench: Path, calibrated: Path, tmp_path: Path, run: Run
) -> None:
    text = calibrated.read_text()
    lo = '\n[lo.error_ppm]\nvalue = 10.0\nuncertainty = 0.1\nmethod = "by hand"\n'
    calibrated.write_text(text + lo + 'utc = "2026-01-01T00:00:00Z"\n')
    options = ("--calibration", calibrated, "--gain", 30)
    uri = f"file://{bench / 'off.sigmf-meta'}?pace=0"
    kept = tmp_path / "kept.sigmf-meta"
    code, _, err = run("capture", "--source", uri, "--record", kept, *options)
    assert code == 0, err
    (capture,) = json.loads(kept.read_text())["captures"]
    assert capture["sdrdetect:dbm_offset_db"] == pytest.approx(OFFSET_DB, abs=0.4)
    assert capture["sdrdetect:lo_error_ppm"] == 10.0
    assert capture["sdrdetect:if_frequency"] == 1422.5e6
    assert capture["core:frequency"] == pytest.approx(14.2225e9 + 128e3)
    code, out, err = run("monitor", "--source", uri, "--json", "-", *options)
    assert code == 0, err
    found = lines(out)
    assert found[0]["rf_center_hz"] == pytest.approx(14.2225e9 + 128e3)
    assert found[0]["calibration_sha256"] is not None
    assert found[-1]["detection_limit_dbm"] is not None


def test_a_reference_off_target_shows_a_carrier_as_wide_as_the_slice(
    tmp_path: Path, run: Run
) -> None:
    shape = {"filter": {"usable_fraction": 0.8, "ripple_db": 1.0}}
    away = [record(tmp_path / f"away{k}", 200, seed=40 + k, **shape) for k in (1, 2)]
    vsat = {"kind": "vsat_scpc", "rf_hz": 14.2226e9, "symbol_rate_hz": 1.2e6, "cn_db": 3.0}
    target = record(tmp_path / "target", 200, vsat, seed=43, **shape)
    file = tmp_path / "rx.toml"
    code, out, err = run("calibrate", "reference", *away, "--gain", 30, "--out", file)
    assert code == 0, err
    assert "64 bins" in out
    made = read_calibration(file)
    assert list(made.off_target) == ["14222500000"]
    assert len(made.off_target["14222500000"].recordings) == 2
    assert "noise off target at 14.222500 GHz" in run("calibrate", "show", file)[1]

    def verdict(*words: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        code, out, err = run("analyze", target, "--json", "-", *words)
        assert code == 0, err
        found = lines(out)
        return found[-1], [e for e in found if e.get("kind") == "contrast"]

    assert verdict()[0]["verdict"] == "not_detected"
    found, tracks = verdict("--calibration", file, "--gain", 30)
    assert (found["verdict"], found["system"]) == ("detected", "vsat")
    assert len(tracks) == 1
    assert verdict("--calibration", file, "--gain", 20)[1] == []

    code, _, err = run("calibrate", "reference", away[0], "--gain", 30, "--out", file)
    assert code == 2
    assert "one recording does not tell what repeats" in err
    code, _, err = run("calibrate", "reference", *away, "--gain", 20, "--out", file)
    assert code == 2
    assert "give another file" in err
