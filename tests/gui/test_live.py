"""The window over real processes: a stream appears, dies, comes back, and ends in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QSettings
from sdr_detect_gui.app import application
from sdr_detect_gui.session import Watching
from sdr_detect_gui.window import MainWindow

from sdr_detect.simulate.scene import load_scene
from sdr_detect.simulate.write import write_sigmf
from tests.gui.desk import Desk, share
from tests.gui.desk import desk as desk
from tests.gui.desk import screen as screen
from tests.gui.fed import shut

LIMIT_MS = 60_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """12 s of a terminal."""
    folder = tmp_path_factory.mktemp("long")
    text = (repo_root / "recordings" / "scenes" / "starlink_parked_2m4.toml").read_text()
    scene = folder / "scene.toml"
    scene.write_text(text.replace("duration_s = 1.0", "duration_s = 12.0"))
    return write_sigmf(load_scene(scene), folder / "long.sigmf-meta")


@pytest.fixture
def watch(qtbot: Any, tmp_path: Path) -> Iterator[Callable[..., MainWindow]]:
    windows = []

    def begin(*words: str) -> MainWindow:
        application("en")
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        window = MainWindow(Watching(words, replay=True), settings)
        window.show()
        windows.append(window)
        return window

    yield begin
    for window in windows:
        shut(window, qtbot)


def test_a_stream_appears_dies_and_comes_back(
    watch: Callable[..., MainWindow], qtbot: Any, recording: Path
) -> None:
    window = watch("--source", f"file://{recording}?pace=0.4")  # half a minute
    child = window.watching.child
    assert child is not None
    assert "Waiting" in window.strip.text.text() or not window.strip.text.text()
    qtbot.waitUntil(lambda: window.assessment.word == "detected", timeout=LIMIT_MS)
    assert window.table.rows.tracks[0].profile == "starlink_uplink"
    assert "▲" in window.banner.sign.text()
    assert window.plots.waterfall.boxes.all
    hits = [number[0] for number, _, hit in window.channels.cells if hit]
    assert hits == ["4"]

    os.kill(child.pid, signal.SIGKILL)
    killed_s = time.monotonic()
    qtbot.waitUntil(lambda: window.assessment.word == "none", timeout=LIMIT_MS)
    assert time.monotonic() - killed_s < 3.5
    assert "killed or crashed (signal 9)" in window.strip.text.text()
    assert window.strip.button.isVisible()

    window.strip.button.click()
    qtbot.waitUntil(lambda: window.assessment.word == "detected", timeout=LIMIT_MS)
    assert child.starts == 2
    assert not window.strip.isVisible()

    began_s = time.monotonic()
    window.close()
    assert time.monotonic() - began_s < 1.0  # the loop goes on
    assert "verdict is being written" in window.strip.text.text()
    qtbot.waitUntil(window.isHidden, timeout=LIMIT_MS)
    assert child.exit_code == 130
    assert any("Detected: an emission consistent with" in line for line in child.told)


def test_what_cannot_be_opened_is_said_with_its_remedy(
    watch: Callable[..., MainWindow], qtbot: Any, tmp_path: Path
) -> None:
    window = watch("--source", f"file://{tmp_path}/none.sigmf-meta")
    qtbot.waitUntil(lambda: "does not exist" in window.strip.text.text(), timeout=LIMIT_MS)
    assert "sdr-detect devices" in window.strip.text.text()
    assert window.banner.title.text().startswith("NO VERDICT")


# A real screen, real keys and a real mouse


def test_keys_and_mouse_on_a_real_screen(desk: Desk, tmp_path: Path, recording: Path) -> None:
    words = ["gui", "--source", f"file://{recording}", "--language", "en"]
    window = subprocess.Popen(
        [sys.executable, "-m", "sdr_detect", *words],
        env=desk.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        number = desk.hands("search", "--sync", "--onlyvisible", "--name", "^sdr-detect$")
        number = number.splitlines()[0]
        desk.hands("windowmove", number, "0", "0", "windowfocus", "--sync", number)
        orange = "#a63a00"
        desk.until(lambda picture: share(picture, orange) > 0.03)  # detected
        before = desk.look()
        assert len(np.unique(before[300:500, 100:900].reshape(-1, 3), axis=0)) > 50
        desk.hands("mousemove", "1210", "75", "click", "1")  # "Why?" hides the side
        desk.until(lambda picture: np.ptp(picture[300:330, 1100:1200].astype(int)) > 100)
        desk.hands("key", "F8")
        desk.until(lambda picture: share(picture, "#ffffff") > 0.1)  # light
        desk.hands("mousemove", "500", "450", "click", "4", "click", "4")  # wheel
        desk.hands("key", "ctrl+q")
        out, err = window.communicate(timeout=60)
    finally:
        window.kill()
        window.wait()
    assert window.returncode == 0, err
    assert "Detected: an emission consistent with" in out
    assert "Traceback" not in err
