"""SigMF recordings of scenes, and the command that makes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf
from typer.testing import CliRunner

from sdr_detect.cli import build_app
from sdr_detect.errors import ConfigError, SinkError
from sdr_detect.formats.find import open_recording
from sdr_detect.model import ComplexArray
from sdr_detect.rawblock import decoded
from sdr_detect.simulate import write
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.scene import Scene, parse_scene
from sdr_detect.simulate.write import write_sigmf

MakeScene = Callable[..., Scene]
Samples = Callable[..., ComplexArray]

UPLINK: dict[str, Any] = {"kind": "starlink_uplink", "name": "terminal", "cn_db": 15.0}


def load(meta: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(meta.read_text(encoding="utf-8"))
    return loaded


def test_recording_is_valid_and_whole(
    make_scene: MakeScene, samples: Samples, tmp_path: Path
) -> None:
    scene = make_scene(UPLINK, datatype="cu8", converter="ku-12.80")
    meta = write_sigmf(scene, tmp_path / "a.sigmf-meta", 5)
    record = sigmf.fromfile(meta)
    record.validate()
    data = tmp_path / "a.sigmf-data"
    assert hashlib.sha512(data.read_bytes()).hexdigest() == record.get_global_field("core:sha512")
    codes = np.fromfile(data, np.uint8).astype(np.float32)
    expected = samples(scene, 5).view(np.float32)
    assert np.allclose((codes - 127.5) / 128, expected, atol=1e-6)
    top, capture = load(meta)["global"], load(meta)["captures"][0]
    assert top["sdrdetect:seed"] == 5
    assert capture["core:frequency"] == 14.21875e9
    assert capture["sdrdetect:converter"] == "ku-12.80"
    assert capture["sdrdetect:if_frequency"] == 1418.75e6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.sigmf-data", "a.sigmf-meta"]


def test_truth_annotations(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene({**UPLINK, "grid_phase_s": 1e-3, "doppler_hz": 5e3})
    notes = load(write_sigmf(scene, tmp_path / "a.sigmf-meta"))["annotations"]
    assert len(notes) >= 1
    note = notes[0]
    assert note["core:label"] == "terminal"
    assert note["core:sample_count"] in (2015, 2016, 2017)  # 47 symbols at 2.4 Msps
    assert note["core:freq_lower_edge"] == 14.21875e9 - 1.2e6  # cut to the slice
    assert note["sdrdetect:truth"]["cn_db"] == 15.0
    assert note["sdrdetect:truth"]["channel"] == 3
    wide = note["sdrdetect:truth"]["freq_upper_hz"] - note["sdrdetect:truth"]["freq_lower_hz"]
    assert 58e6 < wide < 60e6


def test_declared_gaps_become_captures(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(
        UPLINK,
        scene={"start_utc": "2026-02-03T04:05:06Z"},
        losses=[
            {"time_s": 0.005, "count": 2400},
            {"time_s": 0.01, "count": 100, "declared": False},
            {"time_s": 0.015, "count": 1200},
        ],
    )
    captures = load(write_sigmf(scene, tmp_path / "a.sigmf-meta"))["captures"]
    places = [(c["core:sample_start"], c["core:global_index"]) for c in captures]
    # The undeclared loss makes the recorder's count 100 short from then on.
    assert places == [(0, 0), (12_000, 14_400), (33_500, 37_100)]
    assert captures[1]["core:datetime"] == "2026-02-03T04:05:06.006000000Z"
    size = (tmp_path / "a.sigmf-data").stat().st_size
    assert size == (48_000 - 3700) * 8


def test_inverting_converter_mirrors_the_file(
    make_scene: MakeScene, samples: Samples, tmp_path: Path
) -> None:
    scene = make_scene(UPLINK, converter="ku-15.45-high")
    meta = write_sigmf(scene, tmp_path / "a.sigmf-meta")
    raw = np.fromfile(tmp_path / "a.sigmf-data", np.complex64)
    assert np.array_equal(raw.conj(), samples(scene))
    capture = load(meta)["captures"][0]
    assert capture["sdrdetect:if_frequency"] == 15.45e9 - 14.21875e9


@pytest.mark.parametrize("converter", ["none", "ku-12.80", "ku-15.45-high"])
def test_readers_get_the_same_blocks(converter: str, make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(
        UPLINK,
        datatype="ci16_le",
        converter=converter,
        losses=[{"time_s": 0.005, "count": 2400}],
    )
    meta = write_sigmf(scene, tmp_path / "a.sigmf-meta")
    with open_recording(meta) as recording:
        assert recording.notes == ()
        assert recording.verify() is True
        got = list(recording.blocks(block_samples=50_000))
    expected = list(blocks(scene, block_samples=50_000))
    assert len(got) == len(expected) == 2
    for a, b in zip(got, expected, strict=True):
        assert (a.first_sample, a.lost_before) == (b.first_sample, b.lost_before)
        assert np.array_equal(decoded(a).samples, b.samples)
        assert (a.info.center_hz, a.info.plan) == (b.info.center_hz, b.info.plan)
        assert a.info.start_ns == b.info.start_ns
        assert a.info.clip_level == b.info.clip_level


def test_existing_files_stay(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene()
    (tmp_path / "a.sigmf-data").write_bytes(b"mine")
    with pytest.raises(SinkError, match="--force"):
        write_sigmf(scene, tmp_path / "a.sigmf-meta")
    assert (tmp_path / "a.sigmf-data").read_bytes() == b"mine"
    write_sigmf(scene, tmp_path / "a.sigmf-meta", force=True)
    assert (tmp_path / "a.sigmf-data").stat().st_size == 48_000 * 8
    with pytest.raises(SinkError, match="sigmf-meta"):
        write_sigmf(scene, tmp_path / "a.dat")
    with pytest.raises(SinkError, match="cannot be written"):
        write_sigmf(scene, tmp_path / "no" / "a.sigmf-meta")


def test_annotations_are_capped(
    make_scene: MakeScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MAX_ANNOTATIONS", 4)
    scene = make_scene({"kind": "dme", "offset_hz": 0.0})
    record = load(write_sigmf(scene, tmp_path / "a.sigmf-meta"))
    assert len(record["annotations"]) == 4
    assert "first 4 emissions" in record["global"]["core:description"]


SCENE = """
[scene]
title = "one"
duration_s = 0.01
[receiver]
sample_rate_hz = 2.4e6
rf_center_hz = 14.21875e9
[[emitter]]
kind = "starlink_uplink"
"""


def test_command(tmp_path: Path) -> None:
    file, out = tmp_path / "one.toml", tmp_path / "one.sigmf-meta"
    file.write_text(SCENE)
    runner = CliRunner()
    done = runner.invoke(build_app(), ["simulate", str(file), "--out", str(out), "--seed", "3"])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    first = out.with_suffix(".sigmf-data").read_bytes()
    digest = hashlib.sha256(SCENE.encode()).hexdigest()
    assert load(out)["global"]["sdrdetect:scene_sha256"] == digest
    again = runner.invoke(build_app(), ["simulate", str(file), "--out", str(out)])
    assert isinstance(again.exception, SinkError)
    forced = ["simulate", str(file), "--out", str(out), "--seed", "4", "--force"]
    assert runner.invoke(build_app(), forced).exit_code == 0
    assert out.with_suffix(".sigmf-data").read_bytes() != first
    file.write_text(SCENE + "chanel = 3\n")
    bad = runner.invoke(build_app(), ["simulate", str(file), "--out", str(out)])
    assert isinstance(bad.exception, ConfigError)
    assert "did you mean 'channel'" in str(bad.exception)


def test_parse_scene_needs_no_file(tmp_path: Path) -> None:
    scene = parse_scene(
        {
            "scene": {"title": "t", "duration_s": 0.001},
            "receiver": {"sample_rate_hz": 1e6, "rf_center_hz": 1e9},
        }
    )
    assert load(write_sigmf(scene, tmp_path / "a.sigmf-meta"))["annotations"] == []
