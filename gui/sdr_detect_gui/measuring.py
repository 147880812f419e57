"""Measures a selection by ``sdr-detect measure``, a process of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, Signal

from sdr_detect.ownprocess import module_command
from sdr_detect_gui.child import environment
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
        around = environment()
        around.insert("COLUMNS", "2000")  # a message on one line
        process.setProcessEnvironment(around)
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
        complaint = bytes(process.readAllStandardError().data()).decode(errors="replace")
        process.deleteLater()
        if code == 0:
            self.done.emit(json.loads(told))
        else:
            self.failed.emit(reason(complaint))

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


def reason(complaint: str) -> str:
    """What an error of the command line says, without its frame."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    framed = [line.strip("│ ") for line in lines if line.startswith("│")]
    said = " ".join(framed) if framed else (lines[-1] if lines else "")
    for head in ("Invalid value: ", "sdr-detect: error: "):
        said = said.removeprefix(head)
    return said or tr("it said nothing")
