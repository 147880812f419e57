"""Whether a carrier is there all the time: the second dimension of the search.

What comes and goes is a burst's, or a keyed emitter's, and no carrier; a few
strong frames among noise raise a mean and make none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv

from sdr_detect.detect.carrier_average import Block
from sdr_detect.detect.carrier_search import CarrierLine
from sdr_detect.dsp.cfar import WelchFreedom
from sdr_detect.dsp.order import medians
from sdr_detect.model import FloatArray

#: A carrier is steady when its own level varies by no more than this (relative
#: standard deviation); keyed and bursty emissions are left to the burst detector.
STEADY = 0.3

#: Least excess of the median block over that of the mean.
LASTING = 0.6

#: Chance that a steady carrier is taken for a keyed one.
STEADY_PFA = 1e-3

#: A smaller part of the power than this is rounding, not a carrier.
LEAST_SHARE = 1e-6

#: Of so many bins one is looked at for the slice's median, at that much less cost.
MEDIAN_STEP = 8


def is_steady(
    latest: FloatArray, blocks: Sequence[Block], freedom: WelchFreedom, found: CarrierLine
) -> bool:
    """Whether a carrier's level stays the same.

    Parameters
    ----------
    latest : (frames, nfft)
        Power of single frames.
    blocks : sequence of Block
        Means over longer stretches.
    """
    if not len(latest) or not _is_lasting(blocks, found):
        return False
    bins = found.high - found.low + 1
    share = 1 / (1 + 10 ** (-found.cn_db / 10))
    looks = [(latest, 1)]
    if len(blocks) > 2:
        means = np.stack([block.power for block in blocks])
        looks.append((means, min(block.frames for block in blocks)))
    return all(
        _varies_little(_band(power, found), _band_variance(freedom, bins, frames, power), share)
        for power, frames in looks
    )


def _band_variance(freedom: WelchFreedom, bins: int, frames: int, power: FloatArray) -> float:
    """Relative variance of `_band` in noise: of the band's mean, and of the slice's median."""
    others = float(power.shape[1]) / MEDIAN_STEP
    return 1 / freedom.shape(bins, frames) + np.pi / 2 / freedom.shape(1, frames) / others


def _is_lasting(blocks: Sequence[Block], found: CarrierLine) -> bool:
    """Whether the typical block shows the carrier as the mean does.

    A few strong frames among noise raise the mean, and not the median.
    """
    means = np.stack([block.power for block in blocks]).astype(np.float64)
    beside = np.r_[
        max(0, 2 * found.low - found.high - 4) : max(0, found.low - 3),
        min(means.shape[1], found.high + 4) : min(means.shape[1], 2 * found.high - found.low + 5),
    ]
    if not beside.size:
        return True
    excess = means[:, found.low : found.high + 1].mean(axis=1) / means[:, beside].mean(axis=1) - 1
    return bool(np.median(excess) > LASTING * excess.mean())


def _band(power: FloatArray, found: CarrierLine) -> NDArray[np.float64]:
    """Power in the carrier's band over that of the slice: gain steps cancel."""
    inside = power[:, found.low : found.high + 1].sum(axis=1, dtype=np.float64)
    # Half of the bins at least are not the carrier's: the median is the slice's.
    # Made-up samples without noise leave nothing in the other bins.
    around = np.maximum(medians(power[:, ::MEDIAN_STEP]), np.finfo(np.float32).tiny)
    ratio: NDArray[np.float64] = inside / around
    return ratio


def _varies_little(level: NDArray[np.float64], noise: float, share: float) -> bool:
    """Whether what varies beyond noise is a small part of the carrier itself.

    Parameters
    ----------
    noise : float
        Relative variance that noise explains.
    share : float
        The carrier's part of the power: the rest is noise, and steady.
    """
    if share < LEAST_SHARE or not np.isfinite(noise):
        return False  # made-up samples without noise: nothing to be judged by
    variance = float(np.var(level, ddof=1) / np.mean(level) ** 2)
    # The sum of squares of n Gamma variables: chi squared, with fewer degrees of
    # freedom the more skewed they are.
    half = (level.size - 1) / 2 / (1 + 3 * noise)
    most = noise * float(gammainccinv(half, STEADY_PFA)) / half
    return bool((variance - most) / share**2 < STEADY**2)
