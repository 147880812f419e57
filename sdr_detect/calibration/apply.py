"""A calibration on a stream: what of it holds there, and what not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdr_detect.calibration.budget import DB_PER_NEPER, Budget, Term, summed
from sdr_detect.calibration.schema import Calibration, Figure
from sdr_detect.model import NoiseReference, StreamInfo
from sdr_detect.plan import Converter

#: Rates that differ by less are the same: what a resampler really makes is stated.
_SAME_RATE = 1e-3

#: Gains that differ by less are the same step.
_SAME_GAIN_DB = 0.05

#: Centres that differ by less than this part of the rate are the same slice.
_SAME_CENTRE = 1e-3


@dataclass(frozen=True, slots=True)
class Applied:
    """A stream's settings with what is known of its levels and frequencies.

    ``problems`` say what of the calibration does not hold here, and was left out.
    """

    info: StreamInfo
    problems: tuple[str, ...] = ()


def offset_budget(calibration: Calibration) -> Budget | None:
    """From dBFS to dBm at the antenna's port; None without a level calibration."""
    if calibration.dbm_offset_db is None:
        return None
    terms = [_term("dBm offset", calibration.dbm_offset_db)]
    for name, figure in (("LNB gain", calibration.lnb_gain_db),
                         ("cable gain", calibration.cable_gain_db)):  # fmt: skip
        if figure is not None:
            terms.append(_term(name, figure, -1.0))
    return summed("dBm at the antenna's port", "dB", terms)


def _term(name: str, figure: Figure, sensitivity: float = 1.0) -> Term:
    return Term(name, figure.value, figure.uncertainty, sensitivity=sensitivity, note=figure.method)


def apply(calibration: Calibration, info: StreamInfo, gain_db: float | None = None) -> Applied:
    """The calibration on one stretch of a stream.

    Levels are calibrated only where gain, rate, frequency and converter are those of
    the calibration; nothing is extrapolated. The LO's error asks for the converter only.

    Parameters
    ----------
    calibration : Calibration
    info : StreamInfo
    gain_db : float or None
        What the user states of a stream that does not say its gain.
    """
    if info.gain_db is None and gain_db is not None:
        info = replace(info, gain_db=gain_db)
    problems: list[str] = []
    if calibration.lo is not None:
        moved, problem = _with_lo(info, calibration.validity.converter, calibration.lo.error_ppm)
        info = moved
        problems += [problem] if problem else []
    if calibration.off_target:
        info, problem = _with_reference(calibration, info)
        problems += [problem] if problem else []
    offset = offset_budget(calibration)
    if offset is None:
        problems.append("it has no level calibration: levels stay dBFS")
        return Applied(info, tuple(problems))
    misfits = _misfits(calibration, info)
    if misfits:
        problems.append(f"levels stay uncalibrated (dBFS): {'; '.join(misfits)}")
        return Applied(info, tuple(problems))
    if calibration.validity.gain_db is None:
        problems.append("neither it nor the recording states a gain: taken as unchanged")
    return Applied(replace(info, dbm_offset_db=round(offset.value, 4)), tuple(problems))


def _with_reference(calibration: Calibration, info: StreamInfo) -> tuple[StreamInfo, str | None]:
    """The stream with what its slice shows off target."""
    misfits = _other_settings(calibration, info)
    if misfits:
        return info, f"its noise off target is not used: {'; '.join(misfits)}"
    tuned_hz = info.if_center_hz
    nominal_hz = (
        None if tuned_hz is None else replace(info.plan, lo_error_ppm=0.0).rf_from_if(tuned_hz)
    )
    near_hz = _SAME_CENTRE * info.sample_rate_hz
    slices = [
        one for one in calibration.off_target.values()
        if nominal_hz is not None and abs(one.center_hz - nominal_hz) <= near_hz
    ]  # fmt: skip
    if not slices:
        return info, "it has no noise off target for this centre frequency"
    one = slices[0]
    reference = NoiseReference(
        tuple(10 ** (db / 10) for db in one.power_dbfs),
        one.frames,
        one.shape_uncertainty_db / DB_PER_NEPER,
        one.level_uncertainty_db / DB_PER_NEPER,
    )
    return replace(info, reference=reference), None


def _with_lo(info: StreamInfo, name: str, error: Figure) -> tuple[StreamInfo, str | None]:
    converter: Converter = info.plan.converter
    if converter.name != name:
        return info, (
            f"its LO error is that of {name}, here it is {converter.name}: "
            "frequencies stay as the converter's nominal LO gives them"
        )
    tuned_hz = info.if_center_hz
    plan = info.plan.with_lo_error(error.value)
    center_hz = None if tuned_hz is None else plan.rf_from_if(tuned_hz)
    return replace(info, plan=plan, center_hz=center_hz), None


def _misfits(calibration: Calibration, info: StreamInfo) -> list[str]:
    """What of the stream differs from what the levels were calibrated for."""
    valid = calibration.validity
    return _other_settings(calibration, info) + _outside(info, valid.rf_lower_hz, valid.rf_upper_hz)


def _other_settings(calibration: Calibration, info: StreamInfo) -> list[str]:
    """Converter, gain and rate that are not those of the calibration."""
    valid = calibration.validity
    found = []
    if info.plan.converter.name != valid.converter:
        found.append(f"converter {info.plan.converter.name}, calibrated for {valid.converter}")
    if valid.gain_db is not None and info.gain_db is None:
        found.append(
            f"the gain is not stated, calibrated for {valid.gain_db:g} dB: state it with --gain"
        )
    elif info.gain_db is not None and valid.gain_db is None:
        found.append(f"gain {info.gain_db:g} dB, calibrated at a gain that was not stated")
    elif (
        info.gain_db is not None
        and valid.gain_db is not None
        and (abs(info.gain_db - valid.gain_db) > _SAME_GAIN_DB)
    ):
        found.append(f"gain {info.gain_db:g} dB, calibrated for {valid.gain_db:g} dB")
    if abs(info.sample_rate_hz / valid.sample_rate_hz - 1) > _SAME_RATE:
        found.append(
            f"rate {info.sample_rate_hz:.9g} Hz, calibrated for {valid.sample_rate_hz:.9g} Hz"
        )
    return found


def _outside(info: StreamInfo, lower_hz: float, upper_hz: float) -> list[str]:
    edges = info.rf_range_hz
    if edges is None:
        return ["the centre frequency is not known"]
    # An LO error that is put right moves the slice by as much as it was off.
    slack_hz = 1e-6 * abs(info.plan.lo_error_ppm) * info.plan.converter.lo_hz + 1.0
    if edges[0] < lower_hz - slack_hz or edges[1] > upper_hz + slack_hz:
        return [
            f"{edges[0] / 1e9:.6f} to {edges[1] / 1e9:.6f} GHz, calibrated for "
            f"{lower_hz / 1e9:.6f} to {upper_hz / 1e9:.6f} GHz"
        ]
    return []
