"""Pages of panels beside the plots, one at a time, each with a button."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)


def scrolling(content: QWidget) -> QScrollArea:
    """A view of what may be higher than its place."""
    area = QScrollArea()
    area.setObjectName("pages")
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    content.setObjectName("page")
    area.setWidget(content)
    return area


class SidePages(QWidget):
    """Buttons over a stack; what is too high for the window scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget()
        self._row = QHBoxLayout()
        self._row.setSpacing(3)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(self._row)
        box.addWidget(self._stack, 1)

    def add(self, name: str, title: str, panels: Sequence[tuple[QWidget, int]]) -> None:
        """Add a page of panels, each with its share of what height is left."""
        button = QPushButton(title)
        button.setObjectName("tab")
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.show_page(name))
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 0, 0, 0)
        for panel, stretch in panels:
            box.addWidget(panel, stretch)
        area = scrolling(page)
        self._group.addButton(button)
        self._row.addWidget(button, 1)
        self._stack.addWidget(area)
        self.buttons[name] = button
        if len(self.buttons) == 1:
            button.setChecked(True)

    @property
    def current(self) -> str:
        """Name of the page that is shown."""
        return list(self.buttons)[self._stack.currentIndex()]

    def show_page(self, name: str) -> None:
        """Show a page."""
        self._stack.setCurrentIndex(list(self.buttons).index(name))
        self.buttons[name].setChecked(True)

    def show_buttons(self, shown: bool) -> None:
        """Leave the buttons out where only one page is of use."""
        for button in self.buttons.values():
            button.setVisible(shown)
