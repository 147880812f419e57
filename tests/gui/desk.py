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


#: A picture for each line that it is given: starting Qt takes longer than a look.
GRAB = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
for _ in sys.stdin:
    app.processEvents()
    print(app.primaryScreen().grabWindow(0).save(sys.argv[1], "BMP"), flush=True)
"""


class Desk:
    """Looks at a screen, and has hands; to be closed before the screen."""

    def __init__(self, display: str, folder: Path) -> None:
        self.env = {
            **os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }  # fmt: skip
        self._picture = folder / "screen.bmp"
        self._eye = subprocess.Popen(
            [sys.executable, "-c", GRAB, str(self._picture)],
            env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        self._eye.communicate(timeout=30)

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
        assert self._eye.stdin is not None
        assert self._eye.stdout is not None
        print(file=self._eye.stdin, flush=True)
        assert self._eye.stdout.readline() == "True\n"
        image = QImage(str(self._picture)).convertToFormat(QImage.Format.Format_RGB888)
        data = np.frombuffer(image.constBits(), np.uint8)
        rows = data.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
        return rows.reshape(image.height(), image.width(), 3).copy()

    def until(self, seen: Callable[[np.ndarray[Any, np.dtype[np.uint8]]], bool]) -> None:
        due_s = time.monotonic() + LIMIT_S
        while not seen(self.look()):
            assert time.monotonic() < due_s, "not seen"
            time.sleep(0.2)


@pytest.fixture
def desk(screen: str, tmp_path: Path) -> Iterator[Desk]:
    """Eyes and hands on the screen."""
    found = Desk(screen, tmp_path)
    yield found
    found.close()


def share(picture: np.ndarray[Any, np.dtype[np.uint8]], colour: str) -> float:
    """Share of the pixels that have a colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return float((picture == wanted).all(axis=2).mean())
