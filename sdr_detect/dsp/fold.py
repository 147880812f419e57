"""Folding: frames of many periods summed by their phase in the period.

What repeats with the period adds up at one phase, noise spreads over all. A
phase bin is one hop wide, so a frame falls into exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.runs import runs
from sdr_detect.model import FloatArray

#: Frame of the Starlink air interface, 1/750 s (Humphreys et al. 2022 for the
#: downlink; bursts of the uplink come multiples of it apart, Stock et al. 2023).
FRAME_RATE_HZ = 750.0

#: Rates at which nothing known repeats, relative to the frame rate: none is
#: close to a ratio of small whole numbers, and all stay clear of mains harmonics.
CONTROLS = tuple(
    round(0.9137 + 0.0071 * k + 0.0013 * (k % 3), 5) for k in range(24) if k not in (11, 12, 13)
)

#: Rates whose trains also pile up when folded at the frame rate, relative to it,
#: and the deviation there, relative to that at the frame rate, from which they
#: explain an emission. A 1 kHz radar or the subframes of LTE (4/3) fill four
#: phases of the frame; 4/15, 2/15 and 1/15 are the 5, 10 and 20 ms of LTE and NR,
#: 13/45 is the TDMA frame of GSM, 26 of which last 120 ms.
#: Other whole fractions are a terminal's own: bursts ten frames apart do 1.8
#: times as well at 1/15, synchronisation blocks every 20 ms 3.9 times.
COMPETITORS = {
    **dict.fromkeys((2.0, 3.0, 4.0, 5.0, 3 / 2, 5 / 2, 4 / 3, 5 / 3, 8 / 3, 5 / 4, 6 / 5), 0.95),
    **dict.fromkeys((2 / 3, 3 / 4, 4 / 5, 2 / 5, 3 / 5, 2 / 15, 4 / 15, 13 / 45), 0.95),
    1 / 15: 2.5,
}


#: Periods whose frames are added at a time: so many spectra stay in the cache.
PERIODS = 4

#: Frames of one phase that are added at once.
TOGETHER = 4

# Sums may be taken in any order, but NaN must stay NaN.
_FAST = {"reassoc", "nsz", "contract"}


@dataclass(frozen=True, slots=True, eq=False)
class FoldPlan:
    """Several rates to fold a stream of frames at, all in one pass.

    Parameters
    ----------
    periods : (rates,) float64
        In samples.
    offsets : (rates + 1,) int64
        Where the bins of each rate begin in the concatenated profile.
    hop : int
        Samples from one frame to the next.
    """

    periods: NDArray[np.float64]
    offsets: NDArray[np.int64]
    hop: int

    @property
    def bins(self) -> NDArray[np.int64]:
        """Phase bins of each rate."""
        return np.diff(self.offsets)

    @property
    def size(self) -> int:
        """Bins of all rates."""
        return int(self.offsets[-1])

    def phases(self, first_sample: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Phase of the frame at a sample, and from one frame to the next, at each rate, in bins."""
        bins = self.bins.astype(np.float64)
        return np.mod(first_sample / self.periods, 1.0) * bins, bins * self.hop / self.periods

    def fold(
        self, first_sample: int, values: FloatArray, ok: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """Sum ``values`` by phase.

        Parameters
        ----------
        first_sample : int
            Start of the first frame; phases are absolute, so that dwells add up.
        values : (frames, columns) float32
        ok : (frames,) bool
            Frames that count.

        Returns
        -------
        sums : (size, columns) float32
        counts : (size,) float32
        """
        sums = np.zeros((self.size, values.shape[1]), np.float32)
        counts = np.zeros(self.size, np.float32)
        phases, steps = self.phases(first_sample)
        values = np.ascontiguousarray(values)
        fold_frames(values, runs(ok), phases, steps, self.offsets, sums, counts)
        return sums, counts


def make_plan(layout: Layout, ratios: tuple[float, ...]) -> FoldPlan:
    """Fold at ``ratios`` times the frame rate, phase bins one hop wide."""
    periods = layout.sample_rate_hz / (FRAME_RATE_HZ * np.asarray(ratios, np.float64))
    bins = np.maximum(4, np.rint(periods / layout.hop)).astype(np.int64)
    return FoldPlan(periods, np.concatenate(([0], np.cumsum(bins))), layout.hop)


@njit(cache=True, nogil=True)
def _together(phase: float, step: float, bins: int, most: int) -> tuple[int, int]:
    """Bin of a frame, and how many frames from it on fall into one bin after the other."""
    k = min(int(phase), bins - 1)
    count = min(most, bins - k)
    # Frames until the phase has gained or lost a bin on them.
    rest = phase - k
    if step > 1:
        count = min(count, int(np.ceil((1 - rest) / (step - 1))))
    elif step < 1:
        count = min(count, int(rest / (1 - step)) + 1)
    return k, max(count, 1)


@njit(cache=True, nogil=True)
def fold_frames(
    values: FloatArray,
    stretches: NDArray[np.int64],
    phases: NDArray[np.float64],
    steps: NDArray[np.float64],
    offsets: NDArray[np.int64],
    sums: FloatArray,
    counts: FloatArray,
) -> None:
    """Add each frame to the bin of its phase, for every rate. Phases are in bins.

    A frame is about a bin long: for most of a period the next frame falls into
    the next bin, and runs of both are added up at once.

    Parameters
    ----------
    values : (frames, columns) float32, contiguous
    stretches : (n, 2) int64
        First and end of the runs of frames that count.
    phases, steps : (rates,) float64
        Phase of frame 0, and from one frame to the next.
    offsets : (rates + 1,) int64
    sums : (size, columns) float32, contiguous
        Added to, as is ``counts``, (size,) float32.
    """
    columns = values.shape[1]
    source, target = values.reshape(-1), sums.reshape(-1)
    for r in range(phases.size):
        first, bins, step = offsets[r], offsets[r + 1] - offsets[r], steps[r]
        for s in range(stretches.shape[0]):
            f, stop = stretches[s]
            phase = (phases[r] + f * step) % bins
            while f < stop:
                k, count = _together(phase, step, bins, stop - f)
                number = counts[first + k : first + k + count]
                for c in range(count):
                    number[c] += np.float32(1)
                part = source[f * columns : (f + count) * columns]
                sum_ = target[(first + k) * columns : (first + k + count) * columns]
                for c in range(part.size):
                    sum_[c] += part[c]
                f += count
                phase = (phase + count * step) % bins


@njit(cache=True, nogil=True)
def shifted_sum(parts: FloatArray, shifts: NDArray[np.int64]) -> FloatArray:
    """Sum of profiles, each turned back by its shift: (bins, columns) float32.

    Parameters
    ----------
    parts : (profiles, bins, columns) float32, contiguous
    shifts : (profiles,) int64
        In bins, around the period.
    """
    count, bins, columns = parts.shape
    total = np.zeros(bins * columns, np.float32)
    for p in range(count):
        part = parts[p].reshape(-1)
        ahead = shifts[p] % bins * columns
        head, tail = part[ahead:], part[:ahead]
        for k in range(head.size):
            total[k] += head[k]
        rest = total[head.size :]
        for k in range(tail.size):
            rest[k] += tail[k]
    return total.reshape(bins, columns)


@njit(cache=True, nogil=True)
def central_moments(values: FloatArray, ok: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Second and third central moment of each column, (2, columns), over the rows ``ok``."""
    rows, columns = values.shape
    count = max(1, int(np.count_nonzero(ok)))
    mean = np.zeros(columns)
    for f in range(rows):
        if ok[f]:
            for c in range(columns):
                mean[c] += values[f, c]
    mean /= count
    found = np.zeros((2, columns))
    for f in range(rows):
        if ok[f]:
            for c in range(columns):
                off = values[f, c] - mean[c]
                found[0, c] += off * off
                found[1, c] += off * off * off
    found /= count
    return found


@njit(cache=True, nogil=True)
def fold_spectra(
    power: FloatArray,
    white: FloatArray,
    weight: FloatArray,
    least: float,
    stretches: NDArray[np.int64],
    phase: float,
    step: float,
    sums: FloatArray,
    scalars: FloatArray,
) -> None:
    """Add each frame's spectrum, over its own power, to the bin of its phase; and weighted.

    Parameters
    ----------
    power : (frames, nfft) float32
    white : (nfft,) float32
        What each bin is multiplied by; the sum is the frame's power.
    weight : (frames,) float32
    least : float
        A frame's power is taken to be no less.
    stretches : (n, 2) int64
        First and end of the runs of frames that count.
    phase, step : float
        Phase of frame 0, and from one frame to the next, in bins.
    sums : (bins, 2, nfft) float32
        Added to: whitened spectra over their power, as they are and weighted.
    scalars : (bins, 2, 3) float32
        Added to, likewise: the weight, its square, and weighted the share of
        the power above one.
    """
    bins, frames = sums.shape[0], power.shape[0]
    places = _places(frames, stretches, phase, step, bins)
    share, order = np.empty(frames, np.float32), np.empty(PERIODS * bins, np.int64)
    rows = np.empty(TOGETHER, np.int64)
    plain, weighted = np.empty(TOGETHER, np.float32), np.empty(TOGETHER, np.float32)
    for first in range(0, frames, order.size):
        last = min(first + order.size, frames)
        _shares(power, white, np.float32(least), places, first, last, share)
        edges = _by_place(places[first:last], bins, order)
        for k in range(bins):
            for at in range(edges[k], edges[k + 1], TOGETHER):
                for n in range(TOGETHER):
                    member = at + n < edges[k + 1]
                    # What is added besides has no weight.
                    rows[n] = first + order[at + n] if member else rows[n - 1]
                    plain[n] = share[rows[n]] if member else np.float32(0)
                    weighted[n] = weight[rows[n]] * plain[n]
                _add_rows(power, rows, plain, weighted, white, sums[k, 0], sums[k, 1])
    _add_scalars(places, weight, share, scalars)


@njit(cache=True, nogil=True)
def _places(
    frames: int, stretches: NDArray[np.int64], phase: float, step: float, bins: int
) -> NDArray[np.int64]:
    """Bin of each frame; -1 where it does not count."""
    places = np.full(frames, -1, np.int64)
    for s in range(stretches.shape[0]):
        f, stop = stretches[s]
        at = (phase + f * step) % bins
        while f < stop:
            k, run = _together(at, step, bins, stop - f)
            for n in range(run):
                places[f + n] = k + n
            f += run
            at = (at + run * step) % bins
    return places


@njit(cache=True, nogil=True)
def _by_place(places: NDArray[np.int64], bins: int, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames in the ``order`` of their bins, overwritten; where each bin's begin: (bins + 1,)."""
    edges = np.zeros(bins + 2, np.int64)
    for place in places:
        if place >= 0:
            edges[place + 2] += 1
    for k in range(bins):
        edges[k + 2] += edges[k + 1]
    for f in range(places.size):
        if places[f] >= 0:
            order[edges[places[f] + 1]] = f
            edges[places[f] + 1] += 1
    return edges[:-1]


@njit(cache=True, nogil=True, fastmath=_FAST)
def _shares(
    power: FloatArray,
    white: FloatArray,
    least: Any,
    places: NDArray[np.int64],
    first: int,
    last: int,
    share: FloatArray,
) -> None:
    """One over the whitened power of the frames [first, last) that count."""
    for f in range(first, last):
        if places[f] >= 0:
            row, total = power[f], np.float32(0)
            for c in range(white.size):
                total += row[c] * white[c]
            share[f] = np.float32(1) / max(total, least)


@njit(cache=True, nogil=True)
def _add_scalars(
    places: NDArray[np.int64], weight: FloatArray, share: FloatArray, scalars: FloatArray
) -> None:
    for f in range(places.size):
        k = places[f]
        if k >= 0:
            over = np.float32(1) - share[f]
            scalars[k, 0, 0] += np.float32(1)
            scalars[k, 0, 1] += np.float32(1)
            scalars[k, 0, 2] += over
            scalars[k, 1, 0] += weight[f]
            scalars[k, 1, 1] += weight[f] * weight[f]
            scalars[k, 1, 2] += weight[f] * over


@njit(cache=True, nogil=True, fastmath=_FAST)
def _add_rows(
    power: FloatArray,
    rows: NDArray[np.int64],
    plain: FloatArray,
    weighted: FloatArray,
    white: FloatArray,
    sums: FloatArray,
    weighted_sums: FloatArray,
) -> None:
    """Add `TOGETHER` frames to both sums, each with its weights."""
    one, two, three, four = power[rows[0]], power[rows[1]], power[rows[2]], power[rows[3]]
    p, q, r, s = plain
    t, u, v, w = weighted
    for c in range(white.size):
        sums[c] += white[c] * (p * one[c] + q * two[c] + r * three[c] + s * four[c])
        weighted_sums[c] += white[c] * (t * one[c] + u * two[c] + v * three[c] + w * four[c])
