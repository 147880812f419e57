"""From levels at antenna headings to the strongest one, with its error.

The main lobe is a von Mises bell in power on a constant level:
``level + height * exp(sharpness * (cos(heading - strongest) - 1))``. One receiving
station tells a direction at best; where the emission comes from along it, or by a
reflection, it does not tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import chdtrc

Floats = NDArray[np.float64]

#: Headings with a level that a fit of four parameters needs.
LEAST_BINS = 6

#: The lobe explains so much more than a constant level that chance does it this rarely.
FLAT_PFA = 1e-3

#: Another maximum this far from the first, in half-power widths, and at least this
#: part of its height, leaves two directions.
APART_WIDTHS = 1.5
RIVAL_SHARE = 0.5
RIVAL_SIGMAS = 3.0

#: Half-power widths of antennas that one turns by hand or rotator.
WIDTHS_DEG = (2.0, 120.0)

#: No level is better known than this: gain, multipath and aim differ from turn to turn.
LEAST_ERROR_DB = 0.2

#: A bearing within two standard errors agrees, beyond three it does not.
AGREES, DISAGREES = 2.0, 3.0


@dataclass(frozen=True, slots=True)
class HeadingBin:
    """Level above noise around one heading; relative power, and its standard error."""

    heading_deg: float
    excess: float
    sigma: float
    count: int


@dataclass(frozen=True, slots=True)
class Lobe:
    """The strongest heading, or why it is not determined (``reason``)."""

    heading_deg: float | None
    sigma_deg: float | None
    width_deg: float | None
    reason: str
    curve: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A bearing beside the strongest heading."""

    name: str
    bearing_deg: float
    off_deg: float | None
    sigmas: float | None
    answer: str


def into_bins(heading_deg: Floats, excess: Floats, width_deg: float) -> list[HeadingBin]:
    """Means of levels in bins of heading; bins without a level are left out.

    Parameters
    ----------
    heading_deg, excess : (n,) float64
        NaN where either is not known.
    width_deg : float
    """
    known = np.isfinite(heading_deg) & np.isfinite(excess)
    heading, level = np.mod(heading_deg[known], 360.0), excess[known]
    count = max(1, round(360 / width_deg))
    number = np.minimum((heading / 360 * count).astype(np.int64), count - 1)
    # What one value scatters by, from all bins: a bin of two knows it badly.
    spread = _scatter(level, number)
    found = []
    for k in np.unique(number):
        inside = number == k
        mean = float(level[inside].mean())
        # Headings within a bin lie close, so their plain mean is theirs.
        middle = float(np.mean(heading[inside]))
        own = float(np.std(level[inside], ddof=1)) if inside.sum() > 4 else spread
        least = (10 ** (LEAST_ERROR_DB / 10) - 1) * (1 + max(mean, 0.0))
        sigma = math.hypot(max(own, 1e-9) / math.sqrt(int(inside.sum())), least)
        found.append(HeadingBin(middle, mean, sigma, int(inside.sum())))
    return found


def fit_lobe(bins: Sequence[HeadingBin]) -> Lobe:
    """The main lobe of levels at several headings."""
    if len(bins) < LEAST_BINS:
        return _undetermined(f"{len(bins)} headings with a level; {LEAST_BINS} are needed")
    heading = np.radians([b.heading_deg for b in bins])
    level, sigma = np.array([b.excess for b in bins]), np.array([b.sigma for b in bins])
    curve, errors, left = _best(heading, level, sigma)
    mean = float(np.sum(level / sigma**2) / np.sum(1 / sigma**2))
    flat = float(np.sum(((level - mean) / sigma) ** 2))
    scale = max(1.0, left / max(1, len(bins) - 4))
    if chdtrc(3, (flat - left) / scale) > FLAT_PFA or curve[1] <= 0:
        return _undetermined("the level does not depend on the heading")
    strongest = math.degrees(curve[2]) % 360
    width = _width_deg(curve[3])
    if not _bracketed(heading, level, curve, width):
        return _undetermined(
            "the level does not fall on both sides of the strongest heading: turn further"
        )
    rival = _rival(heading, level, sigma * math.sqrt(scale), curve, width)
    if rival is not None:
        return _undetermined(
            f"two maxima, around {strongest:.0f}° and {rival:.0f}°: a reflection, or two emitters"
        )
    return Lobe(strongest, math.degrees(errors[2]) * math.sqrt(scale), width, "", curve)


