"""Processes of our own that answer a line with a line, one thread each.

Such a process ends when whoever asks closes its input, or dies: none is left
behind, whatever ends this one. Lines are JSON, never objects.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Protocol, TypeVar

from sdr_detect.errors import BatchError
from sdr_detect.ownprocess import ONE_THREAD, module_command

#: Answers a line, without its end, with a line.
Work = Callable[[str], str]

_READY = "ready"

#: How long a request to stop may go unnoticed.
_LOOK_S = 0.1

#: How long a process that has closed its output may take to end.
_GRACE_S = 5.0


def answer(load: Callable[[], Work]) -> None:
    """Be such a process: answer each line of standard input on standard output.

    ``load`` imports what does the work, which takes seconds; whoever asks may go
    meanwhile.
    """
    # Ctrl-C reaches the whole group: the parent decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    work = load()
    try:
        print(_READY, file=out, flush=True)
        while True:
            print(work(orders.get()), file=out, flush=True)
    except BrokenPipeError:  # whoever asked has gone
        os._exit(0)


def _read(orders: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


class DiedError(Exception):
    """A process ended instead of answering.

    Parameters
    ----------
    code : int
        Its exit code; negative a signal.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    @property
    def killed(self) -> bool:
        """As the system does when memory runs out."""
        return self.code == -signal.SIGKILL

    @property
    def manner(self) -> str:
        """How it ended, in words that follow its name."""
        if self.code < 0:
            return f"was ended by {signal.Signals(-self.code).name}"
        return f"ended with code {self.code}"


class Pool:
    """Processes that wait for work; started when they are first needed.

    Parameters
    ----------
    module : str
        Calls `answer` when it is run.
    size : int
        Processes, and threads that may ask, at a time.
    """

    def __init__(self, module: str, size: int) -> None:
        self._module = module
        self._idle: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._all: set[_Process] = set()
        self._closed = False

    def ask(self, order: str) -> str:
        """The answer of one of the processes, from any thread.

        Raises
        ------
        DiedError
            It ended instead; another takes its place.
        BatchError
            No process can be started.
        """
        process, left = self._idle.get(), None
        try:
            process = process or self._start()
            if answered := process.ask(order):
                left = process
                return answered
            code = process.end(_GRACE_S)
            with self._lock:
                self._all.discard(process)
            raise DiedError(code)
        finally:
            self._idle.put(left)

    def _start(self) -> _Process:
        with self._lock:
            if self._closed:
                raise BatchError("no process is started any more")
            process = _Process(self._module)
            self._all.add(process)
        if process.ask(None) != _READY:
            died = DiedError(process.end(_GRACE_S))
            raise BatchError(
                f"a process of our own {died.manner} before it began; its message is above"
            )
        return process

    def close(self) -> None:
        """End all processes, whatever they do."""
        with self._lock:
            self._closed = True
            for process in self._all:
                process.end()


class _Process:
    """One process, and the pipes to it."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            module_command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | ONE_THREAD,
        )

    def ask(self, order: str | None) -> str:
        """Send an order; the answer, empty when the process has died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if order is not None:
            with contextlib.suppress(BrokenPipeError):  # the empty answer tells
                self._process.stdin.write(order + "\n")
                self._process.stdin.flush()
        answered = self._process.stdout.readline()
        return answered.rstrip("\n") if answered.endswith("\n") else ""

    def end(self, grace_s: float = 0.0) -> int:
        """Kill the process unless it ends by itself in ``grace_s``; its exit code."""
        try:
            code = self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # an order nobody takes any more
                pipe.close()
        return code


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
