"""Parts of one emission bear its name, and change no verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdr_detect.model import Span
from sdr_detect.parts import name_parts
from sdr_detect.reasons import Judged, plain_reasons
from tests.core.test_judge import FRAME, LEAKED, PREAMBLE, UPLINK, judged, verdict, watch

#: 13.05 GHz above.
DME_AT = (1.0897e9, 1.0903e9)


def moved(one: Judged, **changes: Any) -> Judged:
    return replace(one, track=replace(one.track, **changes))


def name(one: Judged) -> str:
    return one.track.matches[0].profile


def preamble() -> Judged:
    return moved(judged(PREAMBLE, grids=(FRAME,), signal_share=0.3, kind="preamble"), id=7)


def bursts(**changes: Any) -> Judged:
    return moved(judged(signal_share=0.3, burst_duration_median_s=0.2e-3), **changes)


def test_bursts_that_show_no_structure_are_named_as_the_whole() -> None:
    alone, beside = bursts(), bursts()
    part, whole = name_parts([beside, preamble()])
    assert name(alone) != "starlink_uplink"
    assert name(part) == name(whole) == "starlink_uplink"
    assert not part.track.matches[0].structural
    assert "part of an emission" in part.track.matches[0].reasons[0]
    # What else it might be stays told, once.
    assert len({m.profile for m in part.track.matches}) == len(part.track.matches)
    assert "lies within an emission" in " ".join(plain_reasons([part], watch(), ()))


def test_a_name_changes_no_verdict() -> None:
    for tracks in ([bursts(), preamble()], [bursts()], [preamble()]):
        assert verdict(*tracks).verdict == verdict(*name_parts(tracks)).verdict


@pytest.mark.parametrize(
    "changes",
    [
        {"span": Span(9_000_000, 9_100_000)},
        {"freq_lower_hz": UPLINK[1] + 1e5, "freq_upper_hz": UPLINK[1] + 2e5},
        {"kind": "carrier"},
        {"kind": "stream"},
    ],
)
def test_what_is_elsewhere_or_of_another_kind_is_no_part(changes: dict[str, Any]) -> None:
    part = bursts(**changes)
    assert name_parts([part, preamble()])[0] is part


def test_lines_of_pulses_are_named_as_the_pulses_are() -> None:
    pulses = judged(
        rf=(14.1397e9, 14.1403e9),
        at_input=DME_AT,
        pulse_width_s=6e-6,
        burst_duration_median_s=6e-6,
        fills_slice=False,
    )
    line = judged(
        rf=(14.1399e9, 14.1400e9),
        at_input=(1.0899e9, 1.0900e9),
        kind="carrier",
        snr_db=-5.0,
        continuous=True,
        bandwidth_hz=4e4,
    )
    assert name(pulses) == "dme"
    assert name(line) != "dme"
    assert name(name_parts([line, pulses])[0]) == "dme"
    strong = moved(line, snr_db=30.0)
    assert name_parts([strong, pulses])[0] is strong


def test_a_carrier_with_a_symbol_clock_keeps_its_name() -> None:
    whole = judged(rf=(14.1397e9, 14.1403e9), at_input=DME_AT, pulse_width_s=6e-6)
    vsat = judged(
        kind="carrier",
        rf=(14.1399e9, 14.1400e9),
        at_input=LEAKED,
        continuous=True,
        symbol_rate_hz=4e4,
        symbol_rate_hz_pfa=1e-12,
        symbol_rate_per_bandwidth=1.0,
        bandwidth_hz=5e4,
    )
    assert name_parts([vsat, whole])[0] is vsat


def test_gaps_of_a_stream_are_named_as_the_stream_is() -> None:
    stream = moved(preamble(), kind="stream")
    gaps = bursts(kind="activity")
    assert name(name_parts([gaps, stream])[0]) == "starlink_uplink"
    assert name_parts([bursts(), stream])[0].whole is None
