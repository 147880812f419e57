"""The panels beside the plots: strength, reasons, health."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from sdr_detect import view
from sdr_detect_gui import words
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.condition import Assessment
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme


class Panel(QFrame):
    """A framed group with a heading."""

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(8, 6, 8, 6)
        self.box.setSpacing(3)
        self.heading = Shrinking(heading, wrap=False)
        self.heading.setObjectName("heading")
        self.box.addWidget(self.heading)


class Bar(QWidget):
    """A bar with a mark at the highest value; empty when there is no value."""

    LOW_DB, HIGH_DB = -2.0, 40.0

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.value: float | None = None
        self.highest: float | None = None
        self.setMinimumHeight(30)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw frame, bar, mark and scale."""
        painter = QPainter(self)
        high = self.height() - painter.fontMetrics().height() - 2
        frame = QRectF(0.5, 0.5, self.width() - 1, high - 1)
        if self.value is not None:
            width = self._x(self.value)
            painter.fillRect(QRectF(0, 0, width, high), QColor(self.theme.accent))
        painter.setPen(QColor(self.theme.text))
        painter.drawRect(frame)
        if self.value is not None and self.highest is not None:
            mark = QRectF(self._x(self.highest) - 1.5, 0, 3, high)
            painter.fillRect(mark, QColor(self.theme.threshold))
        for level in range(0, int(self.HIGH_DB), 10):
            at = QRectF(self._x(level) - 20, high + 1, 40, self.height() - high)
            painter.drawText(at, Qt.AlignmentFlag.AlignHCenter, str(level))

    def _x(self, value: float) -> float:
        share = (value - self.LOW_DB) / (self.HIGH_DB - self.LOW_DB)
        return max(0.0, min(1.0, share)) * self.width()


class Meter(Panel):
    """How far the strongest 0.2 ms rise over the background: for turning an antenna."""

    #: A shown value falls by this a second, so that a short burst can be read.
    FALL_DB_PER_S = 6.0

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Strength over background"))
        self.number = QLabel()
        self.number.setAccessibleName(tr("Strength over background"))
        self.peak = QLabel()
        self.peak.setObjectName("dim")
        self.bar = Bar(theme)
        self.box.addWidget(self.number)
        self.box.addWidget(self.bar, 1)
        self.box.addWidget(self.peak)
        self._highest: float | None = None
        self.show_rise(None, 0.0)

    def show_rise(self, rise_db: float | None, elapsed_s: float) -> None:
        """Show the newest value, None when there is none; the bar falls slowly."""
        before = self.bar.value
        if rise_db is None:
            self.bar.value = None
            self.number.setText("—  dB")
            self.peak.setText(tr("no data"))
        else:
            fallen = rise_db if before is None else before - self.FALL_DB_PER_S * elapsed_s
            self.bar.value = shown = max(rise_db, fallen)
            self._highest = max(rise_db, self._highest if self._highest is not None else rise_db)
            self.number.setText(f"{shown:+.1f} dB")
            self.peak.setText(tr("highest {peak:+.1f} dB").format(peak=self._highest))
        self.bar.highest = self._highest
        self.bar.update()

    def clear_peak(self) -> None:
        """Begin the highest value anew."""
        self._highest = None

    def set_theme(self, theme: Theme, scale: float) -> None:
        """Colours and size."""
        self.bar.theme = theme
        self.number.setStyleSheet(f"font-size: {round(30 * scale)}px; font-weight: bold;")
        self.number.setMinimumHeight(round(36 * scale))
        self.peak.setMinimumHeight(self.peak.fontMetrics().height())
        self.bar.setMinimumHeight(round((48 if theme.touch else 36) * min(scale, 1.5)))
        self.bar.update()


class Why(Panel):
    """Reasons for and against, limit, chance of intercept."""

    def __init__(self) -> None:
        super().__init__(tr("Why this verdict"))
        self.text = Shrinking()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.text)
        area.setStyleSheet(
            "QScrollArea, QScrollArea > QWidget > QLabel { background: transparent; }"
        )
        area.viewport().setAutoFillBackground(False)
        self.box.addWidget(area, 1)

    def show_reasons(self, assessment: Assessment, state: view.State | None) -> None:
        """Show them, or that nothing can be said."""
        if state is None or assessment.word == "none":
            text = "— " + tr("not evaluated: no valid data")
        else:
            text = "\n".join(why_lines(state))
        if text != self.text.text():
            self.text.setText(text)


