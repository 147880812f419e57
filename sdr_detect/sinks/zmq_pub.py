"""Publishes blocks to other processes, beyond this machine only with keys.

A publisher drops what a subscriber is too slow for. A replay must not: it waits
instead (``XPUB_NODROP``), so that a recording passes through unharmed.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time

import zmq

from sdr_detect import wire
from sdr_detect.curve import PublisherKeys
from sdr_detect.errors import SinkError
from sdr_detect.model import StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks.zmq_gate import Gate, bind

_log = logging.getLogger(__name__)

#: Messages kept for a slow subscriber before they are dropped, or waited for:
#: 32 MiB of blocks of 65 536 samples, 0.2 s at 20 Msps.
QUEUE_MESSAGES = 64

_POLL_MS = 100
#: How long subscribers may take to read what is left after the end.
_LINGER_LIVE_MS = 2_000
_LINGER_REPLAY_MS = 60_000
#: The same for those who are not told the end, and so never leave: what they play
#: in real time is in the queue for some 6 s.
_LINGER_FLOATS_MS = 10_000

#: Of what subscribers send, topics and handshakes: a stranger must not make us
#: reserve memory for more.
_MAX_REQUEST_BYTES = 4096


class ZmqPublisher:
    """A tap that publishes.

    Parameters
    ----------
    endpoint : str
        ``ipc://PATH`` or ``tcp://127.0.0.1:PORT`` (``:*`` picks a free port); with
        keys any other address of this machine.
    overflow : Overflow
        Of the source: whether a slow subscriber is waited for.
    stop : threading.Event, optional
        Ends waiting.
    keys : PublisherKeys, optional
        Encrypt, and let in those whose keys are allowed.

    Raises
    ------
    ConfigError
        The endpoint leaves this machine and there are no keys.
    SinkError
        It cannot be bound.
    """

    def __init__(
        self,
        endpoint: str,
        overflow: Overflow,
        *,
        stop: threading.Event | None = None,
        keys: PublisherKeys | None = None,
    ) -> None:
        wire.check_endpoint(endpoint, keyed=keys is not None)
        self._waits = overflow is Overflow.BLOCK
        self._stop = stop or threading.Event()
        self._session = secrets.token_hex(8)
        self._seq = 0
        self._epoch = 0
        self._info: StreamInfo | None = None
        self._heard = False
        self._listeners: set[bytes] = set()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.set_hwm(QUEUE_MESSAGES)
        self._socket.setsockopt(zmq.XPUB_NODROP, int(self._waits))
        self._socket.setsockopt(zmq.SNDTIMEO, _POLL_MS)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MAX_REQUEST_BYTES)
        self._gate = None if keys is None else Gate(self._context, self._socket, keys)
        #: Why the stream ends, when it is not meant to; told to subscribers.
        self.cause: str | None = None
        try:
            #: Where subscribers connect to.
            self.endpoint = bind(self._socket, endpoint)
        except SinkError:
            self._release()
            raise

    def wait_for_subscriber(self) -> bool:
        """Wait until somebody listens; False when stopped before."""
        while not self._stop.is_set():
            self._note_subscribers(_POLL_MS)
            if self._listeners:
                return True
        return False

    def _note_subscribers(self, timeout_ms: int) -> None:
        """Take in who came and who went: one byte, and the topic."""
        while self._socket.poll(timeout_ms):
            note = self._socket.recv()
            if note[:1] == b"\x01":
                self._heard = True
                self._listeners.add(note[1:])
            else:
                self._listeners.discard(note[1:])
            timeout_ms = 0

    def take(self, block: RawBlock) -> None:
        """Publish one block; as complex floats too when somebody asked for them."""
        if self._info is not None and block.info != self._info:
            self._epoch += 1
        self._info = block.info
        self._note_subscribers(0)
        stamp = self._stamp()
        self._send(*wire.encode_block(block, stamp))
        if self._floats_wanted():
            self._send(*wire.encode_floats(block, stamp))

    def _stamp(self) -> wire.Stamp:
        delivery = wire.Delivery.WAITS if self._waits else wire.Delivery.LOSSY
        stamp = wire.Stamp(
            self._session, self._seq, self._epoch, time.monotonic_ns(), time.time_ns(), delivery
        )
        self._seq += 1
        return stamp

    def _send(self, head: bytes, payload: memoryview) -> None:
        """Send both parts; a part that waits never leaves the other alone."""
        if self._send_part(head, zmq.SNDMORE):
            self._send_part(payload, 0)

    def _send_part(self, part: bytes | memoryview, flags: int) -> bool:
        while True:
            try:
                self._socket.send(part, flags, copy=False)
            except zmq.Again:
                # Only a publisher that waits gets here, and only before the
                # first part: a message that has begun is let through.
                if self._stop.is_set() and flags:
                    return False
            else:
                return True

    def close(self) -> None:
        """End the stream and release the endpoint. Safe to call twice."""
        if self._socket.closed:
            return
        patient = self._waits and not self._stop.is_set()
        linger_ms = _LINGER_REPLAY_MS if patient else _LINGER_LIVE_MS
        due_s = time.monotonic() + linger_ms / 1e3
        while self._info is not None and self._awaited(self._info) and time.monotonic() < due_s:
            self._say_end(self._info)
            self._note_subscribers(_POLL_MS)
        if not self._heard:
            _log.warning("%s: nobody listened", self.endpoint)
        self._release(min(linger_ms, _LINGER_FLOATS_MS) if self._floats_wanted() else 0)

    def _awaited(self, info: StreamInfo) -> bool:
        """Whether somebody listens who is told the end, and leaves then."""
        told = wire.topic(info.stream_id)
        return any(told.startswith(topic) for topic in self._listeners)

    def _floats_wanted(self) -> bool:
        return any(topic.startswith(wire.FLOAT_PREFIX) for topic in self._listeners)

    def _release(self, linger_ms: int = 0) -> None:
        if self._gate is not None:
            self._gate.close()
        self._socket.close(linger=linger_ms)
        self._context.term()

    def _say_end(self, info: StreamInfo) -> None:
        """Say that no more comes, again and again until the subscribers have left.

        One that reads slower than we send misses what is said while its queue
        is full, and loses what the kernel still holds for it when we hang up
        (ipc does that): without the end it would wait in vain.
        """
        with contextlib.suppress(zmq.Again):
            end = wire.encode_end(info.stream_id, self._stamp(), self.cause)
            self._socket.send_multipart(end)
