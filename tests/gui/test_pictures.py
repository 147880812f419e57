"""What is seen: pixels that mean something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets", reason="Qt or a library it needs is missing", exc_type=ImportError
)

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from sdr_detect_gui.window import MainWindow

from tests import view_messages as made
from tests.gui.fed import Fed

#: Pixels left out along the frame of the waterfall.
EDGE = 2


def pixels(widget: QWidget) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What a widget shows: (height, width, red green blue)."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8)
    rows = data.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
    return rows.reshape(image.height(), image.width(), 3).copy()


def waterfall(window: MainWindow) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Brightness of the waterfall, (line, column)."""
    box = window.plots._lower.vb
    rect = window.plots.mapFromScene(box.sceneBoundingRect()).boundingRect()
    inner = rect.adjusted(EDGE, EDGE, -EDGE, -EDGE)
    shown = pixels(window.plots)
    seen = shown[inner.top() : inner.bottom(), inner.left() : inner.right()]
    return seen.astype(np.int64).sum(axis=2)


@pytest.mark.parametrize("carrier", [25, 1000, 2048, 4070])
def test_a_carrier_of_one_bin_among_4096_is_seen_where_it_is(
    fed: Callable[..., Fed], carrier: int
) -> None:
    shown = fed()
    shown.give(*(made.row(k, bins=4096, carrier=carrier) for k in range(40)))
    shown.window.plots.fit()
    seen = waterfall(shown.window)[5:35]
    column = int(seen.mean(axis=0).argmax())
    width = seen.shape[1] + 2 * EDGE
    low, high = shown.window.plots.view_hz
    wanted = made.CENTER_HZ + (carrier - 2048) * made.RATE_HZ / 4096
    assert abs(column + EDGE - (wanted - low) / (high - low) * width) <= 2
    assert (seen[:, column] > np.median(seen) + 150).all()


def test_rising_frequency_is_to_the_right(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*(made.row(k, carrier=450) for k in range(30)))
    seen = waterfall(shown.window)[2:25].mean(axis=0)
    assert seen.argmax() > 0.8 * seen.size


def test_history_follows_the_zoom(fed: Callable[..., Fed]) -> None:
    """Old rows keep their frequency when the view changes."""
    shown = fed()
    shown.give(*(made.row(k, bins=4096, carrier=3000) for k in range(60)))
    plots = shown.window.plots
    center = made.CENTER_HZ + (3000 - 2048) * made.RATE_HZ / 4096
    plots.show_range(center - 50e3, center + 150e3)
    shown.tick()
    seen = waterfall(shown.window)[2:55]
    columns = seen.argmax(axis=1)
    assert abs(np.median(columns) - seen.shape[1] / 4) <= 6
    assert np.ptp(columns) <= 12


def test_a_short_burst_is_one_bright_line_and_silence_none(fed: Callable[..., Fed]) -> None:
    shown = fed()
    rows = [made.row(k) for k in range(60)]
    rows[30].peak[:] = 1000 * made.NOISE
    shown.give(*rows)
    shown.window.plots.waterfall.set_range(-65, -30)
    shown.tick()
    lines = waterfall(shown.window)[:60].mean(axis=1)
    assert lines.argmax() + EDGE == pytest.approx(29, abs=1)
    assert np.count_nonzero(lines > np.median(lines) + 150) == 1


def test_time_may_be_pressed_together_without_loss(fed: Callable[..., Fed]) -> None:
    shown = fed()
    rows = [made.row(k) for k in range(80)]
    rows[33].peak[100] = 1000 * made.NOISE
    shown.give(*rows)
    shown.window.plots.waterfall.set_range(-65, -30)
    for _ in range(2):
        shown.window.plots.zoom_time(1)
        shown.tick()
        seen = waterfall(shown.window)
        assert (seen > np.median(seen[:10]) + 150).any()


def test_a_gap_in_frequency_is_blank(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*(made.row(k) for k in range(40)))
    plots = shown.window.plots
    plots.show_range(made.CENTER_HZ, made.CENTER_HZ + made.RATE_HZ)
    shown.tick()
    seen = waterfall(shown.window)[:35]
    right = seen[:, int(0.55 * seen.shape[1]) : -EDGE]
    assert np.unique(right).size == 1


def test_boxes_are_drawn_around_bursts(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*(made.row(k) for k in range(90)))
    shown.give(made.state())
    before = waterfall(shown.window)
    shown.give(made.finds((30 * 80_000, 31 * 80_000), (40 * 80_000, 41 * 80_000)))
    (mark,) = shown.window.plots.waterfall.marked()
    assert mark.label == "T1"
    assert mark.rect.height() == pytest.approx(12, abs=1)
    assert (waterfall(shown.window) != before).any()


def test_frozen_is_written_across(fed: Callable[..., Fed]) -> None:
    shown = fed()
    shown.give(*(made.row(k) for k in range(50)), made.state())
    running = np.unique(waterfall(shown.window))
    shown.grow_old(12)
    assert shown.window.plots.waterfall.frozen == "FROZEN – last data 12 s ago"
    seen = waterfall(shown.window)
    ground = np.count_nonzero(seen == 0xA6 + 0x3A) / seen.size  # of the text across
    assert 0.01 < ground < 0.5
    assert 0xA6 + 0x3A not in running
    shown.give(made.row(51))
    assert shown.window.plots.waterfall.frozen == ""


@pytest.mark.parametrize("theme", ["dark", "light", "contrast", "outdoor"])
@pytest.mark.parametrize("size", [(1280, 800), (800, 480)])
def test_every_look_shows_something(
    fed: Callable[..., Fed], theme: str, size: tuple[int, int]
) -> None:
    shown = fed(*size, theme=theme)
    shown.give(*(made.row(k, carrier=200) for k in range(30)), made.state())
    assert shown.window.width() <= size[0]
    assert shown.window.height() <= size[1]
    seen = pixels(shown.window)
    colours = np.unique(seen.reshape(-1, 3), axis=0)
    assert len(colours) > 50
