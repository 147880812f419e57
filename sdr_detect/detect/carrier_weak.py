"""Weak carriers: boxes in what the fitted passband leaves of a spectrum.

Wide weak carriers and the ripple of a receiver look alike. What a polynomial
can follow is taken for ripple (`dsp/passband.py`); a box must stand out of the
rest by what noise explains, by how rough the rest is, and by a least height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sdr_detect.dsp.cfar import Spread, WelchFreedom, mean_threshold
from sdr_detect.dsp.passband import DEGREE, Flattened, flatten, profile
from sdr_detect.settings import CarrierSettings

#: Weak carriers sought one after the other, the clearest first.
MAX_WEAK = 8

#: Narrower boxes are tones, which need no passband.
NARROWEST = 4

#: The widest box, as a share of the bins in use. Beyond it the polynomial
#: leaves next to nothing.
WIDEST = 0.4

#: Below so many bins in use for each coefficient there is no passband to fit.
BINS_PER_TERM = 8

#: The rest's lower flank is read here: carriers lie on the upper one.
LOWER = 0.159

#: Share of a box that must lie on bins in use.
MOSTLY = 0.75

#: Ripple is read at a box's own width, where few places are left to read it, and
#: at these parts of it.
ROUGH_PARTS = (1, 2, 4)

#: An edge moves by up to a quarter of the width when a box is fitted, in so many steps.
EDGE_STEPS = 8

#: Fits until the height of a box is settled: each leaves a part as small as the
#: height itself of the error.
HEIGHT_STEPS = 4

#: Less skewed than this is normal.
LEAST_SKEW = 0.02

#: Boxes of one width are looked at by this part of it apart; edges are fitted then.
PLACES = 32

#: A box of which the passband leaves less than this share is not looked at.
LEAST_TOLD = 0.01


@dataclass(frozen=True, slots=True)
class Box:
    """Bins [low, high], height over the passband's level there, and that level."""

    low: int
    high: int
    height: float
    base: float


