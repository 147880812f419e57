"""A raised block with two edges in a spectrum stitched from retunes.

A receiver narrower than a channel sees the channel only by moving across it.
What it measures at each stop is the mean excess over the quiet level (duty
times C/N), and a full transmission is a block of constant excess as wide as
the occupied part of a channel. Every stop carries an error of its own, common
to all of its sub-bands, because gain and level do not repeat from retune to
retune: a nuisance with a stated prior, which the scatter between neighbouring
stops enlarges where the prior is too good to be true. No length of stay
averages it away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv, ndtr, stdtr

Floats = NDArray[np.float64]

#: Blocks of these widths are sought: a channel's occupied 60 MHz, and the
#: larger allocations inside it (441 and 504 carriers: 25.8 and 29.5 MHz).
MIN_WIDTH_HZ = 20e6
MAX_WIDTH_HZ = 70e6

#: Edges are sought on a raster of this step: a 60 MHz block that lies half a
#: step off loses 3 % of its height. Each pair of edges tried is one test.
RASTER_HZ = 4e6

#: Once found, an edge is placed within this of the raster's best.
PLACE_HZ = 2 * RASTER_HZ

#: Share of the differences between neighbouring stops, the smallest ones, that
#: tell their scatter; at least as many are left out as a block's two edges spoil,
#: which cut a stop each.
SCATTER_SHARE = 0.85
EDGE_DIFFERENCES = 4

#: Degrees of freedom of that scatter for each stop (by simulation: the
#: differences overlap, and the largest are left out).
FREEDOM_PER_STOP = 0.4

#: A sub-band that an edge cuts shows by its height where; how well, in parts of
#: its width, at best: passbands and window are not square.
INTERPOLATION = 1 / 8

#: In a constant block the median point is about as high as the mean.
LEVEL_SHARE = 0.5

#: Blocks told apart: channels in the band. Also how often what is no block,
#: only something narrow and strong, is taken out and the search begun again.
MAX_BLOCKS = 8
MAX_TRIES = 24

#: Posterior probability at the end of the sweep above which an edge was not seen.
UNSEEN = 0.05

#: Beyond an edge the excess is less than this part of the block's, over a flank
#: this wide; else the block goes on there, or another one adjoins.
FALL = 0.5
FLANK_HZ = 8e6


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A stitched sweep, ascending in frequency.

    Parameters
    ----------
    freq_hz : (n,) float64
        Centres of the sub-bands.
    excess : (n,) float64
        Mean power over the quiet level, minus one: duty times C/N.
    sigma : (n,) float64
        Standard error of each ``excess``, without the error of its stop.
    stop : (n,) int64
        Number of the retune that each point belongs to, from 0.
    """

    freq_hz: Floats
    excess: Floats
    sigma: Floats
    stop: NDArray[np.int64]

    def __post_init__(self) -> None:
        if np.any(np.diff(self.freq_hz) < 0):
            raise ValueError("points of a sweep ascend in frequency")
        if np.any(self.sigma <= 0):
            raise ValueError("every point of a sweep needs an error above zero")

    def only(self, keep: NDArray[np.bool_]) -> Points:
        """Those points."""
        return Points(
            self.freq_hz[keep],
            self.excess[keep],
            self.sigma[keep],
            np.unique(self.stop[keep], return_inverse=True)[1],
        )


@dataclass(frozen=True, slots=True)
class SweepBlock:
    """A block of raised power.

    ``statistic`` is its height in standard errors and ``pfa`` the chance that
    a sweep without signal shows one as high anywhere, over all ``tests`` pairs
    of edges. ``coverage`` is the share of its width that was looked at. An edge
    that is not ``seen`` lies beyond the sweep, or beside another emission.
    """

    center_hz: float
    center_sigma_hz: float
    width_hz: float
    width_sigma_hz: float
    excess: float
    excess_sigma: float
    statistic: float
    pfa: float
    tests: int
    coverage: float
    lower_seen: bool
    upper_seen: bool

    @property
    def lower_hz(self) -> float:
        """Lower edge."""
        return self.center_hz - self.width_hz / 2

    @property
    def upper_hz(self) -> float:
        """Upper edge."""
        return self.center_hz + self.width_hz / 2


