r"""Asks a rotator where it points, through Hamlib's ``rotctld``.

Only `get_pos` is ever sent, in the extended form, whose answer ends with ``RPRT``::

    +\get_pos
    get_pos:
    Azimuth: 123.500000
    Elevation: 0.000000
    RPRT 0
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from sdr_detect.errors import SourceLost, SourceNotFound
from sdr_detect.pointing.timeline import checked

#: An answer is five short lines.
MAX_BYTES = 4096

TIMEOUT_S = 2.0

#: Pause between questions, and before a lost rotator is tried again.
INTERVAL_S = 1.0
RETRY_S = 3.0


class Rotctld:
    """One connection. Not for several threads.

    Parameters
    ----------
    host, port : str, int

    Raises
    ------
    SourceNotFound
        Nobody answers there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._uri = f"rotctld://{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), TIMEOUT_S)
        except OSError as exc:
            raise SourceNotFound(
                f"{exc.strerror or exc}; is rotctld running there?", uri=self._uri
            ) from exc
        self._socket.settimeout(TIMEOUT_S)

    def heading_deg(self) -> float:
        """Azimuth now, within 0..360.

        Raises
        ------
        SourceLost
            No answer, one that is none, or an error of the rotator.
        """
        try:
            self._socket.sendall(b"+\\get_pos\n")
            answer = self._answer()
        except OSError as exc:
            raise SourceLost(f"no answer ({exc})", uri=self._uri) from exc
        try:
            return parse_position(answer)
        except ValueError as exc:
            raise SourceLost(str(exc), uri=self._uri) from exc

    def _answer(self) -> bytes:
        """Everything up to the line that begins with RPRT."""
        got = b""
        while not _ended(got):
            more = self._socket.recv(1024)
            if not more:
                raise ConnectionResetError("connection closed")
            got += more
            if len(got) > MAX_BYTES:
                raise ConnectionAbortedError(f"answer longer than {MAX_BYTES} bytes")
        return got

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        self._socket.close()


def parse_position(answer: bytes) -> float:
    """Azimuth of an extended answer.

    Raises
    ------
    ValueError
        It holds none, or an error code.
    """
    values: dict[str, str] = {}
    for line in answer.decode("ascii", "replace").splitlines():
        if line.startswith("RPRT"):
            code = line[4:].strip()
            if code != "0":
                raise ValueError(f"the rotator reports error {code[:20]!r}")
            break
        name, _, value = line.partition(":")
        values[name.strip()] = value.strip()
    try:
        return checked(float(values["Azimuth"]))
    except KeyError:
        raise ValueError("an answer without an azimuth") from None


def split_address(text: str) -> tuple[str, int]:
    """``host:port``; the port is 4533 unless given.

    Raises
    ------
    ValueError
        It is none.
    """
    host, sep, port = text.rpartition(":")
    if not sep:
        host, port = text, "4533"
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def follow(
    address: tuple[str, int],
    take: Callable[[float], None],
    complain: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Ask until ``stop`` is set; a rotator that is lost is tried again.

    Parameters
    ----------
    take : callable
        Gets every heading.
    complain : callable
        Gets one line for each loss.
    """
    lost = False
    while not stop.is_set():
        try:
            rotator = Rotctld(*address)
        except SourceNotFound as exc:
            lost = _tell(exc, complain, lost)
            stop.wait(RETRY_S)
            continue
        try:
            while not stop.is_set():
                take(rotator.heading_deg())
                lost = False
                stop.wait(INTERVAL_S)
        except SourceLost as exc:
            lost = _tell(exc, complain, lost)
            stop.wait(RETRY_S)
        finally:
            rotator.close()


def _tell(error: Exception, complain: Callable[[str], None], lost: bool) -> bool:
    """Say it once, not every few seconds."""
    if not lost:
        complain(str(error))
    return True


def _ended(got: bytes) -> bool:
    """Whether the last line is whole and the one that ends an answer."""
    return got.endswith(b"\n") and got.rstrip().rpartition(b"\n")[2].startswith(b"RPRT")
