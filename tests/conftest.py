"""Shared by all tests: settings of the tools, and where recordings are."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["MPLBACKEND"] = "Agg"  # no test opens a window
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# pytest-qt stops the whole run where Qt or one of its system libraries is missing;
# without it the tests of the window are skipped, and all others run.
try:
    importlib.import_module("PySide6.QtWidgets")
except ImportError:
    pytest_plugins: list[str] = []
else:
    pytest_plugins = ["pytestqt.plugin"]

ROOT = Path(__file__).resolve().parents[1]

# The machine may be busy: a slow example is no fault. In CI the same examples
# run every time, so that a failure there can be repeated anywhere.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_recordings() -> Path:
    """Recordings by others, kept beside the checkout; absent in most places."""
    folder = ROOT.parent / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip(f"recordings by others are not here ({folder})")
    return folder
