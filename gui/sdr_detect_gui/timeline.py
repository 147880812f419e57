"""A whole recording along time: strongest frame and mean, position, marks, detections."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal

from sdr_detect import view
from sdr_detect.model import FloatArray
from sdr_detect_gui.recording import Outline
from sdr_detect_gui.selecting import SweptBox
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme

HEIGHT_PX, LOW_HEIGHT_PX = 110, 64


class Timeline(pg.PlotWidget):
    """A scrubber over an overview.

    Attributes
    ----------
    moved : Signal(float)
        The user goes to this second.
    """

    moved = Signal(float)

    def __init__(self, theme: Theme) -> None:
        self.swept_box = SweptBox()
        super().__init__(viewBox=self.swept_box)
        self.setFixedHeight(HEIGHT_PX)
        self.setMenuEnabled(False)
        self.hideButtons()
        item = self.getPlotItem()
        item.getAxis("left").setWidth(96)
        item.setLabel("left", tr("level, dB"))
        item.vb.setMouseEnabled(x=True, y=False)
        self._peak = pg.PlotCurveItem()
        self._mean = pg.PlotCurveItem()
        self._ahead = pg.PlotCurveItem()
        self._looks: Outline | None = None
        self._spans = pg.BarGraphItem(x0=[], x1=[], y0=[], height=[])
        self._here = pg.LinearRegionItem(movable=False)
        self._marks = [pg.InfiniteLine(angle=90, label=name) for name in ("A", "B")]
        for part in (self._spans, self._ahead, self._peak, self._mean, self._here, *self._marks):
            item.addItem(part)
        for mark in self._marks:
            mark.hide()
        self._low_db = -100.0
        self.tracks: tuple[view.TrackPart, ...] = ()
        self.a_s: float | None = None
        self.b_s: float | None = None
        self.scene().sigMouseClicked.connect(self._clicked)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        """Colours."""
        self.setBackground(theme.panel)
        self._peak.setPen(pg.mkPen(theme.hold))
        self._mean.setPen(pg.mkPen(theme.floor))
        self._ahead.setPen(pg.mkPen(theme.dim, style=Qt.PenStyle.DotLine))
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(theme.line)
            axis.setTextPen(theme.text)
        for mark in self._marks:
            mark.setPen(pg.mkPen(theme.threshold, width=2))
            mark.label.setColor(theme.text)
        self._spans.setOpts(brush=pg.mkBrush(theme.threshold), pen=None)

    def show_overview(self, seen: Outline) -> None:
        """The overview so far; where there are no samples it has a hole."""
        edges = seen.first_s + seen.step_s * np.arange(len(seen.peak) + 1)
        for curve, power in ((self._peak, seen.peak), (self._mean, seen.mean)):
            levels = _decibel(power)
            curve.setData(edges, levels, stepMode="center", connect="finite")
            if curve is self._mean and np.isfinite(levels).any():
                self._low_db = float(np.nanmin(levels)) - 6
        if self._looks is not None:
            self._draw_looks(after_s=float(edges[-1]))

    def show_looks(self, seen: Outline) -> None:
        """A few looks along a long file, until the overview has come so far."""
        self._looks = seen
        self._draw_looks(after_s=0.0)

    def _draw_looks(self, after_s: float) -> None:
        assert self._looks is not None
        at = self._looks.first_s + self._looks.step_s * np.arange(len(self._looks.peak))
        later = (at >= after_s) & np.isfinite(self._looks.peak)
        self._ahead.setData(at[later], _decibel(self._looks.peak[later]), connect="finite")

    def show_tracks(self, tracks: tuple[view.TrackPart, ...], rate_hz: float) -> None:
        """Bars where tracks are, along the lower edge."""
        self.tracks = tracks
        starts = [track.start_sample / rate_hz for track in tracks]
        stops = [track.stop_sample / rate_hz for track in tracks]
        low = self._low_db
        self._spans.setOpts(x0=starts, x1=stops, y0=[low] * len(tracks), height=[2.0] * len(tracks))

    def show_position(self, first_s: float, stop_s: float) -> None:
        """What part the plots show."""
        self._here.setRegion((first_s, stop_s))

    def mark(self, which: int, at_s: float | None) -> None:
        """Set mark A (0) or B (1); None takes it away."""
        if which == 0:
            self.a_s = at_s
        else:
            self.b_s = at_s
        line = self._marks[which]
        line.setVisible(at_s is not None)
        if at_s is not None:
            line.setValue(at_s)

    @property
    def selection_s(self) -> tuple[float, float] | None:
        """From the earlier to the later mark; None without both."""
        if self.a_s is None or self.b_s is None or self.a_s == self.b_s:
            return None
        return min(self.a_s, self.b_s), max(self.a_s, self.b_s)

    def _clicked(self, event: object) -> None:
        at: QPointF = event.scenePos()  # type: ignore[attr-defined]
        box = self.getPlotItem().vb
        left = event.button() == Qt.MouseButton.LeftButton  # type: ignore[attr-defined]
        if left and box.sceneBoundingRect().contains(at):
            self.moved.emit(float(box.mapSceneToView(at).x()))


def _decibel(power: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        levels: FloatArray = 10 * np.log10(power)
    levels[~np.isfinite(levels)] = np.nan
    return levels
