#!/usr/bin/env python3
"""How long the window over a sparse file of 100 GB keeps its user waiting, and its memory.

Run it in a checkout, on a screen or in memory:
QT_QPA_PLATFORM=offscreen PYTHONPATH=. .venv/bin/python scripts/bench_file.py
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication
from sdr_detect_gui.app import application
from sdr_detect_gui.filewindow import FileWindow

from sdr_detect.formats.base import RawSpec

RATE_HZ = 20e6


class Beat:
    """The longest turn of Qt's loop, by the clock and by the processor time of its thread.

    By the clock other programs count as well, and waiting for Python's lock.
    """

    def __init__(self) -> None:
        self.clear()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.turn)
        self._timer.start(2)

    def turn(self) -> None:
        """Called by the loop."""
        now_s, spent_s = time.monotonic(), time.thread_time()
        self.longest_s = max(self.longest_s, now_s - self._last_s)
        self.busiest_s = max(self.busiest_s, spent_s - self._spent_s)
        self._last_s, self._spent_s = now_s, spent_s

    def clear(self) -> None:
        """Begin anew."""
        self.longest_s, self._last_s = 0.0, time.monotonic()
        self.busiest_s, self._spent_s = 0.0, time.thread_time()


def sparse(path: Path, size: int) -> Path:
    """A file of 8-bit samples: noise here and there, holes elsewhere."""
    noise = np.random.default_rng(1).normal(0, 12, 1 << 24).round().astype(np.int8).tobytes()
    with path.open("wb") as file:
        for place in np.linspace(0, size - len(noise), 5):
            file.seek(int(place) // 2 * 2)
            file.write(noise)
        file.truncate(size)
    return path


def main() -> None:
    """Open, move, zoom."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=100.0)
    app = application("en")
    with tempfile.TemporaryDirectory() as folder:
        size = int(parser.parse_args().gigabytes * 1e9)
        path = sparse(Path(folder) / "long.cs8", size)
        settings = QSettings(f"{folder}/window.ini", QSettings.Format.IniFormat)
        stated = ["--format", "cs8", "--rate", f"{RATE_HZ:.0f}", "--rf", "14.2e9"]
        began_s = time.monotonic()
        window = FileWindow(path, RawSpec("cs8", RATE_HZ, 14.2e9), stated, settings)
        window.show()
        app.processEvents()
        print(f"window made in {time.monotonic() - began_s:.2f} s")
        beat = Beat()
        last = size // 2

        def run(name: str, act: Callable[[int], None], times: int, pause_s: float) -> None:
            beat.clear()
            for k in range(times):
                act(k)
                due_s = time.monotonic() + pause_s
                while time.monotonic() < due_s:
                    app.processEvents()
                    time.sleep(0.001)
            times = (
                f"{1e3 * beat.busiest_s:.0f} ms of work, {1e3 * beat.longest_s:.0f} ms by the clock"
            )
            print(f"{name}: a turn of the loop took at most {times}")

        run("overview and analysis run", lambda k: None, 1, 6.0)
        run("moved through the file", lambda k: window.go(last * k // 12), 12, 0.5)
        run("rows longer and shorter", lambda k: window.zoom_time(1 if k % 6 < 3 else -1), 12, 0.5)
        run(
            "zoomed in frequency",
            lambda k: window.plots.zoom_frequency(0.5 if k % 8 < 4 else 2.0),
            32,
            0.1,
        )
        run("resized", lambda k: window.resize(900 + 60 * (k % 8), 700), 16, 0.2)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"resident memory at most {memory:.0f} MiB; overview {window.progress.value() / 10} %"
        )
        began_s = time.monotonic()
        window.close()
        while window.isVisible():
            QApplication.processEvents()
        print(f"closed in {time.monotonic() - began_s:.2f} s")


if __name__ == "__main__":
    main()
