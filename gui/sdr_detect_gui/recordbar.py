"""The button that records what was just seen, and how the recording stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from sdr_detect import view
from sdr_detect_gui import words
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.texts import tr

#: A disk that lasts shorter than this is told as a warning.
SHORT_S = 600.0

Mark = Literal["ready", "wait", "on", "failed"]


@dataclass(frozen=True, slots=True)
class Told:
    """What the bar says."""

    mark: Mark
    button: str
    text: str
    tip: str = ""


def outlook(part: view.RecorderPart) -> str:
    """How long the disk lasts."""
    if not part.bytes_per_s:
        return words.UNKNOWN
    left_s = part.disk_free_bytes / part.bytes_per_s
    sign = "! " if left_s < SHORT_S else ""
    if left_s >= 100 * 3600:
        return sign + tr("disk: > 100 h")
    if left_s >= 3600:
        return sign + tr("disk: {hours:.0f} h").format(hours=left_s / 3600)
    return sign + tr("disk: {minutes:.0f} min").format(minutes=left_s / 60)


def told(part: view.RecorderPart | None, *, wanted: bool, fresh: bool) -> Told:
    """What to say of a recorder; ``wanted`` is what this window asked for last."""
    if part is None or not fresh:
        if wanted:
            return Told("wait", tr("■ STOP  R"), tr("recording waits for data"))
        return Told("ready", tr("● RECORD  R"), tr("nothing is kept yet"))
    name = "" if part.path is None else Path(part.path).name
    if part.recording:
        seconds = part.data_bytes / part.bytes_per_s if part.bytes_per_s else 0.0
        text = tr("{time} · {size}B · {disk}").format(
            time=words.duration(round(seconds)), size=words.count(part.data_bytes),
            disk=outlook(part),
        )  # fmt: skip
        return Told("on", tr("■ STOP  R"), text, name)
    if part.failure is not None:
        return Told("failed", tr("● RECORD  R"), tr("ENDED: {why}").format(why=part.failure), name)
    if wanted:
        return Told("wait", tr("■ STOP  R"), tr("begins …"), name)
    text = tr("keeps last {time} · {disk}").format(
        time=words.duration(round(part.kept_s)), disk=outlook(part)
    )
    if name:
        return Told("ready", tr("● RECORD  R"), text, tr("last: {name}").format(name=name))
    return Told("ready", tr("● RECORD  R"), text)


class RecordBar(QWidget):
    """Button and state; hidden where nothing can be recorded."""

    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.button = QPushButton(tr("● RECORD  R"))
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setAccessibleName(tr("Record"))
        self.button.clicked.connect(self.pressed)
        self.text = Shrinking("", wrap=False)
        self.text.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(self.text)
        self.shown: Told | None = None

    def show_recorder(self, said: Told) -> None:
        """Show it; nothing is done when it is shown already."""
        if said == self.shown:
            return
        before, self.shown = self.shown, said
        self.button.setText(said.button)
        self.text.setText(said.text)
        self.text.setToolTip("\n".join(filter(None, (said.text, said.tip))))
        if before is None or before.mark != said.mark:
            ground = {"ready": "#8b1a1a", "wait": "#7a4b00", "on": "#c00000", "failed": "#8b1a1a"}
            edge = "#ffffff" if said.mark in ("on", "wait") else ground[said.mark]
            self.button.setStyleSheet(
                f"background: {ground[said.mark]}; color: #ffffff; font-weight: bold;"
                f"border: 2px solid {edge};"
            )
            weight = "bold" if said.mark in ("on", "failed") else "normal"
            self.text.setStyleSheet(f"font-weight: {weight};")
