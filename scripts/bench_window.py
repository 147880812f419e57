#!/usr/bin/env python3
"""Frame rate and processor time of the window: 4096 bins, 512 lines, no graphics card.

Run it in a checkout, on a screen or in memory:
QT_QPA_PLATFORM=offscreen PYTHONPATH=. .venv/bin/python scripts/bench_window.py
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time

from PySide6.QtCore import QSettings
from sdr_detect_gui.app import application
from sdr_detect_gui.session import Watching
from sdr_detect_gui.window import MainWindow

from sdr_detect import view
from tests import view_messages as made

BINS, LINES, FRAME_S = 4096, 512, 1 / 30


def main() -> None:
    """Draw rows, paced at 30 a second and then as fast as they go."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    app = application("en")
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(f"{folder}/window.ini", QSettings.Format.IniFormat)
        window = MainWindow(Watching(None, f"ipc://{folder}/none"), settings)
        window.timer.stop()
        window.resize(1440, 1600)
        window.show()
        rows = [
            view.encode(made.row(k, bins=BINS, carrier=1000 + k), made.stamp(k)) for k in range(64)
        ]
        states = [view.encode(b, made.stamp(0)) for b in (made.state(), made.finds((0, 5000)))]
        count = 0

        def frame() -> None:
            nonlocal count
            for parts in [rows[count % len(rows)], *(states if count % 15 == 0 else [])]:
                window.watching._mailbox.put(view.decode(parts))
            count += 1
            window.tick()
            app.processEvents()

        for _ in range(LINES + 40):
            frame()
        lines = window.plots.waterfall.lines
        print(f"waterfall of {lines.filled} lines, {lines.columns} columns, {BINS} bins")
        for name, paced in (("paced", True), ("free", False)):
            began_s, spent_s, drawn = time.monotonic(), time.process_time(), count
            while time.monotonic() - began_s < seconds:
                due_s = began_s + (count - drawn + 1) * FRAME_S
                frame()
                if paced:
                    time.sleep(max(due_s - time.monotonic(), 0))
            took_s = time.monotonic() - began_s
            rate = (count - drawn) / took_s
            share = (time.process_time() - spent_s) / took_s
            print(f"{name}: {rate:.1f} frames/s, {share:.0%} of a core")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"resident memory at most {memory:.0f} MiB")
        window.close()


if __name__ == "__main__":
    main()
