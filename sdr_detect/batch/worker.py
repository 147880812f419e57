"""A process that analyses recordings: ``python -m sdr_detect.batch.worker``.

Standard input brings a task a line, standard output takes a word when this process
is ready, then an outcome a line: JSON, never objects. When the input ends, so does
this process, at once: whoever asked has gone.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading

from sdr_detect.batch.job import work

READY = "ready"


def main() -> None:
    """Do tasks until the input ends."""
    # Ctrl-C reaches the whole group: the parent decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no outcome
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    print(READY, file=out, flush=True)
    while True:
        print(work(orders.get()), file=out, flush=True)


def _read(orders: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
