"""``sdr-detect info``: what it prints and how it ends."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from sdr_detect.cli import build_app
from sdr_detect.commands._recording_options import spec_from_options
from sdr_detect.errors import ConfigError
from tests.recording_files import noise_codes, write_sigmf


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(build_app(), ["info", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def record(*words: object) -> dict[str, Any]:
    code, text = run(*words, "--json", "-")
    assert code == 0
    parsed = json.loads(text)
    assert isinstance(parsed, dict)
    return parsed


@pytest.fixture
def cu8(tmp_path: Path) -> Path:
    path = tmp_path / "slice.cs8"  # the name says the wrong thing on purpose
    path.write_bytes(noise_codes("u1", 20_000).tobytes())
    return path


def test_raw_without_type_shows_evidence_and_chooses_none(cu8: Path) -> None:
    code, text = run(cu8, "--rf", "14.02e9")
    assert code == 0
    lines = [line.split() for line in text.splitlines()]
    ranked = [line[0] for line in lines if line and line[0].startswith(("cu", "cs", "cf"))]
    assert ranked[0] == "cu8"
    assert set(ranked) >= {"cs8", "cs16", "cf32"}
    assert "evidence, not a choice" in text
    assert f"Next: sdr-detect info {cu8} --format cu8 --rate HZ --rf 14020000000" in text


def test_raw_without_type_as_json(cu8: Path) -> None:
    got = record(cu8, "--if", "1450e6", "--converter", "ku-12.80", "--rate", "1e6")
    assert got["format"] is None
    assert got["size_bytes"] == 40_000
    assert got["candidates"][0]["datatype"] == "cu8"
    assert got["command"].endswith(
        "--format cu8 --rate 1000000 --if 1450000000 --converter ku-12.80"
    )


def test_raw_without_evidence_leaves_the_type_open(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(1000))
    code, text = run(path)
    assert code == 0
    assert "nothing tells the sample type" in text
    assert "--format TYPE --rate HZ --rf HZ" in text


def test_stated_raw_file(cu8: Path) -> None:
    code, text = run(cu8, "--format", "cu8", "--rate", "2e6", "--rf", "14.02e9")
    assert code == 0
    for words in (
        "raw/cu8",
        "2000000 Hz",
        "20000 (10 ms)",
        "RF 14.02 GHz, from 14.019 GHz to 14.021 GHz",
        "levels (log)  -1 │",
        "exact zeros",
        "clipped",
    ):
        assert words in text
    assert "suspicious" not in text


def test_wrong_type_is_told(cu8: Path) -> None:
    code, text = run(cu8, "--format", "cs8", "--rate", "2e6", "--rf", "14.02e9")
    assert code == 0
    assert "suspicious: read as cs8, but the bytes look like cu8" in text


def test_if_and_converter(cu8: Path) -> None:
    options = ("--format", "cu8", "--rate", "2e6", "--if", "1.35e9")
    _, text = run(cu8, *options, "--converter", "ku-15.45-high")
    assert "IF 1.35 GHz behind ku-15.45-high; the stored spectrum is inverted" in text
    got = record(cu8, *options, "--converter", "ku-15.45-high")
    assert (got["rf_center_hz"], got["if_center_hz"]) == (14.1e9, 1.35e9)
    assert got["converter"] == "ku-15.45-high"


def test_unknown_is_null(cu8: Path) -> None:
    got = record(cu8, "--format", "cu8", "--rate", "2e6")
    assert got["rf_center_hz"] is None
    assert got["if_center_hz"] is None
    assert got["start_ns"] is None
    assert "centre not known" in run(cu8, "--format", "cu8", "--rate", "2e6")[1]


def test_sigmf_with_gaps_and_digest(tmp_path: Path) -> None:
    data = noise_codes("i1", 1000).tobytes()
    captures = [
        {"core:sample_start": 0, "core:global_index": 0, "core:frequency": 14e9},
        {"core:sample_start": 400, "core:global_index": 1400, "core:frequency": 14.1e9},
    ]
    top = {"core:sha512": hashlib.sha512(data).hexdigest()}
    meta = write_sigmf(tmp_path, data, top=top, captures=captures)
    got = record(meta, "--verify")
    assert got["lost_samples"] == 1000
    assert got["captures"][1] == {
        "start_sample": 1400,
        "sample_count": 600,
        "lost_before": 1000,
        "rf_center_hz": 14.1e9,
    }
    assert got["sha512_matches"] is True
    assert got["sha256"] == hashlib.sha256(data).hexdigest()
    text = run(meta, "--verify")[1]
    assert "2, 1000 samples lost between them" in text
    assert "agrees" in text
    meta.with_suffix(".sigmf-data").write_bytes(data[::-1])
    assert "DIFFERS" in run(meta, "--verify")[1]


def test_json_into_a_file_beside_the_table(cu8: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code, text = run(cu8, "--format", "cu8", "--rate", "2e6", "--json", out)
    assert code == 0
    assert "raw/cu8" in text
    got = json.loads(out.read_text())
    assert got["evidence"]["examined"] == 20_000
    assert sum(got["evidence"]["histogram"]) == 40_000


def test_hostile_text_does_not_reach_the_terminal(tmp_path: Path) -> None:
    captures = [{"core:sample_start": 0, "core:datetime": "\x1b[2J\x07evil"}]
    code, text = run(write_sigmf(tmp_path, bytes(200), captures=captures))
    assert code == 0
    assert "evil" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_values_that_are_no_numbers_stay_json(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(np.full(2000, np.nan, "<f4").tobytes())
    got = record(path, "--format", "cf32", "--rate", "1e6")
    assert got["evidence"]["peak"] is None
    assert got["evidence"]["rms_dbfs"] is None
    assert run(path, "--format", "cf32", "--rate", "1e6")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rf", "14e9", "--if", "1e9", "--converter", "none"), "given twice"),
        (("--if", "1e9"), "--if needs --converter"),
        (("--converter", "ku-12.80"), "--converter needs the centre"),
        (("--rate", "-1"), "sample rate -1.0"),
        (("--rate", "nan"), "sample rate nan"),
        (("--format", "cs9"), "'cs9' is not known"),
        (("--rate", "fast"), "Invalid value for '--rate'"),
    ],
)
def test_contradictions_are_usage_errors(cu8: Path, options: tuple[str, ...], message: str) -> None:
    code, text = run(cu8, *options)
    assert code == 2
    assert message in " ".join(text.replace("│", " ").split())


def test_options_make_a_spec() -> None:
    spec = spec_from_options("cs16", 1e6, None, 1.3e9, "ku-12.80")
    assert (spec.datatype, spec.sample_rate_hz, spec.center_hz) == ("cs16", 1e6, 14.1e9)
    assert spec_from_options().center_hz is None
    with pytest.raises(typer.BadParameter):
        spec_from_options(if_hz=1e9)
    with pytest.raises(ConfigError, match="no-such"):
        spec_from_options(rf_hz=1e9, converter="no-such")
