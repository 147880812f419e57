"""The other end of a driver that runs in a process of its own (`sdr_detect.worker`)."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import logging
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import cast

import numpy as np
from pydantic import TypeAdapter

from sdr_detect import errors, wire
from sdr_detect.errors import SdrDetectError, SourceLost
from sdr_detect.model import StreamInfo
from sdr_detect.ownprocess import module_command
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import SourceOptions
from sdr_detect.worker import LENGTHS

_log = logging.getLogger(__name__)

#: How long a driver may take to let its device go; its bias voltage goes first.
GRACE_S = 3.0

_POLL_MS = 100
#: Bytes on their way between the processes: 26 ms at 20 Msps of two bytes.
_PIPE_BYTES = 1 << 20


class IsolatedSource:
    """A source in a process of its own, which may crash or hang.

    Parameters
    ----------
    uri : str
    options : SourceOptions
        ``start_timeout_s`` and ``timeout_s`` are how long the process may be
        silent before its first block, and later.

    Raises
    ------
    SourceLost
        The process died, or was silent.
    SdrDetectError
        What the driver raised.
    """

    def __init__(self, uri: str, options: SourceOptions) -> None:
        self._uri = uri
        self._timeout_s = options.timeout_s
        self._closed = threading.Event()
        self._reading = False
        self._process = _start(uri, options)
        self._output = cast(io.FileIO, self._process.stdout)
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        try:
            first = self._next(options.start_timeout_s)
            if first is None:
                raise SourceLost("ended before its first samples", uri=uri)
        except BaseException:
            self.close()
            raise
        self._first = first

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._first.info

    @property
    def overflow(self) -> Overflow:
        """A receiver cannot wait."""
        return Overflow.DROP_OLDEST

    def blocks(self) -> Iterator[RawBlock]:
        """Blocks until closed, or until the driver's stream ends.

        Raises
        ------
        SourceLost
            The process died, or was silent.
        SdrDetectError
            What the driver raised.
        """
        self._reading = True
        try:
            yield self._first
            while (block := self._next(self._timeout_s)) is not None:
                yield block
        finally:
            self._output.close()

    def retune(self, rf_hz: float) -> None:
        """Ask for another centre; a refusal ends the stream with the driver's error."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # reading tells why it died
            self._process.stdin.write(f"retune {rf_hz!r}\n".encode())

    def _next(self, silence_s: float) -> RawBlock | None:
        """The next block; None at the end of the stream, or when closed."""
        lengths = self._read(LENGTHS.size, silence_s)
        if lengths is None:
            self._check_end()
            return None
        head_size, payload_size = LENGTHS.unpack(lengths)
        if head_size > wire.MAX_HEADER_BYTES or payload_size > wire.MAX_MESSAGE_BYTES:
            raise SourceLost(
                "its process sent something else than samples; a library writes to its output",
                uri=self._uri,
            )
        head = self._read(head_size, silence_s)
        payload = self._read(payload_size, silence_s)
        if head is None or payload is None:
            self._check_end()
            return None
        if not head_size:
            raise _fault(bytes(payload))
        return wire.decode([head, payload]).block

    def _read(self, size: int, silence_s: float) -> memoryview | None:
        """The next ``size`` bytes; None when the process ended, or this was closed."""
        whole = left = np.empty(size, np.uint8).data
        due_s = time.monotonic() + silence_s
        while left:
            if self._closed.is_set():
                return None
            if self._poll.poll(_POLL_MS):
                got = self._output.readinto(left)
                if not got:
                    return None
                left = left[got:]
                due_s = time.monotonic() + silence_s
            elif time.monotonic() > due_s:
                raise SourceLost(
                    f"the driver was silent for {silence_s:g} s: it hangs", uri=self._uri
                )
        return whole

    def _check_end(self) -> None:
        """Raise how the process ended, unless it was asked to or came to the stream's end."""
        if self._closed.is_set():
            return
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            code = None
        if code == 0:
            return
        raise SourceLost(f"the driver {_manner(code)}", uri=self._uri)

    def close(self) -> None:
        """End the process: asked first, so that it switches things off. Safe to call twice."""
        self._closed.set()
        process = self._process
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        if not self._reading:
            self._output.close()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            _log.warning(
                "%s: the driver did not let its device go within %g s and was killed; a bias "
                "voltage may still be on: unplug the device",
                self._uri,
                GRACE_S,
            )


def _start(uri: str, options: SourceOptions) -> subprocess.Popen[bytes]:
    level = logging.getLogger().getEffectiveLevel()
    process = subprocess.Popen(
        module_command("sdr_detect.worker", uri, "--level", str(level)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # a user over the system's limit keeps 64 KiB
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    with contextlib.suppress(BrokenPipeError):  # reading tells why it died
        process.stdin.write(TypeAdapter(SourceOptions).dump_json(options) + b"\n")
    return process


def _manner(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "closed its output and does not end"
    if code < 0:
        name = signal.Signals(-code).name
        return f"crashed ({name})"
    return f"ended with exit code {code}"


def _fault(payload: bytes) -> SdrDetectError:
    """The error that the driver raised in its process."""
    fault = json.loads(payload)
    kind = getattr(errors, fault["error"], SdrDetectError)
    error: SdrDetectError = kind(fault["message"])
    return error
