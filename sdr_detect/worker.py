"""A driver in a process of its own: ``python -m sdr_detect.worker URI``.

Drivers call libraries that crash and hang. Here they may: whoever started this
process (`sdr_detect.isolate`) sees it end, and starts another.

Standard input brings one line of JSON, the `SourceOptions`; later lines
``retune RF_HZ``; its end asks this process to end. Standard output carries
frames: two big-endian lengths, then a head and samples as in `sdr_detect.wire`,
or no head and a JSON object that says what went wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import struct
import sys
import threading
import time
from typing import BinaryIO

from pydantic import TypeAdapter

from sdr_detect import wire
from sdr_detect.errors import SdrDetectError
from sdr_detect.rawblock import stored
from sdr_detect.registry import Driver, SourceOptions, Tunable, open_source
from sdr_detect.runner import stream

LENGTHS = struct.Struct(">II")

#: Name of the only session a worker has.
SESSION = "0"


def main() -> int:
    """Run until the source ends or standard input does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("--level", type=int, default=logging.WARNING)
    arguments = parser.parse_args()
    logging.basicConfig(level=arguments.level, format="%(levelname)s %(name)s: %(message)s")
    # Ctrl-C reaches the whole process group: the parent decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    out = _own_output()
    # Unbuffered: a thread that waits in a buffered reader keeps this from ending.
    orders = os.fdopen(os.dup(0), "rb", buffering=0)
    options = TypeAdapter(SourceOptions).validate_json(orders.readline())
    try:
        with contextlib.closing(open_source(arguments.uri, options)) as source:
            threading.Thread(target=_obey, args=(source, stop, orders, out), daemon=True).start()
            _send_all(source, stop, out)
    except SdrDetectError as exc:
        _send_fault(out, exc)
        return 1
    except BrokenPipeError:  # who started this process has gone
        return 1
    return 0


def _own_output() -> BinaryIO:
    """Standard output for frames alone: what a library prints goes to standard error."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return out


def _obey(source: Driver, stop: threading.Event, orders: BinaryIO, out: BinaryIO) -> None:
    """Do what standard input says, until it ends."""
    for line in orders:
        word, _, value = line.decode().partition(" ")
        if word == "retune" and isinstance(source, Tunable):
            try:
                source.retune(float(value))
            except SdrDetectError as exc:
                _send_fault(out, exc)
    stop.set()


def _send_all(source: Driver, stop: threading.Event, out: BinaryIO) -> None:
    seq = 0
    with stream(source, stored, overflow=source.overflow, stop=stop) as blocks:
        for block in blocks:
            _send(out, *wire.encode_block(block, _stamp(seq)))
            seq += 1


def _stamp(seq: int) -> wire.Stamp:
    now = time.monotonic_ns(), time.time_ns()
    return wire.Stamp(SESSION, seq, 0, *now, wire.Delivery.LOSSY)


def _send_fault(out: BinaryIO, exc: SdrDetectError) -> None:
    fault = {"error": type(exc).__name__, "message": str(exc)}
    _send(out, b"", memoryview(json.dumps(fault).encode()))


_sending = threading.Lock()


def _send(out: BinaryIO, head: bytes, payload: memoryview) -> None:
    with _sending:
        for part in (LENGTHS.pack(len(head), len(payload)), head, payload):
            left = memoryview(part)
            while left:
                left = left[out.write(left) or 0 :]


if __name__ == "__main__":
    sys.exit(main())
