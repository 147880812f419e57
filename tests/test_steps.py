"""What an inspector's tests show, on results made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdr_detect.steps import Finding, Result, Seen, combined, compare, kept, read_result

CENTER = 14.2225e9
HERE = Result(
    "a", CENTER, 2.4e6, 2e6, 12.8e9, "low", 30.0, False, -114.0, -6.0, "detected", ()
)  # noise in the slice: -51 dBFS
BURSTS = Seen(1, "burst", CENTER - 1e6, CENTER + 1e6, None, -41.0, 0.07, 10.0, True)
CARRIER = Seen(2, "carrier", 14.2221e9, 14.2222e9, None, -40.0, 1.0, 24.0, False)


def result(*tracks: Seen, **changes: Any) -> Result:
    return replace(HERE, tracks=tracks, **changes)


def only(kind: str, one: Result, other: Result) -> Finding:
    (found,) = compare(kind, [(one, other)])  # type: ignore[arg-type]
    return found


def test_gone_off_target_counts_as_far_as_the_limit_tells() -> None:
    found = only("off-target", result(BURSTS), result())
    # -41 dBFS against a limit of -51 - 6 = -57 dBFS.
    assert found.contrast_db == pytest.approx(16.0, abs=0.05)
    assert (found.status, found.counts, found.at_least) == ("gone", True, True)
    assert "of one pair only" in found.text
    assert combined("off-target", "detected", [found]).attributed is True


def test_weaker_same_and_stronger_off_target() -> None:
    def off(power_db: float) -> Finding:
        return only("off-target", result(BURSTS), result(replace(BURSTS, id=9, power_db=power_db)))

    weaker = off(-53.0)
    assert (weaker.status, weaker.counts) == ("weaker", True)
    assert weaker.contrast_db == pytest.approx(12.0)
    # 0.5 dB of gain and noise of either level, k = 2.
    assert weaker.expanded_db == pytest.approx(1.0, abs=0.05)
    assert (off(-42.0).status, off(-42.0).counts) == ("same", False)
    assert (off(-31.0).status, off(-31.0).counts) == ("stronger", False)
    assert (off(-46.5).status, off(-46.5).counts) == ("undecided", None)
    verdict = combined("off-target", "detected", [off(-42.0)])
    assert (verdict.verdict, verdict.attributed) == ("inconclusive", False)
    assert "does not count" in verdict.reasons[0]
    open_ = combined("off-target", "detected", [off(-46.5)])
    assert (open_.verdict, open_.attributed) == ("detected", None)


def test_silence_that_proves_nothing_is_not_decided() -> None:
    weak = replace(BURSTS, power_db=-55.0, snr_db=-4.0)
    found = only("off-target", result(weak), result())
    assert (found.status, found.counts) == ("undecided", None)
    deaf = only("off-target", result(BURSTS), result(limit_cn_db=None))
    assert (deaf.status, deaf.counts) == ("undecided", None)


def test_who_listened_beside_it_tells_nothing() -> None:
    moved = result(center_hz=CENTER + 0.5e6)  # a quarter of the band is not heard
    found = only("off-target", result(BURSTS), moved)
    assert (found.status, found.counts) == ("undecided", None)
    assert "does not hold its band" in found.text
    near = result(center_hz=CENTER + 50e3)
    assert only("off-target", result(BURSTS), near).counts is True


@pytest.mark.parametrize(
    ("kind", "noise_db", "why"),
    [
        ("off-target", -126.0, "noise fell by 12.0 dB between the first and the second"),
        ("off-target", -107.0, "noise rose by 7.0 dB"),
        ("off-target", -119.0, None),  # from a ship to the sky
        ("absorber", -119.0, "noise fell by 5.0 dB"),
        ("absorber", -109.0, None),
    ],
)
def test_a_deaf_receiver_proves_nothing(kind: str, noise_db: float, why: str | None) -> None:
    if why is None:
        assert only(kind, result(BURSTS), result(noise_db_per_hz=noise_db)).counts is True
        return
    with pytest.raises(ValueError, match=why):
        only(kind, result(BURSTS), result(noise_db_per_hz=noise_db))


def test_what_a_lost_gain_explains_is_no_contrast() -> None:
    """A cable loose by 6.2 dB takes noise and emission alike, wherever it comes from."""
    quieter: dict[str, Any] = {"noise_db_per_hz": -120.2}
    loose = result(replace(BURSTS, id=9, power_db=-47.2), **quieter)
    found = only("off-target", result(BURSTS), loose)
    assert (found.status, found.counts) == ("undecided", None)
    assert "noise fell by 6.2 dB, which may be gain" in found.text
    turned = result(replace(BURSTS, id=9, power_db=-56.2), **quieter)
    assert only("off-target", result(BURSTS), turned).counts is True
    # Unseen below the limit of the quieter one, which is no lower than that of the first.
    unseen = only("off-target", result(BURSTS), result(**quieter))
    assert unseen.contrast_db == pytest.approx(16.0, abs=0.05)


def test_the_error_names_the_pair_at_fault() -> None:
    pairs = [(result(BURSTS), result()), (result(BURSTS), result(name="b2", gain_db=20.0))]
    with pytest.raises(ValueError, match="pair 2, a and b2: their gains"):
        compare("off-target", pairs)


def test_alternating_pairs_sharpen_or_refute() -> None:
    steady = [(result(BURSTS), result(replace(BURSTS, power_db=p))) for p in (-53.0, -54.0, -52.0)]
    (found,) = compare("off-target", steady)
    assert found.counts is True
    assert "one pair" not in found.text
    wild = [(result(BURSTS), result(replace(BURSTS, power_db=p))) for p in (-60.0, -30.0, -52.0)]
    (found,) = compare("off-target", wild)
    assert found.counts is None
    assert found.expanded_db is not None
    assert found.expanded_db > 10


def test_what_passes_the_absorber_is_not_from_the_antenna() -> None:
    findings = compare("absorber", [(result(BURSTS, CARRIER), result(replace(BURSTS, id=5)))])
    assert [f.counts for f in findings] == [False, True]
    assert "not from the antenna" in findings[0].text
    assert "from the antenna" in findings[1].text
    assert combined("absorber", "detected", findings).verdict == "inconclusive"


def test_earlier_exclusion_is_not_undone() -> None:
    excluded = replace(BURSTS, counts=False)
    found = only("off-target", result(excluded), result())
    assert found.counts is True
    assert kept(found) is False
    assert combined("off-target", "detected", [found]).attributed is False


@pytest.mark.parametrize(
    ("shift_hz", "status", "counts"),
    [(0.0, "rf", True), (0.4e6, "ingress", False), (0.8e6, "image", False)],
)
def test_second_lo_tells_by_how_far_it_moves(shift_hz: float, status: str, counts: bool) -> None:
    moved = replace(CARRIER, low_hz=CARRIER.low_hz + shift_hz, high_hz=CARRIER.high_hz + shift_hz)
    found = only("second-lo", result(CARRIER), result(moved, lo_hz=12.8004e9))
    assert (found.status, found.counts) == (status, counts)


def test_second_lo_of_what_fills_the_slice() -> None:
    """Tuned to the same RF far away in LO, only what is RF is still there."""
    found = only("second-lo", result(BURSTS), result(BURSTS, lo_hz=13.05e9))
    assert found.status == "rf"
    lost = only("second-lo", result(BURSTS), result(lo_hz=13.05e9))
    assert (lost.status, lost.counts) == ("gone", None)
    near = only("second-lo", result(BURSTS), result(BURSTS, lo_hz=12.8004e9))
    assert near.status == "undecided"


def test_check_source_before_and_after() -> None:
    worked = only("check-source", result(CARRIER), result(replace(CARRIER, power_db=-41.0)))
    assert worked.status == "worked"
    assert combined("check-source", "not_detected", [], worked).verdict == "not_detected"
    for other in (result(), result(replace(CARRIER, power_db=-50.0))):
        failed = only("check-source", result(CARRIER), other)
        assert failed.status == "failed"
        assert combined("check-source", "not_detected", [], failed).verdict == "inconclusive"
        assert combined("check-source", "detected", [], failed).verdict == "detected"
    assert combined("check-source", "not_detected", [], None).verdict == "inconclusive"


def test_other_emissions_are_no_partners() -> None:
    late = replace(BURSTS, period_s=0.012)
    other = replace(BURSTS, period_s=0.0193)
    assert only("off-target", result(late), result(other)).status == "gone"
    missed_some = replace(BURSTS, period_s=0.024)
    assert only("off-target", result(late), result(missed_some)).status == "same"
    assert only("off-target", result(CARRIER), result(BURSTS)).status == "gone"


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("off-target", {"gain_db": 20.0}, "gains"),
        ("absorber", {"calibrated": True}, "analyse both alike"),
        ("off-target", {"center_hz": None}, "centre"),
        ("off-target", {"center_hz": 14.45e9}, "do not overlap"),
        ("second-lo", {}, "two LOs"),
        ("second-lo", {"side": "high", "lo_hz": 15.45e9}, "two LOs"),
    ],
)
def test_results_that_cannot_be_compared(kind: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        only(kind, result(BURSTS), result(**changes))


def test_result_is_read_from_json_lines() -> None:
    head = {
        "type": "recording",
        "path": "x",
        "rf_center_hz": CENTER,
        "sample_rate_hz": 2.4e6,
        "converter_side": "low",
        "lo_hz": 12.8e9,
        "gain_db": None,
        "dbm_offset_db": -60.0,
    }
    track = {
        "type": "track",
        "id": 3,
        "kind": "burst",
        "start_s": 0.0,
        "stop_s": 2.0,
        "freq_lower_hz": 14.2e9,
        "freq_upper_hz": 14.202e9,
        "burst_period_s": 0.012,
        "duty_cycle": 0.07,
        "snr_db": 9.0,
        "power_dbfs": -41.0,
        "matches": [{"profile": "lte", "score": 0.1}, {"profile": "sl", "score": 0.9}],
    }
    verdict = {"type": "verdict", "verdict": "detected", "noise_dbfs_per_hz": -114.0,
               "bandwidth_hz": 2e6, "detection_limit_db": -6.0}  # fmt: skip
    found = read_result([head, track, verdict], {"sl": "user_terminal", "lte": "ingress"})
    assert found.noise_db_per_hz == -174.0
    (seen,) = found.tracks
    assert (seen.power_db, seen.on_s, seen.terminal, seen.counts) == (-101.0, 0.14, True, None)
    with pytest.raises(ValueError, match="2 recordings"):
        read_result([head, head, verdict], {})
