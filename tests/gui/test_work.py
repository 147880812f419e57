"""Work on a recording in its window: select, measure, annotate, stop; nothing is cut off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton
from sdr_detect_gui import filewindow, keymap
from sdr_detect_gui.app import application
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.child import complaint
from sdr_detect_gui.filewindow import FileWindow
from sdr_detect_gui.session import Watching
from sdr_detect_gui.textwindow import TextWindow
from sdr_detect_gui.theme import TOUCH_PX

from sdr_detect.formats.base import RawSpec
from tests import view_messages as made
from tests.gui.fed import Fed, shut
from tests.gui.test_pictures import pixels

LIMIT_MS = 60_000
RATE_HZ, CENTER_HZ = 1e6, 14.25e9


def write_carrier(folder: Path) -> Path:
    """1.5 s of noise; from 0.4 s to 1 s noise of 100 kHz at +200 kHz, 25 dB above it."""
    rng = np.random.default_rng(7)
    count = 1_500_000
    noise = rng.normal(0, 0.01, (count, 2)).astype(np.float32).view(np.complex64)[:, 0]
    part = slice(400_000, 1_000_000)
    spectrum = np.fft.fft(noise[part])
    offset = np.fft.fftfreq(600_000, 1 / RATE_HZ)
    spectrum[np.abs(offset - 200e3) > 50e3] = 0
    noise[part] += 18 * np.fft.ifft(spectrum).astype(np.complex64)
    (folder / "one.sigmf-data").write_bytes(noise.astype("<c8").tobytes())
    meta = {
        "global": {
            "core:datatype": "cf32_le",
            "core:sample_rate": RATE_HZ,
            "core:version": "1.2.0",
        },
        "captures": [{"core:sample_start": 0, "core:frequency": CENTER_HZ}],
        "annotations": [{"core:sample_start": 5, "core:sample_count": 9, "my:field": [1]}],
    }
    path = folder / "one.sigmf-meta"
    path.write_text(json.dumps(meta))
    return path


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_carrier(tmp_path_factory.mktemp("carrier"))


@pytest.fixture
def opened(carrier: Path, tmp_path: Path) -> Path:
    """A copy that may be written."""
    for half in ("data", "meta"):
        shutil.copy(carrier.with_suffix(f".sigmf-{half}"), tmp_path)
    return tmp_path / carrier.name


@pytest.fixture
def show(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., FileWindow]]:
    """Windows without the analysis, which another test looks at."""
    windows = []
    nobody = f"ipc://{tmp_path}/nobody"
    monkeypatch.setattr(
        filewindow, "Watching", lambda words, replay: Watching(None, nobody, replay=replay)
    )

    def begin(path: Path, size: tuple[int, int] = (1280, 800), **kept: object) -> FileWindow:
        application("en")
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        for name, value in kept.items():
            settings.setValue(name, value)
        window = FileWindow(path, RawSpec(), [], settings)
        window.resize(*size)
        window.show()
        windows.append(window)
        qtbot.waitUntil(lambda: window.plots.waterfall.lines.filled > 20, timeout=LIMIT_MS)
        window.zoom_time(1)
        qtbot.waitUntil(lambda: window.shown[1] > 600_000, timeout=LIMIT_MS)
        return window

    yield begin
    for window in windows:
        window.leave()
        shut(window, qtbot)


def place(window: FileWindow, at_s: float, frequency_hz: float) -> QPoint:
    """Where something lies on the plots, in pixels of their widget."""
    line = window.plots.waterfall.lines.line_of(round(at_s * RATE_HZ))
    assert line is not None
    scene = window.plots.lower_box.mapViewToScene(QPointF(frequency_hz, line + 0.5))
    return window.plots.mapFromScene(scene)


def drag(
    qtbot: Any, window: FileWindow, start: QPoint, stop: QPoint, key: Qt.KeyboardModifier
) -> None:
    """A drag of the mouse with a key held."""
    port = window.plots.viewport()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, key, start)
    for k in range(1, 6):
        move = start + (stop - start) * k / 5
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(move), QPointF(port.mapToGlobal(move)),
            Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton, key,
        )  # fmt: skip
        QApplication.sendEvent(port, event)
        qtbot.wait(20)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, key, stop)


def test_shift_and_drag_measures_what_lies_there(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    before = window.plots.view_hz
    start = place(window, 0.9, CENTER_HZ + 100e3)
    stop = place(window, 0.5, CENTER_HZ + 300e3)
    drag(qtbot, window, start, stop, Qt.KeyboardModifier.ShiftModifier)
    assert window.plots.view_hz == before  # selected, not moved
    selection = window.work.selection
    assert selection.edges_hz == pytest.approx((CENTER_HZ + 100e3, CENTER_HZ + 300e3), abs=3e3)
    assert selection.start_sample / RATE_HZ == pytest.approx(0.5, abs=0.02)
    assert selection.stop_sample / RATE_HZ == pytest.approx(0.9, abs=0.02)
    panel = window.work.measures
    assert panel.head.text() == "measuring …"
    qtbot.waitUntil(lambda: panel.record is not None, timeout=LIMIT_MS)
    assert panel.isVisible()
    value, unit = panel.values["occupied_bandwidth_hz"].text().split(" ± ")[0], "kHz"
    assert unit in panel.values["occupied_bandwidth_hz"].text()
    assert float(value) == pytest.approx(100, rel=0.05)
    assert panel.values["duty"].text().startswith("100")
    assert "uncalibrated" not in panel.text()
    panel.copy.click()
    table = QApplication.clipboard().text()
    assert "Occupied bandwidth\t" in table
    assert str(opened) in table
    assert "β 1 %, x 26 dB" in table
    assert panel.text() == table

    panel.beta.setValue(10.0)
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: panel.record["beta"] == 0.1, timeout=LIMIT_MS)
    assert float(panel.values["occupied_bandwidth_hz"].text().split(" ")[0]) < 93

    assert panel.record["noise_from"] != "given"
    window.work.select((50_000, 350_000))
    panel.noise.click()
    assert panel.noise.text() == "noise: 0.05–0.35 s  ✕"
    window.work.select((500_000, 900_000))
    window.work.measure()
    qtbot.waitUntil(lambda: panel.record["noise_from"] == "given", timeout=LIMIT_MS)
    panel.noise.click()
    assert "take the selection" in panel.noise.text()


def test_what_is_refused_is_shown_with_its_doubt(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    panel = window.work.measures
    window.work.select((500_000, 900_000), (CENTER_HZ + 170e3, CENTER_HZ + 230e3))
    window.work.measure()
    qtbot.waitUntil(lambda: panel.record is not None, timeout=LIMIT_MS)
    assert panel.values["occupied_bandwidth_hz"].text() == "—"
    assert panel.doubts["occupied_bandwidth_hz"].text().startswith("! edge: ")
    assert panel.doubts["occupied_bandwidth_hz"].isVisible()
    window.work.select((500_000, 500_004))
    window.work.measure()
    qtbot.waitUntil(lambda: panel.head.text().startswith("✗"), timeout=LIMIT_MS)
    assert panel.record is None  # figures of before are gone
    assert not panel.values["duty"].isVisible()
    assert not panel.copy.isEnabled()


def test_why_comes_into_view_from_any_panel(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    window.work.show_panel(window.work.notes)
    window.plots.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_W)
    assert window.why.isVisible()
    window.banner.why.click()
    assert not window.side.isVisible()
    window.banner.why.click()
    assert window.why.isVisible()
    window.resize(800, 480)
    window.arrange()
    assert not window.plots.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_W)
    assert window.plots.isVisible()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Usage: x\nTry 'x'.\n\nError: Invalid value: 5 to 2 s is none\n", "5 to 2 s is none"),
        ("2026-05-04 08:00:00,1 INFO a: b\nsdr-detect: error: a: is\n  not\n", "a: is not"),
        ("2026-05-04 08:00:00,1 ERROR a.b: it failed\n", "it failed"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_a_verb_says_of_its_error(said: str, told: str) -> None:
    assert complaint(said) == told


def test_the_selection_is_seen_in_all_plots_and_goes(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    plain = pixels(window.plots).astype(int)
    window.work.select((600_000, 800_000), (CENTER_HZ - 300e3, CENTER_HZ - 100e3))
    qtbot.wait(20)
    marked = pixels(window.plots).astype(int)
    changed = (plain != marked).any(axis=2)
    inside = place(window, 0.8, CENTER_HZ - 300e3), place(window, 0.6, CENTER_HZ - 100e3)
    assert changed[inside[0].y() - 3 : inside[0].y() + 4, inside[0].x() : inside[1].x()].any()
    assert changed[20:100, inside[0].x() + 5 : inside[1].x() - 5].mean() > 0.8  # the band
    assert window.timeline.selection_s == (0.6, 0.8)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.wait(20)
    assert window.timeline.selection_s is None
    assert (pixels(window.plots).astype(int) == plain).mean() > 0.999


def test_an_annotation_from_selection_to_disk(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    ctrl = Qt.KeyboardModifier.ControlModifier
    window.work.select((400_000, 1_000_000), (CENTER_HZ + 150e3, CENTER_HZ + 250e3))
    qtbot.keyClick(window, Qt.Key.Key_K, ctrl)
    label = window.work.notes.fields["label"]
    assert QApplication.focusWidget() is label
    qtbot.keyClicks(label, "carrier K")  # letters are letters here
    qtbot.keyClick(label, Qt.Key.Key_Return)
    (mark,) = (m for m in window.plots.waterfall.marked() if m.label == "carrier K")
    assert mark.strong
    assert mark.rect.width() == pytest.approx(100e3)
    assert window.isWindowModified()
    assert "not saved yet" in window.work.notes.state.text()
    window.plots.setFocus()

    middle = place(window, 0.7, CENTER_HZ + 200e3)
    there = place(window, 0.6, CENTER_HZ - 100e3)
    drag(qtbot, window, middle, there, ctrl)
    moved = window.work.editor.chosen
    assert moved is not None
    assert moved.freq_lower_hz == pytest.approx(CENTER_HZ - 150e3, abs=4e3)
    assert moved.start_sample / RATE_HZ == pytest.approx(0.3, abs=0.03)
    assert moved.stop_sample - moved.start_sample == 600_000

    qtbot.keyClick(window, Qt.Key.Key_Z, ctrl)
    back = window.work.editor.chosen
    assert back is not None
    assert (back.start_sample, back.freq_lower_hz) == (400_000, CENTER_HZ + 150e3)
    qtbot.keyClick(window, Qt.Key.Key_Delete)
    assert len(window.work.editor.notes) == 1
    qtbot.keyClick(window, Qt.Key.Key_Z, ctrl)
    qtbot.keyClick(window, Qt.Key.Key_S, ctrl)
    assert not window.isWindowModified()
    saved = json.loads(opened.read_bytes())["annotations"]
    assert [entry.get("core:label") for entry in saved] == [None, "carrier K"]
    assert saved[0]["my:field"] == [1]
    qtbot.keyClick(window, Qt.Key.Key_Z, ctrl | Qt.KeyboardModifier.ShiftModifier)
    assert window.isWindowModified()


def test_what_is_typed_about_an_annotation(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    window.work.select((400_001, 1_000_003), (CENTER_HZ, CENTER_HZ + 1))
    window.work.add_note()
    fields = window.work.notes.fields

    def type_in(name: str, text: str) -> None:
        field: QLineEdit = fields[name]
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, Qt.Key.Key_Return)

    type_in("stop", "0.75")
    note = window.work.editor.chosen
    assert note is not None
    assert (note.start_sample, note.stop_sample) == (400_001, 750_000)  # the other stays exact
    type_in("lower", "14249.9")
    note = window.work.editor.chosen
    assert note is not None
    assert (note.freq_lower_hz, note.freq_upper_hz) == (14_249.9e6, CENTER_HZ + 1)
    for name, text, told in (
        ("start", "soon", "soon is no number"),
        ("start", "9", "must rise, from 0 to 1.5 s"),
        ("upper", "1", "two rising numbers of MHz"),
    ):
        type_in(name, text)
        assert told in window.statusBar().currentMessage()
        assert window.work.editor.chosen == note
        window.work.notes.renew()


def test_a_click_chooses_an_annotation(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    window.work.select((400_000, 1_000_000), (CENTER_HZ - 250e3, CENTER_HZ - 150e3))
    window.work.add_note()
    key = window.work.editor.notes[-1].key
    window.work.editor.choose(None)
    port = window.plots.viewport()
    at = place(window, 0.7, CENTER_HZ - 200e3)
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: window.work.editor.chosen is not None, timeout=2000)
    assert window.work.editor.chosen is not None
    assert window.work.editor.chosen.key == key
    assert window.work.notes.isVisible()


def test_what_is_not_saved_is_asked_about_and_nothing_is_blocked(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    before = opened.read_bytes()
    window.work.add_note()
    window.close()
    assert window.isVisible()
    assert window.question.isVisible()
    assert QApplication.activeModalWidget() is None
    assert "not saved to one.sigmf-meta" in window.question.text.text()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.question.isVisible()
    assert window.isVisible()
    window.close()
    save, _leave, _stay = window.question.buttons
    assert save.hasFocus()
    save.click()
    qtbot.waitUntil(window.isHidden, timeout=LIMIT_MS)
    assert opened.read_bytes() != before


def test_the_overview_stops_and_goes_on(
    show: Callable[..., FileWindow], qtbot: Any, tmp_path: Path
) -> None:
    path = tmp_path / "long.cs8"
    with path.open("wb") as file:
        file.truncate(4_000_000_000)
    beside = {
        "global": {
            "core:datatype": "ci8", "core:sample_rate": 1e6, "core:version": "1.2.0",
            "core:dataset": path.name,
        },
        "captures": [{"core:sample_start": 0}], "annotations": [],
    }  # fmt: skip
    meta = tmp_path / "long.sigmf-meta"
    meta.write_text(json.dumps(beside))
    window = show(meta)
    qtbot.waitUntil(lambda: window.progress.value() > 0, timeout=LIMIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert "stopped" in window.progress.format()
    qtbot.wait(700)
    stood = window.progress.value()
    qtbot.wait(700)
    assert window.progress.value() == stood
    window.halt.click()
    qtbot.waitUntil(lambda: window.progress.value() > stood, timeout=LIMIT_MS)


#: What a recording has no use for.
ONLY_LIVE = {
    "record", "leg_on", "leg_off", "compare", "turn", "tone", "case", "evidence", "toggle_band",
}  # fmt: skip


def test_every_key_is_in_the_list(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path
) -> None:
    window = show(opened)
    names = {name for name, _, _ in keymap.KEYS}
    assert names - set(window.actions_by_name) == ONLY_LIVE
    keys = [key for _, key, _ in keymap.KEYS]
    assert len(keys) == len(set(keys))
    window.does.show_keys()
    (dialog,) = window.findChildren(TextWindow)
    told = dialog.text.toPlainText()
    for name, key, what in keymap.KEYS:
        if name not in ONLY_LIVE:
            assert what in told
            assert key in told
    assert "Shift and drag" in told
    assert dialog.height() <= window.screen().availableSize().height()
    dialog.close()


@pytest.mark.parametrize("theme", ["dark", "outdoor"])
def test_nothing_is_cut_off(
    show: Callable[..., FileWindow], qtbot: Any, opened: Path, theme: str
) -> None:
    window = show(opened, theme=theme)
    window.work.select((500_000, 900_000), (CENTER_HZ + 100e3, CENTER_HZ + 300e3))
    window.work.measure()
    panel = window.work.measures
    qtbot.waitUntil(lambda: panel.record is not None, timeout=LIMIT_MS)
    window.work.add_note()
    Fed(window, qtbot).give(made.row(0), made.state(verdict=made.verdict("detected")))
    for scale in (1.0, 1.4):
        window.scale = scale
        window.apply_looks()
        for size in ((1440, 900), (800, 480)):
            window.resize(*size)
            window.work.panels_wanted = False
            window.arrange()
            for page in range(-1, 3):
                if page >= 0:
                    window.work.show_panel(window.work.tabs.widget(page))
                qtbot.wait(10)
                assert_whole(window, size)
                crowded = window.crowded and page >= 0
                assert window.plots.isVisible() != crowded
                assert window.side.isVisible() == (crowded or not window.crowded)
    assert window.crowded
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.plots.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert not window.plots.isVisible()


def assert_whole(window: FileWindow, size: tuple[int, int]) -> None:
    """The window has its size, and nothing in it lies outside or is too narrow."""
    assert (window.width(), window.height()) == size
    central = window.centralWidget()
    needed = central.minimumSizeHint()
    assert needed.width() <= central.width()
    assert needed.height() <= central.height()
    for label in window.findChildren(QLabel):
        if label.isVisible() and not isinstance(label, Shrinking):
            assert label.sizeHint().width() <= label.width() + 1, label.text()
    for button in window.findChildren(QPushButton):
        if button.isVisible():
            assert button.sizeHint().width() <= button.width() + 1, button.text()
            if window.theme.touch:
                assert button.height() >= TOUCH_PX, button.text()
    for field in window.findChildren(QLineEdit):
        if field.isVisible():
            assert field.height() >= field.fontMetrics().height()


def test_german_fits_too(show: Callable[..., FileWindow], qtbot: Any, opened: Path) -> None:
    from sdr_detect_gui.texts import Language, catalogue

    language = Language(catalogue("de"))
    app = QApplication.instance()
    assert app is not None
    app.installTranslator(language)
    try:
        window = show(opened, (800, 480))
        assert (window.width(), window.height()) == (800, 480)
        window.work.show_panel(window.work.notes)
        assert window.work.tabs.tabText(2) == "Anmerkungen"
        assert QApplication.translate("QShortcut", "Ctrl") == "Ctrl"  # Qt's own words stay
        assert (window.width(), window.height()) == (800, 480)
    finally:
        app.removeTranslator(language)
