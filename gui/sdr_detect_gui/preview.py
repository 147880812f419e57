"""A small spectrogram: what a piece of a file would look like."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from sdr_detect.model import FloatArray
from sdr_detect.sinks import wording
from sdr_detect_gui import history, words
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme, lut

#: Colours reach from just below the noise over at least this.
_LEAST_SPAN_DB = 20.0


class Preview(QWidget):
    """Time upwards, newest on top; frequency to the right, as in the waterfall."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lut = lut(theme.map)
        self.image: QImage | None = None
        self._pixels: history.Pixels | None = None
        self._text = tr("Choose a sample type to see what it makes of the file.")
        self._edges = ("", "", "")
        self.setMinimumSize(220, 160)
        self.setAccessibleName(tr("Spectrogram of a piece of the file"))

    def show_power(
        self, power: FloatArray, samples: int, rate_hz: float | None, center_hz: float | None
    ) -> None:
        """Show (columns, bins) of linear power; without a rate as a share of it."""
        levels = history.codes(power)
        low, high = float(np.median(levels)), float(levels.max())
        low_db = history.level_db(low) - 2
        span_db = max(history.level_db(high) - 3 - low_db, _LEAST_SPAN_DB)
        colours = history.colour_table(self._lut, low_db, low_db + span_db)
        self._pixels = np.ascontiguousarray(colours[levels[::-1]])
        height, width = self._pixels.shape
        self.image = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        if rate_hz is None:
            self._edges = "−½", tr("share of the sample rate"), "+½"
            length = tr("{count} samples").format(count=words.count(samples))
        else:
            half, middle = rate_hz / 2, center_hz or 0.0
            left, right = (words.megahertz(middle + side) for side in (-half, half))
            self._edges = left, "MHz", right
            length = wording.seconds(samples / rate_hz)
        self._text = length
        self.update()

    def tell(self, text: str) -> None:
        """Say why there is no picture."""
        self.image, self._text = None, text
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the picture with its scale, or the text."""
        painter = QPainter(self)
        line = painter.fontMetrics().height() + 4
        frame = QRectF(0.5, 0.5, self.width() - 1, self.height() - line - 1)
        painter.fillRect(frame, QColor(self._theme.back))
        painter.setPen(QColor(self._theme.text))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        if self.image is None:
            painter.drawText(frame.adjusted(12, 0, -12, 0), flags, self._text)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            painter.drawImage(frame, self.image)
            label = painter.fontMetrics().horizontalAdvance(self._text) + 10
            ground = QRectF(frame.right() - label, frame.top(), label, line)
            painter.fillRect(ground, QColor(self._theme.panel))
            painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, self._text)
            below = QRectF(0, frame.bottom() + 2, self.width(), line)
            sides = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter
            for text, side in zip(self._edges, (*sides, Qt.AlignmentFlag.AlignRight), strict=True):
                painter.drawText(below, side | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(QColor(self._theme.line))
        painter.drawRect(frame)
