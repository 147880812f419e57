"""Level of every sub-band, dwell by dwell: what an antenna that turns changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.stft import Dwell
from sdr_detect.events import Event

Floats = NDArray[np.float64]

#: Dwells kept: 3.6 h of 0.1 s.
MAX_DWELLS = 1 << 17

#: The quietest share of the sub-bands, which tells the noise.
QUIET_SHARE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Level above noise of one band, relative to the noise, one value a dwell.

    Parameters
    ----------
    start_s, stop_s : (n,) float64
    excess : (n,) float64
        Power over the noise reference, minus one. NaN where nothing was on.
    while_on : bool
        Bursts were found, and ``excess`` is their mean; otherwise that of all time.
    """

    start_s: Floats
    stop_s: Floats
    excess: Floats
    while_on: bool


class SubBandLevels:
    """An observer of dwells. It stops, and says so, when it is full."""

    def __init__(self) -> None:
        self._key: tuple[float | None, float, int] | None = None
        self._edges_hz: Floats = np.zeros(0)
        self._rows: list[tuple[float, float, NDArray[np.float32]]] = []
        #: Dwells that were not kept: of another tuning, or beyond the cap.
        self.other = 0
        self.capped = 0

    def observe(self, dwell: Dwell) -> list[Event]:
        """Take a dwell; no events."""
        info, layout = dwell.info, dwell.layout
        key = info.center_hz, info.sample_rate_hz, layout.nfft
        if self._key is None:
            self._key = key
            edges = np.append(layout.offsets_hz, layout.offsets_hz[-1] + layout.bin_hz)
            self._edges_hz = edges[layout.subband_edges] - layout.bin_hz / 2
            self._edges_hz = self._edges_hz + (info.center_hz or 0.0)
        if key != self._key:
            self.other += 1
            return []
        if len(self._rows) >= MAX_DWELLS:
            self.capped += 1
            return []
        if dwell.frame_ok.any():
            start_s = info.seconds(dwell.first_sample)
            self._rows.append((start_s, start_s + layout.dwell_s, _row(dwell)))
        return []

    def of(self, band_hz: tuple[float, float] | None, *, while_on: bool) -> Levels:
        """Levels of the sub-bands that a band covers; None means all of them."""
        size = self._edges_hz.size - 1
        weight = np.ones(max(size, 0))
        if band_hz is not None and size > 0:
            low, high = self._edges_hz[:-1], self._edges_hz[1:]
            shared = np.minimum(high, band_hz[1]) - np.maximum(low, band_hz[0])
            weight = np.maximum(shared, 0.0)
            # The most covered ones; a sliver of a neighbour only adds its noise.
            weight[weight < 0.5 * weight.max()] = 0.0
            if not weight.any():
                weight[np.argmin(np.abs((low + high) / 2 - sum(band_hz) / 2))] = 1.0
        part = 1 if while_on else 0
        values = [row[part] @ weight / weight.sum() for _, _, row in self._rows]
        return Levels(
            np.array([start for start, _, _ in self._rows]),
            np.array([stop for _, stop, _ in self._rows]),
            np.array(values, np.float64),
            while_on,
        )


def _row(dwell: Dwell) -> NDArray[np.float32]:
    """(2, subbands): excess over all time, and while bursts are on (NaN without any)."""
    edges = dwell.layout.subband_edges
    floor = np.add.reduceat(dwell.floor[: edges[-1]], edges[:-1]) / np.diff(edges)
    lowest = max(float(np.quantile(floor, QUIET_SHARE)), 1e-30)
    # A carrier that never pauses is part of the quiet level of its own sub-band.
    ratio = np.maximum(1.0, floor / lowest)
    row = np.full((2, edges.size - 1), np.nan, np.float32)
    row[0] = dwell.energy[dwell.frame_ok].mean(axis=0) * ratio - 1
    active = dwell.frame_ok & dwell.active
    if active.any():
        row[1] = dwell.energy[active].mean(axis=0) * ratio - 1
    return row
