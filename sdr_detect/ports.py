"""The edges of the house: where samples come from and where events go."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Protocol

from sdr_detect.events import Event
from sdr_detect.model import StreamInfo
from sdr_detect.rawblock import Block


class Overflow(enum.Enum):
    """What a full queue does to the next block."""

    #: Files: the reader waits.
    BLOCK = "block"
    #: Live: the oldest block goes, and its samples are counted as lost.
    DROP_OLDEST = "drop_oldest"


class Source(Protocol):
    """Delivers blocks in order until it ends or is closed."""

    @property
    def info(self) -> StreamInfo:
        """What the next block will be."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Blocks in order; each names the samples lost before it."""
        ...

    def close(self) -> None:
        """Release the device or file. Safe to call twice."""
        ...


class Sink(Protocol):
    """Takes events as they happen."""

    def write(self, event: Event) -> None:
        """Take one event.

        Raises
        ------
        SinkError
            It cannot be written; the message names the remedy.
        """
        ...

    def close(self) -> None:
        """Flush and release. Safe to call twice."""
        ...
