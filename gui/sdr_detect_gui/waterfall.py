"""The waterfall: time downwards, newest on top, one line of pixels for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QImage, QPainter, QPen

from sdr_detect import view
from sdr_detect_gui import history
from sdr_detect_gui.boxes import Box, Boxes, track_of
from sdr_detect_gui.notes import MAX_LABEL, Annotation
from sdr_detect_gui.theme import Theme, lut

#: Rows kept: 68 s at 30 rows/s, 8 MiB at 4096 bins.
ROWS = 2048
#: Rows a line of pixels may cover.
ZOOMS = (1, 2, 4)
#: Annotations drawn at a time.
MAX_MARKED = 300
#: Of a lower annotation only the sides are drawn.
LOW_PX = 16
#: So near to one a click means it.
NEAR_PX = 4


@dataclass(frozen=True, slots=True)
class Marked:
    """A box as it is drawn."""

    rect: QRectF
    label: str
    found: bool = True
    strong: bool = False


class Waterfall(pg.GraphicsObject):
    """An item in a view box whose vertical unit is a line of pixels."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lut = lut(theme.map)
        self._range_db = (-110.0, -60.0)
        self._colours = history.colour_table(self._lut, *self._range_db)
        self._history: history.History | None = None
        self._lines = history.Lines(1, 1)
        self._tuning: view.Tuning | None = None
        self._view_hz = (0.0, 1.0)
        self.boxes = Boxes()
        self.tracks: tuple[view.TrackPart, ...] = ()
        #: What somebody else marked in a recording, in order of time.
        self.annotations: list[Annotation] = []
        self.annotations_shown = True
        #: Key of the annotation that is edited.
        self.chosen: int | None = None
        #: What the user selects or carries.
        self.drawn: list[Box] = []
        self.frozen = ""
        self.on_lines: Callable[[], None] = lambda: None

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """Whole of the view."""
        low, high = self._view_hz
        return QRectF(low, 0, high - low, self._lines.count)

    @property
    def lines(self) -> history.Lines:
        """What is drawn."""
        return self._lines

    def set_theme(self, theme: Theme) -> None:
        """Other colours for the same levels."""
        self._theme, self._lut = theme, lut(theme.map)
        self.set_range(*self._range_db)

    def set_range(self, low_db: float, high_db: float) -> None:
        """Levels of the darkest and the lightest colour."""
        self._range_db = low_db, high_db
        self._colours = history.colour_table(self._lut, low_db, high_db)
        self._lines.recolour(self._colours)
        self.update()

    @property
    def range_db(self) -> tuple[float, float]:
        """Levels of the darkest and the lightest colour."""
        return self._range_db

    def add(self, row: view.Row) -> None:
        """Append a row of spectra."""
        head = row.head
        kept = self._history
        if kept is None or kept.bins != head.bins or head.tuning != self._tuning:
            self._history = kept = history.History(ROWS, head.bins)
            self._tuning = head.tuning
            self.boxes.clear()
            self._rebuild()
        coded = history.codes(row.peak)
        kept.push(coded, head.first_sample, head.stop_sample)
        first, stop = self._bins()
        pooled = history.pool(coded, first, stop, self._lines.columns).astype(np.uint8, copy=False)
        self._lines.push(pooled, head.first_sample, head.stop_sample, self._colours)
        self.update()

    def clear(self) -> None:
        """Empty the rows; boxes stay."""
        if self._history is not None:
            self._history = history.History(ROWS, self._history.bins)
            self._rebuild()

    def show_part(
        self, low_hz: float, high_hz: float, columns: int, count: int, per_line: int
    ) -> None:
        """What part of the spectrum to draw, on how many pixels."""
        wanted = (low_hz, high_hz), columns, count, per_line
        lines = self._lines
        if wanted == (self._view_hz, lines.columns, lines.count, lines.per_line):
            return
        self.prepareGeometryChange()
        self._view_hz = low_hz, high_hz
        self._lines = history.Lines(max(columns, 1), max(count, 1), per_line)
        self._rebuild()
        self.update()

    def _bins(self) -> tuple[float, float]:
        """Visible range as positions in bins, whose centres lie half a bin inside."""
        assert self._tuning is not None
        assert self._history is not None
        low, high = self._view_hz
        width = self._tuning.sample_rate_hz / self._history.bins
        origin = (self._tuning.center_hz or 0.0) - self._tuning.sample_rate_hz / 2 - width / 2
        return (low - origin) / width, (high - origin) / width

    def _rebuild(self) -> None:
        lines = history.Lines(self._lines.columns, self._lines.count, self._lines.per_line)
        self._lines = lines
        if self._history is not None and self._history.count:
            lines.rebuild(self._history, *self._bins(), self._colours)
        self.on_lines()

    def paint(self, painter: QPainter, *_args: object) -> None:
        """Draw the ring in two parts, then boxes, then what is the matter."""
        lines, (low, high) = self._lines, self._view_hz
        pixels = lines.pixels
        image = QImage(
            pixels.data, lines.columns, lines.count, 4 * lines.columns, QImage.Format.Format_RGB32
        )
        width, top = high - low, lines.top
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        first = min(lines.filled, lines.count - top)
        self._draw(painter, image, QRectF(low, 0, width, first), top)
        rest = lines.filled - first
        if rest:
            self._draw(painter, image, QRectF(low, first, width, rest), 0)
        self._cover_outside(painter)
        self._draw_boxes(painter)
        if self.frozen:
            self._draw_frozen(painter)

    def _draw(self, painter: QPainter, image: QImage, target: QRectF, line: int) -> None:
        source = QRectF(0, line, image.width(), target.height())
        painter.drawImage(target, image, source)

    def _cover_outside(self, painter: QPainter) -> None:
        """Where the receiver does not listen there is nothing, not the edge's level."""
        if self._tuning is None:
            return
        half = self._tuning.sample_rate_hz / 2
        center, (low, high) = self._tuning.center_hz or 0.0, self._view_hz
        blank = QColor(self._theme.back)
        if low < center - half:
            painter.fillRect(QRectF(low, 0, center - half - low, self._lines.count), blank)
        if high > center + half:
            start = center + half
            painter.fillRect(QRectF(start, 0, high - start, self._lines.count), blank)

    def marked(self) -> list[Marked]:
        """Boxes that lie in the view, in its units."""
        found = self._annotated()
        for box in self.boxes.all:
            rect = self._rect(box)
            if rect is not None:
                track = track_of(box, self.tracks)
                found.append(Marked(rect, "" if track is None or not track.id else f"T{track.id}"))
        for box in self.drawn:
            rect = self._rect(box)
            if rect is not None:
                found.append(Marked(rect, "", found=False, strong=True))
        return found

    def _annotated(self) -> list[Marked]:
        """Annotations in the view; of very many the first ones."""
        found = []
        for note, rect in self._placed():
            label = note.label[:MAX_LABEL]
            found.append(Marked(rect, label, found=False, strong=note.key == self.chosen))
            if len(found) >= MAX_MARKED:
                break
        return found

    def _placed(self) -> Iterator[tuple[Annotation, QRectF]]:
        """Annotations that lie in the view, and where."""
        order = self._lines.ordered()
        if not (self.annotations and self.annotations_shown and order.size):
            return
        first, stop = self._lines.starts[order[-1]], self._lines.stops[order[0]]
        low, high = self._view_hz
        for note in self.annotations:
            if note.stop_sample <= first or note.start_sample >= stop:
                continue
            lower = low if note.freq_lower_hz is None else note.freq_lower_hz
            upper = high if note.freq_upper_hz is None else note.freq_upper_hz
            rect = self._rect(Box(note.start_sample, note.stop_sample, lower, upper, 0, 0.0))
            if rect is not None:
                yield note, rect

    def note_at(self, frequency_hz: float, line: float) -> Annotation | None:
        """The smallest annotation under a point; a low one is met beside it too."""
        near = [
            (rect.width() * rect.height(), note)
            for note, rect in self._placed()
            if rect.adjusted(0, -NEAR_PX, 0, NEAR_PX).contains(frequency_hz, line)
        ]
        return min(near, key=lambda pair: pair[0])[1] if near else None

    def _rect(self, box: Box) -> QRectF | None:
        bottom = self._lines.line_of(box.start_sample)
        top = self._lines.line_of(box.stop_sample)
        if top is None:
            return None
        last = self._lines.filled if bottom is None else bottom + 1
        low, high = self._view_hz
        left, right = max(box.freq_lower_hz, low), min(box.freq_upper_hz, high)
        if right <= left:
            return None
        return QRectF(left, top, right - left, max(last - top, 1))

    def box_at(self, frequency_hz: float, line: float) -> Box | None:
        """The newest box under a point."""
        for box in reversed(self.boxes.all):
            rect = self._rect(box)
            if rect is not None and rect.contains(frequency_hz, line):
                return box
        return None

    def _draw_boxes(self, painter: QPainter) -> None:
        light = QPen(QColor("#ffffff"), 1)
        dashed = QPen(QColor("#ffffff"), 1, Qt.PenStyle.DotLine)
        dark = QPen(QColor("#000000"), 1)
        marked = self.marked()
        transform = painter.transform()
        painter.save()
        painter.resetTransform()
        font = QFont(painter.font())
        font.setBold(True)
        painter.setFont(font)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for mark in marked:
            rect = transform.mapRect(mark.rect).adjusted(0, 0, -1, 0)
            if mark.strong:
                self._draw_strong(painter, rect)
            elif not mark.found and rect.height() < LOW_PX:  # an outline would hide it
                painter.setPen(light)
                painter.drawLine(rect.topLeft(), rect.bottomLeft())
                painter.drawLine(rect.topRight(), rect.bottomRight())
                continue
            else:  # two lines, so that one stands out from whatever lies below
                painter.setPen(dark)
                painter.drawRect(rect.adjusted(-1, -1, 1, 1))
                painter.setPen(light if mark.found else dashed)
                painter.drawRect(rect)
            if mark.label and (mark.found or rect.height() > painter.fontMetrics().height()):
                self._draw_label(painter, rect, mark.label)
        painter.restore()

    def _draw_strong(self, painter: QPainter, rect: QRectF) -> None:
        """Two wide lines, with squares at the corners: what is worked on."""
        painter.setPen(QPen(QColor("#000000"), 4))
        painter.drawRect(rect)
        painter.setPen(QPen(QColor("#ffffff"), 2))
        painter.drawRect(rect)
        for corner in (rect.topLeft(), rect.topRight(), rect.bottomLeft(), rect.bottomRight()):
            handle = QRectF(0, 0, 8, 8)
            handle.moveCenter(corner)
            painter.fillRect(handle, QColor("#000000"))
            painter.fillRect(handle.adjusted(1, 1, -1, -1), QColor("#ffffff"))

    def _draw_label(self, painter: QPainter, rect: QRectF, label: str) -> None:
        metrics = painter.fontMetrics()
        frame = QRectF(
            rect.left(), rect.top(), metrics.horizontalAdvance(label) + 8, metrics.height()
        )
        painter.fillRect(frame, QColor("#ffffff"))
        painter.setPen(QColor("#000000"))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, label)

    def _draw_frozen(self, painter: QPainter) -> None:
        """Hatched, so that a picture that stands still is never taken for a steady carrier."""
        rect = painter.transform().mapRect(self.boundingRect())
        painter.save()
        painter.resetTransform()
        painter.fillRect(rect, QBrush(QColor(255, 255, 255, 110), Qt.BrushStyle.BDiagPattern))
        font = QFont(painter.font())
        font.setPixelSize(max(16, min(32, int(rect.width() / 24))))
        font.setBold(True)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        frame = QRectF(0, 0, metrics.horizontalAdvance(self.frozen) + 32, metrics.height() + 16)
        frame.moveCenter(rect.center())
        painter.fillRect(frame, QColor("#a63a00"))
        painter.setPen(QColor("#ffffff"))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self.frozen)
        painter.restore()
