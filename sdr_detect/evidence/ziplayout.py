"""ZIP files of which every byte is determined by names, sizes and contents.

A package is a ZIP64 archive any unzip program opens, but written in one form only:
members stored as they are, one after the other from byte 0, no time, no comment, no
extra field but ZIP64's. A reader can therefore compute what every header must be, and
what differs, or lies between, is named. Nothing is ever inflated or extracted.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

#: More members than any case has; a directory longer than that is an attack.
MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 64 << 20

#: Parts of plain letters joined by "/": nothing that a system could take for more.
NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}(?:/(?!\.)[A-Za-z0-9._-]{1,100}){0,5}")

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_EXTRA = struct.Struct("<2H2Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_CENTRAL_EXTRA = struct.Struct("<2H3Q")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")
TAIL_BYTES = _END64.size + _LOCATOR.size + _END.size

_VERSION = 45  # ZIP64
_UNIX = 3 << 8
_DATE = 0x21  # 1 January 1980, the earliest: times belong into the members
_REGULAR_FILE = 0o100644 << 16
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """One stored file: its header lies at ``offset``, its content at ``start``."""

    name: str
    size: int
    crc: int
    offset: int

    @property
    def start(self) -> int:
        """First byte of the content."""
        return self.offset + len(self.local_header())

    @property
    def stop(self) -> int:
        """Byte after the content."""
        return self.start + self.size

    def local_header(self) -> bytes:
        """The bytes before the content."""
        name = self.name.encode()
        return (
            _LOCAL.pack(
                b"PK\3\4", _VERSION, 0, 0, 0, _DATE, self.crc, _FULL32, _FULL32,
                len(name), _LOCAL_EXTRA.size,
            )
            + name
            + _LOCAL_EXTRA.pack(1, 16, self.size, self.size)
        )  # fmt: skip

    def directory_entry(self) -> bytes:
        """Its entry in the directory."""
        name = self.name.encode()
        return (
            _CENTRAL.pack(
                b"PK\1\2", _UNIX | _VERSION, _VERSION, 0, 0, 0, _DATE, self.crc, _FULL32, _FULL32,
                len(name), _CENTRAL_EXTRA.size, 0, 0, 0, _REGULAR_FILE, _FULL32,
            )
            + name
            + _CENTRAL_EXTRA.pack(1, 24, self.size, self.size, self.offset)
        )  # fmt: skip


def tail(count: int, size: int, offset: int) -> bytes:
    """The end records of a directory of ``count`` entries in ``size`` bytes at ``offset``."""
    end64 = _END64.pack(
        b"PK\6\6", _END64.size - 12, _UNIX | _VERSION, _VERSION, 0, 0, count, count, size, offset
    )
    locator = _LOCATOR.pack(b"PK\6\7", 0, offset + size, 1)
    end = _END.pack(b"PK\5\6", 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, 0)
    return end64 + locator + end


@dataclass(frozen=True, slots=True)
class Layout:
    """What an archive holds, and everything about its structure that is not as it must be.

    Parameters
    ----------
    members : tuple of Member
        As the directory lists them, but for those that are not there to be read.
    directory_offset : int
    faults : tuple of (str, str)
        Where (a member's name, or "archive") and what.
    """

    members: tuple[Member, ...]
    directory_offset: int
    faults: tuple[tuple[str, str], ...]


def read_layout(file: BinaryIO) -> Layout:
    """Read the directory and compare all that lies between the contents."""
    size = file.seek(0, os.SEEK_END)
    found = _find_directory(file, size)
    if isinstance(found, str):
        return Layout((), 0, (("archive", found),))
    count, length, offset = found
    file.seek(offset)
    members, faults = _parse_directory(file.read(length), count)
    faults += _names(members)
    faults += _walk(file, members, offset)
    readable = [member for member in members if member.stop <= offset]
    if sum(member.size for member in readable) > offset:
        readable = []  # they overlap: reading all of them could take for ever
    return Layout(tuple(readable), offset, tuple(faults))


def _find_directory(file: BinaryIO, size: int) -> tuple[int, int, int] | str:
    """Entries, bytes and offset of the directory, or what is wrong."""
    file.seek(max(0, size - TAIL_BYTES))
    end = file.read(TAIL_BYTES)
    if len(end) < TAIL_BYTES or end[-_END.size :][:4] != b"PK\5\6":
        return _no_end(file, size)
    if end[:4] != b"PK\6\6":
        return "its end has no ZIP64 record: not written by this program, or changed"
    *_, count, length, offset = _END64.unpack(end[: _END64.size])
    if count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        return (
            f"its directory claims {count} members in {length} bytes; at most {MAX_MEMBERS} in "
            f"{MAX_DIRECTORY_BYTES} are read"
        )
    if end != tail(count, length, offset):
        return "its end records contradict each other: they were changed"
    if offset + length + TAIL_BYTES != size:
        return (
            f"its directory should end at byte {size - TAIL_BYTES} and ends at {offset + length}: "
            "bytes were added or removed"
        )
    return count, length, offset


def _no_end(file: BinaryIO, size: int) -> str:
    reach = min(size, 1 << 16)
    file.seek(size - reach)
    place = file.read(reach).rfind(b"PK\5\6")
    if place >= 0 and reach - place > _END.size:
        return f"{reach - place - _END.size} bytes follow the end of the archive"
    return "no end of a ZIP archive: it was cut off, or is no package"


def _parse_directory(data: bytes, count: int) -> tuple[list[Member], list[tuple[str, str]]]:
    members: list[Member] = []
    faults: list[tuple[str, str]] = []
    place = 0
    for number in range(1, count + 1):
        fixed = data[place : place + _CENTRAL.size]
        if len(fixed) < _CENTRAL.size or fixed[:4] != b"PK\1\2":
            faults.append(("archive", f"entry {number} of its directory is damaged"))
            return members, faults
        head = _CENTRAL.unpack(fixed)
        name_length, extra_length, comment_length = head[10:13]
        stop = place + _CENTRAL.size + name_length + extra_length + comment_length
        entry = data[place:stop]
        raw = entry[_CENTRAL.size :][:name_length]
        extra = entry[_CENTRAL.size + name_length :][:extra_length]
        name = raw.decode("ascii", "backslashreplace")
        if len(extra) != _CENTRAL_EXTRA.size:
            faults.append((name, "its directory entry has no ZIP64 sizes: it was changed"))
            return members, faults
        _, _, size, _, offset = _CENTRAL_EXTRA.unpack(extra)
        member = Member(name, size, head[7], offset)
        members.append(member)
        if what := _entry_fault(head, raw, entry, member):
            faults.append((name, what))
        place = stop
    if place != len(data):
        faults.append(("archive", f"{len(data) - place} bytes follow the entries of its directory"))
    return members, faults


def _entry_fault(head: tuple[int, ...], raw: bytes, entry: bytes, member: Member) -> str | None:
    method, mode = head[4], head[15] >> 16
    if method:
        return f"is compressed (method {method}); members are stored as they are, and none inflated"
    if mode & 0o170000 == 0o120000:
        return "is a symbolic link; a package holds regular files only"
    if mode != 0o100644:
        return f"has the file mode {mode:o}; a package holds regular files only"
    if not raw.isascii() or entry != member.directory_entry():
        return "its directory entry is not as this program writes it: it was changed"
    return None


def _names(members: list[Member]) -> list[tuple[str, str]]:
    faults = []
    seen: dict[str, str] = {}
    for member in members:
        if not NAME.fullmatch(member.name):
            faults.append(
                (member.name, "its name could lead out of a folder or mislead; it is not used")
            )
        other = seen.setdefault(member.name.lower(), member.name)
        if other is not member.name:
            again = "is there twice" if other == member.name else f"is taken for {other} elsewhere"
            faults.append((member.name, again))
    return faults


def _walk(file: BinaryIO, members: list[Member], directory: int) -> list[tuple[str, str]]:
    """Every byte that is no content, compared with what it must be."""
    faults = []
    place = 0
    for member in members:
        if member.stop > directory:
            faults.append((member.name, f"claims {member.size} bytes, which are not there"))
            return faults
        if member.offset != place:
            faults.append(
                (
                    member.name,
                    f"should begin at byte {place} and begins at {member.offset}: bytes before it, "
                    "overlapping members, or another order",
                )
            )
        header = member.local_header()
        file.seek(member.offset)
        if file.read(len(header)) != header:
            faults.append((member.name, "its header differs from its directory entry"))
        place = member.stop
    if place != directory:
        faults.append(("archive", f"{directory - place} bytes follow the last member"))
    return faults


def pieces(file: BinaryIO, member: Member, size: int = 1 << 20) -> Iterator[bytes]:
    """The content in pieces; ends early where the file does."""
    file.seek(member.start)
    left = member.size
    while left and (piece := file.read(min(size, left))):
        yield piece
        left -= len(piece)
