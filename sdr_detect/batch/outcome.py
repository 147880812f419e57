"""What is known of one recording in the end: its row, its tracks, its events."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sdr_detect.batch.task import Task
from sdr_detect.sinks.jsonl import JsonLines

#: What became of a recording: analysed; not readable as one; no recording at all;
#: not reached before an interrupt.
ANALYSED, REJECTED, SKIPPED, PENDING = "analysed", "rejected", "skipped", "pending"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file by its size and time of change."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one recording yielded.

    Parameters
    ----------
    row, tracks
        Rows of the two tables; see `sdr_detect.batch.table`.
    events : str
        JSON Lines, as ``analyze --json`` writes them.
    files : tuple of Stamp
        What was read.
    """

    row: dict[str, Any]
    tracks: tuple[dict[str, Any], ...] = ()
    events: str = ""
    files: tuple[Stamp, ...] = ()


def rejected(task: Task, kind: str, reason: str, events: str = "") -> Outcome:
    """A recording that could not be read; ``events`` is what came before."""
    lines = io.StringIO()
    lines.write(events)
    JsonLines(lines).write_error(task.path, kind, reason)
    row = {
        "path": task.path,
        "status": REJECTED,
        "error": kind,
        "reason": reason,
        "version": task.treatment.version,
    }
    return Outcome(row, events=lines.getvalue())


def read_outcome(text: str) -> Outcome:
    """An outcome as JSON."""
    return TypeAdapter(Outcome).validate_json(text)


def stamp(path: str | Path) -> Stamp:
    """Size and time of change of a file, which must be there."""
    status = Path(path).stat()
    return Stamp(str(path), status.st_size, status.st_mtime_ns)


def unchanged(files: tuple[Stamp, ...]) -> bool:
    """Whether files are as they were."""

    def same(before: Stamp) -> bool:
        try:
            return stamp(before.path) == before
        except OSError:
            return False

    return all(map(same, files))
