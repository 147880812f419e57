"""Pieces of SigMF metadata that the annotation writer and the recorder share."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from sdr_detect import __version__
from sdr_detect.model import NS_PER_S, StreamInfo
from sdr_detect.sinks.whole_file import write_whole

GENERATOR = f"sdr-detect {__version__}"

#: Declares the ``sdrdetect:`` fields; a reader may ignore them.
EXTENSION = {"name": "sdrdetect", "version": "1.0.0", "optional": True}


def utc_text(time_ns: int) -> str:
    """A UTC instant as SigMF writes it, to the nanosecond."""
    whole, part = divmod(time_ns, NS_PER_S)
    stamp = datetime.datetime.fromtimestamp(whole, datetime.UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{part:09d}Z"


def capture_fields(
    info: StreamInfo, stored_first: int, stream_first: int, *, inverted: bool = False
) -> dict[str, Any]:
    """One entry of ``captures``.

    Parameters
    ----------
    info : StreamInfo
    stored_first, stream_first : int
        Index of its first sample in the file and in the stream.
    inverted : bool
        The stored spectrum is upside down.
    """
    fields: dict[str, Any] = {
        "core:sample_start": stored_first,
        "core:global_index": stream_first,
    }
    if info.center_hz is not None:
        fields["core:frequency"] = info.center_hz
    time_ns = info.time_ns(stream_first)
    if time_ns is not None:
        fields["core:datetime"] = utc_text(time_ns)
    plan = info.plan
    if plan.converter.side != "none":
        fields["sdrdetect:converter"] = plan.converter.name
        fields["sdrdetect:if_frequency"] = info.if_center_hz
        fields["sdrdetect:inverted"] = inverted
        if plan.lo_error_ppm:
            fields["sdrdetect:lo_error_ppm"] = plan.lo_error_ppm
    for name in ("usable_hz", "time_error_ns", "gain_db", "dbm_offset_db"):
        value = getattr(info, name)
        if value is not None:
            fields[f"sdrdetect:{name}"] = value
    return fields


def write_metadata(path: Path, document: dict[str, Any]) -> None:
    """Write a metadata file whole or not at all.

    Raises
    ------
    SinkError
        It cannot be written.
    """
    write_whole(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
