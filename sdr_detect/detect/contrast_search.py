"""Where the mean of quiet time stands above a reference, and how likely noise does as well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from sdr_detect.dsp.stft import Dwell
from sdr_detect.model import NoiseReference

#: Narrowest part that is tested, bins; the carrier detector sees what is narrower.
LEAST_BINS = 4

#: Correlation of the power of Hann cells at 0, 1, ... bins' distance, in one frame and in
#: two that overlap by half: of white noise, from the window alone.
IN_FRAME = (1.0, 4 / 9, 1 / 36, 0.0)
FRAME_ON = (1 / 36, (4 / (9 * math.pi)) ** 2, 1 / 144, (4 / (45 * math.pi)) ** 2)

#: From one width to the next, and by which part of a width places differ.
WIDER, STEP = 1.5, 4

#: Of the slice so much must be left to compare with.
REST_SHARE = 0.15

#: Emissions told apart in one window.
MAX_FOUND = 4

#: Level at which the ends of a part are read.
HALF = 0.5

#: Quarters of a dwell are looked at for steadiness.
PARTS = 4

#: An emission is steady when no part of the window lacks this share of its excess,
#: and that can be told when three deviations are less than what is allowed to lack.
LACKING = 0.4


@dataclass(frozen=True, slots=True)
class Rise:
    """Part of a slice above the rest, or all of it above the reference.

    ``low`` and ``high`` are bins, both inside; ``excess`` is relative, ``chance`` that
    noise and doubt show one anywhere in such a window. Where it is ``placed``, it ends
    where it is half as strong, to a bin.
    """

    low: int
    high: int
    excess: float
    chance: float
    whole: bool = False
    placed: bool = False


class ContrastTest:
    """The thresholds of one reference.

    Parameters
    ----------
    reference : NoiseReference
    used : (nfft,) bool
        Bins that are looked at.
    """

    def __init__(self, reference: NoiseReference, used: NDArray[np.bool_]) -> None:
        self._reference = reference
        power = np.array(reference.power)
        self._used = used & (power > 0)
        self._inverse = np.where(self._used, 1 / np.where(self._used, power, 1), 0.0)
        inside = np.flatnonzero(self._used)
        self._first, self._stop = int(inside[0]), int(inside[-1]) + 1
        self._places = self._boxes()
        self._spread = np.array([math.inf, *map(variance, range(1, power.size + 1))])

    def _boxes(self) -> NDArray[np.int64]:
        """(n, 2) first bin and stop of every part that is tested."""
        span = self._stop - self._first
        boxes: list[tuple[int, int]] = []
        width = float(LEAST_BINS)
        while width <= (1 - REST_SHARE) * span:
            whole = round(width)
            starts = range(self._first, self._stop - whole + 1, max(1, whole // STEP))
            boxes += [(start, start + whole) for start in starts]
            width *= WIDER
        return np.array(boxes, np.int64).reshape(-1, 2)

    def level(self, mean: NDArray[np.float64], frames: int) -> float:
        """Excess of the whole slice over the reference, where it is more than thermal; else 0."""
        ratio = (mean * self._inverse)[self._used]
        excess = float(ratio.mean()) - 1
        return excess if abs(excess) > 3 * self._sigma(ratio.size, frames) else 0.0

    def find(self, mean: NDArray[np.float64], frames: int, pfa: float) -> list[Rise]:
        """What rises, strongest evidence first.

        Half of the chance goes to the parts, shared evenly over the places looked at,
        and half to the whole.

        Parameters
        ----------
        mean : (nfft,)
            Mean power of ``frames`` quiet frames.
        pfa : float
            Chance at which something is told.
        """
        ratio = mean * self._inverse
        free = self._used.copy()
        found: list[Rise] = []
        while len(found) < MAX_FOUND:
            best = self._best(ratio, free, frames)
            if best is None or best.chance >= pfa:
                break
            found.append(best)
            # What leaks over its edges is no other emission.
            margin = 1 + (best.high - best.low) // STEP
            free[max(0, best.low - margin) : best.high + margin + 1] = False
        whole = self._whole(ratio, free, frames)
        if whole is None or whole.chance >= pfa:
            return [self._measured(rise, ratio, frames) for rise in found]
        # A weaker part of what fills the slice is its own shape.
        told = [rise for rise in found if rise.excess > whole.excess]
        return [*(self._measured(rise, ratio, frames) for rise in told), whole]

    def _best(
        self, ratio: NDArray[np.float64], free: NDArray[np.bool_], frames: int
    ) -> Rise | None:
        """The part that stands above the rest with the least chance."""
        count = np.concatenate(([0], np.cumsum(free)))
        total = np.concatenate(([0.0], np.cumsum(np.where(free, ratio, 0.0))))
        start, stop = self._places[:, 0], self._places[:, 1]
        bins = count[stop] - count[start]
        rest = count[-1] - bins
        whole = bins >= 0.75 * (stop - start)  # DC may lie in it, another emission not
        fit = whole & (bins >= LEAST_BINS - 1) & (rest >= REST_SHARE * self._used.sum())
        if not fit.any():
            return None
        inside = (total[stop] - total[start])[fit] / bins[fit]
        outside = (total[-1] - total[stop] + total[start])[fit] / rest[fit]
        excess = inside / np.maximum(outside, np.finfo(float).tiny) - 1
        thermal = self._thermal(bins[fit], frames) + self._thermal(rest[fit], frames)
        z = deviations(1 + excess, thermal + self._reference.shape**2)
        at = int(np.argmax(z))
        chance = 2 * len(self._places) * math.exp(log_ndtr(-z[at]))
        low, high = self._places[fit][at]
        return Rise(int(low), int(high) - 1, float(excess[at]), min(1.0, chance))

    def _measured(self, rise: Rise, ratio: NDArray[np.float64], frames: int) -> Rise:
        """A part with its own level and the width at half of it, where noise lets them be read."""
        margin = 1 + (rise.high - rise.low) // STEP
        beside = self._used.copy()
        beside[max(0, rise.low - margin) : rise.high + margin + 1] = False
        if np.count_nonzero(beside) < LEAST_BINS:
            return rise
        above = np.where(self._used, ratio / float(ratio[beside].mean()) - 1, np.nan)
        top = float(np.nanmedian(above[rise.low : rise.high + 1]))
        if 3 * self._sigma(1, frames) > HALF * top:
            return rise
        strong = above > HALF * top
        low = high = rise.low + int(np.nanargmax(above[rise.low : rise.high + 1]))
        # DC, where nothing was looked at, is no end.
        while low > self._first and (strong[low - 1] or np.isnan(above[low - 1])):
            low -= 1
        while high < self._stop - 1 and (strong[high + 1] or np.isnan(above[high + 1])):
            high += 1
        return replace(rise, low=low, high=high, excess=top, placed=True)

    def _whole(
        self, ratio: NDArray[np.float64], free: NDArray[np.bool_], frames: int
    ) -> Rise | None:
        """What is left of the slice against the level of the reference."""
        bins = int(free.sum())
        if bins < LEAST_BINS:
            return None
        excess = float(ratio[free].mean()) - 1
        doubt = self._thermal(np.array(bins), frames) + self._reference.level**2
        chance = 2 * math.exp(log_ndtr(-float(deviations(np.array(1 + excess), doubt))))
        return Rise(self._first, self._stop - 1, max(excess, 1e-9), min(1.0, chance), whole=True)

    def _thermal(self, bins: NDArray[np.int64], frames: int) -> NDArray[np.float64]:
        """Relative variance of means over bins, and of their reference, in thermal noise."""
        return self._spread[bins] * (1 / frames + 1 / self._reference.frames)

    def _sigma(self, bins: int, frames: int) -> float:
        """The deviation of one mean."""
        return math.sqrt(float(self._thermal(np.array(bins), frames)))

    def is_steady(self, rise: Rise, rows: list[tuple[int, NDArray[np.float64]]]) -> bool | None:
        """Whether it is there in every part of a window; None where noise hides that."""
        if len(rows) < PARTS:
            return None
        inside = np.zeros_like(self._used)
        inside[rise.low : rise.high + 1] = True
        inside &= self._used
        rest = self._used & ~inside
        excess, sigma = [], []
        for frames, row in rows:
            ratio = row * self._inverse
            base = 1.0 if rise.whole else float(ratio[rest].mean())
            excess.append(float(ratio[inside].mean()) / base - 1)
            beside = 0.0 if rise.whole else self._sigma(int(rest.sum()), frames)
            sigma.append(math.hypot(self._sigma(int(inside.sum()), frames), beside))
        if 3 * max(sigma) > LACKING * rise.excess:
            return None
        mean = sum(excess) / len(excess)
        return all(e > (1 - LACKING) * mean - 3 * s for e, s in zip(excess, sigma, strict=True))


def variance(bins: int) -> float:
    """Relative variance of the mean power over ``bins`` and many frames, times their number."""
    pairs = sum(
        (1 if apart == 0 else 2) * max(0, bins - apart) * (near + 2 * far)
        for apart, (near, far) in enumerate(zip(IN_FRAME, FRAME_ON, strict=True))
    )
    return pairs / bins**2


def deviations(
    ratio: NDArray[np.float64], relative_variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How many standard deviations a ratio of mean powers lies above 1.

    A mean of few cells has a longer tail above than a normal one; its cube root has
    not (Wilson and Hilferty 1931).
    """
    found: NDArray[np.float64] = 3 * (np.cbrt(ratio) - 1) / np.sqrt(relative_variance)
    return found


def quiet_parts(dwell: Dwell) -> list[tuple[int, NDArray[np.float64]]]:
    """Frames without a burst or fault in each quarter of a dwell, and their mean power."""
    found = []
    quiet = dwell.frame_ok & ~dwell.active
    for part in np.array_split(np.arange(quiet.size), PARTS):
        rows = part[quiet[part]]
        if rows.size:
            # One product reads the frames once, whichever of them are left out.
            weight = quiet[part[0] : part[-1] + 1].astype(np.float32) / np.float32(rows.size)
            mean = weight @ dwell.power[part[0] : part[-1] + 1]
            found.append((int(rows.size), mean.astype(np.float64)))
    return found
