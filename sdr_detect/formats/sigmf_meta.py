"""SigMF metadata, read without trust.

A metadata file may come from anywhere: every field is checked for type and
range, and an error names the field. What merely breaks the SigMF schema is a
note.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from sdr_detect.datatype import Datatype, parse_datatype
from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.model import NS_PER_S
from sdr_detect.plan import FrequencyPlan

#: Metadata beyond this are refused: they would not fit the memory budget.
MAX_META_BYTES = 64 << 20

_MAX_INDEX = 2**62
_DATATYPE = re.compile(r"([cr])(?:f32|f64|[iu](?:16|32))_[lb]e|([cr])[iu]8")
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?Z")


@dataclass(frozen=True, slots=True)
class Segment:
    """One entry of ``captures``.

    ``center_hz`` is RF. ``plan`` and ``conjugate`` come from the extension
    fields ``sdrdetect:converter`` and ``sdrdetect:inverted``; ``receiver``
    holds those fields of `StreamInfo` that ``sdrdetect:`` fields of the same
    name give.
    """

    sample_start: int
    global_index: int | None
    center_hz: float | None
    plan: FrequencyPlan
    conjugate: bool
    start_ns: int | None
    header_bytes: int
    receiver: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata of one recording say."""

    datatype: Datatype
    sample_rate_hz: float | None
    offset: int
    trailing_bytes: int
    dataset: str | None
    sha512: str | None
    segments: tuple[Segment, ...]
    annotated_stop: int
    notes: tuple[str, ...]


class Fields:
    """Typed access to one JSON object; an error names file and field."""

    def __init__(self, path: Path, where: str, data: Any):
        self.path, self.where = path, where
        if not isinstance(data, Mapping):
            raise FormatError(
                f"{where} must be a JSON object, not {type(data).__name__}", path=path
            )
        self.data = data

    def fail(self, key: str, wanted: str) -> NoReturn:
        """Raise for one field."""
        raise FormatError(
            f"{self.where}: {key} is {str(self.data.get(key))[:60]!r}, not {wanted}",
            path=self.path,
        )

    def number(self, key: str, lower: float, upper: float) -> float | None:
        """A finite number within limits, or None when absent."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(key, "a number")
        if not lower <= value <= upper:
            self.fail(key, f"within {lower:g}..{upper:g}")
        return float(value)

    def integer(self, key: str) -> int | None:
        """A non-negative integer, or None when absent."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_INDEX:
            self.fail(key, "an integer of at least 0 and below 2**62")
        return value

    def text(self, key: str) -> str | None:
        """A string, or None when absent."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            self.fail(key, "a string")
        return value

    def flag(self, key: str) -> bool | None:
        """True, False, or None when absent."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            self.fail(key, "true or false")
        return value


def parse_metadata(path: Path, text: bytes) -> Metadata:
    """Read the bytes of a ``.sigmf-meta`` file.

    Raises
    ------
    FormatError
        Not JSON, or a field has an impossible value.
    UnsupportedError
        Not one channel of complex samples.
    ConfigError
        ``sdrdetect:converter`` is not known.
    """
    document = Fields(path, "metadata", _load_json(path, text))
    if "collection" in document.data and "global" not in document.data:
        raise UnsupportedError("is a SigMF collection; give one of its recordings", path=path)
    top = Fields(path, "global", document.data.get("global"))
    if top.flag("core:metadata_only"):
        of = top.text("sdrdetect:annotates")
        told = "there are no samples with it" if of is None else f"open {of[:200]!r}, its samples"
        raise UnsupportedError(f"is metadata only: {told}", path=path)
    if (top.integer("core:num_channels") or 1) != 1:
        raise UnsupportedError(
            f"holds {top.data['core:num_channels']} interleaved channels; only recordings of one "
            "channel are read: split it first",
            path=path,
        )
    notes = _schema_notes(document.data)
    return Metadata(
        datatype=_datatype(top),
        sample_rate_hz=top.number("core:sample_rate", math.ulp(0.0), 1e11),
        offset=top.integer("core:offset") or 0,
        trailing_bytes=top.integer("core:trailing_bytes") or 0,
        dataset=top.text("core:dataset"),
        sha512=top.text("core:sha512"),
        segments=tuple(_segments(path, document, top, notes)),
        annotated_stop=_annotated_stop(path, document),
        notes=tuple(notes),
    )


