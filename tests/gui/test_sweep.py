"""The sweep's view: the band from slices, its channels, and one stop of it below."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtCore import QPoint, QSettings, Qt
from sdr_detect_gui.app import application
from sdr_detect_gui.band import Band
from sdr_detect_gui.session import Watching
from sdr_detect_gui.window import MainWindow

from sdr_detect import view
from tests import view_messages as made
from tests.gui.fed import Asked, Fed
from tests.gui.test_pictures import pixels

LOW, HIGH = 14.0e9, 14.5e9
SWEEP = view.SweepPart(strategy="comb", stops=8, dwell_s=0.1, moves=17, lower_hz=LOW, upper_hz=HIGH)


def slice_at(center_hz: float, number: int = 0, **changes: Any) -> view.Row:
    tuning = made.TUNING.model_copy(update={"center_hz": center_hz})
    return made.row(number, tuning=tuning, **changes)


def centers() -> list[float]:
    return [LOW + (k + 0.5) * 62.5e6 for k in range(8)]


@pytest.mark.parametrize("center_hz", [14.0e9, 14.03125e9, 14.2225e9, 14.4999e9])
def test_a_carrier_lies_where_it_is_in_the_band(center_hz: float) -> None:
    band = Band(LOW, HIGH)
    band.add(slice_at(center_hz, carrier=256 + 60))
    wanted = center_hz + 60 / 512 * made.RATE_HZ
    if LOW <= wanted < HIGH:
        assert abs(int(np.nanargmax(band.highest)) + 0.5 - band.column(wanted)) <= 1
        assert np.nanmax(band.mean) > 50 * made.NOISE
    place = band.heard(LOW, HIGH)
    assert place is not None
    assert abs(place[0] - max(band.column(center_hz - 0.4 * made.RATE_HZ), 0)) <= 1
    before = np.nansum(band.highest)
    band.add(slice_at(center_hz, 1))
    assert np.nansum(band.highest) >= before  # the highest stays
    assert np.nanmax(band.now) < 10 * made.NOISE  # what is now has gone


def test_what_was_not_heard_is_nothing() -> None:
    band = Band(LOW, HIGH)
    band.add(slice_at(13.0e9))
    assert band.share_heard == 0.0
    assert band.heard(LOW, HIGH) is None
    band.add(slice_at(14.25e9))
    assert band.share_heard == pytest.approx(0.8 * made.RATE_HZ / 500e6, rel=0.05)


def swept(fed: Callable[..., Fed], *size: int, **kept: object) -> Fed:
    shown = fed(*size, **kept)
    channels = tuple(
        c.model_copy(update={"watched_s": 4.2, "visits": 42, "poi": 0.31, "last_seen_s": None})
        for c in made.channels()
    )
    state = made.state(sweep=SWEEP, channels=channels, tracks=())
    shown.give(state)
    rows = [slice_at(center, k, carrier=100) for k, center in enumerate(centers())]
    shown.give(*rows, state)
    return shown


def test_every_channel_tells_what_it_got(fed: Callable[..., Fed]) -> None:
    shown = swept(fed)
    band = shown.window.live.sweeping.view
    assert band.isVisible()
    assert not shown.window.channels.isVisible()
    assert [c.head for c in band.cells][-1] == "8 ●"
    assert band.cells[0].lines[:3] == ("4.2 s · 42×", "PoI 31 %", "not seen")
    assert band.cells[0].lines[3] == "-30.0 dBFS"
    assert "8 stops, 100 ms each · 17 done" in band.head
    assert band.magnified
    shown.grow_old(5)
    assert {c.lines for c in band.cells} == {("—",)}


def test_a_find_is_gone_to_and_a_click_goes_elsewhere(fed: Callable[..., Fed], qtbot: Any) -> None:
    shown = swept(fed)
    window, band = shown.window, shown.window.live.sweeping.view
    first = window.live.sweeping._shown_hz
    found = made.track(freq_lower_hz=centers()[3] - 1e6, freq_upper_hz=centers()[3] + 1e6)
    shown.give(made.state(sweep=SWEEP, tracks=(found,)))
    assert first != window.live.sweeping._shown_hz == centers()[3]
    assert [c.hit for c in band.cells].index(True) == 3
    for k, center in enumerate(centers()):
        shown.give(slice_at(center, 20 + k))
    assert window.plots.view_hz[0] < centers()[3] < window.plots.view_hz[1]
    x = round(band._x(centers()[6]))
    qtbot.mouseClick(band, Qt.MouseButton.LeftButton, pos=QPoint(x, band.height() - 40))
    shown.give(slice_at(centers()[6], 40))
    assert window.plots.view_hz[0] < centers()[6] < window.plots.view_hz[1]
    shown.give(made.state(sweep=SWEEP, tracks=(found,)))
    assert window.live.sweeping._shown_hz == centers()[6]


@pytest.mark.parametrize("theme", ["dark", "outdoor"])
@pytest.mark.parametrize(
    ("size", "scale"), [((1280, 800), 1.0), ((800, 480), 1.0), ((1024, 768), 1.4)]
)
def test_the_curves_are_seen_in_every_look(
    fed: Callable[..., Fed], theme: str, size: tuple[int, int], scale: float
) -> None:
    shown = swept(fed, *size, theme=theme, scale=scale)
    window, band = shown.window, shown.window.live.sweeping.view
    assert (window.width(), window.height()) == size
    seen = pixels(band)
    plot = band._plot_rect().toRect()
    inside = seen[plot.top() : plot.bottom(), plot.left() : plot.right()]
    wanted = [int(window.theme.now[k : k + 2], 16) for k in (1, 3, 5)]
    drawn = (inside == wanted).all(axis=2).any(axis=0)
    assert drawn.mean() > 0.7  # in nearly every column
    assert window.plots.height() > 60


def test_another_receivers_sweep_lies_above_the_parked_view(
    fed: Callable[..., Fed], qtbot: Any
) -> None:
    shown = fed(beside=True)
    window, band = shown.window, shown.window.live.sweeping.view
    shown.give(made.row(0), made.state(tracks=()))
    assert "✗ SWEEP: Waiting" in band.head
    swept_state = made.state(sweep=SWEEP, tracks=(), verdict=made.verdict("detected"))
    rows = [slice_at(center, k, carrier=100) for k, center in enumerate(centers())]
    shown.give(swept_state, *rows, beside=True)
    shown.give(made.row(1), made.state(tracks=()))
    assert window.assessment.word == "not_detected"  # the banner is the parked receiver's
    assert window.channels.isVisible()
    assert window.meter.isVisible()
    assert window.plots.view_hz[0] < made.CENTER_HZ < window.plots.view_hz[1]
    assert band.shown_hz == made.CENTER_HZ
    assert band.cells[0].lines[3] == "-30.0 dBFS"
    assert "sweep has met something like a terminal in channel 4" in window.strip.text.text()
    window.strip.noted.click()
    shown.tick()
    assert not window.strip.isVisible()
    qtbot.mouseClick(band, Qt.MouseButton.LeftButton, pos=QPoint(200, band.height() - 40))
    assert "--rf 14" in window.statusBar().currentMessage()
    qtbot.keyClick(window, Qt.Key.Key_S)
    assert not band.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_S)
    window.beside._row_s = time.monotonic() - 5
    shown.give(made.row(2), made.state(tracks=()))
    assert "✗ SWEEP: No data for 5 s" in band.head
    assert {c.lines for c in band.cells} == {("—",)}
    assert window.assessment.word == "not_detected"


def test_a_sweep_is_recorded_and_not_compared(fed: Callable[..., Fed], qtbot: Any) -> None:
    shown = fed(child=Asked())
    window = shown.window
    window.watching.verb = "sweep"
    shown.give(slice_at(LOW + 31e6), made.state(sweep=SWEEP))
    qtbot.mouseClick(window.live.bar.button, Qt.MouseButton.LeftButton)
    assert window.watching.child.lines == ["record by hand"]
    window.live.compare.leg("on")
    assert window.watching.child.lines == ["record by hand"]
    assert "A sweep cannot be compared" in window.live.compare.guide.text()


def test_a_real_sweep_is_shown(qtbot: Any, tmp_path: Path) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text(
        '[scene]\ntitle = "sweep"\nseed = 5\nduration_s = 30.0\nstart_utc = 2026-05-04T08:15:30Z\n'
        '[receiver]\nsample_rate_hz = 2.4e6\nrf_center_hz = 14.2225e9\nconverter = "ku-12.80"\n'
        '[[emitter]]\nkind = "starlink_uplink"\nchannel = 3\ncn_db = 8.0\n'
    )
    application("en")
    words = ["--source", f"sim://{scene}", "--strategy", "comb", "--seconds", "3"]
    watching = Watching(words, replay=True, verb="sweep")
    window = MainWindow(watching, QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat))
    window.show()
    band = window.live.sweeping.view
    try:
        qtbot.waitUntil(lambda: window.assessment.word == "detected", timeout=60_000)
        qtbot.waitUntil(lambda: any(c.hit for c in band.cells), timeout=20_000)
        qtbot.waitUntil(
            lambda: (
                watching.state is not None
                and watching.state.sweep is not None
                and watching.state.sweep.moves > 8
            ),
            timeout=20_000,
        )
        assert band.band is not None
        assert len(band.band.centers_hz) >= 4
        assert [c.number for c in band.cells if c.hit] == [4]
        qtbot.waitUntil(
            lambda: (
                watching.state is not None
                and watching.state.sweep is not None
                and watching.state.sweep.moves > 8
            ),
            timeout=20_000,
        )
        assert watching.state is not None
        assert sum(c.visits for c in watching.state.channels) >= 2
    finally:
        window.close()
        qtbot.waitUntil(window.isHidden, timeout=20_000)
        window.deleteLater()
    assert watching.child is not None
    assert any("Detected: an emission consistent with" in line for line in watching.child.told)
