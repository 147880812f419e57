"""Start and end of a burst, finer than a frame.

The change point of a step in the mean is where the running sum of
(power - midway level) turns: the maximum-likelihood estimate for a step of
known height. It is sought in the burst's own band, so that a carrier elsewhere
in the slice does not blur it.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdr_detect.dsp.occupancy import occupied
from sdr_detect.dsp.stft import Dwell

#: Frames looked at outside the region.
OUTSIDE_FRAMES = 4

#: Frames looked at inside it: a weak burst is only seen by a test 32 frames
#: long, which may stick out by as much; a strong one by a single frame.
INSIDE_WEAK = 36
INSIDE_STRONG = 3

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
        at, trend = _trend(dwell, begin - around, end + around, (first, last), bins)
        lowest = np.minimum.accumulate(trend)
        stop = int(np.argmax(trend - lowest))
        start = int(np.argmin(trend[: stop + 1]))
        return at + start * layout.fine, at + max(stop, start + 1) * layout.fine
    reach = inside * layout.hop
    at, trend = _trend(dwell, begin - around, begin + reach, (first, first + inside), bins)
    start = at + int(np.argmin(trend)) * layout.fine
    at, trend = _trend(dwell, end - reach, end + around, (last - inside, last), bins)
    return start, max(start + layout.fine, at + int(np.argmax(trend)) * layout.fine)


def _trend(
    dwell: Dwell, first: int, last: int, frames: tuple[int, int], bins: NDArray[np.bool_]
) -> tuple[int, NDArray[np.float64]]:
    """Running sum of power above the midway level, and the sample it starts at.

    Band and level are those of the burst within ``frames``: a keyed or shaped
    burst need not start as strong as it is on average.
    """
    layout = dwell.layout
    fine = layout.fine
    first = max(0, first // fine * fine)
    last = min(dwell.iq.size, last) // fine * fine
    floor = dwell.floor.astype(np.float64)
    rows = dwell.power[frames[0] : frames[1]]
    excess = np.where(bins, rows.mean(axis=0, dtype=np.float64) - floor, 0)
    band = occupied(excess, floor, frames[1] - frames[0], bins)
    inside = slice(band[0], band[1] + 1)
    level = np.minimum(floor[inside], dwell.floor_level * CARRIER_RATIO)
    noise = float(level.sum()) / layout.nfft
    signal = max(float(excess[inside].sum()) / layout.nfft, 0.1 * noise)
    power = _band_power(dwell, first, last, band)
    return first, np.concatenate(([0.0], np.cumsum(power - (noise + signal / 2))))


def _band_power(dwell: Dwell, first: int, last: int, band: tuple[int, int]) -> NDArray[np.float64]:
    """Mean power of fine cells within the band."""
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
        bins = scipy.fft.fftfreq(samples.size) * layout.nfft + layout.nfft // 2
        nearest = np.clip(np.rint(bins), 0, layout.nfft - 1).astype(np.int64)
        samples = scipy.fft.ifft(scipy.fft.fft(samples) * weight[nearest])
    power = samples.real.astype(np.float64) ** 2 + samples.imag.astype(np.float64) ** 2
    mean: NDArray[np.float64] = power.reshape(-1, layout.fine).mean(axis=1)
    return mean
