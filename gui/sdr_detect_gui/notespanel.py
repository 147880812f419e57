"""The list of annotations, and a form for the chosen one."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QGridLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QWidget,
)

from sdr_detect.model import Span
from sdr_detect_gui import words
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.edits import Editor
from sdr_detect_gui.notes import Annotation
from sdr_detect_gui.quantity import hertz
from sdr_detect_gui.scrolled import Scrolled
from sdr_detect_gui.texts import tr

_Index = QModelIndex | QPersistentModelIndex
#: From this width on the form stands beside the list.
WIDE_PX = 560


class Rows(QAbstractTableModel):
    """Annotations as rows: label, start and centre."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__()
        self._rate_hz = rate_hz
        self.notes: list[Annotation] = []
        self._heads = (tr("Label"), tr("From, s"), tr("Centre MHz"))

    def renew(self, notes: list[Annotation]) -> None:
        """Show these."""
        self.beginResetModel()
        self.notes = notes
        self.endResetModel()

    def rowCount(self, _parent: _Index | None = None) -> int:  # noqa: N802 - Qt's name
        """Annotations."""
        return len(self.notes)

    def columnCount(self, _parent: _Index | None = None) -> int:  # noqa: N802 - Qt's name
        """Label, start, centre."""
        return len(self._heads)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """What a column holds."""
        shown = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return self._heads[section] if shown else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What stands in a cell."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        note = self.notes[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return note.comment or note.label
        if index.column() == 0:
            return note.label or words.UNKNOWN
        if index.column() == 1:
            return f"{note.start_sample / self._rate_hz:.4f}"
        if note.freq_lower_hz is None or note.freq_upper_hz is None:
            return words.UNKNOWN
        return words.megahertz((note.freq_lower_hz + note.freq_upper_hz) / 2)


