#!/usr/bin/env python3
"""Writes the pictures of the window in docs/screenshots/: `make screenshots`.

Real processes over a simulated scene; no screen is needed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSettings
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from sdr_detect_gui.app import application
from sdr_detect_gui.filewindow import FileWindow
from sdr_detect_gui.rawdialog import RawDialog
from sdr_detect_gui.session import Watching
from sdr_detect_gui.theme import THEMES
from sdr_detect_gui.window import MainWindow

from sdr_detect.formats.base import RawSpec
from sdr_detect.simulate.scene import load_scene
from sdr_detect.simulate.write import write_sigmf

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "screenshots"
LIMIT_S = 120.0
SIZE = 1180, 740
LARGE = 1440, 900
#: Of real time: a busy computer loses nothing either.
PACE = 0.3
CASE = {
    "vessel": "MV Example", "imo": "9074729", "mmsi": "211331640", "berth": "12",
    "operator": "A. Inspector", "authority": "Port of Example", "position": "54.32, 10.14",
}  # fmt: skip


class Photographer:
    """Waits for what is to be seen, and saves it."""

    def __init__(self, folder: Path) -> None:
        self.app = application("en")
        self.folder = folder

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Run the window until it shows what is wanted."""
        due_s = time.monotonic() + LIMIT_S
        while not done():
            self.app.processEvents()
            time.sleep(0.005)
            if time.monotonic() > due_s:
                sys.exit(f"{what} did not come within {LIMIT_S:g} s")

    def wait(self, seconds: float) -> None:
        """Run the window for a while."""
        due_s = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= due_s, "the end of a pause")

    def save(self, window: MainWindow, name: str) -> None:
        """Write the picture, and close the window."""
        self.picture(window, name)
        window.close()
        self.until(window.isHidden, "the end of the watch")

    def picture(self, window: QWidget, name: str) -> None:
        """Write the picture."""
        path = OUT / f"{name}.png"
        image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        # Noise is what makes the file large: 32 levels of each colour are enough.
        pixels = np.frombuffer(image.bits(), np.uint8)
        np.bitwise_and(pixels, 0xF8, out=pixels)
        image.save(str(path), "PNG", 0)  # as small as it goes
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")

    def looks(self, theme: str) -> QSettings:
        """Nothing remembered but a theme."""
        settings = QSettings(f"{self.folder}/{theme}.ini", QSettings.Format.IniFormat)
        settings.clear()
        settings.setValue("theme", theme)
        settings.setValue("known", "uncalibrated")
        return settings

    def scene(self, name: str, changes: dict[str, str]) -> Path:
        """A shipped scene with other texts in it."""
        text = (ROOT / "recordings" / "scenes" / f"{name}.toml").read_text(encoding="utf-8")
        longer = self.folder / f"{name}.toml"
        for before, after in changes.items():
            text = text.replace(before, after)
        longer.write_text(text)
        return write_sigmf(load_scene(longer), longer.with_suffix(".sigmf-meta"))

    def window(self, watching: Watching, theme: str, size: tuple[int, int]) -> MainWindow:
        """A window over a watch."""
        window = MainWindow(watching, self.looks(theme))
        window.resize(*size)
        window.show()
        return window

    def live(self, recording: Path, name: str, frozen: str) -> None:
        """A watch, once it has detected something, and after its process has died."""
        watching = Watching(["--source", f"file://{recording}?pace={PACE}"], replay=True)
        window = self.window(watching, "dark", SIZE)
        self.until(lambda: window.assessment.word == "detected", "a detection")
        self.wait(15.0)
        self.picture(window, name)
        if watching.child is not None:
            os.kill(watching.child.pid, signal.SIGKILL)
        self.wait(3.5)
        self.save(window, frozen)

    def case(self, endpoint: str, name: str) -> None:
        """A recording under way, and an open case."""
        words = ["--source", f"zmq://{endpoint}", "--folder", f"{self.folder}/recorded"]
        window = self.window(Watching(words), "dark", LARGE)
        case = window.live.case
        case.store = self.folder / "cases.sqlite"
        self.until(lambda: window.assessment.word == "detected", "a detection")
        window.live.acknowledge()
        for field, text in CASE.items():
            case.fields[field].setText(text)
        window.live.pages.show_page("case")
        case.open_case()
        window.live.toggle_record()
        self.until(lambda: bool(case.position) and not window.live.jobs.busy, "the case")
        self.wait(12.0)
        self.save(window, name)

    def walk(self, endpoint: str, name: str) -> None:
        """An antenna that was turned round; the levels at its headings are made up."""
        words = ["--source", f"zmq://{endpoint}", "--folder", f"{self.folder}/recorded"]
        window = self.window(Watching(words), "outdoor", (1024, 600))
        headings, rng = window.live.headings, np.random.default_rng(1)
        for deg in range(0, 360, 10):
            headings.now_deg = float(deg)
            lobe = np.exp(6 * (np.cos(np.radians(deg - 212)) - 1))
            for noise in rng.normal(0, 0.5, 60):
                headings.hear(1 + 8 * lobe + noise)
        headings.now_deg = 205.0
        window.does.toggle_walk()
        self.until(lambda: window.assessment.word == "detected", "a detection")
        self.wait(2.0)
        self.save(window, name)

    def sweep(self, name: str) -> None:
        """A sweep that has found something."""
        text = (ROOT / "recordings" / "scenes" / "starlink_parked_2m4.toml").read_text("utf-8")
        scene = self.folder / "sweep.toml"
        scene.write_text(text.replace("duration_s = 1.0", "duration_s = 60.0"))
        words = ["--source", f"sim://{scene}", "--strategy", "comb"]
        window = self.window(Watching(words, replay=True, verb="sweep"), "dark", SIZE)
        self.until(lambda: window.assessment.word == "detected", "a detection")
        self.wait(15.0)
        self.save(window, name)

    def beside(self, recording: Path, name: str) -> None:
        """A parked watch, and the sweep of a second receiver above it."""
        text = (ROOT / "recordings" / "scenes" / "starlink_parked_2m4.toml").read_text("utf-8")
        scene = self.folder / "beside.toml"
        text = text.replace("duration_s = 1.0", "duration_s = 90.0").replace(
            "channel = 3", "channel = 6"
        )
        scene.write_text(text)
        endpoint = f"ipc://{self.folder}/sweep"
        words = ["sweep", "--source", f"sim://{scene}?pace=0.5", "--publish-view", endpoint]
        with running(words):
            parked = Watching(["--source", f"file://{recording}?pace={PACE}"], replay=True)
            window = MainWindow(parked, self.looks("light"), Watching(None, endpoint, verb="sweep"))
            window.resize(*LARGE)
            window.show()
            band = window.live.sweeping.view
            self.until(lambda: any(cell.hit for cell in band.cells), "a find of the sweep")
            self.until(lambda: window.assessment.word == "detected", "a detection")
            self.wait(12.0)
            self.save(window, name)

    def file(self, recording: Path, name: str) -> None:
        """A recording with its verdict and marks."""
        window = FileWindow(recording, RawSpec(), [], self.looks("dark"))
        window.resize(*SIZE)
        window.show()
        state = window.watching
        self.until(lambda: state.state is not None and state.state.final, "the verdict")
        window.zoom_time(-1)
        window.go(200_000)
        window.timeline.mark(0, 0.1)
        window.timeline.mark(1, 0.2)
        self.wait(2.0)
        self.save(window, name)

    def work(self, recording: Path, measured: str, annotated: str) -> None:
        """A selection measured, and annotated."""
        window = FileWindow(recording, RawSpec(), [], self.looks("dark"))
        window.resize(*SIZE)
        window.show()
        state = window.watching
        self.until(lambda: state.state is not None and state.state.final, "the verdict")
        window.zoom_time(-1)
        self.until(lambda: window.shown[1] > 250_000, "the rows")
        work = window.work
        work.select((60_000, 420_000), (14.2185e9, 14.2196e9))
        work.measure()
        self.until(lambda: work.measures.record is not None, "the figures")
        self.wait(1.0)
        self.picture(window, measured)
        work.add_note()
        work.editor.rename("carrier of the VSAT", "beside the berth, antenna at 118 degrees")
        window.plots.setFocus()
        self.wait(1.0)
        self.picture(window, annotated)
        window.leave()
        self.until(window.isHidden, "the end of the analysis")

    def raw(self, recording: Path, name: str) -> None:
        """What is asked about a file without a header."""
        path = self.folder / "unknown.bin"
        path.write_bytes(recording.with_suffix(".sigmf-data").read_bytes())
        dialog = RawDialog(path, RawSpec(), (THEMES["dark"], 1.0))
        dialog.show()
        self.until(lambda: dialog.picture.image is not None, "the preview")
        dialog.rate.setText("2.4M")
        dialog.centre.setCurrentIndex(1)
        dialog.frequency.setText("1090")
        dialog.converter.setCurrentText("ku-13.05")
        self.wait(2.0)
        self.picture(dialog, name)
        dialog.reject()


