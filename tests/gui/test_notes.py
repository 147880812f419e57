"""Annotations and the file that keeps them: what is edited changes, and nothing else."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from sdr_detect_gui.edits import Editor
from sdr_detect_gui.notes import Notebook
from sdr_detect_gui.quantity import hertz
from sdr_detect_gui.rawform import spec_or_fault
from sdr_detect_gui.stating import fields as stated
from sdr_detect_gui.stating import options, spec_of

from sdr_detect.commands._recording_options import spec_from_options
from sdr_detect.errors import SinkError, UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.model import Span
from tests.recording_files import write_sigmf

STRANGE = {
    "core:sample_start": 100, "core:sample_count": 50, "core:label": "ünïcode",
    "other:score": {"a": [1, 2.5e-300, None]}, "core:freq_lower_edge": 14.1e9,
    "core:freq_upper_edge": 14.2e9,
}  # fmt: skip


def book_of(path: Path, spec: RawSpec | None = None) -> Notebook:
    with open_recording(path, spec) as recording:
        return Notebook(recording)


def recording(folder: Path, annotations: list[dict[str, Any]] | None = None) -> Path:
    """50 000 samples are lost after the first 500."""
    return write_sigmf(
        folder,
        np.full(2 * 4000, 3, np.int8).tobytes(),
        top={"other:field": [1, {"x": None}]},
        captures=[
            {"core:sample_start": 0, "core:global_index": 0, "core:frequency": 14.2e9},
            {"core:sample_start": 500, "core:global_index": 50_500, "other:thing": 5},
        ],
        annotations=[STRANGE] if annotations is None else annotations,
    )


def test_what_is_not_edited_stays_as_it_was(tmp_path: Path) -> None:
    path = recording(tmp_path)
    before = json.loads(path.read_bytes())
    data = path.with_suffix(".sigmf-data").read_bytes()
    editor = Editor(book_of(path))
    editor.add(Span(50_600, 50_700), (14.1e9, 14.15e9))
    editor.rename("mine", "a comment")
    assert editor.unsaved
    assert json.loads(path.read_bytes()) == before
    assert editor.save()
    assert not editor.unsaved
    after = json.loads(path.read_bytes())
    made = after["annotations"].pop()
    assert after == before
    assert (made["core:sample_start"], made["core:sample_count"]) == (600, 100)
    assert (made["core:label"], made["core:comment"]) == ("mine", "a comment")
    assert path.with_suffix(".sigmf-data").read_bytes() == data
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []
    again = book_of(path).notes()
    assert [(n.start_sample, n.stop_sample, n.label) for n in again] == [
        (100, 150, "ünïcode"), (50_600, 50_700, "mine"),
    ]  # fmt: skip


def test_an_annotation_of_another_program_keeps_its_fields_when_it_is_moved(
    tmp_path: Path,
) -> None:
    path = recording(tmp_path)
    editor = Editor(book_of(path))
    editor.choose(editor.notes[0].key)
    editor.place(Span(200, 210), None)
    editor.rename("", "")
    editor.save()
    (entry,) = json.loads(path.read_bytes())["annotations"]
    assert entry == {
        "core:sample_start": 200, "core:sample_count": 10, "other:score": STRANGE["other:score"],
    }  # fmt: skip


def test_every_step_can_be_taken_back_and_done_again(tmp_path: Path) -> None:
    editor = Editor(book_of(recording(tmp_path)))
    states = [editor.notes]
    editor.add(Span(0, 10), None)
    states.append(editor.notes)
    editor.rename("x", "")
    states.append(editor.notes)
    editor.place(Span(5, 10), (1e9, 2e9))
    states.append(editor.notes)
    editor.delete()
    states.append(editor.notes)
    for state in states[-2::-1]:
        editor.undo()
        assert editor.notes == state
    assert not editor.unsaved
    for state in states[1:]:
        editor.redo()
        assert editor.notes == state
    told: list[str] = []
    editor.said.connect(told.append)
    editor.redo()
    while editor.stack.canUndo():
        editor.undo()
    before = editor.book.path.stat().st_mtime_ns
    assert editor.save()
    assert editor.book.path.stat().st_mtime_ns == before
    assert told == ["nothing to do again", "nothing to save"]


def test_the_same_again_is_no_step(tmp_path: Path) -> None:
    editor = Editor(book_of(recording(tmp_path)))
    editor.choose(editor.notes[0].key)
    editor.rename("ünïcode", "")
    assert editor.stack.count() == 0
    assert not editor.unsaved


def test_raw_samples_get_metadata_beside_them_that_name_them(tmp_path: Path) -> None:
    path = tmp_path / "berth 12.bin"
    path.write_bytes(np.arange(2 * 4000, dtype=np.int8).tobytes())
    spec = spec_from_options("cs8", 1e6, None, 1450e6, "ku-12.80")
    editor = Editor(book_of(path, spec))
    editor.add(Span(10, 20), (14.24e9, 14.26e9))
    assert editor.save()
    beside = tmp_path / "berth 12.bin.sigmf-meta"
    document = json.loads(beside.read_bytes())
    assert document["global"]["core:dataset"] == path.name
    sigmf.validate.validate(document)
    with open_recording(beside) as opened, open_recording(path, spec) as whole:
        assert opened.info.center_hz == whole.info.center_hz
        np.testing.assert_array_equal(opened.read(0, 4000), whole.read(0, 4000))
    assert [note.start_sample for note in book_of(beside).notes()] == [10]
    assert [note.start_sample for note in book_of(path, spec).notes()] == [10]
    assert editor.save()  # once more, by the one that made it


def as_matlab(folder: Path, samples: np.ndarray[Any, Any]) -> Path:
    from scipy.io import savemat

    savemat(folder / "a.mat", {"iq": samples, "fs": 1e6})
    return folder / "a.mat"


def as_hdf5(folder: Path, samples: np.ndarray[Any, Any]) -> Path:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file["iq"] = samples
    return folder / "a.h5"


def as_array(folder: Path, samples: np.ndarray[Any, Any]) -> Path:
    np.save(folder / "a.npy", samples)
    return folder / "a.npy"


def as_archive(folder: Path, _samples: np.ndarray[Any, Any]) -> Path:
    (folder / "in").mkdir()
    meta = write_sigmf(
        folder / "in",
        np.full(2 * 4000, 3, np.int8).tobytes(),
        top={
            "core:offset": 1000,
            "other:field": 1,
            "core:extensions": [{"name": "other", "version": "1.0.0", "optional": True}],
        },
        captures=[{"core:sample_start": 1000, "core:frequency": 14.2e9}],
        annotations=[{"core:sample_start": 1100, "core:sample_count": 5, "core:label": "old"}],
    )
    with tarfile.open(folder / "a.sigmf", "w") as archive:
        for part in (meta, meta.with_suffix(".sigmf-data")):
            archive.add(part, f"a/{part.name}")
    return folder / "a.sigmf"


@pytest.mark.parametrize("write", [as_matlab, as_hdf5, as_array, as_archive])
def test_annotations_of_any_format_are_kept_beside_it(
    tmp_path: Path, write: Callable[[Path, np.ndarray[Any, Any]], Path]
) -> None:
    path = write(tmp_path, np.exp(1j * np.arange(4000)).astype(np.complex64))
    spec = None if path.suffix == ".sigmf" else RawSpec(sample_rate_hz=1e6)
    before = path.read_bytes()
    editor = Editor(book_of(path, spec))
    old = [(n.start_sample, n.label) for n in editor.notes]
    editor.add(Span(10, 20), (1e3, 2e3))
    editor.rename("mine", "")
    assert editor.save()
    assert path.read_bytes() == before
    beside = path.with_name(path.name + ".sigmf-meta")
    document = json.loads(beside.read_bytes())
    sigmf.validate.validate(document)
    again = Editor(book_of(path, spec))
    assert [(n.start_sample, n.label) for n in again.notes] == [(10, "mine"), *old]
    again.choose(again.notes[0].key)
    again.delete()
    assert again.save()
    assert [(n.start_sample, n.label) for n in book_of(path, spec).notes()] == old
    if "core:metadata_only" in document["global"]:
        with pytest.raises(UnsupportedError, match=f"open '{path.name}', its samples"):
            open_recording(beside)
    else:
        with open_recording(beside) as named, open_recording(path, spec) as whole:
            np.testing.assert_array_equal(named.read(0, 4000), whole.read(0, 4000))
    if path.suffix == ".sigmf":
        assert old == [(100, "old")]
        assert document["global"]["other:field"] == 1


@pytest.mark.parametrize("text", ["{}", "no json", '{"global": {"core:dataset": "b.bin"}}', "[1]"])
def test_what_is_not_about_the_file_is_left_alone(tmp_path: Path, text: str) -> None:
    path = as_array(tmp_path, np.ones(4000, np.complex64))
    beside = tmp_path / "a.npy.sigmf-meta"
    beside.write_text(text)
    editor = Editor(book_of(path, RawSpec(sample_rate_hz=1e6)))
    told: list[str] = []
    editor.said.connect(told.append)
    editor.add(Span(0, 10), None)
    assert editor.notes == []
    assert told == [editor.book.refusal]
    assert "no metadata of this file" in told[0]
    assert not editor.save()
    assert beside.read_text() == text


def test_what_another_program_wrote_meanwhile_is_not_lost(tmp_path: Path) -> None:
    path = recording(tmp_path)
    editor = Editor(book_of(path))
    editor.add(Span(0, 10), None)
    other = path.read_bytes() + b"\n"
    path.write_bytes(other)
    told: list[str] = []
    editor.said.connect(told.append)
    assert not editor.save()
    assert "changed by another program" in told[-1]
    assert editor.unsaved
    assert path.read_bytes() == other


def test_a_folder_that_cannot_be_written_is_told_and_nothing_lost() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = recording(folder)
        before = path.read_bytes()
        editor = Editor(book_of(path))
        editor.add(Span(0, 10), None)
        told: list[str] = []
        editor.said.connect(told.append)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:  # root writes anywhere
            os.seteuid(65_534)
        try:
            assert not editor.save()
        finally:
            os.seteuid(user)
            folder.chmod(0o755)
        assert "Permission denied" in told[-1]
        assert "Make the folder writable" in told[-1]
        assert editor.unsaved
        assert path.read_bytes() == before
        assert editor.save()


@pytest.mark.parametrize("count", [None, 0])
def test_an_annotation_without_an_end(tmp_path: Path, count: int | None) -> None:
    """Without a count it reaches to the end of its capture; of none it is nothing to see."""
    entry = {"core:sample_start": 100} | ({} if count is None else {"core:sample_count": count})
    path = recording(tmp_path, [entry])
    notes = book_of(path).notes()
    assert [(n.start_sample, n.stop_sample) for n in notes] == (
        [(100, 500)] if count is None else []
    )
    editor = Editor(book_of(path))
    editor.add(Span(0, 5), None)
    assert editor.save()
    assert entry in json.loads(path.read_bytes())["annotations"]


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 3999), st.integers(1, 500)), max_size=8),
    st.lists(st.integers(0, 9), max_size=12),
)
def test_annotations_stay_in_order_and_undo_is_exact(
    spans: list[tuple[int, int]], steps: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = recording(Path(name))
        editor = Editor(book_of(path))
        before = editor.notes
        for start, count in spans:
            editor.add(Span(start if start < 500 else start + 50_000, start + 50_000 + count), None)
        for step in steps:
            if editor.notes:
                editor.choose(editor.notes[step % len(editor.notes)].key)
                editor.delete() if step % 2 else editor.rename(f"n{step}", "")
        editor.save()
        starts = [e["core:sample_start"] for e in json.loads(path.read_bytes())["annotations"]]
        assert starts == sorted(starts)
        assert book_of(path).notes() is not None
        while editor.stack.canUndo():
            editor.undo()
        assert editor.notes == before


def test_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    path = recording(tmp_path)
    book = book_of(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SinkError, match="cannot be read: Is a directory"):
        book.save()


@pytest.mark.parametrize(
    ("text", "unit_hz", "value"),
    [
        ("2.4M", 1, 2.4e6), ("2 400 000", 1, 2.4e6), ("2.4e6", 1, 2.4e6), ("20 Msps", 1, 20e6),
        ("14218.75", 1e6, 14_218.75e6), ("14.21875 GHz", 1e6, 14_218.75e6), ("14,5G", 1e6, 14.5e9),
        ("14218750000Hz", 1e6, 14_218_750_000.0), ("1.4e9", 1e6, 1.4e9), ("-3", 1e6, -3e6),
        ("", 1, None), ("fast", 1, None), ("1.2.3", 1, None), ("14,218.75", 1e6, None),
        ("1e999", 1, None), ("NaN", 1, None),
    ],
)  # fmt: skip
def test_numbers_as_people_type_them(text: str, unit_hz: float, value: float | None) -> None:
    assert hertz(text, unit_hz) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("", "2.4M", "rf", "14200", ""), "Choose the sample type"),
        (("cu8", "", "rf", "14200", ""), "State the sample rate"),
        (("cu8", "2.4", "rf", "14200", ""), "For millions write M"),
        (("cu8", "1e30", "rf", "14200", ""), "not within"),
        (("cu8", "2.4M", "rf", "", ""), "State the centre frequency"),
        (("cu8", "2.4M", "if", "1450", ""), "Choose the converter"),
        (("cu8", "2.4M", "if", "90000", "ku-15.45-high"), "below zero"),
    ],
)
def test_what_is_typed_wrong_is_told(typed: tuple[str, str, str, str, str], told: str) -> None:
    found = spec_or_fault(*typed)
    assert isinstance(found, str)
    assert told in found


@pytest.mark.parametrize(
    "spec",
    [
        RawSpec(),
        spec_from_options("cs16_be", 2.4e6, 14.25e9, None, None),
        spec_from_options("cu8", 0.1 + 0.2, None, 1450e6, "ku-15.45-high"),
        spec_from_options(None, None, None, 100e6, "none"),
    ],
)
def test_statements_survive_as_options_and_as_json(spec: RawSpec) -> None:
    assert spec_of(json.loads(json.dumps(stated(spec)))) == spec
    words = dict(word.removeprefix("--").split("=", 1) for word in options(spec))
    assert spec_of(words) == spec


def test_what_is_typed_right_is_a_statement() -> None:
    assert spec_or_fault("cu8", "2.4M", "unknown", "", "") == RawSpec("cu8", 2.4e6)
    assert spec_or_fault("cu8", "2.4M", "rf", "14200.5", "x") == RawSpec("cu8", 2.4e6, 14_200.5e6)
    high = spec_or_fault("cu8", "2.4M", "if", "1450", "ku-15.45-high")
    assert isinstance(high, RawSpec)
    assert high.conjugate
    assert high.center_hz == 14.0e9
