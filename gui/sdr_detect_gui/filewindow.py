"""The window over a recording: overview, position, marks; verdict from the same pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QWidget

from sdr_detect import view
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.sinks import wording
from sdr_detect.sinks.spectrogram import Spectrogram
from sdr_detect_gui import words
from sdr_detect_gui.mailbox import Mail
from sdr_detect_gui.marks import read_marks
from sdr_detect_gui.recording import Cut, Overview, Piece, Pieces
from sdr_detect_gui.session import Watching
from sdr_detect_gui.texts import tr
from sdr_detect_gui.timeline import Timeline
from sdr_detect_gui.window import MainWindow

#: Length of a row, finest to coarsest: single bursts are seen in the first ones.
ROWS_S = (1e-3, 4e-3, 16e-3, 64e-3)


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

    def __init__(self, path: Path, spec: RawSpec, options: list[str], settings: QSettings) -> None:
        with open_recording(path, spec) as recording:
            self.info = recording.info
            self.stop_sample = recording.stop_sample
            self.kind = recording.format
            marked = read_marks(recording)
        self._path, self._spec = path, spec
        self.position = 0
        self._row_s = 1
        self._shown: tuple[int, int] = (0, 0)
        self._cuts: list[Cut] = []
        uri = f"file://{quote(str(path.resolve()))}?pace=0"
        super().__init__(Watching(["--source", uri, *options], replay=True), settings)
        self.meter.hide()
        self.plots.waterfall.annotations = marked
        self.timeline.moved.connect(lambda at_s: self.go(round(at_s * self.info.sample_rate_hz)))
        self._overview = Overview(path, spec, self)
        self._overview.grown.connect(self._grown)
        self._pieces = Pieces(path, spec, self)
        self._pieces.ready.connect(self._piece_ready)
        for thread in (self._overview, self._pieces):
            thread.failed.connect(lambda text: self.statusBar().showMessage(text))
            thread.start()
        self.go(0)

    def extra_rows(self) -> list[QWidget | QHBoxLayout]:
        """The timeline and its buttons, below the plots."""
        self.timeline = Timeline(self.theme)
        self.progress = QProgressBar()
        self.progress.setMaximum(1000)
        self.progress.setFormat(tr("overview %p %"))
        bar = QHBoxLayout()
        for text, slot in (
            (tr("◀ detection  P"), lambda: self.go_find(-1)),
            (tr("detection ▶  N"), lambda: self.go_find(1)),
            (tr("mark A  ["), lambda: self.mark(0)),
            (tr("mark B  ]"), lambda: self.mark(1)),
            (tr("copy A–B to a file …"), self.save_cut),
        ):
            button = QPushButton(text)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(slot)
            bar.addWidget(button)
        bar.addWidget(self.progress, 1)
        return [self.timeline, bar]

    def more_methods(self) -> dict[str, Callable[[], None]]:
        """What can be done with a file."""
        return {
            "mark_a": lambda: self.mark(0),
            "mark_b": lambda: self.mark(1),
            "save_cut": self.save_cut,
            "toggle_marks": self.toggle_marks,
            "forwards": lambda: self.go(self.position + self._length() // 2),
            "backwards": lambda: self.go(self.position - self._length() // 2),
            "more_time": lambda: self.zoom_time(1),
            "less_time": lambda: self.zoom_time(-1),
            "next_find": lambda: self.go_find(1),
            "previous_find": lambda: self.go_find(-1),
        }

    def draw_rows(self, _mail: Mail) -> None:
        """The plots show the position, not how far the analysis has come."""

    def apply_looks(self) -> None:
        """Theme and size of the text."""
        super().apply_looks()
        self.timeline.set_theme(self.theme)

    def frozen_text(self, _age_s: float | None, *, ended: bool) -> str:  # noqa: ARG002
        """A picture of a file does not age."""
        return ""

    def _show_state(self) -> None:
        super()._show_state()
        state = self.watching.state
        if state is not None:
            self.timeline.show_tracks(state.tracks, self.info.sample_rate_hz)

    def _grown(self, picture: Spectrogram | None, share: float) -> None:
        self.timeline.show_overview(picture)
        self.progress.setValue(round(1000 * share))
        self.progress.setVisible(share < 1)

    def _row_samples(self) -> int:
        return max(1024, round(ROWS_S[self._row_s] * self.info.sample_rate_hz))

    def _lines(self) -> int:
        return max(self.plots.waterfall.lines.count, 50)

    def _length(self) -> int:
        return self._row_samples() * self._lines()

    def go(self, sample: int) -> None:
        """Show what lies from a sample on."""
        last = max(self.stop_sample - self._length(), 0)
        self.position = max(0, min(sample, last))
        self._pieces.ask(Piece(self.position, self._row_samples(), self._lines()))

    def zoom_time(self, step: int) -> None:
        """Longer or shorter rows."""
        self._row_s = max(0, min(len(ROWS_S) - 1, self._row_s + step))
        self.go(self.position)

    def _piece_ready(self, piece: Piece, rows: list[view.Row]) -> None:
        self.plots.empty()
        self.plots.add(rows)
        if rows:
            rate = self.info.sample_rate_hz
            self._shown = rows[0].head.first_sample, rows[-1].head.stop_sample
            self.timeline.show_position(self._shown[0] / rate, self._shown[1] / rate)
            self.plots.renew_times()
        self.position = piece.first_sample

    def go_find(self, step: int) -> None:
        """The next box or track after what is shown, or the last one before."""
        state = self.watching.state
        starts = {track.start_sample for track in (state.tracks if state is not None else ())}
        starts |= {box.start_sample for box in self.plots.waterfall.boxes.all}
        lead = self._length() // 8
        places = sorted(max(start - lead, 0) for start in starts)
        if step > 0:
            place = next((p for p in places if p > self.position), None)
        else:
            place = next((p for p in reversed(places) if p < self.position), None)
        if place is None:
            self.statusBar().showMessage(tr("no further detection"), 5000)
        else:
            self.go(place)

    def toggle_marks(self) -> None:
        """Show or hide annotations."""
        waterfall = self.plots.waterfall
        waterfall.annotations_shown = not waterfall.annotations_shown
        waterfall.update()

    def mark(self, which: int) -> None:
        """Set a mark at the start (A) or the end (B) of what is shown."""
        at = self._shown[which] / self.info.sample_rate_hz
        self.timeline.mark(which, at)
        selection = self.timeline.selection_s
        if selection is not None:
            length = wording.seconds(selection[1] - selection[0])
            self.statusBar().showMessage(tr("A–B: {length}").format(length=length), 15_000)

    def save_cut(self) -> None:
        """Ask where to, without blocking, and copy."""
        if self.timeline.selection_s is None:
            self.statusBar().showMessage(tr("set marks A and B first: keys [ and ]"), 8000)
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
        if selection is None:
            return
        rate = self.info.sample_rate_hz
        span = round(selection[0] * rate), min(round(selection[1] * rate), self.stop_sample)
        cut = Cut(self._path, self._spec, span, target, self)
        said = tr("wrote {name}").format(name=target.name)
        cut.done.connect(lambda error: self.statusBar().showMessage(error or said, 15_000))
        self._cuts.append(cut)
        cut.start()

    def title_text(self) -> str:
        """Name, kind and length of the file."""
        length = words.duration(self.stop_sample / self.info.sample_rate_hz)
        return f"{self._path.name} · {self.kind} · {length}"

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """End the threads, then the rest."""
        self._overview.close()
        self._pieces.close()
        for cut in self._cuts:
            cut.wait()
        super().closeEvent(event)
