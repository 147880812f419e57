"""New figures in a calibration."""

from __future__ import annotations

from collections.abc import Mapping

from sdr_detect.calibration.schema import Calibration, Figure, Lo, OffTarget, Validity
from sdr_detect.errors import CalibrationError

#: Figures that hold for the settings in `Validity` only.
_LEVELS = ("dbm_offset_db", "noise_dbfs_per_hz", "noise_figure_db")

#: Edges that differ by less are the same: an LO error moves them.
_SAME_HZ = 10e6


def with_levels(
    before: Calibration | None,
    name: str,
    validity: Validity,
    figures: Mapping[str, Figure],
    plane: str | None = None,
) -> Calibration:
    """The calibration with level figures measured at these settings.

    Raises
    ------
    CalibrationError
        It holds levels for other settings, or for another plane.
    """
    start = before or Calibration(name=name, validity=validity)
    update: dict[str, object] = dict(figures)
    if any(getattr(start, key) is not None for key in _LEVELS):
        _check_same(start.validity, validity)
    else:
        update["validity"] = validity
    if plane is not None:
        if before is not None and before.dbm_offset_db and before.reference_plane != plane:
            raise CalibrationError(
                f"it holds levels at {before.reference_plane}; write {plane} to another file"
            )
        update["reference_plane"] = plane
    return _checked(start, update)


def with_lo(before: Calibration | None, name: str, validity: Validity, lo: Lo) -> Calibration:
    """The calibration with an LO error of this converter.

    Raises
    ------
    CalibrationError
        It is one for another converter.
    """
    if before is None:
        return Calibration(name=name, validity=validity, lo=lo)
    if before.validity.converter != validity.converter:
        raise CalibrationError(
            f"it is for converter {before.validity.converter}, this is {validity.converter}; "
            "give another file"
        )
    return _checked(before, {"lo": lo})


def with_off_target(
    before: Calibration | None, name: str, validity: Validity, one: OffTarget
) -> Calibration:
    """The calibration with the noise of one slice off target.

    Raises
    ------
    CalibrationError
        It is for another gain, rate or converter.
    """
    start = before or Calibration(name=name, validity=validity)
    _check_settings(start.validity, validity)
    return _checked(start, {"off_target": {**start.off_target, f"{one.center_hz:.0f}": one}})


def _check_same(old: Validity, new: Validity) -> None:
    _check_settings(old, new)
    if new.rf_lower_hz < old.rf_lower_hz - _SAME_HZ or new.rf_upper_hz > old.rf_upper_hz + _SAME_HZ:
        raise CalibrationError(
            f"it is for {old.rf_lower_hz:.9g} to {old.rf_upper_hz:.9g} Hz, this recording reaches "
            f"from {new.rf_lower_hz:.9g} to {new.rf_upper_hz:.9g} Hz; give another file"
        )


def _check_settings(old: Validity, new: Validity) -> None:
    for field, unit in (("gain_db", "dB"), ("sample_rate_hz", "Hz"), ("converter", "")):
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            raise CalibrationError(
                f"it is for {field} {was} {unit}, this recording is of {now} {unit}; "
                "give another file"
            )


def _checked(start: Calibration, update: Mapping[str, object]) -> Calibration:
    return Calibration.model_validate({**dict(start), **update})
