"""A visit to a simulated quay: two ships, one of them transmits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sdr_detect.evidence.verify import read_json, verify
from sdr_detect.formats.find import open_recording
from tests.evidence.parts import record
from tests.evidence.shell import Shell

#: C/N towards the ship that transmits, away from it, and towards its neighbour: a horn
#: of 20 dBi, whose pattern is down by 25 dB and more there.
TOWARDS_DB, AWAY_DB, BESIDE_DB = 12.0, -14.0, -12.0
MINUTE = "2026-05-04T08:{:02}:00Z"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def quay(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What a receiver hears on the quay, by where it points and when."""
    folder = tmp_path_factory.mktemp("quay")
    plan = {
        "check": (None, 0), "away1": (AWAY_DB, 5), "alpha1": (TOWARDS_DB, 10),
        "bravo1": (BESIDE_DB, 12), "alpha2": (TOWARDS_DB, 15), "away2": (AWAY_DB, 13),
        "bravo2": (BESIDE_DB, 17),
    }  # fmt: skip
    return {
        name: record(
            folder, name, start_utc=MINUTE.format(minute), cn_db=level, duration_s=0.3,
            seed=number + 1,
        )
        for number, (name, (level, minute)) in enumerate(plan.items())
    }  # fmt: skip


def visit(shell: Shell, folder: Path, vessel: str, imo: str, roles: dict[Path, str]) -> Path:
    store, package = folder / "cases.sqlite", folder / f"{vessel}.sdrcase"
    common = ("--store", store, "--as", "Kim")
    done = shell(
        "case", "new", "--vessel", vessel, "--imo", imo, "--berth", "7", "--authority", "Port",
        "--id", vessel, *common,
    )  # fmt: skip
    assert done.code == 0, done.err
    for path, role in roles.items():
        done = shell("case", "attach", vessel, path, "--for", role, *common)
        assert done.code == 0, done.err
    assert shell("case", "step", vessel, "neighbours", "--note", "berth 8", *common).code == 0
    if not (folder / "kim.seal").exists():
        assert shell("case", "key", "kim", "--folder", folder).code == 0
    done = shell("case", "seal", vessel, "--out", package, "--key", folder / "kim.seal", *common)
    assert done.code == 0, done.err
    assert "not done: Vessel, berth and AIS" in done.out
    return package


def test_the_right_vessel_is_named(shell: Shell, quay: dict[str, Path], tmp_path: Path) -> None:
    towards_alpha = visit(shell, tmp_path, "Alpha", "9074729", {
        quay["away1"]: "off_target", quay["alpha1"]: "on_target", quay["away2"]: "off_target",
        quay["bravo1"]: "neighbour", quay["alpha2"]: "on_target",
    })  # fmt: skip
    towards_bravo = visit(shell, tmp_path, "Bravo", "9175717", {
        quay["away1"]: "off_target", quay["bravo1"]: "on_target", quay["away2"]: "off_target",
        quay["alpha2"]: "neighbour", quay["bravo2"]: "on_target",
    })  # fmt: skip
    conclusions = {}
    for path in (towards_alpha, towards_bravo):
        result = verify(path)
        assert result.findings == []
        conclusions[path.stem] = read_json(result, "results.json")["conclusion"]
    alpha, bravo = conclusions["Alpha"], conclusions["Bravo"]
    assert alpha["verdict"] == "detected_attributed"
    assert alpha["sentence"].startswith("Detected, attributed to this vessel: an emission")
    # The contrast is at least what lies between the levels and the limit of detection.
    assert 12 < alpha["contrast_db"] < 30
    assert alpha["expanded_uncertainty_db"] < 3
    assert bravo["verdict"] in ("not_detected", "inconclusive")
    done = shell("verify", towards_alpha, "--key", tmp_path / "kim.seal.pub", "--recompute")
    assert done.code == 0, done.out
    assert "same build), 0 differ" in done.out
    assert "that is the key you gave" in done.out.lower()
    log = shell("case", "show", "Alpha", "--store", tmp_path / "cases.sqlite")
    assert (log.code, "unbroken" in log.out) == (0, True)
    assert json.dumps(alpha["sentence"]).strip('"') not in log.out  # findings are no entries
    out = {name: tmp_path / name for name in ("report.html", "table.csv", "map.geojson")}
    done = shell(
        "case", "export", towards_alpha, "--report", out["report.html"], "--csv", out["table.csv"],
        "--geojson", out["map.geojson"], "--sm2117", tmp_path / "h5",
        "--sigmf", tmp_path / "sigmf",
    )  # fmt: skip
    assert done.code == 0, done.err
    with open_recording(tmp_path / "h5" / "r2.h5") as copy, open_recording(quay["alpha1"]) as own:
        assert (copy.info.start_ns, copy.info.center_hz) == (own.info.start_ns, own.info.center_hz)
        assert np.array_equal(copy.read(0, own.sample_count), own.read(0, own.sample_count))
    notes = json.loads((tmp_path / "sigmf/r2/alpha1.sdr-detect.sigmf-meta").read_text())
    assert notes["global"]["sdrdetect:case"] == "Alpha"
    assert notes["global"]["sdrdetect:role"] == "on_target"
    assert len([one for one in notes["annotations"] if "T1" in one["core:label"]]) > 5
    copied = tmp_path / "sigmf/r2/alpha1.sigmf-data"
    assert copied.read_bytes() == quay["alpha1"].with_suffix(".sigmf-data").read_bytes()
    done = shell("case", "export", towards_alpha, "--sigmf", tmp_path / "sigmf")
    assert (done.code, "choose another folder" in done.err) == (1, True)
    done = shell("case", "export", towards_alpha, "--sm2117", tmp_path / "h5")
    assert (done.code, "choose another name" in done.err) == (1, True)
    text = out["report.html"].read_text(encoding="utf-8")
    assert "detected, attributed to this vessel" in text
    assert text.count("data:image/png;base64") == 5
    assert len(out["table.csv"].read_text().splitlines()) > 20


