"""The only loop: a source, a queue, whatever looks at blocks, and the sinks.

Offline, live and the desktop window all call `run`; they differ by what a full
queue does. Reading happens in a thread of its own, so that it overlaps with the
signal processing: numpy, numba and file reads release the interpreter lock.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from sdr_detect.errors import SinkError, SourceError, SourceLost
from sdr_detect.events import Event, Verdict
from sdr_detect.ports import Overflow, Sink, Source
from sdr_detect.rawblock import Block, RawBlock, stored

#: Samples between reader and consumer: 8 MiB let reading overlap; 64 MiB bridge
#: 0.4 s at 20 Msps, longer than a dwell takes, for a source that cannot wait.
QUEUE_SAMPLES = {Overflow.BLOCK: 1 << 20, Overflow.DROP_OLDEST: 1 << 23}

#: What a queue holds.
_B = TypeVar("_B", bound=Block)

#: How long a reader may take to notice that it should stop.
STOP_GRACE_S = 0.5
STOP_LIMIT_S = 10.0


class Detector(Protocol):
    """What `run` needs of a pipeline."""

    def process(self, block: Block) -> list[Event]:
        """Take the next block; return what is complete by now."""
        ...

    def finish(self) -> list[Event]:
        """Return what remains; the last event is the `Verdict`."""
        ...


class Tap(Protocol):
    """Sees every block before the pipeline: a display."""

    def take(self, block: Block) -> None:
        """Look at one block. It must not be changed."""
        ...


class Outlet(Protocol):
    """Takes every block as it came from the source: a publisher, a recorder."""

    def take(self, block: RawBlock) -> None:
        """Take one block. It must not be changed."""
        ...


class Keeper(Protocol):
    """Records what the reading thread reads, before a queue can drop it."""

    def record(self, block: RawBlock) -> RawBlock:
        """Record a block; return it for all others."""
        ...


class BlockQueue(Generic[_B]):
    """A bounded queue of blocks that counts what it drops.

    Parameters
    ----------
    capacity : int
        Samples it holds; a single block may exceed it.
    overflow : Overflow
        Whether a full queue makes `put` wait or drops its oldest block, whose
        samples the next block then names in ``lost_before``.
    """

    def __init__(self, capacity: int, overflow: Overflow) -> None:
        if capacity < 1:
            raise ValueError(f"a queue of {capacity} samples holds nothing; use 1 or more")
        self._blocks: deque[_B] = deque()
        self._samples = 0
        self._capacity = capacity
        self._overflow = overflow
        self._changed = threading.Condition()
        self._ended = False
        self._cause: BaseException | None = None

    def put(self, block: _B) -> bool:
        """Append a block; False when the consumer has gone."""
        with self._changed:
            if self._overflow is Overflow.BLOCK:
                self._changed.wait_for(lambda: not self._full(block) or self._ended)
            if self._ended:
                return False
            while self._full(block):
                block = self._drop_oldest(block)
            self._blocks.append(block)
            self._samples += block.sample_count
            self._changed.notify_all()
            return True

    def _full(self, block: _B) -> bool:
        return bool(self._blocks) and self._samples + block.sample_count > self._capacity

    def _drop_oldest(self, incoming: _B) -> _B:
        """Drop the head; the next block takes over its loss and notices. Return ``incoming``."""
        oldest = self._blocks.popleft()
        self._samples -= oldest.sample_count
        following = self._blocks[0] if self._blocks else incoming
        heir = replace(
            following,
            lost_before=following.lost_before + oldest.lost_before + oldest.sample_count,
            notices=oldest.notices + following.notices,
        )
        if not self._blocks:
            return heir
        self._blocks[0] = heir
        return incoming

    def end(self, cause: BaseException | None = None) -> None:
        """No more blocks come: `get` raises ``cause`` once the queue is empty."""
        with self._changed:
            if not self._ended:
                self._ended, self._cause = True, cause
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """No more blocks come."""
        return self._ended

    def get(self, stop: threading.Event) -> _B | None:
        """The next block; None at the end of the stream, or when ``stop`` is set and none waits.

        Once ``stop`` is set, what the source says of its end is of no interest;
        what a recorder says is.
        """
        with self._changed:
            # The wait is short only because a signal handler sets ``stop``
            # without being able to notify.
            while not self._blocks and not self._ended and not stop.is_set():
                self._changed.wait(0.1)
            if self._blocks:
                block = self._blocks.popleft()
                self._samples -= block.sample_count
                self._changed.notify_all()
                return block
            cause = self._cause
            if cause is not None and (not stop.is_set() or isinstance(cause, SinkError)):
                raise cause
            return None


@contextlib.contextmanager
def stream(
    source: Source,
    prepare: Callable[[Block], _B],
    *,
    overflow: Overflow = Overflow.BLOCK,
    stop: threading.Event | None = None,
    queue_samples: int | None = None,
) -> Iterator[Iterator[_B]]:
    """Read ``source`` in a thread; yields the iterator of its blocks.

    Every block goes through ``prepare`` in that thread. When ``stop`` is set nothing
    more is read, and what was read still comes: what is recorded while it is read is
    what is analysed. The source is closed on the way out, whatever happens. What it
    raises comes out of the iterator, after the blocks read before it.

    Raises
    ------
    SourceLost
        The source neither delivers nor stops within `STOP_LIMIT_S` when asked.
    """
    halt = stop or threading.Event()
    queue: BlockQueue[_B] = BlockQueue(queue_samples or QUEUE_SAMPLES[overflow], overflow)
    reader = threading.Thread(
        target=_read, args=(source, prepare, queue, halt), name="reader", daemon=True
    )
    reader.start()

    def taken() -> Iterator[_B]:
        yield from iter(lambda: queue.get(halt), None)
        if queue.ended:
            return
        # Asked to stop. A silent source notices only when it is closed.
        reader.join(STOP_GRACE_S)
        if reader.is_alive():
            source.close()
            reader.join(STOP_LIMIT_S)
        yield from iter(lambda: queue.get(halt), None)

    try:
        yield taken()
    finally:
        queue.end()
        reader.join(STOP_GRACE_S)  # a file ends by itself; closing it under a read is unsafe
        source.close()
        reader.join(STOP_LIMIT_S)
        if reader.is_alive():
            raise SourceLost(f"it did not stop within {STOP_LIMIT_S:g} s; restart the program")


def _read(
    source: Source,
    prepare: Callable[[Block], _B],
    queue: BlockQueue[_B],
    stop: threading.Event,
) -> None:
    try:
        for block in source.blocks():
            if stop.is_set() or not queue.put(prepare(block)):
                break
    except BaseException as exc:  # noqa: BLE001 - the consumer raises it, where it belongs
        queue.end(exc)
    else:
        queue.end()


def run(
    source: Source,
    pipeline: Detector,
    sinks: Sequence[Sink],
    *,
    overflow: Overflow = Overflow.BLOCK,
    stop: threading.Event | None = None,
    queue_samples: int | None = None,
    taps: Sequence[Tap] = (),
    keeper: Keeper | None = None,
) -> Verdict:
    """Feed ``source`` through ``pipeline`` into ``sinks`` until it ends or ``stop`` is set.

    Where a live source is lost, or a sink cannot be written, those that can be still get
    the verdict on what was heard; then the error propagates. Source and sinks are closed
    in every case. A ``keeper`` gets every block that is read, also those that the
    pipeline is too slow for.

    Returns
    -------
    Verdict
        The last event.

    Raises
    ------
    SdrDetectError
        What the source or a sink raised.
    """

    def prepare(block: Block) -> Block:
        return block if keeper is None else keeper.record(stored(block))

    try:
        try:
            with stream(
                source, prepare, overflow=overflow, stop=stop, queue_samples=queue_samples
            ) as blocks:
                for block in blocks:
                    for tap in taps:
                        tap.take(block)
                    _hand_out(pipeline.process(block), sinks)
        except SourceError:
            _finish(pipeline, sinks)
            raise
        except SinkError:
            for event in pipeline.finish():
                for sink in sinks:
                    with contextlib.suppress(SinkError):
                        sink.write(event)
            raise
        return _finish(pipeline, sinks)
    finally:
        with contextlib.ExitStack() as stack:
            for sink in sinks:
                stack.callback(sink.close)


def relay(
    source: Source,
    outlets: Sequence[Outlet],
    *,
    overflow: Overflow = Overflow.BLOCK,
    stop: threading.Event | None = None,
    queue_samples: int | None = None,
    keeper: Keeper | None = None,
) -> int:
    """Hand every block of ``source`` to ``outlets``; the number of samples relayed.

    A ``keeper`` gets every block first, where it is read.
    """

    def prepare(block: Block) -> RawBlock:
        return stored(block) if keeper is None else keeper.record(stored(block))

    count = 0
    with stream(
        source, prepare, overflow=overflow, stop=stop, queue_samples=queue_samples
    ) as blocks:
        for block in blocks:
            for outlet in outlets:
                outlet.take(block)
            count += block.sample_count
    return count


def _hand_out(events: Sequence[Event], sinks: Sequence[Sink]) -> None:
    for event in events:
        for sink in sinks:
            sink.write(event)


def _finish(pipeline: Detector, sinks: Sequence[Sink]) -> Verdict:
    events = pipeline.finish()
    _hand_out(events, sinks)
    verdict = events[-1] if events else None
    if not isinstance(verdict, Verdict):
        raise TypeError(f"finish() must end with the verdict, not with {verdict!r}")
    return verdict
