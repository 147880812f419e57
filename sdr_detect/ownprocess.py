"""Processes that the program starts of itself."""

from __future__ import annotations

import sys


def module_command(module: str, *words: str) -> list[str]:
    """Command line that runs a module of this installation, by the same Python.

    With ``-P``: without it Python would run files of the current folder, a
    ``json.py`` beside a recording, instead of its own.
    """
    return [sys.executable, "-P", "-m", module, *words]
