"""The window over a recording: overview, position, marks; verdict from the same pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QWidget

from sdr_detect import view
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.sinks import wording
from sdr_detect_gui import words
from sdr_detect_gui.filestyle import file_style
from sdr_detect_gui.mailbox import Mail
from sdr_detect_gui.notes import Notebook
from sdr_detect_gui.question import Question
from sdr_detect_gui.recording import Outline, Piece, Reader
from sdr_detect_gui.session import Watching
from sdr_detect_gui.texts import tr
from sdr_detect_gui.timeline import HEIGHT_PX, LOW_HEIGHT_PX, Timeline
from sdr_detect_gui.window import NARROW_PX, MainWindow
from sdr_detect_gui.workbench import Workbench

#: Length of a row, finest to coarsest: single bursts are seen in the first ones.
ROWS_S = (1e-3, 4e-3, 16e-3, 64e-3)
#: How long something is told.
SAID_MS = 15_000
#: A lower window shows panels alone.
LOW_PX = 600
LEAST_PX = 640, 400


class FileWindow(MainWindow):
    """Shows a recording.

    Parameters
    ----------
    path : Path
    spec : RawSpec
        What the user states of it.
    options : sequence of str
        The same as options of ``monitor``, which analyses it.
    settings : QSettings
    """

    is_file = True

    def __init__(self, path: Path, spec: RawSpec, options: list[str], settings: QSettings) -> None:
        with open_recording(path, spec) as recording:
            self.info = recording.info
            self.stop_sample = recording.stop_sample
            self.kind = recording.format
            book = Notebook(recording)
        self.path, self.spec = path, spec
        self.position = 0
        self._row_s = 1
        #: Samples that the plots show.
        self.shown: tuple[int, int] = (0, 0)
        self.stopped = False
        self._leaving = False
        self._book = book
        uri = f"file://{quote(str(path.resolve()))}?pace=0"
        super().__init__(Watching(["--source", uri, *options], replay=True), settings)
        self.setWindowTitle(f"{path.name}[*] – sdr-detect")
        # Said, not taken from the layout: that of a large window would keep it from becoming small.
        self.setMinimumSize(*LEAST_PX)
        self.meter.hide()
        self.work.settle()
        self.timeline.moved.connect(lambda at_s: self.go(round(at_s * self.info.sample_rate_hz)))
        self._reader = Reader(path, spec, self)
        self._reader.grown.connect(self._grown)
        self._reader.looked.connect(self.timeline.show_looks)
        self._reader.ready.connect(self._piece_ready)
        self._reader.copied.connect(self._copied)
        self._reader.failed.connect(lambda _what, error: self.say(error))
        self._reader.overview(run=True)
        self.arrange()
        self.go(0)

    def extra_rows(self) -> list[QWidget | QHBoxLayout]:
        """A question if there is one, the timeline and its buttons, below the plots."""
        self.work = Workbench(self, self._book)
        self.question = Question()
        self.timeline = Timeline(self.theme)
        self.progress = QProgressBar()
        self.progress.setMaximum(1000)
        self.progress.setFormat(tr("overview %p %"))
        self.halt = QPushButton(tr("stop  O"))
        self.halt.setAccessibleName(tr("Stop the overview, or go on with it"))
        self._bar = QHBoxLayout()
        self._buttons: list[tuple[QPushButton, str, str]] = []
        for text, short, slot in (
            (tr("◀ detection  P"), "◀  P", lambda: self.go_find(-1)),
            (tr("detection ▶  N"), "▶  N", lambda: self.go_find(1)),
            (tr("mark A  ["), "A  [", lambda: self.mark(0)),
            (tr("mark B  ]"), "B  ]", lambda: self.mark(1)),
            (tr("measure  Ctrl+M"), tr("measure"), self.work.measure),
            (tr("copy A–B …"), tr("copy A–B …"), self.save_cut),
        ):
            button = QPushButton(text)
            button.setAccessibleName(text)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(slot)
            self._bar.addWidget(button)
            self._buttons.append((button, text, short))
        self._bar.addWidget(self.progress, 1)
        self._bar.addWidget(self.halt)
        self.halt.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.halt.clicked.connect(self.toggle_overview)
        return [self.question, self.timeline, self._bar]

    def more_methods(self) -> dict[str, Callable[[], None]]:
        """What can be done with a file."""
        return {
            "mark_a": lambda: self.mark(0),
            "mark_b": lambda: self.mark(1),
            "save_cut": self.save_cut,
            "toggle_marks": self.toggle_marks,
            "toggle_overview": self.toggle_overview,
            "forwards": lambda: self.go(self.position + self.length // 2),
            "backwards": lambda: self.go(self.position - self.length // 2),
            "more_time": lambda: self.zoom_time(1),
            "less_time": lambda: self.zoom_time(-1),
            "next_find": lambda: self.go_find(1),
            "previous_find": lambda: self.go_find(-1),
            **self.work.methods(),
        }

    def say(self, text: str) -> None:
        """Tell something below; in a low window, in place of the title."""
        self.statusBar().showMessage(text, SAID_MS)
        self.source.setText(self.title_text())
        QTimer.singleShot(SAID_MS, self, self.arrange)

    def arrange(self) -> None:
        """Panels take the place of the plots where there is no room for both."""
        super().arrange()
        panels = self.crowded and self.work.panels_wanted and not self.walking
        if panels:
            self.side.show()
        self.left.setVisible(not panels and not self.walking)
        low = self.height() < LOW_PX * self.scale
        self.timeline.setVisible(not (panels and low))
        self.timeline.setFixedHeight(LOW_HEIGHT_PX if low else HEIGHT_PX)
        self.banner.sentence.setVisible(not low)
        self.banner.setVisible(not (panels and low))
        for button, text, short in self._buttons:
            button.setText(short)
            button.setMinimumWidth(button.sizeHint().width())
            button.setText(short if self.crowded else text)
            button.setVisible(not (panels and low))
        if self.statusBar().currentMessage():  # in its place
            self.hint.hide()
        self.work.arrange()

    @property
    def crowded(self) -> bool:
        """Whether there is no room for plots and panels."""
        return self.width() < NARROW_PX * self.scale

    @property
    def all_hz(self) -> tuple[float, float]:
        """All frequencies of the recording's first tuning, as the plots count them."""
        half, center = self.info.sample_rate_hz / 2, self.info.center_hz or 0.0
        return center - half, center + half

    def draw_rows(self, _mail: Mail) -> None:
        """The plots show the position, not how far the analysis has come."""

    def apply_looks(self) -> None:
        """Theme and size of the text."""
        super().apply_looks()
        self.setStyleSheet(self.styleSheet() + file_style(self.theme, self.scale))
        self.timeline.set_theme(self.theme)

    def frozen_text(self, _age_s: float | None, *, ended: bool) -> str:  # noqa: ARG002
        """A picture of a file does not age."""
        return ""

    def _show_state(self) -> None:
        super()._show_state()
        state = self.watching.state
        if state is not None:
            self.timeline.show_tracks(state.tracks, self.info.sample_rate_hz)

    def _grown(self, seen: Outline, share: float) -> None:
        self.timeline.show_overview(seen)
        self.progress.setValue(round(1000 * share))
        self.progress.setVisible(share < 1)
        self.halt.setVisible(share < 1)

    def toggle_overview(self) -> None:
        """Stop the overview, or go on with it."""
        self.stopped = not self.stopped
        self._reader.overview(run=not self.stopped)
        self.halt.setText(tr("go on  O") if self.stopped else tr("stop  O"))
        stopped, running = tr("overview stopped at %p %"), tr("overview %p %")
        self.progress.setFormat(stopped if self.stopped else running)

    @property
    def row_samples(self) -> int:
        """Length of a line of the waterfall."""
        return max(1024, round(ROWS_S[self._row_s] * self.info.sample_rate_hz))

    def _lines(self) -> int:
        return max(self.plots.waterfall.lines.count, 50)

    @property
    def length(self) -> int:
        """Samples that fit the waterfall."""
        return self.row_samples * self._lines()

    def go(self, sample: int) -> None:
        """Show what lies from a sample on."""
        last = max(self.stop_sample - self.length, 0)
        self.position = max(0, min(sample, last))
        self._reader.ask(Piece(self.position, self.row_samples, self._lines()))

    def zoom_time(self, step: int) -> None:
        """Longer or shorter rows."""
        self._row_s = max(0, min(len(ROWS_S) - 1, self._row_s + step))
        self.go(self.position)

    def _piece_ready(self, piece: Piece, rows: list[view.Row]) -> None:
        self.plots.empty()
        self.plots.add(rows)
        if rows:
            rate = self.info.sample_rate_hz
            self.shown = rows[0].head.first_sample, rows[-1].head.stop_sample
            self.timeline.show_position(self.shown[0] / rate, self.shown[1] / rate)
            self.plots.renew_times()
        self.position = piece.first_sample

    def go_find(self, step: int) -> None:
        """The next box or track after what is shown, or the last one before."""
        state = self.watching.state
        starts = {track.start_sample for track in (state.tracks if state is not None else ())}
        starts |= {box.start_sample for box in self.plots.waterfall.boxes.all}
        lead = self.length // 8
        places = sorted(max(start - lead, 0) for start in starts)
        if step > 0:
            place = next((p for p in places if p > self.position), None)
        else:
            place = next((p for p in reversed(places) if p < self.position), None)
        if place is None:
            self.say(tr("no further detection"))
        else:
            self.go(place)

    def toggle_marks(self) -> None:
        """Show or hide annotations."""
        waterfall = self.plots.waterfall
        waterfall.annotations_shown = not waterfall.annotations_shown
        waterfall.update()

    def mark(self, which: int) -> None:
        """Set a mark at the start (A) or the end (B) of what is shown."""
        self.timeline.mark(which, self.shown[which] / self.info.sample_rate_hz)
        self.work.draw_selection()
        self.say_selection()

    def say_selection(self) -> None:
        """Tell how long A–B is."""
        selection = self.timeline.selection_s
        if selection is not None:
            length = wording.seconds(selection[1] - selection[0])
            self.say(tr("A–B: {length}").format(length=length))

    def save_cut(self) -> None:
        """Ask where to, without blocking, and copy."""
        if self.timeline.selection_s is None:
            self.say(tr("set marks A and B first: keys [ and ]"))
            return
        dialog = QFileDialog(self, tr("Copy A–B"), "", "SigMF (*.sigmf-meta)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("sigmf-meta")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.cut(Path(name)))
        dialog.open()

    def cut(self, target: Path) -> None:
        """Write the selection as a new recording."""
        selection = self.timeline.selection_s
        if selection is not None:
            rate = self.info.sample_rate_hz
            start, stop = round(selection[0] * rate), round(selection[1] * rate)
            self._reader.cut(max(start, 0), min(stop, self.stop_sample), target)

    def _copied(self, target: str, error: str) -> None:
        self.say(error or tr("wrote {name}").format(name=Path(target).name))
        if self._leaving and not self._reader.copying:
            self.close()

    def title_text(self) -> str:
        """Name, kind and length of the file; what is told, where there is no other place."""
        said = self.statusBar().currentMessage()
        if said and not self.statusBar().isVisible():
            return said
        length = words.duration(self.stop_sample / self.info.sample_rate_hz)
        return f"{self.path.name} · {self.kind} · {length}"

    def stays(self) -> bool:
        """Ask about what is not saved, and wait for a copy that is made."""
        if self.work.editor.unsaved and not self._leaving:
            self._ask_to_leave()
            return True
        if self._reader.copying:
            self._leaving = True
            self.say(tr("closes when the copy is written"))
            return True
        return super().stays()

    def finish(self) -> None:
        """End the processes, then the rest."""
        self.work.close()
        self._reader.close()
        super().finish()

    def _ask_to_leave(self) -> None:
        """In the window, not before it: all goes on meanwhile."""
        name = self.work.editor.book.path.name
        text = tr("Annotations are not saved to {name}.").format(name=name)
        save, leave, stay = tr("save and close"), tr("close without saving"), tr("stay")
        self.question.ask(text, {save: self._save_and_leave, leave: self.leave, stay: lambda: None})

    def _save_and_leave(self) -> None:
        if self.work.editor.save():
            self.close()

    def leave(self) -> None:
        """Close, whatever is not saved."""
        self._leaving = True
        self.close()
