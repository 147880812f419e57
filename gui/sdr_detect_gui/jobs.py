"""Verbs of the command line that the window runs to their end, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QProcess, Signal

from sdr_detect.ownprocess import module_command
from sdr_detect_gui.child import complaint, environment
from sdr_detect_gui.texts import tr

_END_MS = 1000


@dataclass(frozen=True, slots=True)
class Done:
    """How a verb ended."""

    code: int
    out: str
    err: str

    @property
    def failure(self) -> str:
        """Its last message when it failed; '' when all is well."""
        if not self.code:
            return ""
        return complaint(self.err) or tr("it ended with code {code}").format(code=self.code)


Then = Callable[[Done], None]


class Jobs(QObject):
    """Runs ``sdr-detect`` verbs; each as a process, so that none holds the window up.

    Attributes
    ----------
    changed : Signal
        One began or ended.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[tuple[list[str], Then]] = deque()
        self._process: QProcess | None = None

    @property
    def busy(self) -> bool:
        """Whether one runs or waits."""
        return self._process is not None or bool(self._waiting)

    def run(self, words: Sequence[str], then: Then) -> None:
        """Run a verb after those that wait; ``then`` gets how it ended."""
        self._waiting.append((list(words), then))
        self._next()

    def chain(self, verbs: Sequence[Sequence[str]], then: Callable[[list[Done]], None]) -> None:
        """Run verbs one after the other; the first that fails is the last."""
        left, ended = deque(verbs), list[Done]()

        def go_on(done: Done) -> None:
            ended.append(done)
            if done.failure or not left:
                then(ended)
            else:
                self.run(left.popleft(), go_on)

        self.run(left.popleft(), go_on)

    def _next(self) -> None:
        if self._process is not None or not self._waiting:
            return
        words, then = self._waiting.popleft()
        self._process = process = QProcess(self)
        process.setProcessEnvironment(environment())
        process.setStandardInputFile(QProcess.nullDevice())

        def ended() -> None:
            if self._process is not process:
                return
            self._process = None
            crashed = process.exitStatus() == QProcess.ExitStatus.CrashExit
            done = Done(
                -process.exitCode() if crashed else process.exitCode(),
                bytes(process.readAllStandardOutput().data()).decode(errors="replace"),
                bytes(process.readAllStandardError().data()).decode(errors="replace"),
            )
            process.deleteLater()
            then(done)
            self._next()
            self.changed.emit()

        process.finished.connect(ended)
        program, *arguments = module_command("sdr_detect", *words)
        process.start(program, arguments)
        self.changed.emit()

    def close(self) -> None:
        """Stop. Safe to call twice."""
        self._waiting.clear()
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.terminate()
            if not process.waitForFinished(_END_MS):
                process.kill()
                process.waitForFinished(_END_MS)
