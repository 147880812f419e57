"""Recordings as Recommendation ITU-R SM.2117 has them: HDF5 with I/Q as compound samples.

One data set for each run of samples without a loss, in constant memory. Codes of 16 and
32 bits and float32 are written as they are; narrower ones fill 16 bits, without rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.datatype import Datatype, to_fixed_point
from sdr_detect.errors import SinkError, UnsupportedError
from sdr_detect.formats import sm2117 as names
from sdr_detect.formats.base import Capture, Recording
from sdr_detect.formats.store import PackedStore
from sdr_detect.model import NS_PER_S

if TYPE_CHECKING:
    import h5py

_PIECE_SAMPLES = 1 << 18
_FLOAT = Datatype("f", 32)

_INTERPRETATION = (
    "Integer types, used to store I/Q data, are interpreted as fix point numbers with the "
    "radix point right to the most significant bit."
)


def write(recording: Recording, path: Path, more: Mapping[str, Any]) -> None:
    """Write one recording.

    Parameters
    ----------
    recording : Recording
    path : Path
        Must not exist.
    more : mapping
        Further attributes of every data set, by their names in the Recommendation; those
        of one's own begin with ``User``.

    Raises
    ------
    UnsupportedError
        The Recommendation has no type that holds such samples.
    SinkError
        The file is there, or cannot be written: nothing is left then.
    FormatError
        The recording ends early.
    """
    import h5py

    store = recording.store
    datatype = store.datatype if isinstance(store, PackedStore) else _FLOAT
    try:
        part = to_fixed_point(np.empty(0, np.uint8), datatype).dtype
    except ValueError as exc:
        raise UnsupportedError(f"SM.2117 cannot hold it: {exc}", path=recording.path) from exc
    sample = np.dtype([(names.CHANNEL, [("Real", part), ("Imag", part)])])
    if path.exists():
        raise SinkError(f"{path} exists; choose another name")
    draft = path.with_name(path.name + ".part")
    try:
        with h5py.File(draft, "w") as file:
            for number, capture in enumerate(recording.captures):
                made = file.create_dataset(f"Dataset_{number}", (capture.sample_count,), sample)
                made.attrs.update(_attributes(capture, datatype) | dict(more))
                _fill(made, recording, capture, datatype)
        draft.replace(path)
    except (OSError, RuntimeError) as exc:  # HDF5 raises the latter where closing fails
        why = str(exc).split("\n")[0]
        raise SinkError(f"{path} cannot be written: {why}; nothing was left") from exc
    finally:
        draft.unlink(missing_ok=True)


def _attributes(capture: Capture, datatype: Datatype) -> dict[str, Any]:
    info = capture.info
    found: dict[str, Any] = {
        names.CLASS: "I/Q",
        names.RECOMMENDATION: "Rec. ITU-R SM.2117-0",
        # 0 is what the Recommendation has for a frequency that is not known.
        names.CENTER: float(info.center_hz or 0.0),
        names.RATE: float(info.sample_rate_hz),
        "Data set type interpretation": _INTERPRETATION,
        "Data set unit": "",
        "Data set scaling factor": 1.0,
    }
    if info.usable_hz is not None:
        found["Filter bandwidth (Hz)"] = float(info.usable_hz)
    time_ns = info.time_ns(capture.first_sample)
    if time_ns is not None:
        seconds, rest_ns = divmod(time_ns, NS_PER_S)
        found |= {names.SECONDS: seconds, names.NANOSECONDS: float(rest_ns)}
    found |= {names.FIRST: capture.first_sample, names.ORIGIN: datatype.name}
    for name in ("time_error_ns", "gain_db", "dbm_offset_db"):
        if (value := getattr(info, name)) is not None:
            found[f"User {name}"] = value
    if capture.conjugate:
        found["User spectrum"] = "I and Q are exchanged: the converter had inverted the spectrum"
    return found


def _fill(made: h5py.Dataset, recording: Recording, capture: Capture, datatype: Datatype) -> None:
    place = 0
    for pairs in _pairs(recording, capture, datatype):
        # Exchanging I and Q conjugates, but for a constant phase, and rounds nothing.
        upright = pairs[:, ::-1] if capture.conjugate else pairs
        made[place : place + len(pairs)] = np.ascontiguousarray(upright).view(made.dtype)[:, 0]
        place += len(pairs)


def _pairs(
    recording: Recording, capture: Capture, datatype: Datatype
) -> Iterator[NDArray[np.generic]]:
    store = recording.store
    for first in range(0, capture.sample_count, _PIECE_SAMPLES):
        count = min(_PIECE_SAMPLES, capture.sample_count - first)
        start = capture.stored_first + first
        if isinstance(store, PackedStore):
            raw = store.read_raw(start, count)
        else:
            samples = np.empty(count, np.complex64)
            store.read_into(start, samples)
            raw = samples.view(np.uint8)
        yield to_fixed_point(raw, datatype).reshape(-1, 2)
