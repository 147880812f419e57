"""The panel for turning an antenna: compass, heading, tone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
)

from sdr_detect.features.heading_fit import Lobe
from sdr_detect.pointing.rotctld import split_address
from sdr_detect.pointing.timeline import parse_typed
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.compass import Compass, lobe_text
from sdr_detect_gui.headings import Headings, Rotator
from sdr_detect_gui.side import Panel
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme
from sdr_detect_gui.tone import Tone

REFERENCES = ("true", "magnetic")


class HeadingPanel(Panel):
    """Takes headings, typed or of a rotator, and shows what was heard at them."""

    def __init__(self, headings: Headings, tone: Tone, theme: Theme) -> None:
        super().__init__(tr("Strength against heading"))
        self.headings = headings
        self.tone = tone
        self.rotator: Rotator | None = None
        self.compass = Compass(headings, theme)
        self.told = Shrinking()
        self.told.setMinimumHeight(2 * self.fontMetrics().height())
        self.said = Shrinking()
        self.said.setObjectName("dim")
        self.entry = QLineEdit()
        self.entry.setPlaceholderText(tr("heading, degrees"))
        self.entry.setAccessibleName(tr("Heading in degrees"))
        self.entry.returnPressed.connect(self.take_typed)
        self.north = QComboBox()
        self.north.addItems([tr("true"), tr("magnetic")])
        self.north.setAccessibleName(tr("Which north headings count from"))
        self.north.currentIndexChanged.connect(self._refer)
        self.address = QLineEdit()
        self.address.setPlaceholderText(tr("rotctld HOST:PORT"))
        self.address.setAccessibleName(tr("Rotator's address"))
        self.follow = QPushButton(tr("Follow"))
        self.follow.setCheckable(True)
        self.follow.clicked.connect(self._toggle_rotator)
        self.tone_button = QPushButton(tr("♪ Tone  T"))
        self.tone_button.setCheckable(True)
        self.tone_button.clicked.connect(tone.toggle)
        self.mark = QPushButton(tr("Turn  H"))
        self.mark.setToolTip(tr("The antenna turns: type where it stands, then Return"))
        self.mark.clicked.connect(self.begin_turn)
        self.empty = QPushButton(tr("Clear"))
        self.empty.clicked.connect(self._clear)
        tone.changed.connect(self._tone_changed)
        self._lay_out()
        self.renew(fresh=True)

    def _lay_out(self) -> None:
        self.box.addWidget(self.compass, 1)
        self.box.addWidget(self.told)
        for row in (
            (self.entry, self.north, self.mark),
            (self.address, self.follow),
            (self.tone_button, self.empty),
        ):
            line = QHBoxLayout()
            line.setSpacing(4)
            for widget in row:
                if isinstance(widget, QPushButton):
                    widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                else:
                    widget.setMinimumWidth(60)
                line.addWidget(widget, int(isinstance(widget, QLineEdit)))
            self.box.addLayout(line)
        self.box.addWidget(self.said)

    def begin_turn(self) -> None:
        """The antenna turns from now on; the next number typed says where it stands."""
        if self.rotator is None:
            self.headings.now_deg = None
        self.entry.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.entry.selectAll()
        self.renew(fresh=True)

    def take_typed(self) -> None:
        """Take the heading that was typed."""
        try:
            self.headings.now_deg = parse_typed(self.entry.text().replace(",", ".").rstrip("° "))
        except ValueError:
            self.said.setText(tr("{text!r} is no heading: type degrees, as 123.5").format(
                text=self.entry.text()[:20]))  # fmt: skip
            return
        self.said.setText("")
        self.entry.clearFocus()
        self.renew(fresh=True)

    def _refer(self, index: int) -> None:
        reference = "true" if index == 0 else "magnetic"
        if self.headings.refer_to(reference):  # type: ignore[arg-type]
            self.said.setText(tr("begun anew: headings of two norths do not stand together"))
        self.renew(fresh=True)

    def _toggle_rotator(self) -> None:
        if self.rotator is not None:
            self.rotator.close()
            self.rotator = None
            self.headings.now_deg = None
            self.said.setText("")
        else:
            try:
                address = split_address(self.address.text().strip() or "localhost")
            except ValueError as exc:
                self.said.setText(str(exc))
                self.follow.setChecked(False)
                return
            self.rotator = Rotator(address, self)
            self.rotator.pointed.connect(self._pointed)
            self.rotator.complained.connect(self._lost)
            self.rotator.start()
            self.said.setText(tr("asking the rotator …"))
        self.follow.setChecked(self.rotator is not None)

    def _pointed(self, deg: float) -> None:
        self.headings.now_deg = deg
        self.said.setText(tr("heading by the rotator"))

    def _lost(self, text: str) -> None:
        self.headings.now_deg = None
        self.said.setText(text)

    def _clear(self) -> None:
        """Forget what was noted; pressed again, take that back."""
        now = self.headings.now_deg
        if self.headings.can_take_back:
            self.headings.take_back()
        else:
            self.headings.clear()
            self.headings.now_deg = now
        self.renew(fresh=True)

    def _tone_changed(self) -> None:
        self.tone_button.setChecked(self.tone.on)
        self.said.setText(
            self.tone.failure
            or (
                tr("higher = stronger · buzz = overload · silence = no data")
                if self.tone.on
                else ""
            )
        )

    def renew(self, *, fresh: bool) -> None:
        """Show what was heard so far."""
        self.empty.setText(tr("Take back") if self.headings.can_take_back else tr("Clear"))
        self.show_lobe(self.headings.lobe() if self.isVisible() else None, fresh=fresh)

    def show_lobe(self, lobe: Lobe | None, *, fresh: bool) -> None:
        """Show a lobe that is computed already."""
        self.compass.lobe, self.compass.fresh = lobe, fresh
        self.compass.update()
        if lobe is not None:
            self.told.setText(lobe_text(self.headings, lobe))
            self.told.setToolTip(lobe.reason)

    def set_compact(self, compact: bool) -> None:
        """Compass and entry alone: the compass large."""
        for widget in (self.address, self.follow, self.tone_button, self.empty):
            widget.setVisible(not compact)

    def set_theme(self, theme: Theme) -> None:
        """Other colours."""
        self.compass.theme = theme
        self.compass.update()

    def close_all(self) -> None:
        """End thread and sound."""
        self.tone.close()
        if self.rotator is not None:
            self.rotator.close()
            self.rotator = None
