"""What the replaying sources share: pace, and options in the URI."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote

from sdr_detect.errors import SourceNotFound
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block

#: A block a tenth of a second apart keeps a watcher of silence content.
_BLOCKS_PER_S = 10
_MAX_BLOCK_SAMPLES = 1 << 16


def block_samples(sample_rate_hz: float) -> int:
    """A block length that suits a live consumer at this rate."""
    return max(256, min(_MAX_BLOCK_SAMPLES, int(sample_rate_hz / _BLOCKS_PER_S)))


def split_uri(uri: str, known: set[str]) -> tuple[str, dict[str, str]]:
    """Path and query of ``scheme://path?name=value``.

    Raises
    ------
    SourceNotFound
        There is no path, or a name is not known.
    """
    path, _, query = uri.partition("://")[2].partition("?")
    if not path:
        raise SourceNotFound("names no file; write the path after ://", uri=uri)
    values = dict(parse_qsl(query, keep_blank_values=True))
    for name in values:
        if name not in known:
            raise SourceNotFound(
                f"no option {name!r}; known after '?': {', '.join(sorted(known))}", uri=uri
            )
    return unquote(path), values


def number(uri: str, values: dict[str, str], name: str, default: float) -> float:
    """A non-negative number of the query.

    Raises
    ------
    SourceNotFound
        It is none.
    """
    text = values.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SourceNotFound(f"{name}={text} is no number from 0 up", uri=uri)
    return value


class Pace:
    """Holds blocks back until their time has come.

    Parameters
    ----------
    factor : float
        1 for real time, 2 for twice as fast, 0 for as fast as the receiver
        takes them. A paced replay behaves like a device: who is too slow loses
        samples. An unpaced one waits.
    """

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._closed = threading.Event()

    @property
    def overflow(self) -> Overflow:
        """What a full queue may do."""
        return Overflow.BLOCK if self._factor == 0 else Overflow.DROP_OLDEST

    def close(self) -> None:
        """Let go of the block held back, and of all that follow."""
        self._closed.set()

    def hold(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The blocks, each no sooner than its last sample would have arrived."""
        start_s = time.monotonic()
        for block in blocks:
            if self._factor > 0:
                due_s = start_s + block.info.seconds(block.stop_sample) / self._factor
                self._closed.wait(max(due_s - time.monotonic(), 0))
            if self._closed.is_set():
                return
            yield block
