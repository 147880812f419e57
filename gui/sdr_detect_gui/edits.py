"""Editing annotations, each step of which can be taken back."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from sdr_detect.errors import SinkError
from sdr_detect.model import Span
from sdr_detect_gui.notes import Annotation, Entry, Notebook
from sdr_detect_gui.texts import tr


class Change(QUndoCommand):
    """One annotation becomes another, or comes, or goes."""

    def __init__(self, editor: Editor, key: int, entry: Entry | None, text: str) -> None:
        super().__init__(text)
        self._editor, self._key = editor, key
        self._before, self._after = editor.book.entry(key), entry

    def redo(self) -> None:
        """Do it."""
        self._editor.put(self._key, self._after)

    def undo(self) -> None:
        """Take it back."""
        self._editor.put(self._key, self._before)


class Editor(QObject):
    """Edits the annotations of one recording.

    Attributes
    ----------
    changed : Signal
        Annotations, the chosen one, or whether all is saved have changed.
    said : Signal(str)
        Something for the status bar.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, book: Notebook, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.book = book
        self.stack = QUndoStack(self)
        self.notes = book.notes()
        self._chosen: int | None = None

    @property
    def chosen(self) -> Annotation | None:
        """The annotation that is edited."""
        return next((note for note in self.notes if note.key == self._chosen), None)

    def choose(self, key: int | None) -> None:
        """Edit this one."""
        if key != self._chosen:
            self._chosen = key
            self.changed.emit()

    def put(self, key: int, entry: Entry | None) -> None:
        """Keep an annotation as this, and edit it."""
        self.book.put(key, entry)
        self.notes = self.book.notes()
        self._chosen = key if entry is not None else None
        self.changed.emit()

    def _may(self) -> bool:
        if self.book.refusal:
            self.said.emit(self.book.refusal)
        return not self.book.refusal

    def _do(self, key: int, entry: Entry | None, text: str) -> None:
        if self._may() and entry != self.book.entry(key):
            self.stack.push(Change(self, key, entry, text))
            self.said.emit(tr("{what}; Ctrl+Z takes it back").format(what=text))

    def add(self, span: Span, edges_hz: tuple[float, float] | None) -> None:
        """Annotate a selection."""
        label = tr("mark {number}").format(number=len(self.notes) + 1)
        self._do(self.book.new_key(), self.book.made(span, edges_hz, label), tr("annotation made"))

    def rename(self, label: str, comment: str) -> None:
        """Give the chosen one other words."""
        note = self.chosen
        entry = None if note is None else self.book.entry(note.key)
        if note is not None and entry is not None:
            named = self.book.named(entry, label, comment)
            self._do(note.key, named, tr("annotation renamed"))

    def place(self, span: Span, edges_hz: tuple[float, float] | None) -> None:
        """Move the chosen one."""
        note = self.chosen
        entry = None if note is None else self.book.entry(note.key)
        if note is not None and entry is not None:
            self._do(note.key, self.book.placed(entry, span, edges_hz), tr("annotation moved"))

    def delete(self) -> None:
        """Take the chosen one away."""
        note = self.chosen
        if note is not None:
            self._do(note.key, None, tr("annotation deleted"))

    def undo(self) -> None:
        """Take the last step back."""
        if self.stack.canUndo():
            self.stack.undo()
        else:
            self.said.emit(tr("nothing to take back"))

    def redo(self) -> None:
        """Do what was taken back."""
        if self.stack.canRedo():
            self.stack.redo()
        else:
            self.said.emit(tr("nothing to do again"))

    @property
    def unsaved(self) -> bool:
        """Whether closing would lose something."""
        return self.book.changed

    def save(self) -> bool:
        """Write them; whether that worked."""
        if not self._may():
            return False
        if not self.unsaved:
            self.said.emit(tr("nothing to save"))
            return True
        try:
            self.book.save()
        except SinkError as exc:
            remedy = tr("Not saved. Make the folder writable, or free some space; nothing is lost.")
            self.said.emit(f"{exc}. {remedy}")
            return False
        self.stack.setClean()
        self.said.emit(tr("saved {name}").format(name=self.book.path.name))
        self.changed.emit()
        return True
