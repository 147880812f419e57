"""A recording in the window: overview, position, detections, marks, a cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QSettings, Qt
from sdr_detect_gui.app import application
from sdr_detect_gui.filewindow import FileWindow

from sdr_detect.errors import FormatError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from tests.gui.fed import shut
from tests.recording_files import write_sigmf

LIMIT_MS = 60_000


@pytest.fixture
def show(qtbot: Any, tmp_path: Path) -> Iterator[Callable[[Path], FileWindow]]:
    windows = []

    def begin(path: Path) -> FileWindow:
        application("en")
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        window = FileWindow(path, RawSpec(), [], settings)
        window.show()
        windows.append(window)
        return window

    yield begin
    for window in windows:
        shut(window, qtbot)


def test_a_recording_from_overview_to_cut(
    show: Callable[[Path], FileWindow], qtbot: Any, repo_root: Path, tmp_path: Path
) -> None:
    path = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    window = show(path)
    qtbot.waitUntil(lambda: not window.progress.isVisible(), timeout=LIMIT_MS)
    lines = window.plots.waterfall.lines
    qtbot.waitUntil(lambda: window.plots.waterfall.lines.filled > 20, timeout=LIMIT_MS)
    peaks = window.timeline._peak.getData()[1]
    assert np.nanmax(peaks) - np.nanmedian(window.timeline._mean.getData()[1]) > 3
    qtbot.waitUntil(lambda: window.assessment.word == "detected", timeout=LIMIT_MS)
    assert window.plots.waterfall.frozen == ""
    assert "REPLAY" in window.mode.text()
    assert window.timeline.tracks

    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert window.position > 0 or lines.count * window.row_samples >= window.stop_sample
    window.zoom_time(-1)  # 1 ms rows: a part of the file fills the window
    window.go(1_000_000)
    qtbot.waitUntil(lambda: window.shown[0] == 1_000_000, timeout=LIMIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_BracketLeft)
    assert window.timeline.a_s == pytest.approx(1_000_000 / 2.4e6)
    window.timeline.mark(1, 0.5)
    target = tmp_path / "cut.sigmf-meta"
    window.cut(target)
    qtbot.waitUntil(
        lambda: "cut.sigmf-meta" in window.statusBar().currentMessage(), timeout=LIMIT_MS
    )
    with open_recording(target) as cut, open_recording(path) as whole:
        assert cut.sample_count == 200_000
        assert cut.info.center_hz == whole.info.center_hz
        first = cut.captures[0].first_sample
        np.testing.assert_array_equal(cut.read(first, 200_000), whole.read(1_000_000, 200_000))

    window.cut(target)  # nothing is overwritten
    qtbot.waitUntil(lambda: "exists" in window.statusBar().currentMessage(), timeout=LIMIT_MS)


def test_annotations_lie_where_they_were_made(
    show: Callable[[Path], FileWindow], qtbot: Any, tmp_path: Path
) -> None:
    """The marked samples follow a gap of 50 000."""
    path = write_sigmf(
        tmp_path,
        np.full(2 * 400_000, 3, np.int8).tobytes(),
        captures=[
            {"core:sample_start": 0, "core:global_index": 0, "core:frequency": 14.2e9},
            {"core:sample_start": 500, "core:global_index": 50_500, "core:frequency": 14.2e9},
        ],
        annotations=[
            {
                "core:sample_start": 1000, "core:sample_count": 100_000, "core:label": "a mark",
                "core:freq_lower_edge": 14.1998e9, "core:freq_upper_edge": 14.2001e9,
            },
        ],
    )  # fmt: skip
    window = show(path)
    qtbot.waitUntil(lambda: window.plots.waterfall.lines.filled > 20, timeout=LIMIT_MS)
    (mark,) = (m for m in window.plots.waterfall.marked() if not m.found)
    assert mark.label == "a mark"
    lines = window.plots.waterfall.lines
    top = lines.sample_of(int(mark.rect.top()))
    assert top is not None
    assert abs(top - 151_000) <= 2 * window.row_samples
    assert mark.rect.width() == pytest.approx(0.3e6)
    qtbot.keyClick(window, Qt.Key.Key_K)
    assert not [m for m in window.plots.waterfall.marked() if not m.found]


def test_what_is_no_recording_is_refused(tmp_path: Path, qtbot: Any) -> None:
    path = tmp_path / "empty.sigmf-meta"
    path.write_bytes(b"")
    with pytest.raises(FormatError):
        FileWindow(path, RawSpec(), [], QSettings())
