"""Mean spectra of quiet time: all frames without a burst or fault.

Half-overlapped Hann frames keep nearly all of the information that a stretch
holds about its mean power (Welch 1967); single frames lose half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.cfar import WelchFreedom
from sdr_detect.dsp.lane_fft import LaneFFT
from sdr_detect.dsp.stft import Dwell
from sdr_detect.model import ComplexArray, FloatArray

#: A dwell with less quiet time than so many frames says nothing about its mean.
LEAST_FRAMES = 24

#: Above this rate frames do not overlap: a transform for every sample is 5 % of
#: a core at 20 Msps, two are 10 %. It costs 1.4 dB.
OVERLAP_MAX_HZ = 10.5e6

#: Parts of a dwell that are averaged apart: what comes and goes within 25 ms is
#: a burst, and the burst detector's.
BLOCKS = 4

#: Frames of the latest dwell kept one by one, for the steadiness of a carrier.
KEPT_FRAMES = 64

#: Blocks of a window kept apart; beyond them only the sum goes on.
MAX_BLOCKS = 128


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Mean power (nfft,) of ``frames`` frames around ``time_s``."""

    time_s: float
    frames: int
    power: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One bin's complex values, frame by frame, at the times of the frames' centres.

    A tone's phase at a frame's centre is the phase of its bin there, whichever
    bin that is: Hann frames are symmetric.
    """

    times_s: NDArray[np.float64]
    values: ComplexArray


class QuietAverage:
    """Sums of a window: power over all frames, over blocks of them, and the latest frames."""

    def __init__(self, sample_rate_hz: float, resolution_hz: float) -> None:
        self._rate = sample_rate_hz
        self.nfft = 1 << int(np.clip(round(np.log2(sample_rate_hz / resolution_hz)), 8, 12))
        self._hop = self.nfft // 2 if sample_rate_hz <= OVERLAP_MAX_HZ else self.nfft
        window = np.hanning(self.nfft + 1)[:-1]
        self._window = (window / np.sqrt(np.sum(window**2))).astype(np.float32)
        self.freedom = WelchFreedom(window, self._hop)
        self._fft = LaneFFT(self._window)
        self._sum = np.zeros(self.nfft)
        self.frames = 0
        self.blocks: list[Block] = []
        self.latest: FloatArray = np.empty((0, self.nfft), np.float32)

    @property
    def step_hz(self) -> float:
        """Distance of two bins."""
        return self._rate / self.nfft

    @property
    def level(self) -> NDArray[np.float64]:
        """(nfft,) mean power so far, ascending frequency."""
        return self._sum / max(1, self.frames)

    def reset(self) -> None:
        """Begin another window."""
        self._sum[:] = 0
        self.frames = 0
        self.blocks = []

    def add(self, dwell: Dwell, bins: Sequence[int] = ()) -> list[Series] | None:
        """Add a dwell's quiet frames; None if there are too few.

        Returns the complex values of ``bins`` on the way.
        """
        quiet = self._quiet_frames(dwell)
        if quiet.size < LEAST_FRAMES:
            return None
        starts = quiet * self._hop
        chosen = np.unique(np.linspace(0, quiet.size - 1, KEPT_FRAMES).astype(int))
        self.latest = np.empty((chosen.size, self.nfft), np.float32)
        self._fft.picked(dwell.iq, starts[chosen], self.latest)
        part = np.minimum(starts * BLOCKS // dwell.layout.dwell_samples, BLOCKS - 1)
        waves = self._fft.waves(bins)
        values = np.empty((quiet.size, len(bins)), np.complex64)
        for block in range(BLOCKS):
            inside = part == block
            total = np.zeros(self.nfft)
            values[inside] = self._fft.add(dwell.iq, starts[inside], total, waves)
            self._close(dwell, quiet[inside], total)
        centres = dwell.first_sample + starts.astype(np.float64) + self.nfft / 2
        times_s: NDArray[np.float64] = centres / self._rate
        return [Series(times_s, values[:, k]) for k in range(len(bins))]

    def _close(self, dwell: Dwell, quiet: NDArray[np.int64], total: NDArray[np.float64]) -> None:
        if not quiet.size:
            return
        self._sum += total
        self.frames += quiet.size
        if len(self.blocks) < MAX_BLOCKS:
            middle = dwell.first_sample + float(quiet.mean()) * self._hop + self.nfft / 2
            mean = (total / quiet.size).astype(np.float32)
            self.blocks.append(Block(middle / self._rate, quiet.size, mean))

    def _quiet_frames(self, dwell: Dwell) -> NDArray[np.int64]:
        """Numbers of the frames that touch neither a burst nor a fault."""
        hop = dwell.layout.hop
        bad = np.concatenate(([0], np.cumsum(~dwell.frame_ok | dwell.active)))
        # The last of the dwell's own frames that starts inside reaches one hop further.
        need = max(1, self.nfft // hop - 1)
        count = max(0, (dwell.layout.frames - need) * hop // self._hop + 1)
        first = np.arange(count) * self._hop // hop
        first = first[first + need < bad.size]
        quiet: NDArray[np.int64] = np.flatnonzero(bad[first + need] == bad[first])
        return quiet
