"""Options of the verbs that watch a live source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GiveUpOption = Annotated[
    float | None,
    typer.Option(
        "--give-up",
        metavar="S",
        min=0,
        help="End with an error when the source is gone for S; else it is tried for ever.",
    ),
]
KeepTryingOption = Annotated[
    bool,
    typer.Option("--keep-trying", help="Wait for a source that is not there at the start, too."),
]
AttendedOption = Annotated[
    bool,
    typer.Option(
        "--attended",
        help="End, after what is being recorded by hand, when standard input ends: for a program "
        "that starts this one.",
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Keep the last seconds; 'record WHY' and 'stop' on standard input record there.",
    ),
]
PreTriggerOption = Annotated[
    float | None,
    typer.Option(
        "--pre-trigger",
        metavar="S",
        min=0,
        help="Kept for --folder; 20, or what 1 GiB holds, if not given.",
    ),
]
