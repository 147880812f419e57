"""The plot over the waterfall: now, highest so far, noise reference, threshold."""

from __future__ import annotations

from typing import cast

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from sdr_detect import view
from sdr_detect.model import FloatArray
from sdr_detect_gui.history import pool
from sdr_detect_gui.theme import Theme

_LOWEST = np.float32(1e-20)


def decibels(power: FloatArray) -> FloatArray:
    """Levels of linear powers."""
    levels: FloatArray = (10 * np.log10(np.maximum(power, _LOWEST))).astype(np.float32)
    return levels


class Traces:
    """Spectra, pooled to pixels, as curves in a plot. Pens of one pixel: wider cost thrice.

    The threshold belongs to the *now* trace, the peak over one row. Held over many
    rows, noise alone touches it.
    """

    def __init__(self, plot: pg.PlotItem, theme: Theme) -> None:
        self._plot = plot
        self.curves = {name: pg.PlotCurveItem() for name in ("hold", "now", "floor", "threshold")}
        for curve in self.curves.values():
            plot.addItem(curve)
        self.set_theme(theme)
        self.hold_on = True
        self._hold: FloatArray | None = None
        self._row: view.Row | None = None
        self._ranged = False
        #: What makes dBm of dBFS, with a calibration.
        self._offset_db = np.float32(0)
        self._view_hz = (0.0, 1.0)
        self._columns = 1

    def set_theme(self, theme: Theme) -> None:
        """Colours and dashes."""
        solid, dashed = pg.QtCore.Qt.PenStyle.SolidLine, pg.QtCore.Qt.PenStyle.DashLine
        dotted = pg.QtCore.Qt.PenStyle.DashDotLine
        looks = {
            "now": (theme.now, solid),
            "hold": (theme.hold, solid),
            "floor": (theme.floor, dashed),
            "threshold": (theme.threshold, dotted),
        }
        for name, (colour, style) in looks.items():
            self.curves[name].setPen(pg.mkPen(colour, width=1, style=style))

    def add(self, row: view.Row) -> None:
        """Take a row in; `draw` shows it."""
        last = self._row
        if last is not None and last.head.tuning != row.head.tuning:
            self._hold = None
        if self._hold is None or self._hold.shape != row.peak.shape:
            self._hold = row.peak.copy()
        else:
            np.maximum(self._hold, row.peak, out=self._hold)
        self._row = row
        self._offset_db = np.float32(row.head.tuning.dbm_offset_db or 0.0)

    def clear_hold(self) -> None:
        """Begin the highest trace anew."""
        self._hold = None

    def show_part(self, low_hz: float, high_hz: float, columns: int) -> None:
        """What part to draw, on how many pixels."""
        self._view_hz, self._columns = (low_hz, high_hz), max(columns, 1)

    def draw(self) -> None:
        """Put the newest row on the screen."""
        row = self._row
        if row is None:
            return
        tuning = row.head.tuning
        width = tuning.sample_rate_hz / row.head.bins
        origin = (tuning.center_hz or 0.0) - tuning.sample_rate_hz / 2 - width / 2
        low = max(self._view_hz[0], origin)
        high = min(self._view_hz[1], origin + width * row.head.bins)
        if high <= low:
            return
        first, stop = (low - origin) / width, (high - origin) / width
        columns = int(max(2, min(self._columns, np.ceil(stop - first))))
        x = np.linspace(low, high, columns + 1)[:-1] + (high - low) / columns / 2
        now = self._pooled(row.peak, first, stop, columns)
        self.curves["now"].setData(x, now)
        shown = self.hold_on and self._hold is not None
        self.curves["hold"].setVisible(shown)
        if shown and self._hold is not None:
            self.curves["hold"].setData(x, self._pooled(self._hold, first, stop, columns))
        self._draw_reference(row, x, (first, stop, columns))
        if not self._ranged:
            self.fit()

    def _draw_reference(
        self, row: view.Row, x: NDArray[np.float64], part: tuple[float, float, int]
    ) -> None:
        if row.floor is None:
            for name in ("floor", "threshold"):
                self.curves[name].setData([], [])
            return
        floor = self._pooled(row.floor, *part)
        self.curves["floor"].setData(x, floor)
        if row.head.threshold_db is not None:
            self.curves["threshold"].setData(x, floor + np.float32(row.head.threshold_db))

    def _pooled(self, power: FloatArray, first: float, stop: float, columns: int) -> FloatArray:
        pooled = decibels(cast(FloatArray, pool(power, first, stop, columns)))
        return pooled + self._offset_db

    def levels_db(self) -> tuple[float, float] | None:
        """Where the noise lies, and the highest level; None before the first row."""
        if self._row is None:
            return None
        base = decibels(self._row.floor if self._row.floor is not None else self._row.mean)
        top = decibels(self._hold if self._hold is not None else self._row.peak)
        return float(np.median(base)), float(top.max())

    def fit(self) -> None:
        """Set the scale to what is there: never with every row, which would paint twice."""
        levels = self.levels_db()
        if levels is None:
            return
        low, high = (level + float(self._offset_db) for level in levels)
        self._plot.setYRange(low - 10, max(high + 8, low + 40), padding=0)
        self._ranged = True
