"""Which recordings a batch takes, and why it takes others not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdr_detect.batch.gather import gather
from sdr_detect.errors import ConfigError
from tests.recording_files import write_sigmf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".git").mkdir()
    write_sigmf(folder, bytes(100), name="a")
    write_sigmf(folder / "deep" / "er", bytes(30), name="b")
    (folder / "deep" / "raw.cu8").write_bytes(bytes([128, 127] * 50))
    (folder / "empty.bin").write_bytes(b"")
    (folder / "README").write_text("Wörter\n" * 200, encoding="utf-8")
    (folder / ".git" / "x.bin").write_bytes(bytes(9))
    return folder


def names(found: list[object]) -> list[str]:
    return [candidate.path.name for candidate in found]  # type: ignore[attr-defined]


def test_a_folder_yields_each_recording_once_and_says_what_it_skips(folder: Path) -> None:
    found = gather([str(folder)], folder / "out")
    assert {c.path.name: (c.size, c.skipped) for c in found} == {
        "README": (1600, "is text; name the file itself if it holds samples"),
        "a.sigmf-meta": (100, None),
        "raw.cu8": (100, None),
        "b.sigmf-meta": (30, None),
        "empty.bin": (0, None),
    }
    assert [c.path for c in found] == sorted(c.path for c in found)
    assert all(c.path.is_absolute() for c in found)


def test_text_cut_within_a_character_is_text_and_samples_are_not(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"x" * 4095 + "µ".encode() + b"y")
    (tmp_path / "u").write_bytes(b"x" * 4000 + b"\xff" + b"y" * 99)
    (tmp_path / "v").write_bytes(b"\x01" * 99)
    found = gather([str(tmp_path)], tmp_path / "out")
    assert [c.path.name for c in found if c.skipped] == ["t"]


def test_what_is_named_twice_is_done_once_and_what_is_named_is_never_skipped(folder: Path) -> None:
    inputs = [
        str(folder), f"{folder}/**/*.sigmf-data", f"{folder}/a", f"{folder}/deep/../a.sigmf-meta",
        f"{folder}/READM?",
    ]  # fmt: skip
    found = gather(inputs, folder / "out")
    assert len(found) == len({c.path for c in found}) == 5
    assert [c.skipped for c in found] == [None] * 5


def test_results_inside_the_folder_are_no_recordings(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "results.parquet").write_bytes(bytes(9))
    assert "results.parquet" not in names(list(gather([str(folder)], folder / "out")))


def test_a_name_that_is_no_text_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.cs8"))).write_bytes(bytes(9))
    (found,) = gather([str(tmp_path)], tmp_path / "out")
    assert found.path.name == "caf\\xe9.cs8"
    assert found.unreadable is not None
    assert found.unreadable.endswith("caf\\xe9.cs8: its name is not UTF-8; rename it")


def test_a_pattern_without_a_match_is_a_mistake_and_a_missing_file_a_reject(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file matches"):
        gather([f"{tmp_path}/*.cs8"], tmp_path / "out")
    (found,) = gather([f"{tmp_path}/gone.cs8"], tmp_path / "out")
    assert found.skipped is None
