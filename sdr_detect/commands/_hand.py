"""Commands on standard input: a recording is begun and ended by hand.

``record WHY`` (with what is kept of the past), ``begin WHY`` (from now on) and ``stop``
are typed, or written by a program that started this one. When that is gone
(``--attended``, and the input has ended), a recording goes on for a while, and the
watch ends in order after it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sdr_detect.sinks.by_hand import ByHand

_log = logging.getLogger(__name__)

#: How long a recording goes on for a window that is gone.
ORPHAN_S = 600.0

#: A longer line is no command.
_MAX_LINE = 4096
_POLL_S = 0.2


def listen(hand: ByHand | None, stop: threading.Event, *, attended: bool) -> None:
    """Follow commands in a thread of its own.

    Parameters
    ----------
    hand : ByHand or None
        What records.
    stop : threading.Event
        Set when who attended is gone and nothing is recorded any more.
    attended : bool
        The end of the input means that who started this process is gone.
    """
    if (hand is not None and not _in_background()) or attended:
        threading.Thread(
            target=_listen, args=(hand, stop, attended), name="commands", daemon=True
        ).start()


def _in_background() -> bool:
    """Whether reading the terminal would stop this process."""
    return os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp()


def _listen(hand: ByHand | None, stop: threading.Event, attended: bool) -> None:
    # Not by sys.stdin: its lock, held by a daemon thread, aborts the interpreter's end.
    follow_all(lambda: os.read(0, _MAX_LINE), hand)
    if not attended:
        return
    _leave_pipes()
    due_s = time.monotonic() + ORPHAN_S
    while hand is not None and hand.recording and time.monotonic() < due_s and not stop.is_set():
        time.sleep(_POLL_S)
    stop.set()


def follow_all(more: Callable[[], bytes], hand: ByHand | None) -> None:
    """Follow lines until there are no more bytes."""
    rest = b""
    while data := more():
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[-_MAX_LINE:]
        for line in lines:
            _follow(line.decode("utf-8", "replace").strip(), hand)


def _follow(line: str, hand: ByHand | None) -> None:
    """Follow one line; one that is no command is told."""
    word, _, rest = line.partition(" ")
    if word in ("record", "begin", "stop") and hand is None:
        _log.warning("%r: there is no --folder to record to", line[:40])
    elif word in ("record", "begin") and hand is not None:
        hand.start(rest.strip()[:200] or "by hand", past=word == "record")
    elif word == "stop" and hand is not None:
        hand.stop()
    elif line:
        _log.warning("%r is no command; 'record WHY', 'begin WHY' and 'stop' are", line[:40])


def _leave_pipes() -> None:
    """What is told goes nowhere: a pipe that nobody reads would end this process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
