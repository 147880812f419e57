"""What needs no window: lines of pixels, boxes, the mailbox, memory over hours."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from sdr_detect_gui import history
from sdr_detect_gui.boxes import MAX_BOXES, Boxes
from sdr_detect_gui.child import renumbered
from sdr_detect_gui.condition import cause_of
from sdr_detect_gui.keymap import KEYS
from sdr_detect_gui.mailbox import MAX_ROWS, Mailbox, fold
from sdr_detect_gui.texts import catalogue, languages
from sdr_detect_gui.words import duration

from sdr_detect import view
from tests import view_messages as made


@given(
    st.integers(2, 300),
    st.integers(1, 200),
    st.floats(-50, 350),
    st.floats(1e-3, 400),
    st.integers(0, 2**31),
)
def test_the_largest_bin_in_view_is_always_drawn(
    bins: int, columns: int, first: float, width: float, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, 256, bins).astype(np.uint8)
    drawn = history.pool(values, first, first + width, columns)
    assert drawn.shape == (columns,)
    inside = values[max(int(np.ceil(first)), 0) : max(int(np.floor(first + width)), 0)]
    if inside.size and width > columns:
        assert drawn.max() >= inside.max()
    assert set(drawn.tolist()) <= set(values.tolist())


@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 100))
def test_lines_made_anew_are_those_made_one_by_one(count: int, per_line: int, rows: int) -> None:
    colours = np.arange(256, dtype=np.uint32)
    kept = history.History(200, 8)
    lines = history.Lines(8, count, per_line)
    rng = np.random.default_rng(rows)
    for k in range(rows):
        row = rng.integers(0, 256, 8).astype(np.uint8)
        kept.push(row, 10 * k, 10 * k + 10)
        lines.push(row, 10 * k, 10 * k + 10, colours)
    again = history.Lines(8, count, per_line)
    again.rebuild(kept, 0, 8, colours)
    if rows <= count * per_line:
        np.testing.assert_array_equal(lines.pixels[lines.ordered()], again.pixels[again.ordered()])
    for sample in (10 * rows - 1, 10 * (rows - 1)):
        assert lines.line_of(sample) == 0
    assert lines.sample_of(0) == 10 * rows
    assert lines.sample_of(count) is None


def test_levels_survive_as_bytes() -> None:
    powers = np.array([1.0, 1e-3, 1e-9, 0.0, 1e9], np.float32)
    levels = [history.level_db(int(code)) for code in history.codes(powers)]
    np.testing.assert_allclose(levels[:3], [0, -30, -90], atol=0.32)
    assert levels[3] == history.LOWEST_DB


def test_folding_keeps_peaks_and_weighs_means() -> None:
    first, second = made.row(0, carrier=3), made.row(1, rise_db=4.0)
    both = fold(first, second)
    assert both.peak[3] == first.peak[3]
    assert (both.head.first_sample, both.head.stop_sample) == (0, second.head.stop_sample)
    assert both.head.frames == 600
    assert both.head.rise_db == 4.0
    assert both.mean[3] == pytest.approx((first.mean[3] + second.mean[3]) / 2)


def test_bursts_become_boxes() -> None:
    boxes = Boxes()
    boxes.add(made.finds((0, 2000), (30_000, 32_000)), made.RATE_HZ)
    boxes.add(made.finds((9_000_000, 9_002_000)), made.RATE_HZ)
    assert [(b.start_sample, b.stop_sample, b.bursts) for b in boxes.all] == [
        (0, 32_000, 2), (9_000_000, 9_002_000, 1),
    ]  # fmt: skip


def test_hours_leave_memory_as_it_was() -> None:
    """Three hours of rows and bursts that nobody takes, and a waterfall that does."""
    box, boxes = Mailbox(), Boxes()
    row, second = made.row(0), 2_400_000
    kept = history.History(512, row.head.bins)
    lines = history.Lines(300, 200)
    colours = np.arange(256, dtype=np.uint32)
    for k in range(10_800):
        start = k * second
        box.put(view.Message(made.stamp(2 * k), row))
        box.put(view.Message(made.stamp(2 * k + 1), made.finds((start, start + 9))))
        boxes.add(made.finds((start, start + 9)), made.RATE_HZ)
        coded = history.codes(row.peak)
        kept.push(coded, start, start + second)
        lines.push(
            history.pool(coded, 0, 512, 300).astype(np.uint8), start, start + second, colours
        )
    assert len(boxes.all) <= MAX_BOXES
    mail = box.take()
    assert len(mail.rows) <= MAX_ROWS
    assert len(mail.finds) <= 64
    assert kept.levels.nbytes + lines.pixels.nbytes < 1_000_000
    assert box.take().rows == ()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("rtlsdr://0: usb_claim_interface error -6: device busy", "busy"),
        ("rtlsdr://0: no such device; attached: none", "no_device"),
        ("the driver library librtlsdr is not installed", "driver_missing"),
        ("x.sigmf-data cannot be written: No space left on device", "disk_full"),
        ("rtlsdr://0: the receiver was unplugged", "unplugged"),
        ("gain=900 is not within 0..49.6", "failed"),
        ("rtlsdr://0: no RTL-SDR is attached; plug one in; next try in 1 s", "no_device"),
        ("soapy://: no such device is to be had: does another program hold it?", "no_device"),
        ("rtl_tcp://a:1: no connection (refused); is rtl_tcp running there?", "no_device"),
        ("rtlsdr://0: another program, or the kernel's television driver, holds it", "busy"),
        ("took the connection; rtl_tcp serves one program at a time: end the other one", "busy"),
        ("the RTL-SDR library cannot be used (x); run: pip install y", "driver_missing"),
        ("the driver was silent for 5 s: it hangs", "unplugged"),
        ("the server ended the connection", "unplugged"),
        ("no samples for 5 s; was it unplugged?", "unplugged"),
        ("a.sigmf-data: No space left on device", "disk_full"),
        ("it stays at 1 Hz and was asked for 2 Hz", "failed"),
    ],
)
def test_causes_are_told_apart(text: str, cause: str) -> None:
    assert cause_of(text) == cause


def test_what_is_started_again_overwrites_nothing() -> None:
    words = ["--source", "rtlsdr://0", "--record", "out/quay.sigmf-meta", "--json", "e.jsonl"]
    assert renumbered(words, 1) == words
    assert renumbered(words, 3)[3::2] == ["out/quay-3.sigmf-meta", "e-3.jsonl"]


def test_times_as_people_say_them() -> None:
    assert [duration(s) for s in (0, 1.5, 59.6, 372, 7500)] == [
        "0 s", "1.5 s", "1 min 00 s", "6 min 12 s", "2 h 05 min",
    ]  # fmt: skip


def said_by_the_code(folder: Path) -> set[str]:
    """Every text that the window translates."""
    texts = {what for _, _, what in KEYS}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.func.id == "tr" else None
                if isinstance(first, ast.Constant):
                    texts.add(str(first.value))
    return texts


@pytest.mark.parametrize("code", [code for code in languages() if code != "en"])
def test_a_language_is_whole_and_fits_the_code(code: str, repo_root: Path) -> None:
    wanted = said_by_the_code(repo_root / "gui" / "sdr_detect_gui")
    table = catalogue(code)
    assert wanted - set(table) == set()
    assert set(table) - wanted == set()
    for english, other in table.items():
        assert other
        assert sorted(re.findall(r"{.*?}", other)) == sorted(re.findall(r"{.*?}", english))


def test_english_needs_no_catalogue() -> None:
    assert catalogue("en") == {}
    assert "de" in languages()


def test_qt_does_not_steal_references() -> None:
    """PySide6 6.12.0 lost one reference to None with every call, until Python aborted."""
    from PySide6.QtCore import QObject

    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(2000):
        thing.setObjectName("x")
    assert abs(sys.getrefcount(None) - before) < 200
