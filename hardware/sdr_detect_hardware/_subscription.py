"""A ZeroMQ subscription that reports silence and can be closed by another thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import zmq

from sdr_detect import wire
from sdr_detect.curve import SubscriberKeys
from sdr_detect.errors import SourceLost, SourceNotFound
from sdr_detect_hardware._handshake import Handshakes

#: How soon a closed subscription notices.
_POLL_MS = 100


class Subscription:
    """What one thread receives from one endpoint.

    Parameters
    ----------
    endpoint : str
    topic : bytes
        What messages must begin with.
    keys : SubscriberKeys or None
    queue_messages : int
        Messages that ZeroMQ keeps for us.

    Raises
    ------
    SourceNotFound
        The endpoint is malformed.
    """

    def __init__(
        self, endpoint: str, topic: bytes, keys: SubscriberKeys | None, queue_messages: int
    ) -> None:
        self.endpoint = endpoint
        self._asked_to_close = threading.Event()
        self._read = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._handshakes = Handshakes(self._socket, keys, endpoint)
        self._socket.set_hwm(queue_messages)
        self._socket.ipv6 = endpoint.startswith("tcp://[")
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.SUBSCRIBE, topic)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as exc:
            self._release()
            raise SourceNotFound(f"cannot be connected: {exc.strerror}", uri=endpoint) from exc

    def first(self, limit_s: float, hint: str = "") -> list[memoryview]:
        """The parts of the first message.

        Raises
        ------
        SourceNotFound
            Nothing came within ``limit_s``; ``hint`` says what else may be wrong.
        SourceError
            The publisher refuses us, or only one side has keys.
        """
        parts = self._receive(limit_s)
        if parts is None:
            raise SourceNotFound(
                f"nothing came within {limit_s:g} s; {self._handshakes.state()}{hint}",
                uri=self.endpoint,
            )
        return parts

    def next(self, limit_s: float) -> list[memoryview] | None:
        """The parts of the next message; None when closed.

        Raises
        ------
        SourceLost
            Nothing came for ``limit_s``.
        SourceError
            The publisher was restarted and refuses us.
        """
        parts = self._receive(limit_s)
        if self._asked_to_close.is_set():
            return None
        if parts is None:
            raise SourceLost(
                f"nothing for {limit_s:g} s: the program that publishes stopped or hangs; start "
                "it again, or raise --timeout",
                uri=self.endpoint,
            )
        return parts

    def _receive(self, limit_s: float) -> list[memoryview] | None:
        due_s = time.monotonic() + limit_s
        while not self._asked_to_close.is_set():
            left_ms = (due_s - time.monotonic()) * 1e3
            if left_ms <= 0:
                return None
            if self._socket.poll(min(int(left_ms) + 1, _POLL_MS)):
                frames = self._socket.recv_multipart(copy=False)
                return [frame.buffer for frame in frames]
            self._handshakes.check()
        return None

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """The thread that reads releases the socket when it leaves this."""
        self._read = True
        try:
            yield
        finally:
            self._release()

    def close(self) -> None:
        """Ask the reading thread to end. Safe to call twice."""
        self._asked_to_close.set()
        if not self._read:
            self._release()

    @property
    def closed(self) -> bool:
        """Whether the socket is released."""
        return self._socket.closed

    def _release(self) -> None:
        if not self._socket.closed:
            self._handshakes.close()
        self._socket.close()
        self._context.term()
