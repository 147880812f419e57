"""What GNU Radio's PUB sink sends, byte by byte as GNU Radio 3.10 does."""

from __future__ import annotations

import struct

NIL = b"\x06"


def symbol(name: str) -> bytes:
    return b"\x02" + struct.pack(">H", len(name)) + name.encode()


def double(value: float) -> bytes:
    return b"\x04" + struct.pack(">d", value)


def tag(sample: int, name: str, value: bytes, origin: bytes = NIL) -> bytes:
    return struct.pack("<Q", sample) + symbol(name) + value + origin


def tagged(offset: int, samples: bytes, *tags: bytes) -> bytes:
    return struct.pack("<HBQQ", 0x5FF0, 1, offset, len(tags)) + b"".join(tags) + samples
