"""Asks what a file without a header holds: evidence, statements, and how it would look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from sdr_detect.catalog import converters
from sdr_detect.datatype import TYPE_NAMES, parse_datatype
from sdr_detect.formats import raw
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import identify
from sdr_detect.formats.weigh import FIT, UNFIT
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.filestyle import file_style
from sdr_detect_gui.preview import Preview
from sdr_detect_gui.quantity import hertz
from sdr_detect_gui.rawform import consequence, spec_or_fault
from sdr_detect_gui.recording import Reader
from sdr_detect_gui.scrolled import Scrolled
from sdr_detect_gui.texts import tr
from sdr_detect_gui.theme import Theme, stylesheet

#: A picture is made when nothing changed for so long.
_QUIET_MS = 150
_STEPS = 1000


class RawDialog(QDialog):
    """Asks what a raw file holds, or how fast one of another format was sampled.

    Parameters
    ----------
    path : Path
    spec : RawSpec
        What is stated already.
    look : (Theme, float)
        Colours, and size of the text.
    parent : QWidget, optional

    Attributes
    ----------
    stated : Signal(object)
        The `RawSpec` by which to open it.
    """

    stated = Signal(object)

    def __init__(
        self,
        path: Path,
        spec: RawSpec,
        look: tuple[Theme, float],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("What does {name} hold?").format(name=path.name))
        self.setWindowFlag(Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme, scale = look
        self.setStyleSheet(stylesheet(theme, scale) + file_style(theme, scale))
        self._size = path.stat().st_size
        #: Whether the file knows its own sample type.
        self._typed = identify(path).NAME != raw.NAME
        self.spec: RawSpec | None = None
        self._number = 0
        self._waits = False
        self._reasons: dict[str, str] = {}
        self._reader = Reader(path, RawSpec(), self)
        self._reader.weighed.connect(self._weighed)
        self._reader.previewed.connect(self._previewed)
        self._reader.failed.connect(self._failed)
        self.picture = Preview(theme)
        self._build(path)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._look)
        self._prefill(spec)
        self._changed()
        if self._typed:
            self.resize(round(560 * scale), round(320 * scale))
        else:
            self._reader.weigh()
            self.resize(round(980 * scale), round(600 * scale))
        self.rate.setFocus()

    def _build(self, path: Path) -> None:
        megabytes = self._size / 1e6
        text = (
            tr("{name} ({size:,.1f} MB) does not say its sample rate.")
            if self._typed
            else tr("{name} ({size:,.1f} MB) has no header that says what it holds.")
        )
        head = Shrinking(text.format(name=path.name, size=megabytes))
        head.setObjectName("value")
        outer = QVBoxLayout(self)
        outer.addWidget(head)
        across = QHBoxLayout()
        across.addWidget(self._form(), 1)
        seen = self._seen()
        across.addWidget(seen, 1)
        seen.setVisible(not self._typed)
        outer.addLayout(across, 1)
        self.message = Shrinking()
        self.message.setObjectName("value")
        outer.addWidget(self.message)
        self.open_button = QPushButton(tr("open"))
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self._accept)
        cancel = QPushButton(tr("cancel"))
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.open_button)
        outer.addLayout(row)

    def _form(self) -> QWidget:
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels([tr("type"), tr("weight"), "", tr("reason")])
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.setMinimumHeight(90)
        self.table.setAccessibleName(tr("Evidence for each sample type"))
        columns = self.table.horizontalHeader()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        columns.resizeSection(2, 60)
        columns.setStretchLastSection(True)
        self.table.itemSelectionChanged.connect(self._row_chosen)
        self.type = QComboBox()
        self.type.addItems(["", *TYPE_NAMES, "cs16_be", "cf32_be"])
        self.rate = QLineEdit()
        self.rate.setPlaceholderText(tr("for example 2.4M"))
        self.centre = QComboBox()
        for text, value in (
            (tr("RF: on air"), "rf"), (tr("IF: at the receiver"), "if"),
            (tr("not known"), "unknown"),
        ):  # fmt: skip
            self.centre.addItem(text, value)
        self.frequency = QLineEdit()
        self.frequency.setPlaceholderText(tr("MHz, for example 14218.75"))
        self.converter = QComboBox()
        self.converter.addItems(["", *(found.name for found in converters())])
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 4, 0)
        grid.addWidget(self.table, 0, 0, 1, 2)
        self.note = Shrinking()
        self.note.setObjectName("dim")
        grid.addWidget(self.note, 1, 0, 1, 2)
        rows = (
            (tr("Sample type"), self.type), (tr("Sample rate"), self.rate),
            (tr("Centre is"), self.centre), (tr("Frequency"), self.frequency),
            (tr("Converter"), self.converter),
        )  # fmt: skip
        for k, (title, field) in enumerate(rows):
            label = QLabel(title)
            grid.addWidget(label, 2 + k, 0)
            grid.addWidget(field, 2 + k, 1)
            field.setAccessibleName(title)
            for widget in (label, field):
                widget.setVisible(k > 0 or not self._typed)
        self.table.setVisible(not self._typed)
        self.note.setVisible(not self._typed)
        grid.setRowStretch(7 if self._typed else 0, 1)
        grid.setColumnStretch(1, 1)
        for box in (self.type, self.centre, self.converter):
            box.currentIndexChanged.connect(self._changed)
        for line in (self.rate, self.frequency):
            line.textChanged.connect(self._changed)
        return Scrolled(inner)

    def _seen(self) -> QWidget:
        side = QWidget()
        side.setObjectName("plain")
        box = QVBoxLayout(side)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.picture, 1)
        self.place = QSlider(Qt.Orientation.Horizontal)
        self.place.setMaximum(_STEPS)
        self.place.setAccessibleName(tr("Where in the file to look"))
        self.place.valueChanged.connect(self._changed)
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("look at")))
        row.addWidget(self.place, 1)
        box.addLayout(row)
        return side

    def _prefill(self, spec: RawSpec) -> None:
        """Put in what was stated already."""
        if spec.datatype is not None:
            self._set_type(parse_datatype(spec.datatype).name)
        if spec.sample_rate_hz is not None:
            self.rate.setText(f"{spec.sample_rate_hz:.12g}")
        stated_hz = spec.rf_hz if spec.if_hz is None else spec.if_hz
        if stated_hz is not None:
            self.frequency.setText(f"{stated_hz / 1e6:.12g}")
            self.centre.setCurrentIndex(0 if spec.if_hz is None else 1)
            self.converter.setCurrentText(spec.plan.converter.name)

    def _set_type(self, name: str) -> None:
        if self.type.findText(name) < 0:
            self.type.addItem(name)
        self.type.setCurrentText(name)

    def _weighed(self, candidates: list[dict[str, Any]]) -> None:
        self.table.setRowCount(len(candidates))
        for row, found in enumerate(candidates):
            texts = found["datatype"], f"{found['weight']:.2f}", "", found["reason"]
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))
            bar = QProgressBar()
            bar.setTextVisible(False)
            bar.setMaximum(100)
            bar.setValue(round(100 * found["weight"]))
            bar.setMaximumWidth(60)
            self.table.setCellWidget(row, 2, bar)
        self._reasons = {found["datatype"]: found["reason"] for found in candidates}
        fitting = [found for found in candidates if found["weight"] >= UNFIT]
        clear = len(fitting) == 1 and fitting[0]["weight"] >= FIT
        if clear and not self.type.currentText():
            self._set_type(fitting[0]["datatype"])
        self._changed()

    def _row_chosen(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        item = self.table.item(rows[0].row(), 0) if rows else None
        if item is not None:
            self._set_type(item.text())

    def _changed(self) -> None:
        """Judge what is typed; the picture follows when the hands rest."""
        mode = self.centre.currentData()
        self.converter.setEnabled(mode == "if")
        self.frequency.setEnabled(mode != "unknown")
        chosen = "cf32" if self._typed else self.type.currentText()
        texts = chosen, self.rate.text(), mode, self.frequency.text()
        found = spec_or_fault(*texts, self.converter.currentText())
        if isinstance(found, RawSpec) and self._typed:
            found = replace(found, datatype=None)
        self.spec = found if isinstance(found, RawSpec) else None
        self.open_button.setEnabled(self.spec is not None)
        told = found if isinstance(found, str) else consequence(found, self._size)
        self._show_reason(chosen)
        self.message.setText(f"{'…' if self.spec is None else '✓'}  {told}")
        self._quiet.start()

    def _show_reason(self, datatype: str) -> None:
        """What speaks for or against the chosen type, in full."""
        note = tr("Weights are evidence, not a choice: state what was recorded.")
        if datatype in self._reasons:
            note += f"\n{datatype}: {self._reasons[datatype]}"
        self.note.setText(note)
        rows = [r for r, name in enumerate(self._reasons) if name == datatype]
        self.table.blockSignals(True)
        self.table.clearSelection()
        if rows:
            self.table.selectRow(rows[0])
        self.table.blockSignals(False)

    def _look(self) -> None:
        """Ask for a picture, unless one is on its way: then after that."""
        datatype = self.type.currentText()
        if not datatype or self._waits or self._typed:
            return
        self._number += 1
        self._waits = True
        spec = self.spec or RawSpec(datatype, hertz(self.rate.text()) or 1.0)
        self._asked = spec, self.place.value()
        self._reader.preview(self._number, spec, self.place.value() / _STEPS)

    def _previewed(self, head: dict[str, Any], power: Any) -> None:
        self._waits = False
        spec, place = self._asked
        rate_hz = spec.sample_rate_hz if spec.sample_rate_hz != 1.0 else None
        self.picture.show_power(power, head["samples"], rate_hz, spec.center_hz)
        if (self.spec or spec, self.place.value()) != (spec, place) or (
            self.type.currentText() != spec.datatype
        ):
            self._quiet.start()

    def _failed(self, what: str, error: str) -> None:
        if what == "preview":
            self._waits = False
            self.picture.tell(error)
        else:
            self.message.setText(f"✗  {error}")

    def _accept(self) -> None:
        if self.spec is not None:
            self.stated.emit(self.spec)
            self.accept()

    def done(self, result: int) -> None:
        """End the reading process, however the dialog ends."""
        self._quiet.stop()
        self._reader.close()
        super().done(result)
