"""Spectrum and waterfall on one frequency axis; wheel and drag never retune."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QGraphicsItem

from sdr_detect import view
from sdr_detect_gui import words
from sdr_detect_gui.boxes import Box
from sdr_detect_gui.legend import Legend
from sdr_detect_gui.selecting import SweptBox
from sdr_detect_gui.spectrum import Traces
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme
from sdr_detect_gui.waterfall import ZOOMS, Waterfall

_AXIS_PX = 96
_TICK_PX = 60
#: Lower plots have no room for a legend, or for a short label alone.
_LEGEND_PX, _LABEL_PX = 220, 380
#: Colours reach from this far over the noise reference to the highest level.
_DARK_DB, _LEAST_SPAN_DB = -2.0, 20.0


class TimeAxis(pg.AxisItem):
    """UTC beside the waterfall; seconds of the stream where UTC is not known."""

    def __init__(self, waterfall: Waterfall) -> None:
        super().__init__("left")
        self._waterfall = waterfall
        self.setStyle(tickLength=4)  # outward: inside, ticks hide what is at the edge
        self.anchor: tuple[int, int | None, float] | None = None
        #: Digits of a second: as many as tell one tick from the next.
        self.digits = 0

    def tickValues(  # noqa: N802 - pyqtgraph's name
        self, _low: float, _high: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Ticks at fixed places; their labels move."""
        return [(_TICK_PX, [float(y) for y in range(8, max(int(size) - 8, 9), _TICK_PX)])]

    def tickStrings(  # noqa: N802 - pyqtgraph's name
        self, values: Sequence[float], _scale: float, _spacing: float
    ) -> list[str]:
        """When the line at each place ended."""
        return [self._label(int(value)) for value in values]

    def _label(self, line: int) -> str:
        sample = self._waterfall.lines.sample_of(line)
        if sample is None or self.anchor is None:
            return ""
        at, at_ns, rate_hz = self.anchor
        if at_ns is None:
            return f"{sample / rate_hz:.1f} s"
        return words.clock(at_ns + round((sample - at) / rate_hz * 1e9), self.digits)

    def renew(self) -> None:
        """Draw the labels anew."""
        self.picture = None
        self.update()


