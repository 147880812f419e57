"""A window over a watch whose messages the test writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sdr_detect import view
from tests import view_messages as made

if TYPE_CHECKING:
    from sdr_detect_gui.window import MainWindow


class Asked:
    """Stands in for the process: keeps what is said to it."""

    exit_code = None
    running = True
    last_words = ""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def end(self) -> None:
        self.running = False

    def close(self) -> None:
        pass


class Fed:
    """Feeds one window."""

    def __init__(self, window: MainWindow, qtbot: Any) -> None:
        self.window = window
        self.qtbot = qtbot
        self._seq = 0
        self._session = "ab12"

    def give(self, *bodies: view.Body, beside: bool = False) -> None:
        """Put messages into a mailbox, and let the window take them."""
        watching = self.window.beside if beside else self.window.watching
        assert watching is not None
        for body in bodies:
            parts = view.encode(body, made.stamp(self._seq, self._session))
            watching._mailbox.put(view.decode(parts))
            self._seq += 1
        self.tick()

    def restart(self) -> None:
        """What comes next is of another run of the publisher."""
        self._session, self._seq = "cd34", 0

    def tick(self) -> None:
        """A frame, and all that is drawn less often."""
        self.window._slow_due_s = 0.0
        self.window.tick()
        self.qtbot.wait(1)

    def grow_old(self, seconds: float) -> None:
        """As if nothing had come for so long."""
        self.window.watching._row_s = time.monotonic() - seconds
        self.tick()


def shut(window: MainWindow, qtbot: Any) -> None:
    """Close a window without waiting for its verdict."""
    window.close()
    window.close()
    qtbot.waitUntil(window.isHidden, timeout=10_000)
    window.deleteLater()
    qtbot.wait(1)
