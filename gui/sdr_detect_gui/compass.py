"""Level against heading, seen from above: north up, clockwise."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from sdr_detect.features.heading_fit import Lobe
from sdr_detect_gui.headings import Headings, Reference
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme

_RING_DB = 10.0
_LEAST_TOP_DB = 20.0
#: Neighbours farther apart than this are not joined: nothing was heard between.
_JOIN_DEG = 35.0


def reference_text(reference: Reference) -> str:
    """Which north."""
    return tr("true") if reference == "true" else tr("magnetic")


def lobe_text(headings: Headings, lobe: Lobe) -> str:
    """Where the antenna stands, and where it is strongest."""
    now = headings.now_deg
    north = reference_text(headings.reference)
    lines = [tr("turning: type where it stands") if now is None else f"{now:.0f}° {north}"]
    if lobe.heading_deg is not None and lobe.sigma_deg is not None:
        told = tr("strongest {deg:.0f}° ± {sigma:.0f}° {north}")
        lines.append(told.format(deg=lobe.heading_deg, sigma=2 * lobe.sigma_deg + 0.5, north=north))
    elif len(headings):
        lines.append(tr("strongest: not determined"))
    return "\n".join(lines)


class Compass(QWidget):
    """Draws `Headings`."""

    def __init__(self, headings: Headings, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._headings = headings
        self.lobe: Lobe | None = None
        self.fresh = True
        self.setMinimumSize(90, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Strength against heading"))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Small: it grows into what room there is, and is not scrolled away."""
        return QSize(110, 110)

    def _disc(self) -> tuple[QPointF, float]:
        high = self.fontMetrics().height()
        side = min(self.width() - 4 * high, self.height() - 2 * high - 4)
        return QPointF(self.width() / 2, self.height() / 2), max(side / 2, 10.0)

    def _at(self, heading_deg: float, radius: float) -> QPointF:
        middle, _ = self._disc()
        angle = math.radians(heading_deg)
        return middle + QPointF(radius * math.sin(angle), -radius * math.cos(angle))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw rings, levels, where it points and where it is strongest."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, radius = self._disc()
        levels = [
            (b.heading_deg, 10 * math.log10(1 + max(b.excess, 0.0))) for b in self._headings.bins()
        ]
        top = max([level for _, level in levels] + [_LEAST_TOP_DB])
        top = math.ceil(top / _RING_DB) * _RING_DB
        self._paint_rings(painter, middle, radius, top)
        self._paint_levels(painter, levels, radius / top)
        strong = None if self.lobe is None else self.lobe.heading_deg
        if strong is not None:
            painter.setPen(QPen(QColor(self.theme.threshold), 2, Qt.PenStyle.DashLine))
            painter.drawLine(middle, self._at(strong, radius))
        now = self._headings.now_deg
        if now is not None and self.fresh:
            self._paint_needle(painter, now, radius)

    def _paint_rings(self, painter: QPainter, middle: QPointF, radius: float, top: float) -> None:
        painter.setPen(QPen(QColor(self.theme.line), 1))
        for k in range(1, round(top / _RING_DB) + 1):
            ring = radius * k * _RING_DB / top
            painter.drawEllipse(middle, ring, ring)
        for deg in range(0, 360, 30):
            painter.drawLine(self._at(deg, 0.96 * radius), self._at(deg, radius))
        high = painter.fontMetrics().height()
        painter.setPen(QColor(self.theme.text))
        for deg, name in ((0, tr("N")), (90, tr("E")), (180, tr("S")), (270, tr("W"))):
            at = self._at(deg, radius + 0.7 * high)
            box = QRectF(at.x() - 2 * high, at.y() - high / 2, 4 * high, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
        painter.setPen(QColor(self.theme.dim))
        at = self._at(45, radius)
        painter.drawText(QPointF(at.x() + 3, at.y()), f"{top:.0f} dB")

    def _paint_levels(
        self, painter: QPainter, levels: list[tuple[float, float]], scale: float
    ) -> None:
        """Sectors between neighbours; what stands alone is a spoke."""
        middle, _ = self._disc()
        shade = QColor(self.theme.accent)
        shade.setAlpha(70)
        count = len(levels)
        for k, (deg, level) in enumerate(levels):
            here = self._at(deg, level * scale)
            painter.setPen(QPen(QColor(self.theme.accent), 2))
            next_deg, next_level = levels[(k + 1) % count]
            if count > 1 and (next_deg - deg) % 360 <= _JOIN_DEG:
                there = self._at(next_deg, next_level * scale)
                painter.drawLine(here, there)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(shade)
                painter.drawPolygon(QPolygonF([middle, here, there]))
                painter.setBrush(Qt.BrushStyle.NoBrush)
            else:
                painter.drawLine(middle, here)
            painter.setPen(QPen(QColor(self.theme.accent), 5))
            painter.drawPoint(here)

    def _paint_needle(self, painter: QPainter, deg: float, radius: float) -> None:
        """Where it points: a line with a head outside the disc."""
        middle, _ = self._disc()
        painter.setPen(QPen(QColor(self.theme.text), 2))
        painter.drawLine(middle, self._at(deg, radius))
        painter.setBrush(QColor(self.theme.text))
        head = [
            self._at(deg, radius - 9),
            self._at(deg - 4, radius + 5),
            self._at(deg + 4, radius + 5),
        ]
        painter.drawPolygon(QPolygonF(head))
        painter.setBrush(Qt.BrushStyle.NoBrush)
