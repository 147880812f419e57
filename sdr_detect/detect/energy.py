"""Which cells of the time-frequency plane hold more than noise.

A mean of n half-overlapped Hann cells of noise follows a Gamma law with about
n/1.94 degrees of freedom; the threshold is its upper quantile, raised by the
doubt about the noise reference. Real receivers fluctuate more than thermal
noise does (gain wobble, fading ingress): the *lower* half of the measured
distribution, which bursts cannot touch, tells how much, and that too goes into
the threshold.

Narrow and wide emissions are kept apart. Narrow boxes are tested first; where
they fill less than half of a frame they are put down to noise level before the
wide boxes are tested, so that a GSM carrier does not stand in for a burst that
fills the slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, ndtri

from sdr_detect.dsp.kernels import along_time, block_excess, paint_exceedances
from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.order import quantiles
from sdr_detect.dsp.stft import QUIET_DOUBT, Dwell
from sdr_detect.model import FloatArray
from sdr_detect.settings import BurstSettings

#: Frames averaged by each test. 32 frames of 13 µs are half a typical burst.
TEST_FRAMES = (1, 8, 32)

#: Quantiles between which the spread of the noise is read off.
LOWER_HALF = (0.10, 0.35)

#: Bursts at 11 % duty widen the lower half of the distribution by this factor.
BURST_WIDENING = 1.2

#: Below the strongest cell of a frame by this factor, a cell may be its
#: splatter: window side lobes and switching transients.
SPLATTER = 0.01

#: Share of the excess in a quarter of the slice that makes a frame narrow.
CONCENTRATION = 0.85

#: A threshold is raised at most by these factors for unsteady noise: beyond
#: them it is not noise that fluctuates but emissions that come and go.
MAX_SPREAD = 8.0
MAX_SHORT_SPREAD = 3.0

#: Wider than thermal noise by this factor, and the reader is told.
UNSTEADY = 1.6


@dataclass(frozen=True, slots=True)
class Test:
    """One box: ``width`` sub-bands by ``frames`` frames; ``excess`` above 1 is too much."""

    width: int
    frames: int
    excess: float
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Exceedances:
    """Cells above threshold, (frames, subbands), and how unsteady the noise was.

    ``short`` marks, (frames,), where a single frame was enough;
    ``smallest_excess`` is the relative rise that the longest, widest test asks.
    """

    narrow: NDArray[np.bool_]
    wide: NDArray[np.bool_]
    short: NDArray[np.bool_]
    unsteadiness: float
    smallest_excess: float

    @property
    def any_frame(self) -> NDArray[np.bool_]:
        """Frames with at least one cell above threshold."""
        active: NDArray[np.bool_] = np.any(self.narrow | self.wide, axis=1)
        return active


class EnergyTest:
    """The thresholds of one layout."""

    def __init__(self, layout: Layout, settings: BurstSettings) -> None:
        self._layout = layout
        bins = layout.used_bins / layout.subbands
        self._tests = [
            _test(width, frames, width * bins, settings)
            for frames in TEST_FRAMES
            for width in _dyadic(layout.subbands)
        ]

    @property
    def least_excess(self) -> float:
        """Rise that the longest, widest test asks for where noise is thermal."""
        return min(test.excess for test in self._tests)

    def find(self, dwell: Dwell) -> Exceedances:
        """Test every box of the dwell."""
        energy = along_time(dwell.energy, dwell.frame_ok)
        spread, unsteadiness = self._spread(energy, dwell)
        half = self._layout.subbands // 2
        rest = energy.copy()
        narrow, short = self._paint(rest, spread, lambda test: test.width < half)
        hit = np.flatnonzero(narrow.any(axis=0))
        filled = hit[:0]
        if hit.size:
            column, marked = energy[:, hit], narrow[:, hit]
            marked &= column > SPLATTER * column.max(axis=0)
            concentrated = _concentrated(column)
            full = (np.count_nonzero(marked, axis=0) > half) & ~concentrated
            filled = hit[full]
            narrow[:, hit] = marked
            rest[:, hit] = np.where((marked & ~full) | concentrated, np.float32(1), column)
        wide, wide_short = self._paint(rest, spread, lambda test: test.width >= half)
        wide[:, filled] = True
        wide &= dwell.frame_ok
        narrow &= ~wide & dwell.frame_ok
        least = min(t.excess * spread[t.width, t.frames] for t in self._tests)
        return Exceedances(narrow.T, wide.T, short | wide_short, unsteadiness, least)

    def _paint(
        self,
        energy: FloatArray,
        spread: dict[tuple[int, int], float],
        chosen: Callable[[Test], bool],
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Cells of all exceeding boxes, short boxes first; frames that one frame showed.

        What a short box explains is put down to noise level, so that a long
        box does not smear a strong burst over its own length.
        """
        mask = np.zeros(energy.shape, dtype=np.bool_)
        short = np.zeros(energy.shape[1], dtype=np.bool_)
        for test in filter(chosen, self._tests):
            threshold = 1 + test.excess * spread[test.width, test.frames]
            found = paint_exceedances(energy, test.width, test.frames, threshold, mask)
            if found and test.frames == 1:
                short |= mask.any(axis=0)
        return mask, short

    def _spread(
        self, energy: FloatArray, dwell: Dwell
    ) -> tuple[dict[tuple[int, int], float], float]:
        """How much wider than thermal noise each test's statistic is."""
        level = np.full(len(energy), 1 / len(energy), np.float32) @ energy
        full = {t.frames: t.variance for t in self._tests if t.width == self._layout.subbands}
        extra = {f: _extra_variance(level, dwell.frame_ok, f, full[f]) for f in TEST_FRAMES}
        unsteadiness = max(float(np.sqrt(1 + extra[f] / full[f])) for f in TEST_FRAMES)
        spread = {}
        for test in self._tests:
            factor = float(np.sqrt(1 + extra[test.frames] / test.variance))
            if unsteadiness > UNSTEADY:
                # Slow fluctuations are not Gaussian: their upper tail is twice
                # as wide as their lower half tells, on every shorter scale too.
                factor = max(min(2 * factor, MAX_SPREAD), min(unsteadiness, MAX_SHORT_SPREAD))
            spread[test.width, test.frames] = factor
        return spread, unsteadiness


