"""What is typed about a file without a header: checked, and what follows of it. Pure."""

from __future__ import annotations

from typing import TypedDict

from sdr_detect.catalog import converters
from sdr_detect.datatype import parse_datatype
from sdr_detect.formats.base import RawSpec
from sdr_detect.plan import FrequencyPlan
from sdr_detect_gui import words
from sdr_detect_gui.quantity import hertz
from sdr_detect_gui.texts import tr

#: A lower rate than this is a number whose unit was left out.
_LEAST_RATE_HZ = 1000.0


class _Centre(TypedDict, total=False):
    rf_hz: float
    if_hz: float
    plan: FrequencyPlan


def spec_or_fault(
    datatype: str, rate: str, centre: str, frequency: str, converter: str
) -> RawSpec | str:
    """What is typed, or what is wrong with it.

    Parameters
    ----------
    datatype, rate, frequency, converter : str
        As typed; the frequency counts in MHz unless it has a unit.
    centre : {"rf", "if", "unknown"}
        What the frequency is.
    """
    if not datatype:
        return tr("Choose the sample type: by the evidence, and the picture.")
    rate_hz = hertz(rate)
    if rate_hz is None:
        return tr("State the sample rate, for example 2.4M.")
    if rate_hz < _LEAST_RATE_HZ:
        text = tr("A sample rate of {rate:g} a second? For millions write M: 2.4M.")
        return text.format(rate=rate_hz)
    try:
        return RawSpec(datatype, rate_hz, **_centre(centre, frequency, converter))
    except ValueError as exc:
        return str(exc)


def _centre(centre: str, frequency: str, converter: str) -> _Centre:
    """The fields of `RawSpec` that tell the centre, or a ValueError that tells what to do."""
    if centre == "unknown":
        return {}
    frequency_hz = hertz(frequency, 1e6)
    if frequency_hz is None:
        raise ValueError(tr("State the centre frequency in MHz, or that it is not known."))
    if centre == "rf":
        return {"rf_hz": frequency_hz}
    known = {found.name: found for found in converters()}
    if converter not in known:
        text = tr("Choose the converter before the receiver; “none” if there was none.")
        raise ValueError(text)
    return {"if_hz": frequency_hz, "plan": FrequencyPlan(known[converter])}


def consequence(spec: RawSpec, size: int) -> str:
    """What the statements make of the file; without a type, it knows its own."""
    assert spec.sample_rate_hz is not None
    rate_hz, center_hz = spec.sample_rate_hz, spec.center_hz
    lines, rest = [], 0
    if spec.datatype is not None:
        count, rest = divmod(size, parse_datatype(spec.datatype).sample_bytes)
        length = words.duration(count / rate_hz)
        lines.append(tr("{count} samples, {time}").format(count=words.count(count), time=length))
    if center_hz is None:
        lines.append(tr("frequency on air not known: nothing can be attributed"))
    else:
        low, high = (words.megahertz(center_hz + side * rate_hz / 2) for side in (-1, 1))
        lines.append(tr("RF {low}–{high} MHz").format(low=low, high=high))
        if spec.conjugate:
            lines.append(tr("the converter inverts: turned the right way up while read"))
        if spec.if_hz is not None and not spec.plan.covers(center_hz):
            lines.append("! " + tr("outside what the converter is made for: wrong LO?"))
    if rest:
        lines.append("! " + tr("{rest} bytes too many for whole samples").format(rest=rest))
    return " · ".join(lines)
