"""Vessels in view by AIS: NMEA sentences from a file, or for a while from a socket.

The sentences are kept as they came; what is read from them stands beside them. AIS is
what ships say of themselves: it can be wrong, silent or forged.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyais import decode
from pyais.exceptions import AISBaseException

from sdr_detect.errors import EvidenceError, SourceError, SourceNotFound
from sdr_detect.evidence.vessel import imo_number

#: A sentence has 82 characters at most, with a tag block some more.
_MAX_LINE = 1024
#: What is kept of a source; an hour in a busy port is a tenth of it.
MAX_BYTES = 64 << 20
_MAX_VESSELS = 5000
#: Fragments waiting for the rest of their message.
_MAX_OPEN = 64
_EARTH_M = 6_371_008.8
_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Seen:
    """A vessel by its latest messages; None is not told, or told to be unknown."""

    mmsi: str
    name: str | None = None
    imo: str | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    speed_kn: float | None = None
    messages: int = 0

    def to_json(self, station: tuple[float, float] | None = None) -> dict[str, Any]:
        """Ready for JSON, with range and bearing from a station."""
        found = asdict(self)
        if station is not None and self.latitude_deg is not None and self.longitude_deg is not None:
            range_m, bearing_deg = range_and_bearing(
                *station, self.latitude_deg, self.longitude_deg
            )
            found |= {"range_m": round(range_m), "bearing_deg": round(bearing_deg, 1)}
        return found


def receive(source: str, seconds: float, out: Path) -> int:
    """Write the sentences of ``udp://host:port`` or ``tcp://host:port`` to a new file.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    EvidenceError
        The source is of no kind that is known, or the file exists.
    SourceError
        Nobody answers, or the port is taken.
    """
    parts = urlsplit(source)
    try:
        port = parts.port
    except ValueError as exc:
        raise EvidenceError(f"{source!r}: {exc}") from exc
    if parts.scheme not in ("udp", "tcp") or not parts.hostname or port is None:
        raise EvidenceError(
            f"{source!r} is no source of AIS; give udp://host:port, tcp://host:port or a file"
        )
    link = _listen(source, parts.scheme, (parts.hostname, port))
    try:
        with link, out.open("xb") as file:
            link.settimeout(_WAIT_S)
            return _copy(link, file.write, seconds)
    except FileExistsError as exc:
        raise EvidenceError(f"{out} exists; choose another name") from exc


def _listen(source: str, scheme: str, address: tuple[str, int]) -> socket.socket:
    try:
        if scheme == "tcp":
            return socket.create_connection(address, timeout=5)
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            link.bind(address)
        except OSError:
            link.close()
            raise
    except OSError as exc:
        raise SourceNotFound(
            f"no AIS from there ({exc}); check address and port", uri=source
        ) from exc
    return link


def _copy(link: socket.socket, write: Any, seconds: float) -> int:
    stop, count = time.monotonic() + seconds, 0
    while time.monotonic() < stop and count < MAX_BYTES:
        try:
            data = link.recv(1 << 16)
        except TimeoutError:
            continue
        except OSError as exc:
            raise SourceError(f"AIS ended: {exc}") from exc
        if not data and link.type == socket.SOCK_STREAM:
            break
        write(data if link.type == socket.SOCK_STREAM or data.endswith(b"\n") else data + b"\n")
        count += len(data)
    return count


def vessels(path: Path) -> tuple[list[Seen], int]:
    """The vessels of a file of sentences, and how many lines could not be read.

    Raises
    ------
    EvidenceError
        The file cannot be read, or is too large.
    """
    found: dict[str, Seen] = {}
    bad = 0
    for message in _messages(path):
        if message is None:
            bad += 1
            continue
        mmsi = f"{int(message['mmsi']):09}"
        if mmsi in found or len(found) < _MAX_VESSELS:
            found[mmsi] = _updated(found.get(mmsi, Seen(mmsi)), message)
    return sorted(found.values(), key=lambda seen: seen.mmsi), bad


def _messages(path: Path) -> Iterator[dict[str, Any] | None]:
    """Decoded messages; None for a line that is damaged or cannot be completed."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise EvidenceError(f"{path} is larger than {MAX_BYTES} bytes; cut out the visit")
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise EvidenceError(f"{path} cannot be read: {exc.strerror}") from exc
    waiting: dict[tuple[bytes, ...], dict[int, bytes]] = {}
    for line in lines:
        sentence = line.strip().rpartition(b"\\")[2]  # a tag block stands before it
        if not sentence:
            continue
        fields = sentence.split(b",")
        if len(sentence) > _MAX_LINE or not _checked(sentence) or len(fields) < 7:
            yield None
            continue
        total, number = fields[1], fields[2]
        if total == b"1":
            yield _decoded([sentence])
            continue
        if not (total.isdigit() and number.isdigit()):
            yield None
            continue
        key = (total, fields[3], fields[4])
        parts = waiting.setdefault(key, {})
        parts[int(number)] = sentence
        if len(parts) == int(total):
            yield _decoded([parts[place] for place in sorted(parts)])
            del waiting[key]
        elif len(waiting) > _MAX_OPEN:
            del waiting[next(iter(waiting))]
            yield None