def _extra_variance(
    level: FloatArray, frame_ok: NDArray[np.bool_], frames: int, theory: float
) -> float:
    """Variance of the slice's mean energy, over ``frames``, beyond that of thermal noise."""
    blocks = block_excess(level, frame_ok, frames)
    if blocks.size < 64:
        return 0.0
    low, high = (float(quantiles(blocks, share)) for share in LOWER_HALF)
    # With few blocks the quantiles' own error must not raise thresholds.
    error = BURST_WIDENING * (1 + 3 / np.sqrt(blocks.size))
    deviation = (high - low) / (ndtri(LOWER_HALF[1]) - ndtri(LOWER_HALF[0])) / error
    return float(max(0.0, deviation**2 - theory))


def freedom(bins: float, frames: int) -> float:
    """Gamma shape of the mean power of ``bins`` x ``frames`` half-overlapped Hann cells.

    Power correlation is 4/9 and 1/36 at one and two bins' distance and 1/36 at
    one frame's (Harris 1978, correlations of the Hann window, squared). Between
    neighbours in both it is 1/50: left out, which is 3 % too many at most, and less
    than the slack of the thresholds.
    """
    across = 1 + 2 * max(0.0, 1 - 1 / bins) * 4 / 9 + 2 * max(0.0, 1 - 2 / bins) / 36
    along = 1 + 2 * (1 - 1 / frames) / 36
    return bins * frames / (across * along)


def _test(width: int, frames: int, bins: float, settings: BurstSettings) -> Test:
    shape = freedom(bins, frames)
    doubt = 10 ** (settings.noise_uncertainty_db / 10)
    # The quiet level of each bin carries its own error.
    slack = 1 + 3 * QUIET_DOUBT / np.sqrt(bins / 1.94)
    threshold = float(gammainccinv(shape, settings.pfa) / shape * doubt * slack)
    return Test(width, frames, threshold - 1, 1 / shape)


def _concentrated(energy: FloatArray) -> NDArray[np.bool_]:
    """Frames in which a quarter of the sub-bands holds nearly all the excess.

    The rest is then splatter of a narrow burst, not a burst that fills the slice.
    """
    excess = np.maximum(energy - 1, 0)
    quarter = max(1, len(energy) // 4)
    top = np.partition(excess, -quarter, axis=0)[-quarter:].sum(axis=0)
    result: NDArray[np.bool_] = top > CONCENTRATION * np.maximum(excess.sum(axis=0), 1e-9)
    return result


def _dyadic(subbands: int) -> list[int]:
    widths = [1]
    while widths[-1] * 2 <= subbands:
        widths.append(widths[-1] * 2)
    return widths
