"""The channel plan as a strip: what is listened to, what was, and when."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sdr_detect import view
from sdr_detect.sinks import wording
from sdr_detect_gui import words
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme


class ChannelStrip(QWidget):
    """One cell a channel; hidden where the receiver is outside the plan."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.cells: list[tuple[str, str, bool]] = []
        self._known = False
        #: Whether there is room for it.
        self.wanted = True
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Channels"))
        self.hide()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Three lines of text."""
        return QSize(200, 3 * self.fontMetrics().height() + 8)

    def show_channels(self, state: view.State | None, tuning: view.Tuning | None) -> None:
        """Show when each was heard; dashes when nothing is known now."""
        if state is not None and state.channels and tuning is not None:
            self._known = True
            self.cells = [_cell(channel, state, tuning) for channel in state.channels]
        else:
            self.cells = [(number, words.UNKNOWN, False) for number, _, _ in self.cells]
        self.setVisible(self._known and self.wanted)
        self.setToolTip("" if state is None else _seen(state, tuning))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the cells; text that has no room is cut with a sign."""
        painter = QPainter(self)
        width = self.width() / max(len(self.cells), 1)
        metrics = painter.fontMetrics()
        for k, (number, text, hit) in enumerate(self.cells):
            cell = QRectF(k * width + 1, 0, width - 2, self.height() - 1)
            ground = QColor("#a63a00") if hit else QColor(self.theme.panel)
            painter.fillRect(cell, ground)
            painter.setPen(QColor(self.theme.line))
            painter.drawRect(cell)
            painter.setPen(QColor("#ffffff" if hit else self.theme.text))
            inside = cell.adjusted(5, 2, -3, -2)
            painter.drawText(inside, Qt.AlignmentFlag.AlignTop, number + (" ▲" if hit else ""))
            room, right = int(inside.width()), Qt.TextElideMode.ElideRight
            cut = "\n".join(metrics.elidedText(line, right, room) for line in text.split("\n"))
            painter.drawText(inside.adjusted(0, metrics.height(), 0, 0), 0, cut)


def _cell(
    channel: view.ChannelPart, state: view.State, tuning: view.Tuning
) -> tuple[str, str, bool]:
    """Number, what is known of it, and whether a terminal-like track lies in it."""
    hit = any(
        track.role == "user_terminal"
        and track.freq_lower_hz < channel.freq_upper_hz
        and track.freq_upper_hz > channel.freq_lower_hz
        for track in state.tracks
    )
    number = f"{channel.number}"
    if not channel.watched_s:
        return number, tr("not watched"), hit
    text = tr("{time}\nPoI {poi}").format(
        time=words.duration(channel.watched_s), poi=wording.percent(round(channel.poi, 3))
    )
    half = (tuning.usable_hz or tuning.sample_rate_hz) / 2
    center = tuning.center_hz
    if center is not None and channel.freq_lower_hz < center + half:
        number += " ●" if channel.freq_upper_hz > center - half else ""
    return number, text, hit


def _seen(state: view.State, tuning: view.Tuning | None) -> str:
    """When something like a terminal was last seen in each channel."""
    if tuning is None:
        return ""
    now_s = state.next_sample / tuning.sample_rate_hz
    return "\n".join(
        tr("channel {number}: something like a terminal was last seen {ago} ago").format(
            number=channel.number, ago=words.duration(round(max(now_s - channel.last_seen_s, 0)))
        )
        for channel in state.channels
        if channel.last_seen_s is not None
    )
