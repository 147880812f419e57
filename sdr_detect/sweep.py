"""What the stops of a retuning receiver show together: blocks wider than a slice.

Each stretch at one frequency gives, for every sub-band, its mean excess over
its own quiet level. Gain cancels in that, so stops can be set side by side
without a calibration; a block of constant excess with two edges is a channel
in use, with the width and centre that no single slice sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.detect.energy import TEST_FRAMES, freedom
from sdr_detect.detect.measuring import Features, measured, public_features, stated_pfa
from sdr_detect.dsp.layout import Layout
from sdr_detect.epoch import Epoch
from sdr_detect.features.sweep_edges import Channels, Floats, Points, SweepBlock, find_blocks
from sdr_detect.model import Flag, Span, StreamInfo, Track
from sdr_detect.profiles.measured import Measured
from sdr_detect.settings import SweepSettings

#: Points kept: 500 MHz in steps of 2 MHz with 16 sub-bands each are 4000.
MAX_POINTS = 4096

#: Frames to a block of the on/off contrast: half of a typical burst.
BLOCK_FRAMES = TEST_FRAMES[-1]

#: Fewer blocks than this have no quiet half worth the name.
LEAST_BLOCKS = 8

#: Mean of the lower half of Gaussian values, in standard deviations below zero.
HALF_NORMAL = float(np.sqrt(2 / np.pi))

#: The measured plan; the same figures with their sources are in
#: ``channels/starlink-ku-uplink.toml``.
UPLINK = Channels(14.03125e9, 62.5e6, 60.0e6, 8)


@dataclass(frozen=True, slots=True, eq=False)
class _Visit:
    """What is kept of a stretch until it is known whether there is a sweep at all."""

    info: StreamInfo
    center_hz: float
    layout: Layout
    energy: NDArray[np.float32]
    frame_ok: NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class _Stop:
    """Sums over the visits of one centre: of the weights, and of weight times excess."""

    freq_hz: Floats
    weight: Floats
    weighted: Floats


class Sweep:
    """Gathers stops; tells blocks at the end. A stream that never retunes costs nothing."""

    def __init__(self, settings: SweepSettings) -> None:
        self._settings = settings
        self._stops: dict[tuple[float, float, int], _Stop] = {}
        self._first: _Visit | None = None
        self._span: Span | None = None
        self._info: StreamInfo | None = None
        self._capped = False

    def add(self, epoch: Epoch) -> None:
        """Take a stretch that is over."""
        span, centre = epoch.span, epoch.info.center_hz
        if span is None or centre is None or epoch.fullest is None:
            return
        visit = _Visit(epoch.info, centre, epoch.layout, *epoch.fullest)
        if self._span is None:
            self._span, self._first = span, visit
            return
        if self._first is not None:
            self._gather(self._first)
            self._first = None
        self._gather(visit)
        self._span = Span(self._span.start_sample, span.stop_sample)
        self._info = epoch.info

    def tracks(self, ids: Iterator[int]) -> list[tuple[Track, Measured, StreamInfo]]:
        """One track for each block, with the latest `StreamInfo`."""
        info, span = self._info, self._span
        if info is None or span is None or len(self._stops) < 2:
            return []
        sigma = 10 ** (self._settings.repeatability_db / 10) - 1
        blocks = find_blocks(self._points(), sigma, self._settings.pfa)
        return [(*self._track(block, next(ids), span, info), info) for block in blocks]

    def _gather(self, visit: _Visit) -> None:
        layout = visit.layout
        found = contrast(visit.energy, visit.frame_ok, layout)
        if found is None:
            return
        excess, sigma = found
        key = (visit.center_hz, layout.sample_rate_hz, layout.subbands)
        weight = sigma**-2.0
        known = self._stops.get(key)
        if known is not None:
            known.weight += weight
            known.weighted += weight * excess
        elif sum(s.freq_hz.size for s in self._stops.values()) + excess.size > MAX_POINTS:
            self._capped = True
        else:
            edges = layout.subband_edges
            middle = (layout.offsets_hz[edges[:-1]] + layout.offsets_hz[edges[1:] - 1]) / 2
            self._stops[key] = _Stop(visit.center_hz + middle, weight, weight * excess)

    def _points(self) -> Points:
        stops = [self._stops[key] for key in sorted(self._stops)]
        freq_hz = np.concatenate([s.freq_hz for s in stops])
        excess = np.concatenate([s.weighted / s.weight for s in stops])
        sigma = np.concatenate([s.weight**-0.5 for s in stops])
        stop = np.repeat(np.arange(len(stops)), [s.freq_hz.size for s in stops])
        order = np.argsort(freq_hz, kind="stable")
        return Points(freq_hz[order], excess[order], sigma[order], stop[order])

    def _track(
        self, block: SweepBlock, number: int, span: Span, info: StreamInfo
    ) -> tuple[Track, Measured]:
        fits = UPLINK.fits(block)
        features: Features = {
            "bandwidth_hz": None if fits is None else block.width_hz,
            "on_channel": fits,
            # What rose above its own quiet time comes and goes.
            "continuous": False,
            "tone": False,
        }
        seen = block.lower_seen and block.upper_seen
        public = Track(
            number,
            "sweep",
            span,
            block.lower_hz,
            block.upper_hz,
            0,
            None,
            None,
            10 * float(np.log10(block.excess)),
            stated_pfa(block.pfa),
            None,
            {
                **public_features(features, {}, 0.0),
                "occupied_hz": block.width_hz,
                "occupied_sigma_hz": block.width_sigma_hz,
                "center_hz": block.center_hz,
                "center_sigma_hz": block.center_sigma_hz,
                "channel": UPLINK.nearest(block),
                "coverage": block.coverage,
                "excess_sigma": block.excess_sigma,
                "statistic": block.statistic,
                "tests": block.tests,
                "stops": len(self._stops),
            },
            (),
            frozenset(
                ({Flag.CAPPED} if self._capped else set()) | (set() if seen else {Flag.EDGE})
            ),
        )
        return public, measured(info, (block.lower_hz, block.upper_hz), features)


def contrast(
    energy: NDArray[np.float32], frame_ok: NDArray[np.bool_], layout: Layout
) -> tuple[Floats, Floats] | None:
    """Mean excess of each sub-band over its own quiet level, and its standard error.

    Time is cut into blocks of half a burst; the half of them in which the
    *whole slice* is quietest gives the quiet level, so that each sub-band is
    picked by the others as much as by itself. The choice lowers the quiet level
    of pure noise by 0.80 of a block's standard deviation, which is taken off.

    Parameters
    ----------
    energy : (frames, subbands) float32
        Whitened energy of a dwell.
    frame_ok : (frames,) bool

    Returns
    -------
    excess, sigma : (subbands,) float64, or None
        None with too few frames.
    """
    rows = energy[frame_ok]
    count = len(rows) // BLOCK_FRAMES
    if count < LEAST_BLOCKS:
        return None
    blocks = rows[: count * BLOCK_FRAMES].reshape(count, BLOCK_FRAMES, -1)
    level = blocks.mean(axis=1, dtype=np.float64)
    quiet = np.argsort(level.mean(axis=1), kind="stable")[: (count + 1) // 2]
    bins = np.diff(layout.subband_edges)
    bias = HALF_NORMAL / np.sqrt(freedom(float(bins.sum()), BLOCK_FRAMES))
    quiet_level = level[quiet].mean(axis=0)
    if np.any(quiet_level <= 0):
        return None
    excess = level.mean(axis=0) / quiet_level - 1 - bias
    shape = np.array([freedom(float(b), count * BLOCK_FRAMES) for b in bins])
    return excess, shape**-0.5
