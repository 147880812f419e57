from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import catalog
from sdr_detect.plan import DIRECT, GRID_HZ, MAX_HZ, Converter, FrequencyPlan, on_grid

GRID_POINTS = int(MAX_HZ / GRID_HZ) - 1

converters = st.sampled_from(catalog.converters())
frequencies = st.integers(0, GRID_POINTS).map(lambda n: n * GRID_HZ)
lo_errors = st.floats(-1000, 1000)


@given(converter=converters, rf_hz=frequencies, ppm=lo_errors)
def test_round_trip_is_exact_for_every_converter(
    converter: Converter, rf_hz: float, ppm: float
) -> None:
    plan = FrequencyPlan(converter, ppm)
    if_hz = plan.if_from_rf(rf_hz)
    if abs(if_hz) < MAX_HZ:
        assert plan.rf_from_if(if_hz) == rf_hz


@given(converter=converters, rf_hz=frequencies, ppm=lo_errors)
def test_if_is_the_exact_difference(converter: Converter, rf_hz: float, ppm: float) -> None:
    plan = FrequencyPlan(converter, ppm)
    difference = Fraction(rf_hz) - Fraction(plan.lo_hz)
    expected = -difference if converter.side == "high" else difference
    assert Fraction(plan.if_from_rf(rf_hz)) == expected


@given(converter=converters, rf_hz=frequencies, step=st.integers(1, 1 << 40))
def test_only_a_high_side_lo_inverts_the_spectrum(
    converter: Converter, rf_hz: float, step: int
) -> None:
    higher = rf_hz + step * GRID_HZ
    if higher >= MAX_HZ:
        return
    plan = FrequencyPlan(converter)
    rises = plan.if_from_rf(higher) > plan.if_from_rf(rf_hz)
    assert rises == (not plan.inverted) == (converter.side != "high")


@given(converter=converters, rf_hz=st.floats(1e9, 50e9))
def test_image_shares_the_if_and_is_mutual(converter: Converter, rf_hz: float) -> None:
    plan = FrequencyPlan(converter)
    image = plan.image_rf_hz(rf_hz)
    if converter.side == "none":
        assert image is None
        return
    assert image is not None
    assert plan.if_from_rf(image) == -plan.if_from_rf(rf_hz)
    assert plan.image_rf_hz(image) == on_grid(rf_hz)


@given(st.floats(-1e11, 1e11))
def test_grid_moves_a_frequency_by_half_a_step_at_most(frequency_hz: float) -> None:
    moved = on_grid(frequency_hz)
    assert abs(Fraction(moved) - Fraction(frequency_hz)) <= Fraction(GRID_HZ) / 2
    assert (Fraction(moved) / Fraction(GRID_HZ)).denominator == 1
    assert on_grid(moved) == moved


@pytest.mark.parametrize(
    ("name", "rf_hz", "if_hz"),
    [
        ("ku-12.80", 14.21875e9, 1418.75e6),
        ("ku-13.05", 14.0e9, 950e6),
        ("ku-15.45-high", 14.0e9, 1450e6),
        ("ku-15.45-high", 14.5e9, 950e6),
        ("universal-10.60", 14.25e9, 3.65e9),
        ("ka-27.40", 29.1e9, 1700e6),
        ("none", 1090e6, 1090e6),
    ],
)
def test_known_frequencies(name: str, rf_hz: float, if_hz: float) -> None:
    plan = FrequencyPlan(catalog.converter(name))
    assert plan.if_from_rf(rf_hz) == if_hz
    assert plan.rf_from_if(if_hz) == rf_hz


def test_images_of_the_uplink_band_are_those_of_the_literature() -> None:
    low = FrequencyPlan(catalog.converter("ku-12.80"))
    assert [low.image_rf_hz(rf) for rf in (14.0e9, 14.5e9)] == [11.6e9, 11.1e9]
    middle = FrequencyPlan(catalog.converter("ku-13.05"))
    assert [middle.image_rf_hz(rf) for rf in (14.0e9, 14.5e9)] == [12.1e9, 11.6e9]
    high = FrequencyPlan(catalog.converter("ku-15.45-high"))
    assert [high.image_rf_hz(rf) for rf in (14.0e9, 14.5e9)] == [16.9e9, 16.4e9]


def test_lo_error_moves_the_if_the_other_way() -> None:
    plan = FrequencyPlan(catalog.converter("ku-12.80")).with_lo_error(80.0)
    assert plan.lo_hz == pytest.approx(12.80e9 + 1.024e6, abs=GRID_HZ)
    assert plan.if_from_rf(14.25e9) == pytest.approx(1450e6 - 1.024e6, abs=GRID_HZ)


def test_direct_is_the_identity_and_ignores_lo_error() -> None:
    assert FrequencyPlan(DIRECT, 500.0).rf_from_if(433.92e6) == 433.92e6
    assert FrequencyPlan() == FrequencyPlan(DIRECT, 0.0)


def test_range_a_converter_is_specified_for() -> None:
    plan = FrequencyPlan(catalog.converter("ku-12.80"))
    assert plan.covers(13.75e9)
    assert plan.covers(14.5e9)
    assert not plan.covers(14.5e9 + 1)
    assert not FrequencyPlan(catalog.converter("universal-10.60")).covers(14.25e9)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, MAX_HZ, -MAX_HZ])
def test_impossible_frequencies_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        on_grid(value)
    with pytest.raises(ValueError, match="outside"):
        FrequencyPlan().if_from_rf(value)


@pytest.mark.parametrize("ppm", [1000.1, -1000.1, math.nan, math.inf])
def test_impossible_lo_errors_are_refused(ppm: float) -> None:
    with pytest.raises(ValueError, match="ppm"):
        FrequencyPlan(lo_error_ppm=ppm)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": "left"}, "not low, high, none"),
        ({"lo_hz": 0.0}, "side 'none' only"),
        ({"side": "none"}, "side 'none' only"),
        ({"lo_hz": -1.0}, "not on the grid"),
        ({"lo_hz": 12.8e9 + GRID_HZ / 4}, "not on the grid"),
        ({"rf_lower_hz": 15e9}, "ascending"),
        ({"rf_lower_hz": -1.0}, "ascending"),
        ({"rf_upper_hz": MAX_HZ}, "ascending"),
    ],
)
def test_impossible_converters_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "name": "x",
        "lo_hz": 12.8e9,
        "side": "low",
        "rf_lower_hz": 13.75e9,
        "rf_upper_hz": 14.5e9,
    }
    Converter(**good)
    with pytest.raises(ValueError, match=message):
        Converter(**(good | change))


def test_plans_do_not_change() -> None:
    plan = FrequencyPlan(catalog.converter("ku-12.80"))
    with pytest.raises(FrozenInstanceError):
        plan.lo_error_ppm = 1.0  # type: ignore[misc]
    assert plan.with_lo_error(3.0).lo_error_ppm == 3.0
    assert plan.lo_error_ppm == 0.0
