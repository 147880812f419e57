"""Messages of GNU Radio's ZeroMQ PUB sink, as bytes. No socket is touched here.

A message is the samples alone, in one part; with a key, the key comes first in a
part of its own. With ``pass_tags`` the samples follow a header: magic number,
version, index of the first sample and count of tags in the sender's byte order
(little-endian everywhere it runs), then for each tag the index of its sample and
three PMTs (GNU Radio's self-describing values, big-endian): name, value, origin.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdr_detect.errors import FormatError

Buffer = bytes | memoryview

MAGIC = 0x5FF0
VERSION = 1

_HEADER = struct.Struct("<HBQQ")
_INDEX = struct.Struct("<Q")

#: Some 10 000 tags; a header beyond this is not read to its end.
MAX_HEADER_BYTES = 1 << 18

_U16, _U32 = struct.Struct(">H"), struct.Struct(">I")

#: Numbers, by the byte that PMTs of their type begin with.
_NUMBERS = {
    0x03: struct.Struct(">i"),
    0x04: struct.Struct(">d"),
    0x0B: struct.Struct(">Q"),
    0x0D: struct.Struct(">q"),
}
_SYMBOL = 0x02
_UNIFORM = 0x0A
#: Bytes after the first one of types that hold no other PMT and are not read:
#: true, false, complex, nil.
_SKIPPED = {0x00: 0, 0x01: 0, 0x05: 16, 0x06: 0}
#: A pair, and an entry of a dictionary with what follows it.
_PAIRS = (0x07, 0x09)
#: A vector and a tuple.
_LISTS = (0x08, 0x0C)
#: Bytes of one element of a uniform vector: u8, s8, u16 … s64, f32, f64, c32, c64.
_ELEMENT_BYTES = (1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 16)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one message holds.

    Parameters
    ----------
    samples : memoryview
    offset : int or None
        Index of the first sample; None without header.
    settings : mapping
        Tags whose value is a number, by name; the last one of a name.
    """

    samples: memoryview
    offset: int | None = None
    settings: Mapping[str, float] = field(default_factory=dict)


def split(parts: Sequence[Buffer]) -> tuple[bytes, memoryview]:
    """Key and the rest of a message; the key is empty if there is none.

    Raises
    ------
    FormatError
        It has neither one part nor two.
    """
    if len(parts) not in (1, 2):
        raise FormatError(f"a message of {len(parts)} parts is none of GNU Radio's PUB sink")
    return bytes(b"" if len(parts) == 1 else parts[0]), memoryview(parts[-1]).cast("B")


def has_header(body: Buffer) -> bool:
    """Whether a stream that begins so has headers; one of noise does once in 2**24."""
    return bytes(body[:3]) == struct.pack("<HB", MAGIC, VERSION)


def read_header(body: memoryview) -> Piece:
    """Take a message with a header apart.

    Raises
    ------
    FormatError
        The header is of another version, damaged or too long.
    """
    cursor = _Cursor(body[:MAX_HEADER_BYTES])
    magic, version, offset, tags = cursor.read(_HEADER)
    if (magic, version) != (MAGIC, VERSION) or offset >= 1 << 63:
        raise FormatError(
            f"the header begins with {magic:#06x}, version {version}, sample {offset}; "
            f"GNU Radio's begins with {MAGIC:#06x}, version {VERSION}"
        )
    settings: dict[str, float] = {}
    for _ in range(tags):
        cursor.read(_INDEX)
        name, value, _origin = _value(cursor), _value(cursor), _value(cursor)
        if isinstance(name, str) and isinstance(value, int | float):
            settings[name] = float(value)
    return Piece(body[cursor.place :], offset, settings)


class _Cursor:
    """Reads on, and not beyond the end."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.place = 0

    def take(self, count: int) -> memoryview:
        if count > len(self._data) - self.place:
            raise FormatError(
                f"the header of tags is cut off, or longer than {MAX_HEADER_BYTES} bytes",
                byte=self.place,
            )
        self.place += count
        return self._data[self.place - count : self.place]

    def read(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.take(form.size))

    def count(self, form: struct.Struct) -> int:
        return int(self.read(form)[0])


def _value(cursor: _Cursor) -> str | int | float | None:
    """The next PMT if it is a name or a number; None, and past it, if something else."""
    kind = cursor.take(1)[0]
    if kind == _SYMBOL:
        return bytes(cursor.take(cursor.count(_U16))).decode(errors="replace")
    if kind in _NUMBERS:
        number: int | float = cursor.read(_NUMBERS[kind])[0]
        return number
    # Not by recursion: how deep they are nested is the sender's choice. Each takes
    # a byte at least, so that the header's length bounds the loop.
    pending = _skip(cursor, kind)
    while pending:
        pending += _skip(cursor, cursor.take(1)[0]) - 1
    return None


def _skip(cursor: _Cursor, kind: int) -> int:
    """Skip one PMT whose first byte was taken; how many PMTs it holds, which follow."""
    if kind in _PAIRS:
        return 2
    if kind in _LISTS:
        return cursor.count(_U32)
    if kind in _NUMBERS:
        cursor.take(_NUMBERS[kind].size)
    elif kind in _SKIPPED:
        cursor.take(_SKIPPED[kind])
    elif kind == _SYMBOL:
        cursor.take(cursor.count(_U16))
    elif kind == _UNIFORM:
        _skip_uniform(cursor)
    else:
        raise FormatError(f"the header holds a PMT of unknown type {kind:#04x}", byte=cursor.place)
    return 0


def _skip_uniform(cursor: _Cursor) -> None:
    """Type of its elements, how many, how many bytes of padding, padding, elements."""
    kind = cursor.take(1)[0]
    if kind >= len(_ELEMENT_BYTES):
        raise FormatError(f"the header holds a vector of unknown type {kind:#04x}")
    count = cursor.count(_U32)
    cursor.take(cursor.take(1)[0])
    cursor.take(count * _ELEMENT_BYTES[kind])
