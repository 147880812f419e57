"""MATLAB files up to version 7 (``save -v7`` and ``-v6``).

Read here and not by scipy, whose reader ends the whole process on some damaged
files; only numeric vectors are of interest, and their layout is simple (MathWorks,
"MAT-File Format", Level 5). A compressed variable cannot be read in pieces: the
samples are held in memory, so their number is capped.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from sdr_detect.datatype import Datatype, to_complex64
from sdr_detect.errors import FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.stated import one_capture
from sdr_detect.formats.store import ArrayStore
from sdr_detect.formats.variables import Variable, pick_rate, pick_samples
from sdr_detect.model import ComplexArray

NAME = "mat"
ORDER = 40

#: Numbers beyond this are refused: they would not fit the memory budget.
MAX_NUMBERS = 16_000_000

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_COMPLEX = 0x08
_MAX_ELEMENTS = 10_000
#: Array class, and type of the stored numbers, to NumPy type.
_CLASSES = {
    **{6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2"},
    **{11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"},
}
_STORED = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4"},
    **{6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}


class _Bytes(Protocol):
    def read(self, count: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Vector:
    """A numeric vector or scalar; ``parts`` holds real and, if complex, imaginary values."""

    name: str
    parts: tuple[NDArray[np.generic], ...]

    @property
    def variable(self) -> Variable:
        first = self.parts[0]
        return Variable(self.name, len(first), len(self.parts) == 2, first.dtype.name)


class _Inflating:
    """Bytes of a zlib stream, never more in memory than asked for."""

    def __init__(self, source: BinaryIO):
        self._source = source
        self._state = zlib.decompressobj()

    def read(self, count: int) -> bytes:
        out = bytearray()
        while len(out) < count and not self._state.eof:
            data = self._state.unconsumed_tail or self._source.read(1 << 16)
            if not data:
                break
            out += self._state.decompress(data, count - len(out))
        return bytes(out)


def sniff(_path: Path, head: bytes) -> bool:
    """The text header of MATLAB 5, with its byte-order mark."""
    return head.startswith(b"MATLAB 5.0 MAT-file") and head[126:128] in (b"IM", b"MI")


def open_file(path: Path, spec: RawSpec) -> Recording:
    """Load the samples.

    Raises
    ------
    FormatError
        Damaged, ambiguous, or without a sample rate.
    UnsupportedError
        No IQ in it, or too large for this form.
    """
    if spec.datatype is not None:
        raise FormatError("is a MATLAB file, which states its type; leave --format out", path=path)
    notes: list[str] = []
    with path.open("rb") as file:
        vectors = {vector.name: vector for vector in _vectors(path, file)}
    scalars = {
        name: float(v.parts[0][0])
        for name, v in vectors.items()
        if len(v.parts) == 1 and len(v.parts[0]) == 1
    }
    picked = pick_samples(path, [v.variable for v in vectors.values()])
    notes.append(f"samples from {' and '.join(str(v) for v in picked)}")
    parts = [part for v in picked for part in vectors[v.name].parts]
    samples, clip_level = _samples(parts)
    capture = one_capture(
        path,
        spec,
        notes,
        sample_count=len(samples),
        clip_level=clip_level,
        rate_hz=None if spec.sample_rate_hz else pick_rate(path, scalars, notes),
    )
    return Recording(
        path=path,
        kind=f"{NAME}/{picked[0].type_name}",
        store=ArrayStore(samples),
        captures=[capture],
        notes=notes,
    )


def _samples(parts: list[NDArray[np.generic]]) -> tuple[ComplexArray, float | None]:
    """I and Q interleaved and scaled like those of any other file."""
    dtype = parts[0].dtype
    pair = np.stack(parts, axis=-1)
    bits = 8 * dtype.itemsize
    if dtype.kind == "f" or bits == 64:
        with np.errstate(over="ignore", invalid="ignore"):
            return pair.astype(np.float32).view(np.complex64).ravel(), None
    datatype = Datatype("i" if dtype.kind == "i" else "u", bits)
    out = np.empty(len(pair), np.complex64)
    little = pair.astype(dtype.newbyteorder("<"))
    to_complex64(little.reshape(-1).view(np.uint8), datatype, out)
    return out, datatype.clip_level


def _vectors(path: Path, file: BinaryIO) -> Iterator[_Vector]:
    """The numeric vectors and scalars among the top-level variables."""
    order = "<" if file.read(_HEADER_BYTES)[126:] == b"IM" else ">"
    position, budget = _HEADER_BYTES, MAX_NUMBERS
    for _ in range(_MAX_ELEMENTS):
        file.seek(position)
        tag = file.read(8)
        if len(tag) < 8:
            return
        kind, size = struct.unpack(f"{order}II", tag)
        element = _Element(path, file, order)
        if kind == _COMPRESSED:
            element = _Element(path, _Inflating(file), order)
            kind, _ = element.tag()
        vector = element.vector(budget) if kind == _MATRIX else None
        if vector is not None:
            budget -= sum(len(part) for part in vector.parts)
            yield vector
        position += 8 + size


class _Element:
    """One ``miMATRIX`` element, read part by part."""

    def __init__(self, path: Path, source: _Bytes, order: str):
        self._path, self._source, self._order = path, source, order

    def _take(self, count: int) -> bytes:
        try:
            data = self._source.read(count)
        except zlib.error as exc:
            raise FormatError(f"a compressed variable is damaged ({exc})", path=self._path) from exc
        if len(data) < count:
            raise TruncatedError("ends inside a variable", path=self._path)
        return data

    def tag(self) -> tuple[int, int]:
        """Type and size of the next element."""
        kind, size = struct.unpack(f"{self._order}II", self._take(8))
        return kind, size

    def _part(self, most: int) -> tuple[int, bytes]:
        """Type and data of the next sub-element; short ones lie inside their tag."""
        raw = self._take(8)
        kind, size = struct.unpack(f"{self._order}II", raw)
        if kind >> 16:
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise FormatError(f"a short element of {size} bytes is damaged", path=self._path)
            return kind, raw[4 : 4 + size]
        if size > most:
            raise FormatError(
                f"an element of {size} bytes, where at most {most} fit, is damaged", path=self._path
            )
        data = self._take(size)
        self._source.read(-size % 8)  # elements are padded to 8 bytes; the last may lack it
        return kind, data

    def vector(self, budget: int) -> _Vector | None:
        """The variable, or None when it is no numeric vector.

        Raises
        ------
        UnsupportedError
            It has more numbers than ``budget``.
        """
        _, flags = self._part(8)
        _, dims = self._part(8 * 32)
        _, name = self._part(4096)
        if len(flags) < 8 or len(dims) % 4:
            raise FormatError("the head of a variable is damaged", path=self._path)
        word = struct.unpack_from(f"{self._order}I", flags)[0]
        shape = struct.unpack(f"{self._order}{len(dims) // 4}i", dims)
        dtype = _CLASSES.get(word & 0xFF)
        count = max(shape, default=0)
        if dtype is None or count < 1 or any(length != 1 for length in sorted(shape)[:-1]):
            return None
        complex_parts = 2 if (word >> 8) & _COMPLEX else 1
        if count * complex_parts > budget:
            raise UnsupportedError(
                f"holds over {MAX_NUMBERS} numbers; this MATLAB form is not read in pieces: "
                "save it with -v7.3, or as raw samples",
                path=self._path,
            )
        parts = tuple(self._numbers(count, dtype) for _ in range(complex_parts))
        return _Vector(name.decode("ascii", "replace"), parts)

    def _numbers(self, count: int, dtype: str) -> NDArray[np.generic]:
        """Values of one part; MATLAB stores them in the smallest type that holds them."""
        kind, data = self._part(8 * count)
        stored = _STORED.get(kind)
        if stored is None or len(data) != count * int(stored[1]):
            raise FormatError(
                f"{len(data)} bytes of type {kind} are not {count} numbers", path=self._path
            )
        values = np.frombuffer(data, np.dtype(f"{self._order}{stored}"))
        with np.errstate(invalid="ignore", over="ignore"):
            return values.astype(dtype)
