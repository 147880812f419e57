"""What became of a subscriber's handshakes: ZeroMQ itself only tries again in silence."""

from __future__ import annotations

import logging

import zmq
from zmq.utils.monitor import recv_monitor_message

from sdr_detect.curve import SubscriberKeys
from sdr_detect.errors import SourceError

_log = logging.getLogger(__name__)

_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Handshakes:
    """Gives a socket, which is not connected yet, its keys and follows what they do.

    Parameters
    ----------
    socket : zmq.Socket
    keys : SubscriberKeys or None
    endpoint : str
        Named in errors.
    """

    def __init__(
        self, socket: zmq.Socket[bytes], keys: SubscriberKeys | None, endpoint: str
    ) -> None:
        self._socket = socket
        self._keyed = keys is not None
        self._endpoint = endpoint
        self._succeeded = False
        self._cut_off = False
        if keys is not None:
            socket.curve_publickey = keys.own.public
            socket.curve_secretkey = keys.own.secret
            socket.curve_serverkey = keys.server
        self._events = socket.get_monitor_socket(_FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def check(self) -> None:
        """Take in what happened.

        Raises
        ------
        SourceError
            The publisher refuses us, or one side encrypts and the other does not.
        """
        while self._events.poll(0):
            message = recv_monitor_message(self._events)
            match message["event"]:
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._succeeded, self._cut_off = True, False
                case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    raise SourceError(
                        "the publisher does not know our key; copy the .key file of our pair into "
                        "its --curve-allow folder and start it again",
                        uri=self._endpoint,
                    )
                case zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
                    raise SourceError(self._mismatch(message["value"]), uri=self._endpoint)
                case _:
                    self._note_cut_off()

    def _mismatch(self, code: int) -> str:
        if code != zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
            return (
                f"the handshake failed (ZeroMQ error {code:#x}); is an sdr-detect publisher there?"
            )
        if self._keyed:
            return "the publisher does not encrypt; start it with --curve-key and --curve-allow"
        return "the publisher asks for keys; give --curve-key and --curve-server"

    def _note_cut_off(self) -> None:
        """A publisher that ends looks the same as one that refuses: go on trying."""
        if not self._cut_off:
            self._cut_off = True
            _log.warning("%s: %s; trying on", self._endpoint, self.state())

    def state(self) -> str:
        """How far it came, and what to look at."""
        if self._cut_off:
            hint = (
                "is --curve-server the key of this publisher?"
                if self._keyed
                else "does it ask for keys (--curve-key, --curve-server)?"
            )
            return f"the other side hangs up during the handshake: {hint}"
        if self._succeeded:
            return "connected, but its source delivers nothing"
        return (
            "there was no connection: is 'sdr-detect capture --publish' running there, and does a "
            "firewall let us through?"
        )

    def close(self) -> None:
        """Release what follows the socket; the socket itself is its owner's."""
        self._socket.disable_monitor()
        self._events.close()
