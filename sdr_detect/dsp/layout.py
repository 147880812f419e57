"""The absolute grid a stream is cut on: dwells, frames, fine cells, sub-bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.model import StreamInfo
from sdr_detect.settings import FrameSettings

#: Fine cells to a hop. At 20 Msps a cell is 3.2 µs.
FINE_PER_HOP = 4


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Sizes in samples, and where each bin lies.

    A dwell starts at a multiple of ``dwell_samples`` of the absolute sample
    index (after a retune: since the retune), whatever blocks the stream arrived
    in; that is why events do not depend on how it was cut.

    Parameters
    ----------
    nfft, hop : int
        Frame length (a power of two) and step; half overlapped.
    frames : int
        Frames that *start* in a dwell.
    lookahead : int
        Samples held past the end of the dwell.
    offsets_hz : (nfft,) float64
        Bin centres relative to the slice's centre, ascending.
    subband : (nfft,) int64
        Sub-band of each bin, -1 for bins not used (outside the passband, Nyquist).
        The receiver's own DC needs no hole: it is steady, and each bin is
        divided by its own quiet level.
    """

    sample_rate_hz: float
    nfft: int
    hop: int
    frames: int
    lookahead: int
    subbands: int
    offsets_hz: NDArray[np.float64]
    subband: NDArray[np.int64]

    @property
    def dwell_samples(self) -> int:
        """Samples from one dwell's start to the next."""
        return self.frames * self.hop

    @property
    def dwell_s(self) -> float:
        """Time from one dwell's start to the next."""
        return self.dwell_samples / self.sample_rate_hz

    @property
    def fine(self) -> int:
        """Samples in a fine cell."""
        return self.hop // FINE_PER_HOP

    @property
    def bin_hz(self) -> float:
        """Distance of two bins."""
        return self.sample_rate_hz / self.nfft

    @property
    def subband_edges(self) -> NDArray[np.int64]:
        """First bin of each sub-band, and the end of the last: (subbands + 1,)."""
        used = np.flatnonzero(self.subband >= 0)
        first = np.searchsorted(self.subband[used], np.arange(self.subbands))
        return np.append(used[first], used[-1] + 1)

    @property
    def used_bins(self) -> int:
        """Bins that carry a sub-band."""
        return int(np.count_nonzero(self.subband >= 0))

    @property
    def used_hz(self) -> float:
        """Bandwidth watched."""
        return self.used_bins * self.bin_hz


def make_layout(info: StreamInfo, settings: FrameSettings) -> Layout:
    """Layout for a stream."""
    rate = info.sample_rate_hz
    nfft = 1 << int(np.clip(round(np.log2(settings.frame_s * rate)), 5, 13))
    hop = nfft // 2
    wanted = min(settings.dwell_s * rate, settings.dwell_max_samples)
    frames = max(64, round(wanted / hop))
    lookahead = hop * max(4, round(settings.lookahead_s * rate / hop))
    offsets_hz = (np.arange(nfft, dtype=np.float64) - nfft // 2) * (rate / nfft)
    usable = (info.usable_hz or rate) / 2
    used = np.abs(offsets_hz) <= usable
    used[0] = False
    # A power of two, of at least one bin each however narrow the passband.
    most = 1 << (int(np.count_nonzero(used)).bit_length() - 1)
    subbands = min(settings.subbands, nfft // 4, most)
    low, high = np.flatnonzero(used)[[0, -1]]
    subband = np.full(nfft, -1, dtype=np.int64)
    index = np.arange(nfft)
    subband[used] = (index[used] - low) * subbands // (high - low + 1)
    return Layout(rate, nfft, hop, frames, lookahead, subbands, offsets_hz, subband)
