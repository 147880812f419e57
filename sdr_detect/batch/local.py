"""Recordings analysed in processes of this computer, one thread each.

A process that dies takes one recording with it, which is rejected with the reason;
another process takes its place.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from sdr_detect.answering import DiedError, Pool, as_they_end
from sdr_detect.batch.outcome import Outcome, read_outcome, rejected
from sdr_detect.batch.task import Task


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
    pool = Pool("sdr_detect.batch.worker", jobs)
    with ThreadPoolExecutor(max(jobs, 1)) as threads:
        try:
            futures = {threads.submit(_do, pool, task): task for task in tasks}
            for future, task in as_they_end(futures, stop):
                yield task, future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.close()


def _do(pool: Pool, task: Task) -> Outcome:
    """Have a process do a task."""
    try:
        return read_outcome(pool.ask(task.model_dump_json()))
    except DiedError as died:
        return rejected(task, "WorkerDied", f"{task.path}: {_manner(died)}")


def _manner(died: DiedError) -> str:
    """How a process died, and what helps."""
    if died.killed:
        return (
            "the process that analysed it was killed (SIGKILL), as the system does when memory "
            "runs out; run again with fewer --jobs"
        )
    return (
        f"the process that analysed it {died.manner}; this is a fault of the program or of a "
        "library: 'sdr-detect analyze' of this file alone shows more"
    )
