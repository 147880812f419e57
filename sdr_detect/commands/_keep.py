"""Recording beside what a verb does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sdr_detect.commands import _exit

if TYPE_CHECKING:
    from sdr_detect.sinks.keeper import Keeper


def begin(stack: contextlib.ExitStack, path: Path | None, *, alone: bool = False) -> Keeper | None:
    """What records to ``path`` until ``stack`` unwinds; None without a path.

    Raises
    ------
    SinkError
        It cannot be written.
    """
    if path is None:
        return None
    from sdr_detect.sinks.keeper import Keeper
    from sdr_detect.sinks.sigmf_record import SigmfRecorder

    recorder = SigmfRecorder(path)
    stack.callback(recorder.close)
    return Keeper(recorder, path.parent, alone=alone)


def check(keeper: Keeper | None) -> None:
    """Exit as failed when a recording has ended before its time."""
    if keeper is not None and keeper.failed:
        raise typer.Exit(_exit.FAILURE)
