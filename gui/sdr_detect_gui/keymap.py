"""Keys and what they do: one table for shortcuts, the menu and the help of F1."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QTextEdit, QWidget

from sdr_detect_gui.texts import tr

#: Name of the action, keys, what it does. Names are those of the window's methods.
KEYS: tuple[tuple[str, str, str], ...] = (
    ("show_keys", "F1", "list of keys"),
    ("record", "R", "record, from some seconds ago on; again to end it"),
    ("leg_on", "V", "comparison: record towards the vessel, or the feed open"),
    ("leg_off", "B", "comparison: record turned away, or the feed covered"),
    ("compare", "G", "comparison: compare what was recorded"),
    ("turn", "H", "the antenna turns; then type where it stands"),
    ("tone", "T", "strength as a tone, on or off"),
    ("case", "F4", "the case: vessel, IMO, berth"),
    ("evidence", "Ctrl+R", "seal the case and write its report"),
    ("toggle_why", "W", "why this verdict"),
    ("toggle_hold", "M", "show or hide the highest trace"),
    ("clear_hold", "C", "begin highest trace and highest strength anew"),
    ("toggle_band", "S", "show or hide the sweep over the band"),
    ("fit", "A", "fit levels and colours"),
    ("full_span", "0", "full span"),
    ("zoom_in", "+", "zoom in on frequency"),
    ("zoom_out", "-", "zoom out"),
    ("pan_left", "Left", "move to lower frequencies"),
    ("pan_right", "Right", "move to higher frequencies"),
    ("darker", "Shift+Down", "waterfall darker"),
    ("lighter", "Shift+Up", "waterfall lighter"),
    ("more_time", "Shift+Left", "more time in the waterfall"),
    ("less_time", "Shift+Right", "less time in the waterfall"),
    ("next_find", "N", "next detection"),
    ("previous_find", "P", "previous detection"),
    ("forwards", "PgDown", "file: forwards"),
    ("backwards", "PgUp", "file: backwards"),
    ("mark_a", "[", "file: mark A at the start of what is shown"),
    ("mark_b", "]", "file: mark B at its end"),
    ("clear_selection", "Esc", "file: select nothing; in a small window, back to the plots"),
    ("measure", "Ctrl+M", "file: measure what is selected"),
    ("toggle_noise", "Ctrl+Shift+M", "file: take A–B for noise alone when measuring, or no more"),
    ("save_cut", "Ctrl+E", "file: copy A–B to a new recording"),
    ("toggle_marks", "K", "file: show or hide annotations"),
    ("add_note", "Ctrl+K", "file: annotate what is selected"),
    ("rename_note", "F2", "file: rename the chosen annotation"),
    ("place_note", "Ctrl+G", "file: move the chosen annotation to the selection"),
    ("delete_note", "Del", "file: delete the chosen annotation"),
    ("undo", "Ctrl+Z", "file: take the last change of annotations back"),
    ("redo", "Ctrl+Shift+Z", "file: do it again"),
    ("save_notes", "Ctrl+S", "file: save annotations"),
    ("next_panel", "F6", "file: next panel: verdict, measurement, annotations"),
    ("toggle_overview", "O", "file: stop the overview, or go on with it"),
    ("open_file", "Ctrl+O", "open a recording in a window of its own"),
    ("toggle_pause", "Space", "hold the picture; the analysis goes on"),
    ("toggle_side", "F9", "show or hide the side panels"),
    ("walk", "F11", "walk mode: strength in large, for turning an antenna"),
    ("next_theme", "F8", "next theme: dark, light, high contrast, outdoor"),
    ("text_larger", "Ctrl++", "larger text"),
    ("text_smaller", "Ctrl+-", "smaller text"),
    ("save_picture", "Ctrl+P", "save a picture of the window"),
    ("quit", "Ctrl+Q", "close; the verdict is written first"),
)


def typing() -> bool:
    """Whether the keyboard's focus is in a field for text, where letters are letters."""
    return isinstance(QApplication.focusWidget(), QLineEdit | QTextEdit)


def install(window: QWidget, methods: Mapping[str, Callable[[], None]]) -> dict[str, QAction]:
    """Actions of a window, each with its key, by name."""
    actions = {}
    for name, key, what in KEYS:
        if name not in methods:
            continue
        action = QAction(tr(what), window)
        action.setShortcut(QKeySequence(key))
        typed = "+" not in key[:-1] and not (key[0] == "F" and key[1:].isdigit())
        method = _or_press(methods[name]) if key == "Space" else methods[name]
        action.triggered.connect(_guarded(method, plain=typed))
        window.addAction(action)
        actions[name] = action
    return actions


def _guarded(method: Callable[[], None], *, plain: bool) -> Callable[[], None]:
    def call() -> None:
        if not (plain and typing()):
            method()

    return call


def _or_press(method: Callable[[], None]) -> Callable[[], None]:
    """The key presses a button that has the focus, as everywhere."""

    def call() -> None:
        focused = QApplication.focusWidget()
        if isinstance(focused, QAbstractButton):
            focused.click()
        else:
            method()

    return call


def _native(key: str) -> str:
    """What stands on the key, in the user's language."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def help_text(names: Mapping[str, object]) -> str:
    """The list of keys."""
    rows = "".join(
        f"<tr><td><b>{_native(key)}</b>&nbsp;&nbsp;</td><td>{tr(what)}</td></tr>"
        for name, key, what in KEYS
        if name in names
    )
    mouse = tr("Wheel: zoom on the pointer. Drag: pan. Click a box: open it. Nothing retunes.")
    if "measure" in names:
        mouse += "<br>" + tr(
            "Shift and drag: select and measure. Click an annotation: choose it; Ctrl and drag: "
            "move it."
        )
    return f"<table>{rows}</table><p>{mouse}</p>"
