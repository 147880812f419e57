"""A package for other programs: a table, a map, recordings as SigMF and as ITU-R SM.2117."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdr_detect.analysis import analyze_recording
from sdr_detect.calibrated import restate
from sdr_detect.errors import SinkError
from sdr_detect.evidence.inside import Packed, opened, stated_spec
from sdr_detect.evidence.results import Steering
from sdr_detect.evidence.ziplayout import Member, pieces
from sdr_detect.formats.find import open_recording
from sdr_detect.sinks import sigmf_notes, sm2117

#: A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_COLUMNS = (
    "recording", "quantity", "value", "unit", "expanded_uncertainty", "coverage_factor",
    "uncertainty_note", "method", "bandwidth_hz", "averaging", "threshold", "pfa", "poi",
)  # fmt: skip


def quantities_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The quantities as CSV (RFC 4180); what is unknown is empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in _COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def station_geojson(case: Mapping[str, Any], conclusion: Mapping[str, Any]) -> str:
    """The station, and the vessels in view, as GeoJSON (RFC 7946).

    The station's properties have the conclusion; a vessel's, what AIS said of it. Where
    the position is not known, there is no feature.
    """
    features = []
    position = case.get("position")
    if position is not None:
        features.append(
            _feature(
                position["longitude_deg"],
                position["latitude_deg"],
                {
                    "kind": "station",
                    "case": case["id"],
                    "error_m": position.get("error_m"),
                    "source": position.get("source"),
                    "verdict": conclusion["verdict"],
                    "sentence": conclusion["sentence"],
                },
            )
        )
    for one in case.get("attachments", ()):
        for seen in one["facts"].get("vessels", ()) if one["withdrawn"] is None else ():
            if seen.get("latitude_deg") is not None:
                own = seen["mmsi"] == case["vessel"]["mmsi"]
                what = {"kind": "vessel of the case" if own else "vessel in view"}
                known = {key: seen.get(key) for key in ("mmsi", "imo", "name", "range_m")}
                features.append(_feature(seen["longitude_deg"], seen["latitude_deg"], what | known))
    document = {"type": "FeatureCollection", "features": features}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_sm2117(
    package: Path,
    members: Mapping[str, Member],
    packed: Packed,
    case: Mapping[str, Any],
    manifest_sha256: str,
    folder: Path,
) -> Path:
    """One recording of a package as ITU-R SM.2117, with where it came from.

    Raises
    ------
    UnsupportedError, FormatError
        It cannot be read, or its samples fit no type of the Recommendation.
    SinkError
        The file is there, or cannot be written.
    """
    path = folder / f"{packed.id}.h5"
    more: dict[str, Any] = {
        "Comment": f"case {case['id']}, recording {packed.id}: {packed.role.replace('_', ' ')}",
        "User case": case["id"],
        "User recording": packed.id,
        "User role": packed.role,
        "User package manifest SHA-256": manifest_sha256,
    }
    if (position := case.get("position")) is not None:
        more["Geolocation latitude (degree)"] = float(position["latitude_deg"])
        more["Geolocation longitude (degree)"] = float(position["longitude_deg"])
    with opened(package, members, packed) as recording:
        sm2117.write(recording, path, more)
    return path


def write_sigmf(
    package: Path,
    members: Mapping[str, Member],
    packed: Packed,
    steering: Steering,
    case: Mapping[str, Any],
    manifest_sha256: str,
    folder: Path,
) -> Path:
    """One recording of a package as it is, and beside it its metadata with what was found.

    Parameters
    ----------
    package, members, packed
        The recording.
    steering : Steering
        The settings of the sealing, by which it is analysed again.
    case, manifest_sha256
        Where it comes from, which the metadata then say.
    folder : Path
        Gets a folder with the recording's name, which must not exist.

    Returns
    -------
    Path
        Of the metadata with the annotations.

    Raises
    ------
    FormatError, EvidenceError
        It cannot be read.
    SinkError
        The folder is there, or a file cannot be written.
    """
    own = folder / packed.id
    try:
        own.mkdir()
        with package.open("rb") as source:
            for name in filter(None, (packed.data, packed.meta)):
                with (own / Path(name).name).open("xb") as target:
                    target.writelines(pieces(source, members[name]))
    except OSError as exc:
        raise SinkError(f"{own} cannot be written: {exc.strerror}; choose another folder") from exc
    path = own / Path(packed.meta or packed.data).name
    with open_recording(path, stated_spec(packed.stated)) as recording:
        if steering.calibration is not None:
            restate(recording, steering.calibration, steering.gain_db)
        result = analyze_recording(
            recording, settings=steering.settings, profiles=steering.profiles
        )
        more = {
            "sdrdetect:case": case["id"],
            "sdrdetect:recording": packed.id,
            "sdrdetect:role": packed.role,
            "sdrdetect:package_manifest_sha256": manifest_sha256,
        }
        return sigmf_notes.write(recording, result.found, recording.sha256(), more)


def _feature(
    longitude_deg: float, latitude_deg: float, properties: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [longitude_deg, latitude_deg]},
        "properties": dict(properties),
    }
