"""What is folded: energies of frames, and the odds that a burst begins at one.

Two kinds of value, for two kinds of emitter. Where every frame period holds a
burst, the plain energy adds up best, in the whole slice or in the quarter that
the allocation fills. Where only some periods hold one (a terminal sends every
5 to 14 frames), adding up the silent ones costs more than it brings: there the
logarithm of the odds that a burst begins at this frame, with a small share of
periods that hold one, is the better summand (the likelihood ratio of a sparse
mixture; Donoho and Jin 2004 for what sparsity changes).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri

from sdr_detect.dsp.fold import FRAME_RATE_HZ, central_moments
from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.order import median, quantiles
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.fold_level import clipped, rises, running_level
from sdr_detect.features.fold_search import FRAME_CORRELATION
from sdr_detect.model import FloatArray

#: Bands besides the whole slice: an allocation may fill 3.7 MHz of 20 MHz.
QUARTERS = 4

#: A sub-band's energy counts up to this many deviations: what is stronger is
#: seen by the burst detector, and one pulse must not outweigh a hundred frames.
CLIP_SIGMAS = 4.0

#: Bins of a Hann window that vary as one (Harris 1978).
HANN_BINS = 1.94

#: Lengths of the bursts whose beginning is looked for: 3, 9, 21 and 47 symbols
#: of 17.867 µs (Jiao 2026; Stock et al. 2023).
SPARSE_S = (54e-6, 0.16e-3, 0.375e-3, 0.84e-3)

#: Share of the periods taken to hold a burst, and the deviations taken to lie
#: in one: bursts every 9 frames on average, of two lengths. Neither is critical.
SHARE = 0.05
DEVIATIONS = 3.0

#: Periods over which the level is taken that a burst must rise above.
LEVEL_PERIODS = 8

#: A burst's beginning is placed to so many frames.
NEAR_FRAMES = 2

#: Quantile that, with the median, tells how much the level varies without bursts.
LOWER = 0.1

COLUMNS = 1 + QUARTERS + len(SPARSE_S)


def clipped_energy(dwell: Dwell, ok: NDArray[np.bool_]) -> FloatArray:
    """(frames, subbands) energies, clipped, less their own mean over the dwell."""
    layout = dwell.layout
    deviation = np.sqrt(HANN_BINS * layout.subbands / layout.used_bins)
    energy: FloatArray = clipped(dwell.energy, ok, 1 + CLIP_SIGMAS * deviation)
    return energy


class FoldValues:
    """Makes the values of a dwell's frames.

    ``burst_frames`` is (columns,): the frames a burst fills where the column is
    a sparse one, else 0; ``trials``, (columns,), by how much the search of all
    columns raises the chance of each.
    """

    def __init__(self, layout: Layout) -> None:
        frames = [max(2, round(s * layout.sample_rate_hz / layout.hop)) for s in SPARSE_S]
        self.burst_frames = (*(0,) * (1 + QUARTERS), *frames)
        # The slice gets half of the chance allowed, quarters and sparse values a
        # quarter each. Odds of long bursts hardly differ from phase to phase.
        few = [4.0 * len(SPARSE_S) * min(1.0, 2 / n) for n in frames]
        self.trials = (2.0, *(4.0 * QUARTERS,) * QUARTERS, *few)
        self._thermal = HANN_BINS / layout.used_bins
        self._around = level_frames(layout)

    def of(self, energy: FloatArray, ok: NDArray[np.bool_]) -> FloatArray:
        """Values of every frame.

        Parameters
        ----------
        energy : (frames, subbands) float32
            Of mean zero in noise.
        ok : (frames,) bool

        Returns
        -------
        (frames, COLUMNS) float32
            Of mean zero; zero where a frame, or a burst that began there, is
            not whole.
        """
        values = np.zeros((len(energy), COLUMNS), np.float32)
        values[:, : 1 + QUARTERS] = bands_of(energy)
        if ok.any():
            sums = level_sums(values[:, 0], ok, self._around)
            for column in range(1 + QUARTERS, COLUMNS):
                z, held = deviations(sums, self.burst_frames[column])
                if z.size:
                    odds = log_odds(z)
                    # A mask costs as much as the odds; mostly all frames are whole.
                    where = held if z.size < held.size else slice(None)
                    values[: held.size, column][where] = odds - odds.mean()
        values[~ok] = 0
        return values

    def weight(self, values: FloatArray) -> FloatArray:
        """Probability that a burst begins within two frames of each: (frames,).

        Where single bursts drown in noise it is about the same for every frame.
        """
        odds = np.ascontiguousarray(values[:, 1 + QUARTERS :].T)
        silent = np.exp(-np.maximum(odds, np.float32(np.log1p(-SHARE)))).mean(axis=0)
        begins: FloatArray = 1 - np.float32(1 - SHARE) * silent
        near = begins.copy()
        for k in range(1, NEAR_FRAMES + 1):
            np.maximum(near[k:], begins[:-k], out=near[k:])
            np.maximum(near[:-k], begins[k:], out=near[:-k])
        return near

    def in_noise(self, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """The moments, (2, COLUMNS), with those of noise alone for the sparse columns.

        Bursts at any time raise the measured moments of the odds, which is right
        for asking whether they keep a phase, not for whether they are noise.
        """
        variance = frame_variance(self._thermal, float(moments[0, 0]))
        found = moments.copy()
        for column in range(1 + QUARTERS, COLUMNS):
            frames = self.burst_frames[column]
            found[:, column] = odds_moments(variance * alike(frames) / frames)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class LevelSums:
    """Running sums of the level and of the frames that count; the level's variance."""

    level: NDArray[np.float64]
    whole: NDArray[np.int64]
    variance: float


