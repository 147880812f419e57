from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from sdr_detect.events import (
    Alternative,
    BurstEvent,
    Event,
    Incident,
    TrackEvent,
    Verdict,
    to_json,
)
from sdr_detect.model import Burst, Detection, Flag, Match, Span, StreamInfo, Track

INFO = StreamInfo("test", 2.0e6, center_hz=14.2e9)
BURST = Burst(
    Detection(Span(1000, 3000), 14.199e9, 14.201e9, snr_db=12.3456, pfa=1e-9),
    power_dbfs=-31.239,
    features={"duration_s": 1e-3},
    flags=frozenset({Flag.EDGE, Flag.CLIPPED}),
)
MATCH = Match("starlink_uplink", "starlink", "user_terminal", 0.98765, True, ("a",), ("b",))
TRACK = Track(
    id=7,
    kind="bursts",
    span=Span(0, 4_000_000),
    freq_lower_hz=14.199e9,
    freq_upper_hz=14.201e9,
    burst_count=40,
    duty_cycle=0.123456,
    burst_period_s=0.008,
    snr_db=11.111,
    pfa=1e-30,
    doppler_rate_hz_per_s=2500.0,
    features={"bandwidth_hz": 2e6},
    matches=(MATCH,),
    flags=frozenset({Flag.EDGE}),
)
VERDICT = Verdict(
    verdict="detected",
    system="starlink",
    confidence=0.97,
    pfa=1e-12,
    detection_limit_db=-8.5,
    poi=0.99,
    analysed_s=2.0,
    blind_s=0.0,
    reasons=("because",),
    alternatives=(Alternative("oneweb", "oneweb_uplink", 0.01, "no timing"),),
)


def test_burst_has_the_keys_of_the_contract() -> None:
    assert to_json(BurstEvent(BURST, INFO)) == {
        "type": "burst",
        "start_sample": 1000,
        "sample_count": 2000,
        "start_s": 0.0005,
        "stop_s": 0.0015,
        "freq_lower_hz": 14.199e9,
        "freq_upper_hz": 14.201e9,
        "snr_db": 12.35,
        "power_dbfs": -31.24,
        "features": {"duration_s": 0.001},
        "flags": ["clipped", "edge"],
    }


def test_track_has_the_keys_of_the_contract() -> None:
    assert to_json(TrackEvent(TRACK, INFO)) == {
        "type": "track",
        "id": 7,
        "kind": "bursts",
        "start_s": 0.0,
        "stop_s": 2.0,
        "freq_lower_hz": 14.199e9,
        "freq_upper_hz": 14.201e9,
        "burst_count": 40,
        "duty_cycle": 0.12346,
        "burst_period_s": 0.008,
        "snr_db": 11.11,
        "power_dbfs": None,
        "pfa": 1e-30,
        "doppler_rate_hz_per_s": 2500.0,
        "features": {"bandwidth_hz": 2e6},
        "matches": [
            {
                "profile": "starlink_uplink",
                "system": "starlink",
                "score": 0.9877,
                "reasons": ["a"],
                "against": ["b"],
            }
        ],
        "flags": ["edge"],
    }


def test_verdict_has_the_keys_of_the_contract() -> None:
    assert to_json(VERDICT) == {
        "type": "verdict",
        "verdict": "detected",
        "system": "starlink",
        "confidence": 0.97,
        "pfa": 1e-12,
        "detection_limit_db": -8.5,
        "noise_dbfs_per_hz": None,
        "bandwidth_hz": None,
        "detection_limit_dbm": None,
        "detection_limit_dbm_expanded_db": None,
        "detection_limit_pfd_dbw_m2": None,
        "detection_limit_pfd_dbw_m2_expanded_db": None,
        "detection_limit_eirp_dbm": None,
        "detection_limit_eirp_dbm_expanded_db": None,
        "poi": 0.99,
        "analysed_s": 2.0,
        "blind_s": 0.0,
        "reasons": ["because"],
        "alternatives": [
            {"system": "oneweb", "profile": "oneweb_uplink", "score": 0.01, "why": "no timing"}
        ],
    }


@pytest.mark.parametrize("kind", ["gap", "overload", "health"])
def test_incident_has_the_keys_of_the_contract(kind: Any) -> None:
    assert to_json(Incident(kind, Span(10, 14), "why", "more")) == {
        "type": kind,
        "start_sample": 10,
        "sample_count": 4,
        "reason": "why",
        "detail": "more",
    }


def test_type_comes_first() -> None:
    events: list[Event] = [
        Incident("gap", Span(0, 1), "r"),
        BurstEvent(BURST, INFO),
        TrackEvent(TRACK, INFO),
        VERDICT,
    ]
    assert [next(iter(to_json(event))) for event in events] == ["type"] * 4


def test_unknown_is_null_and_zero_is_zero() -> None:
    unknown = replace(
        TRACK,
        duty_cycle=None,
        burst_period_s=None,
        doppler_rate_hz_per_s=None,
        features={"bandwidth_hz": None},
    )
    item = to_json(TrackEvent(unknown, INFO))
    names = ("duty_cycle", "burst_period_s", "doppler_rate_hz_per_s")
    assert [item[name] for name in names] == [None] * 3
    assert item["features"] == {"bandwidth_hz": None}

    zero = replace(TRACK, duty_cycle=0.0, doppler_rate_hz_per_s=0.0)
    item = to_json(TrackEvent(zero, INFO))
    assert item["duty_cycle"] == 0
    assert item["doppler_rate_hz_per_s"] == 0

    assert to_json(replace(VERDICT, detection_limit_db=None))["detection_limit_db"] is None
    assert to_json(replace(VERDICT, verdict="not_detected", system=None))["system"] is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_is_null(value: float) -> None:
    track = replace(
        TRACK,
        snr_db=value,
        burst_period_s=value,
        doppler_rate_hz_per_s=value,
        features={"x": value, "list": [1.0, value], "table": {"y": value}},
    )
    burst = replace(BURST, power_dbfs=value, features={"x": value})
    for event in (TrackEvent(track, INFO), BurstEvent(burst, INFO)):
        text = json.dumps(to_json(event), allow_nan=False)
        assert json.loads(text)["features"]["x"] is None
    features = to_json(TrackEvent(track, INFO))["features"]
    assert features["list"] == [1.0, None]
    assert features["table"] == {"y": None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": 1.5}, "confidence"),
        ({"pfa": -0.1}, "pfa"),
        ({"poi": math.nan}, "poi"),
        ({"analysed_s": -1.0}, "negative"),
        ({"blind_s": -1.0}, "negative"),
        ({"system": None}, "names a system"),
    ],
)
def test_impossible_verdicts_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(VERDICT, **change)


def test_events_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        VERDICT.verdict = "not_detected"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        TRACK.id = 8  # type: ignore[misc]
