"""What the receiving thread leaves for the window: bounded, and no peak is ever skipped."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from sdr_detect import view

#: Rows kept for a window that does not look; then neighbours are folded into one.
MAX_ROWS = 256
MAX_FINDS = 64


@dataclass(frozen=True, slots=True)
class Mail:
    """What came since the last look."""

    rows: tuple[view.Row, ...] = ()
    state: view.State | None = None
    finds: tuple[view.Finds, ...] = ()
    end: view.End | None = None
    lost_messages: int = 0
    restarted: bool = False
    error: str | None = None


def fold(first: view.Row, second: view.Row) -> view.Row:
    """Two neighbouring rows as one: the peak of both, the mean of all their frames."""
    a, b = first.head, second.head
    frames = a.frames + b.frames
    mean = (first.mean * a.frames + second.mean * b.frames) / np.float32(frames)
    rises = [rise for rise in (a.rise_db, b.rise_db) if rise is not None]
    head = b.model_copy(
        update={
            "first_sample": a.first_sample,
            "frames": frames,
            "rise_db": max(rises, default=None),
        }
    )
    return view.Row(head, np.maximum(first.peak, second.peak), mean, second.floor)


def alike(first: view.Row, second: view.Row) -> bool:
    """Whether two rows may be folded."""
    return first.head.bins == second.head.bins and first.head.tuning == second.head.tuning


class Mailbox:
    """Filled by one thread, emptied by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: deque[view.Row] = deque()
        self._rest = Mail()
        self._session: str | None = None
        self._seq = 0

    def put(self, message: view.Message) -> None:
        """Take in one message."""
        with self._lock:
            self._follow(message.stamp)
            match message.body:
                case view.Row():
                    self._rows.append(message.body)
                    if len(self._rows) > MAX_ROWS:
                        self._thin()
                case view.State():
                    self._rest = replace(self._rest, state=message.body)
                case view.Finds():
                    kept = (*self._rest.finds, message.body)[-MAX_FINDS:]
                    self._rest = replace(self._rest, finds=kept)
                case view.End():
                    self._rest = replace(self._rest, end=message.body)

    def fail(self, error: str) -> None:
        """Tell what came that is no message."""
        with self._lock:
            self._rest = replace(self._rest, error=error)

    def _follow(self, stamp: view.Stamp) -> None:
        if stamp.session != self._session:
            restarted = self._session is not None
            self._rows.clear()
            self._rest = Mail(restarted=restarted)
        elif stamp.seq > self._seq + 1:
            lost = self._rest.lost_messages + stamp.seq - self._seq - 1
            self._rest = replace(self._rest, lost_messages=lost)
        self._session, self._seq = stamp.session, stamp.seq

    def _thin(self) -> None:
        """Half as many rows, each over twice the time."""
        old, self._rows = self._rows, deque()
        while old:
            row = old.popleft()
            self._rows.append(fold(row, old.popleft()) if old and alike(row, old[0]) else row)
        while len(self._rows) > MAX_ROWS:  # a receiver that retunes at every row
            self._rows.popleft()

    def take(self) -> Mail:
        """All that came since the last call."""
        with self._lock:
            mail = replace(self._rest, rows=tuple(self._rows))
            self._rows.clear()
            self._rest = Mail()
            return mail