def compare(lobe: Lobe, name: str, bearing_deg: float, pointing_deg: float) -> Compared:
    """Whether a bearing agrees with the strongest heading.

    Parameters
    ----------
    pointing_deg : float
        Standard error of the headings themselves: compass, mounting, bearing.
    """
    if lobe.heading_deg is None or lobe.sigma_deg is None:
        return Compared(name, bearing_deg, None, None, "not determined")
    off = (bearing_deg - lobe.heading_deg + 180) % 360 - 180
    sigmas = abs(off) / math.hypot(lobe.sigma_deg, pointing_deg)
    answer = "agrees" if sigmas <= AGREES else "doubtful" if sigmas <= DISAGREES else "disagrees"
    return Compared(name, bearing_deg, off, sigmas, answer)


def lobe_level(curve: tuple[float, float, float, float], heading_deg: Floats) -> Floats:
    """Fitted level at headings."""
    return np.asarray(_model(np.array(curve), np.radians(heading_deg)))


def _undetermined(reason: str) -> Lobe:
    return Lobe(None, None, None, reason)


def _scatter(level: Floats, number: NDArray[np.int64]) -> float:
    off = np.concatenate(
        [level[number == k] - level[number == k].mean() for k in np.unique(number)]
    )
    freedom = off.size - np.unique(number).size
    if freedom < 1:
        return float(np.std(level)) if level.size else 0.0
    return float(np.sqrt(np.sum(off**2) / freedom))


def _model(p: Floats, heading: Floats) -> Floats:
    return np.asarray(p[0] + p[1] * np.exp(p[3] * (np.cos(heading - p[2]) - 1)))


def _sharpness(width_deg: float) -> float:
    """Of a bell that is half as high at half the width."""
    return math.log(2) / (1 - math.cos(math.radians(width_deg / 2)))


def _width_deg(sharpness: float) -> float:
    return 2 * math.degrees(math.acos(max(-1.0, 1 - math.log(2) / sharpness)))


def _best(
    heading: Floats, level: Floats, sigma: Floats
) -> tuple[tuple[float, float, float, float], Floats, float]:
    """Parameters, their errors and chi-square of the best of several starts."""
    low, high = _sharpness(WIDTHS_DEG[1]), _sharpness(WIDTHS_DEG[0])
    base, top = float(level.min()), float(level.max())
    starts = [
        np.array([base, max(top - base, 1e-9), at, _sharpness(width)])
        for at in heading[np.argsort(level)[-3:]]
        for width in (15.0, 50.0)
    ]
    bounds = ([-np.inf, 0.0, -np.inf, low], [np.inf, np.inf, np.inf, high])
    fits = [
        least_squares(
            lambda p: (_model(p, heading) - level) / sigma,
            start,
            bounds=bounds,
            x_scale=[max(top - base, 1e-9)] * 2 + [0.1, start[3]],
        )
        for start in starts
    ]
    fit = min(fits, key=lambda f: float(f.cost))
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac)
    p = fit.x
    return (
        (float(p[0]), float(p[1]), float(p[2]), float(p[3])),
        np.sqrt(np.maximum(np.diag(covariance), 0)),
        2 * float(fit.cost),
    )


def _off_deg(heading: Floats, from_rad: float) -> Floats:
    return np.asarray((np.degrees(heading - from_rad) + 180) % 360 - 180)


def _bracketed(
    heading: Floats, level: Floats, curve: tuple[float, float, float, float], width: float
) -> bool:
    """Whether there are levels on both flanks, clearly below the top."""
    off = _off_deg(heading, curve[2])
    near = np.abs(off) < 2 * width
    fallen = level < curve[0] + 0.75 * curve[1]
    return bool(np.any(near & fallen & (off < 0)) and np.any(near & fallen & (off > 0)))


def _rival(
    heading: Floats,
    level: Floats,
    sigma: Floats,
    curve: tuple[float, float, float, float],
    width: float,
) -> float | None:
    """Heading of another maximum that the lobe does not explain."""
    off = np.abs(_off_deg(heading, curve[2]))
    over = level - curve[0]
    rest = level - _model(np.array(curve), heading)
    far = (
        (off > APART_WIDTHS * width)
        & (over > RIVAL_SHARE * curve[1])
        & (rest > RIVAL_SIGMAS * sigma)
    )
    if not far.any():
        return None
    return math.degrees(float(heading[np.argmax(np.where(far, level, -np.inf))])) % 360
