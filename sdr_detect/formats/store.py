"""Where the samples of a recording lie.

They are read in chunks, never mapped: a mapped file counts as the process's
memory, and kills the process when somebody shortens it.
"""

from __future__ import annotations

import hashlib
import math
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdr_detect.datatype import BATCH_SAMPLES, Datatype, to_complex64
from sdr_detect.errors import FormatError, TruncatedError, unreadable
from sdr_detect.model import ComplexArray

_HASH_BYTES = 1 << 20


class Store(Protocol):
    """Random access to stored samples, in the order of the file."""

    @property
    def sample_count(self) -> int:
        """Samples it holds."""
        ...

    def read_into(self, start: int, out: ComplexArray) -> None:
        """Fill ``out`` with the samples from ``start`` on."""
        ...

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class FileRange:
    """The bytes a digest covers."""

    path: Path
    offset: int = 0
    size: int | None = None

    def digest(self, algorithm: str) -> str:
        """Hexadecimal digest, computed in constant memory.

        Raises
        ------
        FormatError
            The disk, or a server, does not give the bytes.
        """
        state = hashlib.new(algorithm)
        left = math.inf if self.size is None else self.size
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                while left > 0 and (chunk := file.read(int(min(left, _HASH_BYTES)))):
                    state.update(chunk)
                    left -= len(chunk)
        except OSError as exc:
            raise unreadable(exc, self.path) from exc
        return state.hexdigest()


class PackedStore:
    """Interleaved samples at a byte offset of a file.

    Parameters
    ----------
    path : Path
    datatype : Datatype
    offset : int
        Byte of the first sample.
    sample_count : int
    headers : sequence of (int, int)
        Ascending (stored sample, bytes of foreign data before it).

    Raises
    ------
    FormatError
        The file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        datatype: Datatype,
        *,
        offset: int,
        sample_count: int,
        headers: Sequence[tuple[int, int]] = (),
    ):
        self._path = path
        self.datatype = datatype
        self._sample_count = sample_count
        self._offset = offset
        self._header_at = [sample for sample, _ in headers]
        self._header_sum = [0]
        for _, size in headers:
            self._header_sum.append(self._header_sum[-1] + size)
        self._lock = threading.Lock()
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as exc:
            raise FormatError(f"cannot be opened ({exc.strerror})", path=path) from exc

    @property
    def sample_count(self) -> int:
        """Samples it holds."""
        return self._sample_count

    @property
    def extent(self) -> FileRange | None:
        """The bytes of the samples; None when other data lie between them."""
        if len(self._header_at) > 1:
            return None
        first = self._offset + self._header_sum[-1]
        return FileRange(self._path, first, self._sample_count * self.datatype.sample_bytes)

    def read_into(self, start: int, out: ComplexArray) -> None:
        """Fill ``out``; safe from several threads.

        Raises
        ------
        TruncatedError
            The file became shorter since it was opened.
        FormatError
            The disk, or a server, does not give the bytes.
        """
        size = self.datatype.sample_bytes
        byte = self._byte(start)
        scratch = np.empty(min(len(out), BATCH_SAMPLES) * size, np.uint8)
        with self._lock:
            self._file.seek(byte)
            for first in range(0, len(out), BATCH_SAMPLES):
                piece = out[first : first + BATCH_SAMPLES]
                raw = scratch[: len(piece) * size]
                self._fill(raw, byte + first * size)
                to_complex64(raw, self.datatype, piece)

    def read_raw(self, start: int, count: int) -> NDArray[np.uint8]:
        """The bytes of samples as they are stored; safe from several threads.

        Foreign data lie at starts of captures only: read within one capture.

        Raises
        ------
        TruncatedError
            The file became shorter since it was opened.
        FormatError
            The disk, or a server, does not give the bytes.
        """
        raw = np.empty(count * self.datatype.sample_bytes, np.uint8)
        byte = self._byte(start)
        with self._lock:
            self._file.seek(byte)
            self._fill(raw, byte)
        return raw

    def _byte(self, start: int) -> int:
        """Where a sample lies in the file."""
        foreign = self._header_sum[bisect_right(self._header_at, start)]
        return self._offset + foreign + start * self.datatype.sample_bytes

    def _fill(self, raw: NDArray[np.uint8], byte: int) -> None:
        view = raw.data
        while view:
            try:
                got = self._file.readinto(view)
            except OSError as exc:
                raise unreadable(exc, self._path, byte + raw.size - len(view)) from exc
            if not got:
                raise TruncatedError(
                    f"ends {len(view)} bytes early: it was shortened while being read",
                    path=self._path,
                    byte=byte,
                )
            view = view[got:]

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()


class ArrayStore:
    """Samples held in memory, for formats that cannot be read in pieces.

    Parameters
    ----------
    samples : (n,) complex64
    """

    def __init__(self, samples: ComplexArray):
        self._samples = samples

    @property
    def sample_count(self) -> int:
        """Samples it holds."""
        return len(self._samples)

    def read_into(self, start: int, out: ComplexArray) -> None:
        """Fill ``out``."""
        out[:] = self._samples[start : start + len(out)]

    def close(self) -> None:
        """Release nothing: the memory goes with the object."""
