"""For turning an antenna: the tone, the headings, the compass."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton
from sdr_detect_gui import tone
from sdr_detect_gui.headings import MAX_VALUES, Headings
from sdr_detect_gui.theme import TOUCH_PX
from sdr_detect_gui.tone import Tone, Voice

from tests import view_messages as made
from tests.gui.fed import Fed
from tests.gui.test_pictures import pixels


def strongest_hz(samples: np.ndarray[Any, np.dtype[np.int16]]) -> float:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(power.argmax() * tone.RATE_HZ / len(samples))


@pytest.mark.parametrize(
    ("rise_db", "pitch"), [(0, 220), (10, 440), (20, 880), (-30, 110), (90, 3520)]
)
def test_pitch_is_strength(rise_db: float, pitch: float) -> None:
    voice = Voice()
    voice.piece(1000, rise_db, buzz=False)
    samples = voice.piece(16_000, rise_db, buzz=False)
    assert strongest_hz(samples) == pytest.approx(pitch, abs=2)
    assert 7000 < samples.max() < 9000


def test_no_data_is_silence_and_overload_a_buzz() -> None:
    voice = Voice()
    assert not voice.piece(500, None, buzz=False).any()
    voice.piece(500, 12.0, buzz=True)
    buzz = voice.piece(16_000, 12.0, buzz=True)
    assert strongest_hz(buzz) == pytest.approx(tone.BUZZ_HZ, abs=1)
    assert np.unique(buzz).size <= 3  # a square
    fading = voice.piece(640, None, buzz=False)
    assert fading[-1] == 0
    assert not voice.piece(500, None, buzz=False).any()


def test_pieces_join_without_a_step() -> None:
    voice = Voice()
    whole = np.concatenate([voice.piece(n, 10.0, buzz=False) for n in (1000, 37, 640, 1, 900)])
    assert np.abs(np.diff(whole[1000:].astype(int))).max() < 8200 * 2 * math.pi * 440 / 16_000 + 2


PLAYER = """#!/bin/sh
exec cat > "{out}"
"""


def player(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only player there is."""
    path = folder / "aplay"
    path.write_text(text)
    path.chmod(0o755)
    monkeypatch.setattr(tone.shutil, "which", lambda name: str(path) if name == "aplay" else None)


