"""HDF5: data sets of ITU-R SM.2117, or vectors of the root group (MATLAB 7.3), in pieces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdr_detect.datatype import BATCH_SAMPLES, Datatype, to_complex64
from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.formats import sm2117
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.stated import one_capture
from sdr_detect.formats.variables import Variable, pick_rate, pick_samples
from sdr_detect.model import ComplexArray

if TYPE_CHECKING:
    import h5py

NAME = "hdf5"
ORDER = 50

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def sniff(_path: Path, head: bytes) -> bool:
    """The signature, at the start or behind a user block of a power of two."""
    return any(head[at : at + 8] == _SIGNATURE for at in (0, 512, 1024, 2048))


class Hdf5Store:
    """One complex dataset, or two of I and Q.

    Parameters
    ----------
    file : h5py.File
    datasets : list of h5py.Dataset
    datatype : Datatype
        Of one component.
    """

    def __init__(self, file: h5py.File, datasets: list[h5py.Dataset], datatype: Datatype):
        self._file = file
        self._datasets = datasets
        self._datatype = datatype

    @property
    def sample_count(self) -> int:
        """Samples it holds."""
        return int(max(self._datasets[0].shape))

    def read_into(self, start: int, out: ComplexArray) -> None:
        """Fill ``out``.

        Raises
        ------
        FormatError
            The file is damaged at this place.
        """
        for first in range(0, len(out), BATCH_SAMPLES):
            piece = out[first : first + BATCH_SAMPLES]
            rows = [self._rows(d, start + first, len(piece)) for d in self._datasets]
            joined = rows[0] if len(rows) == 1 else np.stack(rows, axis=-1)
            raw = np.ascontiguousarray(joined).reshape(-1).view(np.uint8)
            to_complex64(raw, self._datatype, piece)

    def _rows(self, dataset: h5py.Dataset, start: int, count: int) -> np.ndarray[Any, Any]:
        long_axis = int(np.argmax(dataset.shape))
        where = tuple(
            slice(start, start + count) if axis == long_axis else 0 for axis in range(dataset.ndim)
        )
        try:
            return np.asarray(dataset[where])
        except (OSError, RuntimeError, ValueError, KeyError) as exc:
            raise FormatError(
                f"cannot be read at sample {start} ({exc})", path=self._file.filename
            ) from exc

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()


def open_file(path: Path, spec: RawSpec) -> Recording:
    """Open in place, whatever the size.

    Raises
    ------
    FormatError
        Damaged, ambiguous, or without a sample rate.
    UnsupportedError
        No IQ in its root group.
    """
    import h5py

    if spec.datatype is not None:
        raise FormatError("is an HDF5 file, which states its type; leave --format out", path=path)
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as exc:
        raise FormatError(f"is a damaged HDF5 file ({exc})", path=path) from exc
    try:
        return _recording(path, spec, file)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as exc:
        file.close()
        raise FormatError(f"is a damaged HDF5 file ({exc})", path=path) from exc
    except FormatError:
        file.close()
        raise


def _recording(path: Path, spec: RawSpec, file: h5py.File) -> Recording:
    if sets := sm2117.data_sets(file):
        return sm2117.recording(path, spec, sets)
    notes: list[str] = []
    datasets = _vectors(file)
    variables = [
        Variable(name, max(d.shape), _is_complex(d.dtype), _component(d.dtype).name)
        for name, d in datasets.items()
    ]
    picked = pick_samples(path, variables)
    notes.append(f"samples from {' and '.join(str(v) for v in picked)}")
    chosen = [datasets[v.name] for v in picked]
    if any(d.external or d.is_virtual for d in chosen):
        raise UnsupportedError("keeps its samples in other files; join them first", path=path)
    datatype = _datatype(path, chosen[0].dtype)
    capture = one_capture(
        path,
        spec,
        notes,
        sample_count=max(chosen[0].shape),
        clip_level=datatype.clip_level,
        rate_hz=None if spec.sample_rate_hz else pick_rate(path, _scalars(datasets), notes),
    )
    return Recording(
        path=path,
        kind=f"{NAME}/{datatype.name}",
        store=Hdf5Store(file, chosen, datatype),
        captures=[capture],
        notes=notes,
    )


def _vectors(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Numeric vectors and scalars that lie in this very file."""
    import h5py

    found = {}
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            continue
        item = file[name]
        if not isinstance(item, h5py.Dataset) or not item.shape or 0 in item.shape:
            continue
        if item.attrs.get("MATLAB_class") == b"char":  # text is stored as uint16
            continue
        if sum(length != 1 for length in item.shape) <= 1 and (
            _is_complex(item.dtype) or item.dtype.kind in "fiu"
        ):
            found[name] = item
    return found


def _is_complex(dtype: np.dtype[Any]) -> bool:
    """Complex, or MATLAB's pair of fields ``real`` and ``imag``."""
    return dtype.kind == "c" or dtype.names == ("real", "imag")


def _component(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind == "c":
        return np.dtype(f"{dtype.str[0]}f{dtype.itemsize // 2}")
    return dtype.fields["real"][0] if dtype.fields else dtype


def _datatype(path: Path, dtype: np.dtype[Any]) -> Datatype:
    part = _component(dtype)
    bits = 8 * part.itemsize
    packed = not dtype.fields or dtype.itemsize == 2 * part.itemsize
    if not packed or (part.kind, bits) not in {
        ("f", 32),
        ("f", 64),
        *((kind, size) for kind in "iu" for size in (8, 16, 32)),
    }:
        raise UnsupportedError(f"samples of type {dtype} are not read", path=path)
    kind: Any = part.kind
    return Datatype(kind, bits, big_endian=part.str.startswith(">"))


def _scalars(datasets: dict[str, h5py.Dataset]) -> dict[str, float]:
    return {
        name: float(d[(0,) * d.ndim])
        for name, d in datasets.items()
        if d.size == 1 and d.dtype.kind in "fiu"
    }