@dataclass(frozen=True, slots=True)
class Channels:
    """Equally spaced channels: centre of the first, spacing, occupied width, number."""

    first_center_hz: float
    step_hz: float
    occupied_hz: float
    count: int

    def nearest(self, block: SweepBlock) -> int | None:
        """Number, from 1, of the channel that holds the block's centre; None outside."""
        number = round((block.center_hz - self.first_center_hz) / self.step_hz) + 1
        return number if 1 <= number <= self.count else None

    def fits(self, block: SweepBlock) -> bool | None:
        """Whether the block fills one channel as a full transmission does.

        It may be off by three standard errors, and by half of the guard band
        for the converter's own error. None where an edge was not seen, or is
        so uncertain that the occupied width cannot be told from the spacing.
        """
        guard_hz = self.step_hz - self.occupied_hz
        if not (block.lower_seen and block.upper_seen) or block.width_sigma_hz > guard_hz:
            return None
        number = self.nearest(block)
        if number is None:
            return False
        off_hz = abs(block.center_hz - self.first_center_hz - (number - 1) * self.step_hz)
        wrong_hz = abs(block.width_hz - self.occupied_hz)
        return (
            off_hz <= 3 * block.center_sigma_hz + guard_hz / 2
            and wrong_hz <= 3 * block.width_sigma_hz + guard_hz / 2
        )


def find_blocks(points: Points, stop_sigma: float, pfa: float) -> list[SweepBlock]:
    """Blocks of constant excess, in ascending frequency.

    Generalised likelihood ratio of a block on a constant level against the
    level alone, over the positions of both edges. The errors are Gaussian,
    ``sigma`` for each point and ``stop_sigma`` common to the points of a stop.

    Parameters
    ----------
    points : Points
    stop_sigma : float
        Prior standard deviation of the level from retune to retune, relative
        (0.1 dB is 0.023).
    pfa : float
        Blocks less certain than this, over the whole sweep, are not reported.
    """
    found: list[SweepBlock] = []
    rest = points
    for _ in range(MAX_TRIES):
        if len(found) == MAX_BLOCKS or rest.freq_hz.size < 4:
            break
        search = _Search(rest, stop_sigma)
        block = search.best()
        if block is None or block.pfa > pfa or block.excess <= 0:
            break
        inside = (rest.freq_hz > block.lower_hz) & (rest.freq_hz < block.upper_hz)
        above = rest.excess - search.level(block)
        if not inside.any() or np.median(above[inside]) < LEVEL_SHARE * block.excess:
            # Something narrow: it goes, and what is beside it is looked at again.
            narrow = inside & (above >= block.excess)
            if not narrow.any():
                break
            rest = rest.only(~narrow)
            continue
        block = _with_flanks(block, points.freq_hz, points.excess - search.level(block))
        if block.lower_seen or block.upper_seen:
            found.append(replace(block, coverage=_coverage(points, block)))
        pad = 2 * block.width_sigma_hz
        near = (rest.freq_hz > block.lower_hz - pad) & (rest.freq_hz < block.upper_hz + pad)
        rest = rest.only(~np.isin(rest.stop, rest.stop[near]))
    return sorted(found, key=lambda b: b.center_hz)


