"""Measures a selection by ``sdr-detect measure``, a process of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, Signal

from sdr_detect.ownprocess import module_command
from sdr_detect_gui.child import complaint, environment
from sdr_detect_gui.texts import tr


class Measurer(QObject):
    """One measurement at a time; a new one ends the one before.

    Attributes
    ----------
    done : Signal(object)
        What ``measure`` told, as a dictionary.
    failed : Signal(str)
        Why it did not measure.
    """

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    @property
    def running(self) -> bool:
        """Whether one runs."""
        return self._process is not None

    def start(self, options: Sequence[str]) -> None:
        """Measure."""
        self.close()
        process = QProcess(self)
        process.setProcessEnvironment(environment())
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._crashed)
        self._process = process
        program, *arguments = module_command("sdr_detect", "measure", *options, "--json", "-")
        process.start(program, arguments)

    def _finished(self, code: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        told = bytes(process.readAllStandardOutput().data())
        said = bytes(process.readAllStandardError().data()).decode(errors="replace")
        process.deleteLater()
        if code == 0:
            self.done.emit(json.loads(told))
        else:
            self.failed.emit(complaint(said) or tr("it said nothing"))

    def _crashed(self, error: QProcess.ProcessError) -> None:
        process = self._process
        if process is not None and error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self.failed.emit(process.errorString())

    def close(self) -> None:
        """End what runs."""
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(2000)
            process.deleteLater()
