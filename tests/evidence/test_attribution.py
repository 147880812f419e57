"""Whose emission it is: only what was compared is attributed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import comparison
from sdr_detect.evidence.attribution import Heard, conclude

MINUTE_NS = 60 * 10**9
SLICE_HZ = (14.2213e9, 14.2237e9)
ELSEWHERE_HZ = (14.4488e9, 14.4512e9)


def heard(
    role: str,
    minute: int | None,
    *,
    level_db: float | None = None,
    limit_db: float | None = -6.0,
    verdict: str | None = None,
    poi: float | None = 0.13,
) -> Heard:
    word = verdict or ("not_detected" if level_db is None else "detected")
    bounds = [value for value in (level_db, limit_db) if value is not None]
    return Heard(
        id=f"{role}@{minute}", role=role, start_ns=None if minute is None else minute * MINUTE_NS,
        duration_s=1.0, verdict=word, system="starlink" if word == "detected" else None,
        level_db=level_db,
        uncertainty_db=None if level_db is None else 0.4,
        bound_db=None if limit_db is None else max(bounds), limit_db=limit_db, poi=poi,
        analysed_s=1.0, blind_s=0.0, reasons=("a reason",),
        band_hz=None if level_db is None else SLICE_HZ, slice_hz=SLICE_HZ, noise_db=-114.0,
        gain_db=30.0,
    )  # fmt: skip


def on(minute: int | None, level_db: float = 12.0) -> Heard:
    return heard("on_target", minute, level_db=level_db)


def off(minute: int | None, level_db: float | None = None) -> Heard:
    return heard("off_target", minute, level_db=level_db)


BESIDE = heard("neighbour", 9)
TURNS = [off(0), on(1), off(2), on(3), BESIDE]


def test_contrast_in_turn_attributes() -> None:
    found = conclude(TURNS)
    assert found.verdict == "detected_attributed"
    assert (found.contrast_db, found.uncertainty_db) == (18.0, 1.08)
    assert found.sentence.startswith("Detected, attributed to this vessel: an emission consistent")


@pytest.mark.parametrize(
    ("recordings", "why"),
    [
        ([on(1), on(3)], "2 of each are needed"),
        ([on(1), off(2), BESIDE], "1 recordings with it towards the vessel and 1"),
        ([on(1), on(2), off(3), off(4), BESIDE], "may have ended by itself"),
        ([on(None), off(2), on(3), off(4), BESIDE], "may have ended by itself"),
        ([*TURNS, heard("on_target", 5)], "nothing was detected in on_target@5"),
        ([*TURNS, replace(on(5), system="oneweb")], "different systems"),
        (TURNS[:-1], "no recording towards a neighbour"),
        (
            [off(0), on(1), off(2), on(3), heard("neighbour", 9, level_db=11.0)],
            "less than the 6 dB",
        ),
        ([off(0), on(1), off(2, 8.0), on(3), BESIDE], "less than the 6 dB"),
        ([off(0), on(1), off(2), on(3, 0.2), BESIDE], "less than the 6 dB"),
        ([off(0), on(1), heard("off_target", 2, limit_db=None), on(3), BESIDE], "not known"),
        (
            [replace(off(0), slice_hz=ELSEWHERE_HZ), *TURNS[1:]],
            "off_target@0 was not recorded at the frequencies of on_target@1 "
            "(14.448800-14.451200 GHz against 14.221300-14.223700 GHz)",
        ),
        ([*TURNS[:4], replace(BESIDE, slice_hz=ELSEWHERE_HZ)], "neighbour@9 was not recorded"),
        ([replace(off(0), slice_hz=None), *TURNS[1:]], "off_target@0 was not recorded"),
        (
            [replace(off(0), noise_db=-126.0), *TURNS[1:]],
            "noise fell by 12.0 dB between on_target@1 and off_target@0",
        ),
        ([*TURNS[:4], replace(BESIDE, noise_db=-107.0)], "noise rose by 7.0 dB"),
        # Above risen noise as much more is missed: 18 - 6 - 6 dB.
        ([replace(off(0, 6.0), noise_db=-108.0), *TURNS[1:]], "0.0 dB between"),
    ],
)
def test_anything_less_does_not(recordings: Sequence[Heard], why: str) -> None:
    found = conclude(recordings)
    assert found.verdict == "detected_not_attributed"
    assert found.sentence.startswith("Detected, not attributed: ")
    assert any(why in ground for ground in found.grounds), found.grounds


def test_what_the_antenna_sees_may_change_the_noise() -> None:
    cold = [replace(off(0), noise_db=-119.0), *TURNS[1:]]
    assert conclude(cold).verdict == "detected_attributed"
    assert conclude(cold).contrast_db == 18.0
    warm = [replace(off(0), noise_db=-112.0), *TURNS[1:]]
    assert conclude(warm).contrast_db == 16.0
    # Noise of two gains cannot be compared; C/N can.
    other_gain = [replace(off(0), noise_db=-130.0, gain_db=14.0), *TURNS[1:]]
    assert conclude(other_gain).verdict == "detected_attributed"


def test_the_contrast_must_exceed_its_uncertainty() -> None:
    assert conclude([off(0), on(1, 1.2), off(2), on(3), BESIDE]).verdict == "detected_attributed"
    # 6.9 dB ± 1.1 dB may be less than 6 dB.
    assert conclude([off(0), on(1, 0.9), off(2), on(3), BESIDE]).verdict != "detected_attributed"


def test_a_witnessed_power_cut_attributes_by_itself() -> None:
    cut = heard("power_off", 2)
    assert conclude([on(1), cut, on(3)]).verdict == "detected_attributed"
    # Without the return it may have ended by itself; with a level left it made no difference.
    assert conclude([on(1), cut]).verdict == "detected_not_attributed"
    deaf = replace(cut, noise_db=-117.0)
    found = conclude([on(1), deaf, on(3)])
    assert found.verdict == "detected_not_attributed"
    assert any("noise fell by 3.0 dB" in ground for ground in found.grounds)
    still = heard("power_off", 2, level_db=11.0)
    assert conclude([on(1), still, on(3)]).verdict == "detected_not_attributed"


def test_not_detected_states_limit_and_chance() -> None:
    found = conclude([heard("on_target", 1), heard("on_target", 2, limit_db=-3.0, poi=0.2)])
    assert found.verdict == "not_detected"
    assert found.sentence == "Not detected above limit L = C/N -3.0 dB with PoI P = 20 %"
    unknown = conclude([heard("on_target", 1), heard("on_target", 2, limit_db=None)])
    assert unknown.verdict == "inconclusive"


def test_silence_needs_a_positive_control() -> None:
    quiet = [heard("silence", 5)]
    assert "no positive control" in conclude(quiet).sentence
    missed = [heard("control", 1), *quiet]
    assert conclude(missed).verdict == "inconclusive"
    control = heard("control", 1, level_db=20.0)
    assert conclude([control, *quiet]).verdict == "not_detected"
    gap = conclude([control, *quiet, heard("silence", 6)]).grounds[-1]
    assert gap.endswith("3.28 % of it; gaps, 59 s in all: 00:05:01.0 for 59 s")


def test_doubt_and_nothing_are_inconclusive() -> None:
    doubt = conclude([heard("on_target", 1, verdict="inconclusive")])
    assert doubt.sentence == "Inconclusive: on_target@1: a reason"
    assert "no recording towards the vessel" in conclude([off(1)]).sentence


def result(attributed: object, kind: str = "absorber") -> bytes:
    lines = [
        {"type": "recording"},
        {"type": "comparison", "kind": kind},
        {
            "type": "verdict",
            "attributed": attributed,
            "reasons": ["as strong through the absorber"],
        },
    ]
    return "\n".join(map(json.dumps, lines)).encode()


def test_a_test_against_it_forbids_attribution() -> None:
    against = comparison.read("a1", result(False))
    found = conclude(TURNS, [against])
    assert found.verdict == "detected_not_attributed"
    assert found.sentence.startswith("Detected, not attributed: ")
    assert found.grounds[0] == (
        "test a1 (absorber) does not count for this vessel: as strong through the absorber"
    )
    for_it = comparison.read("a1", result(True))
    assert conclude(TURNS, [for_it]).verdict == "detected_attributed"
    assert conclude([on(1)], [for_it]).verdict == "detected_not_attributed"
    undecided = comparison.read("a1", result(None))
    assert "decided nothing" in conclude(TURNS, [undecided]).grounds[-1]


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[]", b'{"type": "verdict"}', result("yes"), b"\xff\xfe", b"[" * 100_000],
)
def test_what_is_no_comparison(content: bytes) -> None:
    with pytest.raises(EvidenceError, match="sdr-detect compare"):
        comparison.read("a1", content)
