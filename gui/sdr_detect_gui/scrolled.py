"""A part that scrolls up and down where it has too little room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


class Scrolled(QScrollArea):
    """Shows a widget, never narrower than that needs."""

    def __init__(self, inner: QWidget) -> None:
        super().__init__()
        self.setObjectName("plain")
        inner.setObjectName("plain")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)
        self._inner = inner

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """All of the widget; Qt's own answer is as old as the first question."""
        return self._inner.sizeHint()

    def fit(self) -> None:
        """Take the width that the widget and the scroll bar need."""
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self._inner.minimumSizeHint().width() + bar)
