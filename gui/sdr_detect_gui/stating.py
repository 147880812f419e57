"""What the user states of a recording, as options of a command and as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from sdr_detect.catalog import converter
from sdr_detect.formats.base import RawSpec
from sdr_detect.plan import FrequencyPlan


def fields(spec: RawSpec) -> dict[str, str | float]:
    """The options that are given, by their names without dashes."""
    found: dict[str, str | float | None] = {
        "format": spec.datatype,
        "rate": spec.sample_rate_hz,
        "rf": spec.rf_hz,
        "if": spec.if_hz,
    }
    if spec.if_hz is not None or spec.plan != FrequencyPlan():
        found["converter"] = spec.plan.converter.name
    return {name: value for name, value in found.items() if value is not None}


def options(spec: RawSpec) -> list[str]:
    """The same as words of a command line."""
    return [f"--{name}={value}" for name, value in fields(spec).items()]


def spec_of(given: Mapping[str, str | float]) -> RawSpec:
    """What `fields` told.

    Raises
    ------
    ValueError
        A value is out of range.
    ConfigError
        The converter is not known.
    """
    name = given.get("converter")
    numbers = {key: float(given[key]) for key in ("rate", "rf", "if") if key in given}
    return RawSpec(
        datatype=str(given["format"]) if "format" in given else None,
        sample_rate_hz=numbers.get("rate"),
        rf_hz=numbers.get("rf"),
        if_hz=numbers.get("if"),
        plan=FrequencyPlan() if name is None else FrequencyPlan(converter(str(name))),
    )
