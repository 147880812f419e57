"""Strength as a tone, for eyes that are on the antenna: pitch, buzz, or silence.

Qt's own sound is not in its essentials. What the desktop plays sound with is fed
through a pipe; a player that is missing, dies or does not take what it is given is
told, and never waited for.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from sdr_detect_gui.texts import tr

RATE_HZ = 16_000
#: 0 dB over the background, and an octave for each 10 dB, up to what small speakers play.
LOWEST_HZ, OCTAVE_DB, HIGHEST_HZ = 220.0, 10.0, 3520.0
BUZZ_HZ = 70.0
_LOUD = 0.25

_TICK_MS = 40
#: Sound written ahead of the clock.
_LEAD_S = 0.12
#: Bytes that wait for a player that takes none.
_MOST_WAITING = 2 * RATE_HZ

#: Players of raw samples on standard input, in order of preference.
PLAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("paplay", ("--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1",
                "--latency-msec=80")),
    ("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-r", f"{RATE_HZ}", "-c", "1", "-")),
    ("pw-cat", ("-p", "--raw", "--format=s16", f"--rate={RATE_HZ}", "--channels=1", "-")),
)  # fmt: skip

Samples = NDArray[np.int16]


def pitch_hz(rise_db: float) -> float:
    """Pitch of a strength over the background."""
    return float(np.clip(LOWEST_HZ * 2 ** (rise_db / OCTAVE_DB), LOWEST_HZ / 2, HIGHEST_HZ))


class Voice:
    """Makes samples whose phase goes on from one piece to the next."""

    def __init__(self) -> None:
        self._phase = 0.0
        self._loud = 0.0

    def piece(self, count: int, rise_db: float | None, *, buzz: bool) -> Samples:
        """The next samples.

        Parameters
        ----------
        count : int
        rise_db : float or None
            Strength; None is silence.
        buzz : bool
            The receiver is overloaded: no strength can be heard.

        Returns
        -------
        samples : (count,) int16
        """
        silent = rise_db is None and not buzz
        pitch = BUZZ_HZ if buzz else pitch_hz(rise_db or 0.0)
        phase = self._phase + 2 * np.pi * pitch / RATE_HZ * np.arange(1, count + 1)
        wave = np.where(np.sin(phase) > 0, 1.0, -1.0) if buzz else np.sin(phase)
        wanted = 0.0 if silent else _LOUD
        # Loudness changes over a piece, so that nothing clicks.
        loud = np.linspace(self._loud, wanted, count)
        self._phase, self._loud = float(phase[-1] % (2 * np.pi)) if count else self._phase, wanted
        samples: Samples = (wave * loud * 32767).astype("<i2")
        return samples


class Tone(QObject):
    """Plays the strength while it is on.

    Parameters
    ----------
    heard : callable
        Returns strength in dB (None: no data) and whether the receiver is overloaded.

    Attributes
    ----------
    changed : Signal
        It went on or off, or failed.
    """

    changed = Signal()

    def __init__(
        self, heard: Callable[[], tuple[float | None, bool]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._heard = heard
        self._voice = Voice()
        self._process: QProcess | None = None
        self._began_s = 0.0
        self._written = 0
        #: Why there is no sound; empty when there is, or when it is off.
        self.failure = ""
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)

    @property
    def on(self) -> bool:
        """Whether it plays."""
        return self._process is not None

    def toggle(self) -> None:
        """On, or off."""
        if self.on:
            self.close()
        else:
            self._start()
        self.changed.emit()

    def _start(self) -> None:
        found = next(
            ((path, words) for name, words in PLAYERS if (path := shutil.which(name))), None
        )
        if found is None:
            names = ", ".join(name for name, _ in PLAYERS)
            self.failure = tr("no sound: none of {names} is installed").format(names=names)
            return
        self.failure = ""
        self._process = process = QProcess(self)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._ended)
        process.start(found[0], list(found[1]))
        self._began_s, self._written = time.monotonic(), 0
        self._timer.start(_TICK_MS)

    def _tick(self) -> None:
        process = self._process
        if process is None or process.state() != QProcess.ProcessState.Running:
            return
        due = round((time.monotonic() - self._began_s + _LEAD_S) * RATE_HZ)
        count, self._written = min(due - self._written, RATE_HZ), due
        if count > 0 and process.bytesToWrite() < _MOST_WAITING:
            rise_db, buzz = self._heard()
            process.write(self._voice.piece(count, rise_db, buzz=buzz).tobytes())

    def _ended(self, *_how: object) -> None:
        process = self._process
        if process is None:
            return
        said = bytes(process.readAllStandardError().data()).decode(errors="replace").strip()
        reason = said.splitlines()[-1] if said else process.errorString()
        self.failure = tr("no sound: {reason}").format(reason=reason[:120])
        self._drop()
        self.changed.emit()

    def _drop(self) -> None:
        self._timer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(200)
            process.deleteLater()

    def close(self) -> None:
        """Fall silent. Safe to call twice."""
        self.failure = ""
        self._drop()
