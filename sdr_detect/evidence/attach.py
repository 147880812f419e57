"""Files that join a case: what they are, and the digest they have now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdr_detect.errors import EvidenceError, FormatError
from sdr_detect.evidence import comparison, photo
from sdr_detect.evidence.attribution import ROLES
from sdr_detect.evidence.case import Case
from sdr_detect.evidence.inside import stated_spec
from sdr_detect.formats.find import open_recording
from sdr_detect.formats.store import FileRange

#: Kinds of file other than recordings.
KINDS = ("photo", "ais", "comparison", "calibration", "document")


def recording_detail(
    case: Case, path: Path, role: str, stated: Mapping[str, Any]
) -> dict[str, Any]:
    """What the log says of a recording that is attached.

    Raises
    ------
    EvidenceError
        The purpose is unknown, or the recording is in the case already.
    FormatError, ConfigError
        It cannot be read.
    """
    if role not in ROLES:
        raise EvidenceError(f"no such purpose {role!r}; known: {', '.join(ROLES)}")
    kept = {key: value for key, value in stated.items() if value is not None}
    with open_recording(path, stated_spec(kept)) as recording:
        files = [recording.data_path]
        if (meta := _metadata(path)) is not None:
            files.append(meta)
        info = recording.info
        facts = {
            "format": recording.format,
            "sample_rate_hz": info.sample_rate_hz,
            "center_hz": info.center_hz,
            "sample_count": recording.sample_count,
            "duration_s": recording.duration_s,
            "start_ns": info.start_ns,
            "time_error_ns": info.time_error_ns,
            "gain_db": info.gain_db,
            "converter": info.plan.converter.name,
            "notes": list(recording.notes),
        }
    return _detail(case, "recording", role, files, kept, facts)


def file_detail(case: Case, path: Path, kind: str) -> dict[str, Any]:
    """What the log says of any other file.

    Raises
    ------
    EvidenceError
        The kind is unknown, the file cannot be read, or is in the case already.
    """
    if kind not in KINDS:
        raise EvidenceError(f"no such kind of file {kind!r}; known: {', '.join(KINDS)}")
    if not path.is_file():
        raise EvidenceError(f"{path} is no file; check the path")
    if kind == "ais":
        return ais_detail(case, path)
    return _detail(case, kind, None, [path], {}, _facts(path, kind))


def _facts(path: Path, kind: str) -> dict[str, Any]:
    if kind == "photo":
        return photo.facts(path)
    if kind == "comparison":
        if path.stat().st_size > comparison.MAX_BYTES:
            raise EvidenceError(f"{path} is too large for a comparison")
        found = comparison.read(path.name, path.read_bytes())
        return {"tests": list(found.kinds), "attributed": found.attributed}
    return {}


def ais_detail(case: Case, path: Path) -> dict[str, Any]:
    """What the log says of AIS sentences: vessels in view, and doubts on the case's own.

    Raises
    ------
    EvidenceError
        The file cannot be read, holds no sentence, or is in the case already.
    """
    from sdr_detect.evidence import ais

    seen, bad = ais.vessels(path)
    if not seen:
        raise EvidenceError(f"{path} holds no AIS message that can be read ({bad} lines cannot)")
    place = case.position
    station = None if place is None else (place["latitude_deg"], place["longitude_deg"])
    facts = {
        "vessels": [one.to_json(station) for one in seen],
        "unreadable_lines": bad,
        "doubts": ais.doubts(seen, case.vessel.mmsi, case.vessel.imo),
    }
    return _detail(case, "ais", None, [path], {}, facts)


def _metadata(path: Path) -> Path | None:
    """The metadata beside SigMF samples; None for anything else, an archive too."""
    stem = path.name.removesuffix(".sigmf-meta").removesuffix(".sigmf-data")
    meta = path.with_name(f"{stem}.sigmf-meta")
    return meta if meta.is_file() and (stem != path.name or not path.exists()) else None


def _detail(
    case: Case,
    kind: str,
    role: str | None,
    files: list[Path],
    stated: dict[str, Any],
    facts: dict[str, Any],
) -> dict[str, Any]:
    try:
        found = {
            str(path.resolve()): [path.stat().st_size, FileRange(path).digest("sha256")]
            for path in files
        }
    except OSError as exc:
        raise EvidenceError(f"{exc.filename} cannot be read: {exc.strerror}") from exc
    except FormatError as exc:
        raise EvidenceError(str(exc)) from exc
    digest = next(iter(found.values()))[1]
    for one in case.current():
        if digest in {known for _, known in one.files.values()}:
            raise EvidenceError(f"{files[0]} is in case {case.id} already, as {one.id}")
    letter = "r" if kind == "recording" else "a"
    number = sum(one.id.startswith(letter) for one in case.attachments) + 1
    return {
        "id": f"{letter}{number}",
        "kind": kind,
        "role": role,
        "files": found,
        "stated": stated,
        "facts": facts,
    }
