"""How weak a terminal could be and still be found.

Absence is never "off": it is a statement with this number and the probability
of intercept (`sdr_detect.scan.meet`).
"""

from __future__ import annotations

import bisect
import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import chndtr, ndtri

from sdr_detect.profiles.match import LAG_PFA

#: The scheduler moves a terminal to another channel at these intervals
#: (Jiao 2026: median 15.05 s).
SLOT_S = 15.0

#: Burst and mean spacing assumed for the detection limit: 0.84 ms every 12 ms.
BURST_S = 0.84e-3
SPACING_S = 12e-3

#: Mean normalised correlation of the preamble at high C/N: of 8.375 copies the
#: first is inverted, so 6.375 - 1 of 8.375 products add up, over a head window
#: slightly longer than the preamble.
HEAD_CORRELATION = 0.58

#: Probability of detection at the limit.
PD = 0.9

#: What the chain loses against the requirements below, so that 0.9 of simulated
#: terminals at the limit are found (`score`, section limit).
LOSS_DB = 0.9

#: Relative variance of the distance of two bursts, 5 to 13 frames each as likely.
SPACING_VARIANCE = 0.082

#: So few bursts do not place each other by folding. Each must be placed by itself, to a
#: part of its preamble: at this multiple of the excess that the longest test of a single
#: burst asks for.
FEW_BURSTS = 16
PLACED_SHARE = 1.6

#: Phases and lags that are searched for the preamble where the energy is found.
HEAD_TESTS = 84

#: In thermal noise bursts are told from the silence between them at this part of
#: the excess that the longest test of a single burst asks for.
TOLD_SHARE = 1 / 3


def detection_limit_db(
    watched_s: float, bandwidth_hz: float, thermal_excess: float, energy_excess: float
) -> float | None:
    """C/N (in the slice, while on) at which a terminal is found with Pd 0.9.

    The terminal's bursts are taken to fill the slice and to keep a phase of the
    frame; where only the preamble fills it, the limit is several decibels higher.

    Two things must succeed: the bursts must be told from the silence between
    them, and placed where they are few, and the preamble's repetition, summed
    coherently over the bursts, must pass its threshold. The larger requirement
    counts. How many bursts fall into the watch is left to chance.

    Parameters
    ----------
    bandwidth_hz : float
        Width watched.
    thermal_excess : float
        Smallest relative rise of the mean power that a test over half a burst
        reports in thermal noise.
    energy_excess : float
        The same in what was watched; what is unsteady there is not folded away.

    Returns
    -------
    float or None
        None when less than one burst spacing was watched, or the slice is too
        narrow for the preamble.
    """
    # What is summed coherently is reassigned, and begins anew, every slot.
    bursts = (min(watched_s, SLOT_S) - BURST_S) / SPACING_S
    samples = 14.9e-6 * bandwidth_hz
    if bursts < 1 or samples < 12:
        return None
    threshold = math.log(HEAD_TESTS / LAG_PFA)

    grid_db = np.arange(-40.0, 40.0, 0.05)
    whole = _counts(bursts)

    def found(cn_db: float) -> bool:
        snr = 10 ** (cn_db / 10)
        rho = HEAD_CORRELATION * snr / (1 + snr)
        # Twice the statistic is non-central chi-squared with two degrees of freedom.
        missed = chndtr(2 * threshold, 2, 2 * whole * samples * rho**2)
        return bool(missed.mean() <= 1 - PD)

    at = bisect.bisect_left(range(grid_db.size), True, key=lambda k: found(float(grid_db[k])))
    if at == grid_db.size:
        return None
    told = TOLD_SHARE * thermal_excess + max(0.0, energy_excess - thermal_excess)
    if bursts < FEW_BURSTS:
        told = max(told, PLACED_SHARE * thermal_excess)
    energy_db = 10 * math.log10(told)
    lag_db = float(grid_db[at])
    return max(energy_db, lag_db) + LOSS_DB


def _counts(mean: float) -> NDArray[np.float64]:
    """Numbers of bursts that a watch may hold, each as likely (renewal process)."""
    sigma = math.sqrt(SPACING_VARIANCE * mean + 1 / 6)
    spread: NDArray[np.float64] = mean + sigma * ndtri((np.arange(32) + 0.5) / 32)
    return np.maximum(spread, 0.5)
