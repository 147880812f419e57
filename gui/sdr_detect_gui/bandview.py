"""The view of a sweep: every channel with what it got, and the spectrum set side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sdr_detect import view
from sdr_detect.model import FloatArray
from sdr_detect.sinks import wording
from sdr_detect_gui import words
from sdr_detect_gui.band import Band
from sdr_detect_gui.history import pool
from sdr_detect_gui.spectrum import decibels
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme

#: Where less of the band is heard than this, each channel shows its own slice in full.
MAGNIFY_BELOW = 0.4

_MARGIN_PX = 44
_LEVEL_STEP_DB = 10.0
_HIT = "#a63a00"


@dataclass(frozen=True, slots=True)
class Cell:
    """One channel: what its cell says, and where it lies."""

    number: int
    lower_hz: float
    upper_hz: float
    head: str
    lines: tuple[str, ...]
    hit: bool
    here: bool


def heading(part: view.SweepPart, band: Band) -> str:
    """How the sweep goes on, in a line."""
    dwell = "" if part.dwell_s is None else wording.seconds(part.dwell_s)
    return tr(
        "SWEEP {strategy} · {stops} stops, {dwell} each · {moves} done · {heard} of the band heard"
    ).format(
        strategy=part.strategy, stops=part.stops, dwell=dwell, moves=part.moves,
        heard=f"{100 * band.share_heard:.0f} %",
    )  # fmt: skip


def cells(state: view.State, tuning: view.Tuning | None, band: Band) -> list[Cell]:
    """One for each channel of the plan."""
    return [_cell(channel, state, tuning, band) for channel in state.channels]


def _cell(
    channel: view.ChannelPart, state: view.State, tuning: view.Tuning | None, band: Band
) -> Cell:
    low, high = channel.freq_lower_hz, channel.freq_upper_hz
    hit = any(
        track.role == "user_terminal" and track.freq_lower_hz < high and track.freq_upper_hz > low
        for track in state.tracks
    )
    center = None if tuning is None else tuning.center_hz
    here = center is not None and low <= center <= high
    head = f"{channel.number}" + (" ●" if here else "") + (" ▲" if hit else "")
    lines = [
        f"{_time(channel.watched_s)} · {channel.visits}×",
        tr("PoI {poi}").format(poi=wording.percent(round(channel.poi, 3))),
        _seen(channel, state, tuning),
        _level(band, low, high),
    ]
    return Cell(channel.number, low, high, head, tuple(lines), hit, here)


def _seen(channel: view.ChannelPart, state: view.State, tuning: view.Tuning | None) -> str:
    if channel.last_seen_s is None or tuning is None:
        return tr("not seen")
    ago_s = max(state.next_sample / tuning.sample_rate_hz - channel.last_seen_s, 0)
    return tr("seen −{ago}").format(ago=_time(ago_s))


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else words.duration(seconds)


def _level(band: Band, lower_hz: float, upper_hz: float) -> str:
    """Highest peak in a channel."""
    place = band.heard(lower_hz, upper_hz)
    if place is None:
        return words.UNKNOWN
    level = 10 * np.log10(max(float(np.nanmax(band.highest[slice(*place)])), 1e-20))
    unit = "dBFS" if band.offset_db is None else "dBm"
    return f"{level + (band.offset_db or 0.0):.1f} {unit}"


class BandView(QWidget):
    """Draws a `Band` under its channels; a click chooses what the plots below show."""

    chosen = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.band: Band | None = None
        self.cells: list[Cell] = []
        self.head = ""
        self.shown_hz: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(60)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Sweep over the band"))
        self.hide()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for the words and a plot."""
        return QSize(300, 6 * self.fontMetrics().height() + 150)

    def show_state(
        self, state: view.State, tuning: view.Tuning | None, shown_hz: float | None
    ) -> None:
        """Take in how the sweep stands."""
        if self.band is None or state.sweep is None:
            return
        self.head = heading(state.sweep, self.band)
        self.cells = cells(state, tuning, self.band)
        self.shown_hz = shown_hz
        self.update()

    def say(self, head: str) -> None:
        """Show another heading."""
        if head != self.head:
            self.head = head
            self.update()

    def blank(self) -> None:
        """The data are old: words that rest on them go, the spectrum is history."""
        self.cells = [
            Cell(c.number, c.lower_hz, c.upper_hz, f"{c.number}", (words.UNKNOWN,), False, False)
            for c in self.cells
        ]
        self.update()

    @property
    def magnified(self) -> bool:
        """Whether each channel shows its own slice over its whole width."""
        return self.band is not None and self.band.share_heard < MAGNIFY_BELOW

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw heading, cells, spectrum and scale."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.panel))
        high = painter.fontMetrics().height()
        painter.setPen(QColor(self.theme.dim))
        head = QRectF(6, 1, self.width() - 12, high + 2)
        told = self.head + ("  ·  " + tr("each slice over its channel") if self.magnified else "")
        cut = painter.fontMetrics().elidedText(told, Qt.TextElideMode.ElideRight, int(head.width()))
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter, cut)
        if self.band is None or not self.cells:
            return
        for cell in self.cells:
            self._paint_cell(painter, cell)
        plot = self._plot_rect()
        if plot.height() > 2 * high:
            self._paint_plot(painter, self.band, plot)

    def _line_count(self) -> int:
        """Lines in a cell: fewer where there is little room; with too little, no spectrum."""
        high = self.fontMetrics().height()
        room = int((self.height() - 3 * high) / 2 / high)
        if self.height() <= 5 * high + 15:
            room = int((self.height() - high - 12) / high)
        return max(1, min(5, room))

    def _plot_rect(self) -> QRectF:
        high = self.fontMetrics().height()
        top = high + 6 + self._line_count() * high + 6
        return QRectF(
            _MARGIN_PX, top, self.width() - _MARGIN_PX - 6, self.height() - top - high - 3
        )

    def _x(self, frequency_hz: float) -> float:
        low, high = self.cells[0].lower_hz, self.cells[-1].upper_hz
        plot = self._plot_rect()
        return plot.left() + (frequency_hz - low) / (high - low) * plot.width()

    def _cell_at(self, x: float) -> Cell | None:
        return next(
            (c for c in self.cells if self._x(c.lower_hz) <= x < self._x(c.upper_hz) + 1), None
        )

    def _paint_cell(self, painter: QPainter, cell: Cell) -> None:
        high = painter.fontMetrics().height()
        left, right = self._x(cell.lower_hz), self._x(cell.upper_hz)
        box = QRectF(left + 1, high + 5, right - left - 2, self._line_count() * high + 3)
        painter.fillRect(box, QColor(_HIT if cell.hit else self.theme.back))
        painter.setPen(QColor(self.theme.line))
        painter.drawRect(box)
        painter.setPen(QColor("#ffffff" if cell.hit else self.theme.text))
        texts = (cell.head, *cell.lines)[: self._line_count()]
        metrics, room = painter.fontMetrics(), int(box.width()) - 8
        for k, text in enumerate(texts):
            cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            at = QRectF(box.left() + 5, box.top() + 1 + k * high, room + 3, high)
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter, cut)

    def _paint_plot(self, painter: QPainter, band: Band, plot: QRectF) -> None:
        painter.fillRect(plot, QColor(self.theme.back))
        offset_db = band.offset_db or 0.0
        levels = decibels(band.highest[np.isfinite(band.highest)])
        if not levels.size:
            return
        floor = decibels(band.mean[np.isfinite(band.mean)])
        low = float(np.floor((np.percentile(floor, 2) + offset_db - 4) / 5) * 5)
        high = max(float(levels.max()) + offset_db + 4, low + 20)
        self._paint_scale(painter, plot, low, high)
        for cell in self.cells:
            for values, colour in (
                (band.highest, self.theme.hold),
                (band.now, self.theme.now),
                (band.mean, self.theme.floor),
            ):
                painter.setPen(QPen(QColor(colour), 1))
                self._paint_curve(painter, cell, values, (plot, low - offset_db, high - offset_db))
            self._paint_frame(painter, cell, plot)

    def _paint_scale(self, painter: QPainter, plot: QRectF, low: float, high: float) -> None:
        line = painter.fontMetrics().height()
        step = _LEVEL_STEP_DB
        while step / (high - low) * plot.height() < line:
            step *= 2
        for level in np.arange(np.ceil(low / step), high / step):
            y = plot.bottom() - (level * step - low) / (high - low) * plot.height()
            painter.setPen(QColor(self.theme.line))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(self.theme.text))
            at = QRectF(0, y - line / 2, _MARGIN_PX - 5, line)
            if plot.top() <= at.top():
                painter.drawText(at, Qt.AlignmentFlag.AlignRight, f"{level * step:.0f}")

    def _range(self, cell: Cell) -> tuple[float, float]:
        """Columns over the width of a channel."""
        band = self.band
        assert band is not None  # nothing is painted without
        heard = band.heard(cell.lower_hz, cell.upper_hz)
        if self.magnified and heard is not None:
            return heard
        return band.column(cell.lower_hz), band.column(cell.upper_hz)

    def _paint_curve(
        self,
        painter: QPainter,
        cell: Cell,
        values: FloatArray,
        frame: tuple[QRectF, float, float],
    ) -> None:
        plot, low, high = frame
        first, stop = self._range(cell)
        left, right = self._x(cell.lower_hz) + 1, self._x(cell.upper_hz) - 1
        count = max(int(right - left), 2)
        shown = pool(np.nan_to_num(values), first, stop, count).astype(np.float32)
        step = max((stop - first) / count, 1e-9)
        x = left + np.arange(count) * (right - left) / (count - 1)
        y = plot.bottom() - (decibels(shown) - low) / (high - low) * plot.height()
        y = np.clip(y, plot.top(), plot.bottom())
        heard = shown > 0
        edges = np.flatnonzero(np.diff(np.concatenate(([False], heard, [False])).astype(np.int8)))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            if end - begin == 1 and step > 1:  # narrower than a pixel: a stroke
                painter.drawLine(QPointF(x[begin], y[begin]), QPointF(x[begin], y[begin] + 1))
            points = [QPointF(float(x[k]), float(y[k])) for k in range(begin, end)]
            painter.drawPolyline(QPolygonF(points))

    def _paint_frame(self, painter: QPainter, cell: Cell, plot: QRectF) -> None:
        """The channel's edges, what the plots below show, and its frequency."""
        left, right = self._x(cell.lower_hz), self._x(cell.upper_hz)
        painter.setPen(QPen(QColor(self.theme.line), 1))
        painter.drawRect(QRectF(left, plot.top(), right - left, plot.height()))
        below = self.shown_hz is not None and cell.lower_hz <= self.shown_hz < cell.upper_hz
        if below:
            painter.setPen(QPen(QColor(self.theme.accent), 2))
            painter.drawRect(QRectF(left + 2, plot.top() + 2, right - left - 4, plot.height() - 4))
        painter.setPen(QColor(self.theme.text if below else self.theme.dim))
        text = words.megahertz((cell.lower_hz + cell.upper_hz) / 2, 0)
        if self.magnified and self.band is not None:
            first, stop = self._range(cell)
            width = (self.band.upper_hz - self.band.lower_hz) / len(self.band.now)
            text = words.megahertz(self.band.lower_hz + (first + stop) / 2 * width, 1)
        high = painter.fontMetrics().height()
        at = QRectF(left, plot.bottom() + 1, right - left, high)
        painter.drawText(at, Qt.AlignmentFlag.AlignHCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Choose the channel that was clicked; where all is heard, the slice."""
        cell = self._cell_at(event.position().x()) if self.cells else None
        if cell is None:
            return
        left, right = self._x(cell.lower_hz), self._x(cell.upper_hz)
        share = (event.position().x() - left) / (right - left)
        first, stop = self._range(cell)
        if self.band is not None:
            width = (self.band.upper_hz - self.band.lower_hz) / len(self.band.now)
            self.chosen.emit(self.band.lower_hz + (first + share * (stop - first)) * width)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """All that is known of the channel under the pointer, as a tip."""
        cell = self._cell_at(event.position().x()) if self.cells else None
        if cell is not None:
            edges = f"{words.megahertz(cell.lower_hz)}–{words.megahertz(cell.upper_hz)} MHz"
            names = ("", tr("watched, visits: "), "", tr("like a terminal: "), tr("highest: "))
            lines = [a + b for a, b in zip(names[1:], cell.lines, strict=False)]
            text = "\n".join((tr("channel {number}").format(number=cell.head), edges, *lines))
            QToolTip.showText(event.globalPosition().toPoint(), text, self)
