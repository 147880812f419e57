"""Processes that the program starts of itself."""

from __future__ import annotations

import sys

#: Environment in which numerical libraries take one thread. Theirs gain nothing on
#: matrices of a few hundred rows, and get in the way of our own and other processes'.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def module_command(module: str, *words: str) -> list[str]:
    """Command line that runs a module of this installation, by the same Python.

    With ``-P``: without it Python would run files of the current folder, a
    ``json.py`` beside a recording, instead of its own.
    """
    return [sys.executable, "-P", "-m", module, *words]