@contextlib.contextmanager
def published(recording: Path, folder: Path) -> Iterator[str]:
    """A replay in real time, for others to subscribe to: to them it is a receiver."""
    endpoint = f"ipc://{folder}/iq"
    words = [
        "capture",
        "--source",
        f"file://{recording}?loop=600&pace={PACE}",
        "--publish",
        endpoint,
    ]
    with running(words):
        yield endpoint


@contextlib.contextmanager
def running(words: list[str]) -> Iterator[None]:
    """A process of the command line, for as long as it is needed."""
    path = os.pathsep.join(part for part in sys.path if part)
    process = subprocess.Popen(
        [sys.executable, "-m", "sdr_detect", *words],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Make all of them."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        photographer = Photographer(Path(folder))
        parked = photographer.scene(
            "starlink_parked_2m4", {"duration_s = 1.0": "duration_s = 20.0"}
        )
        photographer.live(parked, "live", "frozen")
        with published(parked, Path(folder)) as endpoint:
            photographer.case(endpoint, "case")
            photographer.walk(endpoint, "walk")
        photographer.sweep("sweep")
        photographer.beside(parked, "beside")
        weak = ROOT / "recordings" / "starlink_weak_ingress_2m4.sigmf-meta"
        photographer.file(weak, "file")
        carrier = photographer.scene("vsat_scpc_2m4", {"cn_db = 8.0": "cn_db = 18.0"})
        photographer.work(carrier, "measure", "annotations")
        photographer.raw(weak, "raw")


if __name__ == "__main__":
    main()
