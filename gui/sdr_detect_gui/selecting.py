"""What is selected of a recording: a stretch of time, and a range of frequencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal


@dataclass(frozen=True, slots=True)
class Selection:
    """A stretch of the stream; ``edges_hz`` is None for all that was received."""

    start_sample: int
    stop_sample: int
    edges_hz: tuple[float, float] | None = None


class SweptBox(pg.ViewBox):
    """A view in which Shift and drag select, and Ctrl and drag move.

    Attributes
    ----------
    swept : Signal(object, bool)
        The rectangle so far, in units of the view, and whether the button is released.
    carried : Signal(object, object, bool)
        Where a drag with Ctrl began, how far it came, and whether the button is released.
    """

    swept = Signal(object, bool)
    carried = Signal(object, object, bool)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802 - its name
        """A drag of the mouse."""
        keys = event.modifiers()
        shift = bool(keys & Qt.KeyboardModifier.ShiftModifier)
        ctrl = bool(keys & Qt.KeyboardModifier.ControlModifier)
        if event.button() != Qt.MouseButton.LeftButton or not (shift or ctrl):
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        start: QPointF = self.mapToView(event.buttonDownPos())
        here: QPointF = self.mapToView(event.pos())
        if shift:
            self.swept.emit(QRectF(start, here).normalized(), event.isFinish())
        else:
            self.carried.emit(start, here - start, event.isFinish())
