"""Start and end of a burst, finer than a frame.

The change point of a step in the mean is where the running sum of
(power - midway level) turns: the maximum-likelihood estimate for a step of
known height. It is sought in the burst's own band, so that a carrier elsewhere
in the slice does not blur it; first among fine cells, then among the samples
around the best of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

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


def burst_edges(
    dwell: Dwell,
    first: int,
    last: int,
    bins: NDArray[np.bool_],
    *,
    strong: bool,
) -> tuple[int, int]:
    """First sample of a burst and the one after its last, relative to the dwell.

    Parameters
    ----------
    first, last : int
        Frames of the region, half-open.
    bins : (nfft,) bool
        Bins that may belong to it.
    strong : bool
        Whether single frames stand out at the region's ends.
    """
    layout = dwell.layout
    inside = INSIDE_STRONG if strong else INSIDE_WEAK
    # A frame marks its start; its energy sits around its middle.
    begin, end = first * layout.hop, last * layout.hop + layout.hop
    around = OUTSIDE_FRAMES * layout.hop
    if last - first <= 2 * inside:
        power = _excess(dwell, begin - around, end + around, (first, last), bins)
        trend = power.trend()
        lowest = np.minimum.accumulate(trend)
        stop = int(np.argmax(trend - lowest))
        start = power.lowest(int(np.argmin(trend[: stop + 1])))
        return start, max(start + 1, power.highest(stop))
    reach = inside * layout.hop
    power = _excess(dwell, begin - around, begin + reach, (first, first + inside), bins)
    start = power.lowest(int(np.argmin(power.trend())))
    power = _excess(dwell, end - reach, end + around, (last - inside, last), bins)
    return start, max(start + 1, power.highest(int(np.argmax(power.trend()))))


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


def _excess(
    dwell: Dwell, first: int, last: int, frames: tuple[int, int], bins: NDArray[np.bool_]
) -> _Excess:
    """Power of whole fine cells, and the level midway between noise and burst.

    Band and level are those of the burst within ``frames``: a keyed or shaped
    burst need not start as strong as it is on average.
    """
    layout = dwell.layout
    fine = layout.fine
    first = max(0, first // fine * fine)
    last = min(dwell.iq.size, last) // fine * fine
    floor = dwell.floor.astype(np.float64)
    excess = np.where(bins, mean_power(dwell.power, *frames) - floor, 0)
    band = occupied(excess, floor, frames[1] - frames[0], bins, QUIET_DOUBT)
    inside = slice(band[0], band[1] + 1)
    level = np.minimum(floor[inside], dwell.floor_level * CARRIER_RATIO)
    noise = float(level.sum()) / layout.nfft
    signal = max(float(excess[inside].sum()) / layout.nfft, 0.1 * noise)
    power = _band_power(dwell, first, last, band)
    return _Excess(first, power.reshape(-1, fine), noise + signal / 2)


def _band_power(dwell: Dwell, first: int, last: int, band: tuple[int, int]) -> NDArray[np.float64]:
    """Power of each sample within the band."""
    layout = dwell.layout
    samples = dwell.iq[first:last]
    low, high = band
    floor = dwell.floor[low : high + 1]
    narrow = high - low + 1 < layout.used_bins * 0.9
    middle = max(dwell.floor_level, 1e-30)
    if narrow or floor.max() > CARRIER_RATIO * middle:
        weight = np.zeros(layout.nfft, np.float32)
        # Whitened, so that a steady carrier within the band does not drown the edge.
        weight[low : high + 1] = np.sqrt(middle / np.maximum(floor, middle))
        spectrum = scipy.fft.fft(samples)
        spectrum *= weight[_nearest_bins(samples.size, layout.nfft)]
        samples = scipy.fft.ifft(spectrum, overwrite_x=True)
    return _squares(samples)


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
