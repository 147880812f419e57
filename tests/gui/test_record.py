"""The record button: what it says, and what it asks of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import Qt
from sdr_detect_gui import recordbar

from sdr_detect import view
from tests import view_messages as made
from tests.gui.fed import Asked, Fed


def part(**changes: Any) -> view.RecorderPart:
    fields: dict[str, Any] = {
        "recording": False, "kept_s": 20.0, "bytes_per_s": 4.8e6,
        "disk_free_bytes": 11_808_000_000, "path": None, "data_bytes": 0, "files": 0,
        "failure": None,
    }  # fmt: skip
    return view.RecorderPart(**fields | changes)


@pytest.mark.parametrize(
    ("given", "wanted", "mark", "said"),
    [
        (None, False, "ready", "nothing is kept yet"),
        (None, True, "wait", "recording waits for data"),
        (part(), False, "ready", "keeps last 20 s · disk: 41 min"),
        (part(disk_free_bytes=2_000_000_000), False, "ready", "! disk: 7 min"),
        (part(), True, "wait", "begins …"),
        (
            part(recording=True, data_bytes=96_000_000, path="a.sigmf-meta"), True, "on",
            "20 s · 96.0 MB · disk: 41 min",
        ),
        (part(failure="a.sigmf-meta: No space left"), False, "failed", "ENDED: a.sigmf-meta: No"),
    ],
)  # fmt: skip
def test_every_state_is_said(
    given: view.RecorderPart | None, wanted: bool, mark: str, said: str
) -> None:
    told = recordbar.told(given, wanted=wanted, fresh=given is not None)
    assert told.mark == mark
    assert said in told.text


def test_the_key_begins_and_ends_and_a_failure_is_seen(fed: Callable[..., Fed], qtbot: Any) -> None:
    shown = fed(child=Asked())
    window = shown.window
    child = window.watching.child
    shown.give(made.row(0), made.state(recorder=part()))
    assert window.live.bar.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert child.lines == ["record by hand"]
    assert window.live.bar.button.text().startswith("■ STOP")
    shown.give(made.row(1), made.state(recorder=part(recording=True, data_bytes=48_000_000)))
    assert "10 s · 48.0 MB" in window.live.bar.text.text()
    qtbot.mouseClick(window.live.bar.button, Qt.MouseButton.LeftButton)
    assert child.lines == ["record by hand", "stop"]
    qtbot.keyClick(window, Qt.Key.Key_R)
    window.live._asked_s -= 10
    shown.give(made.row(2), made.state(recorder=part(failure="No space left on device")))
    assert window.watching.recording is None
    assert "No space left" in window.live.bar.text.text()
    assert "Free some space" in window.strip.text.text()


def test_who_looks_on_sees_the_state_and_cannot_record(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(made.row(0), made.state())
    assert not shown.window.live.bar.isVisible()
    shown.give(made.row(1), made.state(recorder=part(recording=True)))
    assert shown.window.live.bar.isVisible()
    assert not shown.window.live.bar.button.isVisible()
    assert "record" not in shown.window.actions_by_name


def test_a_watch_has_the_keys_that_a_recording_has_not(fed: Callable[..., Fed]) -> None:
    wanted = {"record", "leg_on", "leg_off", "compare", "turn", "tone", "case", "evidence"}
    assert wanted <= set(fed(child=Asked()).window.actions_by_name)
