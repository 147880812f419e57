"""Spectra of every frame of a stream, pooled over short intervals, for a display.

Frames last about 0.2 ms and overlap by half, and none is left out: the peak of an
interval shows a burst of 54 µs that one spectrum now and then would miss, and that a
mean over 30 ms would bury.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdr_detect.dsp.lane_fft import LaneFFT
from sdr_detect.model import ComplexArray, FloatArray, IQBlock, StreamInfo

FRAME_S = 2e-4
MIN_BINS, MAX_BINS = 256, 4096

#: Frames transformed together; the batch stays in the L2 cache.
_BATCH_VALUES = 1 << 15

#: How often noise alone may cross the threshold: once in so many rows.
ROWS_PER_FALSE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Peak and mean over the frames of an interval: (bins,) float32, linear.

    ``strongest`` is the sum over the bins of the frame that has most.
    """

    info: StreamInfo
    first_sample: int
    stop_sample: int
    frames: int
    peak: FloatArray
    mean: FloatArray
    strongest: float


def bins_for(sample_rate_hz: float) -> int:
    """Length of a frame at a sample rate: a power of two."""
    wanted = 1 << max(round(math.log2(FRAME_S * sample_rate_hz)), 0)
    return min(MAX_BINS, max(MIN_BINS, wanted))


def threshold_db(frames: int, bins: int) -> float:
    """How far above the mean the peak of noise rises in one row of `ROWS_PER_FALSE`.

    The power of a bin of noise is exponential; the largest of ``frames * bins``
    exceeds t times the mean with the probability 1 - (1 - exp(-t))^(frames * bins).
    """
    per_value = -math.expm1(math.log1p(-1 / ROWS_PER_FALSE) / (frames * bins))
    return 10 * math.log10(-math.log(per_value))


class RowMeter:
    """Pools spectra until a row is taken."""

    def __init__(self, info: StreamInfo) -> None:
        self.info = info
        self.bins = bins_for(info.sample_rate_hz)
        window = np.hanning(self.bins + 1)[:-1]
        #: Mean power of a bin in white noise of unit power.
        self.noise_gain = float(np.sum(window**2) / np.sum(window) ** 2)
        #: Noise bandwidth of a bin.
        self.rbw_hz = self.noise_gain * info.sample_rate_hz
        self._fft = LaneFFT((window / window.sum()).astype(np.float32))
        batch = max(1, _BATCH_VALUES // self.bins)
        self._power: FloatArray = np.empty((batch, self.bins), np.float32)
        self._tail: ComplexArray = np.zeros(0, np.complex64)
        self._next_sample = 0
        self._clear()

    def _clear(self) -> None:
        self._first: int | None = None
        self._frames = 0
        self._peak: FloatArray = np.zeros(self.bins, np.float32)
        self._sum = np.zeros(self.bins)
        self._strongest = 0.0

    @property
    def pooled_s(self) -> float:
        """Time since the last row."""
        return self._frames * self.bins / 2 / self.info.sample_rate_hz

    def take(self, block: IQBlock) -> None:
        """Add one block of the same tuning; what follows a loss starts anew."""
        if block.first_sample != self._next_sample:
            self._tail = self._tail[:0]
        samples = np.concatenate((self._tail, block.samples)) if len(self._tail) else block.samples
        start = block.first_sample - len(self._tail)
        hop = self.bins // 2
        frames = max(0, (len(samples) - self.bins) // hop + 1)
        if frames and self._first is None:
            self._first = start
        for first in range(0, frames, len(self._power)):
            self._add(samples, first * hop, min(len(self._power), frames - first))
        self._tail = samples[frames * hop :].copy()
        self._next_sample = block.stop_sample

    def _add(self, samples: ComplexArray, first: int, count: int) -> None:
        power = self._power[:count]
        self._fft.frames(samples, first, self.bins // 2, power)
        bad = ~np.isfinite(power[:, 0])  # one bad sample spoils every bin alike
        if bad.any():
            power[bad] = 0
        np.maximum(self._peak, power.max(axis=0), out=self._peak)
        self._sum += power.sum(axis=0)
        self._strongest = max(self._strongest, float(power.sum(axis=1).max()))
        self._frames += count

    def row(self) -> Pooled | None:
        """What was pooled since the last one; None if nothing was."""
        if self._first is None:
            return None
        stop = self._next_sample - len(self._tail) + self.bins // 2
        mean = (self._sum / self._frames).astype(np.float32)
        pooled = Pooled(
            self.info, self._first, stop, self._frames, self._peak, mean, self._strongest
        )
        self._clear()
        return pooled

    def reference(self, floor: FloatArray) -> FloatArray:
        """A noise reference per bin of another length, in the scale of these spectra."""
        step = np.arange(len(floor)) - len(floor) // 2
        at = (np.arange(self.bins) - self.bins // 2) * (len(floor) / self.bins)
        scaled: FloatArray = (np.interp(at, step, floor) * self.noise_gain).astype(np.float32)
        return scaled
