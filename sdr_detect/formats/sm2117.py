"""I/Q data sets of Recommendation ITU-R SM.2117 in an HDF5 file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdr_detect.datatype import BATCH_SAMPLES, Datatype, parse_datatype, to_complex64
from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.formats.base import Capture, RawSpec, Recording
from sdr_detect.formats.stated import one_capture
from sdr_detect.model import NS_PER_S, ComplexArray

if TYPE_CHECKING:
    import h5py

#: Attributes of a data set.
CLASS, RECOMMENDATION = "ITU-R data set class", "ITU-R Recommendation"
CENTER, RATE = "RF carrier frequency (Hz)", "Sampling frequency (Hz)"
SECONDS, NANOSECONDS = "Timestamp coarse (s)", "Timestamp fine (ns)"
#: Our own: index in the stream, and sample type before it was widened.
FIRST, ORIGIN = "User first sample", "User original datatype"
#: Field of a sample; a data set may have several, each with its suffix.
CHANNEL = "Channel_0"

_TYPES = {"<i2", ">i2", "<i4", ">i4", "<f4", ">f4"}


def data_sets(file: h5py.File) -> list[h5py.Dataset]:
    """All of the file that say they are, wherever they lie in it; links are not followed."""
    import h5py

    found: list[h5py.Dataset] = []

    def look(_name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and _text(item, CLASS) == "I/Q":
            found.append(item)

    file.visititems(look)
    return found


def recording(path: Path, spec: RawSpec, sets: Sequence[h5py.Dataset]) -> Recording:
    """The recording that the data sets are.

    Raises
    ------
    FormatError
        They are not one recording of one channel, or lack the sample rate.
    UnsupportedError
        Their samples are of another type, or lie in other files.
    """
    if len(sets) > 1 and any(FIRST not in one.attrs for one in sets):
        listed = ", ".join(one.name for one in sets[:8])
        raise FormatError(
            f"holds {len(sets)} I/Q data sets ({listed}) and does not say how they follow each "
            "other; save the one to analyse alone",
            path=path,
        )
    ordered = sorted(sets, key=lambda one: _number(path, one, FIRST) or 0.0)
    notes = [f"samples from {', '.join(one.name for one in ordered[:8])} by ITU-R SM.2117"]
    datatype = _datatype(path, ordered[0])
    captures: list[Capture] = []
    for one in ordered:
        if _datatype(path, one) != datatype:
            raise FormatError("its data sets differ in their sample type", path=path)
        captures.append(_capture(path, spec, one, datatype, notes, captures))
    return Recording(
        path=path,
        kind=f"sm2117/{datatype.name}",
        store=_Store(ordered, datatype),
        captures=captures,
        notes=list(dict.fromkeys(notes)),
    )


def _datatype(path: Path, one: h5py.Dataset) -> Datatype:
    channels = one.dtype.names or ()
    if len(channels) != 1 or one.ndim != 1 or one.shape[0] == 0:
        raise UnsupportedError(
            f"{one.name} has {len(channels)} channels and the shape {one.shape}; one channel of "
            "one or more samples is read",
            path=path,
        )
    if one.external or one.is_virtual:
        raise UnsupportedError("keeps its samples in other files; join them first", path=path)
    pair = one.dtype[0]
    part = pair[0] if pair.names == ("Real", "Imag") else None
    if part is None or part.str not in _TYPES or one.dtype.itemsize != 2 * part.itemsize:
        raise UnsupportedError(f"{one.name} has samples of type {one.dtype}", path=path)
    return Datatype(part.kind, 8 * part.itemsize, big_endian=part.str[0] == ">")


def _capture(
    path: Path,
    spec: RawSpec,
    one: h5py.Dataset,
    datatype: Datatype,
    notes: list[str],
    before: Sequence[Capture],
) -> Capture:
    first = int(_number(path, one, FIRST) or 0.0)
    stop = before[-1].stop_sample if before else 0
    if first < stop:
        raise FormatError(f"{one.name} begins at sample {first}, before {stop}", path=path)
    rate_hz, center_hz = _number(path, one, RATE), _number(path, one, CENTER)
    start_ns = _start_ns(path, one, notes)
    if start_ns is not None and rate_hz:
        start_ns -= round(first * NS_PER_S / rate_hz)
    made = one_capture(
        path,
        spec,
        notes,
        sample_count=int(one.shape[0]),
        clip_level=_clip_level(path, one, datatype),
        rate_hz=rate_hz,
        center_hz=center_hz or None,
        start_ns=start_ns,
    )
    stored = before[-1].stored_first + before[-1].sample_count if before else 0
    lost = first - stop if before else 0
    return Capture(first, made.sample_count, made.info, lost, stored, made.conjugate)


def _text(one: h5py.Dataset, name: str) -> str | None:
    """An attribute's text, stored as one string or as an array of one."""
    value = np.asarray(one.attrs.get(name)).reshape(-1)
    only = value[0] if value.size == 1 else None
    if isinstance(only, bytes):
        return only.decode(errors="replace")
    return str(only) if isinstance(only, str) else None


def _number(path: Path, one: h5py.Dataset, name: str) -> float | None:
    value = one.attrs.get(name)
    try:
        return None if value is None else float(np.asarray(value).item())
    except (TypeError, ValueError) as exc:
        raise FormatError(f"{one.name}: {name} is {value!r}, no number", path=path) from exc


def _start_ns(path: Path, one: h5py.Dataset, notes: list[str]) -> int | None:
    seconds, fine = _number(path, one, SECONDS), _number(path, one, NANOSECONDS)
    if seconds is None:
        return None
    if fine is not None and not 0 <= fine < NS_PER_S:
        notes.append(f"{one.name}: {NANOSECONDS} is {fine:.12g}, no part of a second: left out")
        fine = None
    return round(seconds) * NS_PER_S + round(fine or 0.0)


def _clip_level(path: Path, one: h5py.Dataset, datatype: Datatype) -> float | None:
    """The rail of the codes before they were widened, if that is said."""
    origin = _text(one, ORIGIN)
    if origin is None:
        return datatype.clip_level
    try:
        return parse_datatype(origin).clip_level
    except ValueError as exc:
        raise FormatError(f"{one.name}: {ORIGIN}: {exc}", path=path) from exc


class _Store:
    """The samples of the data sets, one after the other."""

    def __init__(self, sets: Sequence[h5py.Dataset], datatype: Datatype) -> None:
        self._sets = sets
        self._datatype = datatype
        self._starts = [0]
        for one in sets:
            self._starts.append(self._starts[-1] + int(one.shape[0]))

    @property
    def sample_count(self) -> int:
        """Samples it holds."""
        return self._starts[-1]

    def read_into(self, start: int, out: ComplexArray) -> None:
        """Fill ``out``, which lies within one data set.

        Raises
        ------
        FormatError
            The file is damaged at this place.
        """
        number = bisect_right(self._starts, start) - 1
        one, offset = self._sets[number], start - self._starts[number]
        for first in range(0, len(out), BATCH_SAMPLES):
            piece = out[first : first + BATCH_SAMPLES]
            try:
                rows = one[offset + first : offset + first + len(piece)]
            except (OSError, RuntimeError, ValueError, KeyError) as exc:
                raise FormatError(
                    f"cannot be read at sample {start + first} ({exc})", path=one.file.filename
                ) from exc
            to_complex64(np.ascontiguousarray(rows).view(np.uint8), self._datatype, piece)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._sets[0]:
            self._sets[0].file.close()
