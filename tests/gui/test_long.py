"""A file of 100 GB: the window answers, and memory stays as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QSettings, Qt, QTimer
from sdr_detect_gui.app import application
from sdr_detect_gui.filewindow import FileWindow

from sdr_detect.formats.base import RawSpec
from tests.gui.fed import shut

LIMIT_MS = 120_000
SIZE, RATE_HZ = 100_000_000_000, 20e6
#: Whoever reads the file itself, or waits for who does, takes seconds at one go.
TURN_S = 0.5


@pytest.fixture
def window(qtbot: Any, tmp_path: Path) -> Iterator[FileWindow]:
    """Noise in the first and the last 16 MB, a hole between."""
    noise = np.random.default_rng(1).normal(0, 12, 1 << 24).round().astype(np.int8).tobytes()
    path = tmp_path / "long.cs8"
    with path.open("wb") as file:
        file.write(noise)
        file.seek(SIZE - len(noise))
        try:
            file.write(noise)
        except OSError as exc:
            pytest.skip(f"no sparse file of 100 GB here: {exc.strerror}")
    if path.stat().st_blocks * 512 > SIZE // 100:
        pytest.skip("the file system keeps no holes")
    application("en")
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    stated = ["--format", "cs8", "--rate", f"{RATE_HZ:.0f}", "--rf", "14.2e9"]
    shown = FileWindow(path, RawSpec("cs8", RATE_HZ, 14.2e9), stated, settings)
    shown.show()
    yield shown
    shut(shown, qtbot)
    path.unlink()


def resident_bytes() -> int:
    """Memory of this process that is in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_nothing_holds_the_window_up(window: FileWindow, qtbot: Any) -> None:
    """By the processor time of its thread: what other programs take is not the window's."""
    turns: list[float] = []
    last_s = time.thread_time()

    def turn() -> None:
        nonlocal last_s
        now_s = time.thread_time()
        turns.append(now_s - last_s)
        last_s = now_s

    beat = QTimer()
    beat.timeout.connect(turn)
    qtbot.waitUntil(lambda: window.plots.waterfall.lines.filled > 20, timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: window.timeline._looks is not None, timeout=LIMIT_MS)
    turn()
    turns.clear()
    before = resident_bytes()
    beat.start(1)
    last = window.stop_sample
    for k in range(5):
        window.go(last * k // 4)
        qtbot.wait(100)
        window.zoom_time(1 if k % 2 else -1)
        qtbot.wait(100)
        window.plots.zoom_frequency(0.5)
        qtbot.wait(50)
    qtbot.waitUntil(lambda: window.shown[1] > 0.999 * last, timeout=LIMIT_MS)
    beat.stop()
    assert len(turns) > 20
    assert max(turns) < TURN_S
    assert resident_bytes() - before < 100e6

    def looked_at_s() -> float:
        return float(window.timeline._ahead.getData()[0][-1])

    # All along, long before the overview comes so far.
    qtbot.waitUntil(lambda: looked_at_s() > 0.99 * last / RATE_HZ, timeout=LIMIT_MS)
    assert window.timeline._looks.peak[0] == pytest.approx(2 * (12 / 128) ** 2, rel=0.5)
    assert window.progress.value() < 900
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert window.stopped
