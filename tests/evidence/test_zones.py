"""Emissions against waters: in, out, or honestly unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import zones

#: A square of one degree around 60° N, 10° E.
SQUARE = {"type": "Polygon", "coordinates": [[[9.5, 59.5], [10.5, 59.5], [10.5, 60.5], [9.5, 60.5], [9.5, 59.5]]]}  # fmt: skip  # noqa: E501
START_NS = 1_777_881_600_000_000_000  # 2026-05-04T08:00:00Z


def heard(minute: float, verdict: str = "detected") -> dict[str, Any]:
    start = START_NS + round(minute * 60e9)
    return {"id": f"r{minute}", "verdict": verdict, "start_ns": start, "analysed_s": 1.0, "blind_s": 0.0}  # fmt: skip  # noqa: E501


def track(tmp_path: Path, *rows: str) -> list[zones.Fix]:
    path = tmp_path / "track.csv"
    path.write_text("\n".join(["utc,latitude_deg,longitude_deg,error_m", *rows]))
    return zones.read_track(path)


def waters(tmp_path: Path, document: Any) -> Any:
    path = tmp_path / "waters.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return zones.read_waters(path)


def test_in_out_and_unknown(tmp_path: Path) -> None:
    """A vessel goes west along 60° N and leaves the square at 9.5° E, after 2 minutes."""
    fixes = track(
        tmp_path, "2026-05-04T08:00:00Z,60.0,9.52,10", "2026-05-04T08:01:00Z,60.0,9.51,10",
        "2026-05-04T08:02:00Z,60.0,9.50,10", "2026-05-04T08:03:00Z,60.0,9.49,10",
        "2026-05-04T08:20:00Z,60.0,9.30,10",
    )  # fmt: skip
    area = waters(tmp_path, {"type": "Feature", "geometry": SQUARE})
    recordings = [heard(minute) for minute in (0.0, 1.9, 2.9, 10.0, 60.0)]
    found = zones.place([*recordings, heard(0.0, "not_detected")], fixes, area, 50)
    assert [one.where for one in found] == ["in", "unknown", "out", "unknown", "unknown"]
    # 0.02° of longitude at 60° N is 1112 m; half the way between fixes is 278 m.
    assert found[0].margin_m == pytest.approx(1112, abs=15)
    assert found[0].uncertainty_m == 278 + 10 + 50
    assert "no fixes close enough" in found[3].why
    # With a border that may be off by a kilometre, the first is unknown too.
    assert zones.place(recordings[:1], fixes, area, 1000)[0].where == "unknown"


def test_holes_and_several_areas(tmp_path: Path) -> None:
    hole = [[9.9, 59.9], [10.1, 59.9], [10.1, 60.1], [9.9, 60.1], [9.9, 59.9]]
    ring = {"type": "Polygon", "coordinates": [*SQUARE["coordinates"], hole]}
    area = waters(tmp_path, {"type": "FeatureCollection", "features": [{"geometry": ring}]})
    fixes = track(tmp_path, "2026-05-04T08:00:00Z,60,10,5", "2026-05-04T08:01:00Z,60,10,5")
    assert zones.place([heard(0.5)], fixes, area, 0)[0].where == "out"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((), "has no fix"),
        (("2026-05-04T08:00:00,60,10,5",), "says no zone"),
        (("soon,60,10,5",), "line 2 is no fix"),
        (("2026-05-04T08:00:00Z,60,10",), "line 2 is no fix"),
        (("2026-05-04T08:00:00Z,91,10,5",), "out of range"),
        (("2026-05-04T08:00:00Z,nan,10,5",), "out of range"),
        (("2026-05-04T08:01:00Z,60,10,5", "2026-05-04T08:00:00Z,60,10,5"), "not after"),
    ],
)
def test_bad_tracks(tmp_path: Path, rows: tuple[str, ...], words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        track(tmp_path, *rows)


BOW = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
WIDE = {"type": "Polygon", "coordinates": [[[-179, 0], [179, 0], [179, 1], [-179, 1], [-179, 0]]]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("x", "no GeoJSON"),
        ([], "no GeoJSON"),
        ({"type": "FeatureCollection", "features": []}, "holds no area"),
        ({"type": "Point", "coordinates": [1, 2]}, "is no area"),
        (BOW, "crosses itself"),
        (WIDE, "must be split"),
        ({"type": "Polygon", "coordinates": [[[0, 0]]]}, "no GeoJSON|damaged"),
        ({"type": "Feature", "geometry": None}, "no GeoJSON"),
    ],
)
def test_bad_waters(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        waters(tmp_path, document)
