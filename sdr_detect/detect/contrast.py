"""Detector: steady emissions against the noise that was recorded off target.

What is as wide as a good part of the slice has no flat neighbourhood: beside it lies
the passband's own ripple. Divided by a reference of the same receiver the ripple is
gone, and two things can be asked. Whether one *part* of the slice stands above the
rest of it, which gain does not touch: what doubts it is thermal noise of both and how
well the shape repeats. And whether the *whole* slice stands above the reference: that
is doubted by the gain between the two recordings as well. All of it goes into the
thresholds; without a reference this detector is silent and costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.contrast_search import ContrastTest, Rise, quiet_parts
from sdr_detect.detect.measuring import Features, measured, public_features, stated_pfa
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.symbol_rate import MAX_LOOKS, SymbolRate
from sdr_detect.model import Burst, Flag, Span, Track
from sdr_detect.profiles.measured import Measured

#: After the bursts: it looks at the frames that they leave.
ORDER = 25

#: A passband of fewer bins has no parts.
LEAST_USED = 16

#: Frames in a window below which nothing is said.
LEAST_FRAMES = 256


@dataclass(slots=True, eq=False)
class _Found:
    """A track while it is followed."""

    id: int
    rise: Rise
    first_sample: int
    stop_sample: int
    chance: float
    steady: bool | None
    symbols: SymbolRate | None
    flags: set[Flag] = field(default_factory=set)


class Contrast:
    """Compares the mean of quiet time, window by window, with the reference."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        layout, reference = setup.layout, setup.info.reference
        self._unfit = reference is not None and len(reference.power) != layout.nfft
        self._test = None
        if reference is not None and not self._unfit:
            used = layout.subband >= 0
            used[layout.nfft // 2 - 1 : layout.nfft // 2 + 2] = False  # DC of its own
            if np.count_nonzero(used) >= LEAST_USED:
                self._test = ContrastTest(reference, used)
        self._rows: list[tuple[int, NDArray[np.float64]]] = []
        self._started_at = self._stop = 0
        self._windows = 0
        self._tracks: list[_Found] = []
        self._below_db = 0.0

    def update(self, dwell: Dwell) -> list[Burst]:
        """Add a dwell; evaluate when a window is full."""
        if self._test is None:
            return []
        if not self._rows:
            self._started_at = dwell.first_sample
        self._stop = dwell.first_sample + dwell.layout.dwell_samples
        self._rows += quiet_parts(dwell)
        window = self._setup.settings.carrier.window_s * dwell.layout.sample_rate_hz
        if self._stop - self._started_at >= window:
            self._evaluate(self._test)
        for track in self._tracks:
            if track.symbols is not None and track.symbols.looks < MAX_LOOKS:
                track.symbols.add(dwell.iq, dwell.first_sample)
        return []

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Evaluate what the last window, or a short recording, left."""
        if self._test is not None and self._rows:
            self._stop = min(self._stop, stop_sample)
            known = len(self._tracks)
            self._evaluate(self._test)
            for track in self._tracks[known:]:
                if track.symbols is not None and last is not None:
                    track.symbols.add(last.iq, last.first_sample)
        return []

    def _evaluate(self, test: ContrastTest) -> None:
        rows, self._rows = self._rows, []
        frames = sum(count for count, _ in rows)
        if frames < LEAST_FRAMES:
            return
        self._windows += 1
        mean = np.sum([count * row for count, row in rows], axis=0) / frames
        level = test.level(mean, frames)
        if level < 0:
            self._below_db = min(self._below_db, 10 * math.log10(max(1 + level, 1e-3)))
        for rise in test.find(mean, frames, self._setup.settings.carrier.pfa):
            self._follow(rise, test.is_steady(rise, rows))

    def _follow(self, rise: Rise, steady: bool | None) -> None:
        for track in self._tracks:
            shared = min(track.rise.high, rise.high) - max(track.rise.low, rise.low) + 1
            wider = max(track.rise.high, rise.high) - min(track.rise.low, rise.low) + 1
            if track.rise.whole == rise.whole and 2 * shared >= wider:
                track.stop_sample = self._stop
                if rise.chance < track.chance:
                    track.rise, track.chance = rise, rise.chance
                told = {track.steady, steady}
                track.steady = False if False in told else True if True in told else None
                return
        if len(self._tracks) < self._setup.settings.carrier.max_carriers:
            self._tracks.append(self._new(rise, steady))

    def _new(self, rise: Rise, steady: bool | None) -> _Found:
        layout, info = self._setup.layout, self._setup.info
        used = np.flatnonzero(layout.subband >= 0)
        cut_off = rise.whole or rise.low <= used[0] + 1 or rise.high >= used[-1] - 1
        low, high = self._edges_hz(rise)
        symbols = None if cut_off else SymbolRate(layout.sample_rate_hz, low, high, high - low)
        flags = ({Flag.EDGE} if cut_off else set()) | (
            {Flag.RF_UNKNOWN} if info.center_hz is None else set()
        )
        return _Found(
            next(self._setup.ids), rise, self._started_at, self._stop, rise.chance, steady,
            symbols, flags,
        )  # fmt: skip

    def _edges_hz(self, rise: Rise) -> tuple[float, float]:
        layout = self._setup.layout
        half = layout.bin_hz / 2
        return float(layout.offsets_hz[rise.low] - half), float(layout.offsets_hz[rise.high] + half)

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """What stands above the reference."""
        return [self._measured(track) for track in self._tracks]

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """What has gone."""
        idle = [t for t in self._tracks if t.stop_sample < before_sample]
        self._tracks = [t for t in self._tracks if t.stop_sample >= before_sample]
        return [self._measured(track) for track in idle]

    def notes(self) -> list[Note]:
        """A reference that does not hold."""
        notes = []
        if self._unfit:
            text = "the noise off target was recorded with other frames: it is not used"
            notes.append(Note("reference_unfit", text))
        reference = self._setup.info.reference
        if reference is not None and self._below_db < -10 * math.log10(1 + 4 * reference.level):
            text = (
                f"the noise lies {-self._below_db:.1f} dB below that off target: the gain has "
                "changed, and the level of the whole slice tells nothing; record the reference anew"
            )
            notes.append(Note("reference_level", text))
        return notes

    def _measured(self, track: _Found) -> tuple[Track, Measured]:
        info, rise = self._setup.info, track.rise
        low, high = self._edges_hz(rise)
        cut_off = Flag.EDGE in track.flags
        symbol = None if track.symbols is None else track.symbols.result()
        if symbol is not None and symbol.pfa >= self._setup.settings.carrier.pfa:
            symbol = None
        width_hz = None if cut_off else high - low
        placed = width_hz is not None and rise.placed
        features: Features = {
            "bandwidth_hz": width_hz,
            "bandwidth_3db_hz": width_hz if placed else None,
            "symbol_rate_per_bandwidth": symbol.symbol_rate_hz / width_hz
            if placed and width_hz and symbol is not None
            else None,
            "symbol_rate_hz": None if symbol is None else symbol.symbol_rate_hz,
            "symbol_rate_sigma_hz": None if symbol is None else symbol.sigma_hz,
            "symbol_rate_hz_pfa": None if symbol is None else stated_pfa(symbol.pfa),
            "continuous": track.steady,
            "tone": False,
            "fills_slice": rise.whole,
        }
        centre = info.center_hz or 0.0
        band_hz = centre + low, centre + high
        public = Track(
            track.id,
            "contrast",
            Span(track.first_sample, track.stop_sample),
            *band_hz,
            0,
            1.0 if track.steady else None,
            None,
            10 * math.log10(rise.excess),
            stated_pfa(track.chance * self._windows),
            None,
            public_features(features, {}, 0.0),
            (),
            frozenset(track.flags),
        )
        return public, measured(info, band_hz, features)


def detector(setup: Setup) -> Contrast:
    """Make one."""
    return Contrast(setup)
