"""Emissions against a vessel's own track and the borders of waters: in, out, or unknown."""

from __future__ import annotations

import csv
import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from shapely import Point, prepare
from shapely.affinity import affine_transform
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from sdr_detect.errors import EvidenceError

#: Nobody says where a vessel was between fixes farther apart than that.
MAX_GAP_S = 300.0
_MAX_BYTES = 256 << 20
_DEGREE_M = 111_195.0
_COLUMNS = ("utc", "latitude_deg", "longitude_deg", "error_m")


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the vessel was."""

    time_ns: int
    latitude_deg: float
    longitude_deg: float
    error_m: float


@dataclass(frozen=True, slots=True)
class Placed:
    """One emission against the waters.

    ``margin_m`` is the distance to the nearest border, ``uncertainty_m`` how far border
    and vessel may be off together; where the first is not larger, ``where`` is unknown.
    """

    id: str
    where: Literal["in", "out", "unknown"]
    margin_m: float | None
    uncertainty_m: float | None
    why: str = ""


def read_track(path: Path) -> list[Fix]:
    """A CSV file with the columns ``utc, latitude_deg, longitude_deg, error_m``.

    Raises
    ------
    EvidenceError
        It cannot be read, a line is wrong (named), or times do not ascend.
    """
    fixes: list[Fix] = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                line = len(fixes) + 2
                fixes.append(_fix(row, f"{path} line {line}"))
                if len(fixes) > 1 and fixes[-2].time_ns >= fixes[-1].time_ns:
                    raise EvidenceError(f"{path} line {line}: its time is not after the one before")
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise EvidenceError(f"{path} cannot be read as CSV: {exc}") from exc
    if not fixes:
        raise EvidenceError(f"{path} has no fix; the columns are {', '.join(_COLUMNS)}")
    return fixes


def _fix(row: Mapping[str, str], where: str) -> Fix:
    try:
        stamp = datetime.fromisoformat(row["utc"])
        latitude, longitude, error = (float(row[name]) for name in _COLUMNS[1:])
    except (KeyError, TypeError, ValueError) as exc:
        raise EvidenceError(
            f"{where} is no fix ({exc!r}); the columns are {', '.join(_COLUMNS)}"
        ) from exc
    if stamp.tzinfo is None:
        raise EvidenceError(f"{where}: the time says no zone; write UTC with a Z at its end")
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 <= error < math.inf):
        raise EvidenceError(f"{where}: latitude, longitude or error is out of range")
    since = stamp - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
    return Fix(nanoseconds, latitude, longitude, error)


def read_waters(path: Path) -> BaseGeometry:
    """The areas of a GeoJSON file, as one.

    Raises
    ------
    EvidenceError
        It is no GeoJSON with areas, or an area is damaged.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise EvidenceError(f"{path} has more than {_MAX_BYTES} bytes; cut out the coast")
        document = json.loads(path.read_bytes())
        entries = document["features"] if document["type"] == "FeatureCollection" else [document]
        areas = [shape(entry.get("geometry", entry)) for entry in entries]
    except OSError as exc:
        raise EvidenceError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as exc:
        raise EvidenceError(f"{path} is no GeoJSON of areas ({exc!r})") from exc
    except ShapelyError as exc:
        raise EvidenceError(f"{path} has a damaged area ({exc})") from exc
    for area in areas:
        if area.geom_type not in ("Polygon", "MultiPolygon") or area.is_empty or not area.is_valid:
            raise EvidenceError(f"{path}: a {area.geom_type} is no area, or crosses itself")
        west, _, east, _ = area.bounds
        if west < -180 or east > 180 or east - west > 180:
            raise EvidenceError(f"{path}: areas across the 180th meridian must be split there")
    if not areas:
        raise EvidenceError(f"{path} holds no area")
    joined = areas[0]
    for area in areas[1:]:
        joined = joined.union(area)
    prepare(joined)
    return joined


def place(
    recordings: Iterable[Mapping[str, Any]],
    track: Sequence[Fix],
    waters: BaseGeometry,
    border_m: float,
) -> list[Placed]:
    """Where each detected emission was.

    Parameters
    ----------
    recordings
        The ``recordings`` of a package's results.
    track, waters
        As read.
    border_m : float
        How far the drawn borders may be off.
    """
    return [
        _place(one, track, waters, border_m) for one in recordings if one["verdict"] == "detected"
    ]


def _place(
    one: Mapping[str, Any], track: Sequence[Fix], waters: BaseGeometry, border_m: float
) -> Placed:
    if one["start_ns"] is None:
        return Placed(one["id"], "unknown", None, None, "the time of the recording is not known")
    duration_ns = round((one["analysed_s"] + one["blind_s"]) * 1e9)
    found = _at(track, one["start_ns"] + duration_ns // 2)
    if found is None:
        return Placed(one["id"], "unknown", None, None, "no fixes close enough around its time")
    latitude, longitude, error_m = found
    uncertainty = error_m + border_m
    margin = _distance_m(waters, latitude, longitude)
    inside = bool(waters.covers(Point(longitude, latitude)))
    if margin <= uncertainty:
        why = "closer to a border than border and vessel may be off"
        return Placed(one["id"], "unknown", round(margin), round(uncertainty), why)
    return Placed(one["id"], "in" if inside else "out", round(margin), round(uncertainty))


def _at(track: Sequence[Fix], time_ns: int) -> tuple[float, float, float] | None:
    """Position between two fixes, and how far it may be off: half the way at most."""
    after = bisect_right(track, time_ns, key=lambda fix: fix.time_ns)
    if after == 0 or after == len(track):
        return None
    one, two = track[after - 1], track[after]
    span_ns = two.time_ns - one.time_ns
    if span_ns > MAX_GAP_S * 1e9 or abs(two.longitude_deg - one.longitude_deg) > 180:
        return None
    share = (time_ns - one.time_ns) / span_ns
    latitude = one.latitude_deg + share * (two.latitude_deg - one.latitude_deg)
    longitude = one.longitude_deg + share * (two.longitude_deg - one.longitude_deg)
    north = (two.latitude_deg - one.latitude_deg) * _DEGREE_M
    east = (two.longitude_deg - one.longitude_deg) * _DEGREE_M * math.cos(math.radians(latitude))
    return latitude, longitude, max(one.error_m, two.error_m) + math.hypot(north, east) / 2


def _distance_m(waters: BaseGeometry, latitude: float, longitude: float) -> float:
    """To the nearest border, on a plane that touches the earth at the vessel."""
    across = _DEGREE_M * math.cos(math.radians(latitude))
    plane = affine_transform(
        waters.boundary, [across, 0, 0, _DEGREE_M, -longitude * across, -latitude * _DEGREE_M]
    )
    return float(plane.distance(Point(0, 0)))
