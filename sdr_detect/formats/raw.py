"""Raw interleaved samples: no header, so the user states everything."""

from __future__ import annotations

from pathlib import Path

from sdr_detect.datatype import Datatype, parse_datatype
from sdr_detect.errors import FormatError
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.signatures import refuse_foreign
from sdr_detect.formats.stated import one_capture
from sdr_detect.formats.store import PackedStore

NAME = "raw"
ORDER = 100


def sniff(_path: Path, head: bytes) -> bool:
    """Anything that is not empty."""
    return bool(head)


def open_file(path: Path, spec: RawSpec) -> Recording:
    """Open as stated.

    Raises
    ------
    FormatError
        Type or rate is not stated, or no whole sample is there.
    UnsupportedError
        The file is of a known kind that is no recording.
    """
    refuse_foreign(path)
    datatype = _stated_type(path, spec)
    size = path.stat().st_size
    count, rest = divmod(size, datatype.sample_bytes)
    if count == 0:
        raise FormatError(f"{size} bytes are not one {datatype.name} sample", path=path, byte=0)
    notes = []
    if rest:
        notes.append(
            f"{rest} bytes at the end are no whole {datatype.name} sample and are ignored: "
            "the file was cut off, or the sample type is another"
        )
    capture = one_capture(path, spec, notes, sample_count=count, clip_level=datatype.clip_level)
    return Recording(
        path=path,
        kind=f"{NAME}/{datatype.name}",
        store=PackedStore(path, datatype, offset=0, sample_count=count),
        captures=[capture],
        notes=notes,
    )


def _stated_type(path: Path, spec: RawSpec) -> Datatype:
    missing = []
    if spec.datatype is None:
        missing.append("--format TYPE")
    if spec.sample_rate_hz is None:
        missing.append("--rate HZ")
    if spec.center_hz is None:
        missing.append("--rf HZ")
    if spec.datatype is None or spec.sample_rate_hz is None:
        raise FormatError(
            "has no header that says what it holds, and a name is no evidence; give "
            f"{' '.join(missing)} ('sdr-detect info' weighs the evidence for each type)",
            path=path,
        )
    try:
        return parse_datatype(spec.datatype)
    except ValueError as exc:
        raise FormatError(str(exc), path=path) from exc
