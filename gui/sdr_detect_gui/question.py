"""A question inside a window, which waits for an answer and blocks nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from sdr_detect_gui.banner import Shrinking


class Question(QFrame):
    """A text with a button for each answer; hidden when nothing is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.text = Shrinking()
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 4, 10, 4)
        self._row.addWidget(self.text, 1)
        self.setStyleSheet(
            "QFrame#strip { background: #33475b; border-radius: 4px; }"
            "QLabel { color: #ffffff; font-weight: bold; }"
            "QPushButton { background: #ffffff; color: #33475b; font-weight: bold; }"
            "QPushButton:focus { border: 3px solid #ffb000; }"
        )
        self.hide()

    def ask(self, text: str, answers: Mapping[str, Callable[[], None]]) -> None:
        """Ask; the first answer has the focus, the last one changes nothing."""
        for button in self.buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self.buttons = []
        for answer, act in answers.items():
            button = QPushButton(answer)
            button.setAutoDefault(True)
            button.clicked.connect(self._answered(act))
            self._row.addWidget(button)
            self.buttons.append(button)
        self.text.setText("?  " + text)
        self.setAccessibleName(text)
        self.show()
        self.buttons[0].setFocus()

    def _answered(self, act: Callable[[], None]) -> Callable[[], None]:
        def answer() -> None:
            self.hide()
            act()

        return answer

    def dismiss(self) -> None:
        """The answer that changes nothing."""
        self.buttons[-1].click()
