"""Spectra of a receiver that moves, set side by side: the whole band in columns."""

from __future__ import annotations

import numpy as np

from sdr_detect import view
from sdr_detect.model import FloatArray

#: Over 500 MHz these are 61 kHz each: some thirty for a slice of 2 MHz.
COLUMNS = 8192
#: Part of the sample rate that is shown where the receiver does not say what is flat.
_USABLE = 0.8


class Band:
    """Peak and mean along a band, as each part of it was last heard, and the highest.

    Parameters
    ----------
    lower_hz, upper_hz : float
        Edges of the band.

    Attributes
    ----------
    now, mean, highest : (COLUMNS,) float32
        Peak and mean of the newest row and highest peak, linear; NaN where nothing
        was heard.
    heard_s : (COLUMNS,) float32
        Stream time of the newest row.
    """

    def __init__(self, lower_hz: float, upper_hz: float) -> None:
        self.lower_hz, self.upper_hz = lower_hz, upper_hz
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        nothing = np.full(COLUMNS, np.nan, np.float32)
        self.now, self.mean = nothing.copy(), nothing.copy()
        self.highest, self.heard_s = nothing.copy(), nothing.copy()
        self.offset_db: float | None = None
        #: Centres heard, newest last.
        self.centers_hz: dict[float, None] = {}

    def column(self, frequency_hz: float) -> float:
        """Where a frequency lies, in columns from the lower edge."""
        return (frequency_hz - self.lower_hz) / (self.upper_hz - self.lower_hz) * COLUMNS

    def add(self, row: view.Row) -> None:
        """Put a row where it belongs."""
        tuning = row.head.tuning
        center_hz, rate_hz = tuning.center_hz, tuning.sample_rate_hz
        if center_hz is None:
            return
        self.centers_hz.pop(center_hz, None)
        self.centers_hz[center_hz] = None
        self.offset_db = tuning.dbm_offset_db
        half_hz = (tuning.usable_hz or _USABLE * rate_hz) / 2
        first = max(int(np.ceil(self.column(center_hz - half_hz))), 0)
        stop = min(int(np.floor(self.column(center_hz + half_hz))), COLUMNS)
        if stop <= first:
            return
        edges_hz = self.lower_hz + np.arange(first, stop + 1) / COLUMNS * (
            self.upper_hz - self.lower_hz
        )
        bins = row.head.bins
        edges = ((edges_hz - center_hz) / rate_hz + 0.5) * bins
        starts = np.clip(edges.astype(np.intp), 0, bins - 1)
        stops = np.minimum(np.maximum(starts[1:], starts[:-1] + 1), bins)
        sums = np.concatenate(([0.0], np.cumsum(row.mean, dtype=np.float64)))
        here = slice(first, stop)
        peak: FloatArray = np.maximum.reduceat(row.peak, starts[:-1]).astype(np.float32)
        peak[-1] = row.peak[starts[-2] : stops[-1]].max()
        self.now[here] = peak
        self.mean[here] = (sums[stops] - sums[starts[:-1]]) / (stops - starts[:-1])
        self.highest[here] = np.fmax(self.highest[here], peak)
        self.heard_s[here] = row.head.stop_sample / rate_hz

    def heard(self, lower_hz: float, upper_hz: float) -> tuple[int, int] | None:
        """First and last column heard in a range, the last one exclusive; None: nothing."""
        first = max(int(self.column(lower_hz)), 0)
        stop = min(int(np.ceil(self.column(upper_hz))), COLUMNS)
        there = np.flatnonzero(np.isfinite(self.mean[first:stop]))
        if not there.size:
            return None
        return first + int(there[0]), first + int(there[-1]) + 1

    @property
    def share_heard(self) -> float:
        """Part of the band that was heard at all."""
        return float(np.isfinite(self.mean).mean())
