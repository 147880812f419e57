"""The simulated receiver: its settings and its faults."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from sdr_detect.config import Strict
from sdr_detect.errors import ConfigError
from sdr_detect.plan import DIRECT, Converter, FrequencyPlan
from sdr_detect.simulate.emission import Tuning

#: SigMF names of the sample types written; the last column of `CODES`.
Datatype = Literal["cu8", "ci8", "ci16_le", "cf32_le"]


class Filter(Strict):
    """Shape of the passband, common to signal and noise.

    Butterworth power response losing 1 dB at ``usable_fraction`` of the sample
    rate, times a straight slope (dB over the whole sample rate) and a standing
    wave (peak dB, that many periods over the sample rate).
    """

    usable_fraction: float = Field(default=0.8, ge=0.1, le=1)
    order: int = Field(default=8, ge=1, le=20)
    slope_db: float = Field(default=0.0, ge=-20, le=20)
    ripple_db: float = Field(default=0.0, ge=0, le=6)
    ripple_periods: float = Field(default=3.0, gt=0, le=16)


class Spur(Strict):
    """A tone made inside the receiver."""

    offset_hz: float
    dbfs: float = Field(ge=-150, le=0)


class GainStep(Strict):
    """An AGC step: from ``time_s`` on the gain is higher by ``gain_db``."""

    time_s: float = Field(ge=0)
    gain_db: float = Field(ge=-60, le=60)


class Loss(Strict):
    """Samples that never reached the file.

    ``declared`` losses are known to the recorder (SigMF ``core:global_index``);
    the others vanish without trace.
    """

    time_s: float = Field(ge=0)
    count: int = Field(ge=1)
    declared: bool = True


class Receiver(Strict):
    """Settings and faults of the receiver.

    ``noise_dbfs`` is the noise power in the whole sample rate before the
    filter shape; 0 dBFS is a complex tone of amplitude 1, which just reaches
    full scale. ``lo_error_ppm`` refers to the converter's LO, or to the centre
    frequency when there is none. ``drift_db`` swings the gain of everything
    with ``drift_period_s``, ``hum`` modulates the amplitude at ``hum_hz``.
    """

    sample_rate_hz: float = Field(ge=50e3, le=1e9)
    rf_center_hz: float = Field(gt=0, lt=6e10)
    converter: str = "none"
    datatype: Datatype = "cu8"
    noise_dbfs: float = Field(default=-30.0, ge=-150, le=20)
    filter: Filter = Filter()
    lo_error_hz: float = 0.0
    lo_error_ppm: float = Field(default=0.0, ge=-1000, le=1000)
    lo_drift_hz_per_s: float = 0.0
    dc_dbfs: float | None = Field(default=None, ge=-150, le=0)
    iq_image_db: float | None = Field(default=None, ge=-120, le=-6)
    iq_image_phase_deg: float = 30.0
    drift_db: float = Field(default=0.0, ge=0, le=20)
    drift_period_s: float = Field(default=10.0, gt=0)
    hum: float = Field(default=0.0, ge=0, lt=1)
    hum_hz: float = Field(default=100.0, gt=0)
    spurs: tuple[Spur, ...] = ()
    agc_steps: tuple[GainStep, ...] = ()
    losses: tuple[Loss, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Receiver:
        for spur in self.spurs:
            if abs(spur.offset_hz) > self.sample_rate_hz / 2:
                raise ValueError(f"spur at {spur.offset_hz} Hz lies outside the sample rate")
        previous = 0
        for loss in self.losses:
            start = self.sample(loss.time_s)
            if start < previous:
                raise ValueError(f"loss at {loss.time_s} s overlaps the one before, or is unsorted")
            previous = start + loss.count
        return self

    def sample(self, time_s: float) -> int:
        """First sample at or after an instant."""
        return math.ceil(time_s * self.sample_rate_hz)

    @property
    def plan(self) -> FrequencyPlan:
        """The nominal frequency plan, as whoever recorded it believes it to be.

        Raises
        ------
        ConfigError
            No such converter.
        """
        return FrequencyPlan(find_converter(self.converter))

    @property
    def tuning(self) -> Tuning:
        """Where carriers are found, with the real LO."""
        plan = self.plan
        reference_hz = plan.converter.lo_hz or self.rf_center_hz
        return Tuning(
            plan=plan,
            center_hz=self.rf_center_hz,
            sample_rate_hz=self.sample_rate_hz,
            lo_error_hz=self.lo_error_hz + self.lo_error_ppm * 1e-6 * reference_hz,
            lo_drift_hz_per_s=self.lo_drift_hz_per_s,
        )

    @property
    def noise_density(self) -> float:
        """Noise power per hertz, full scale 1: the reference of every ``cn_db``."""
        power: float = 10 ** (self.noise_dbfs / 10)
        return power / self.sample_rate_hz


def find_converter(name: str) -> Converter:
    """The converter of that name; ``none`` is no converter."""
    if name == "none":
        return DIRECT
    from sdr_detect.catalog import converter  # reads data files: only when one is named

    try:
        return converter(name)
    except ConfigError as exc:
        raise ConfigError(str(exc), key="receiver.converter") from exc
