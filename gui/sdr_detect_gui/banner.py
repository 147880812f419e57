"""The verdict, in words, with a sign and a colour."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout

from sdr_detect_gui import words
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import VERDICT_COLOURS


class Shrinking(QLabel):
    """A label that wraps and never keeps the window from becoming smaller."""

    def __init__(self, text: str = "", *, wrap: bool = True) -> None:
        super().__init__(text)
        self.setWordWrap(wrap)
        self.setMinimumWidth(1)
        policy = QSizePolicy.Policy.Preferred if wrap else QSizePolicy.Policy.Maximum
        self.setSizePolicy(QSizePolicy.Policy.Ignored, policy)


class BannerView(QFrame):
    """Shows a `words.Banner`."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.sign = QLabel()
        self.title = Shrinking()
        self.sentence = Shrinking()
        self.facts = QLabel()
        self.why = QPushButton(tr("Why?  W"))
        self.why.setAccessibleName(tr("Why this verdict"))
        self.why.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(self.title)
        texts.addWidget(self.sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 14, 6)
        row.setSpacing(14)
        row.addWidget(self.sign)
        row.addLayout(texts, 1)
        row.addWidget(self.facts)
        row.addWidget(self.why)
        self.shown: words.Banner | None = None
        self._scale = 1.0

    def set_scale(self, scale: float) -> None:
        """Enlarge the text."""
        self._scale = scale
        self._paint()

    def show_banner(self, banner: words.Banner) -> None:
        """Show it; nothing is done when it is shown already."""
        if banner == self.shown:
            return
        before, self.shown = self.shown, banner
        self.sign.setText(banner.sign)
        self.title.setText(banner.title)
        self.sentence.setText(banner.sentence)
        self.facts.setText("\n".join(banner.facts))
        self.setAccessibleName(f"{banner.title}. {banner.sentence}")
        if before is None or before.word != banner.word:
            self._paint()

    def set_narrow(self, narrow: bool) -> None:
        """Leave the figures out where there is no room."""
        self.facts.setVisible(not narrow)

    def _paint(self) -> None:
        if self.shown is None:
            return
        ground, scale = VERDICT_COLOURS[self.shown.word], self._scale
        self.setStyleSheet(
            f"QFrame#banner {{ background: {ground}; border-radius: 4px; }}"
            f"QLabel {{ color: #ffffff; font-size: {round(13 * scale)}px; }}"
            f"QPushButton {{ background: #ffffff; color: {ground}; font-weight: bold; }}"
        )
        self.sign.setStyleSheet(f"font-size: {round(36 * scale)}px;")
        self.title.setStyleSheet(f"font-size: {round(20 * scale)}px; font-weight: bold;")


class Strip(QFrame):
    """What is the matter and what to do; hidden when all is well."""

    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.text = Shrinking()
        self.button = QPushButton(tr("Try again now"))
        self.noted = QPushButton(tr("OK"))
        self.noted.setAccessibleName(tr("Do not tell again"))
        self.noted.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        row.addWidget(self.noted)
        self.hide()

    def tell(self, severity: str, text: str, *, retry: bool, dismiss: bool = False) -> None:
        """Show a message; '' hides the strip."""
        self.setVisible(bool(text))
        sign = {"error": "✗", "warning": "!", "info": "…"}[severity]
        said = f"{sign}  {text}"
        self.button.setVisible(retry)
        self.noted.setVisible(dismiss)
        if self.text.text() == said:
            return
        self.text.setText(said)
        ground = {"error": "#8b1a1a", "warning": "#7a4b00", "info": "#33475b"}[severity]
        self.setStyleSheet(
            f"QFrame#strip {{ background: {ground}; border-radius: 4px; }}"
            "QLabel { color: #ffffff; font-weight: bold; }"
            f"QPushButton {{ background: #ffffff; color: {ground}; font-weight: bold; }}"
        )
