"""Gain and noise figure from a hot and a cold source (Y factor)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sdr_detect.calibration.budget import DB_PER_NEPER, Budget, Term
from sdr_detect.calibration.noise import NoiseDensity
from sdr_detect.errors import CalibrationError

BOLTZMANN_W_PER_HZ_K = 1.380649e-23  # exact since 2019
T0_K = 290.0

#: Below this Y the small difference of two levels carries the result: 0.1 dB of
#: gain between the recordings moves the noise figure by half a decibel.
_LEAST_Y_DB = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """A noise source's two temperatures, with standard uncertainties in kelvin."""

    hot_k: float
    hot_uncertainty_k: float
    cold_k: float
    cold_uncertainty_k: float

    def __post_init__(self) -> None:
        if not 0 <= self.cold_k < self.hot_k < 1e9:
            raise CalibrationError(
                f"hot {self.hot_k:g} K and cold {self.cold_k:g} K: hot must be above cold"
            )
        if self.hot_uncertainty_k < 0 or self.cold_uncertainty_k < 0:
            raise CalibrationError("an uncertainty is not negative")


def from_enr(
    enr_db: float, enr_uncertainty_db: float, cold_k: float, cold_uncertainty_k: float
) -> Source:
    """A diode: ENR is how far its hot temperature lies above 290 K, over 290 K."""
    excess_k = T0_K * 10 ** (enr_db / 10)
    return Source(
        T0_K + excess_k, excess_k * enr_uncertainty_db / DB_PER_NEPER, cold_k, cold_uncertainty_k
    )


@dataclass(frozen=True, slots=True)
class YFactor:
    """What a Y-factor measurement yields at the plane of the source.

    Parameters
    ----------
    y_db : float
        Hot over cold level.
    receiver_k : Budget
        Noise temperature of the receiver.
    noise_figure_db : Budget
    dbm_offset_db : Budget
        What to add to dBFS to get dBm.
    kgb_db : Budget
        Gain · k · bandwidth: full-scale power for one kelvin, dBFS/K.
    """

    y_db: float
    receiver_k: Budget
    noise_figure_db: Budget
    dbm_offset_db: Budget
    kgb_db: Budget


def y_factor(
    hot: NoiseDensity,
    cold: NoiseDensity,
    source: Source,
    *,
    gain_drift_db: float = 0.0,
    mismatch_db: float = 0.0,
) -> YFactor:
    """Noise temperature and gain.

    Parameters
    ----------
    hot, cold : NoiseDensity
    source : Source
    gain_drift_db : float
        Standard uncertainty of the gain between the two recordings, beyond what
        either shows by itself.
    mismatch_db : float
        Standard uncertainty of the power that the source hands over.

    Raises
    ------
    CalibrationError
        The hot recording is not clearly above the cold one.
    """
    y = hot.linear / cold.linear
    y_db = 10 * math.log10(y)
    if y_db < _LEAST_Y_DB:
        raise CalibrationError(
            f"hot is {y_db:+.2f} dB above cold, {_LEAST_Y_DB:g} dB at least are needed: check that "
            "the source was on, that the recordings are not swapped, and take a hotter source"
        )
    receiver_k = (source.hot_k - y * source.cold_k) / (y - 1)
    if receiver_k <= 0:
        raise CalibrationError(
            f"Y = {y_db:.2f} dB is more than {source.hot_k:g} K over {source.cold_k:g} K can give: "
            "check ENR and temperatures"
        )
    # Sensitivities by differentiating
    # T = (Th - Y Tc)/(Y - 1), G = (Nh - Nc)/(k (Th - Tc)).
    dt_dy = (source.cold_k - source.hot_k) / (y - 1) ** 2
    span_k = source.hot_k - source.cold_k
    hot_share, cold_share = y / (y - 1), 1 / (y - 1)
    drift = gain_drift_db / DB_PER_NEPER
    inputs = (
        _Input("hot level", hot.relative_uncertainty, "relative", y * dt_dy, hot_share, "A"),
        _Input("cold level", cold.relative_uncertainty, "relative", -y * dt_dy, -cold_share, "A"),
        _Input("gain between them", drift, "relative", y * dt_dy, hot_share, "B"),
        _Input("hot temperature", source.hot_uncertainty_k, "K", 1 / (y - 1), -1 / span_k, "B"),
        _Input("cold temperature", source.cold_uncertainty_k, "K", -y / (y - 1), 1 / span_k, "B"),
    )
    gain = (hot.linear - cold.linear) / (BOLTZMANN_W_PER_HZ_K * span_k)  # full scale² per watt
    temperature = Budget(
        "receiver temperature", "K", receiver_k, tuple(i.term(i.temperature) for i in inputs)
    )
    mismatch = Term("mismatch of the source", 0.0, mismatch_db, note="as stated")
    in_db = tuple(i.term(-DB_PER_NEPER * i.gain) for i in inputs)
    per_kelvin = BOLTZMANN_W_PER_HZ_K * hot.bandwidth_hz
    slope = DB_PER_NEPER / (T0_K + receiver_k)
    return YFactor(
        y_db,
        temperature,
        Budget(
            "noise figure", "dB", 10 * math.log10(1 + receiver_k / T0_K),
            (*(i.term(slope * i.temperature) for i in inputs), mismatch),
        ),
        Budget("dBm offset", "dB", 30 - 10 * math.log10(gain), (*in_db, mismatch)),
        Budget("gain · k · B", "dBFS/K", 10 * math.log10(gain * per_kelvin), (*in_db, mismatch)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Input:
    """An input with its effect on temperature (K) and on gain (relative)."""

    name: str
    uncertainty: float
    unit: str
    temperature: float
    gain: float
    kind: Literal["A", "B"]

    def term(self, sensitivity: float) -> Term:
        return Term(self.name, 0.0, self.uncertainty, self.unit, sensitivity, self.kind)
