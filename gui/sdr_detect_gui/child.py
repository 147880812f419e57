"""The process that receives and analyses: started, watched and ended by the window."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from sdr_detect.ownprocess import module_command

_STDERR_LINES = 50
_STDOUT_LINES = 200
#: The verdict is written within this; then the process is killed.
_END_LIMIT_MS = 15_000
_KILL_LIMIT_MS = 2000

#: What the log puts before a message, and the command line before an error.
_LOG_HEAD = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ \S+: ")
_ERROR_HEAD = re.compile(r"^(sdr-detect: e|E)rror: (Invalid value: )?")


def complaint(said: str) -> str:
    """The error on a verb's stderr without what stands before it, else its last line."""
    lines = [_LOG_HEAD.sub("", line.strip()) for line in said.splitlines() if line.strip()]
    heads = [k for k, line in enumerate(lines) if _ERROR_HEAD.match(line)]
    return _ERROR_HEAD.sub("", " ".join(lines[heads[-1] if heads else -1 :]))


def renumbered(words: Sequence[str], number: int) -> list[str]:
    """The words for start ``number`` (from 1): no file of an earlier one is written again."""
    told = list(words)
    for k, name in enumerate(words[:-1]):
        if name in ("--record", "--json") and number > 1:
            path = Path(words[k + 1])
            told[k + 1] = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    return told


def environment() -> QProcessEnvironment:
    """What a process needs to find the same library."""
    found = QProcessEnvironment.systemEnvironment()
    found.insert("PYTHONUNBUFFERED", "1")
    found.insert("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return found


class Child(QObject):
    """One ``sdr-detect`` process.

    Attributes
    ----------
    changed : Signal
        It started, ended, or said something on stderr.
    line : Signal(str)
        A line came on stdout.
    """

    changed = Signal()
    line = Signal(str)

    def __init__(self, words: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = list(words)
        self._said: deque[str] = deque(maxlen=_STDERR_LINES)
        self._rest = b""
        #: The last lines on stdout: after the end, the verdict.
        self.told: deque[str] = deque(maxlen=_STDOUT_LINES)
        self.exit_code: int | None = None
        self.starts = 0
        self._ending = False
        self._process = QProcess(self)
        self._process.setProcessEnvironment(environment())
        self._process.readyReadStandardError.connect(self._read_stderr)
        self._process.readyReadStandardOutput.connect(self._read_stdout)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)

    def start(self) -> None:
        """Start it, also again."""
        self.exit_code = None
        self._ending = False
        self.starts += 1
        self._rest = b""
        words = renumbered(self._words, self.starts)
        program, *arguments = module_command("sdr_detect", *words)
        self._process.start(program, arguments)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def pid(self) -> int:
        """Its number while it runs; 0 else."""
        return int(self._process.processId())

    @property
    def last_words(self) -> str:
        """The last line on stderr that tells something."""
        told = (line for line in reversed(self._said) if not line.startswith("showing on "))
        return next(told, "")

    @property
    def all_words(self) -> str:
        """The last lines on stderr."""
        return "\n".join(self._said)

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        if self.running:
            self._process.write(f"{line}\n".encode())

    def end(self) -> None:
        """Ask it to end in order, so that the verdict is written; asked again, kill it.

        `changed` tells when it has ended, after the limit at the latest.
        """
        if self._ending or not self.pid:
            self._process.kill()
            return
        self._ending = True
        os.kill(self.pid, signal.SIGINT)
        QTimer.singleShot(_END_LIMIT_MS, self, self._process.kill)

    def close(self) -> None:
        """Kill what still runs."""
        if self.running:
            self.blockSignals(True)
            self._process.kill()
            self._process.waitForFinished(_KILL_LIMIT_MS)

    def _read_stderr(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._said.extend(_LOG_HEAD.sub("", line) for line in text.splitlines() if line.strip())
        self.changed.emit()

    def _read_stdout(self) -> None:
        *lines, self._rest = (self._rest + self._process.readAllStandardOutput().data()).split(
            b"\n"
        )
        for line in lines:
            self.told.append(line.decode(errors="replace"))
            self.line.emit(self.told[-1])

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        crashed = status == QProcess.ExitStatus.CrashExit
        self.exit_code = -code if crashed else code
        if crashed:
            self._said.append(f"the analysing process was killed or crashed (signal {code})")
        # A slot of `changed` may start it again, which Qt allows only after this one.
        QTimer.singleShot(0, self.changed.emit)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.exit_code = 127
            self._said.append(f"{sys.executable} cannot be started: {self._process.errorString()}")
            self.changed.emit()
