"""A table and a map of what a package says; tolerance between builds."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from sdr_detect.evidence import exchange, recompute


def test_a_table_of_quantities() -> None:
    rows = [
        {"recording": "r1", "quantity": "=1+1", "value": -6.5, "unit": "dB", "pfa": None},
        {"recording": "r1", "quantity": 'a, "b"\nc', "value": None, "unit": "Hz", "pfa": 1e-9},
    ]
    found = list(csv.DictReader(io.StringIO(exchange.quantities_csv(rows), newline="")))
    assert [row["quantity"] for row in found] == ["'=1+1", 'a, "b"\nc']
    assert [(row["value"], row["pfa"]) for row in found] == [("-6.5", ""), ("", "1e-09")]


def test_a_map_of_the_station() -> None:
    conclusion = {"verdict": "inconclusive", "sentence": "Inconclusive: x"}
    seen = [
        {"mmsi": "257123456", "name": "A", "latitude_deg": 59.91, "longitude_deg": 10.7},
        {"mmsi": "219000111", "name": "B", "latitude_deg": None, "longitude_deg": None},
        {"mmsi": "219000222", "name": "C", "latitude_deg": 59.92, "longitude_deg": 10.8},
    ]
    case: dict[str, Any] = {
        "id": "V-1", "vessel": {"mmsi": "257123456"},
        "position": {"latitude_deg": 59.9, "longitude_deg": 10.7, "error_m": 5, "source": "gpsd"},
        "attachments": [
            {"facts": {"vessels": seen}, "withdrawn": None},
            {"facts": {"vessels": seen}, "withdrawn": "wrong berth"},
        ],
    }  # fmt: skip
    document = json.loads(exchange.station_geojson(case, conclusion))
    kinds = [feature["properties"]["kind"] for feature in document["features"]]
    assert kinds == ["station", "vessel of the case", "vessel in view"]
    assert document["features"][0]["geometry"]["coordinates"] == [10.7, 59.9]
    assert document["features"][0]["properties"]["sentence"] == "Inconclusive: x"
    case["position"] = None
    assert len(json.loads(exchange.station_geojson(case, conclusion))["features"]) == 2


@pytest.mark.parametrize(
    ("sealed", "now", "same"),
    [
        (8.012, 8.013, True),
        (8.0, 8.1, False),
        ({"start_s": 0.001}, {"start_s": 0.00101}, False),
        ({"snr_db": 0.001}, {"snr_db": 0.00101}, True),
        (None, 0.0, False),
        ("C/N 8.012 dB at 14.2 GHz", "C/N 8.013 dB at 14.2 GHz", True),
        ("C/N 8.0 dB", "C/N 8.1 dB", True),  # 8.04999 and 8.05001
        ("C/N 8.0 dB", "C/N 8.2 dB", False),
        ("12 bursts, PoI 0.13", "13 bursts, PoI 0.13", False),
        ("pfa 1.2e-9", "pfa 1.3e-9", True),
        ("pfa 1.2e-9", "pfa 1.2e-8", False),
        ("level −3.1 dB", "level 3.1 dB", False),
        ("pfa 1.2e999999", "pfa 1.2e-9", False),
        ({"n": 10**400}, {"n": 1.5}, False),
        ({"value": 1.0, "unit": ["dB"]}, {"value": 1.01, "unit": "dB"}, False),
        ({"fold_profile": [0.5, -0.00089]}, {"fold_profile": [0.5, -0.0009]}, True),
        ({"fold_profile": [0.5, -0.00089]}, {"fold_profile": [0.5, -0.002]}, False),
        ({"value": 0.01, "unit": "s"}, {"value": 0.04, "unit": "s"}, False),
        ({"value": 0.01, "unit": "dB"}, {"value": 0.04, "unit": "dB"}, True),
        ({"value": 0.13, "unit": "1"}, {"value": 0.17, "unit": "1"}, False),
        ("detected", "not_detected", False),
        ([1.0, 2.0], [1.0], False),
        ({"pfa": 1e-9}, {"pfa": 1.1e-9}, True),
        ({"pfa": 1e-9}, {"pfa": 1e-8}, False),
        ({"a": 1}, {"b": 1}, False),
        (True, 1.0000001, False),
    ],
)
def test_another_build_may_differ_by_rounding_only(sealed: Any, now: Any, same: bool) -> None:
    found = recompute.Recomputed(same_build=False)
    recompute._compare("x", sealed, now, found)
    assert (found.difference_count == 0) is same
    strict = recompute.Recomputed(same_build=True)
    recompute._compare("x", sealed, now, strict)
    assert strict.difference_count > 0
