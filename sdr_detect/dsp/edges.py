"""Start and end of a burst, finer than a frame.

The change point of a step in the mean is where the running sum of
(power - midway level) turns: the maximum-likelihood estimate for a step of
known height. It is sought in the burst's own band, so that a carrier elsewhere
in the slice does not blur it; first among fine cells, then among the samples
around the best of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.occupancy import occupied
from sdr_detect.dsp.stft import QUIET_DOUBT, Dwell
from sdr_detect.model import ComplexArray, FloatArray

#: Frames looked at outside the region.
OUTSIDE_FRAMES = 4

#: Frames looked at inside it: a weak burst is only seen by a test 32 frames
#: long, which may stick out by as much; a strong one by a single frame.
INSIDE_WEAK = 36
INSIDE_STRONG = 3

#: Fine cells to either side of the best one whose samples are looked at.
NEAR_CELLS = 2

#: A bin of the noise reference this far above the median is a carrier.
CARRIER_RATIO = 8.0


class Extent(NamedTuple):
    """Where a burst may lie.

    Parameters
    ----------
    first, last : int
        Frames of the region, half-open.
    strong : bool
        Whether single frames stand out at the region's ends.
    bins : (nfft,) bool
        Bins that may belong to it.
    """

    first: int
    last: int
    strong: bool
    bins: NDArray[np.bool_]


def burst_edges(dwell: Dwell, extents: Sequence[Extent]) -> list[tuple[int, int]]:
    """First sample of each burst and the one after its last, relative to the dwell."""
    windows = [_windows(dwell.layout, extent) for extent in extents]
    powers = iter(_excesses(dwell, [window for both in windows for window in both]))
    found = []
    for both in windows:
        power = next(powers)
        trend = power.trend()
        if len(both) == 1:
            lowest = np.minimum.accumulate(trend)
            top = int(np.argmax(trend - lowest))
            start, stop = power.lowest(int(np.argmin(trend[: top + 1]))), power.highest(top)
        else:
            start = power.lowest(int(np.argmin(trend)))
            power = next(powers)
            stop = power.highest(int(np.argmax(power.trend())))
        found.append((start, max(start + 1, stop)))
    return found


class _Window(NamedTuple):
    """Samples [first, last) to look at; band and level are those within the frames."""

    first: int
    last: int
    frames: tuple[int, int]
    bins: NDArray[np.bool_]


def _windows(layout: Layout, extent: Extent) -> list[_Window]:
    """One around a short burst, one around each end of a longer one."""
    first, last, strong, bins = extent
    inside = INSIDE_STRONG if strong else INSIDE_WEAK
    # A frame marks its start; its energy sits around its middle.
    begin, end = first * layout.hop, last * layout.hop + layout.hop
    around = OUTSIDE_FRAMES * layout.hop
    if last - first <= 2 * inside:
        return [_Window(begin - around, end + around, (first, last), bins)]
    reach = inside * layout.hop
    return [
        _Window(begin - around, begin + reach, (first, first + inside), bins),
        _Window(end - reach, end + around, (last - inside, last), bins),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Excess:
    """Power of samples from ``first`` on, in cells, and the midway level.

    ``power`` is (cells, samples of a cell).
    """

    first: int
    power: NDArray[np.float64]
    level: float

    def trend(self) -> NDArray[np.float64]:
        """Running sum of the excess of cells: (cells + 1,)."""
        trend: NDArray[np.float64] = _trend(self.power, self.level)
        return trend

    def lowest(self, cell: int) -> int:
        """Sample near the start of a cell where the running sum is least."""
        return self.first + int(_highest(self.power, self.level, cell, -1.0))

    def highest(self, cell: int) -> int:
        """Sample near the start of a cell where the running sum is greatest."""
        return self.first + int(_highest(self.power, self.level, cell, 1.0))


@njit(cache=True, nogil=True)
def _trend(power: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    trend = np.zeros(len(power) + 1)
    for cell in range(len(power)):
        trend[cell + 1] = trend[cell] + (power[cell].mean() - level)
    return trend


@njit(cache=True, nogil=True)
def _highest(power: NDArray[np.float64], level: float, cell: int, sign: float) -> int:
    """Sample around the start of ``cell`` where ``sign`` times the running sum is greatest."""
    low, high = max(0, cell - NEAR_CELLS), min(len(power), cell + NEAR_CELLS)
    at: int = low * power.shape[1]
    sample = at
    total = best = 0.0
    for row in power[low:high]:
        for k in range(row.size):
            total += sign * (row[k] - level)
            sample += 1
            if total > best:
                best, at = total, sample
    return at


def _excesses(dwell: Dwell, windows: list[_Window]) -> list[_Excess]:
    """Power of whole fine cells, and the level midway between noise and burst.

    Band and level are those of the burst within its frames: a keyed or shaped
    burst need not start as strong as it is on average.
    """
    layout = dwell.layout
    fine = layout.fine
    floor = dwell.floor.astype(np.float64)
    quiet = np.minimum(floor, dwell.floor_level * CARRIER_RATIO)
    samples, bands, levels = [], [], []
    for first, last, frames, bins in windows:
        excess = np.where(bins, mean_power(dwell.power, *frames) - floor, 0)
        low, high = occupied(excess, floor, frames[1] - frames[0], bins, QUIET_DOUBT)
        inside = slice(low, high + 1)
        noise = float(quiet[inside].sum()) / layout.nfft
        signal = max(float(excess[inside].sum()) / layout.nfft, 0.1 * noise)
        start, stop = max(0, first // fine), min(dwell.iq.size, last) // fine
        samples.append(slice(start * fine, stop * fine))
        bands.append((low, high))
        levels.append(noise + signal / 2)
    powers = _band_powers(dwell, samples, bands)
    return [
        _Excess(part.start, power.reshape(-1, fine), level)
        for part, power, level in zip(samples, powers, levels, strict=True)
    ]


def _band_powers(
    dwell: Dwell, parts: list[slice], bands: list[tuple[int, int]]
) -> list[NDArray[np.float64]]:
    """Power of each sample within the band; parts of one length are filtered at once."""
    samples = [dwell.iq[part] for part in parts]
    alike: dict[int, list[tuple[int, FloatArray]]] = {}
    for k, band in enumerate(bands):
        weight = _weight(dwell, *band)
        if weight is not None:
            alike.setdefault(samples[k].size, []).append((k, weight))
    for size, members in alike.items():
        nearest = _nearest_bins(size, dwell.layout.nfft)
        spectra = scipy.fft.fft(np.stack([samples[k] for k, _ in members]), overwrite_x=True)
        for spectrum, (_, weight) in zip(spectra, members, strict=True):
            spectrum *= weight[nearest]
        filtered = scipy.fft.ifft(spectra, overwrite_x=True)
        for (k, _), row in zip(members, filtered, strict=True):
            samples[k] = row
    return [_squares(part) for part in samples]


def _weight(dwell: Dwell, low: int, high: int) -> FloatArray | None:
    """Gain of each bin; None where nothing need be filtered out."""
    layout = dwell.layout
    floor = dwell.floor[low : high + 1]
    narrow = high - low + 1 < layout.used_bins * 0.9
    middle = max(dwell.floor_level, 1e-30)
    if not (narrow or floor.max() > CARRIER_RATIO * middle):
        return None
    weight = np.zeros(layout.nfft, np.float32)
    # Whitened, so that a steady carrier within the band does not drown the edge.
    weight[low : high + 1] = np.sqrt(middle / np.maximum(floor, middle))
    return weight


@lru_cache(maxsize=64)
def _nearest_bins(size: int, nfft: int) -> NDArray[np.int64]:
    """For each frequency of a transform of ``size`` the nearest of ``nfft`` ascending ones."""
    bins = scipy.fft.fftfreq(size) * nfft + nfft // 2
    nearest: NDArray[np.int64] = np.clip(np.rint(bins), 0, nfft - 1).astype(np.int64)
    nearest.flags.writeable = False
    return nearest


@njit(cache=True, nogil=True)
def _squares(samples: ComplexArray) -> NDArray[np.float64]:
    """|x|² in double precision."""
    power = np.empty(samples.size)
    for k in range(samples.size):
        re, im = np.float64(samples[k].real), np.float64(samples[k].imag)
        power[k] = re * re + im * im
    return power


@njit(cache=True, nogil=True)
def mean_power(power: FloatArray, first: int, last: int) -> NDArray[np.float64]:
    """Mean over the frames [first, last) of (frames, nfft) powers, in double precision."""
    mean = np.zeros(power.shape[1])
    for row in power[first:last]:
        for k in range(row.size):
            mean[k] += row[k]
    mean /= last - first
    return mean


@njit(cache=True, nogil=True)
def equivalent_width(power: FloatArray, level: float) -> float:
    """(Σp)²/Σp² of what lies above ``level``, in values; 0 where nothing does."""
    total = squares = 0.0
    for value in power:
        above = max(np.float64(value) - level, 0.0)
        total += above
        squares += above * above
    return total * total / squares if squares > 0 else 0.0