def _load_json(path: Path, text: bytes) -> Any:
    def no_constant(name: str) -> NoReturn:
        raise FormatError(f"{name} is not a JSON number", path=path)

    if len(text) > MAX_META_BYTES:
        raise FormatError(f"metadata of over {MAX_META_BYTES >> 20} MiB are refused", path=path)
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=no_constant)
    except (UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise FormatError(f"is not valid JSON: {exc}", path=path) from exc
    except (RecursionError, ValueError) as exc:  # nested too deeply; a number of 5000 digits
        raise FormatError(f"is no sane JSON: {exc}", path=path) from exc


def _datatype(top: Fields) -> Datatype:
    name = top.text("core:datatype")
    match = _DATATYPE.fullmatch(name or "")
    if name is None or match is None:
        top.fail("core:datatype", "a SigMF sample type such as cf32_le, ci16_be or cu8")
    if "r" in match.groups():
        raise UnsupportedError(
            f"holds real samples ({name}): one component, not IQ; convert them first",
            path=top.path,
        )
    return parse_datatype(name)


def _segments(path: Path, document: Fields, top: Fields, notes: list[str]) -> list[Segment]:
    entries = document.data.get("captures")
    if not isinstance(entries, list):
        document.fail("captures", "a list")
    if not entries:
        notes.append("the metadata list no capture: centre frequency and time are not known")
        entries = [{"core:sample_start": top.integer("core:offset") or 0}]
    return [
        _segment(Fields(path, f"captures[{number}]", entry), top, notes)
        for number, entry in enumerate(entries)
    ]


def _segment(entry: Fields, top: Fields, notes: list[str]) -> Segment:
    start = entry.integer("core:sample_start")
    if start is None:
        entry.fail("core:sample_start", "an integer")
    plan = _plan(entry, top)
    center = entry.number("core:frequency", 0, 1e11)
    tuned = entry.number("sdrdetect:if_frequency", 0, 1e11)
    if tuned is not None:
        rf = plan.rf_from_if(tuned)
        if rf < 0:
            entry.fail("sdrdetect:if_frequency", f"below the LO of {plan.converter.name}")
        if center is not None and abs(center - rf) > 1 and abs(center - tuned) > 1:
            notes.append(
                f"{entry.where}: core:frequency {center:.12g} Hz contradicts {rf:.12g} Hz, which "
                "sdrdetect:if_frequency and the converter give; the latter is used"
            )
        center = rf
    inverted = entry.flag("sdrdetect:inverted")
    if inverted is None:
        inverted = top.flag("sdrdetect:inverted")
    return Segment(
        sample_start=start,
        global_index=entry.integer("core:global_index"),
        center_hz=center,
        plan=plan,
        conjugate=tuned is not None and plan.inverted if inverted is None else inverted,
        start_ns=_start_ns(entry, notes),
        header_bytes=entry.integer("core:header_bytes") or 0,
        receiver=_receiver(entry, top.number("core:sample_rate", math.ulp(0.0), 1e11)),
    )


def _receiver(entry: Fields, rate_hz: float | None) -> dict[str, float]:
    time_error_ns = entry.integer("sdrdetect:time_error_ns")
    values = {
        "usable_hz": entry.number("sdrdetect:usable_hz", math.ulp(0.0), rate_hz or 1e11),
        "time_error_ns": time_error_ns,
        "gain_db": entry.number("sdrdetect:gain_db", -300, 300),
        "dbm_offset_db": entry.number("sdrdetect:dbm_offset_db", -300, 300),
    }
    return {name: value for name, value in values.items() if value is not None}


def _plan(entry: Fields, top: Fields) -> FrequencyPlan:
    name = entry.text("sdrdetect:converter") or top.text("sdrdetect:converter")
    ppm = entry.number("sdrdetect:lo_error_ppm", -1000, 1000)
    if ppm is None:
        ppm = top.number("sdrdetect:lo_error_ppm", -1000, 1000)
    if name is None:
        return FrequencyPlan()
    from sdr_detect.catalog import converter

    return FrequencyPlan(converter(name), ppm or 0.0)


def _start_ns(entry: Fields, notes: list[str]) -> int | None:
    """UTC nanoseconds; a malformed time is no reason to refuse good samples."""
    text = entry.text("core:datetime")
    if text is None:
        return None
    match = _DATETIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:
        notes.append(f"{entry.where}: core:datetime {text[:40]!r} is no UTC time; time not known")
        return None
    digits = (match[2] or "").ljust(9, "0")[:9]
    return int(whole.timestamp()) * NS_PER_S + int(digits)


def _annotated_stop(path: Path, document: Fields) -> int:
    """Index after the last annotated sample; 0 without annotations."""
    entries = document.data.get("annotations", [])
    if not isinstance(entries, list):
        document.fail("annotations", "a list")
    stop = 0
    for number, entry in enumerate(entries):
        fields = Fields(path, f"annotations[{number}]", entry)
        start = fields.integer("core:sample_start") or 0
        stop = max(stop, start + (fields.integer("core:sample_count") or 0))
    return stop


def _schema_notes(document: Mapping[str, Any]) -> list[str]:
    """The first breach of the SigMF schema, annotations left aside."""
    from jsonschema.exceptions import best_match

    breach = best_match(_schema().iter_errors({**document, "annotations": []}))
    if breach is None:
        return []
    return [f"the metadata break the SigMF schema: {breach.message[:120]}"]


@cache
def _schema() -> Any:
    """The schema of the package: checking it itself takes longer than to check by it."""
    from jsonschema.validators import validator_for
    from sigmf import schema

    told = schema.get_schema()
    return validator_for(told)(told)
