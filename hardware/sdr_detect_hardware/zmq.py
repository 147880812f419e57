"""``zmq://ENDPOINT``: blocks that another process publishes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import zmq

from sdr_detect import wire
from sdr_detect.errors import SourceLost, SourceNotFound
from sdr_detect.model import StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import Liveness, SourceOptions
from sdr_detect_hardware._handshake import Handshakes

_log = logging.getLogger(__name__)

#: Messages ZeroMQ keeps for us; the queue of the runner holds the rest.
_QUEUE_MESSAGES = 16
#: How soon a closed source notices.
_POLL_MS = 100


LIVENESS = Liveness.REMOTE


def open_source(uri: str, options: SourceOptions) -> ZmqSource:
    """Connect, and wait for the first block.

    Raises
    ------
    ConfigError
        The endpoint leaves this machine and there are no keys.
    SourceError
        The publisher refuses us, or only one side has keys.
    SourceNotFound
        The endpoint is malformed, or nothing came within ``start_timeout_s``.
    SourceLost
        The stream was ending as we joined.
    FormatError
        Something else is published there.
    """
    endpoint = uri.removeprefix("zmq://")
    wire.check_endpoint(endpoint, keyed=options.curve is not None)
    return ZmqSource(endpoint, options)


class ZmqSource:
    """Receives one session of one publisher.

    Attributes
    ----------
    lost_samples, lost_messages : int
        What is missing since the first block.
    """

    def __init__(self, endpoint: str, options: SourceOptions) -> None:
        self._endpoint = endpoint
        self._timeout_s = options.timeout_s
        self._closed = threading.Event()
        self._reading = False
        self.lost_samples = 0
        self.lost_messages = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._handshakes = Handshakes(self._socket, options.curve, endpoint)
        try:
            self._connect()
            first = self._receive(options.start_timeout_s)
            if first is None:
                raise SourceNotFound(
                    f"nothing came within {options.start_timeout_s:g} s; "
                    f"{self._handshakes.state()}",
                    uri=endpoint,
                )
            if first.block is None:
                raise SourceLost("the stream ended before its first block came", uri=endpoint)
        except BaseException:
            self._release()
            raise
        self._first, self._stamp = first.block, first.stamp

    def _connect(self) -> None:
        self._socket.set_hwm(_QUEUE_MESSAGES)
        self._socket.ipv6 = self._endpoint.startswith("tcp://[")
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.SUBSCRIBE, wire.TOPIC_PREFIX)
        try:
            self._socket.connect(self._endpoint)
        except zmq.ZMQError as exc:
            raise SourceNotFound(
                f"cannot be connected: {exc.strerror}", uri=self._endpoint
            ) from exc

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._first.info

    @property
    def overflow(self) -> Overflow:
        """A publisher that waits for us must not be drained into a full queue."""
        waits = self._stamp.delivery is wire.Delivery.WAITS
        return Overflow.BLOCK if waits else Overflow.DROP_OLDEST

    def blocks(self) -> Iterator[RawBlock]:
        """Blocks until the publisher ends the stream.

        Raises
        ------
        SourceLost
            Nothing came for ``timeout_s``, or the publisher was restarted.
        SourceError
            The publisher was restarted and refuses us.
        FormatError
            Something else is published there.
        """
        self._reading = True
        try:
            # What came before we joined is not lost: nobody listened yet.
            yield replace(self._first, lost_before=0)
            expected = self._first.stop_sample
            while not self._closed.is_set():
                message = self._receive(self._timeout_s)
                if self._closed.is_set():
                    return
                if message is None:
                    raise SourceLost(
                        f"nothing for {self._timeout_s:g} s: the capture process stopped or "
                        "hangs; start it again, or raise --timeout",
                        uri=self._endpoint,
                    )
                self._follow(message.stamp)
                if message.block is None:
                    if message.cause is not None:
                        raise SourceLost(message.cause, uri=self._endpoint)
                    return
                yield self._continue(message.block, expected)
                expected = message.block.stop_sample
        finally:
            self._release()

    def _follow(self, stamp: wire.Stamp) -> None:
        if stamp.session != self._stamp.session or stamp.seq <= self._stamp.seq:
            raise SourceLost(
                "the capture process was restarted: its samples are counted anew; start again",
                uri=self._endpoint,
            )
        missed = stamp.seq - self._stamp.seq - 1
        if missed:
            self.lost_messages += missed
            _log.warning("%s: %d messages lost before number %d", self._endpoint, missed, stamp.seq)
        self._stamp = stamp

    def _continue(self, block: RawBlock, expected: int) -> RawBlock:
        """The block, naming all samples lost since the last one that came."""
        lost = block.first_sample - expected
        if lost < 0:
            raise SourceLost(
                f"block at sample {block.first_sample} overlaps what came before it; "
                "restart the capture process",
                uri=self._endpoint,
            )
        self.lost_samples += lost
        return replace(block, lost_before=lost)

    def _receive(self, timeout_s: float) -> wire.Message | None:
        """The next message; None after ``timeout_s`` or when closed."""
        due_s = time.monotonic() + timeout_s
        while not self._closed.is_set():
            left_ms = (due_s - time.monotonic()) * 1e3
            if left_ms <= 0:
                return None
            if self._socket.poll(min(int(left_ms) + 1, _POLL_MS)):
                frames = self._socket.recv_multipart(copy=False)
                return wire.decode([frame.buffer for frame in frames])
            self._handshakes.check()
        return None

    def close(self) -> None:
        """Ask the reading thread to end; it releases the socket. Safe to call twice."""
        self._closed.set()
        if not self._reading:
            self._release()

    def _release(self) -> None:
        if not self._socket.closed:
            self._handshakes.close()
        self._socket.close()
        self._context.term()
