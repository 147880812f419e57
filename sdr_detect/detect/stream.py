"""Detector: a waveform without pause that fills the slice.

It has no contrast in time and none in frequency; only its repetition after the
useful symbol shows it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdr_detect.detect.base import Note, Setup
from sdr_detect.detect.measuring import (
    Features,
    measured,
    ofdm_features,
    public_features,
    stated_pfa,
)
from sdr_detect.dsp.runs import runs
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.ofdm import HELD_SAMPLES, OfdmSum
from sdr_detect.model import Burst, Flag, Span, Track
from sdr_detect.profiles.measured import Measured

#: After the bursts: it looks where they are not.
ORDER = 30


class StreamWaveform:
    """Lags of the stream itself, dwell by dwell."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._sum = setup.meter.new_body_sum()
        self._ofdm = OfdmSum(setup.info.sample_rate_hz, self._sum, gated=False)
        self._id = 0  # until the stream ends: looking on must not number tracks

    def update(self, dwell: Dwell) -> list[Burst]:
        """Correlate a stretch in which no burst stands out and nothing is missing."""
        hop = dwell.layout.hop
        for frames in (dwell.frame_ok & ~dwell.active, dwell.frame_ok):
            start, stop = longest_run(frames)
            stretch = self._setup.meter.stretch(dwell.iq[start * hop : stop * hop])
            correlation = self._setup.meter.stream(stretch)
            if correlation is not None:
                self._sum.add(correlation)
                self._sum.close_dwell()
                self._ofdm.add(stretch[:HELD_SAMPLES].copy())
                self._ofdm.close_dwell()
                break
        return []

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Number the track, if there will be one."""
        if self._sum.peaks(self._setup.settings.lag.pfa):
            self._id = next(self._setup.ids)
        return []

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """One track if the stream repeats itself at some lag, else none."""
        setup = self._setup
        peaks = self._sum.peaks(setup.settings.lag.pfa)
        if not peaks:
            return []
        info = setup.info
        half = (info.usable_hz or info.sample_rate_hz) / 2
        centre = info.center_hz or 0.0
        features: Features = {
            "continuous": True,
            "tone": False,
            "fills_slice": True,
            "bandwidth_hz": None,
            **ofdm_features(self._ofdm, setup.settings.lag.pfa),
        }
        lags = {"stream": self._sum}
        # The correlated share of the power is a lower bound of S/(S+N).
        strength = min(0.999, max(p.strength for p in peaks))
        public = Track(
            self._id,
            "stream",
            span,
            centre - half,
            centre + half,
            0,
            None,
            None,
            10 * float(np.log10(strength / (1 - strength))),
            stated_pfa(peaks[0].pfa),
            None,
            public_features(features, lags, setup.settings.lag.pfa),
            (),
            frozenset({Flag.EDGE} | ({Flag.RF_UNKNOWN} if info.center_hz is None else set())),
        )
        return [(public, measured(info, (centre - half, centre + half), features, (), lags))]

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """None: the stream goes on."""
        return []

    def notes(self) -> list[Note]:
        """None."""
        return []


def longest_run(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Start and stop of the longest run of set entries; (0, 0) if none is set."""
    edges = runs(mask)
    if not edges.size:
        return 0, 0
    best = int(np.argmax(edges[:, 1] - edges[:, 0]))
    return int(edges[best, 0]), int(edges[best, 1])


def detector(setup: Setup) -> StreamWaveform:
    """Make one."""
    return StreamWaveform(setup)
