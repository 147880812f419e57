"""``rtl_tcp://HOST:PORT``: a dongle on another machine, served by ``rtl_tcp``.

After ``?``, joined by ``&``: ``gain=29.7`` dB (manual always: automatic gain moves
the level under a measurement), ``ppm=0``, ``rate=2400000``, ``bias=1``. rtl_tcp
knows no password: keep it on loopback or behind a tunnel.

The server first sends ``"RTL0"``, the tuner's number and its count of gains, then
cu8 without end. A command is one byte and a big-endian number of four.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import socket
import struct
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import ConfigError, SourceBusy, SourceLost, SourceNotFound
from sdr_detect.model import StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import Liveness, SourceOptions
from sdr_detect_hardware import _rtl
from sdr_detect_hardware._live import Assembler, starting_at

_log = logging.getLogger(__name__)

_HEADER = struct.Struct(">4sII")
_COMMAND = struct.Struct(">BI")

#: How long a command may take to reach the tuner and to show in what arrives.
SETTLE_S = 0.25

#: Samples the server sends at a time, and so how late the first of them may be.
_TRANSFER_SAMPLES = 131_072

#: A quarter of that: the arrival clock's window then holds three transfers.
_BLOCK_BYTES = 2 * _TRANSFER_SAMPLES // 4

_POLL_S = 0.1


class Command(enum.IntEnum):
    """The commands used here."""

    FREQUENCY = 1
    RATE = 2
    MANUAL_GAIN = 3
    GAIN = 4
    PPM = 5
    DIGITAL_AGC = 8
    BIAS_TEE = 14


LIVENESS = Liveness.RECEIVER


def open_source(uri: str, options: SourceOptions) -> RtlTcpSource:
    """Connect, set the receiver, and wait for its first samples.

    Raises
    ------
    ConfigError
        A setting is missing or out of range.
    SourceNotFound
        Nobody answers there, or something that is no rtl_tcp.
    SourceBusy
        The server serves somebody else.
    SourceLost
        It answers and sends no samples.
    """
    settings = _rtl.read_settings(uri, options)
    limit_s = min(options.start_timeout_s, _rtl.SILENCE_S)
    link = _Link(uri.partition("?")[0], limit_s, min(options.timeout_s, _rtl.SILENCE_S))
    try:
        return RtlTcpSource(link, settings)
    except BaseException:
        link.close()
        raise


class _Link:
    """The connection to a server, past its header. Closing it takes the bias voltage off.

    Attributes
    ----------
    tuner : Tuner or None
        None when the server does not say which.
    """

    def __init__(self, uri: str, start_limit_s: float, silence_s: float) -> None:
        self.uri = uri
        self.closed = threading.Event()
        self._biased = False
        self._silence_s = silence_s
        self._socket = self._connect(start_limit_s)
        try:
            self.tuner = self._greet(start_limit_s)
        except BaseException:
            self._socket.close()
            raise
        self._socket.settimeout(_POLL_S)

    def _connect(self, limit_s: float) -> socket.socket:
        try:
            parts = urlsplit("//" + self.uri.partition("://")[2])
            host, port = parts.hostname, parts.port
        except ValueError as exc:
            raise ConfigError(f"{exc}; write rtl_tcp://HOST:PORT", key=self.uri) from exc
        if not host or not port or parts.path not in ("", "/"):
            raise ConfigError("is not of the form rtl_tcp://HOST:PORT", key=self.uri)
        try:
            return socket.create_connection((host, port), limit_s)
        except OSError as exc:
            raise SourceNotFound(
                f"no connection ({exc}); is rtl_tcp running there, and is the port right?",
                uri=self.uri,
            ) from exc

    def _greet(self, limit_s: float) -> _rtl.Tuner | None:
        head = b""
        self._socket.settimeout(limit_s)
        try:
            while len(head) < _HEADER.size:
                piece = self._socket.recv(_HEADER.size - len(head))
                if not piece:
                    raise SourceNotFound("closed the connection at once", uri=self.uri)
                head += piece
        except TimeoutError as exc:
            raise SourceBusy(
                f"took the connection and said nothing for {limit_s:g} s; rtl_tcp serves one "
                "program at a time: end the other one",
                uri=self.uri,
            ) from exc
        except OSError as exc:
            raise SourceNotFound(f"broke the connection ({exc})", uri=self.uri) from exc
        magic, number, _gains = _HEADER.unpack(head)
        if magic != b"RTL0":
            raise SourceNotFound(
                f"answers {magic!r} where rtl_tcp says b'RTL0'; is the port right?", uri=self.uri
            )
        return _rtl.TUNERS.get(number)

    def send(self, command: Command, value: int) -> None:
        """Send one command; negative values as two's complement.

        Raises
        ------
        SourceLost
            The connection is broken.
        """
        self._biased |= command is Command.BIAS_TEE and value != 0
        try:
            self._socket.sendall(_COMMAND.pack(command, value & 0xFFFFFFFF))
        except OSError as exc:
            raise SourceLost(f"the connection broke ({exc})", uri=self.uri) from exc

    def receive(self, size: int) -> NDArray[np.uint8] | None:
        """The next ``size`` bytes; None when closed meanwhile.

        Raises
        ------
        SourceLost
            The server hung up, or was silent for too long.
        """
        raw = np.empty(size, np.uint8)
        view, filled = raw.data, 0
        heard_s = time.monotonic()
        while filled < size:
            if self.closed.is_set():
                return None
            try:
                count = self._socket.recv_into(view[filled:])
            except TimeoutError:
                if time.monotonic() - heard_s > self._silence_s:
                    raise SourceLost(
                        f"no samples for {self._silence_s:g} s; is the dongle still plugged in?",
                        uri=self.uri,
                    ) from None
                continue
            except OSError as exc:
                raise SourceLost(f"the connection broke ({exc})", uri=self.uri) from exc
            if not count:
                raise SourceLost("the server ended the connection", uri=self.uri)
            filled += count
            heard_s = time.monotonic()
        return raw

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        self.closed.set()
        if self._biased:
            # A broken connection cannot be told; its server's own end switches off.
            with contextlib.suppress(SourceLost):
                self.send(Command.BIAS_TEE, 0)
            self._biased = False
        self._socket.close()


class RtlTcpSource:
    """A tuned and running receiver."""

    def __init__(self, link: _Link, settings: _rtl.Settings) -> None:
        self._link = link
        self._settings = settings
        self._reading = False
        # Held while tuning, so that no block is numbered under the wrong centre.
        self._tuning = threading.Lock()
        if_hz = _rtl.tune_hz(link.uri, settings.rf_hz, settings.plan, link.tuner)
        gain_db = self._set_up(if_hz)
        info = _rtl.stream_info(link.uri, settings, if_hz, gain_db)
        raw = self._settled()
        late_s = _TRANSFER_SAMPLES / info.sample_rate_hz
        info = starting_at(info, len(raw) // 2, time.time_ns(), late_s)
        self._assembler = Assembler(info, _rtl.CU8)
        self._first = self._assembler.block(raw, time.monotonic())
        self._info = info

    def _set_up(self, if_hz: int) -> float | None:
        """Send all settings; the gain as applied, None when that cannot be known."""
        link, settings = self._link, self._settings
        gains = link.tuner.gains if link.tuner else ()
        step = round(10 * settings.gain_db)
        if gains:
            step = _rtl.nearest_gain(link.uri, settings.gain_db, gains)
        else:
            _log.warning("%s: steps of this tuner are not known; the gain is not", link.uri)
        link.send(Command.RATE, settings.rate_hz)
        if settings.ppm:
            link.send(Command.PPM, settings.ppm)
        link.send(Command.DIGITAL_AGC, 0)
        link.send(Command.MANUAL_GAIN, 1)
        link.send(Command.GAIN, step)
        link.send(Command.FREQUENCY, if_hz)
        link.send(Command.BIAS_TEE, int(settings.bias))
        return step / 10 if gains else None

    def _settled(self) -> NDArray[np.uint8]:
        """The first bytes that the settings are sure to have shaped."""
        due_s = time.monotonic() + SETTLE_S
        while True:
            raw = self._link.receive(_BLOCK_BYTES)
            if raw is None:
                raise SourceLost("closed while it was being opened", uri=self._link.uri)
            if time.monotonic() >= due_s:
                return raw

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._info

    @property
    def overflow(self) -> Overflow:
        """A receiver cannot wait."""
        return Overflow.DROP_OLDEST

    def retune(self, rf_hz: float) -> None:
        """Tune to another RF; blocks until it has settled are discarded and counted as lost.

        Raises
        ------
        ConfigError
            The tuner does not reach it.
        SourceLost
            The connection is broken.
        """
        plan = self._settings.plan
        if_hz = _rtl.tune_hz(self._link.uri, rf_hz, plan, self._link.tuner)
        with self._tuning:
            self._link.send(Command.FREQUENCY, if_hz)
            center_hz = plan.rf_from_if(if_hz)
            self._assembler.retuned(center_hz, plan, time.monotonic() + SETTLE_S)

    def blocks(self) -> Iterator[RawBlock]:
        """Blocks until closed.

        Raises
        ------
        SourceLost
            The server hung up, or was silent for too long.
        """
        self._reading = True
        try:
            if self._first is not None:
                yield self._first
            while (raw := self._link.receive(_BLOCK_BYTES)) is not None:
                with self._tuning:
                    block = self._assembler.block(raw, time.monotonic())
                if block is not None:
                    yield block
        finally:
            self._link.close()

    def close(self) -> None:
        """Ask the reading thread to end; it hangs up. Safe to call twice."""
        self._link.closed.set()
        if not self._reading:
            self._link.close()
