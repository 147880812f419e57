"""Recordings as they lie in a package, opened without taking them out."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdr_detect.catalog import converter
from sdr_detect.errors import EvidenceError
from sdr_detect.evidence.ziplayout import Member, pieces
from sdr_detect.formats import sigmf
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.find import open_recording
from sdr_detect.formats.sigmf_meta import MAX_META_BYTES
from sdr_detect.formats.store import FileRange
from sdr_detect.plan import FrequencyPlan

_SPEC_KEYS = ("datatype", "rate_hz", "rf_hz", "if_hz", "converter")


@dataclass(frozen=True, slots=True)
class Packed:
    """One recording of a package.

    Parameters
    ----------
    id : str
        Its name within the case.
    role : str
        What it was recorded for, one of `sdr_detect.evidence.attribution.ROLES`.
    data : str
        Member with the samples.
    meta : str or None
        Member with its SigMF metadata.
    stated : mapping
        What its owner stated about it: ``datatype``, ``rate_hz``, ``rf_hz``, ``if_hz``,
        ``converter``; absent what was not.
    """

    id: str
    role: str
    data: str
    meta: str | None
    stated: Mapping[str, Any]


def stated_spec(stated: Mapping[str, Any]) -> RawSpec:
    """What was stated about a recording, as readers take it.

    Raises
    ------
    EvidenceError
        A statement is unknown or impossible.
    ConfigError
        The converter is not known.
    """
    if unknown := sorted(set(stated) - set(_SPEC_KEYS)):
        raise EvidenceError(f"unknown statements about a recording: {', '.join(unknown)}")
    name = stated.get("converter")
    plan = FrequencyPlan() if name is None else FrequencyPlan(converter(str(name)))
    try:
        return RawSpec(
            stated.get("datatype"),
            stated.get("rate_hz"),
            stated.get("rf_hz"),
            stated.get("if_hz"),
            plan,
        )
    except (TypeError, ValueError) as exc:
        raise EvidenceError(f"an impossible statement about a recording: {exc}") from exc


@contextlib.contextmanager
def opened(package: Path, members: Mapping[str, Member], packed: Packed) -> Iterator[Recording]:
    """A recording of the package, read where it lies.

    SigMF is read in place. Formats that are not, are copied for the time into a
    folder of their own that nobody else can read.

    Raises
    ------
    FormatError, ConfigError, EvidenceError
        It cannot be read.
    """
    spec = stated_spec(packed.stated)
    data = members[packed.data]
    label = Path(packed.meta or packed.data)
    if packed.meta is not None:
        meta = members[packed.meta]
        with package.open("rb") as file:
            text = b"".join(pieces(file, meta)) if meta.size <= MAX_META_BYTES else b""
        extent = FileRange(package, data.start, data.size)
        with sigmf.open_range(label, text, extent, spec) as recording:
            yield recording
        return
    with tempfile.TemporaryDirectory(prefix="sdr-detect-") as folder:
        copy = Path(folder) / label.name
        with package.open("rb") as source, copy.open("wb") as target:
            target.writelines(pieces(source, data))
        with open_recording(copy, spec) as recording:
            recording.path = label
            yield recording
