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

#: Above this rate frames do not overlap: two transforms for every sample would be
#: 2 % of a core more at 20 Msps, a tenth of all work. It costs 1.4 dB.
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


@dataclass(frozen=True, slots=True, eq=False)
class QuietDwell:
    """What one dwell adds: where its quiet frames start, sums over blocks, some frames' power.

    ``values``, (frames, bins), are those of the ``bins`` that were asked for.
    """

    starts: NDArray[np.int64]
    bins: tuple[int, ...]
    values: ComplexArray
    sums: tuple[NDArray[np.float64], ...]
    blocks: tuple[Block, ...]
    latest: FloatArray


class QuietFrames:
    """Spectra of the quiet frames of single dwells. Nothing is kept between two of them."""

    def __init__(self, sample_rate_hz: float, resolution_hz: float) -> None:
        self._rate = sample_rate_hz
        self.nfft = 1 << int(np.clip(round(np.log2(sample_rate_hz / resolution_hz)), 8, 12))
        self._hop = self.nfft // 2 if sample_rate_hz <= OVERLAP_MAX_HZ else self.nfft
        window = np.hanning(self.nfft + 1)[:-1]
        self.freedom = WelchFreedom(window, self._hop)
        self._fft = LaneFFT((window / np.sqrt(np.sum(window**2))).astype(np.float32))

    @property
    def step_hz(self) -> float:
        """Distance of two bins."""
        return self._rate / self.nfft

    def of(self, dwell: Dwell, bins: tuple[int, ...] = ()) -> QuietDwell | None:
        """Spectra of a dwell, with what `series` needs of ``bins``.

        None if too few of its frames are quiet.
        """
        quiet = self._quiet_frames(dwell)
        if quiet.size < LEAST_FRAMES:
            return None
        starts = quiet * self._hop
        chosen = np.unique(np.linspace(0, quiet.size - 1, KEPT_FRAMES).astype(int))
        latest = np.empty((chosen.size, self.nfft), np.float32)
        self._fft.picked(dwell.iq, starts[chosen], latest)
        part = np.minimum(starts * BLOCKS // dwell.layout.dwell_samples, BLOCKS - 1)
        split = [starts[part == k] for k in range(BLOCKS)]
        split = [some for some in split if some.size]
        sums = [np.zeros(self.nfft) for _ in split]
        pairs = list(zip(split, sums, strict=True))
        values = np.concatenate([self._fft.add(dwell.iq, *pair, bins) for pair in pairs])
        blocks = [self._block(dwell, *pair) for pair in pairs]
        return QuietDwell(starts, bins, values, tuple(sums), tuple(blocks), latest)

    def series(self, dwell: Dwell, quiet: QuietDwell, bins: Sequence[int]) -> list[Series]:
        """Complex values of single bins, counted in ascending frequency, in those frames."""
        held = {b: quiet.values[:, k] for k, b in enumerate(quiet.bins)}
        more = sorted(set(bins) - set(held))
        if more:
            values = self._fft.values(dwell.iq, quiet.starts, self._fft.waves(more))
            held |= {b: values[:, k] for k, b in enumerate(more)}
        centres = dwell.first_sample + quiet.starts.astype(np.float64) + self.nfft / 2
        return [Series(centres / self._rate, held[b]) for b in bins]

    def _block(self, dwell: Dwell, starts: NDArray[np.int64], total: NDArray[np.float64]) -> Block:
        middle = dwell.first_sample + float(starts.mean()) + self.nfft / 2
        mean = (total / starts.size).astype(np.float32)
        return Block(middle / self._rate, starts.size, mean)

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


class QuietAverage:
    """Sums of a window: power over all frames, over blocks of them, and the latest frames."""

    def __init__(self, nfft: int) -> None:
        self._sum = np.zeros(nfft)
        self.frames = 0
        self.blocks: list[Block] = []
        self.latest: FloatArray = np.empty((0, nfft), np.float32)

    @property
    def level(self) -> NDArray[np.float64]:
        """(nfft,) mean power so far, ascending frequency."""
        return self._sum / max(1, self.frames)

    def reset(self) -> None:
        """Begin another window."""
        self._sum[:] = 0
        self.frames = 0
        self.blocks = []

    def add(self, quiet: QuietDwell) -> None:
        """Add a dwell."""
        self.latest = quiet.latest
        for total, block in zip(quiet.sums, quiet.blocks, strict=True):
            self._sum += total
            self.frames += block.frames
            if len(self.blocks) < MAX_BLOCKS:
                self.blocks.append(block)