def test_the_tone_reaches_the_player(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "sound.raw"
    player(tmp_path, PLAYER.format(out=out), monkeypatch)
    sound = Tone(lambda: (20.0, False))
    sound.toggle()
    assert sound.on
    qtbot.waitUntil(lambda: out.exists() and out.stat().st_size > 16_000, timeout=10_000)
    sound.close()
    assert not sound.on
    data = out.read_bytes()
    samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
    assert strongest_hz(samples[2000:]) == pytest.approx(880, abs=10)


@pytest.mark.parametrize("how", ["none", "dies", "deaf"])
def test_sound_that_fails_is_told_and_holds_nothing_up(
    fed: Callable[..., Fed], qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "none":
        monkeypatch.setattr(tone.shutil, "which", lambda name: None)
    elif how == "dies":
        player(tmp_path, "#!/bin/sh\necho 'aplay: no sound card' >&2\nexit 1\n", monkeypatch)
    else:
        player(tmp_path, "#!/bin/sh\nexec sleep 60\n", monkeypatch)
    shown = fed()
    window = shown.window
    shown.give(made.row(0), made.state())
    qtbot.keyClick(window, Qt.Key.Key_T)
    if how == "deaf":
        qtbot.wait(300)
        process = window.live.tone._process
        window.live.tone._began_s -= 3600
        for _ in range(20):
            window.live.tone._tick()
        assert process.bytesToWrite() <= tone._MOST_WAITING + 2 * tone.RATE_HZ
        qtbot.keyClick(window, Qt.Key.Key_T)
        assert not window.live.tone.on
        return
    wanted = "none of paplay" if how == "none" else "no sound card"
    qtbot.waitUntil(lambda: wanted in window.live.heading.said.text(), timeout=10_000)
    assert not window.live.tone.on
    assert not window.live.heading.tone_button.isChecked()
    shown.give(made.row(1))
    assert window.assessment.fresh


def test_the_tone_knows_silence_and_overload(fed: Callable[..., Fed]) -> None:
    shown = fed()
    heard = shown.window.live._heard
    assert heard() == (None, False)
    shown.give(made.row(0, rise_db=12.0), made.state())
    assert heard() == (12.0, False)
    shown.give(made.row(1, rise_db=12.0), made.state(health=made.health(clipped_share=0.2)))
    assert heard()[1]
    shown.grow_old(3)
    assert heard() == (None, False)


def lobe(headings: Headings, at_deg: float, values: int = 30) -> None:
    rng = np.random.default_rng(3)
    for deg in range(0, 360, 10):
        headings.now_deg = float(deg)
        level = 2 + 15 * math.exp(6 * (math.cos(math.radians(deg - at_deg)) - 1))
        for _ in range(values):
            headings.hear(level + rng.normal(0, 0.5))


def test_the_strongest_heading_is_found_and_its_north_is_said() -> None:
    headings = Headings()
    headings.hear(20.0)  # nobody said where it points
    assert len(headings) == 0
    lobe(headings, 212.0)
    found = headings.lobe()
    assert found.heading_deg == pytest.approx(212, abs=4)
    assert headings.refer_to("magnetic")
    assert len(headings) == 0
    assert headings.now_deg is None


def test_an_hour_of_strengths_stays_small() -> None:
    headings = Headings()
    headings.now_deg = 10.0
    for _ in range(MAX_VALUES + 50):
        headings.hear(3.0)
    assert len(headings) == MAX_VALUES
    assert len(headings.bins()) == 1


def test_headings_are_typed(fed: Callable[..., Fed], qtbot: Any) -> None:
    shown = fed()
    window, panel = shown.window, shown.window.live.heading
    shown.give(made.row(0, rise_db=9.0), made.state())
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert window.live.pages.current == "heading"
    assert panel.entry.hasFocus()
    qtbot.keyClicks(panel.entry, "12x")
    qtbot.keyClick(panel.entry, Qt.Key.Key_Return)
    assert "no heading" in panel.said.text()
    panel.entry.clear()
    qtbot.keyClicks(panel.entry, "123.5")
    qtbot.keyClick(panel.entry, Qt.Key.Key_Return)
    assert window.live.headings.now_deg == 123.5
    assert panel.told.text().startswith("124° true")
    shown.give(made.row(1, rise_db=9.0))
    (one,) = window.live.headings.bins()
    assert 10 * math.log10(1 + one.excess) == pytest.approx(9.0)
    qtbot.keyClick(window, Qt.Key.Key_H)
    shown.give(made.row(2, rise_db=30.0))  # while it turns nothing counts
    assert len(window.live.headings) == 1
    panel.north.setCurrentIndex(1)
    assert "two norths" in panel.said.text()


def test_the_compass_points_where_it_is_strong(fed: Callable[..., Fed]) -> None:
    shown = fed()
    window = shown.window
    lobe(window.live.headings, 90.0)
    shown.give(made.row(0), made.state())
    window.live.pages.show_page("heading")
    window.live.heading.renew(fresh=True)
    shown.tick()
    compass = window.live.heading.compass
    seen = pixels(compass).astype(int)
    wanted = [int(window.theme.accent[k : k + 2], 16) for k in (1, 3, 5)]
    shade = np.abs(seen - wanted).sum(axis=2) < 60
    x = np.nonzero(shade)[1]
    middle, radius = compass._disc()
    assert x.max() > middle.x() + 0.5 * radius
    assert x.min() > middle.x() - 0.4 * radius
    assert "strongest 9" in window.live.heading.told.text()


def test_a_rotator_is_followed_and_its_loss_is_told(fed: Callable[..., Fed], qtbot: Any) -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        link, _ = server.accept()
        with link:
            while link.recv(100):
                link.sendall(b"get_pos:\nAzimuth: 77.5\nElevation: 0.0\nRPRT 0\n")
                if not live.wait(0.05):
                    return

    live = threading.Event()
    live.set()
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    shown = fed()
    window, panel = shown.window, shown.window.live.heading
    window.live.pages.show_page("heading")
    panel.address.setText(f"127.0.0.1:{server.getsockname()[1]}")
    panel.follow.click()
    qtbot.waitUntil(lambda: window.live.headings.now_deg == 77.5, timeout=5000)
    live.clear()
    server.close()
    qtbot.waitUntil(lambda: window.live.headings.now_deg is None, timeout=10_000)
    assert "rotctld://" in panel.said.text()
    panel.follow.click()
    assert panel.rotator is None
    thread.join(5)


@pytest.mark.parametrize("theme", ["dark", "outdoor"])
def test_walking_fits_a_small_screen(fed: Callable[..., Fed], theme: str) -> None:
    shown = fed(800, 480, theme=theme)
    window = shown.window
    lobe(window.live.headings, 212.0)
    shown.give(made.row(0, rise_db=17.0), made.state(verdict=made.verdict("detected")))
    window.does.toggle_walk()
    shown.tick()
    assert (window.width(), window.height()) == (800, 480)
    compass = window.live.heading.compass
    corner = compass.mapTo(window, QPoint(compass.width(), compass.height()))
    assert corner.y() <= 480
    assert corner.x() <= 800
    assert compass._disc()[1] > 40
    buttons = [b for b in window.live.walk_buttons.findChildren(QPushButton) if b.isVisible()]
    assert len(buttons) == 4
    if window.theme.touch:
        assert min(b.height() for b in buttons) >= TOUCH_PX
    buttons[-1].click()
    assert window.plots.isVisible()


def test_what_was_cleared_is_taken_back_beside_what_came_since(fed: Callable[..., Fed]) -> None:
    panel, headings = (live := fed().window.live).heading, live.headings
    lobe(headings, 212.0)
    before = len(headings)
    panel.empty.click()
    assert len(headings) == 0
    assert panel.empty.text() == "Take back"
    headings.now_deg = 10.0
    headings.hear(3.0)
    panel.empty.click()
    assert len(headings) == before + 1
    assert panel.empty.text() == "Clear"
    panel.empty.click()
    headings.refer_to("magnetic")
    assert not headings.can_take_back  # of another north
