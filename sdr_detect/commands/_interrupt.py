"""Ctrl-C ends the data, not the answer: what was heard so far gets its verdict."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

#: A signal that follows another this closely is the same one, sent to a process and to
#: its group, or an impatient finger: it must not cost the answer.
SAME_S = 1.0


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second one, later, interrupts at once."""
    stop = threading.Event()
    first_s: float | None = None  # ``stop`` is set without a signal too, as at an end asked for

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal first_s
        now_s = time.monotonic()
        if first_s is None:
            first_s = now_s
            stop.set()
            if os.isatty(2):
                _say("\nsdr-detect: ending; another Ctrl-C ends at once, without the answer\n")
        elif now_s - first_s > SAME_S:
            _say("sdr-detect: interrupted again: ended without an answer\n")
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    # Not print: what was interrupted may be printing. Nor is an answer lost for want of a reader.
    with contextlib.suppress(OSError):
        os.write(2, text.encode())