def widths(bins: int) -> list[int]:
    """Box widths: half an octave apart, but never further than the passband's detail.

    What the polynomial leaves of a wide box are its edges, to within a quarter
    of the polynomial's shortest wave.
    """
    step = max(1, bins // (4 * DEGREE))
    tried = [NARROWEST]
    while tried[-1] < WIDEST * bins:
        tried.append(tried[-1] + max(1, min(round(0.41 * tried[-1]), step)))
    return tried


def find_weak(
    level: NDArray[np.float64],
    used: NDArray[np.bool_],
    frames: int,
    freedom: WelchFreedom,
    settings: CarrierSettings,
) -> list[Box]:
    """Boxes that stand out of the passband fitted to the bins ``used``."""
    bins = int(np.count_nonzero(used))
    if bins < BINS_PER_TERM * (DEGREE + 1) or not level[used].all():
        return []
    flat = flatten(level, used)
    tried = widths(bins)
    pfa = settings.pfa / 2 / (len(tried) * bins)
    least = 10 ** (settings.least_excess_db / 10) - 1
    found: list[Box] = []
    free = used.copy()
    while len(found) < MAX_WEAK:
        clearest = _clearest(flat, free, tried, frames, freedom, pfa)
        if clearest is None:
            break
        low, stop = clearest
        without = flat.without(low, stop)
        sums, bins_, told = (float(v) for v in flat.boxes(np.array(low), np.array(stop)))
        needed = mean_threshold(pfa, _spread(freedom.spread(bins_, frames), told / bins_)) - 1
        needed *= max(
            _roughness(without, max(NARROWEST, (stop - low) // part), frames, freedom)
            for part in ROUGH_PARTS
        )
        if sums / told < max(needed, least):
            break
        level, height = _divided(level, used, low, stop, sums / told)
        flat = flatten(level, used)
        found.append(Box(low, stop - 1, height, float(flat.base[low:stop].mean())))
        # Flanks that the profile does not match are no carriers of their own.
        margin = (stop - low) // 4 + 1
        free[max(0, low - margin) : stop + margin] = False
        for box in found:
            flat = flat.without(box.low, box.high + 1)
    return found


def _divided(
    level: NDArray[np.float64], used: NDArray[np.bool_], low: int, stop: int, height: float
) -> tuple[NDArray[np.float64], float]:
    """The level without a box over bins [low, stop), and the height of the box.

    The passband that was fitted to both has taken up a part of the box, and
    heights count from there: fit again without it until that part is gone.
    """
    rest = level
    for _ in range(HEIGHT_STEPS):
        rest = level / (1 + height * profile(level.size, low, stop))
        sums, _, told = flatten(rest, used).boxes(np.array(low), np.array(stop))
        height = (1 + height) * (1 + float(sums / told)) - 1
    return rest, max(height, np.finfo(np.float64).tiny)


def box_threshold(
    bins: NDArray[np.float64],
    told: NDArray[np.float64],
    frames: int,
    freedom: WelchFreedom,
    pfa: float,
) -> NDArray[np.float64]:
    """Height that noise gives a box with chance ``pfa``, from what `Flattened.boxes` says."""
    # One over the root of the share is the error, to which thresholds are nearly
    # proportional: a few of them and straight lines between are enough.
    error = np.sqrt(bins / told)
    widest = float(bins.max())
    cell = freedom.spread(widest, frames)
    grid = np.linspace(float(error.min()), float(error.max()) + 1e-9, 4)
    needed = [mean_threshold(pfa, _spread(cell, 1 / e**2)) - 1 for e in grid]
    out: NDArray[np.float64] = np.interp(error, grid, needed)
    # Where fewer bins are used the error grows as their root.
    return out * np.sqrt(widest / bins)


def _spread(cell: Spread, share: float) -> Spread:
    """Law of the fitted height of a box, from that of the mean in it.

    ``share`` is what the passband leaves of the box: the variance grows as one
    over it. The rest of the box is lower by it, and spread over both signs: the
    third moment of its weights falls with the third power.
    """
    return Spread(cell.shape * share, max(cell.skew * share**2, LEAST_SKEW))


def _apart(width: int) -> int:
    """Bins from one box of a width to the next."""
    return max(1, width // PLACES)


def _places(flat: Flattened, width: int) -> NDArray[np.int64]:
    """First bins of the boxes of one width."""
    return np.arange(0, flat.rest.size - width + 1, _apart(width))


def _told_apart(
    bins: NDArray[np.float64], told: NDArray[np.float64], width: int
) -> NDArray[np.bool_]:
    """Boxes that lie mostly on bins in use, and of which the passband leaves something."""
    return (bins >= MOSTLY * width) & (told > LEAST_TOLD * width)


def _clearest(
    flat: Flattened,
    free: NDArray[np.bool_],
    tried: list[int],
    frames: int,
    freedom: WelchFreedom,
    pfa: float,
) -> tuple[int, int] | None:
    """Bins [low, stop) of the box that explains most, of those above their thresholds.

    Boxes lie mostly on ``free`` bins. Either edge of a wide carrier looks like
    a narrow one until the widths are fitted: the best of each width is.
    """
    best, gain = None, 0.0
    total = np.concatenate(([0], np.cumsum(free)))
    for width in tried:
        if not _may_stand_out(flat, width, frames, freedom, pfa):
            continue
        low = _places(flat, width)
        sums, bins, told = flat.boxes(low, low + width)
        open_ = total[low + width] - total[low] >= MOSTLY * width
        at = np.flatnonzero(open_ & _told_apart(bins, told, width))
        if not at.size:
            continue
        ratio = sums[at] / told[at] / box_threshold(bins[at], told[at], frames, freedom, pfa)
        k = int(np.argmax(ratio))
        if ratio[k] > 1:
            first = int(low[at[k]])
            edges, fitted = _fit_edges(flat, first, first + width)
            if fitted > gain:
                best, gain = edges, fitted
    return best


def _may_stand_out(
    flat: Flattened, width: int, frames: int, freedom: WelchFreedom, pfa: float
) -> bool:
    """Whether the highest box is above the threshold of the one known best: few widths are."""
    height, bins, share = flat.highest(width, _apart(width), MOSTLY * width, LEAST_TOLD * width)
    if height <= 0:
        return False
    spread = _spread(freedom.spread(bins, frames), share)
    return height > mean_threshold(pfa, spread) - 1


def _fit_edges(flat: Flattened, low: int, stop: int) -> tuple[tuple[int, int], float]:
    """Edges of the box near [low, stop) that explains most, and how much that is."""
    size = flat.rest.size
    step = max(1, (stop - low) // (4 * EDGE_STEPS))
    moves = np.arange(-EDGE_STEPS, EDGE_STEPS + 1) * step
    lows = np.clip(low + moves, 0, size - 1)[:, None]
    stops = np.clip(stop + moves, 1, size)[None, :]
    sums, _, told = flat.boxes(lows, stops)
    valid = (told > LEAST_TOLD * (stop - low)) & (stops - lows >= NARROWEST) & (sums > 0)
    gain = np.where(valid, sums**2 / np.where(valid, told, 1), 0)
    a, b = np.unravel_index(int(np.argmax(gain)), gain.shape)
    return (int(lows[a, 0]), int(stops[0, b])), float(gain[a, b])


def _roughness(flat: Flattened, width: int, frames: int, freedom: WelchFreedom) -> float:
    """How much rougher than noise the rest is on the scale of a box; 1 or more.

    Ripple that the passband's fit cannot follow makes dips as well as crests;
    dips are no carriers.
    """
    low = _places(flat, width)
    sums, bins, told = flat.boxes(low, low + width)
    valid = _told_apart(bins, told, width)
    if not valid.any():
        return 1.0
    sigma = 1 / np.sqrt(freedom.shape(width, frames) * told[valid] / width)
    dip = float(np.quantile(sums[valid] / told[valid] / sigma, LOWER)) / float(ndtri(LOWER))
    # So few independent boxes fit in: their quantile has an error of its own.
    places = np.count_nonzero(valid) * _apart(width) / width
    return max(1.0, dip / float(1 + 1.5 / np.sqrt(max(1.0, places))))
