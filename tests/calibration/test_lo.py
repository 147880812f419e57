"""LO error against simulated carriers, and which way the spectrum lies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdr_detect import catalog
from sdr_detect.calibration.line import LineFrequency, line_frequencies
from sdr_detect.calibration.lo import Sighting, estimate_lo, lo_drift
from sdr_detect.errors import CalibrationError
from sdr_detect.model import ComplexArray
from sdr_detect.plan import FrequencyPlan

RATE = 250e3
COUNT = 64 * 4096 + 1000
LOW, HIGH = catalog.converter("ku-12.80"), catalog.converter("ku-15.45-high")
OTHERS = [(s.converter, 5e6) for s in catalog.converter_sheets() if s.side != "none"]


def line_of(samples: ComplexArray, place: str = "peak", wanted: int = 1) -> list[LineFrequency]:
    return line_frequencies(
        lambda start, count: samples[start : start + count],
        len(samples),
        RATE,
        place,  # type: ignore[arg-type]
        wanted,
    )


def tone(rng: np.random.Generator, offset_hz: float, drift: float, snr_db: float) -> ComplexArray:
    t = np.arange(COUNT) / RATE
    phase = offset_hz * t + drift * t**2 / 2
    noise = rng.standard_normal(2 * COUNT).view(np.complex128) / math.sqrt(2)
    found: ComplexArray = (10 ** (snr_db / 20) * np.exp(2j * np.pi * phase) + noise).astype(
        np.complex64
    )
    return found


def test_tone_and_drift_are_covered_by_their_uncertainties() -> None:
    rng = np.random.default_rng(4)
    frequency, slope = [], []
    for _ in range(40):
        offset, drift = rng.uniform(-90e3, 90e3), rng.uniform(-300, 300)
        (found,) = line_of(tone(rng, offset, drift, -10.0))
        true_hz = offset + drift * found.middle_s
        frequency.append((found.offset_hz - true_hz) / found.sigma_hz)
        slope.append((found.drift_hz_per_s - drift) / found.drift_sigma_hz_per_s)
    for normal in (np.array(frequency), np.array(slope)):
        assert np.mean(np.abs(normal) <= 2) >= 0.85
        assert 0.7 < normal.std() < 1.4


def test_two_lines_come_strongest_first() -> None:
    rng = np.random.default_rng(6)
    both = tone(rng, 30e3, 0, 0.0) + tone(rng, -40e3, 0, 6.0)
    first, second = line_of(both.astype(np.complex64), wanted=2)
    assert first.offset_hz == pytest.approx(-40e3, abs=1)
    assert second.offset_hz == pytest.approx(30e3, abs=1)


def test_noise_has_no_line() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(CalibrationError, match="0 lines"):
        line_of(tone(rng, 0.0, 0.0, -200.0))
    with pytest.raises(CalibrationError, match="too few"):
        line_of(tone(rng, 1e4, 0.0, 0.0)[:1000])


def test_edges_and_centre_of_a_band() -> None:
    rng = np.random.default_rng(9)
    spectrum = np.fft.fft(rng.standard_normal(2 * COUNT).view(np.complex128))
    hz = np.fft.fftfreq(COUNT, 1 / RATE)
    band = np.where((hz > -20e3) & (hz < 60e3), 1.0, 0.03)
    samples = np.fft.ifft(spectrum * band).astype(np.complex64)
    for place, true_hz in (("lower-edge", -20e3), ("upper-edge", 60e3), ("centre", 20e3)):
        (found,) = line_of(samples, place)
        assert found.offset_hz == pytest.approx(true_hz, abs=400), place


def seen(
    side: str, lo_hz: float, known_hz: float, tuned_hz: float, plan: FrequencyPlan, swap: bool
) -> Sighting:
    """Where a carrier is seen by someone who believes ``plan``; written out by hand."""
    if_hz = known_hz - lo_hz if side == "low" else lo_hz - known_hz
    baseband = if_hz - tuned_hz
    if swap:
        baseband = -baseband
    believed = -baseband if plan.inverted else baseband
    return Sighting(known_hz, 5.0, plan.rf_from_if(tuned_hz), believed, 0.5)


@pytest.mark.parametrize("converter", [LOW, HIGH], ids=["low", "high"])
@pytest.mark.parametrize("error_ppm", [-80.0, 0.0, 3.2])
def test_error_has_the_plans_sign(converter: object, error_ppm: float) -> None:
    assert hasattr(converter, "lo_hz")
    true = FrequencyPlan(converter, error_ppm)  # type: ignore[arg-type]
    believed = FrequencyPlan(converter)  # type: ignore[arg-type]
    two = [
        seen(true.converter.side, true.lo_hz, f, 1.25e9, believed, False)
        for f in (14.20e9, 14.2007e9)
    ]
    one = estimate_lo(two[:1], believed, OTHERS)
    assert one.error_ppm.value == pytest.approx(error_ppm, abs=1e-6)
    assert one.orientation == "not checked"
    both = estimate_lo(two, believed, OTHERS)
    assert both.error_ppm.value == pytest.approx(error_ppm, abs=1e-6)
    assert both.orientation == "upright"
    # The plan with this error finds the carrier where it is.
    sighting = two[0]
    tuned = believed.if_from_rf(sighting.center_hz)
    fixed = believed.with_lo_error(both.error_ppm.value)
    assert fixed.rf_from_if(tuned) + sighting.offset_hz == pytest.approx(14.20e9, abs=0.1)


def test_error_already_in_the_plan_is_not_counted_twice() -> None:
    true = FrequencyPlan(LOW, 10.0)
    half_known = FrequencyPlan(LOW, 4.0)
    found = estimate_lo(
        [seen("low", true.lo_hz, 14.2e9, 1.4e9, half_known, False)], half_known, OTHERS
    )
    assert found.error_ppm.value == pytest.approx(10.0, abs=1e-6)


def test_second_tuning_tells_swapped_i_and_q() -> None:
    plan = FrequencyPlan(LOW)
    upright = [seen("low", 12.8e9, 14.2e9, t, plan, False) for t in (1.4e9, 1.4004e9)]
    assert estimate_lo(upright, plan, OTHERS).orientation == "upright"
    swapped = [seen("low", 12.8e9, 14.2e9, t, plan, True) for t in (1.4e9, 1.4004e9)]
    with pytest.raises(CalibrationError, match=r"upside down.*ku-12\.80.*I and Q swapped"):
        estimate_lo(swapped, plan, OTHERS)


def test_wrong_converter_is_named() -> None:
    plan = FrequencyPlan(LOW)
    high = [seen("high", 15.45e9, f, 1.25e9, plan, False) for f in (14.2e9, 14.2005e9)]
    with pytest.raises(CalibrationError, match=r"fits.*ku-15\.45-high"):
        estimate_lo(high, plan, OTHERS)
    other = [seen("low", 13.05e9 + 2e5, 14.2e9, 1.15e9, plan, False)]
    with pytest.raises(CalibrationError, match=r"ku-13\.05 \(LO \+200\.0 kHz off"):
        estimate_lo(other, plan, OTHERS)
    with pytest.raises(CalibrationError, match="no known converter fits"):
        estimate_lo([seen("low", 12.0e9, 14.2e9, 2.2e9, plan, False)], plan, OTHERS)


def test_carriers_that_do_not_belong_together_are_refused() -> None:
    plan = FrequencyPlan(LOW)
    wrong = [
        seen("low", 12.8e9, 14.2e9, 1.4e9, plan, False),
        seen("low", 12.8e9 + 1.5e6, 14.2e9, 1.4e9, plan, False),
    ]
    with pytest.raises(CalibrationError, match="carriers meant"):
        estimate_lo(wrong, plan, OTHERS)


def test_image_reverses_the_sign() -> None:
    """A satellite at 11.4 GHz through the image of LO 12.80: IF = LO - f."""
    plan = FrequencyPlan(LOW)
    lo_hz = 12.8e9 + 25e3
    if_hz = lo_hz - 11.4e9
    sighting = Sighting(11.4e9, 5.0, plan.rf_from_if(1.4e9), if_hz - 1.4e9, 0.5)
    found = estimate_lo([sighting], plan, OTHERS, image=True)
    assert found.error_ppm.value == pytest.approx(25e3 / 12.8e9 * 1e6, abs=1e-6)
    with pytest.raises(CalibrationError):
        estimate_lo([sighting], plan, OTHERS)


def test_budget_by_hand() -> None:
    sighting = Sighting(14.2e9, 128.0, 14.2e9, 0.0, 64.0)
    found = estimate_lo([sighting], FrequencyPlan(LOW), OTHERS, clock_ppm=1.0)
    # 128 Hz and 64 Hz are 0.01 and 0.005 ppm of 12.8 GHz; 1 ppm of IF 1.4 GHz 0.109375.
    expected = math.sqrt(0.01**2 + 0.005**2 + 0.109375**2)
    assert found.error_ppm.standard == pytest.approx(expected, rel=1e-9)
    assert found.error_ppm.expanded == pytest.approx(2 * expected, rel=1e-9)


def test_drift_and_its_sign() -> None:
    assert lo_drift((-30.0, 1.0), 0.0) == (30.0, 1.0)
    assert lo_drift((-30.0, 1.0), 0.0, image=True) == (-30.0, 1.0)
    # A carrier falling at 900 Hz/s, seen falling at 880: the LO falls by 20.
    assert lo_drift((-880.0, 5.0), -900.0) == (-20.0, 5.0)
    with pytest.raises(CalibrationError, match="upside down"):
        lo_drift((880.0, 5.0), -900.0)


def test_no_converter_has_no_lo() -> None:
    with pytest.raises(CalibrationError, match="no converter"):
        estimate_lo([Sighting(1e9, 1.0, 1e9, 0.0, 1.0)], FrequencyPlan(), OTHERS)
