"""Options that the verbs of ``calibrate`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OutOption = Annotated[
    Path,
    typer.Option("--out", metavar="FILE.toml", help="Calibration to write, or to complete."),
]
NameOption = Annotated[str, typer.Option("--name", help="Of the receiver, in a new file.")]
GainOption = Annotated[
    float | None,
    typer.Option("--gain", metavar="DB", help="Receiver gain, where the recording is silent."),
]
