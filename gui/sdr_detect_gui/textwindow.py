"""A text in a window of its own, beside which all goes on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

#: Share of the screen's height that is used, at most.
_MOST = 0.85


class TextWindow(QDialog):
    """Shows a text that may be longer than the screen is high.

    Parameters
    ----------
    parent : QWidget
    title, text : str
    rich : bool
        The text is HTML.
    """

    def __init__(self, parent: QWidget, title: str, text: str, *, rich: bool) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QTextBrowser()
        self.text.setFrameShape(QTextBrowser.Shape.NoFrame)
        if rich:
            self.text.setHtml(text)
        else:
            self.text.setPlainText(text)
        self.text.setAccessibleName(title)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.addWidget(self.text, 1)
        box.addWidget(buttons)
        self.ensurePolished()  # sizes follow the font of the window's style
        self._fit(parent)

    def _fit(self, parent: QWidget) -> None:
        """As large as the text, if there is room."""
        room = parent.screen().availableSize() * _MOST
        wide = min(44 * self.text.fontMetrics().averageCharWidth() + 240, room.width())
        page = self.text.document().clone(self)
        page.setDefaultFont(self.text.font())
        page.setTextWidth(wide - 60)
        self.resize(wide, min(round(page.size().height()) + 90, room.height()))
        page.deleteLater()
