"""How fast the frequency of a tone or carrier changes, and what that tells.

Samples are conjugated for inverting converters before they reach the core:
what rises here rises on air.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from sdr_detect.features.line import fit_line
from sdr_detect.settings import CarrierSettings

DriftClass = Literal["rising", "falling", "none"]

#: Chance that noise alone gives a slope a class; no verdict rests on one.
CLASS_PFA = 0.003


@dataclass(frozen=True, slots=True)
class Drift:
    """Slope of frequency over time and its standard error, in hertz per second.

    ``freedom`` counts the residuals that the error was taken from: it is itself
    no better known than those make it.
    """

    rate_hz_per_s: float
    sigma_hz_per_s: float
    freedom: int

    @property
    def doubt_hz_per_s(self) -> float:
        """How far noise may move the slope (Student 1908)."""
        return float(stdtrit(self.freedom, 1 - CLASS_PFA / 2)) * self.sigma_hz_per_s


def drift_of(
    times_s: Sequence[float], offsets_hz: Sequence[float], sigmas_hz: Sequence[float] | None = None
) -> Drift | None:
    """Straight line through frequencies, by least squares.

    With ``sigmas_hz`` points weigh by them; the error follows from the residuals
    all the same, for the points' own errors leave out what wanders. None with
    fewer than four points: with three, one of which is an outlier, the error
    says nothing.
    """
    times = np.asarray(times_s, dtype=np.float64)
    if times.size < 4:
        return None
    offsets = np.asarray(offsets_hz, dtype=np.float64)
    sigmas = None if sigmas_hz is None else np.asarray(sigmas_hz, dtype=np.float64)
    line = fit_line(times, offsets, sigmas)
    return Drift(line.slope, line.sigma, line.freedom)


def drift_class(drift: Drift | None, settings: CarrierSettings) -> DriftClass | None:
    """Whether a carrier's frequency rises, falls or stands still on air.

    A slope counts when neither its error nor the receiver's own oscillators
    explain it. It is "none" when a terminal's Doppler is excluded: with error
    and oscillators at their worst it would still be slower. None is neither.
    """
    if drift is None:
        return None
    doubt = drift.doubt_hz_per_s + settings.lo_drift_hz_per_s
    if abs(drift.rate_hz_per_s) > doubt:
        return "rising" if drift.rate_hz_per_s > 0 else "falling"
    if abs(drift.rate_hz_per_s) + doubt < settings.least_doppler_hz_per_s:
        return "none"
    return None


def is_rising(found: DriftClass | None) -> bool | None:
    """Direction of a drift that is one; None where there is none or it cannot be told."""
    return None if found is None or found == "none" else found == "rising"
