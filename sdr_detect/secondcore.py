"""A second core for a pipeline: one thread that prepares dwells ahead.

It is worth having because the compiled steps release the interpreter lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sdr_detect.front import Ahead, Prepared


def second_core() -> Ahead | None:
    """What to give a `Pipeline` as ``ahead``; None if there is but one core to use.

    The thread starts with the first dwell and ends when nothing refers to it.
    """
    if len(os.sched_getaffinity(0)) < 2:
        return None
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def start(work: Callable[[], Prepared]) -> Callable[[], Prepared]:
        return pool.submit(work).result

    return start
