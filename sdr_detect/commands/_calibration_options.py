"""The options by which commands take a receiver's calibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sdr_detect.calibration.levels import Levels
    from sdr_detect.calibration.schema import Calibration
    from sdr_detect.registry import Driver
    from sdr_detect.settings import SiteSettings

_PANEL = "Calibration"

CalibrationOption = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE.toml",
        help="Calibration of the receiver, made by 'calibrate': levels in dBm, LO error.",
        rich_help_panel=_PANEL,
    ),
]
GainOption = Annotated[
    float | None,
    typer.Option(
        "--gain",
        metavar="DB",
        help="Receiver gain, where the recording or source does not say it.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class Calibrating:
    """What a command applies: the calibration and its digest, or nothing."""

    calibration: Calibration | None = None
    sha256: str | None = None
    gain_db: float | None = None

    def levels(self, site: SiteSettings) -> Levels:
        """What states levels in physical units."""
        from sdr_detect.calibration.levels import Levels

        return Levels(self.calibration, site)

    def source(self, driver: Driver) -> Driver:
        """The source with the calibration in its stream."""
        from sdr_detect.calibrated import CalibratedSource

        if self.calibration is None:
            return driver
        return CalibratedSource(driver, self.calibration, self.gain_db)


def calibration_from_options(file: Path | None, gain_db: float | None) -> Calibrating:
    """The calibration named, checked.

    Raises
    ------
    typer.BadParameter
        A gain is stated for no calibration.
    CalibrationError
        The file is missing or faulty.
    """
    if file is None:
        if gain_db is not None:
            raise typer.BadParameter("--gain tells what a --calibration holds for; give both")
        return Calibrating()
    import hashlib

    from sdr_detect.calibration.text import read_calibration

    calibration = read_calibration(file)
    return Calibrating(calibration, hashlib.sha256(file.read_bytes()).hexdigest(), gain_db)
