"""What one does with a recording: select, measure, annotate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtWidgets import QApplication, QTabWidget, QVBoxLayout, QWidget

from sdr_detect.model import Span
from sdr_detect_gui.boxes import Box
from sdr_detect_gui.edits import Editor
from sdr_detect_gui.measurepanel import MeasurePanel
from sdr_detect_gui.measuring import Measurer
from sdr_detect_gui.notes import Annotation, Notebook
from sdr_detect_gui.notespanel import WIDE_PX, NotesPanel
from sdr_detect_gui.selecting import Selection
from sdr_detect_gui.stating import options
from sdr_detect_gui.texts import tr

if TYPE_CHECKING:
    from sdr_detect_gui.filewindow import FileWindow

#: Narrower than this on the screen, a sweep was a slip of the hand.
_LEAST_PX = 3


class Workbench(QObject):
    """Works on the recording of one window.

    Parameters
    ----------
    window : FileWindow
    book : Notebook
    """

    def __init__(self, window: FileWindow, book: Notebook) -> None:
        super().__init__(window)
        self._window = window
        self.editor = Editor(book, self)
        self.measurer = Measurer(self)
        self.measures = MeasurePanel()
        rate_hz = window.info.sample_rate_hz
        self.notes = NotesPanel(self.editor, rate_hz, window.stop_sample)
        self._verdict = QWidget()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self._edges_hz: tuple[float, float] | None = None
        self._noise_s: tuple[float, float] | None = None
        #: In a window without room for both, panels take the place of the plots.
        self.panels_wanted = False

    def settle(self) -> None:
        """Move the panels of a watch to the first page, and connect."""
        window = self._window
        box = window.side.layout()
        assert isinstance(box, QVBoxLayout)
        self._verdict.setObjectName("plain")
        page = QVBoxLayout(self._verdict)
        page.setContentsMargins(0, 4, 0, 0)
        while box.count():
            item = box.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                page.addWidget(widget, 1 if widget is window.why else 0)
        for panel, title in (
            (self._verdict, tr("Verdict")), (self.measures, tr("Measure")),
            (self.notes, tr("Annotations")),
        ):  # fmt: skip
            self.tabs.addTab(panel, title)
        box.addWidget(self.tabs)
        plots = window.plots
        plots.upper_box.swept.connect(self._swept_spectrum)
        plots.lower_box.swept.connect(self._swept_waterfall)
        plots.lower_box.carried.connect(self._carried)
        plots.note_chosen.connect(self._note_clicked)
        window.timeline.swept_box.swept.connect(self._swept_timeline)
        window.banner.why.clicked.disconnect()
        window.banner.why.clicked.connect(self.toggle_why)
        say = window.say
        self.editor.said.connect(say)
        self.editor.changed.connect(self.renew)
        self.notes.said.connect(say)
        self.notes.opened.connect(self._open_note)
        self.notes.buttons["add"].clicked.connect(self.add_note)
        self.notes.buttons["place"].clicked.connect(self.place_note)
        self.measures.asked.connect(self.measure)
        self.measures.copied.connect(self._copy)
        self.measures.noise_asked.connect(self.toggle_noise)
        self.measurer.done.connect(self.measures.show_record)
        self.measurer.failed.connect(self.measures.fail)
        self.renew()

    def methods(self) -> dict[str, Callable[[], Any]]:
        """What can be done, by the name of `keymap.KEYS`."""
        return {
            "toggle_why": self.toggle_why,
            "measure": self.measure,
            "toggle_noise": self.toggle_noise,
            "add_note": self.add_note,
            "rename_note": self.rename_note,
            "place_note": self.place_note,
            "delete_note": self.editor.delete,
            "undo": self.editor.undo,
            "redo": self.editor.redo,
            "save_notes": self.editor.save,
            "next_panel": self.next_panel,
            "clear_selection": self.clear_selection,
        }

    # What is selected

    @property
    def selection(self) -> Selection:
        """Between the marks, else what is shown; of all frequencies unless some were swept."""
        window = self._window
        marked_s = window.timeline.selection_s
        start, stop = window.shown
        if marked_s is not None:
            rate_hz = window.info.sample_rate_hz
            start, stop = (round(at_s * rate_hz) for at_s in marked_s)
        return Selection(max(start, 0), min(stop, window.stop_sample), self._edges_hz)

    def select(
        self, span: tuple[int, int] | None = None, edges_hz: tuple[float, float] | None = None
    ) -> None:
        """Select a stretch of time, a range of frequencies, or both."""
        window = self._window
        if span is not None:
            for which, sample in enumerate(span):
                window.timeline.mark(which, sample / window.info.sample_rate_hz)
        if edges_hz is not None:
            self._edges_hz = edges_hz
        self.draw_selection()

    def draw_selection(self) -> None:
        """Show it in both plots."""
        window = self._window
        waterfall = window.plots.waterfall
        marked = window.timeline.selection_s is not None
        window.plots.show_band(self._edges_hz)
        waterfall.drawn = []
        if marked or self._edges_hz is not None:
            waterfall.drawn.append(self._box(self.selection))
        waterfall.update()

    def _box(self, selection: Selection) -> Box:
        low, high = selection.edges_hz or self._window.all_hz
        return Box(selection.start_sample, selection.stop_sample, low, high, 0, 0.0)

    def clear_selection(self) -> None:
        """Select nothing; in a small window, back to the plots."""
        if self._window.question.isVisible():
            self._window.question.dismiss()
            return
        if self.panels_wanted:
            self.panels_wanted = False
            self._window.arrange()
            return
        self._edges_hz = None
        for which in (0, 1):
            self._window.timeline.mark(which, None)
        self.editor.choose(None)
        self.draw_selection()

    def _swept_spectrum(self, rect: QRectF, done: bool) -> None:
        if self._wide(rect):
            self.select(edges_hz=self._clipped(rect))
            if done:
                self.measure()

    def _swept_waterfall(self, rect: QRectF, done: bool) -> None:
        lines = self._window.plots.waterfall.lines
        if not lines.filled or not self._wide(rect) or rect.height() < _LEAST_PX:
            return
        order = lines.ordered()
        top = order[min(max(int(rect.top()), 0), len(order) - 1)]
        bottom = order[min(max(int(rect.bottom()), 0), len(order) - 1)]
        self.select((int(lines.starts[bottom]), int(lines.stops[top])), self._clipped(rect))
        if done:
            self.measure()

    def _swept_timeline(self, rect: QRectF, done: bool) -> None:
        rate_hz, stop = self._window.info.sample_rate_hz, self._window.stop_sample
        start, end = (round(at_s * rate_hz) for at_s in (rect.left(), rect.right()))
        start, end = max(start, 0), min(end, stop)
        if start < end:
            self.select((start, end))
            if done:
                self._window.say_selection()

    def _wide(self, rect: QRectF) -> bool:
        low, high = self._window.plots.view_hz
        columns = self._window.plots.waterfall.lines.columns
        return rect.width() >= _LEAST_PX * (high - low) / columns

    def _clipped(self, rect: QRectF) -> tuple[float, float]:
        low, high = self._window.all_hz
        return max(rect.left(), low), min(rect.right(), high)

    # Measuring

    def measure(self) -> None:
        """Measure what is selected."""
        window, selection = self._window, self.selection
        self.show_panel(self.measures)
        if selection.start_sample >= selection.stop_sample:
            self.measures.fail(tr("nothing is selected or shown yet"))
            return
        rate_hz = window.info.sample_rate_hz
        words = [
            str(window.path.absolute()),
            f"--start={selection.start_sample / rate_hz!r}",
            f"--stop={selection.stop_sample / rate_hz!r}",
            f"--beta={self.measures.beta.value() / 100!r}",
            f"--x-db={self.measures.x_db.value()!r}",
            *options(window.spec),
        ]
        if self._noise_s is not None:
            start_s, stop_s = self._noise_s
            words += [f"--noise-start={start_s!r}", f"--noise-stop={stop_s!r}"]
        if selection.edges_hz is not None:
            low, high = selection.edges_hz
            words += [f"--freq-lower={low!r}", f"--freq-upper={high!r}"]
        self.measures.begin()
        self.measurer.start(words)

    def toggle_noise(self) -> None:
        """Take the selected time for noise alone, or let the measurement find noise itself."""
        if self._noise_s is not None:
            self._noise_s = None
        elif self._window.timeline.selection_s is None:
            self._window.say(tr("set marks A and B first: keys [ and ]"))
        else:
            self._noise_s = self._window.timeline.selection_s
        self.measures.show_noise(self._noise_s)

    def _copy(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self._window.say(tr("copied to the clipboard"))

    # Annotations

    def renew(self) -> None:
        """Draw annotations as they are now."""
        window, waterfall = self._window, self._window.plots.waterfall
        waterfall.annotations = self.editor.notes
        chosen = self.editor.chosen
        waterfall.chosen = None if chosen is None else chosen.key
        waterfall.update()
        window.setWindowModified(self.editor.unsaved)

    def _span(self) -> Span | None:
        selection = self.selection
        if selection.start_sample >= selection.stop_sample:
            self._window.say(tr("nothing is selected or shown yet"))
            return None
        return Span(selection.start_sample, selection.stop_sample)

    def add_note(self) -> None:
        """Annotate what is selected, and ask for a label."""
        span = self._span()
        if span is not None:
            self._show_notes()
            self.editor.add(span, self._edges_hz)
            self.rename_note()

    def place_note(self) -> None:
        """Move the chosen annotation to what is selected."""
        span = self._span()
        if span is not None:
            self.editor.place(span, self._edges_hz)

    def rename_note(self) -> None:
        """Type another label for the chosen annotation."""
        if self.editor.chosen is None:
            self._window.say(tr("choose an annotation first: click it"))
            return
        self.show_panel(self.notes)
        self.notes.fields["label"].setFocus()
        self.notes.fields["label"].selectAll()

    def _note_clicked(self, note: Annotation) -> None:
        self.editor.choose(note.key)
        if self._window.side.isVisible():
            self.show_panel(self.notes)

    def _open_note(self, note: Annotation) -> None:
        self._window.go(max(note.start_sample - self._window.length // 8, 0))
        self._show_notes()

    def _show_notes(self) -> None:
        if not self._window.plots.waterfall.annotations_shown:
            self._window.toggle_marks()

    def _carried(self, start: QPointF, moved: QPointF, done: bool) -> None:
        """Drag the chosen annotation elsewhere."""
        window, note = self._window, self.editor.chosen
        found = window.plots.waterfall.note_at(start.x(), start.y())
        if note is None or found is None or found.key != note.key:
            if done:
                window.say(tr("choose an annotation first: click it"))
            return
        # Time runs upwards: newest on top.
        shift = -round(moved.y()) * window.row_samples
        shift = max(-note.start_sample, min(shift, window.stop_sample - note.stop_sample))
        span = Span(note.start_sample + shift, note.stop_sample + shift)
        edges = None
        if note.freq_lower_hz is not None and note.freq_upper_hz is not None:
            edges = note.freq_lower_hz + moved.x(), note.freq_upper_hz + moved.x()
        self.draw_selection()
        if done:
            self.editor.place(span, edges)
        else:
            window.plots.waterfall.drawn.append(
                self._box(Selection(span.start_sample, span.stop_sample, edges))
            )

    # Panels

    def show_panel(self, panel: QWidget) -> None:
        """Bring a page into view."""
        self.tabs.setCurrentWidget(panel)
        self.panels_wanted = True
        self._window.side_wanted = True
        self._window.arrange()

    def toggle_why(self) -> None:
        """Bring the reasons into view, or back to the plots."""
        if not self._verdict.isVisible():
            self.show_panel(self._verdict)
        elif self._window.crowded:
            self.clear_selection()
        else:
            self._window.does.toggle_side()

    def next_panel(self) -> None:
        """The next page; in a small window, after the last one the plots."""
        last = self.tabs.currentIndex() == self.tabs.count() - 1
        if self._window.crowded and self.panels_wanted and last:
            self.panels_wanted = False
            self.tabs.setCurrentIndex(0)
            self._window.arrange()
        else:
            step = 0 if self._window.crowded and not self.panels_wanted else 1
            self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % self.tabs.count())
            self.show_panel(self.tabs.currentWidget())

    def arrange(self) -> None:
        """Use the width there is."""
        self.notes.set_wide(self._window.side.width() > WIDE_PX or self._window.crowded)

    def close(self) -> None:
        """End what runs."""
        self.measurer.close()
