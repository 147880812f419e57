"""MATLAB files up to version 7 (``save -v7``), read by scipy.

This form cannot be read in pieces: the samples are held in memory, so its size
is capped.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.convert import Datatype, to_complex64
from sdr_detect.formats.stated import one_capture
from sdr_detect.formats.store import ArrayStore
from sdr_detect.formats.variables import Variable, pick_rate, pick_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "mat"
ORDER = 40

#: Samples beyond this are refused: as read by scipy they take up to 40 bytes each.
MAX_SAMPLES = 10_000_000

_NUMBERS = {"double", "single"} | {f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64)}


def sniff(_path: Path, head: bytes) -> bool:
    """The text header of MATLAB 5, with its version and byte-order mark."""
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
    arrays = _load(path)
    scalars = {name: float(array.item().real) for name, array in arrays.items() if array.size == 1}
    variables = [
        Variable(name, array.size, array.dtype.kind == "c", array.dtype.name)
        for name, array in arrays.items()
    ]
    picked = pick_samples(path, variables)
    notes.append(f"samples from {' and '.join(str(v) for v in picked)}")
    samples, clip_level = _samples([arrays[v.name] for v in picked])
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


def _load(path: Path) -> dict[str, NDArray[Any]]:
    """All numeric vectors and scalars."""
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    try:
        names = []
        total = 0
        for name, shape, kind in whosmat(path):
            long_axes = [length for length in shape if length != 1]
            if kind in _NUMBERS and len(long_axes) <= 1 and 0 not in shape:
                names.append(name)
                total += max(shape)
        if total > MAX_SAMPLES:
            raise UnsupportedError(
                f"holds {total} numbers; this MATLAB form is not read in pieces, so at most "
                f"{MAX_SAMPLES} are: save it with -v7.3, or as raw samples",
                path=path,
            )
        loaded = loadmat(path, variable_names=names) if names else {}
    except (
        MatReadError,
        ValueError,
        TypeError,
        KeyError,
        OSError,
        EOFError,
        OverflowError,
        NotImplementedError,
        zlib.error,
        struct.error,
    ) as exc:
        raise FormatError(f"is a damaged MATLAB file ({exc})", path=path) from exc
    return {name: np.asarray(loaded[name]).ravel() for name in names if name in loaded}


def _samples(arrays: list[NDArray[Any]]) -> tuple[NDArray[np.complex64], float | None]:
    if len(arrays) == 1:
        with np.errstate(over="ignore", invalid="ignore"):
            return arrays[0].astype(np.complex64), None
    bits = 8 * arrays[0].dtype.itemsize
    kind = arrays[0].dtype.kind
    pair = np.stack(arrays, axis=-1)
    if kind not in "iu" or bits > 32:
        return pair.astype(np.float32).view(np.complex64).ravel(), None
    datatype = Datatype("i" if kind == "i" else "u", bits)
    out = np.empty(len(pair), np.complex64)
    little = pair.astype(pair.dtype.newbyteorder("<"))
    to_complex64(little.reshape(-1).view(np.uint8), datatype, out)
    return out, datatype.clip_level
