"""Recording beside what a verb does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sdr_detect.commands import _exit

if TYPE_CHECKING:
    from sdr_detect.sinks.by_hand import ByHand
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


def by_hand(
    stack: contextlib.ExitStack, folder: Path | None, pre_s: float | None, also: Keeper | None
) -> ByHand | None:
    """What a person lets record until ``stack`` unwinds; None without a folder.

    Raises
    ------
    typer.BadParameter
        A past is asked for without a folder.
    """
    if folder is None:
        if pre_s is not None:
            raise typer.BadParameter("--pre-trigger needs --folder")
        return None
    from sdr_detect.sinks.by_hand import ByHand

    hand = ByHand(folder, pre_s, also=also)
    stack.callback(hand.close)
    return hand


def check(*keepers: Keeper | ByHand | None) -> None:
    """Exit as failed when a recording has ended before its time."""
    if any(keeper is not None and keeper.failed for keeper in keepers):
        raise typer.Exit(_exit.FAILURE)
