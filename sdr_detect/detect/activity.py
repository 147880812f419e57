"""Detector: something goes on and off below the level of single bursts.

Bursts can only raise the energy: over the length of a burst its distribution
has an upper tail that noise has not. Upper and lower tail are compared, so that
neither the noise level nor its deviation needs to be known better than to some
per cent; no timing is assumed. It says that something is there, not what: every
pulsed ingress that fills the slice does it too, so no verdict rests on it and
none is withheld for it; the reasons tell of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.fold_tracks import chance_weight
from sdr_detect.detect.measuring import Features, measured, stated_pfa
from sdr_detect.dsp.order import median
from sdr_detect.dsp.pulses import pulsed_frames
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.fold_search import upper_tail
from sdr_detect.features.fold_values import (
    HANN_BINS,
    QUARTERS,
    alike,
    bands_of,
    clipped_energy,
    deviations,
    frame_variance,
    gamma_weights,
    level_frames,
    level_sums,
    log_odds,
)
from sdr_detect.model import Burst, Flag, Span, Track
from sdr_detect.profiles.measured import Measured

#: After the bursts, which renew the noise reference.
ORDER = 16

#: Lengths over which energy is taken: 21 and 47 symbols of 17.867 µs. Shorter
#: bursts have to be strong to be seen at all.
LENGTHS_S = (0.375e-3, 0.84e-3)

#: Dwells to a window.
SCALES = (1, 10)

#: Runs of frames this far above noise show where in the slice it is.
STRONG_SIGMAS = 2.5

#: No quarter of the slice holds more of the excess than this where it is filled.
MOST_SHARE = 0.6


@dataclass(slots=True, eq=False)
class Tails:
    """Sums of a window.

    ``moments`` is (3, lengths): difference of the tails above that of noise, its
    variance and third moment; ``quarters`` the excess of ``strong`` frames in each
    quarter of the slice.
    """

    first_sample: int = 0
    stop_sample: int = 1
    dwells: int = 0
    moments: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, len(LENGTHS_S))))
    quarters: NDArray[np.float64] = field(default_factory=lambda: np.zeros(QUARTERS))
    strong: int = 0

    def add(self, other: Tails) -> None:
        """Add a dwell."""
        if not self.dwells:
            self.first_sample = other.first_sample
        self.stop_sample = other.stop_sample
        self.dwells += other.dwells
        self.moments += other.moments
        self.quarters += other.quarters
        self.strong += other.strong

    @property
    def z(self) -> NDArray[np.float64]:
        """Deviations above noise: (lengths,)."""
        z: NDArray[np.float64] = self.moments[0] / np.sqrt(np.maximum(self.moments[1], 1e-30))
        return z

    def chance(self) -> float:
        """That noise fills the upper tail so, at any of the lengths."""
        skewness = self.moments[2] / np.maximum(self.moments[1], 1e-30) ** 1.5
        tails = [upper_tail(float(z), float(s)) for z, s in zip(self.z, skewness, strict=True)]
        return min(1.0, len(LENGTHS_S) * min(tails))

    def fills(self) -> bool:
        """Whether the excess is spread over the slice."""
        total = float(self.quarters.sum())
        return total > 0 and float(self.quarters.max()) < MOST_SHARE * total

    @property
    def snr_db(self) -> float:
        """Mean of the strong frames above the noise: an upper bound, since they were chosen."""
        mean = float(self.quarters.mean()) / max(1, self.strong)
        return 10 * float(np.log10(max(mean, 1e-9)))


class Activity:
    """Watches the tails of the energy, dwell by dwell."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        layout = setup.layout
        self._around = level_frames(layout)
        self._frames = [max(2, round(s * layout.sample_rate_hz / layout.hop)) for s in LENGTHS_S]
        self._thermal = HANN_BINS / layout.used_bins
        self._open = {scale: Tails() for scale in SCALES}
        self._searched = dict.fromkeys(SCALES, 0)
        self._best: tuple[float, int, Tails] | None = None
        self._id = 0

    def update(self, dwell: Dwell) -> list[Burst]:
        """Add a dwell; judge the windows that it completes."""
        # What single bursts show is told by their own tracks.
        ok = dwell.frame_ok & ~dwell.active & ~pulsed_frames(dwell)
        if not ok.any():
            return []
        part = self._tails(dwell, ok)
        for scale, window in self._open.items():
            window.add(part)
            if window.dwells == scale:
                self._close(scale)
        return []

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Judge what the last windows hold."""
        for scale in SCALES[1:]:
            if self._open[scale].dwells > 1:
                self._close(scale)
        if self._best is not None:
            self._id = next(self._setup.ids)
        return []

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """One track at most: what it is made of cannot be told apart."""
        return [] if self._best is None else [self._measure(*self._best)]

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """None: it is one statement on the whole stretch."""
        return []

    def notes(self) -> list[Note]:
        """None."""
        return []

    def _close(self, scale: int) -> None:
        window = self._open[scale]
        self._searched[scale] += 1
        self._open[scale] = Tails()
        listened_s = self._setup.layout.dwell_s * max(1, self._searched[SCALES[0]])
        allowed = self._setup.settings.reported_pfa(listened_s)
        chance = window.chance()
        if chance > allowed / chance_weight(self._searched[scale]) or not window.fills():
            return
        if self._best is None or chance < self._best[0]:
            self._best = chance, scale, window

    def _tails(self, dwell: Dwell, ok: NDArray[np.bool_]) -> Tails:
        """Sums of one dwell."""
        bands = bands_of(clipped_energy(dwell, ok))
        sums = level_sums(bands[:, 0], ok, self._around)
        noise = frame_variance(self._thermal, sums.variance)
        stop = dwell.first_sample + dwell.layout.dwell_samples
        found = Tails(dwell.first_sample, stop, 1)
        for k, frames in enumerate(self._frames):
            z, held = deviations(sums, frames)
            if not z.size:
                continue
            z -= median(z.astype(np.float32))
            mean, variance, third = tail_moments(noise * alike(frames) / frames)
            # Values that share frames vary as one.
            count = z.size / frames
            found.moments[:, k] = count * np.array(
                [float(np.mean(_tail(z))) - mean, variance, third]
            )
            if frames == self._frames[-1]:
                strong = np.flatnonzero(held)[z > STRONG_SIGMAS]
                # Runs that hold each frame.
                change = np.bincount(strong, minlength=len(bands) + 1)
                change -= np.bincount(strong + frames, minlength=len(bands) + 1)
                runs = np.cumsum(change)[:-1]
                found.quarters += runs.astype(np.float64) @ bands[:, 1:]
                found.strong += strong.size * frames
        return found

    def _measure(self, chance: float, scale: int, window: Tails) -> tuple[Track, Measured]:
        info, layout = self._setup.info, self._setup.layout
        pfa = min(1.0, chance * chance_weight(self._searched[scale]))
        features: Features = {
            "continuous": False,
            "tone": False,
            "fills_slice": True,
            "bandwidth_hz": None,
            "activity_z": float(window.z.max()),
            "activity_s": window.dwells * layout.dwell_s,
        }
        centre = info.center_hz or 0.0
        half = layout.used_hz / 2
        band_hz = (centre - half, centre + half)
        flags = {Flag.EDGE} | ({Flag.RF_UNKNOWN} if info.center_hz is None else set())
        public = Track(
            self._id,
            "activity",
            Span(window.first_sample, window.stop_sample),
            *band_hz,
            0,
            None,
            None,
            window.snr_db,
            stated_pfa(pfa),
            None,
            dict(features),
            (),
            frozenset(flags),
        )
        return public, measured(info, band_hz, features)


def _tail(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper tail against lower: odd in ``z``, so that a wrong deviation cancels."""
    return log_odds(z) - log_odds(-z)


@functools.lru_cache(maxsize=1024)
def tail_moments(variance: float) -> tuple[float, float, float]:
    """Mean, variance and third central moment of the tails' difference in noise.

    The mean power is Gamma distributed, its median below its mean.
    """
    shape = 1 / variance
    z = np.linspace(max(-8.0, -np.sqrt(shape) + 1e-3), 12.0, 4001)
    weight = gamma_weights(shape, shape + z * np.sqrt(shape))
    median = (float(gammaincinv(shape, 0.5)) - shape) / np.sqrt(shape)
    value = _tail(z - median)
    mean = float(np.sum(weight * value))
    off = value - mean
    return mean, float(np.sum(weight * off**2)), float(np.sum(weight * off**3))


def detector(setup: Setup) -> Activity:
    """Make one."""
    return Activity(setup)
