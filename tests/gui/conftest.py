"""Fixtures of the window's tests. Without Qt every module here skips itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gui.fed import Fed, shut

#: What the offscreen platform says of itself.
HARMLESS = ("This plugin does not support propagateSizeHints()",)


@pytest.fixture(autouse=True)
def no_warnings_of_qt(request: pytest.FixtureRequest) -> Iterator[None]:
    """A warning of Qt is a failure."""
    log = request.getfixturevalue("qtlog")
    yield
    said = [record.message for record in log.records if record.message not in HARMLESS]
    assert said == []


@pytest.fixture
def fed(qtbot: Any, tmp_path: Path) -> Iterator[Callable[..., Fed]]:
    """Makes windows that no process stands behind."""
    from PySide6.QtCore import QSettings
    from sdr_detect_gui.app import application
    from sdr_detect_gui.session import Watching
    from sdr_detect_gui.window import MainWindow

    windows = []

    def make(
        width: int = 1280,
        height: int = 800,
        child: Any = None,
        beside: bool = False,
        **kept: object,
    ) -> Fed:
        application("en")
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        for name, value in ({"known": "uncalibrated"} | kept).items():
            settings.setValue(name, value)
        watching = Watching(None, f"ipc://{tmp_path}/nobody")
        watching.child = child
        other = Watching(None, f"ipc://{tmp_path}/other", verb="sweep") if beside else None
        window = MainWindow(watching, settings, other)
        window.timer.stop()
        window.resize(width, height)
        window.show()
        qtbot.waitExposed(window)
        windows.append(window)
        return Fed(window, qtbot)

    yield make
    for window in windows:
        shut(window, qtbot)
