"""What results must not do: destroy a recording, steer a terminal, stop half written."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sdr_detect import cli
from sdr_detect.errors import SinkError
from sdr_detect.sinks.whole_file import write_whole


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["sdr-detect", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A SigMF recording of noise: metadata, data."""
    meta, data = tmp_path / "a.sigmf-meta", tmp_path / "a.sigmf-data"
    data.write_bytes(np.random.default_rng(1).integers(-40, 40, 20_000, np.int8).tobytes())
    fields = {"core:datatype": "ci8", "core:sample_rate": 1e6, "core:version": "1.2.0"}
    document = {"global": fields, "captures": [{"core:sample_start": 0}], "annotations": []}
    meta.write_text(json.dumps(document))
    return meta, data


@pytest.mark.parametrize("verb", ["analyze", "info"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("linked", [False, True])
def test_results_never_replace_a_recording(
    pair: tuple[Path, Path], verb: str, which: int, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [file.read_bytes() for file in pair]
    target = pair[which]
    if linked:
        target = target.with_name("link" + target.suffix)
        target.symlink_to(pair[which])
        if which == 1:
            target.with_suffix(".sigmf-meta").symlink_to(pair[0])
    assert call(monkeypatch, verb, "--json", target, pair[0]) == 2
    assert [file.read_bytes() for file in pair] == before


def test_a_report_never_replaces_a_recording(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(monkeypatch, "analyze", pair[0], "--report", pair[1]) == 2
    assert pair[1].stat().st_size == 20_000


def test_a_name_in_an_error_cannot_steer_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "info", tmp_path / "a\x1b[2J\rb") == 1
    assert call(monkeypatch, "analyze", tmp_path / "a\x1b[2J\rb") == 1
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\r" not in err
    assert err.count("does not exist") == 2


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.html"
    write_whole(target, b"old")

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SinkError, match="No space left"):
        write_whole(target, b"new and longer")
    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize(("scale", "decibel"), [(1e20, 400), (1e-20, -400)])
def test_levels_beyond_single_precision_allow_no_verdict(
    tmp_path: Path,
    scale: float,
    decibel: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = tmp_path / "a.cf32"
    noise = np.random.default_rng(2).standard_normal(200_000).astype(np.float32)
    (noise * np.float32(scale)).tofile(raw)
    words = ("--format", "cf32", "--rate", "1e6", "--rf", "14.2e9", "--json", "-")
    assert call(monkeypatch, "analyze", raw, *words) == 0
    verdict = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert verdict["verdict"] == "inconclusive"
    # Two real values of unit power make 3 dB more.
    assert f"the level is {decibel + 3} dB" in verdict["reasons"][0]


def test_a_link_stays_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    link, pipe = tmp_path / "report.html", tmp_path / "pipe"
    link.symlink_to(shelf / "latest.html")
    for content in (b"first", b"second"):
        write_whole(link, content)
        assert link.is_symlink()
        assert (shelf / "latest.html").read_bytes() == content
    assert [entry.name for entry in shelf.iterdir()] == ["latest.html"]

    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        write_whole(pipe, b"to whoever reads")
        assert read.result(10) == b"to whoever reads"
    assert pipe.is_fifo()

    ends = os.pipe()
    write_whole(Path(f"/dev/fd/{ends[1]}"), b"as a shell hands it over")
    os.close(ends[1])
    with os.fdopen(ends[0], "rb") as told:
        assert told.read() == b"as a shell hands it over"

    private = tmp_path / "private"
    private.touch(0o600)
    write_whole(private, b"still")
    assert private.stat().st_mode & 0o777 == 0o600

    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(SinkError, match="circle cannot be written"):
        write_whole(circle, b"nowhere")
