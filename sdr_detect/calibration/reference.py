"""Noise of a slice off target, bin by bin, and what of it does not repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.calibration.budget import DB_PER_NEPER
from sdr_detect.detect.contrast import LEAST_FRAMES
from sdr_detect.detect.contrast_search import quiet_parts
from sdr_detect.detect.energy import freedom
from sdr_detect.dsp.stft import Dwell
from sdr_detect.errors import CalibrationError
from sdr_detect.events import Event

#: Parts of the slice whose ratio to the whole is compared between recordings.
PARTS = 8

#: A gain that moves by more between recordings is none, relative.
_MOST_UNSTEADY = 0.25


class QuietSum:
    """An observer of the pipeline: mean power of each bin while nothing bursts."""

    def __init__(self) -> None:
        self.frames = 0
        self._sum: NDArray[np.float64] = np.zeros(0)
        self.used: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def observe(self, dwell: Dwell) -> list[Event]:
        """Take a dwell."""
        if not self.frames:
            self._sum = np.zeros(dwell.layout.nfft)
            self.used = dwell.layout.subband >= 0
        for count, mean in quiet_parts(dwell):
            self.frames += count
            self._sum += count * mean
        return []

    @property
    def mean(self) -> NDArray[np.float64]:
        """(nfft,) mean power."""
        return self._sum / max(1, self.frames)


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """The mean of several recordings.

    ``shape_db`` and ``level_db`` are standard uncertainties of another recording
    against it, thermal noise apart.
    """

    power_dbfs: tuple[float, ...]
    frames: int
    shape_db: float
    level_db: float


def repeated(sums: Sequence[QuietSum], shape_db: float, level_db: float) -> Repeated:
    """What the recordings have in common, and how far they differ.

    Parameters
    ----------
    sums : sequence of QuietSum
        Of two recordings or more, the antenna turned or the load changed between them.
    shape_db, level_db : float
        Standard uncertainties that are known besides; the scatter is added.

    Raises
    ------
    CalibrationError
        Fewer than two, too short, or not alike.
    """
    if len(sums) < 2:
        raise CalibrationError(
            "one recording does not tell what repeats: give two or more, the antenna turned to "
            "the vessel and away again between them"
        )
    if min(s.frames for s in sums) < LEAST_FRAMES:
        raise CalibrationError("too little quiet time in one of them: record a second or more")
    frames = sum(s.frames for s in sums)
    mean = np.sum([s.frames * s.mean for s in sums], axis=0) / frames
    used = sums[0].used
    if not np.all(mean[used] > 0):
        raise CalibrationError("a recording holds zeros: samples are missing, or it was mute")
    ratio = np.array([(s.mean[used] / mean[used]) for s in sums])
    level = ratio.mean(axis=1)
    scatter = float(np.std(level, ddof=1))
    if scatter > _MOST_UNSTEADY:
        raise CalibrationError(
            f"the level differs by {DB_PER_NEPER * scatter:.1f} dB between them: record with one "
            "gain, gain control off"
        )
    # Another recording scatters about the true mean, which so many tell.
    unlike = scatter * math.sqrt(1 + 1 / len(sums))
    power = 10 * np.log10(np.maximum(mean, 1e-30))
    return Repeated(
        tuple(round(float(x), 5) for x in power),
        frames,
        math.hypot(shape_db, DB_PER_NEPER * _shape(ratio / level[:, None], sums)),
        math.hypot(level_db, DB_PER_NEPER * unlike),
    )


def _shape(ratio: NDArray[np.float64], sums: Sequence[QuietSum]) -> float:
    """Standard deviation of a part against the rest, beyond thermal noise; an upper estimate."""
    parts = np.array_split(np.arange(ratio.shape[1]), PARTS)
    values = np.array([ratio[:, part].mean(axis=1) for part in parts])
    bins = ratio.shape[1] / PARTS
    thermal = float(np.mean([1 / freedom(bins, s.frames) for s in sums]))
    degrees = (PARTS - 1) * (len(sums) - 1)
    found = float(np.sum((values - values.mean(axis=1, keepdims=True)) ** 2)) / degrees
    # Upper end of what chi squared leaves open (95 %), by its normal approximation.
    most = found * (1 + 1.64 * math.sqrt(2 / degrees))
    return math.sqrt(max(0.0, most - thermal) * (1 + 1 / len(sums)))