class Plots(pg.GraphicsLayoutWidget):
    """The pair of plots.

    Attributes
    ----------
    pointed : Signal(float, object)
        The pointer is over this frequency, and over this sample (None in the spectrum).
    box_opened : Signal(object)
        A box was clicked.
    note_chosen : Signal(object)
        An annotation was clicked.
    """

    pointed = Signal(float, object)
    box_opened = Signal(object)
    note_chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._tuning: view.Tuning | None = None
        self._zoom = 0
        self._levels_set = False
        self._text_px = 12
        self._level_label = self._axis_label = ""
        self.waterfall = Waterfall(theme)
        self._time = TimeAxis(self.waterfall)
        #: Where a drag with Shift or Ctrl works on a recording.
        self.upper_box, self.lower_box = SweptBox(), SweptBox()
        self.legend = Legend()
        self.addItem(self.legend, row=0, col=0)
        self._upper = self.addPlot(row=1, col=0, viewBox=self.upper_box)
        axes = {"left": self._time}
        self._lower = self.addPlot(row=2, col=0, viewBox=self.lower_box, axisItems=axes)
        self._band = pg.LinearRegionItem(movable=False)
        self._upper.addItem(self._band)
        self._band.hide()
        self.traces = Traces(self._upper, theme)
        self._lower.addItem(self.waterfall)
        self.setMinimumSize(200, 100)
        self._set_up()
        self.set_theme(theme)
        # The application counts numbers in MHz; pyqtgraph would count in GHz.
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._clicked)
        self._lower.vb.sigResized.connect(self._place)
        self._upper.vb.sigResized.connect(self._label)
        self._lower.vb.sigXRangeChanged.connect(self._place)

    def _set_up(self) -> None:
        self.ci.layout.setRowStretchFactor(1, 2)
        self.ci.layout.setRowStretchFactor(2, 3)
        self.ci.layout.setContentsMargins(2, 4, 8, 2)
        self.ci.layout.setVerticalSpacing(2)
        for plot in (self._upper, self._lower):
            plot.hideButtons()
            plot.setMenuEnabled(False)
            plot.getAxis("left").setWidth(_AXIS_PX)
            plot.getAxis("bottom").enableAutoSIPrefix(False)
            plot.getAxis("bottom").setScale(1e-6)
            plot.vb.disableAutoRange()
            for side in ("left", "bottom"):
                # Kept as pixels: drawn anew with every frame, axes cost most of the time.
                cached = QGraphicsItem.CacheMode.DeviceCoordinateCache
                plot.getAxis(side).setCacheMode(cached)
        for axis in self._numbered():  # nothing is counted yet
            axis.setStyle(showValues=False)
        self._upper.getAxis("bottom").setStyle(showValues=False)
        self._upper.showGrid(x=True, y=True, alpha=0.15)
        self._lower.vb.setMouseEnabled(x=True, y=False)
        self._lower.vb.invertY(True)
        self._lower.vb.setDefaultPadding(0)
        self._upper.setXLink(self._lower)

    def _numbered(self) -> tuple[pg.AxisItem, pg.AxisItem]:
        return self._upper.getAxis("left"), self._lower.getAxis("bottom")

    def set_theme(self, theme: Theme) -> None:
        """Other colours."""
        self._theme = theme
        self.setBackground(theme.panel)
        for plot in (self._upper, self._lower):
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(theme.line)
                axis.setTextPen(theme.text)
        fill = QColor(theme.accent)
        fill.setAlpha(50)
        self._band.setBrush(fill)
        for line in self._band.lines:
            line.setPen(pg.mkPen(theme.accent))
        self.traces.set_theme(theme)
        self.waterfall.set_theme(theme)
        self._label()

    def set_text_size(self, pixels: int) -> None:
        """Size of the numbers at the axes."""
        font = QFont("DejaVu Sans")
        font.setPixelSize(pixels)
        for plot in (self._upper, self._lower):
            plot.getAxis("left").setWidth(round(_AXIS_PX * pixels / 12))
            for side in ("left", "bottom"):
                plot.getAxis(side).setTickFont(font)
        self._text_px = pixels
        self._label()

    def _label(self, *_resized: object) -> None:
        """Write labels and legend in the colour and size of now."""
        look = {"color": self._theme.text, "font-size": f"{self._text_px}px"}
        names = {
            "now": tr("now (peak)"), "hold": tr("highest  M"), "floor": tr("noise reference"),
            "threshold": tr("limit of noise, for “now”"),
        }  # fmt: skip
        entries = [(self.traces.curves[name].opts["pen"], text) for name, text in names.items()]
        self.legend.set_look(entries, self._theme.text, self._text_px)
        self.legend.set_shown(self.height() >= _LEGEND_PX)
        low = self.height() < _LABEL_PX * self._text_px / 12
        level = self._level_label.partition(",")[0] if low else self._level_label
        self._upper.setLabel("left", level, **look)
        self._lower.setLabel("bottom", self._axis_label, **look)

    def add(self, rows: Sequence[view.Row]) -> None:
        """Take rows in and draw."""
        for row in rows:
            if row.head.tuning != self._tuning:
                self._tune(row)
            self.waterfall.add(row)
            self.traces.add(row)
        if rows:
            head = rows[-1].head
            self._time.anchor = head.stop_sample, head.stop_ns, head.tuning.sample_rate_hz
            row_s = (head.stop_sample - head.first_sample) / head.tuning.sample_rate_hz
            self._time.digits = 0 if row_s * _TICK_PX > 1 else 1 if row_s * _TICK_PX > 0.1 else 2
            self.traces.draw()
            if not self._levels_set:
                self.fit()
                self._levels_set = rows[-1].floor is not None

    def empty(self) -> None:
        """Empty the waterfall; boxes, levels and the part in view stay."""
        self.waterfall.clear()
        self.traces.clear_hold()

    def _tune(self, row: view.Row) -> None:
        self._tuning = tuning = row.head.tuning
        for axis in self._numbered():
            axis.setStyle(showValues=True)
        self.full_span()
        self._levels_set = False
        calibrated = tuning.dbm_offset_db is not None
        self._level_label = tr("dBm") if calibrated else tr("dBFS, not calibrated")
        self._axis_label = _axis_text(row.head)
        self._label()

    def full_span(self) -> None:
        """All that the receiver hears."""
        if self._tuning is None:
            return
        half, center = self._tuning.sample_rate_hz / 2, self._tuning.center_hz or 0.0
        self._lower.vb.setXRange(center - half, center + half, padding=0)
        self._place()

    def fit(self) -> None:
        """Set levels and colours to what is there."""
        self.traces.fit()
        levels = self.traces.levels_db()
        if levels is not None:
            low = levels[0] + _DARK_DB
            self.waterfall.set_range(low, max(levels[1] - 3, low + _LEAST_SPAN_DB))

    def shift_levels(self, step_db: float) -> None:
        """Make the waterfall darker or lighter."""
        low, high = self.waterfall.range_db
        self.waterfall.set_range(low + step_db, high + step_db)

    def zoom_frequency(self, factor: float) -> None:
        """Zoom about the middle of the view."""
        self._lower.vb.scaleBy((factor, 1))

    def pan_frequency(self, share: float) -> None:
        """Move the view by a share of its width."""
        low, high = self._lower.vb.viewRange()[0]
        self._lower.vb.translateBy(x=share * (high - low), y=0)

    def zoom_time(self, step: int) -> None:
        """More or less time on the same height."""
        self._zoom = max(0, min(len(ZOOMS) - 1, self._zoom + step))
        self._place()

    def renew_times(self) -> None:
        """Draw the times beside the waterfall anew."""
        self._time.renew()

    def freeze(self, text: str) -> None:
        """Say across the waterfall that it stands still; '' when it runs."""
        if text != self.waterfall.frozen:
            self.waterfall.frozen = text
            self.waterfall.update()

    @property
    def view_hz(self) -> tuple[float, float]:
        """Frequencies shown."""
        low, high = self._lower.vb.viewRange()[0]
        return float(low), float(high)

    def _place(self, *_changed: object) -> None:
        """Pixels of the view are columns and lines of the waterfall."""
        low, high = self.view_hz
        if high <= low:
            return
        rect = self._lower.vb.rect()
        width, height = max(int(rect.width()), 1), max(int(rect.height()), 1)
        self.waterfall.show_part(low, high, width, height, ZOOMS[self._zoom])
        self._lower.vb.setYRange(0, height, padding=0)
        self.traces.show_part(low, high, width)
        self.traces.draw()

    def _moved(self, at: QPointF) -> None:
        for plot in (self._upper, self._lower):
            if plot.vb.sceneBoundingRect().contains(at):
                place = plot.vb.mapSceneToView(at)
                line = int(place.y()) if plot is self._lower else None
                sample = None if line is None else self.waterfall.lines.sample_of(line)
                self.pointed.emit(place.x(), sample)

    def _clicked(self, event: object) -> None:
        if event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        at = event.scenePos()  # type: ignore[attr-defined]
        if self._lower.vb.sceneBoundingRect().contains(at):
            place = self._lower.vb.mapSceneToView(at)
            box = self.waterfall.box_at(place.x(), place.y())
            note = self.waterfall.note_at(place.x(), place.y())
            if note is not None and note.key != self.waterfall.chosen:
                self.note_chosen.emit(note)
            elif box is not None:
                self.open_box(box)

    def open_box(self, box: Box) -> None:
        """Zoom to a box and tell."""
        margin = max((box.freq_upper_hz - box.freq_lower_hz) / 4, 1e3)
        self.show_range(box.freq_lower_hz - margin, box.freq_upper_hz + margin)
        self.box_opened.emit(box)

    def show_band(self, edges_hz: tuple[float, float] | None) -> None:
        """Mark a range of frequencies in the spectrum; None marks none."""
        self._band.setVisible(edges_hz is not None)
        if edges_hz is not None:
            self._band.setRegion(edges_hz)

    def show_range(self, low_hz: float, high_hz: float) -> None:
        """Zoom to a range of frequencies."""
        self._lower.vb.setXRange(low_hz, high_hz, padding=0)


def _axis_text(head: view.RowHead) -> str:
    """What the frequency axis shows: RF, how IF comes of it, and the resolution."""
    tuning = head.tuning
    rbw = tr("RBW {rbw:.3g} kHz").format(rbw=head.rbw_hz / 1e3)
    if tuning.center_hz is None or tuning.if_center_hz is None:
        return tr("offset from the unknown centre, MHz") + f" · {rbw}"
    lo_hz = tuning.center_hz + tuning.if_center_hz * (1 if tuning.inverted else -1)
    if not lo_hz:
        return tr("RF, MHz") + f" · {rbw}"
    lo = words.megahertz(lo_hz, 0)
    relation = f"IF = {lo} − RF" if tuning.inverted else f"IF = RF − {lo}"
    turned = tr("inverted") if tuning.inverted else tr("not inverted")
    return tr("RF, MHz") + f" ({relation}, {turned}) · {rbw}"