def why_lines(state: view.State) -> list[str]:
    """Reasons, then the figures that qualify them."""
    said = state.verdict
    lines = [f"{sign} {reason}" for sign, reason in words.reasons(said)]
    limit = words.UNKNOWN
    if said.detection_limit_db is not None:
        limit = f"C/N {said.detection_limit_db:+.1f} dB"
    if said.eirp_limit_dbm is not None:
        limit += f", {words.eirp(said)} EIRP"
    chance = words.UNKNOWN if said.poi is None else f"{said.poi:.1%}"
    return [
        *lines,
        tr("Detection limit: {limit} (found with probability 0.9)").format(limit=limit),
        tr("Chance that a terminal on the air used what was watched: {chance}").format(
            chance=chance
        ),
        tr("Chance that noise alone does as well: {pfa:.2g}").format(pfa=said.pfa),
        tr("Judged by {rules}").format(rules=said.rules or words.UNKNOWN),
    ]


class Health(Panel):
    """How the receiver is: each field with a sign, blank when its data are old."""

    def __init__(self) -> None:
        super().__init__(tr("Capture health"))
        self._names = {
            "rate": tr("Rate"), "lost": tr("Lost"), "overload": tr("Overload"),
            "level": tr("Level"), "blind": tr("Blind"), "clock": tr("UTC error"),
            "lo": tr("Converter"), "gain": tr("Gain"), "age": tr("Data age"), "disk": tr("Disk"),
        }  # fmt: skip
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(1)
        self.fields: dict[str, Shrinking] = {}
        for k, (name, label) in enumerate(self._names.items()):
            title = QLabel(label)
            title.setObjectName("dim")
            field = Shrinking(words.UNKNOWN, wrap=False)
            field.setAccessibleName(label)
            grid.addWidget(title, k // 2, 2 * (k % 2))
            grid.addWidget(field, k // 2, 2 * (k % 2) + 1)
            self.fields[name] = field
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        self.box.addLayout(grid)

    def renew(self, values: dict[str, str], tips: dict[str, str]) -> None:
        """Show these values by name of the field; where there is a tip, it says more."""
        for name, value in values.items():
            tip = f"{self._names[name]}: {tips.get(name, value)}"
            if (self.fields[name].text(), self.fields[name].toolTip()) != (value, tip):
                self.fields[name].setText(value)
                self.fields[name].setToolTip(tip)


def health_tips(state: view.State | None) -> dict[str, str]:
    """What the fields of `Health` have no room for."""
    if state is None:
        return {}
    health = state.health
    every = health.lost_count + health.sample_count
    told = tr("{lost} of {every} samples ({share:.2%}), in {gaps} gaps").format(
        lost=words.grouped(health.lost_count),
        every=words.grouped(every),
        share=health.lost_count / max(every, 1),
        gaps=words.grouped(health.gap_count),
    )
    return {"lost": told}


def health_values(
    fresh: bool,
    state: view.State | None,
    tuning: view.Tuning | None,
    age_s: float | None,
    disk_free_bytes: int | None,
) -> dict[str, str]:
    """What the fields of `Health` say. What depends on arriving data is blank when they are old."""
    blank = words.UNKNOWN
    values = dict.fromkeys(
        ("rate", "lost", "overload", "level", "blind", "clock", "lo", "gain", "age", "disk"), blank
    )
    if age_s is not None:
        values["age"] = f"{'✓' if fresh else '✗'} {age_s:.1f} s"
    if disk_free_bytes is not None:
        values["disk"] = f"{disk_free_bytes / 1e9:.0f} GB"
    if tuning is not None:
        turned = " ⇅" if tuning.inverted else ""
        values["lo"] = f"{tuning.converter}{turned}"
        if tuning.gain_db is not None:
            values["gain"] = f"{tuning.gain_db:.1f} dB"
        error_ns = tuning.time_error_ns
        values["clock"] = "? " + tr("unknown") if error_ns is None else f"±{error_ns / 1e6:.3g} ms"
    if state is None or not fresh:
        return values
    health, said = state.health, state.verdict
    lost = health.lost_count
    values["lost"] = f"✗ {words.count(lost)}" if lost else "✓ 0"
    values["blind"] = f"{'✗' if said.blind_s else '✓'} {words.duration(said.blind_s)}"
    if health.rate_hz is not None:
        values["rate"] = f"{health.rate_hz / 1e6:.2f} Msps"
    if health.clipped_share is not None:
        over = health.clipped_share >= 0.01
        values["overload"] = f"{'✗' if over else '✓'} {health.clipped_share:.1%}"
    if health.level_dbfs is not None:
        values["level"] = f"{health.level_dbfs:.1f} dBFS"
    return values