def level_frames(layout: Layout) -> int:
    """Frames over which the level is taken that a burst must rise above; odd."""
    period = layout.sample_rate_hz / FRAME_RATE_HZ / layout.hop
    return 2 * round(LEVEL_PERIODS / 2 * period) + 1


def level_sums(energy: FloatArray, ok: NDArray[np.bool_], around: int) -> LevelSums:
    """Running sums of (frames,) energies less their mean over ``around`` frames.

    The receiver's slow drift must not pass for long bursts.
    """
    level, whole = np.empty(ok.size + 1), np.empty(ok.size + 1, np.int64)
    variance = running_level(np.ascontiguousarray(energy), ok, around, level, whole)
    return LevelSums(level, whole, max(variance, 1e-30))


def deviations(sums: LevelSums, frames: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Energy of the ``frames`` from each frame on, in deviations of noise.

    Returns
    -------
    z : (n,) float64
        For the frames from which on all are whole.
    held : (frames in all - ``frames`` + 1,) bool
        Which those are.
    """
    if sums.level.size <= frames:
        return np.zeros(0), np.zeros(0, np.bool_)
    held = np.empty(sums.level.size - frames, np.bool_)
    z = rises(sums.level, sums.whole, frames, held)
    if not z.size:
        return z, held
    z /= np.sqrt(sums.variance * frames * alike(frames))
    # The lower half of the distribution, which bursts cannot touch, tells how
    # much more than single frames the level over this time varies. Sums that
    # share most of their frames say little that is new.
    some = z[:: max(1, frames // 4)].astype(np.float32)
    low, middle = quantiles(some, LOWER), median(some)
    z /= max(1.0, (middle - low) / -ndtri(LOWER))
    return z, held


def log_odds(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log likelihood ratio of `SHARE` of bursts `DEVIATIONS` strong against noise."""
    odds: NDArray[np.float64] = np.log1p(SHARE * np.expm1(DEVIATIONS * z - DEVIATIONS**2 / 2))
    return odds


def alike(frames: int) -> float:
    """By how much the correlation of neighbours raises the variance of a sum."""
    return 1 + 2 * FRAME_CORRELATION * (1 - 1 / frames)


def frame_variance(thermal: float, measured: float) -> float:
    """Variance of one frame's mean power: at least thermal, coarsely rounded up.

    Bins beyond the passband add little: fewer of them vary than are used. The
    steps, of 2 %, keep the integrals that depend on it few.
    """
    return float(1.02 ** np.ceil(np.log(max(thermal, measured, 1e-12)) / np.log(1.02)))


@functools.lru_cache(maxsize=1024)
def odds_moments(variance: float) -> NDArray[np.float64]:
    """Variance and skewness of `log_odds` in noise whose mean power has that variance.

    The power is Gamma distributed; integrated over 12 deviations.
    """
    shape = 1 / variance
    z = np.linspace(max(-6.0, -np.sqrt(shape) + 1e-3), 12.0, 4001)
    weight = gamma_weights(shape, shape + z * np.sqrt(shape))
    odds = log_odds(z)
    odds -= np.sum(weight * odds)
    power = float(np.sum(weight * odds**2))
    return np.array([power, float(np.sum(weight * odds**3)) / power**1.5])


def gamma_weights(shape: float, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of a Gamma law at evenly spaced powers, of sum one."""
    weight: NDArray[np.float64] = np.exp((shape - 1) * np.log(power) - power - gammaln(shape))
    weight /= weight.sum()
    return weight


def moments(values: FloatArray, ok: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Variance and skewness of each column over the frames that count: (2, COLUMNS)."""
    central = central_moments(values, ok)
    variance = central[0]
    skewness = central[1] / np.maximum(variance, 1e-30) ** 1.5
    return np.stack((variance, np.maximum(skewness, 0.0)))


def bands_of(energy: FloatArray) -> FloatArray:
    """Slice and quarters, (frames, 1 + QUARTERS), from (frames, subbands)."""
    subbands = energy.shape[1]
    parts = np.zeros((subbands, 1 + QUARTERS), np.float32)
    parts[:, 0] = 1 / subbands
    if subbands < QUARTERS:
        parts[:, 1:] = 1 / subbands
    else:
        at = np.arange(subbands)
        parts[at, 1 + at * QUARTERS // subbands] = QUARTERS / subbands
    both: FloatArray = energy @ parts
    return both
