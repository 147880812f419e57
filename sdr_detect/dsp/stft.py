"""Short-time spectra of a dwell, its faults, and the noise reference along time.

A terminal's channel is far wider than the capture: a burst lifts every bin by
the same factor, and only *time* tells it from noise. So each bin is divided by
its own quiet level, and the sums of the whitened bins are what detectors watch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.dwell import RawDwell, missing_cells
from sdr_detect.dsp.kernels import cell_statistics, whitened_subbands
from sdr_detect.dsp.lane_fft import LaneFFT
from sdr_detect.dsp.layout import FINE_PER_HOP, Layout
from sdr_detect.dsp.order import median, nth_of_columns
from sdr_detect.dsp.runs import runs
from sdr_detect.model import ComplexArray, FloatArray, StreamInfo

#: Quantile of a bin's power over time that serves as its quiet level. Bursts on
#: air for 15 % of the time raise it by 0.9 dB, for half of the time by 4.1 dB.
QUIET_QUANTILE = 0.3

#: Frames looked at for the quiet level: its error is 1.8/sqrt(n) per bin.
QUIET_FRAMES = 256
QUIET_DOUBT = 1.8 / float(np.sqrt(QUIET_FRAMES))

#: A run of exact zeros this long is no noise: a recorder filled lost samples.
ZERO_RUN_SAMPLES = 256

#: A cell with more than this share of saturated samples is overloaded.
CLIP_SHARE = 0.02

#: A dwell overloaded for more than this share of its samples has no quiet level.
OVERLOAD_SHARE = 0.5


@dataclass(slots=True, eq=False)
class Dwell:
    """One dwell, ready for the detectors.

    Parameters
    ----------
    first_sample : int
    iq : (dwell_samples + lookahead,) complex64
        Samples; missing or non-finite ones are zero.
    frame_ok : (frames,) bool
        Frames without a missing or non-finite sample.
    power : (frames, nfft) float32
        |X|² per bin in ascending frequency. In noise of power density n its
        mean is n times the window's energy.
    floor : (nfft,) float32
        Quiet level of each bin.
    energy : (frames, subbands) float32
        Whitened energy: 1 on average in noise alone.
    fine_power : (frames * 4,) float32
        Mean |x|² of fine cells.
    lost, zeros, non_finite, overload : (frames * 4,) bool
        Faults per fine cell.
    active : (frames,) bool
        Frames in which a burst stands out; set by the burst detector.
    smallest_excess : float
        Relative rise of the mean power that its longest test asks for.
    """

    info: StreamInfo
    layout: Layout
    first_sample: int
    iq: ComplexArray
    frame_ok: NDArray[np.bool_]
    power: FloatArray
    floor: FloatArray
    energy: FloatArray
    fine_power: FloatArray
    lost: NDArray[np.bool_]
    zeros: NDArray[np.bool_]
    non_finite: NDArray[np.bool_]
    overload: NDArray[np.bool_]
    active: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    smallest_excess: float = 0.0
    _floor_level: float | None = None

    @property
    def analysed_frames(self) -> int:
        """Frames the detectors may use."""
        return int(np.count_nonzero(self.frame_ok))

    @property
    def quiet_power(self) -> float:
        """Quiet level of |x|² over the whole sample rate."""
        return float(self.floor.mean(dtype=np.float64))

    @property
    def floor_level(self) -> float:
        """Median of the noise reference over the bins in use."""
        if self._floor_level is None:
            self._floor_level = median(self.floor[self.layout.subband >= 0])
        return self._floor_level

    def renew_reference(self, quiet: NDArray[np.bool_]) -> float:
        """Take the noise reference from the ``quiet`` frames instead.

        The whitened energy follows by one factor a sub-band: within a sub-band
        the two references differ by noise and a common step. Returns how far
        the reference moved, in dB: the median over the sub-bands.
        """
        floor = quiet_floor(self.power, quiet)
        if floor is None:
            return 0.0
        ratio = np.divide(self.floor, floor, out=np.ones_like(floor), where=floor > 0)
        edges = self.layout.subband_edges
        used = ratio[: edges[-1]]  # the last segment would reach to the end of the array
        factor = np.add.reduceat(used, edges[:-1]) / np.diff(edges).astype(np.float32)
        self.energy *= factor
        self.floor = floor
        self._floor_level = None
        return abs(median(10 * np.log10(np.maximum(factor, 1e-9))))

    def whiten(self) -> None:
        """Take the noise reference from all whole frames and whiten by it."""
        floor = quiet_floor(self.power, self.frame_ok)
        self.floor = self.floor if floor is None else floor
        self._floor_level = None
        counts = np.bincount(self.layout.subband[self.layout.subband >= 0])
        share = np.zeros(self.layout.nfft, np.float32)
        used = self.layout.subband >= 0
        share[used] = 1.0 / counts[self.layout.subband[used]]
        inverse = np.zeros_like(self.floor)
        np.divide(share, self.floor, out=inverse, where=self.floor > 0)
        whitened_subbands(self.power, inverse, self.layout.subband_edges, self.energy)


class Analyser:
    """Turns raw dwells into `Dwell` objects, whose spectra are overwritten in turn.

    Parameters
    ----------
    layout : Layout
    spares : int
        Dwells, besides the latest, whose spectra must still hold.
    """

    def __init__(self, layout: Layout, spares: int = 0) -> None:
        self._layout = layout
        # Hann, half overlapped; scaled so that white noise of unit power gives
        # a mean bin power of one.
        window = np.hanning(layout.nfft + 1)[:-1]
        window /= np.sqrt(np.sum(window**2))
        self._fft = LaneFFT(window.astype(np.float32))
        size = (layout.frames, layout.nfft)
        self._powers = [np.empty(size, np.float32) for _ in range(1 + spares)]

    def analyse(self, raw: RawDwell, info: StreamInfo) -> Dwell:
        """Spectra, faults and noise reference of one dwell."""
        layout = self._layout
        cells = layout.frames * FINE_PER_HOP
        energy, clipped, bad, zeros = cell_statistics(raw.iq, layout.fine, info.clip_level or 0.0)
        reach = missing_cells(raw.missing, layout.fine, energy.size)
        zero_cells = _long_runs(zeros == layout.fine, -(-ZERO_RUN_SAMPLES // layout.fine)) & ~reach
        non_finite = bad > 0
        overload = clipped > CLIP_SHARE * layout.fine
        blind = reach | zero_cells | non_finite
        real = np.count_nonzero(~reach[:cells])
        if np.count_nonzero(overload[:cells]) > OVERLOAD_SHARE * real:
            blind |= overload
        power = self._powers.pop(0)
        self._powers.append(power)
        whole = _whole_frames(blind, layout)
        # What is left of a stream at its end may be far less than a dwell.
        stop = int(np.flatnonzero(whole)[-1]) + 1 if whole.any() else 0
        self._fft.frames(raw.iq, 0, layout.hop, power[:stop])
        power[stop:] = 0
        dwell = Dwell(
            info,
            layout,
            raw.first_sample,
            raw.iq,
            whole,
            power,
            np.zeros(layout.nfft, np.float32),
            np.zeros((layout.frames, layout.subbands), np.float32),
            (energy[:cells] / np.float32(layout.fine)),
            reach[:cells],
            zero_cells[:cells],
            non_finite[:cells],
            overload[:cells],
            np.zeros(layout.frames, dtype=np.bool_),
        )
        dwell.whiten()
        return dwell


def quiet_floor(power: FloatArray, quiet: NDArray[np.bool_]) -> FloatArray | None:
    """Mean noise power of each bin from the frames marked quiet.

    A bin of windowed Gaussian noise is exponential; the mean of its order
    statistic of rank r among n is 1/n + 1/(n-1) + ... + 1/(n-r), in units of the
    mean itself. Returns None with fewer than 8 frames.
    """
    index = np.flatnonzero(quiet)
    if index.size < 8:
        return None
    index = index[:: max(1, index.size // QUIET_FRAMES)]
    rank = int(QUIET_QUANTILE * index.size)
    level = nth_of_columns(power, index, rank)
    expected = np.sum(1 / np.arange(index.size - rank, index.size + 1))
    floor: FloatArray = (level / expected).astype(np.float32)
    return floor


def _whole_frames(blind: NDArray[np.bool_], layout: Layout) -> NDArray[np.bool_]:
    """Frames of which no fine cell is blind."""
    per_frame = layout.nfft // layout.fine
    total = np.concatenate(([0], np.cumsum(blind)))
    start = np.arange(layout.frames) * FINE_PER_HOP
    ok: NDArray[np.bool_] = total[start + per_frame] == total[start]
    return ok


def _long_runs(cells: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Cells that belong to a run of at least ``least`` set cells."""
    out = np.zeros_like(cells)
    for start, stop in runs(cells):
        if stop - start >= least:
            out[start:stop] = True
    return out
