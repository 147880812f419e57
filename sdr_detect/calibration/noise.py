"""Noise power density of a quiet recording, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdr_detect.calibration.budget import DB_PER_NEPER, Budget, Term
from sdr_detect.dsp.cfar import WelchFreedom
from sdr_detect.errors import CalibrationError
from sdr_detect.model import ComplexArray, IQBlock, StreamInfo

NFFT = 1024
_HOP = NFFT // 2

#: Frames to a part: its level is known to 0.3 % at half a band of bins, and at
#: 2.4 Msps it lasts 14 ms.
_PART_FRAMES = 64

#: Parts kept one by one; later ones are left out, for the level is known by then.
_MAX_PARTS = 8192

#: Share of the sample rate looked at where the passband is not stated.
_USED_SHARE = 0.8

#: Bins on either side of the centre left out: the receiver's own DC.
_DC_BINS = 3

#: A bin or a part this many sigmas above its kind is no noise.
_SIGMAS = 6.0

#: Bins around a bin that tell what noise is there.
_NEIGHBOURS = 33

#: More than this of the time, or of the band, above the rest: not quiet.
_MOST_REJECTED = 0.3

#: A gain that wanders by more than 1 dB is none.
_MOST_UNSTEADY = 0.25

#: Above this share of saturated samples the level is no longer that of the noise.
_MOST_CLIPPED = 1e-4


@dataclass(frozen=True, slots=True)
class NoiseDensity:
    """Mean power density over the band.

    Parameters
    ----------
    dbfs_per_hz : float
    averages : float
        Effective number of independent samples behind it: one over the relative
        variance that thermal noise leaves.
    instability : float
        Relative standard deviation of the level within the recording beyond what
        thermal noise explains: gain and temperature.
    bandwidth_hz : float
        Width that was averaged.
    rejected_share, rejected_hz : float
        Share of the time, and part of the band, left out as no noise.
    """

    dbfs_per_hz: float
    averages: float
    instability: float
    bandwidth_hz: float
    rejected_share: float
    rejected_hz: float

    @property
    def linear(self) -> float:
        """In full scale squared per hertz."""
        power: float = 10 ** (self.dbfs_per_hz / 10)
        return power

    @property
    def relative_uncertainty(self) -> float:
        """Standard uncertainty over the density."""
        return math.hypot(1 / math.sqrt(self.averages), self.instability)

    @property
    def budget(self) -> Budget:
        """In decibels."""
        thermal = DB_PER_NEPER / math.sqrt(self.averages)
        return Budget(
            "noise density",
            "dBFS/Hz",
            self.dbfs_per_hz,
            (
                Term("thermal noise", self.dbfs_per_hz, thermal, "dB", kind="A",
                     note=f"{self.averages:.3g} effective averages"),
                Term("gain while it lasted", 0.0, DB_PER_NEPER * self.instability, "dB", kind="A",
                     note="scatter of parts of the recording beyond thermal noise"),
            ),
        )  # fmt: skip


def noise_density(blocks: Iterable[IQBlock]) -> NoiseDensity:
    """Noise density of a recording with the input terminated, an absorber on, or quiet.

    Spurs and short emissions are left out. All blocks are of one `StreamInfo`.

    Raises
    ------
    CalibrationError
        Too few samples, overload, or not quiet; the message says what to do.
    """
    info, parts, clipped = _parts(blocks)
    if len(parts) < 4:
        raise CalibrationError(
            f"only {len(parts) * _PART_FRAMES * _HOP} samples: record a second or more"
        )
    if clipped > _MOST_CLIPPED:
        raise CalibrationError(
            f"{clipped:.2%} of the samples are at full scale, {_MOST_CLIPPED:.2%} are allowed: "
            "reduce the gain and calibrate at that gain"
        )
    width_hz = info.usable_hz or _USED_SHARE * info.sample_rate_hz
    offset = np.abs(np.arange(NFFT) - NFFT // 2)
    band = (offset <= width_hz / 2 / info.sample_rate_hz * NFFT) & (offset > _DC_BINS)
    level = parts[:, band].mean(axis=1)
    if not np.all(level > 0):
        raise CalibrationError("it holds zeros: samples are missing, or the receiver was mute")
    # Emissions first: one of them hides which bins stand out all the time.
    quiet = _quiet_parts(level, int(band.sum()))
    used = band & ~_spurs(parts[quiet].mean(axis=0), band, int(quiet.sum()))
    level = parts[:, used].mean(axis=1)
    lost_bins = 1 - used.sum() / band.sum()
    if 1 - quiet.mean() > _MOST_REJECTED or lost_bins > _MOST_REJECTED:
        raise CalibrationError(
            f"it is not quiet: {1 - quiet.mean():.0%} of the time and {lost_bins:.0%} of the band "
            "stand out; terminate the input, or put the absorber on"
        )
    mean = float(level[quiet].mean())
    thermal = _thermal(int(used.sum()))
    instability = math.sqrt(max(0.0, float(level[quiet].var(ddof=1)) / mean**2 - thermal**2))
    if instability > _MOST_UNSTEADY:
        raise CalibrationError(
            f"it is not quiet: its level wanders by {DB_PER_NEPER * instability:.1f} dB; terminate "
            "the input, switch gain control off"
        )
    bins_hz = info.sample_rate_hz / NFFT
    return NoiseDensity(
        10 * math.log10(mean / info.sample_rate_hz),
        _freedom().shape(int(used.sum()), _PART_FRAMES * int(quiet.sum())),
        instability,
        float(used.sum()) * bins_hz,
        float(1 - quiet.mean()),
        float(band.sum() - used.sum()) * bins_hz,
    )


@cache
def _window() -> NDArray[np.float64]:
    """Hann, scaled so that white noise keeps its power in each bin."""
    window = np.hanning(NFFT + 1)[:-1]
    scaled: NDArray[np.float64] = window / np.sqrt(np.sum(window**2))
    return scaled


@cache
def _freedom() -> WelchFreedom:
    return WelchFreedom(_window(), _HOP)


def _parts(blocks: Iterable[IQBlock]) -> tuple[StreamInfo, NDArray[np.float64], float]:
    """Settings, (parts, NFFT) mean spectra in ascending frequency, share clipped."""
    spectra: list[NDArray[np.float64]] = []
    info: StreamInfo | None = None
    samples = clipped = 0
    for block in blocks:
        if info is not None and block.info != info:
            raise CalibrationError(
                "its frequency or gain changes; calibrate with one setting a recording"
            )
        info = block.info
        samples += block.sample_count
        clipped += block.clipped
        for frames in _cut(block.samples):
            if len(spectra) < _MAX_PARTS:
                power = np.abs(scipy.fft.fft(frames * _window(), axis=1)) ** 2
                spectra.append(scipy.fft.fftshift(power.mean(axis=0)))
    if info is None:
        raise CalibrationError("it holds no samples")
    if not all(np.isfinite(spectrum).all() for spectrum in spectra):
        raise CalibrationError("it holds samples that are no numbers; see 'sdr-detect info'")
    return info, np.array(spectra).reshape(-1, NFFT), clipped / max(1, samples)


def _cut(samples: ComplexArray) -> Iterator[ComplexArray]:
    """Half-overlapped frames, (_PART_FRAMES, NFFT) at a time; the rest is left."""
    step = _PART_FRAMES * _HOP
    for first in range(0, len(samples) - step - _HOP + 1, step):
        rows = np.lib.stride_tricks.sliding_window_view(samples[first : first + step + _HOP], NFFT)[
            ::_HOP
        ]
        yield rows


def _spurs(mean: NDArray[np.float64], band: NDArray[np.bool_], parts: int) -> NDArray[np.bool_]:
    """Bins that stand out of those around them, and one on either side."""
    sigma = 1 / math.sqrt(_freedom().shape(1, _PART_FRAMES * parts))
    half = _NEIGHBOURS // 2
    padded = np.pad(mean, half, mode="reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _NEIGHBOURS), axis=1)
    out = band & (mean > around * (1.02 + _SIGMAS * sigma))  # 2 %: slope and ripple
    wide: NDArray[np.bool_] = out | np.roll(out, 1) | np.roll(out, -1)
    return wide


def _thermal(bins: int) -> float:
    """Relative scatter that thermal noise gives a part."""
    return 1 / math.sqrt(_freedom().shape(bins, _PART_FRAMES))


def _quiet_parts(level: NDArray[np.float64], bins: int) -> NDArray[np.bool_]:
    """Parts without an emission.

    The lower half tells how far the level wanders by itself: emissions only add.
    """
    middle = float(np.median(level))
    below = middle - float(np.quantile(level, 0.16))  # one sigma of a normal law
    quiet: NDArray[np.bool_] = level <= middle + _SIGMAS * max(_thermal(bins) * middle, below)
    return quiet
