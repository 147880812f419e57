"""The gate of a publisher with keys: lets in whom it knows, and tells whom it refused.

ZeroMQ asks by messages (its RFC 27, ZAP) whether a public key may connect; that
the other side holds the secret key, and knows ours, it has proved by then. What
fails earlier, such as a subscriber without keys, shows only as an event of the
socket.
"""

from __future__ import annotations

import logging
import socket as local
import threading
import time

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from sdr_detect.curve import PublisherKeys
from sdr_detect.errors import SinkError

_log = logging.getLogger(__name__)

_DOMAIN = b"iq"
_POLL_MS = 100
#: A scanner must not fill the log: refusals in between are only counted.
_TELL_INTERVAL_S = 10.0

_CAUSES = {
    int(zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC): "it expects another key of the publisher than ours",
    int(zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH): "it does not encrypt",
}
_NO_DETAIL = "it hung up during the handshake, as one without keys does"


def bind(socket: zmq.Socket[bytes], endpoint: str) -> str:
    """Bind a publisher's socket; where subscribers connect to.

    Raises
    ------
    SinkError
        The endpoint cannot be bound, or another program publishes on it.
    """
    if endpoint.startswith("ipc://") and _answers(endpoint.removeprefix("ipc://")):
        raise SinkError(
            f"{endpoint} cannot be bound: another program publishes on it; end that one, or "
            "choose another endpoint"
        )
    socket.ipv6 = endpoint.startswith("tcp://[")
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as exc:
        raise SinkError(
            f"{endpoint} cannot be bound: {exc.strerror}; choose another endpoint"
        ) from exc
    bound = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(bound, bytes)
    return bound.rstrip(b"\0").decode()


def _answers(path: str) -> bool:
    """Whether somebody listens on a local socket, which ZeroMQ would take from him.

    A socket that a dead program left behind refuses.
    """
    name = "\0" + path[1:] if path.startswith("@") else path
    with local.socket(local.AF_UNIX) as probe:
        try:
            probe.connect(name)
        except OSError:  # nobody, or no name for a socket: binding tells
            return False
        return True


class Gate:
    """Guards one publishing socket, which is not bound yet, in a thread of its own.

    Attributes
    ----------
    refused : int
        Connections turned away.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        keys: PublisherKeys,
    ) -> None:
        self.refused = 0
        self._told = 0
        self._due_s = 0.0
        self._allowed = keys.allowed
        self._socket = socket
        socket.curve_server = True
        socket.curve_secretkey = keys.own.secret
        socket.zap_domain = _DOMAIN
        # Without this, ZeroMQ lets everybody in when nobody answers its questions.
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._questions = context.socket(zmq.REP)
        self._questions.linger = 0
        self._questions.bind("inproc://zeromq.zap.01")
        # What fails by our own answer (FAILED_AUTH) is told where we give it.
        self._events = socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gate", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        poller = zmq.Poller()
        poller.register(self._questions, zmq.POLLIN)
        poller.register(self._events, zmq.POLLIN)
        while not self._closed.is_set():
            ready = dict(poller.poll(_POLL_MS))
            if self._questions in ready:
                self._answer(self._questions.recv_multipart())
            if self._events in ready:
                event = recv_monitor_message(self._events)
                self._refuse(_CAUSES.get(event["value"], _NO_DETAIL))
            if time.monotonic() >= self._due_s:
                self._tell_rest()

    def _answer(self, question: list[bytes]) -> None:
        """Yes to an allowed key, no to everything else."""
        version, number, domain, address, _, mechanism, key = question
        text = z85.encode(key)
        asked = (version, domain, mechanism) == (b"1.0", _DOMAIN, b"CURVE")
        name = self._allowed.get(text) if asked else None
        status = [b"400", b"unknown key"] if name is None else [b"200", b"OK"]
        self._questions.send_multipart([b"1.0", number, *status, b"", b""])
        where = address.decode(errors="replace") or "this machine"
        if name is None:
            self._refuse(f"unknown key {text.decode()} from {where}")
        else:
            _log.info("let in %s from %s", name, where)

    def _refuse(self, why: str) -> None:
        self.refused += 1
        if time.monotonic() >= self._due_s:
            _log.warning("refused a subscriber: %s (%d refused so far)", why, self.refused)
            self._note_told()

    def _tell_rest(self) -> None:
        """Tell how many were refused without a line of their own."""
        more = self.refused - self._told
        if more:
            _log.warning("refused %d more subscribers (%d refused so far)", more, self.refused)
            self._note_told()

    def _note_told(self) -> None:
        self._told = self.refused
        self._due_s = time.monotonic() + _TELL_INTERVAL_S

    def close(self) -> None:
        """Open to nobody any more."""
        self._closed.set()
        self._thread.join()
        self._tell_rest()
        self._socket.disable_monitor()
        self._events.close()
        self._questions.close()
