"""What part of a frame something is on, and whether it is there in every frame.

Folding alone does not tell a burst in every frame from a stronger one in a few:
their profiles are alike. The odds that a burst begins at a frame
(`sdr_detect.features.fold_values`) are not proportional to its energy, and tell:
of one mean energy, few strong bursts have far greater odds than many weak ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdr_detect.features.fold_values import alike, log_odds

#: A terminal's bursts are five frames apart or more (Stock et al. 2023).
TERMINAL_SHARE = 0.2

#: Deviations by which the mean odds must differ from what a share would make.
CLEAR_SIGMAS = 4.0

#: A burst is placed to so many bins.
NEAR_BINS = 2

#: Error of two edges that are placed to a bin each, and by how much noise moves
#: them in the square of its deviation over the step (Hinkley 1970).
EDGE_BINS = 2.0
EDGE_NOISE = 10.0

#: Nodes and weights of a mean over the normal law.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def on_part(profile: NDArray[np.float64]) -> tuple[int, int]:
    """First bin and width of the run that, lifted by one step, fits a profile best.

    No width is left out: where something is on for most of the frame, the rest
    is a gap.
    """
    bins = profile.size
    total = np.concatenate(([0.0], np.cumsum(np.tile(profile - profile.mean(), 2))))
    widths = np.arange(1, bins)
    sums = total[widths[:, None] + np.arange(bins)] - total[:bins]
    fits = sums / np.sqrt(widths * (bins - widths) / bins)[:, None]
    row, start = np.unravel_index(int(np.argmax(fits)), fits.shape)
    return int(start), int(widths[row])


def on_doubt(profile: NDArray[np.float64], start: int, width: int, sigma: float) -> float:
    """Error of that width, as a share of the frame, in noise of ``sigma`` a bin."""
    inside = np.take(profile, np.arange(start, start + width), mode="wrap").mean()
    step = float(inside - profile.mean()) / (1 - width / profile.size)
    return (EDGE_BINS + EDGE_NOISE * (sigma / max(step, 1e-30)) ** 2) / profile.size


def every_frame(
    energy: NDArray[np.float64], odds: NDArray[np.float64], start: int, frames: int, sigma: float
) -> bool | None:
    """Whether the burst at a phase is there in every frame, or in a fifth of them or fewer.

    Parameters
    ----------
    energy : (bins,) float64
        Mean energy of each phase bin less that of all, in deviations of one frame.
    odds : (bins,) float64
        Mean odds that a burst of ``frames`` begins there, less that of all.
    start, frames : int
        The burst.
    sigma : float
        Error of ``odds``.

    Returns
    -------
    bool or None
        None where it is neither, or cannot be told.
    """
    bins = energy.size
    burst = np.take(energy, np.arange(start, start + frames), mode="wrap")
    mean = float(burst.sum() / np.sqrt(frames * alike(frames)))
    near = np.take(odds, np.arange(start - NEAR_BINS, start + NEAR_BINS + 1), mode="wrap")
    seen = float(near.max())
    always = mean_odds(mean)
    seldom = TERMINAL_SHARE * mean_odds(mean / TERMINAL_SHARE)
    if frames >= bins or mean <= 0:
        return None
    middle = np.sqrt(always * seldom)
    if seen < middle and seldom - seen > CLEAR_SIGMAS * sigma:
        return True
    if seen > middle and seen - always > CLEAR_SIGMAS * sigma:
        return False
    return None


def mean_odds(strength: float) -> float:
    """Mean odds of a burst that many deviations strong, less those of noise."""
    return float(_WEIGHTS @ (log_odds(strength + _NODES) - log_odds(_NODES)))
