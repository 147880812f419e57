"""Levels and limits against hand computations; what a calibration holds for."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import catalog
from sdr_detect.calibrated import CalibratedSource, kept_to
from sdr_detect.calibration.apply import apply
from sdr_detect.calibration.budget import Budget, Term, summed
from sdr_detect.calibration.levels import Levels
from sdr_detect.calibration.link import (
    Geometry,
    eirp_terms,
    free_space_db,
    limits,
    pfd_terms,
    session_noise,
    thermal_noise,
)
from sdr_detect.calibration.planning import at_the_limit, planned_limit
from sdr_detect.calibration.schema import Antenna, Calibration, Figure, Lo, Validity
from sdr_detect.calibration.text import calibration_toml, read_calibration
from sdr_detect.calibration.update import with_levels, with_lo
from sdr_detect.errors import CalibrationError
from sdr_detect.events import BurstEvent, Verdict
from sdr_detect.model import Burst, Detection, IQBlock, Span, StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect.ports import Overflow
from sdr_detect.profiles.schema import Power
from sdr_detect.settings import Settings, SiteSettings

UTC = "2026-05-04T08:15:30Z"
KU = FrequencyPlan(catalog.converter("ku-12.80"))


def figure(value: float, uncertainty: float = 0.0) -> Figure:
    return Figure(value=value, uncertainty=uncertainty, method="by hand", utc=UTC)


VALID = Validity(
    gain_db=30.0, sample_rate_hz=2.4e6, rf_lower_hz=14.2e9, rf_upper_hz=14.21e9,
    converter="ku-12.80",
)  # fmt: skip
HORN = Antenna(gain_dbi=figure(20.0, 0.5), beamwidth_deg=figure(18.0))
MADE = Calibration(
    name="test", validity=VALID, dbm_offset_db=figure(-60.0, 0.2), antenna=HORN,
    lo=Lo(error_ppm=figure(10.0, 0.1)),
)  # fmt: skip
INFO = StreamInfo("s", 2.4e6, 14.205e9, gain_db=30.0, plan=KU)
PLAIN = MADE.model_copy(update={"lo": None})


def test_budget_is_the_root_of_the_sum_of_squares() -> None:
    terms = [Term("a", 1.0, 0.3), Term("b", 2.0, 0.2, sensitivity=-2.0)]
    found = summed("x", "dB", terms)
    assert found.value == 1.0 - 4.0
    assert found.standard == pytest.approx(0.5)
    assert found.expanded == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no such thing"):
        Term("a", 1.0, -0.1)


def test_free_space_and_flux_by_hand() -> None:
    # 14.25 GHz: 21.0380 mm; (4 pi 1000 / 0.0210380)^2 is 115.525 dB.
    assert free_space_db(1000, 14.25e9) == pytest.approx(115.525, abs=0.001)
    # 1 W of EIRP at 1 km makes 10 log10(1 / (4 pi 1e6)) = -70.992 dBW/m².
    geometry = Geometry(14.25e9, 1000.0)
    bare = Antenna(gain_dbi=figure(7.0))
    port_dbm = 30.0 - sum(t.sensitivity * t.value for t in eirp_terms(bare, geometry))
    pfd = port_dbm + sum(t.sensitivity * t.value for t in pfd_terms(bare, geometry))
    assert pfd == pytest.approx(-70.992, abs=0.001)


def test_link_budget_of_a_terminal_by_hand() -> None:
    """2.5 W, -10 dBi towards a 20 dBi horn at 1 km, 3 dB of polarisation: over 60 MHz
    -74.5 dBm; -88.5 dBm in 2.4 MHz against -110.4 dBm of noise (275 K): C/N 21.9 dB."""
    geometry = Geometry(14.25e9, 1000.0)
    horn = Antenna(gain_dbi=figure(20.0), polarisation_loss_db=figure(3.0))
    eirp_dbm = 10 * math.log10(2500) - 10 + 10 * math.log10(2.4 / 60)
    carrier = eirp_dbm - sum(t.sensitivity * t.value for t in eirp_terms(horn, geometry))
    assert carrier == pytest.approx(-88.53, abs=0.02)
    noise = thermal_noise(summed("nf", "dB", [Term("nf", 1.0, 0.0)]), 200.0, 0.0)
    assert noise.value == pytest.approx(-174.2, abs=0.05)
    assert carrier - noise.value - 10 * math.log10(2.4e6) == pytest.approx(21.9, abs=0.1)


def test_limit_and_its_uncertainty_by_hand() -> None:
    noise = session_noise(-114.0, summed("offset", "dB", [Term("offset", -60.0, 0.2)]))
    antenna = Antenna(gain_dbi=figure(20.0, 0.5), beamwidth_deg=figure(18.0))
    geometry = Geometry(14.2e9, 500.0, 20.0, 3.0)
    found = limits(noise, -6.0, 2e6, antenna, geometry)
    assert found.dbm.value == pytest.approx(-174.0 + 63.0103 - 6.0, abs=1e-3)
    assert found.dbm.standard == pytest.approx(math.sqrt(0.2**2 + 0.3**2 + 0.5**2))
    assert found.eirp_dbm is not None
    # Pointing: 24 (3/18)² = 0.667 dB; slice to channel 10 log10(62.5/2) = 14.949 dB.
    loss = 20 * math.log10(4 * math.pi * 500 * 14.2e9 / 299792458)
    expected = found.dbm.value - 20 + 0.6667 + loss + 14.9485
    assert found.eirp_dbm.value == pytest.approx(expected, abs=1e-3)
    # 20 m of 500 m are 8.686 * 0.04 = 0.3474 dB.
    squares = found.dbm.standard**2 + 0.5**2 + 0.6667**2 + 0.3474**2
    assert found.eirp_dbm.expanded == pytest.approx(2 * math.sqrt(squares), abs=1e-3)
    assert limits(noise, -6.0, 2e6, None, geometry).pfd_dbw_m2 is None
    assert limits(noise, -6.0, 2e6, antenna, Geometry(14.2e9)).eirp_dbm is None


@given(
    distance=st.floats(1, 1e5), gain=st.floats(-10, 60), cn=st.floats(-20, 20),
    width=st.floats(1e5, 6e7),
)  # fmt: skip
def test_eirp_is_flux_over_the_sphere(
    distance: float, gain: float, cn: float, width: float
) -> None:
    noise = Budget("noise", "dBm/Hz", -174.0, ())
    found = limits(noise, cn, width, Antenna(gain_dbi=figure(gain)), Geometry(14.2e9, distance))
    assert found.eirp_dbm is not None
    assert found.pfd_dbw_m2 is not None
    slice_dbm = found.eirp_dbm.value - 10 * math.log10(62.5e6 / width)
    spread = 10 * math.log10(4 * math.pi * distance**2)
    assert slice_dbm - 30 - spread == pytest.approx(found.pfd_dbw_m2.value, abs=1e-6)


def test_thermal_noise_sensitivities_are_the_numerical_ones() -> None:
    def at(nf: float, kelvin: float) -> float:
        return thermal_noise(summed("nf", "dB", [Term("nf", nf, 0.5)]), kelvin, 50.0).value

    found = thermal_noise(summed("nf", "dB", [Term("nf", 1.5, 0.5)]), 200.0, 50.0)
    assert found.terms[0].sensitivity == pytest.approx((at(1.51, 200) - at(1.49, 200)) / 0.02, 1e-4)
    assert found.terms[1].sensitivity == pytest.approx((at(1.5, 201) - at(1.5, 199)) / 2, 1e-4)


def test_calibration_holds_only_where_it_was_made() -> None:
    fits = apply(PLAIN, INFO)
    assert fits.info.dbm_offset_db == -60.0
    assert fits.problems == ()
    for change, word in (
        ({"gain_db": 20.0}, "gain 20 dB"),
        ({"gain_db": None}, "gain is not stated"),
        ({"sample_rate_hz": 2.0e6}, "rate"),
        ({"center_hz": 14.3e9}, "GHz"),
        ({"center_hz": None}, "centre frequency"),
        ({"plan": FrequencyPlan(catalog.converter("ku-13.05"))}, "converter ku-13.05"),
    ):
        found = apply(PLAIN, replace(INFO, **change))  # type: ignore[arg-type]
        assert found.info.dbm_offset_db is None
        assert word in " ".join(found.problems)
    stated = apply(PLAIN, replace(INFO, gain_db=None), gain_db=30.0)
    assert stated.info.dbm_offset_db == -60.0
    without = PLAIN.model_copy(update={"validity": VALID.model_copy(update={"gain_db": None})})
    flagged = apply(without, replace(INFO, gain_db=None))
    assert flagged.info.dbm_offset_db == -60.0
    assert "taken as unchanged" in flagged.problems[0]


def test_lo_error_moves_the_centre_and_is_applied_once() -> None:
    found = apply(MADE, INFO).info
    # 10 ppm of 12.8 GHz: at the same IF the air is 128 kHz higher.
    assert found.center_hz == pytest.approx(14.205e9 + 128e3)
    assert found.if_center_hz == INFO.if_center_hz
    assert apply(MADE, found).info == found
    other = replace(INFO, plan=FrequencyPlan(catalog.converter("ku-13.05")))
    told = apply(MADE, other)
    assert told.info.center_hz == other.center_hz
    assert "LO error is that of ku-12.80" in told.problems[0]


def test_receiver_plane_is_taken_to_the_antenna() -> None:
    """-60 dB at the receiver, behind 50 dB of LNB and 3 dB of cable: -107 at the antenna."""
    made = MADE.model_copy(
        update={
            "reference_plane": "receiver_input", "lo": None,
            "lnb_gain_db": figure(50.0, 1.0), "cable_gain_db": figure(-3.0, 0.1),
        }
    )  # fmt: skip
    assert apply(made, INFO).info.dbm_offset_db == pytest.approx(-107.0)
    with pytest.raises(ValueError, match="receiver_input"):
        Calibration.model_validate({**dict(MADE), "lnb_gain_db": figure(50.0)})


def burst(info: StreamInfo) -> BurstEvent:
    region = Detection(Span(0, 2400), 14.2045e9, 14.2055e9, 10.0, 1e-9)
    return BurstEvent(Burst(region, -40.0), info)


def test_levels_by_hand() -> None:
    levels = Levels(PLAIN, SiteSettings(distance_m=500.0))
    found = levels.fields(burst(apply(PLAIN, INFO).info))
    assert found["power_dbm"] == -100.0
    assert found["level_bandwidth_hz"] == 1e6
    # 1 ms of 1 MHz at C/N 10 dB: 4.343 * 1.1 / sqrt(1000) = 0.151 dB, and 0.2 dB.
    assert found["power_expanded_db"] == pytest.approx(2 * math.hypot(0.2, 0.151), abs=0.01)
    # Aperture of 20 dBi at 14.205 GHz: 100 * 0.021105² / (4 pi) = 3.5445e-3 m², -24.50 dBm².
    assert found["pfd_dbw_m2"] == pytest.approx(-130.0 + 24.50, abs=0.01)
    assert set(levels.fields(burst(INFO)).values()) == {None}
    bare = Levels().fields(burst(replace(INFO, dbm_offset_db=-50.0)))
    assert (bare["power_dbm"], bare["power_expanded_db"], bare["pfd_dbw_m2"]) == (-90.0, None, None)
    foreign = levels.fields(burst(replace(INFO, dbm_offset_db=-50.0)))
    assert foreign["power_expanded_db"] is None


NOT_FOUND = Verdict(
    "not_detected", None, 0.1, 1e-6, -6.0, 0.13, 1.0, 0.0, ("quiet",), (), -114.0, 2e6
)


def test_absence_keeps_to_the_limit_that_is_asked_for() -> None:
    info = apply(PLAIN, INFO).info
    found = Levels(PLAIN, SiteSettings(distance_m=500.0)).limits(NOT_FOUND, info)
    assert found is not None
    assert found.eirp_dbm is not None
    reached = found.eirp_dbm.value + found.eirp_dbm.expanded
    assert kept_to(NOT_FOUND, found, None).physical == found.stated
    assert kept_to(NOT_FOUND, found, reached + 0.01).verdict == "not_detected"
    missed = kept_to(NOT_FOUND, found, reached - 0.01)
    assert missed.verdict == "inconclusive"
    assert "asked for" in missed.reasons[0]
    assert "none can be stated" in kept_to(NOT_FOUND, None, 10.0).reasons[0]
    detected = replace(NOT_FOUND, verdict="detected", system="starlink")
    assert kept_to(detected, None, 10.0).verdict == "detected"


def test_terminals_under_each_horizon_gain() -> None:
    profile = catalog.profile("starlink_uplink")
    rows = at_the_limit(20.0, 2.0, 500.0, profile)
    assert [(row.gain_dbi, row.port_dbm) for row in rows] == [(0, 20), (-10, 30), (-20, 40)]
    # 34 dBm at the port is the profile's assumption.
    assert [row.word for row in rows] == ["found", "found", "missed"]
    assert rows[0].reach_m == pytest.approx(500 * 10 ** (14 / 20))
    assert at_the_limit(32.5, 2.0, None, profile)[0].word == "perhaps"
    assert at_the_limit(20.0, 2.0, 500.0, None)[0].typical is None
    with pytest.raises(ValueError, match="either"):
        Power(text="both", eirp_dbw=1.0, port_dbm=1.0, source="none", confidence="C")


def test_a_plan_states_what_thermal_noise_would() -> None:
    limit, width = planned_limit(2.4e6, None, 1.0, Settings())
    assert limit is not None
    assert -8 < limit < -4
    assert width == pytest.approx(2.36e6, rel=0.01)
    assert planned_limit(200e3, None, 1.0, Settings())[0] is None


def test_file_is_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "rx.toml"
    made = MADE.model_copy(update={"notes": 'quay 3, "north"\nµ \\ \x7f'})
    path.write_text(calibration_toml(made), encoding="utf-8")
    assert read_calibration(path) == made


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gane_db = 3", "did you mean 'gain_db'"),
        ("gain_db = nan", "validity.gain_db"),
        ("rf_upper_hz = 1e9", "not below"),
    ],
)
def test_faulty_file_names_the_key(tmp_path: Path, line: str, message: str) -> None:
    text = calibration_toml(MADE).replace(
        "rf_upper_hz = 14210000000.0" if "upper" in line else "gain_db = 30.0", line, 1
    )
    path = tmp_path / "rx.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationError, match=message):
        read_calibration(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        read_calibration(tmp_path / "absent.toml")


def test_figures_of_other_settings_go_into_another_file() -> None:
    noise = {"noise_dbfs_per_hz": figure(-112.0, 0.1)}
    made = with_levels(MADE, "x", VALID, noise)
    assert made.noise_dbfs_per_hz == noise["noise_dbfs_per_hz"]
    assert made.dbm_offset_db == MADE.dbm_offset_db
    for change, word in (({"gain_db": 20.0}, "gain_db"), ({"rf_upper_hz": 14.4e9}, "reaches")):
        with pytest.raises(CalibrationError, match=word):
            with_levels(MADE, "x", VALID.model_copy(update=change), noise)
    lo = Lo(error_ppm=figure(3.0))
    assert with_lo(MADE, "x", VALID.model_copy(update={"gain_db": 1.0}), lo).lo == lo
    with pytest.raises(CalibrationError, match="converter"):
        with_lo(MADE, "x", VALID.model_copy(update={"converter": "ku-13.05"}), lo)


class _Stream:
    overflow = Overflow.BLOCK
    info = INFO

    def blocks(self):  # type: ignore[no-untyped-def]
        samples = np.zeros(10, np.complex64)
        yield IQBlock(INFO, 0, samples.copy())
        yield IQBlock(replace(INFO, gain_db=10.0), 10, samples.copy())
        yield IQBlock(replace(INFO, gain_db=10.0), 20, samples.copy())

    def close(self) -> None:
        pass


def test_stream_carries_its_calibration_and_tells_once_where_it_ends() -> None:
    source = CalibratedSource(_Stream(), PLAIN, None)
    blocks = list(source.blocks())
    assert [b.info.dbm_offset_db for b in blocks] == [-60.0, None, None]
    assert [len(b.notices) for b in blocks] == [0, 1, 0]
    assert "gain 10 dB" in blocks[1].notices[0].detail
    assert source.info.dbm_offset_db == -60.0
