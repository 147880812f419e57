"""The calibration of one receiver, as its TOML file states it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sdr_detect.config import Strict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

#: ISO 8601 in UTC, to the second or finer.
Utc = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]


class Figure(Strict):
    """One number: estimate, standard uncertainty (k = 1), and where it comes from.

    ``utc`` is when it was measured or taken over; ``recordings`` are the digests
    of the recordings it was measured on, none for a figure of a data sheet.
    """

    value: float
    uncertainty: float = Field(ge=0)
    method: str = Field(min_length=3, max_length=500)
    utc: Utc
    recordings: tuple[Sha256, ...] = Field(default=(), max_length=32)


class Validity(Strict):
    """For which settings of the receiver the levels hold.

    Parameters
    ----------
    gain_db : float or None
        As the receiver applied it; None for a chain whose recordings state none.
    sample_rate_hz : float
    rf_lower_hz, rf_upper_hz : float
        Where the slice's edges may lie.
    converter : str
        Name of the converter, ``none`` without one.
    """

    gain_db: float | None = Field(default=None, ge=-300, le=300)
    sample_rate_hz: float = Field(gt=0, le=1e11)
    rf_lower_hz: float = Field(ge=0, le=1e11)
    rf_upper_hz: float = Field(gt=0, le=1e11)
    converter: str = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _ascending(self) -> Validity:
        if not self.rf_lower_hz < self.rf_upper_hz:
            raise ValueError(f"RF {self.rf_lower_hz} is not below {self.rf_upper_hz} Hz")
        return self


class Antenna(Strict):
    """The antenna: gain at boresight in dBi, half-power beamwidth in degrees.

    ``polarisation_loss_db`` is what a terminal's wave loses against this antenna,
    3 dB for circular to linear.
    """

    gain_dbi: Figure
    beamwidth_deg: Figure | None = None
    polarisation_loss_db: Figure | None = None

    @model_validator(mode="after")
    def _has_a_beam(self) -> Antenna:
        if self.beamwidth_deg is not None and self.beamwidth_deg.value <= 0:
            raise ValueError(f"beamwidth {self.beamwidth_deg.value} degrees is not positive")
        return self


class Lo(Strict):
    """The converter's local oscillator, the receiver's own clock error included.

    ``error_ppm`` is real minus nominal LO, over the nominal one.
    """

    error_ppm: Figure
    drift_hz_per_s: Figure | None = None


class OffTarget(Strict):
    """Noise of one slice with the antenna turned away, as `calibrate reference` measures it.

    Parameters
    ----------
    center_hz : float
        RF of the slice's centre, by the converter's nominal LO.
    power_dbfs : tuple of float
        Mean power of each short-time bin, ascending RF, in dB of full scale.
    frames : int
        Frames behind each.
    shape_uncertainty_db, level_uncertainty_db : float
        Standard, from one recording to another: of the ratio between two parts of
        the slice, and of the whole.
    """

    center_hz: float = Field(gt=0, le=1e11)
    power_dbfs: tuple[Annotated[float, Field(ge=-300, le=100)], ...] = Field(
        min_length=32, max_length=8192
    )
    frames: int = Field(ge=1, le=1 << 62)
    shape_uncertainty_db: float = Field(ge=0, le=3)
    level_uncertainty_db: float = Field(gt=0, le=10)
    method: str = Field(min_length=3, max_length=500)
    utc: Utc
    recordings: tuple[Sha256, ...] = Field(default=(), max_length=32)


class Calibration(Strict):
    """The chain from the antenna's port to full scale.

    Parameters
    ----------
    reference_plane : {"antenna_port", "receiver_input"}
        Where the noise source stood: ``dbm_offset_db`` and ``noise_figure_db``
        hold there. From ``receiver_input`` levels are taken to the antenna's port
        by ``lnb_gain_db`` and ``cable_gain_db`` (negative for a loss).
    validity : Validity
    dbm_offset_db : Figure or None
        What to add to dBFS to get dBm.
    noise_dbfs_per_hz : Figure or None
        Noise density of the chain with its input terminated or quiet.
    noise_figure_db : Figure or None
        Against 290 K.
    off_target : mapping of OffTarget
        One for each slice, by its centre in hertz.
    """

    version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=200)
    notes: str = Field(default="", max_length=4000)
    reference_plane: Literal["antenna_port", "receiver_input"] = "antenna_port"
    validity: Validity
    dbm_offset_db: Figure | None = None
    noise_dbfs_per_hz: Figure | None = None
    noise_figure_db: Figure | None = None
    lnb_gain_db: Figure | None = None
    cable_gain_db: Figure | None = None
    antenna: Antenna | None = None
    lo: Lo | None = None
    off_target: dict[Annotated[str, Field(pattern=r"^[0-9]{1,12}$")], OffTarget] = Field(
        default={}, max_length=1000
    )

    @model_validator(mode="after")
    def _complete(self) -> Calibration:
        if self.reference_plane == "antenna_port" and (self.lnb_gain_db or self.cable_gain_db):
            raise ValueError(
                "lnb_gain_db and cable_gain_db are part of dbm_offset_db already when "
                "reference_plane is 'antenna_port'; leave them out, or set 'receiver_input'"
            )
        return self
