"""Looks of what only files have: forms, tabs, lists."""

from __future__ import annotations

from sdr_detect_gui.theme import MOUSE_PX, TOUCH_PX, Theme


def file_style(theme: Theme, scale: float) -> str:
    """Qt's style to go after `theme.stylesheet`."""
    border = 2 if theme.name in ("contrast", "outdoor") else 1
    high = TOUCH_PX if theme.touch else round(MOUSE_PX * scale)
    return f"""
    QDialog {{ background: {theme.back}; border: none; }}
    QWidget#plain, QScrollArea#plain {{ background: transparent; }}
    QLabel#value {{ font-weight: bold; }}
    QLabel#doubt {{ color: {theme.threshold}; }}
    QLineEdit, QComboBox, QDoubleSpinBox {{ background: {theme.back}; color: {theme.text};
        border: {border}px solid {theme.line}; border-radius: 3px; padding: 1px 4px;
        min-height: {high - 10}px; selection-background-color: {theme.accent};
        selection-color: {theme.back}; }}
    QDoubleSpinBox QLineEdit {{ border: none; padding: 0; min-height: 0; background: transparent; }}
    QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{ width: 0; border: none; }}
    QLineEdit:focus, QComboBox:focus, QDoubleSpinBox:focus {{ border: 2px solid {theme.accent}; }}
    QLineEdit:disabled, QComboBox:disabled {{ color: {theme.dim}; background: {theme.panel}; }}
    QComboBox QAbstractItemView {{ background: {theme.panel}; color: {theme.text};
        selection-background-color: {theme.accent}; selection-color: {theme.back}; }}
    QTabWidget::pane {{ background: {theme.panel}; border: {border}px solid {theme.line}; }}
    QTabBar::tab {{ background: {theme.back}; color: {theme.dim}; padding: 4px 12px;
        min-height: {high - 10}px; border: {border}px solid {theme.line}; border-bottom: none; }}
    QTabBar::tab:selected {{ background: {theme.panel}; color: {theme.text}; font-weight: bold;
        border-top: 3px solid {theme.accent}; }}
    QTabBar::tab:focus {{ border-top: 3px solid {theme.threshold}; }}
    QTableView QProgressBar {{ border: none; margin: 8px 4px; }}
    QTableView QProgressBar::chunk {{ background: {theme.threshold}; }}
    QSlider {{ min-height: {high}px; }}
    """
