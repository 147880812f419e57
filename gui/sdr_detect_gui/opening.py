"""Opens recordings: asked for, dropped or named; each in a window, and a process, of its own.

A window that watches a receiver is then not held up by a file, whatever the file does.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QProcess, Qt, QThread, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow

from sdr_detect.errors import RateMissing, SdrDetectError
from sdr_detect.formats import raw
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import identify, open_recording
from sdr_detect.formats.signatures import refuse_foreign
from sdr_detect.ownprocess import module_command
from sdr_detect_gui.child import environment
from sdr_detect_gui.notes import home_of
from sdr_detect_gui.rawdialog import RawDialog
from sdr_detect_gui.stating import options
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import THEMES, Theme


def described_by(path: Path) -> Path:
    """The metadata beside a file without a header, which say what it is; else the file."""
    if path.is_file():  # which has a name
        beside = home_of(path)
        if beside.is_file() and identify(path).NAME == raw.NAME:
            return beside
    return path


def must_be_stated(path: Path, spec: RawSpec) -> bool:
    """Whether nothing says what a file holds, or how fast it was sampled.

    Raises
    ------
    SdrDetectError
        It is certainly no recording.
    """
    if identify(path).NAME != raw.NAME:
        try:
            open_recording(path, spec).close()
        except RateMissing:
            return True
        return False
    refuse_foreign(path)
    return spec.datatype is None or spec.sample_rate_hz is None


class Check(QThread):
    """Whether a file can be opened: found out beside the window.

    Attributes
    ----------
    found : Signal(object, bool, str)
        The file to open, whether the user must state what it is, and why it cannot be.
    """

    found = Signal(object, bool, str)

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path

    def run(self) -> None:
        """Look."""
        try:
            path = described_by(self._path)
            unknown = must_be_stated(path, RawSpec())
        except SdrDetectError as exc:
            self.found.emit(self._path, False, str(exc))
        else:
            self.found.emit(path, unknown, "")


class Opener(QObject):
    """Opens files for a window, and takes what is dropped on it."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self.setObjectName("opener")
        self._window = window
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Files that are dropped."""
        if isinstance(event, QDropEvent):
            paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
            if paths:
                event.acceptProposedAction()
                if not isinstance(event, QDragEnterEvent) and event.type() == QEvent.Type.Drop:
                    for path in paths:
                        self.open(Path(path))
                return True
        return False

    def open(self, path: Path) -> None:
        """Open a file, or say why that cannot be."""
        check = Check(path, self)
        check.found.connect(self._checked)
        check.finished.connect(check.deleteLater)
        check.start()

    def _checked(self, path: Path, unknown: bool, error: str) -> None:
        if error:
            self._window.statusBar().showMessage(error, 30_000)
            self._window.statusBar().show()
        elif unknown:
            dialog = RawDialog(path, RawSpec(), self._look(), self._window)
            dialog.stated.connect(lambda spec: self._start(path, spec))
            dialog.show()
        else:
            self._start(path, RawSpec())

    def _look(self) -> tuple[Theme, float]:
        found: tuple[Theme, float] = getattr(self._window, "look", (THEMES["dark"], 1.0))
        return found

    def _start(self, path: Path, spec: RawSpec) -> None:
        language = QCoreApplication.instance().property("language")  # type: ignore[union-attr]
        words = ["gui", str(path.resolve()), *options(spec)]
        process = QProcess()
        words += ["--language", language] if language else []
        program, *arguments = module_command("sdr_detect", *words)
        process.setProgram(program)
        process.setArguments(arguments)
        process.setProcessEnvironment(environment())
        # A pair by its type, a truth value in some versions.
        started = cast(object, process.startDetached())
        done = started[0] if isinstance(started, tuple) else started
        text = tr("opening {name} …") if done else tr("{name} cannot be opened")
        self._window.statusBar().showMessage(text.format(name=path.name), 8000)


def ask_for_file(window: QMainWindow) -> None:
    """Ask which recording to open; the dialog blocks nothing."""
    openers = window.findChildren(Opener) or [Opener(window)]
    dialog = QFileDialog(window, tr("Open a recording"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def chosen(names: list[str]) -> None:
        for name in names:
            openers[0].open(Path(name))

    dialog.filesSelected.connect(chosen)
    dialog.show()
