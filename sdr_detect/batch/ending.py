"""Futures in the order in which they end, until somebody asks to stop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol, TypeVar

#: How long a request to stop may go unnoticed.
_LOOK_S = 0.1


class Future(Protocol):
    """What the futures of threads and of a cluster have in common."""

    def add_done_callback(self, call: Any, /) -> None:
        """Call with this future when it has ended."""
        ...


F = TypeVar("F", bound=Future)
T = TypeVar("T")


def as_they_end(futures: MutableMapping[F, T], stop: threading.Event) -> Iterator[tuple[F, T]]:
    """Each future with what it stands for; ends early when ``stop`` is set.

    What has ended is taken out of ``futures``, so that its result is not kept.
    """
    ended: queue.SimpleQueue[F] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(ended.put)
    while futures and not stop.is_set():
        try:
            future = ended.get(timeout=_LOOK_S)
        except queue.Empty:
            continue
        yield future, futures.pop(future)
