"""Starts the desktop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QLocale, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from sdr_detect.curve import SubscriberKeys
from sdr_detect.formats.base import RawSpec
from sdr_detect_gui.filewindow import FileWindow
from sdr_detect_gui.session import Watching
from sdr_detect_gui.texts import Language, catalogue
from sdr_detect_gui.window import MainWindow


def application(language: str | None = None) -> QApplication:
    """The one application, in a language: the system's when None."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    # Without a graphics card OpenGL costs four times as much, and draws nothing offscreen.
    pg.setConfigOptions(useOpenGL=False, antialias=False, imageAxisOrder="row-major")
    app.setApplicationName("sdr-detect")
    app.setOrganizationName("sdr-detect")
    texts = catalogue(language or QLocale.system().name().partition("_")[0])
    if texts:
        app.installTranslator(Language(texts, app))
    return app


def settings() -> QSettings:
    """Where layout and looks are remembered: a file that can be deleted."""
    scope = QSettings.Scope.UserScope
    return QSettings(QSettings.Format.IniFormat, scope, "sdr-detect", "window")


def run(
    words: Sequence[str] | None,
    endpoint: str | None,
    keys: SubscriberKeys | None,
    *,
    replay: bool,
    language: str | None = None,
) -> int:
    """Show a watch until the window is closed; the exit code."""
    app = application(language)
    window = MainWindow(Watching(words, endpoint, keys, replay=replay), settings())
    return _show(app, window)


def run_file(path: Path, spec: RawSpec, options: list[str], *, language: str | None = None) -> int:
    """Show a recording until the window is closed; the exit code."""
    app = application(language)
    return _show(app, FileWindow(path, spec, options, settings()))


def _show(app: QApplication, window: MainWindow) -> int:
    window.show()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    # Python runs its handlers only between instructions, which Qt's loop has none of.
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(200)
    code = app.exec()
    child = window.watching.child
    if child is not None:
        sys.stdout.write("\n".join([*child.told, ""]))
    return code


def has_display() -> bool:
    """Whether there is a screen to show a window on."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
