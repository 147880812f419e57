"""Recordings analysed in processes of this computer, one thread each.

A process that dies takes one recording with it, which is rejected with the reason;
another process takes its place.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from sdr_detect.batch.ending import as_they_end
from sdr_detect.batch.outcome import Outcome, read_outcome, rejected
from sdr_detect.batch.task import Task
from sdr_detect.batch.worker import READY
from sdr_detect.errors import BatchError
from sdr_detect.ownprocess import ONE_THREAD, module_command

#: How long a process that has closed its output may take to end.
_GRACE_S = 5.0


def run(tasks: Sequence[Task], jobs: int, stop: threading.Event) -> Iterator[tuple[Task, Outcome]]:
    """Outcomes as they come; none any more once ``stop`` is set.

    Parameters
    ----------
    tasks : sequence of Task
        Started in this order.
    jobs : int
        Processes at a time.
    stop : threading.Event
        What is under way when it is set is given up.

    Raises
    ------
    BatchError
        No process can be started.
    """
    jobs = min(jobs, len(tasks))
    pool = _Pool(jobs)
    with ThreadPoolExecutor(max(jobs, 1)) as threads:
        try:
            futures = {threads.submit(pool.do, task): task for task in tasks}
            for future, task in as_they_end(futures, stop):
                yield task, future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.close()


class _Pool:
    """Processes that wait for work; started when they are first needed."""

    def __init__(self, size: int) -> None:
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._all: set[_Worker] = set()
        self._closed = False

    def do(self, task: Task) -> Outcome:
        """Have a process do a task."""
        worker = self._idle.get() or self._start()
        answer = worker.ask(task.model_dump_json())
        if answer:
            self._idle.put(worker)
            return read_outcome(answer)
        code = worker.end(_GRACE_S)
        with self._lock:
            self._all.discard(worker)
        self._idle.put(None)
        return rejected(task, "WorkerDied", f"{task.path}: {_manner(code)}")

    def _start(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise BatchError("no process is started any more")
            worker = _Worker()
            self._all.add(worker)
        if worker.ask(None) != READY:
            raise BatchError(
                f"a process for the analysis ended with exit code {worker.end(_GRACE_S)} before "
                "it began; its message is above"
            )
        return worker

    def close(self) -> None:
        """End all processes, whatever they do."""
        with self._lock:
            self._closed = True
            for worker in self._all:
                worker.end()


class _Worker:
    """One process, and the pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P: a recording's folder may hold files that are named like modules.
            module_command("sdr_detect.batch.worker"),
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
        answer = self._process.stdout.readline()
        return answer.rstrip("\n") if answer.endswith("\n") else ""

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


def _manner(code: int) -> str:
    """How a process died, and what helps."""
    if code == -signal.SIGKILL:
        return (
            "the process that analysed it was killed (SIGKILL), as the system does when memory "
            "runs out; run again with fewer --jobs"
        )
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return (
        f"the process that analysed it {how}; this is a fault of the program or of a library: "
        "'sdr-detect analyze' of this file alone shows more"
    )
