"""Looks: colours that do not rest on hue alone, for night, day and bright sun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyqtgraph as pg

from sdr_detect_gui.condition import Word
from sdr_detect_gui.history import Pixels


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``; ``map`` names the waterfall's colours.

    ``touch`` makes everything that is pressed at least 60 pixels high.
    """

    name: str
    back: str
    panel: str
    text: str
    dim: str
    line: str
    accent: str
    now: str
    hold: str
    floor: str
    threshold: str
    map: str
    touch: bool = False


_DARK = Theme(
    "dark", "#0e1116", "#1a1f26", "#e8eaed", "#a3abb5", "#39424e", "#56b4e9",
    "#f0e442", "#56b4e9", "#2fd39a", "#ff9e4a", "viridis",
)  # fmt: skip
_LIGHT = Theme(
    "light", "#eef0f3", "#ffffff", "#14181d", "#4d5661", "#b9c0c9", "#0b5cad",
    "#7a4b00", "#0b5cad", "#00664a", "#b03a00", "cividis",
)  # fmt: skip
_CONTRAST = Theme(
    "contrast", "#000000", "#000000", "#ffffff", "#ffffff", "#ffffff", "#00e5ff",
    "#ffff00", "#00e5ff", "#00ff9c", "#ffb000", "cividis",
)  # fmt: skip
_OUTDOOR = Theme(
    "outdoor", "#ffffff", "#ffffff", "#000000", "#000000", "#000000", "#004c9e",
    "#000000", "#004c9e", "#006b3c", "#a33000", "paper", touch=True,
)  # fmt: skip

THEMES = {theme.name: theme for theme in (_DARK, _LIGHT, _CONTRAST, _OUTDOOR)}

#: Ground of the banner: white text has a contrast of 6 or more on each.
VERDICT_COLOURS: dict[Word, str] = {
    "detected": "#a63a00",
    "not_detected": "#005a3c",
    "inconclusive": "#6b4a86",
    "none": "#4a4f55",
}

#: Heights of what is pressed, in pixels.
TOUCH_PX, MOUSE_PX = 60, 30


def lut(name: str) -> Pixels:
    """256 colours as 0xffRRGGBB; the floor lies at the dark end, outdoors at the light one."""
    if name == "paper":
        grey = 255 - np.arange(256, dtype=np.uint32)
        table = np.stack([grey, grey, grey], axis=1)
    else:
        colours = cast(pg.ColorMap, pg.colormap.get(name))
        table = np.asarray(colours.getLookupTable(0.0, 1.0, 256), np.uint32)
    red, green, blue = table[:, 0], table[:, 1], table[:, 2]
    opaque = np.full(256, 0xFF000000, np.uint32)
    pixels: Pixels = (opaque | (red << 16) | (green << 8) | blue).astype(np.uint32)
    return pixels


def stylesheet(theme: Theme, scale: float) -> str:
    """Qt's style for the window; ``scale`` enlarges all text."""
    size = round(13 * scale * (1.15 if theme.touch else 1.0))
    high = TOUCH_PX if theme.touch else round(MOUSE_PX * scale)
    field = 44 if theme.touch else round(22 * scale)
    primary = "#0b5cad"
    border = 2 if theme.name in ("contrast", "outdoor") else 1
    return f"""
    * {{ font-family: "DejaVu Sans", sans-serif; font-size: {size}px; color: {theme.text}; }}
    QMainWindow, QWidget#central {{ background: {theme.back}; }}
    QFrame#panel {{ background: {theme.panel}; border: {border}px solid {theme.line};
        border-radius: 4px; }}
    QLabel#heading {{ color: {theme.dim}; font-weight: bold; }}
    QLabel#dim {{ color: {theme.dim}; }}
    QToolTip, QMenu, QDialog {{ background: {theme.panel}; border: {border}px solid {theme.line}; }}
    QMenu::item:selected {{ background: {theme.accent}; color: {theme.back}; }}
    QPushButton {{ background: {theme.panel}; border: {border}px solid {theme.line};
        border-radius: 4px; padding: 2px 10px; min-height: {high - 6}px; }}
    QPushButton:hover {{ border-color: {theme.accent}; }}
    QPushButton:focus, QTableView:focus {{ border: 2px solid {theme.accent}; }}
    QPushButton:checked {{ background: {theme.accent}; color: {theme.back}; font-weight: bold; }}
    QPushButton:disabled {{ color: {theme.dim}; }}
    QLineEdit, QComboBox {{ background: {theme.back}; border: {border}px solid {theme.line};
        border-radius: 3px; padding: 1px 5px; min-height: {field}px;
        selection-background-color: {theme.accent}; selection-color: {theme.back}; }}
    QLineEdit:focus, QComboBox:focus {{ border: 2px solid {theme.accent}; }}
    QLineEdit:read-only {{ border-style: none; }}
    QComboBox QAbstractItemView {{ background: {theme.panel}; border: 1px solid {theme.line};
        selection-background-color: {theme.accent}; selection-color: {theme.back}; }}
    QPushButton#tab {{ padding: 2px 4px; }}
    QPushButton#primary:enabled {{ background: {primary}; color: #ffffff; font-weight: bold;
        border-color: {primary}; }}
    QScrollArea#pages, QWidget#page {{ background: transparent; border: none; }}
    QTableView, QTreeView, QListView, QTextBrowser {{ background: {theme.panel};
        alternate-background-color: {theme.back}; border: {border}px solid {theme.line};
        gridline-color: {theme.line}; selection-background-color: {theme.accent};
        selection-color: {theme.back}; }}
    QHeaderView, QHeaderView::section, QTableCornerButton::section {{ background: {theme.back};
        color: {theme.dim}; border: none; padding: 3px; font-weight: bold; }}
    QStatusBar {{ background: {theme.back}; }}
    QStatusBar::item {{ border: none; }}
    QScrollBar {{ background: {theme.back}; }}
    QProgressBar {{ border: {border}px solid {theme.line}; background: {theme.panel};
        text-align: center; }}
    QProgressBar::chunk {{ background: {theme.accent}; }}
    QSplitter::handle {{ background: {theme.back}; }}
    """
