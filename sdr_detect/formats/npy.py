"""NumPy ``.npy``: complex vectors, or pairs of numbers. Never pickled objects."""

from __future__ import annotations

import tokenize
import warnings
from pathlib import Path

import numpy as np

from sdr_detect.datatype import Datatype
from sdr_detect.errors import FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.stated import check_type, one_capture
from sdr_detect.formats.store import PackedStore

NAME = "npy"
ORDER = 30

_MAGIC = b"\x93NUMPY"


def sniff(_path: Path, head: bytes) -> bool:
    """The magic of the NPY format."""
    return head.startswith(_MAGIC)


def open_file(path: Path, spec: RawSpec) -> Recording:
    """Open in place, whatever the size.

    Raises
    ------
    TruncatedError
        Fewer samples are there than the header says.
    UnsupportedError
        Objects, or an array that is no vector of IQ.
    FormatError
        The header is damaged, or the rate is not stated.
    """
    notes: list[str] = []
    shape, fortran, dtype, offset = _header(path)
    datatype = _datatype(path, shape, fortran, dtype)
    check_type(path, spec, datatype, "a NumPy array")
    count = max(shape) if dtype.kind == "c" else shape[0]
    size = path.stat().st_size
    if offset + count * datatype.sample_bytes > size:
        raise TruncatedError(
            f"its header promises {count} samples, "
            f"{max(size - offset, 0) // datatype.sample_bytes} are there",
            path=path,
            byte=size,
        )
    capture = one_capture(path, spec, notes, sample_count=count, clip_level=datatype.clip_level)
    return Recording(
        path=path,
        kind=f"{NAME}/{datatype.name}",
        store=PackedStore(path, datatype, offset=offset, sample_count=count),
        captures=[capture],
        notes=notes,
    )


def _header(path: Path) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a header by Python 2: slower, no worse
            version = np.lib.format.read_magic(file)
            reader = readers.get(version)
            if reader is None:
                raise UnsupportedError(f"NPY version {version} is not read", path=path)
            shape, fortran, dtype = reader(file)
            return shape, fortran, dtype, file.tell()
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError) as exc:
        raise FormatError(f"its NPY header is damaged ({exc})", path=path) from exc


def _datatype(
    path: Path, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[np.generic]
) -> Datatype:
    """Complex ``(n,)``, ``(n, 1)`` or ``(1, n)``; or numbers ``(n, 2)``, row by row."""
    if dtype.hasobject:
        raise UnsupportedError(
            "holds pickled objects, which can run code and are never loaded; "
            "save a complex64 array instead",
            path=path,
        )
    long_axes = [length for length in shape if length != 1]
    if not shape or min(shape) < 1:
        raise FormatError(f"its shape {shape} holds no samples", path=path)
    bits = 8 * dtype.itemsize
    big = dtype.str.startswith(">")
    if dtype.kind == "c" and bits in (64, 128) and len(shape) <= 2 and len(long_axes) <= 1:
        return Datatype("f", bits // 2, big)
    pairs = len(shape) == 2 and shape[1] == 2 and not fortran
    if pairs and (
        (dtype.kind == "f" and bits in (32, 64)) or (dtype.kind in "iu" and bits in (8, 16, 32))
    ):
        return Datatype("f" if dtype.kind == "f" else "i" if dtype.kind == "i" else "u", bits, big)
    raise UnsupportedError(
        f"is an array of {dtype} with shape {shape}, not a complex vector (n,) nor pairs (n, 2)",
        path=path,
    )
