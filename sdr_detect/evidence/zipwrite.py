"""Writes archives of the one form that `ziplayout` describes, in constant memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sdr_detect.errors import SinkError
from sdr_detect.evidence.ziplayout import NAME, Layout, Member, tail

_PIECE_BYTES = 1 << 20


class ZipWriter:
    """A new archive, whole under its own name only once `finish` has returned.

    Parameters
    ----------
    path : Path
        Written as ``NAME.part`` until it is complete; nothing is overwritten.

    Raises
    ------
    SinkError
        A file is there, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.members: list[Member] = []
        self.digests: dict[str, str] = {}
        self._offset = 0
        self._taken: set[str] = set()
        if path.exists():
            raise SinkError(f"{path} exists, and packages are never replaced; choose another name")
        try:
            self._file: BinaryIO = self.part.open("wb")
        except OSError as exc:
            raise self._refused(exc) from exc

    def add(self, name: str, content: bytes) -> None:
        """Add a member from memory. As `stream`."""
        self.stream(name, [content])

    def copy(self, name: str, source: Path) -> None:
        """Add a member from a file. As `stream`."""
        try:
            with source.open("rb") as file:
                self.stream(name, _pieces(file))
        except OSError as exc:
            raise SinkError(f"{source} cannot be read: {exc.strerror}") from exc

    def stream(self, name: str, content: Iterable[bytes]) -> None:
        """Add a member of any length.

        Raises
        ------
        ValueError
            The name is not plain, or taken.
        SinkError
            The disk takes no more.
        """
        if not NAME.fullmatch(name) or name.lower() in self._taken:
            raise ValueError(f"{name!r} is no plain name, or there already")
        digest, crc, size = hashlib.sha256(), 0, 0
        try:
            self._file.write(Member(name, 0, 0, self._offset).local_header())
            for piece in content:
                digest.update(piece)
                crc = zlib.crc32(piece, crc)
                size += len(piece)
                self._file.write(piece)
            member = Member(name, size, crc, self._offset)
            self._file.seek(member.offset)
            self._file.write(member.local_header())
            self._file.seek(member.stop)
            self._file.flush()
        except OSError as exc:
            raise self._refused(exc) from exc
        self._offset = member.stop
        self.members.append(member)
        self._taken.add(name.lower())
        self.digests[name] = digest.hexdigest()

    def finish(self) -> None:
        """Write the directory, bring all of it to the disk, and give it its name.

        Raises
        ------
        SinkError
            The disk takes no more.
        """
        directory = b"".join(member.directory_entry() for member in self.members)
        try:
            self._file.write(directory + tail(len(self.members), len(directory), self._offset))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.part.replace(self.path)
        except OSError as exc:
            raise self._refused(exc) from exc

    def _refused(self, exc: OSError) -> SinkError:
        return SinkError(f"{self.path} cannot be written: {exc.strerror}; no package was made")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was not finished is removed."""
        with contextlib.suppress(OSError):  # what could not be written is thrown away anyhow
            self._file.close()
        self.part.unlink(missing_ok=True)


def append(source: Path, layout: Layout, target: Path, name: str, content: bytes) -> None:
    """Copy an archive to ``target`` with one more member at its end.

    Raises
    ------
    SinkError
        ``target`` exists, or the disk takes no more.
    """
    with ZipWriter(target) as out, source.open("rb") as file:
        for member in layout.members:
            file.seek(member.start)
            out.stream(member.name, _pieces(file, member.size))
        out.add(name, content)
        out.finish()


def _pieces(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    left = size
    while left != 0:
        piece = file.read(_PIECE_BYTES if left is None else min(_PIECE_BYTES, left))
        if not piece:
            return
        yield piece
        if left is not None:
            left -= len(piece)
