"""Sources by URI: files and scenes, in real time or as fast as they are taken."""

from __future__ import annotations

import contextlib
import importlib.metadata
import itertools
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdr_detect import registry, runner
from sdr_detect.errors import ConfigError, FormatError, SourceNotFound
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.model import IQBlock
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block, decoded
from sdr_detect.registry import SourceOptions, open_source, schemes

SPEC = RawSpec("cs8", 1e6, rf_hz=14.2e9)
OPTIONS = SourceOptions(SPEC)

SCENE = """
[scene]
title = "Quiet"
duration_s = 0.05
[receiver]
sample_rate_hz = 1e6
rf_center_hz = 14.2e9
datatype = "ci8"
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a slice.cs8"
    np.random.default_rng(1).integers(-99, 99, 400_000, np.int8).tofile(path)
    return path


class Count:
    def __init__(self) -> None:
        self.blocks: list[IQBlock] = []

    def take(self, block: IQBlock) -> None:
        self.blocks.append(block)


def test_an_unpaced_file_is_the_recording(recording: Path) -> None:
    source = open_source(f"file://{recording}?pace=0", OPTIONS)
    assert source.overflow is Overflow.BLOCK
    assert source.info.center_hz == 14.2e9
    got = np.concatenate([decoded(block).samples for block in source.blocks()])
    source.close()
    source.close()
    with open_recording(recording, SPEC) as original:
        assert got.tobytes() == original.read(0, 200_000).tobytes()


def test_a_file_can_be_played_on_end(recording: Path) -> None:
    def play(more: str, count: int | None = None) -> list[Block]:
        with contextlib.closing(open_source(f"file://{recording}?pace=0{more}", OPTIONS)) as source:
            return list(itertools.islice(source.blocks(), count))

    once, thrice = play(""), play("&loop=3")
    assert len(thrice) == 3 * len(once)
    length = once[-1].stop_sample
    for number, block in enumerate(thrice):
        passed, model = divmod(number, len(once))
        assert block.first_sample == passed * length + once[model].first_sample
        assert block.lost_before == once[model].lost_before
        assert decoded(block).samples.tobytes() == decoded(once[model]).samples.tobytes()
    told = [n.detail for block in thrice for n in block.notices]
    assert told == ["pass 2 of the recording", "pass 3 of the recording"]
    assert len(play("&loop=0", 4 * len(once) + 1)) == 4 * len(once) + 1


def test_a_paced_file_takes_its_time(recording: Path) -> None:
    source, tap = open_source(f"file://{recording}?pace=0.5", OPTIONS), Count()
    assert source.overflow is Overflow.DROP_OLDEST
    began = time.monotonic()
    runner.relay(source, [tap], overflow=source.overflow)
    assert 0.4 <= time.monotonic() - began < 3
    assert tap.blocks[-1].stop_sample == 200_000


def test_real_time_is_the_default(recording: Path) -> None:
    source = open_source(f"file://{recording}", OPTIONS)
    assert source.overflow is Overflow.DROP_OLDEST
    source.close()


def test_a_paced_file_can_be_stopped(recording: Path) -> None:
    source, stop = open_source(f"file://{recording}?pace=0.001", OPTIONS), threading.Event()
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    runner.relay(source, [], stop=stop)
    assert time.monotonic() - began < 5


def test_blocks_suit_a_slow_rate(recording: Path) -> None:
    source = open_source(f"file://{recording}?pace=0", SourceOptions(RawSpec("cs8", 48_000.0)))
    assert max(block.sample_count for block in source.blocks()) == 4800
    source.close()


def test_escaped_names(recording: Path) -> None:
    escaped = str(recording).replace(" ", "%20")
    source = open_source(f"file://{escaped}?pace=0", OPTIONS)
    assert source.info.stream_id == "a slice.cs8"
    source.close()


@pytest.mark.parametrize(
    ("uri", "error", "said"),
    [
        ("slice.cs8", SourceNotFound, "no URI"),
        ("flie://x", SourceNotFound, "did you mean file://"),
        ("file://", SourceNotFound, "names no file"),
        ("file://absent.cs8", FormatError, "does not exist"),
        ("file://x?speed=2", SourceNotFound, "known after '\\?': loop, pace"),
        ("file://x?loop=1.5", SourceNotFound, "loop=1.5 is no whole number"),
        ("file://x?pace=fast", SourceNotFound, "pace=fast"),
        ("file://x?pace=-1", SourceNotFound, "from 0 up"),
        ("file://x?pace=inf", SourceNotFound, "from 0 up"),
        ("../../os://x", SourceNotFound, "no driver"),
        ("_replay://x", SourceNotFound, "no driver"),
        ("sim://absent.toml", ConfigError, "check the path"),
        ("sim://x?seed=y", SourceNotFound, "seed=y"),
    ],
)
def test_what_cannot_be_opened(uri: str, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        open_source(uri)


def test_schemes_are_the_drivers() -> None:
    assert {"file", "sim", "zmq"} <= set(schemes())
    assert not [name for name in schemes() if name.startswith("_")]


def test_a_scene_is_received(tmp_path: Path) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(SCENE)
    runs = []
    for uri in (f"sim://{path}?pace=0", f"sim://{path}?pace=0", f"sim://{path}?pace=0&seed=5"):
        source = open_source(uri)
        assert source.overflow is Overflow.BLOCK
        blocks = list(source.blocks())
        source.close()
        assert source.info.sample_rate_hz == 1e6
        assert sum(block.sample_count for block in blocks) == 50_000
        runs.append(b"".join(decoded(block).samples.tobytes() for block in blocks))
    assert runs[0] == runs[1] != runs[2]


def test_a_scene_knows_its_own_frequency(tmp_path: Path) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(SCENE)
    with pytest.raises(SourceNotFound, match="the scene says"):
        open_source(f"sim://{path}", OPTIONS)


def test_another_package_can_bring_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, SourceOptions]] = []

    def remember(uri: str, options: SourceOptions) -> Any:
        opened.append((uri, options))
        return "a source"

    point = SimpleNamespace(name="mine", load=lambda: SimpleNamespace(open_source=remember))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [point])
    assert registry.open_source("mine://x", OPTIONS) == "a source"  # type: ignore[comparison-overlap]
    assert opened == [("mine://x", OPTIONS)]


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_timeout_is_a_time(value: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        SourceOptions(timeout_s=value)