def test_silence_is_proved_only_by_a_receiver_that_hears(
    shell: Shell, quay: dict[str, Path], tmp_path: Path
) -> None:
    """The operator's proof, and a test by absorber that speaks against a finding."""
    common = ("--store", tmp_path / "c", "--as", "Mate")
    assert shell("case", "key", "mate", "--folder", tmp_path).code == 0
    sentences = {}
    for name, files in {
        "proved": {quay["alpha1"]: "control", quay["check"]: "silence"},
        "unheard": {quay["check"]: "silence"},
    }.items():
        shell(
            "case", "new", "--vessel", name, "--authority", "Owner", "--flow", "silence", "--id",
            name, *common,
        )  # fmt: skip
        for path, role in files.items():
            assert shell("case", "attach", name, path, "--for", role, *common).code == 0
        package = tmp_path / name
        done = shell(
            "case", "seal", name, "--out", package, "--key", tmp_path / "mate.seal", *common
        )
        assert done.code == 0, done.err
        sentences[name] = read_json(verify(package), "results.json")["conclusion"]["sentence"]
    assert sentences["proved"].startswith("Not detected above limit L = C/N")
    assert "with PoI P = " in sentences["proved"]
    told = shell("case", "step", "proved", *common[:2])
    assert "silence: recorded from 2026-05-04 08:00:00.0 to 08:00:00.3 UTC" in told.out
    assert "no positive control" in sentences["unheard"]


def test_a_seal_that_was_killed_leaves_no_package(
    shell: Shell, quay: dict[str, Path], tmp_path: Path
) -> None:
    common = ("--store", tmp_path / "c", "--as", "Kim")
    out, part = tmp_path / "p", tmp_path / "p.part"
    shell("case", "new", "--vessel", "A", "--authority", "P", "--id", "V", *common)
    shell("case", "key", "kim", "--folder", tmp_path)
    assert shell("case", "attach", "V", quay["check"], "--for", "on_target", *common).code == 0
    words = ["case", "seal", "V", "--out", out, "--key", tmp_path / "kim.seal", *common]
    sealing = subprocess.Popen([sys.executable, "-m", "sdr_detect", *map(str, words)])
    try:
        while not (part.exists() and part.stat().st_size) and sealing.poll() is None:
            time.sleep(0.005)
    finally:
        sealing.kill()
    assert sealing.wait(10) == -signal.SIGKILL
    assert not out.exists()
    assert not verify(part).ok
    log = shell("case", "show", "V", "--store", tmp_path / "c")
    assert log.code == 0
    assert ("sealing" in log.out, "sealed" in log.out) == (True, False)
    done = shell(*words)
    assert done.code == 0, done.err
    assert verify(out).ok
    assert not part.exists()