class NotesPanel(QWidget):
    """Lists annotations, and edits one.

    Attributes
    ----------
    opened : Signal(object)
        Go to this annotation.
    said : Signal(str)
        Something for the status bar.
    """

    opened = Signal(object)
    said = Signal(str)

    def __init__(self, editor: Editor, rate_hz: float, stop_sample: int) -> None:
        super().__init__()
        self._editor, self._rate_hz, self._stop_sample = editor, rate_hz, stop_sample
        self.rows = Rows(rate_hz)
        self.table = QTableView()
        self.table.setModel(self.rows)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumHeight(60)
        self.table.setAccessibleName(tr("Annotations"))
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        self.table.activated.connect(lambda index: self.opened.emit(self.rows.notes[index.row()]))
        self.state = Shrinking()
        self.fields: dict[str, QLineEdit] = {}
        self.form = Scrolled(self._form())
        self.box = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.box.setContentsMargins(8, 6, 8, 6)
        self.box.addWidget(self.table, 1)
        self.box.addWidget(self.form)
        editor.changed.connect(self.renew)
        self.renew()

    def _form(self) -> QWidget:
        form = QWidget()
        grid = QGridLayout(form)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        rows = (
            (tr("Label"), ("label",)), (tr("Comment"), ("comment",)),
            (tr("Time, s"), ("start", "stop")), (tr("RF, MHz"), ("lower", "upper")),
        )  # fmt: skip
        sides = tr("from"), tr("to")
        for row, (title, names) in enumerate(rows):
            label = QLabel(title)
            label.setObjectName("dim")
            grid.addWidget(label, row, 0)
            for k, name in enumerate(names):
                field = QLineEdit()
                field.setAccessibleName(title if len(names) == 1 else f"{title} {sides[k]}")
                field.setToolTip(field.accessibleName())
                field.editingFinished.connect(self._edited)
                grid.addWidget(field, row, 1 + k, 1, 3 - len(names))
                self.fields[name] = field
        self.buttons = {
            name: QPushButton(text)
            for name, text in (
                ("add", tr("new  Ctrl+K")), ("place", tr("to selection")),
                ("delete", tr("delete  Del")), ("save", tr("save  Ctrl+S")),
            )
        }  # fmt: skip
        pressed = QGridLayout()
        pressed.setSpacing(6)
        for k, button in enumerate(self.buttons.values()):
            pressed.addWidget(button, k // 2, k % 2)
        grid.addLayout(pressed, 4, 0, 1, 3)
        grid.addWidget(self.state, 5, 0, 1, 3)
        grid.setRowStretch(6, 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        self.buttons["delete"].clicked.connect(self._editor.delete)
        self.buttons["save"].clicked.connect(self._editor.save)
        return form

    def set_wide(self, wide: bool) -> None:
        """Form beside the list, or below it."""
        self.form.fit()
        directions = QBoxLayout.Direction
        self.box.setDirection(directions.LeftToRight if wide else directions.TopToBottom)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Bring the chosen one into view, which only a laid out list can do."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._scroll)

    def _scroll(self) -> None:
        index = self.table.currentIndex()
        if index.isValid():
            self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def renew(self) -> None:
        """Show annotations, the chosen one and whether all is saved."""
        editor = self._editor
        chosen = editor.chosen
        if self.rows.notes is not editor.notes:
            self.rows.renew(editor.notes)
        chooser = self.table.selectionModel()
        chooser.blockSignals(True)
        if chosen is None:
            self.table.clearSelection()
        else:
            row = editor.notes.index(chosen)
            self.table.selectRow(row)
            self._scroll()
        chooser.blockSignals(False)
        self.table.viewport().update()
        self._fill(chosen)
        for name in ("place", "delete"):
            self.buttons[name].setEnabled(chosen is not None)
        self.buttons["save"].setEnabled(editor.unsaved)
        self.state.setToolTip(str(editor.book.path))
        name = editor.book.path.name
        if editor.book.refusal:
            self.state.setText(editor.book.refusal)
        elif editor.unsaved:
            self.state.setText("● " + tr("not saved yet to {name}").format(name=name))
        elif editor.notes:
            self.state.setText("✓ " + tr("all saved in {name}").format(name=name))
        else:
            self.state.setText(tr("go to {name}").format(name=name))

    def _fill(self, note: Annotation | None) -> None:
        texts = dict.fromkeys(self.fields, "")
        if note is not None:
            start_s, stop_s = (s / self._rate_hz for s in (note.start_sample, note.stop_sample))
            edges = (note.freq_lower_hz, note.freq_upper_hz)
            low, high = (
                "" if e is None else f"{e / 1e6:.6f}".rstrip("0").rstrip(".") for e in edges
            )
            texts = {
                "label": note.label, "comment": note.comment, "start": f"{start_s:.7g}",
                "stop": f"{stop_s:.7g}", "lower": low, "upper": high,
            }  # fmt: skip
        for name, field in self.fields.items():
            field.setEnabled(note is not None and not self._editor.book.refusal)
            if field.text() != texts[name]:
                field.setText(texts[name])
                field.setCursorPosition(0)
            field.setModified(False)

    def _row_chosen(self, now: QModelIndex, _before: QModelIndex) -> None:
        if now.isValid():
            self._editor.choose(self.rows.notes[now.row()].key)

    def _edited(self) -> None:
        """Take over what was typed, if it makes sense."""
        if not any(field.isModified() for field in self.fields.values()):
            return
        texts = {name: field.text().strip() for name, field in self.fields.items()}
        where = [name for name in ("start", "stop", "lower", "upper") if self._modified(name)]
        named = self._modified("label") or self._modified("comment")
        if where:
            placed = self._placed(texts)
            if isinstance(placed, str):
                self.said.emit(placed)
                return
            self._editor.place(*placed)
        if named:
            self._editor.rename(texts["label"], texts["comment"])

    def _modified(self, name: str) -> bool:
        return self.fields[name].isModified()

    def _placed(self, texts: dict[str, str]) -> tuple[Span, tuple[float, float] | None] | str:
        """The place that is typed, or what is wrong with it; what is not typed stays exact."""
        note = self._editor.chosen
        assert note is not None  # the fields are open for the chosen one only
        samples = [note.start_sample, note.stop_sample]
        for k, name in enumerate(("start", "stop")):
            if self._modified(name):
                typed_s = hertz(texts[name])
                if typed_s is None:
                    return tr("{text} is no number of seconds").format(text=texts[name] or "''")
                samples[k] = round(typed_s * self._rate_hz)
        if not 0 <= samples[0] < samples[1] <= self._stop_sample:
            last_s = self._stop_sample / self._rate_hz
            return tr("the times must rise, from 0 to {last:.6g} s").format(last=last_s)
        edges = [note.freq_lower_hz, note.freq_upper_hz]
        for k, name in enumerate(("lower", "upper")):
            if self._modified(name):
                edges[k] = hertz(texts[name], 1e6)
        low, high = edges
        if not texts["lower"] and not texts["upper"]:
            return Span(*samples), None
        if low is None or high is None or not low < high:
            return tr("the frequencies must be two rising numbers of MHz, or both empty")
        return Span(*samples), (low, high)
