"""Starts the desktop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyqtgraph as pg
from PySide6.QtCore import QLibraryInfo, QLocale, QSettings, QTimer, QTranslator
from PySide6.QtWidgets import QApplication, QWidget

from sdr_detect.curve import SubscriberKeys
from sdr_detect.formats.base import RawSpec
from sdr_detect_gui.filewindow import FileWindow
from sdr_detect_gui.opening import Opener, described_by, must_be_stated
from sdr_detect_gui.rawdialog import RawDialog
from sdr_detect_gui.session import Watching
from sdr_detect_gui.stating import options as stated_options
from sdr_detect_gui.texts import Language, catalogue
from sdr_detect_gui.theme import THEMES
from sdr_detect_gui.window import MainWindow, as_number


def application(language: str | None = None) -> QApplication:
    """The one application, in a language: the system's when None."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    # Without a graphics card OpenGL costs four times as much, and draws nothing offscreen.
    pg.setConfigOptions(useOpenGL=False, antialias=False, imageAxisOrder="row-major")
    app.setApplicationName("sdr-detect")
    app.setOrganizationName("sdr-detect")
    code = language or QLocale.system().name().partition("_")[0]
    app.setProperty("language", language)
    if texts := catalogue(code):
        own = QTranslator(app)  # Qt's words, of dialogs and keys
        if own.load(f"qtbase_{code}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            app.installTranslator(own)
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
    verb: Literal["monitor", "sweep"] = "monitor",
    beside: str | None = None,
    language: str | None = None,
) -> int:
    """Show a watch until the window is closed; the exit code.

    ``beside`` is where a sweep by another receiver shows, which is drawn above it.
    """
    app = application(language)
    # What this window starts shows on a socket of its own, which needs no keys.
    watching = Watching(words, endpoint, keys if endpoint else None, replay=replay, verb=verb)
    swept = None if beside is None else Watching(None, beside, keys, verb="sweep")
    return _show(app, MainWindow(watching, settings(), swept))


def run_file(path: Path, spec: RawSpec, options: list[str], *, language: str | None = None) -> int:
    """Show a recording until the window is closed; the exit code.

    What nobody says of a raw file is asked first.
    """
    app = application(language)
    if spec == RawSpec():
        path = described_by(path)
    if not must_be_stated(path, spec):
        return _show(app, FileWindow(path, spec, options, settings()))
    answers: list[RawSpec] = []
    kept = settings()
    theme = THEMES.get(str(kept.value("theme", "dark")), THEMES["dark"])
    dialog = RawDialog(path, spec, (theme, as_number(kept.value("scale"), 1.0)))
    dialog.stated.connect(answers.append)
    dialog.finished.connect(app.quit)
    dialog.show()
    awake = _awake(dialog)
    app.exec()
    awake.stop()
    if not answers:
        return 1
    words = [*_without_statements(options), *stated_options(answers[0])]
    return _show(app, FileWindow(path, answers[0], words, settings()))


def _without_statements(options: list[str]) -> list[str]:
    """Options but those by which the file was stated: the answers have them all."""
    pairs = zip(options[::2], options[1::2], strict=True)
    stated = ("--format", "--rate", "--rf", "--if", "--converter")
    return [word for pair in pairs if pair[0] not in stated for word in pair]


def _show(app: QApplication, window: MainWindow) -> int:
    Opener(window)
    window.show()
    awake = _awake(window)
    code = app.exec()
    awake.stop()
    child = window.watching.child
    if child is not None:
        sys.stdout.write("\n".join([*child.told, ""]))
    return code


def _awake(window: QWidget) -> QTimer:
    """Close the window when the process is asked to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    # Python runs its handlers only between instructions, which Qt's loop has none of.
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(200)
    return awake


def has_display() -> bool:
    """Whether there is a screen to show a window on."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
