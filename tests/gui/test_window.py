"""What the window says: every state, with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QLabel, QPushButton
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.textwindow import TextWindow
from sdr_detect_gui.theme import TOUCH_PX

from tests import view_messages as made
from tests.gui.fed import Fed


def rows(count: int = 5) -> list[Any]:
    return [made.row(k) for k in range(count)]


@pytest.mark.parametrize(
    ("word", "sign", "title", "said"),
    [
        ("detected", "▲", "DETECTED, not attributed", "Turn the antenna away"),
        ("not_detected", "◯", "NOT DETECTED", "6 min 12 s on 1 of 8 channels"),
        ("inconclusive", "?", "INCONCLUSIVE", "opens with a sequence"),
    ],
)
def test_verdicts_in_plain_words(
    fed: Callable[..., Fed], word: str, sign: str, title: str, said: str
) -> None:
    shown = fed()
    shown.give(*rows(), made.state(verdict=made.verdict(word)))
    banner = shown.window.banner
    assert banner.sign.text() == sign
    assert title in banner.title.text()
    assert said in banner.sentence.text()
    assert "Chance of intercept 31 %" in banner.facts.text()
    assert "opens with a sequence" in shown.window.why.text.text()
    assert "-9.4 dB" in shown.window.why.text.text()
    assert "Judged by sdr-detect" in shown.window.why.text.text()


def test_old_data_blank_everything_that_rests_on_them(fed: Callable[..., Fed]) -> None:
    shown = fed()
    window = shown.window
    shown.give(*rows(), made.state(verdict=made.verdict("detected")))
    assert window.meter.number.text() == "+0.3 dB"
    assert window.health.fields["lost"].text().startswith("✓")
    assert window.channels.cells[3][:2] == ("4 ●", "6 min 12 s\nPoI 31 %")
    assert "channel 4: something like a terminal was last seen 1 s ago" in window.channels.toolTip()
    shown.grow_old(2.5)
    assert window.banner.title.text().startswith("NO VERDICT")
    assert window.meter.number.text() == "—  dB"
    assert {window.health.fields[n].text() for n in ("rate", "lost", "overload", "level")} == {"—"}
    assert window.health.fields["age"].text().startswith("✗ 2.")
    assert {text for _, text, _ in window.channels.cells} == {"—"}
    assert not any(hit for _, _, hit in window.channels.cells)
    assert window.why.text.text().startswith("— not evaluated")
    assert "FROZEN" in window.strip.text.text()
    shown.give(made.row(9))
    assert "DETECTED" in window.banner.title.text()
    assert not window.strip.isVisible()


def test_the_final_verdict_stays(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*rows(), made.state(final=True, verdict=made.verdict("detected")))
    shown.grow_old(60)
    assert "DETECTED" in shown.window.banner.title.text()
    assert shown.window.plots.waterfall.frozen == "END of the stream"


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("rtlsdr://0: another program holds the device", "Close the other program"),
        ("rtlsdr://0: unplugged", "USB lead"),
        ("no samples for 5 s: silent", "USB lead"),
        ("write: No space left on device", "Free some space"),
        ("rtlsdr://0: no such device", "'sdr-detect devices'"),
    ],
)
def test_a_lost_receiver_and_its_remedy(fed: Callable[..., Fed], reason: str, remedy: str) -> None:
    shown = fed()
    shown.give(*rows(), made.state(health=made.health(receiving=False, lost_reason=reason)))
    assert shown.window.strip.isVisible()
    assert reason in shown.window.strip.text.text()
    assert remedy in shown.window.strip.text.text()
    assert shown.window.banner.title.text().startswith("NO VERDICT")


def test_overload_is_said_beside_the_verdict(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*rows(), made.state(health=made.health(clipped_share=0.12)))
    assert "OVERLOADED: 12%" in shown.window.strip.text.text()
    assert "Reduce the gain" in shown.window.strip.text.text()
    assert "overloaded" in shown.window.banner.sentence.text()
    assert shown.window.health.fields["overload"].text() == "✗ 12.0%"


def test_a_wrong_lo_a_missing_clock_and_no_calibration(fed: Callable[..., Fed]) -> None:
    shown = fed()
    tuning = made.TUNING.model_copy(update={"center_hz": 13.1e9, "time_error_ns": None})
    shown.give(made.row(0, tuning=tuning), made.state())
    names = {c.name for c in shown.window.assessment.conditions}
    assert names == {"wrong_lo", "no_time", "uncalibrated"}
    assert "wrong LO?" in shown.window.strip.text.text()
    assert shown.window.health.fields["clock"].text() == "? unknown"
    assert "not calibrated" in shown.window.plots._upper.getAxis("left").labelText


def test_another_run_of_the_publisher_begins_anew(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*rows(), made.state(final=True, verdict=made.verdict("detected")))
    shown.restart()
    shown.give(made.row(0))
    assert shown.window.banner.title.text().startswith("NO VERDICT")
    shown.give(made.state())
    assert "NOT DETECTED" in shown.window.banner.title.text()


def test_missed_messages_are_counted(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(made.row(0))
    shown._seq += 5
    shown.give(made.row(6))
    assert shown.window.watching.lost_messages == 5


def test_a_window_that_looks_away_folds_and_skips_nothing(fed: Callable[..., Fed]) -> None:
    shown = fed()
    bodies = [made.row(k) for k in range(2000)]
    bodies[3].peak[77] = 5000 * made.NOISE
    shown.give(*bodies)
    lines = shown.window.plots.waterfall.lines
    assert lines.levels.max() > 150
    assert 64 <= lines.filled <= 256


def test_keys_do_what_the_list_says(fed: Callable[..., Fed], qtbot: Any) -> None:
    shown = fed()
    window = shown.window
    shown.give(*rows(), made.state())
    width = window.plots.view_hz[1] - window.plots.view_hz[0]
    qtbot.keyClick(window, Qt.Key.Key_Plus)
    assert window.plots.view_hz[1] - window.plots.view_hz[0] == pytest.approx(width / 2)
    qtbot.keyClick(window, Qt.Key.Key_0)
    assert window.plots.view_hz[1] - window.plots.view_hz[0] == pytest.approx(width)
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert not window.plots.traces.hold_on
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.paused
    qtbot.keyClick(window, Qt.Key.Key_F8)
    assert window.theme.name == "light"
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert window.table.chosen is not None
    assert window.plots.view_hz[1] - window.plots.view_hz[0] == pytest.approx(1.5 * 2.2e6)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    (dialog,) = window.findChildren(TextWindow)
    assert "next detection" in dialog.text.toPlainText()
    assert not dialog.isModal()
    dialog.close()


def test_layout_and_looks_are_remembered(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.window.does.next_theme()
    shown.window.does.change_scale(1)
    shown.window.close()
    assert isinstance(shown.window.settings, QSettings)
    again = fed()
    assert (again.window.theme.name, again.window.scale) == ("light", 1.2)


@pytest.mark.parametrize("scale", [1.0, 1.4])
@pytest.mark.parametrize("size", [(800, 480), (1024, 768), (1440, 900)])
def test_nothing_is_cut_off(fed: Callable[..., Fed], size: tuple[int, int], scale: float) -> None:
    shown = fed(*size, scale=scale)
    shown.give(*rows(), made.state(verdict=made.verdict("detected")))
    window = shown.window
    assert (window.width(), window.height()) == size
    for label in window.findChildren(QLabel):
        if label.isVisible() and not isinstance(label, Shrinking):
            assert label.sizeHint().width() <= label.width() + 1, label.text()
    for field in window.health.fields.values():
        if field.isVisible() and scale == 1.0:
            assert field.fontMetrics().horizontalAdvance(field.text()) <= field.width(), (
                field.text()
            )
    assert window.plots.height() > 90


def test_what_is_pressed_outdoors_is_large(fed: Callable[..., Fed]) -> None:
    shown = fed(theme="outdoor")
    shown.give(*rows(), made.state())
    sizes = [b.height() for b in shown.window.findChildren(QPushButton) if b.isVisible()]
    assert sizes
    assert min(sizes) >= TOUCH_PX


def test_walking_shows_strength_in_large(fed: Callable[..., Fed]) -> None:
    shown = fed(800, 480, theme="outdoor")
    shown.give(made.row(0, rise_db=17.0), made.state())
    shown.window.does.toggle_walk()
    shown.tick()
    assert shown.window.meter.isVisible()
    assert shown.window.meter.number.font().pixelSize() >= 60
    assert not shown.window.plots.isVisible()


def test_the_window_speaks_another_language(fed: Callable[..., Fed], qapp: Any) -> None:
    from sdr_detect_gui.texts import Language, catalogue

    language = Language(catalogue("de"))
    qapp.installTranslator(language)
    try:
        shown = fed(800, 480)
        shown.give(*rows(), made.state())
        assert "NICHT NACHGEWIESEN" in shown.window.banner.title.text()
        assert "1 von 8 Kanälen" in shown.window.banner.sentence.text()
        assert (shown.window.width(), shown.window.height()) == (800, 480)
    finally:
        qapp.removeTranslator(language)
