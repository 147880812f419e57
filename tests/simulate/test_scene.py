"""Scene files: every fault is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdr_detect.errors import ConfigError
from sdr_detect.simulate.scene import load_scene, parse_scene

GOOD: dict[str, Any] = {
    "scene": {"title": "t", "duration_s": 0.01},
    "receiver": {"sample_rate_hz": 2.4e6, "rf_center_hz": 14.2e9},
}
UPLINK = {"kind": "starlink_uplink"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"emitter": [UPLINK, {**UPLINK, "cn_bd": 3}]}, ["emitter[1].cn_bd", "'cn_db'"]),
        ({"emitter": [{"kind": "starlink"}]}, ["emitter[0].kind", "starlink_uplink"]),
        ({"emitter": [{}]}, ["emitter[0].kind"]),
        ({"emitter": [3]}, ["emitter[0].kind"]),
        ({"emitter": UPLINK}, ["emitter", "[[emitter]]"]),
        ({"emitter": [{**UPLINK, "cn_db": "x"}]}, ["emitter[0].cn_db", "'x'"]),
        ({"emitter": [{**UPLINK, "channel": 8}]}, ["emitter[0].channel", "7", "8"]),
        ({"emitter": [{**UPLINK, "frames": [1]}]}, ["emitter[0]", "duty_limit"]),
        ({"emitter": [{**UPLINK, "sample_rate_hz": 50e6}]}, ["emitter[0]", "62.5e6"]),
        ({"emitter": [{**UPLINK, "start_s": 2, "stop_s": 1}]}, ["emitter[0]", "stop_s"]),
        ({"emitter": [{"kind": "tone"}]}, ["emitter[0]", "rf_hz"]),
        (
            {"emitter": [{"kind": "tone", "rf_hz": 1e9, "if_hz": 1e9}]},
            ["emitter[0]", "exactly one"],
        ),
        ({"emitter": [{"kind": "tone", "offset_hz": 0, "image": True}]}, ["emitter[0]", "image"]),
        ({"emitter": [{"kind": "tone", "rf_hz": 11e9, "image": True}]}, ["receiver.converter"]),
        ({"emitter": [{"kind": "gsm", "offset_hz": 0, "slots": [3, 2]}]}, ["slots", "ascend"]),
        ({"scene": {"title": "t"}}, ["scene.duration_s"]),
        (
            {"scene": {"title": "t", "duration_s": 1, "start_utc": "2026-01-01T00:00:00"}},
            ["start_utc"],
        ),
        ({"receiver": {"sample_rate_hz": 2.4e6}}, ["receiver.rf_center_hz"]),
        ({"reciever": {}}, ["reciever", "'receiver'"]),
    ],
)
def test_faults_are_named(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scene({**GOOD, **changes}, file="s.toml")
    text = str(caught.value)
    assert text.startswith("s.toml: ")
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"filter": {"slop_db": 1}}, "'slope_db'"),
        ({"spurs": [{"offset_hz": 2e6, "dbfs": -40}]}, "outside"),
        ({"losses": [{"time_s": 0.004, "count": 9}, {"time_s": 0.001, "count": 9}]}, "unsorted"),
        ({"losses": [{"time_s": 0.009, "count": 9000}]}, "receiver.losses"),
        ({"converter": "ku-12.8"}, "ku-12.80"),
        ({"datatype": "cs8"}, "receiver.datatype"),
        ({"noise_dbfs": float("nan")}, "receiver.noise_dbfs"),
    ],
)
def test_faults_of_the_receiver_are_named(keys: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match="receiver") as caught:
        parse_scene({**GOOD, "receiver": {**GOOD["receiver"], **keys}}, file="s.toml")
    assert word in str(caught.value)


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[scene\n")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        load_scene(file)
    with pytest.raises(ConfigError, match="check the path"):
        load_scene(tmp_path / "none.toml")


def test_start_is_exact_to_the_microsecond() -> None:
    scene = parse_scene(
        {**GOOD, "scene": {**GOOD["scene"], "start_utc": "2026-03-01T10:00:40.123457+01:00"}}
    )
    # 2026-03-01 is day 20513 since 1970.
    assert scene.start_ns == ((20513 * 86400 + 9 * 3600 + 40) * 1_000_000 + 123_457) * 1000


def test_shipped_scenes_load(repo_root: Path) -> None:
    files = sorted((repo_root / "recordings" / "scenes").glob("*.toml"))
    assert len(files) >= 15
    size = 0
    titles = set()
    for file in files:
        scene = load_scene(file)
        titles.add(scene.scene.title)
        size += (
            scene.sample_count
            * {"cu8": 2, "ci8": 2, "ci16_le": 4, "cf32_le": 8}[scene.receiver.datatype]
        )
    assert len(titles) == len(files)
    assert size < 28e6
