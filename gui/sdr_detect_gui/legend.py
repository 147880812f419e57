"""What the traces are, in a line above the spectrum: in it, it would hide some of them."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

_STROKE_PX, _GAP_PX = 22, 6


class Legend(pg.GraphicsWidget):  # type: ignore[misc]
    """Strokes and names, as many as there is width for."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[QPen, str]] = []
        self._font = QFont("DejaVu Sans")
        self._colour = QColor()
        self._shown = True

    def set_look(self, entries: list[tuple[QPen, str]], colour: str, pixels: int) -> None:
        """Pens and names, colour and size of the text."""
        self.entries = entries
        self._colour = QColor(colour)
        self._font.setPixelSize(pixels)
        self.set_shown(self._shown)
        self.update()

    def set_shown(self, shown: bool) -> None:
        """Take a line of height, or none."""
        self._shown = shown
        self.setFixedHeight(QFontMetrics(self._font).height() if shown else 0)

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Draw what there is width for, from the right."""
        if not self._shown:
            return
        painter.setFont(self._font)
        metrics = painter.fontMetrics()
        right, height = self.size().width(), self.size().height()
        for pen, name in reversed(self.entries):
            width = metrics.horizontalAdvance(name)
            left = right - width - _STROKE_PX - _GAP_PX
            if left < 0:
                return
            painter.setPen(pen)
            painter.drawLine(QPointF(left, height / 2), QPointF(left + _STROKE_PX, height / 2))
            painter.setPen(self._colour)
            at = QRectF(left + _STROKE_PX + _GAP_PX, 0, width + 2, height)
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter, name)
            right = left - 3 * _GAP_PX
