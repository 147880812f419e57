"""What keys and the menu do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from sdr_detect import view
from sdr_detect_gui import keymap, words
from sdr_detect_gui.boxes import Box
from sdr_detect_gui.opening import ask_for_file
from sdr_detect_gui.texts import tr
from sdr_detect_gui.textwindow import TextWindow
from sdr_detect_gui.theme import THEMES

if TYPE_CHECKING:
    from sdr_detect_gui.window import MainWindow

SCALES = (0.85, 1.0, 1.2, 1.4, 1.7)


class Actions:
    """Acts on one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def methods(self) -> dict[str, Callable[[], None]]:
        """What can be done, by the name of `keymap.KEYS`."""
        plots = self._window.plots
        return {
            "show_keys": self.show_keys,
            "toggle_why": self.toggle_why,
            "toggle_hold": self.toggle_hold,
            "clear_hold": self.clear_hold,
            "fit": plots.fit,
            "full_span": plots.full_span,
            "zoom_in": lambda: plots.zoom_frequency(0.5),
            "zoom_out": lambda: plots.zoom_frequency(2.0),
            "pan_left": lambda: plots.pan_frequency(-0.2),
            "pan_right": lambda: plots.pan_frequency(0.2),
            "darker": lambda: plots.shift_levels(3.0),
            "lighter": lambda: plots.shift_levels(-3.0),
            "more_time": lambda: plots.zoom_time(1),
            "less_time": lambda: plots.zoom_time(-1),
            "next_find": lambda: self.go_find(1),
            "previous_find": lambda: self.go_find(-1),
            "open_file": lambda: ask_for_file(self._window),
            "toggle_pause": self.toggle_pause,
            "toggle_side": self.toggle_side,
            "walk": self.toggle_walk,
            "next_theme": self.next_theme,
            "text_larger": lambda: self.change_scale(1),
            "text_smaller": lambda: self.change_scale(-1),
            "save_picture": self.save_picture,
            "quit": self.quit,
        }

    def quit(self) -> None:
        """Close the window."""
        self._window.close()

    def show_keys(self) -> None:
        """The list of keys, in a window that blocks nothing."""
        self.show_text(tr("Keys"), keymap.help_text(self._window.actions_by_name), rich=True)

    def show_text(self, title: str, text: str, *, rich: bool = False) -> None:
        """A text in a window of its own, beside which all goes on."""
        TextWindow(self._window, title, text, rich=rich).show()

    def toggle_why(self) -> None:
        """Bring the reasons into view; in a small window as a text of their own."""
        if self._window.side.isVisible() and self._window.why.isVisible():
            self._window.why.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.toggle_side()
        elif self._window.width() >= self._window.scale * 1100:
            self.toggle_side()
        else:
            self.show_text(tr("Why this verdict"), self._window.why.text.text() or words.UNKNOWN)

    def toggle_hold(self) -> None:
        """Show or hide the highest trace."""
        self._window.plots.traces.hold_on = not self._window.plots.traces.hold_on
        self._window.plots.traces.draw()

    def clear_hold(self) -> None:
        """Begin what is highest anew."""
        self._window.plots.traces.clear_hold()
        self._window.meter.clear_peak()

    def toggle_pause(self) -> None:
        """Hold the picture; the watch goes on."""
        self._window.paused = not self._window.paused

    def toggle_side(self) -> None:
        """Show or hide the panels at the side."""
        window = self._window
        if window.side_alone or not window.side_has_room:
            window.side_alone = not window.side_alone
        else:
            window.side_wanted = not window.side_wanted
        self._window.arrange()

    def toggle_walk(self) -> None:
        """Strength alone, in large."""
        self._window.walking = not self._window.walking
        self._window.apply_looks()
        self._window.arrange()

    def next_theme(self) -> None:
        """The next look."""
        names = list(THEMES)
        self._window.theme = THEMES[names[(names.index(self._window.theme.name) + 1) % len(names)]]
        self._window.apply_looks()

    def change_scale(self, step: int) -> None:
        """Larger or smaller text."""
        nearest = min(range(len(SCALES)), key=lambda k: abs(SCALES[k] - self._window.scale))
        self._window.scale = SCALES[max(0, min(len(SCALES) - 1, nearest + step))]
        self._window.apply_looks()
        self._window.arrange()

    def open_box(self, box: Box) -> None:
        """Tell what a box is."""
        edges = f"{words.megahertz(box.freq_lower_hz)}–{words.megahertz(box.freq_upper_hz)} MHz"
        text = tr("{edges}: {bursts} bursts, strongest C/N {snr:.1f} dB")
        said = text.format(edges=edges, bursts=box.bursts, snr=box.snr_db)
        self._window.statusBar().showMessage(said, 15_000)

    def open_track(self, track: view.TrackPart) -> None:
        """Zoom to a track and tell its reasons."""
        margin = max((track.freq_upper_hz - track.freq_lower_hz) / 4, 1e3)
        self._window.plots.show_range(track.freq_lower_hz - margin, track.freq_upper_hz + margin)
        lines = [f"{words.track_name(track)}: {words.track_match(track)}"]
        lines += [f"✓ {reason}" for reason in track.reasons]
        lines += [f"✗ {reason}" for reason in track.against]
        self.show_text(words.track_name(track), "\n".join(lines))

    def go_find(self, step: int) -> None:
        """Select the next track."""
        tracks = self._window.table.rows.tracks
        if tracks:
            row = self._window.table.currentIndex().row()
            row = (row + step) % len(tracks) if row >= 0 else 0
            self._window.table.selectRow(row)
            track = tracks[row]
            margin = max((track.freq_upper_hz - track.freq_lower_hz) / 4, 1e3)
            self._window.plots.show_range(
                track.freq_lower_hz - margin, track.freq_upper_hz + margin
            )

    def save_picture(self) -> None:
        """Save what the window shows; the dialog blocks nothing."""
        picture = self._window.grab()
        dialog = QFileDialog(self._window, tr("Save a picture"), "", "PNG (*.png)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def save(path: str) -> None:
            done = picture.save(path)
            text = tr("saved {name}") if done else tr("{name} cannot be written")
            self._window.statusBar().showMessage(text.format(name=Path(path).name), 15_000)

        dialog.fileSelected.connect(save)
        dialog.open()
