"""Where results go: stdout, files, and the options that say so."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, TextIO

import typer

from sdr_detect.errors import SinkError

JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE|-",
        help="Write JSON Lines to a file, or to stdout (-) instead of tables.",
    ),
]
PlotsOption = Annotated[
    Path | None,
    typer.Option("--plots", metavar="DIR", help="Write a spectrogram with boxes as PNG."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="F.toml", help="Settings that differ.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="a.b=c", help="One setting that differs; repeatable."),
]
OccupancyOption = Annotated[
    bool,
    typer.Option(
        "--occupancy", help="Tell the occupancy of channels and band, see [occupancy] in settings."
    ),
]
FailOnDetectOption = Annotated[
    bool, typer.Option("--fail-on-detect", help="Exit with 3 when a user terminal is detected.")
]
MaxBurstsOption = Annotated[
    int,
    typer.Option("--max-bursts", min=0, help="Burst lines written; more are only counted."),
]


def keep_recordings(recordings: Sequence[Path], *outputs: str | Path | None) -> None:
    """Refuse to write results over a recording: ``--json`` takes the word after it.

    Raises
    ------
    typer.BadParameter
        An output is one of the recordings, or the other file of its SigMF pair.
    """
    for output in outputs:
        if output is None or output == "-":
            continue
        target = Path(output)
        stem = target.name.removesuffix(".sigmf-meta").removesuffix(".sigmf-data")
        pair = [target.with_name(stem + ".sigmf-meta"), target.with_name(stem + ".sigmf-data")]
        for file in [target] if stem == target.name else pair:
            if any(_same_file(file, recording) for recording in recordings):
                raise typer.BadParameter(
                    f"{target} belongs to a recording that is to be read; results go elsewhere"
                )


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False


@contextlib.contextmanager
def json_output(target: str | None) -> Iterator[TextIO | None]:
    """The stream for JSON Lines: stdout for ``-``, a new file, or none.

    Raises
    ------
    SinkError
        The file cannot be made.
    """
    if target is None:
        yield None
    elif target == "-":
        yield sys.stdout
        sys.stdout.flush()
    else:
        try:
            file = Path(target).open("w", encoding="utf-8")  # noqa: SIM115 - see below
        except OSError as exc:
            raise SinkError(f"{target} cannot be written: {exc.strerror}") from exc
        try:
            yield file
        except BaseException:
            with contextlib.suppress(OSError):  # what went wrong first is told
                file.close()
            raise
        try:
            file.close()  # writes what is buffered: the disk may be full only now
        except OSError as exc:
            raise SinkError(f"{target} cannot be written: {exc.strerror}") from exc


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises
    ------
    SinkError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SinkError(f"folder {folder} cannot be made: {exc.strerror}") from exc


def picture_name(stream: str) -> str:
    """A file name for the picture of a recording or stream, whatever that is called."""
    stem = stream.removesuffix(".sigmf-meta").removesuffix(".sigmf-data")
    return (re.sub(r"[^\w.+-]+", "_", stem).lstrip(".")[:100] or "stream") + ".png"
