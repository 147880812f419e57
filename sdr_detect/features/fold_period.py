"""Period of what folding found: how its phase moves over a window.

The window is cut into pieces. Each piece's profile is correlated with that of
the other pieces, so that its own noise does not pull it to where it is taken
to lie; the peak is interpolated in the spectrum, and a line through the phases
gives the period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.features.line import fit_line
from sdr_detect.model import ComplexArray

#: Pieces a window is cut into, at most: a second each of a window of 15 s. More
#: would make the line no better, for what each loses in strength.
PIECES = 15

#: Deviations each piece should stand out by: weaker ones have their highest
#: point at the wrong phase now and then.
PIECE_Z = 6.0

#: With four phases, one of which is wrong, the error says nothing.
LEAST_PIECES = 5

#: Bins that a piece may lie beside the trial drift: half a step of the trials
#: at the window's ends, and as much again for a box that matched a neighbour.
REACH_BINS = 3

#: Points a bin is divided into before the parabola.
UPSAMPLING = 8

#: A second time with the first line's drift: the template is sharper.
PASSES = 2


@dataclass(frozen=True, slots=True)
class FoldPeriod:
    """A period and its standard error."""

    period_s: float
    sigma_s: float


def fold_period(
    profiles: NDArray[np.float64],
    times_s: NDArray[np.float64],
    variance: float,
    nominal_s: float,
    drift: float,
    z: float,
) -> FoldPeriod | None:
    """Fit the phase over time.

    Parameters
    ----------
    profiles : (dwells, bins) float64
        Sums by phase modulo ``nominal_s``, of mean zero in noise.
    times_s : (dwells,) float64
        Middles of the dwells.
    variance : float
        That of one sum in noise.
    nominal_s : float
    drift : float
        Trial value, relative.
    z : float
        Deviations the window stands out by at that drift.

    Returns
    -------
    FoldPeriod or None
        None where fewer than `LEAST_PIECES` pieces tell a phase. The error is
        that of the scatter or, if larger, of the noise.
    """
    pieces = int(min(PIECES, len(profiles), (z / PIECE_Z) ** 2))
    if pieces < LEAST_PIECES:
        return None
    bins = profiles.shape[1]
    spectra = np.fft.rfft(profiles, axis=1)
    groups = np.array_split(np.arange(len(profiles)), pieces)
    middles = np.array([times_s[group].mean() for group in groups])
    noises = np.array([variance * group.size for group in groups])
    sigma = 0.0
    for _ in range(PASSES):
        turns = np.outer((times_s - times_s.mean()) * drift / nominal_s, np.arange(bins // 2 + 1))
        aligned = spectra * np.exp(2j * np.pi * turns)
        sums = np.stack([aligned[group].sum(axis=0) for group in groups])
        offsets, sigmas = _offsets(sums, noises, bins)
        known = np.isfinite(offsets)
        if known.sum() < LEAST_PIECES:
            return None
        bin_s = nominal_s / bins
        line = fit_line(middles[known], offsets[known] * bin_s, sigmas[known] * bin_s)
        drift += line.slope
        sigma = max(line.sigma, line.least)
    return FoldPeriod(nominal_s * (1 + drift), nominal_s * sigma)


def _offsets(
    sums: ComplexArray, noises: NDArray[np.float64], bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By how many bins each piece lies behind the others, and the error noise makes.

    NaN where it does not stand out or its peak is out of reach.
    """
    others = sums.sum(axis=0) - sums
    # Wiener's filter: lines of noise would only put ripples on the correlation.
    noise = bins * (noises.sum() - noises)[:, None]
    others *= np.maximum(1 - noise / np.maximum(np.abs(others) ** 2, 1e-30), 0)
    others[:, 0] = 0  # the mean tells nothing of phase
    # Both sides of the spectrum.
    energy = 2 * np.abs(others) ** 2 / bins
    turn = 2 * np.pi * np.arange(others.shape[1]) / bins
    power, bend = energy.sum(axis=1), (energy * turn**2).sum(axis=1)
    fine = np.fft.irfft(sums * others.conj(), bins * UPSAMPLING, axis=1) * UPSAMPLING
    reach = REACH_BINS * UPSAMPLING
    near = np.concatenate((fine[:, -reach:], fine[:, : reach + 1]), axis=1)
    best = np.argmax(near, axis=1)
    inner = np.clip(best, 1, 2 * reach - 1)
    before, top, after = (near[np.arange(len(near)), inner + k] for k in (-1, 0, 1))
    curve = np.maximum(2 * top - before - after, 1e-30)
    offsets = (inner - reach + (after - before) / (2 * curve)) / UPSAMPLING
    good = (best == inner) & (top > PIECE_Z / 2 * np.sqrt(noises * power))
    # Noise tilts the correlation, and its curvature turns the tilt into a shift.
    sigmas = np.sqrt(noises / np.maximum(bend, 1e-30)) * power / np.maximum(top, 1e-30)
    return np.where(good, offsets, np.nan), sigmas