class _Search:
    """Inner products of boxes under the inverse covariance, from prefix sums.

    The covariance is diag(sigma²) + stop_sigma² for points of one stop; its
    inverse is diag(d) - c d dᵀ for each stop, with d = 1/sigma² and
    c = stop_sigma²/(1 + stop_sigma² Σd) (Sherman and Morrison 1950). A cut k
    separates the first k points from the rest; a box lies between two cuts.
    """

    def __init__(self, points: Points, stop_sigma: float) -> None:
        self._points = points
        n = points.freq_hz.size
        stops = int(points.stop.max()) + 1
        precision = points.sigma**-2.0
        member = points.stop == np.arange(stops)[:, None]
        total = np.where(member, precision, 0).sum(axis=1)
        mean = np.where(member, precision * points.excess, 0).sum(axis=1)
        self._mean = mean / total
        scatter = _scatter(points, self._mean, 1 / total, stop_sigma)
        self._stop_sigma, self._freedom, self._ease = scatter
        variance = self._stop_sigma**2
        self._shrink = variance / (1 + variance * total)
        self._within = np.zeros((stops, n + 1))
        np.cumsum(np.where(member, precision, 0), axis=1, out=self._within[:, 1:])
        self._all = np.concatenate(([0.0], np.cumsum(precision)))
        ones = precision * (1 - (self._shrink * total)[points.stop])
        data = precision * (points.excess - (self._shrink * mean)[points.stop])
        self._one = np.concatenate(([0.0], np.cumsum(ones)))
        self._data = np.concatenate(([0.0], np.cumsum(data)))
        middle = (points.freq_hz[1:] + points.freq_hz[:-1]) / 2
        step = np.diff(points.freq_hz)
        ends = np.median(step) / 2
        self._cut_hz = np.concatenate(
            ([points.freq_hz[0] - ends], middle, [points.freq_hz[-1] + ends])
        )
        self._cell_hz = np.concatenate(([2 * ends], step, [2 * ends]))

    def best(self) -> SweepBlock | None:
        """The highest block in standard errors; None where no box fits in."""
        cuts = self._raster()
        low, high = np.meshgrid(cuts, cuts, indexing="ij")
        allowed = self._allowed(low, high)
        tests = int(np.count_nonzero(allowed))
        if not tests:
            return None
        height, weight = self._box(cuts, cuts)
        z = np.where(allowed, height * np.sqrt(weight), -np.inf)
        at = np.unravel_index(int(np.argmax(z)), z.shape)
        if z[at] <= 0:
            return None
        chance = max(float(ndtr(-z[at])), float(stdtr(self._freedom, -z[at] / self._ease)))
        edges = int(cuts[at[0]]), int(cuts[at[1]])
        # A stay that met more or fewer bursts than another is higher or lower.
        spread = self._spread(*edges)
        placing = self if spread < self._stop_sigma else _Search(self._points, spread)
        block = placing.placed(*edges)
        return replace(
            self._measured(block, max(spread, self._stop_sigma)),
            statistic=float(z[at]),
            pfa=min(1.0, tests * chance),
            tests=tests,
        )

    def _measured(self, block: SweepBlock, stop_sigma: float) -> SweepBlock:
        """With the plain mean of its points over the level, and that mean's error."""
        points = self._points
        inside = (points.freq_hz > block.lower_hz) & (points.freq_hz < block.upper_hz)
        if not inside.any():
            return block
        mean = float(points.excess[inside].mean()) - self.level(block)
        stops = np.unique(points.stop[inside]).size
        return replace(block, excess=mean, excess_sigma=stop_sigma / stops**0.5)

    def level(self, block: SweepBlock) -> float:
        """Level outside the block, least squares."""
        low, high = np.searchsorted(self._points.freq_hz, (block.lower_hz, block.upper_hz))
        inside = self._one[high] - self._one[low]
        return float((self._data[-1] - block.excess * inside) / self._one[-1])

    def _spread(self, low: int, high: int) -> float:
        """Standard deviation of the stops that lie well between two cuts."""
        inner = np.flatnonzero(
            (self._cut_hz >= self._cut_hz[low] + RASTER_HZ)
            & (self._cut_hz <= self._cut_hz[high] - RASTER_HZ)
        )
        if not inner.size:
            return 0.0
        weight = self._within[:, inner[-1]] - self._within[:, inner[0]]
        whole = weight > 0.999 * self._within[:, -1]
        return float(np.std(self._mean[whole], ddof=1)) if whole.sum() > 1 else 0.0

    def _raster(self) -> NDArray[np.int64]:
        """Cuts nearest to the raster, and the ends."""
        wanted = np.arange(self._cut_hz[0], self._cut_hz[-1], RASTER_HZ)
        right = np.clip(np.searchsorted(self._cut_hz, wanted), 1, self._cut_hz.size - 1)
        left_is_nearer = wanted - self._cut_hz[right - 1] < self._cut_hz[right] - wanted
        cuts = right - left_is_nearer
        return np.unique(np.append(cuts, self._cut_hz.size - 1)).astype(np.int64)

    def _allowed(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Boxes whose width may lie within the limits, and that leave a level beside them."""
        width = self._cut_hz[high] - self._cut_hz[low]
        slack = (self._cell_hz[low] + self._cell_hz[high]) / 2
        fits: NDArray[np.bool_] = (
            (high > low)
            & (width + slack >= MIN_WIDTH_HZ)
            & (width - slack <= MAX_WIDTH_HZ)
            & ((low > 0) | (high < self._cut_hz.size - 1))
        )
        return fits

    def _box(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Height of each box over the fitted level, and the height's inverse variance."""
        a = self._within[:, low]
        b = self._within[:, high]
        shrink = self._shrink[:, None]
        square = (
            (self._all[high] - np.sum(shrink * b**2, axis=0))[None, :]
            - (self._all[low] + np.sum(shrink * a**2, axis=0))[:, None]
            + 2 * (shrink * a).T @ b
        )
        one = self._one[high][None, :] - self._one[low][:, None]
        data = self._data[high][None, :] - self._data[low][:, None]
        whole = self._one[-1]
        weight = np.maximum(square - one**2 / whole, 0.0)
        top = data - one * self._data[-1] / whole
        height = np.divide(top, weight, out=np.zeros_like(top), where=weight > 1e-9 * whole)
        return height, weight

    def placed(self, low: int, high: int) -> SweepBlock:
        """Edges as means over their posterior, with a flat prior in frequency.

        An edge between two points may lie anywhere between them, which over
        a part that was not looked at is a wide range.
        """
        lows, highs = (
            np.flatnonzero(np.abs(self._cut_hz - self._cut_hz[c]) <= PLACE_HZ) for c in (low, high)
        )
        height, weight = self._box(lows, highs)
        allowed = self._allowed(lows[:, None], highs[None, :])
        z = np.where(allowed & (height > 0), height * np.sqrt(weight), 0.0)
        best = np.unravel_index(int(np.argmax(z)), z.shape)
        likely = np.exp((z**2 - z[best] ** 2) / 2)
        likely *= np.outer(self._cell_hz[lows], self._cell_hz[highs]) * allowed
        likely /= likely.sum()
        p_low, p_high = likely.sum(axis=1), likely.sum(axis=0)
        top = max(float(height[best]), 1e-9)
        inside = self._one[highs[best[1]]] - self._one[lows[best[0]]]
        filled = (self._points.excess - (self._data[-1] - top * inside) / self._one[-1]) / top
        f_low, var_low = self._edges(lows, filled, top, 1)
        f_high, var_high = self._edges(highs, filled, top, -1)
        mean_low, mean_high = float(p_low @ f_low), float(p_high @ f_high)
        off_low, off_high = f_low - mean_low, f_high - mean_high
        spread = float(p_low @ (off_low**2 + var_low) + p_high @ (off_high**2 + var_high))
        both = float(off_low @ likely @ off_high)
        return SweepBlock(
            (mean_low + mean_high) / 2,
            float(np.sqrt(max(0.0, spread + 2 * both)) / 2),
            mean_high - mean_low,
            float(np.sqrt(max(0.0, spread - 2 * both))),
            top,
            self._stop_sigma,
            float(z[best]),
            1.0,
            0,
            1.0,
            bool(p_low[lows == 0].sum() < UNSEEN),
            bool(p_high[highs == self._cut_hz.size - 1].sum() < UNSEEN),
        )

    def _edges(
        self, cuts: NDArray[np.int64], filled: Floats, height: float, rising: int
    ) -> tuple[Floats, Floats]:
        """Where the edge at each cut lies, and the variance of that.

        The sub-bands on both sides of the cut tell by their height how much of
        them the block fills. Where they are too uncertain or too far apart,
        the edge is anywhere between their centres.
        """
        points, last = self._points, self._points.freq_hz.size
        left, right = np.maximum(cuts - 1, 0), np.minimum(cuts, last - 1)
        cell = self._cell_hz[cuts]
        part = np.clip(filled, 0, 1)
        shift = rising * cell * (1 - part[left] - part[right])
        error = points.sigma[left] ** 2 + points.sigma[right] ** 2 + (2 * self._stop_sigma) ** 2
        known = cell**2 * (error / height**2 + INTERPOLATION**2)
        flat = cell**2 / 12
        near = (cell < 1.5 * np.median(self._cell_hz)) & (cuts > 0) & (cuts < last)
        use = near & (known < flat)
        return self._cut_hz[cuts] + np.where(use, shift, 0), np.where(use, known, flat)


def _with_flanks(block: SweepBlock, freq_hz: Floats, above: Floats) -> SweepBlock:
    """The block, with edges that the excess does not fall at marked as unseen."""

    def falls(low_hz: float, high_hz: float) -> bool:
        flank = above[(freq_hz > low_hz) & (freq_hz < high_hz)]
        return not flank.size or bool(np.median(flank) < FALL * block.excess)

    reach = FLANK_HZ + 2 * block.width_sigma_hz
    return replace(
        block,
        lower_seen=block.lower_seen and falls(block.lower_hz - reach, block.lower_hz),
        upper_seen=block.upper_seen and falls(block.upper_hz, block.upper_hz + reach),
    )


def _scatter(
    points: Points, mean: Floats, variance: Floats, stop_sigma: float
) -> tuple[float, float, float]:
    """Standard deviation from stop to stop, at least the prior; what was seen of it.

    The second is the degrees of freedom of what was seen, the third its ratio to
    what is assumed, 1 where the prior was too small: Student's law with these, and
    the Gaussian one with what is assumed, must both make noise unlikely.

    Differences of neighbouring stops do not see a block, but for its edges;
    those are the largest and left out. In Gaussian errors the mean of the
    smallest share p of χ² variables of one degree is P(χ²₃ < q)/p, with q their
    quantile. ``variance`` is that of each ``mean`` without the error of its stop.
    """
    order = np.argsort(np.bincount(points.stop, points.freq_hz) / np.bincount(points.stop))
    total = variance[order] + stop_sigma**2
    step = np.diff(mean[order]) ** 2 / (total[1:] + total[:-1])
    if step.size < 3:
        return stop_sigma, 1.0, 1.0
    spared = max(EDGE_DIFFERENCES, round((1 - SCATTER_SHARE) * step.size))
    kept = np.sort(step)[: max(3, step.size - spared)]
    share = min(1 - 0.5 / step.size, kept.size / step.size)
    expected = float(gammainc(1.5, gammaincinv(0.5, share))) / share
    ratio = float(kept.mean()) / expected
    excess = ratio * float(np.median(total)) - float(np.median(variance))
    freedom = max(2.0, FREEDOM_PER_STOP * mean.size)
    return max(stop_sigma, max(0.0, excess) ** 0.5), freedom, min(1.0, max(1e-6, ratio) ** 0.5)


def _coverage(points: Points, block: SweepBlock) -> float:
    """Share of a block that was looked at: points by the width that each stands for."""
    if points.freq_hz.size < 2:
        return 0.0
    cell = float(np.median(np.diff(points.freq_hz)))
    edges = np.arange(block.lower_hz, block.upper_hz, cell)
    near = np.clip(np.searchsorted(points.freq_hz, edges), 1, points.freq_hz.size - 1)
    off = np.minimum(np.abs(points.freq_hz[near] - edges), np.abs(points.freq_hz[near - 1] - edges))
    return float(np.mean(off <= 0.75 * cell))