def _checked(sentence: bytes) -> bool:
    """Whether it is an AIS sentence whose checksum holds."""
    body, star, given = sentence[1:].partition(b"*")
    total = 0
    for byte in body:
        total ^= byte
    return sentence[:1] == b"!" and bool(star) and given[:2].upper() == b"%02X" % total


def _decoded(parts: list[bytes]) -> dict[str, Any] | None:
    try:
        found = decode(*parts).asdict()
        # A cut-off message decodes to zeros: nobody has the number 0.
        mmsi = found.get("mmsi")
        return found if isinstance(mmsi, int) and mmsi > 0 else None
    except (AISBaseException, ValueError, TypeError, IndexError, KeyError, OverflowError):
        return None


def _updated(seen: Seen, message: dict[str, Any]) -> Seen:
    name = "".join(c for c in str(message.get("shipname") or "") if c.isprintable()).strip("@ ")
    latitude = _within(message.get("lat"), 90)
    longitude = _within(message.get("lon"), 180)
    changes: dict[str, Any] = {"messages": seen.messages + 1}
    if name:
        changes["name"] = name[:40]
    if imo := message.get("imo"):
        changes["imo"] = str(imo)
    if latitude is not None and longitude is not None:
        changes |= {"latitude_deg": latitude, "longitude_deg": longitude}
        speed = message.get("speed")
        changes["speed_kn"] = speed if isinstance(speed, float) and speed < 102.3 else None
    return replace(seen, **changes)


def _within(value: Any, limit: float) -> float | None:
    """AIS says 91 and 181 degrees for unknown."""
    if isinstance(value, (int, float)) and abs(value) <= limit:  # false for NaN
        return round(float(value), 6)
    return None


def range_and_bearing(
    from_latitude_deg: float, from_longitude_deg: float, latitude_deg: float, longitude_deg: float
) -> tuple[float, float]:
    """Great-circle distance in metres, and initial bearing in degrees from true north."""
    a, b = math.radians(from_latitude_deg), math.radians(latitude_deg)
    across = math.radians(longitude_deg - from_longitude_deg)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    bearing = math.atan2(
        math.sin(across) * math.cos(b),
        math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(across),
    )
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half))), math.degrees(bearing) % 360


def doubts(seen: list[Seen], mmsi: str | None, imo: str | None) -> list[str]:
    """What AIS says against the identity that the case states."""
    said = []
    for one in seen:
        if one.imo is not None:
            try:
                imo_number(one.imo)
            except EvidenceError as exc:
                said.append(f"MMSI {one.mmsi} sends a wrong IMO number: {exc}")
    own = next((one for one in seen if mmsi is not None and one.mmsi == mmsi), None)
    if mmsi is not None and own is None:
        said.append(f"no message of MMSI {mmsi} was received")
    if own is not None and imo is not None and own.imo not in (None, imo):
        said.append(f"MMSI {mmsi} sends IMO number {own.imo}, and the case says {imo}")
    return said
