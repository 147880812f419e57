"""A screen in memory, and hands on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage

LIMIT_S = 60.0


@pytest.fixture
def screen() -> Iterator[str]:
    """A screen in memory; its name."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: no screen to test the window on")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as file:
            yield f":{file.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


GRAB = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
sys.exit(not app.primaryScreen().grabWindow(0).save(sys.argv[1]))
"""


class Desk:
    """Looks at a screen, and has hands."""

    def __init__(self, display: str, folder: Path) -> None:
        self.env = {
            **os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }  # fmt: skip
        self._picture = folder / "screen.png"

    def hands(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.strip()

    def look(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The screen: (height, width, red green blue)."""
        command = [sys.executable, "-c", GRAB, str(self._picture)]
        subprocess.run(command, env=self.env, check=True, timeout=30)
        image = QImage(str(self._picture)).convertToFormat(QImage.Format.Format_RGB888)
        data = np.frombuffer(image.constBits(), np.uint8)
        rows = data.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
        return rows.reshape(image.height(), image.width(), 3).copy()

    def until(self, seen: Callable[[np.ndarray[Any, np.dtype[np.uint8]]], bool]) -> None:
        due_s = time.monotonic() + LIMIT_S
        while not seen(self.look()):
            assert time.monotonic() < due_s, "not seen"
            time.sleep(0.2)


def share(picture: np.ndarray[Any, np.dtype[np.uint8]], colour: str) -> float:
    """Share of the pixels that have a colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return float((picture == wanted).all(axis=2).mean())
