"""What ``measure`` told, as figures with their doubts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sdr_detect import __version__
from sdr_detect_gui import words
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.scrolled import Scrolled
from sdr_detect_gui.texts import tr


def figures() -> dict[str, tuple[str, str, float]]:
    """Name, unit and what one unit is of every figure, in the order shown."""
    return {
        "occupied_bandwidth_hz": (tr("Occupied bandwidth"), "kHz", 1e3),
        "x_db_bandwidth_hz": (tr("x-dB bandwidth"), "kHz", 1e3),
        "channel_power_dbm": (tr("Channel power"), "dBm", 1.0),
        "channel_power_dbfs": (tr("Channel power"), "dBFS", 1.0),
        "cn_db": (tr("C/N in the selection"), "dB", 1.0),
        "duty": (tr("Duty cycle"), "%", 0.01),
        "peak_dbfs": (tr("Peak"), "dBFS", 1.0),
        "crest_db": (tr("Peak over mean"), "dB", 1.0),
    }


def _shown(record: dict[str, Any]) -> dict[str, tuple[str, str, float]]:
    """The figures but the power in the unit that says less: dBm where calibrated, dBFS else."""
    calibrated = record["channel_power_dbm"]["value"] is not None
    other = "channel_power_dbfs" if calibrated else "channel_power_dbm"
    return {name: told for name, told in figures().items() if name != other}


def value_text(figure: dict[str, Any], unit: str, size: float) -> str:
    """A value with its standard error, to the digits that the error allows."""
    value, sigma = figure["value"], figure["sigma"]
    if value is None:
        return words.UNKNOWN
    if not sigma:  # None, or none that this method knows
        return f"{value:.1f} {unit}" if unit.startswith("dB") else f"{value / size:.4g} {unit}"
    digits = 0
    while digits < 4 and sigma / size * 10**digits < 1:
        digits += 1
    return f"{value / size:.{digits}f} ± {sigma / size:.{digits}f} {unit}"


def span_text(record: dict[str, Any]) -> str:
    """The selection: time and frequencies."""
    low, high = record["freq_lower_hz"], record["freq_upper_hz"]
    return (
        f"{record['start_s']:.6g}–{record['stop_s']:.6g} s\n"
        f"{words.megahertz(low, 4)}–{words.megahertz(high, 4)} MHz"
    )


def method_text(record: dict[str, Any]) -> str:
    """How it was measured."""
    sources = {
        "given": tr("given"), "quiet_time": tr("pauses of the emission"),
        "beside": tr("frequencies beside it"), "unknown": tr("unknown"),
    }  # fmt: skip
    text = tr(
        "β {beta:g} %, x {x:g} dB; noise from: {noise}; resolution {rbw:.3g} kHz, {n:g} averages"
    )
    return text.format(
        beta=100 * record["beta"],
        x=record["x_db"],
        noise=sources[record["noise_from"]],
        rbw=record["resolution_hz"] / 1e3,
        n=record["averages"],
    )


def doubt(figure: dict[str, Any]) -> str:
    """What stands against a figure."""
    flag = "" if figure["flag"] is None else f"! {figure['flag']}"
    return ": ".join(text for text in (flag, figure["note"]) if text)


class MeasurePanel(QWidget):
    """Figures of the selection, with their doubts.

    Attributes
    ----------
    asked : Signal
        Measure what is selected.
    copied : Signal(str)
        The text that went to the clipboard.
    noise_asked : Signal
        Take what is selected for noise alone, or do so no more.
    """

    asked = Signal()
    noise_asked = Signal()
    copied = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.record: dict[str, Any] | None = None
        self.head = Shrinking(tr("Select: Shift and drag in the plots, or marks A and B."))
        self.head.setObjectName("value")
        self.method = Shrinking()
        self.method.setObjectName("dim")
        self.values: dict[str, QLabel] = {}
        self.doubts: dict[str, Shrinking] = {}
        self._titles: dict[str, QLabel] = {}
        self.beta = _number(0.1, 20.0, 1.0, " %", tr("Share of power outside, β"))
        self.x_db = _number(1.0, 80.0, 26.0, " dB", tr("Level of the x-dB bandwidth"))
        self.noise = QPushButton()
        self.noise.clicked.connect(self.noise_asked)
        self.show_noise(None)
        self.measure = QPushButton(tr("measure  Ctrl+M"))
        self.measure.clicked.connect(self.asked)
        self.copy = QPushButton(tr("copy"))
        self.copy.setEnabled(False)
        self.copy.clicked.connect(lambda: self.copied.emit(self.text()))
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 6)
        box.addWidget(self._scrolled(), 1)
        methods = QHBoxLayout()
        for label, field in (("β", self.beta), ("x", self.x_db)):
            methods.addWidget(QLabel(label))
            methods.addWidget(field, 1)
        box.addLayout(methods)
        box.addWidget(self.noise)
        row = QHBoxLayout()
        row.addWidget(self.measure, 2)
        row.addWidget(self.copy, 1)
        box.addLayout(row)

    def _scrolled(self) -> Scrolled:
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 4, 0)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.head, 0, 0, 1, 2)
        for k, (name, (title, _, _)) in enumerate(figures().items()):
            label, value, note = QLabel(title), QLabel(), Shrinking()
            label.setObjectName("dim")
            value.setObjectName("value")
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            note.setObjectName("doubt")
            grid.addWidget(label, 2 * k + 1, 0)
            grid.addWidget(value, 2 * k + 1, 1)
            grid.addWidget(note, 2 * k + 2, 0, 1, 2)
            self._titles[name], self.values[name], self.doubts[name] = label, value, note
            for part in (label, value, note):
                part.hide()
        grid.addWidget(self.method, 2 * len(self.values) + 1, 0, 1, 2)
        grid.setRowStretch(2 * len(self.values) + 2, 1)
        grid.setColumnStretch(1, 1)
        return Scrolled(inner)

    def show_noise(self, times_s: tuple[float, float] | None) -> None:
        """From when to when there is noise alone; None where the measurement finds it itself."""
        if times_s is None:
            self.noise.setText(tr("noise: take the selection"))
        else:
            start, stop = (f"{at_s:.4g}" for at_s in times_s)
            self.noise.setText(tr("noise: {start}–{stop} s  ✕").format(start=start, stop=stop))

    def begin(self) -> None:
        """A measurement runs."""
        self.head.setText(tr("measuring …"))

    def fail(self, why: str) -> None:
        """It did not measure: earlier figures would be taken for those of now."""
        self.head.setText(f"✗ {why}")
        self.record = None
        self.copy.setEnabled(False)
        self.method.setText("")
        for name in self.values:
            for part in (self._titles[name], self.values[name], self.doubts[name]):
                part.hide()

    def show_record(self, record: dict[str, Any]) -> None:
        """Show what was measured."""
        self.record = record
        self.head.setText(span_text(record))
        self.method.setText(method_text(record))
        shown = _shown(record)
        for name, (_, unit, size) in figures().items():
            value, note = value_text(record[name], unit, size), doubt(record[name])
            self.values[name].setText(value)
            self.doubts[name].setText(note)
            self._titles[name].setVisible(name in shown)
            self.values[name].setVisible(name in shown)
            self.doubts[name].setVisible(name in shown and bool(note))
        self.copy.setEnabled(True)

    def text(self) -> str:
        """All of it as a table for a letter or a spreadsheet."""
        if self.record is None:
            return ""
        record = self.record
        lines = [f"{record['path']}\t{' '.join(span_text(record).split(chr(10)))}"]
        for name, (title, unit, size) in _shown(record).items():
            figure = record[name]
            lines.append(
                "\t".join((title, value_text(figure, unit, size), doubt(figure))).rstrip("\t")
            )
        return "\n".join([*lines, method_text(record), f"sdr-detect {__version__}"]) + "\n"


def _number(low: float, high: float, value: float, unit: str, name: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setDecimals(1)
    field.setValue(value)
    field.setSuffix(unit)
    field.setAccessibleName(name)
    field.setToolTip(name)
    return field
