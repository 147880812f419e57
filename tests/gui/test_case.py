"""Case, comparison and evidence beside a running watch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from sdr_detect_gui import casefile, comparepanel
from sdr_detect_gui.banner import Shrinking
from sdr_detect_gui.casefile import Form
from sdr_detect_gui.comparing import Outcome, read_outcome
from sdr_detect_gui.jobs import Done, Jobs
from sdr_detect_gui.theme import TOUCH_PX
from sdr_detect_gui.window import MainWindow

from sdr_detect.errors import FormatError
from tests import view_messages as made
from tests.gui.fed import Asked, Fed
from tests.gui.test_record import part

GOOD = {
    "vessel": "MV Example", "imo": "9074729", "mmsi": "211331640", "berth": "7",
    "operator": "Kim Example", "authority": "Port of Example", "position": "54.32, 10.14",
}  # fmt: skip


class Ended:
    """Stands in for the processes: keeps the words, and says how they end."""

    def __init__(self, jobs: Jobs, answers: Callable[[list[str]], Done]) -> None:
        self.words: list[list[str]] = []
        self._answers = answers
        jobs.run = self.run  # type: ignore[method-assign]

    def run(self, words: list[str], then: Callable[[Done], None]) -> None:
        self.words.append(list(words))
        then(self._answers(list(words)))


def write(shown: Fed, **fields: str) -> None:
    for name, text in (GOOD | fields).items():
        shown.window.live.case.fields[name].setText(text)


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("imo", "9074720", "a digit was misread"),
        ("imo", "907472", "not seven digits"),
        ("mmsi", "974000000", "an emergency beacon"),
        ("position", "somewhere", "LAT, LON"),
        ("position", "91, 0", "LAT, LON"),
        ("vessel", " ", "is needed"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_beside_it(
    fed: Callable[..., Fed], field: str, text: str, fault: str
) -> None:
    shown = fed()
    panel = shown.window.live.case
    write(shown)
    assert panel.open_button.isEnabled()
    assert {mark.text() for mark in panel.marks.values()} == {"✓"}
    write(shown, **{field: text})
    assert fault in panel.marks[field].toolTip()
    assert panel.marks[field].text() in ("✗", "…")
    assert not panel.open_button.isEnabled()


def test_positions_become_options() -> None:
    assert Form(position="gpsd").position_words() == ["--gpsd", "localhost"]
    assert Form(position="gpsd 10.0.0.2:2947").position_words() == ["--gpsd", "10.0.0.2:2947"]
    assert Form(position="-33.9, 18.4").position_words() == ["--lat=-33.9", "--lon=18.4"]
    assert casefile.name_of_key("Kim O'Example / 2") == "kim-o-example-2"


def test_a_case_is_opened_with_what_is_written(
    fed: Callable[..., Fed], qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = fed()
    window, panel = shown.window, shown.window.live.case
    opened = Done(0, "opened case 2026-001 in cases.sqlite\n", "")
    asked = Ended(window.live.jobs, lambda words: opened if "new" in words else Done(0, "54 N", ""))
    shown.give(made.row(0), made.state())
    qtbot.keyClick(window, Qt.Key.Key_F4)
    assert window.live.pages.current == "case"
    assert panel.fields["vessel"].hasFocus()
    write(shown)
    qtbot.mouseClick(panel.open_button, Qt.MouseButton.LeftButton)
    assert asked.words[0][:3] == ["case", "new", "--vessel=MV Example"]
    assert "--imo=9074729" in asked.words[0]
    assert asked.words[1][:3] == ["case", "position", "2026-001"]
    shown.give(made.row(0), made.state())
    assert window.source.text() == "MV Example · IMO 9074729 · berth 7 · 2026-001"
    assert panel.time.text() == "UTC ± 2 ms · 54 N"
    panel.purpose.setCurrentIndex(1)
    panel.attach_by_hand("a.sigmf-meta")
    assert asked.words[-1][:5] == [
        "case",
        "attach",
        "2026-001",
        "a.sigmf-meta",
        "--for=on_target",
    ]
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert [words[1] for words in asked.words[-3:]] == ["key", "seal", "export"]


def test_what_a_verb_complains_of_is_shown_and_nothing_blocks(fed: Callable[..., Fed]) -> None:
    shown = fed()
    window, panel = shown.window, shown.window.live.case
    told = "2026-11-28 10:00:00,000 ERROR sdr_detect: cases.sqlite: the vessel has an open case"
    Ended(window.live.jobs, lambda words: Done(1, "", told))
    write(shown)
    panel.open_case()
    assert panel.case is None
    assert panel.told.text() == "✗ cases.sqlite: the vessel has an open case"
    panel.seal()
    assert "open a case first" in panel.told.text()
    assert not window.findChildren(QLabel, "qt_msgbox_label")


def test_a_verb_runs_to_its_end_and_the_first_failure_ends_a_chain(qtbot: Any) -> None:
    jobs = Jobs()
    ended: list[list[Done]] = []
    jobs.chain([["devices", "--nonsense"], ["devices"]], ended.append)
    assert jobs.busy
    qtbot.waitUntil(lambda: bool(ended), timeout=30_000)
    (one,) = ended[0]
    assert one.code == 2
    assert "nonsense" in one.failure
    jobs.close()


def lines(attributed: bool | None, verdict: str = "detected") -> str:
    told = {"type": "verdict", "verdict": verdict, "attributed": attributed,
            "reasons": ["19.0 dB stronger towards the vessel"]}  # fmt: skip
    return '{"type": "file"}\n' + json.dumps(told) + "\n"


@pytest.mark.parametrize("text", ["", "{}\n", "x", '{"type": "verdict", "verdict": "detected"}'])
def test_a_result_without_a_verdict_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="no verdict"):
        read_outcome("off-target", text)


def test_a_test_leg_by_leg_to_an_attributed_banner(
    fed: Callable[..., Fed], qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparepanel, "LEG_S", 2.0)
    shown = fed(child=Asked())
    window = shown.window
    child, panel = window.watching.child, shown.window.live.compare
    found = made.verdict("detected")

    def give(number: int, **changes: Any) -> None:
        shown.give(made.row(number), made.state(verdict=found, recorder=part(**changes)))

    give(0)
    assert "not attributed" in window.banner.title.text()
    for k, (key, side) in enumerate(((Qt.Key.Key_V, "on"), (Qt.Key.Key_B, "off")), 1):
        path = str(tmp_path / f"{side}.sigmf-meta")
        qtbot.keyClick(window, key)
        assert child.lines[-1] == f"begin off-target: {side}"
        give(3 * k, recording=True, files=k, path=path, data_bytes=4_800_000)
        assert "1 of 2 s" in window.strip.text.text()
        assert "Touch nothing" in window.strip.text.text()
        give(3 * k + 1, recording=True, files=k, path=path, data_bytes=9_700_000)
        assert child.lines[-1] == "stop"
        give(3 * k + 2, files=k, path=path, data_bytes=9_700_000)
        assert panel.test.legs[-1] == (side, path)

    def answer(words: list[str]) -> Done:
        Path(words[words.index("--json") + 1]).write_text(lines(True))
        return Done(0, "", "")

    asked = Ended(window.live.jobs, answer)
    qtbot.keyClick(window, Qt.Key.Key_G)
    assert asked.words[0][-4:] == [
        "--on", str(tmp_path / "on.sigmf-meta"), "--off", str(tmp_path / "off.sigmf-meta"),
    ]  # fmt: skip
    give(20)
    assert "DETECTED, attributed by the off-target" in window.banner.title.text()
    assert "19.0 dB stronger" in window.banner.sentence.text()
    shown.grow_old(5)
    assert window.banner.title.text().startswith("NO VERDICT")
    panel.test.outcome = Outcome("off-target", "inconclusive", False, ("as strong off target",))
    give(21)
    assert "speaks against this vessel: as strong" in window.banner.sentence.text()
    panel.begin_anew()
    give(22)
    assert "not attributed" in window.banner.title.text()


def test_an_absorber_test_says_so(fed: Callable[..., Fed], qtbot: Any) -> None:
    shown = fed(child=Asked())
    window = shown.window
    window.live.compare.kind.setCurrentIndex(1)
    shown.give(made.row(0), made.state(recorder=part()))
    qtbot.keyClick(window, Qt.Key.Key_B)
    shown.give(made.row(1), made.state(recorder=part()))
    assert "Absorber test: recording, feed COVERED" in window.strip.text.text()


def test_what_is_told_until_it_is_acknowledged(fed: Callable[..., Fed]) -> None:
    shown = fed(known="")
    tuning = made.TUNING.model_copy(update={"time_error_ns": None})
    shown.give(made.row(0, tuning=tuning), made.state())
    window = shown.window
    assert "No time source" in window.strip.text.text()
    assert "Synchronise" in window.strip.text.text()
    lossy = made.state(verdict=made.verdict(analysed_s=60.0, blind_s=40.0))
    shown.give(made.row(1, tuning=tuning), lossy)
    assert "for 40% of the time nothing was heard. Close other" in window.strip.text.text()
    window.strip.noted.click()
    shown.give(made.row(2, tuning=tuning), lossy)
    assert "No time source" in window.strip.text.text()
    window.strip.noted.click()
    shown.give(made.row(3, tuning=tuning))
    assert "not calibrated. 'sdr-detect calibrate'" in window.strip.text.text()
    window.strip.noted.click()
    shown.give(made.row(4, tuning=tuning))
    assert not window.strip.isVisible()
    assert window.settings.value("known") == "uncalibrated"  # the next time too


def test_the_limit_in_the_banner_is_an_eirp_when_calibrated(fed: Callable[..., Fed]) -> None:
    shown = fed()
    said = made.verdict(eirp_limit_dbm=11.3, eirp_expanded_db=4.2)
    shown.give(made.row(0), made.state(verdict=said))
    assert "one below +11.3 dBm ± 4.2 dB EIRP" in shown.window.banner.sentence.text()
    assert "+11.3 dBm ± 4.2 dB EIRP" in shown.window.why.text.text()


def test_a_track_that_is_not_told_yet_has_no_number(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(made.row(0), made.state(tracks=(made.track(1), made.track(0, kind="fold"))))
    model = shown.window.table.rows
    names = [model.data(model.index(k, 0)) for k in range(2)]
    assert names == ["T1", "so far"]


@pytest.mark.parametrize("theme", ["dark", "outdoor"])
@pytest.mark.parametrize(
    ("size", "scale"), [((800, 480), 1.4), ((1440, 900), 1.0), ((1700, 900), 1.4)]
)
def test_no_page_is_cut_off(
    fed: Callable[..., Fed], theme: str, size: tuple[int, int], scale: float
) -> None:
    shown = fed(*size, theme=theme, scale=scale, child=Asked())
    window = shown.window
    write(shown)
    shown.give(made.row(0), made.state(recorder=part()))
    for page in window.live.pages.buttons:
        window.live._enter(page, lambda: None)
        shown.tick()
        assert (window.width(), window.height()) == size
        assert window.live.pages.isVisible()
        assert_whole(window)


def assert_whole(window: MainWindow) -> None:
    """Texts of the panels have the width that they need, and buttons are high enough."""
    for kind in (QLabel, QPushButton):
        for thing in window.live.pages.findChildren(kind):
            if thing.isVisible() and not isinstance(thing, Shrinking):
                assert thing.sizeHint().width() <= thing.width() + 1, thing.text()
                if window.theme.touch and kind is QPushButton:
                    assert thing.height() >= TOUCH_PX
