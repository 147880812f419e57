"""Receives views in a thread of its own, which owns the socket.

A notifier on ZeroMQ's descriptor, which is edge-triggered, would hang after one
message; polling here costs less and a window that is busy for a second loses nothing.
"""

from __future__ import annotations

import threading

import zmq
from PySide6.QtCore import QObject, QThread

from sdr_detect import view, wire
from sdr_detect.curve import SubscriberKeys
from sdr_detect.errors import FormatError, SourceNotFound
from sdr_detect_gui.mailbox import Mailbox

_POLL_MS = 50
_RECONNECT_MS = 50
_QUEUE_MESSAGES = 64


class Feed(QThread):
    """Fills a mailbox from one endpoint.

    Raises
    ------
    ConfigError
        The endpoint leaves this machine and there are no keys.
    SourceNotFound
        It cannot be connected to.
    """

    def __init__(
        self,
        endpoint: str,
        mailbox: Mailbox,
        keys: SubscriberKeys | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        wire.check_endpoint(endpoint, keyed=keys is not None)
        self._mailbox = mailbox
        self._stopping = threading.Event()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set_hwm(_QUEUE_MESSAGES)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, view.MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.ipv6 = endpoint.startswith("tcp://[")
        if keys is not None:
            self._socket.curve_publickey = keys.own.public
            self._socket.curve_secretkey = keys.own.secret
            self._socket.curve_serverkey = keys.server
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as exc:
            self._release()
            raise SourceNotFound(f"cannot be connected: {exc.strerror}", uri=endpoint) from exc

    def run(self) -> None:
        """Receive until closed."""
        try:
            while not self._stopping.is_set():
                if self._socket.poll(_POLL_MS):
                    self._receive()
        finally:
            self._release()

    def _receive(self) -> None:
        parts = [frame.buffer for frame in self._socket.recv_multipart(copy=False)]
        try:
            self._mailbox.put(view.decode(parts))
        except FormatError as exc:
            self._mailbox.fail(str(exc))

    def _release(self) -> None:
        self._socket.close()
        self._context.term()

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._stopping.set()
        if self.isRunning():
            self.wait()
        elif not self._socket.closed:
            self._release()
