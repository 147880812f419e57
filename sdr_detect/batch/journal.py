"""What is done already: one line a recording, appended when it is complete.

A line is on the disk before the next recording counts as done. After a crash the
last line may be torn; it is cut off, and its recording done again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from sdr_detect.batch.outcome import ANALYSED, Outcome, Stamp, unchanged
from sdr_detect.batch.task import Task, key
from sdr_detect.errors import SinkError
from sdr_detect.sinks.whole_file import write_whole

NAME = "journal.jsonl"
EVENTS = "events"

#: How every line begins.
_FIRST = b'{"key": '


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording that was analysed.

    Parameters
    ----------
    key : str
        Of its task.
    row, tracks
        Of the tables.
    files : tuple of Stamp
        What was read.
    events_size : int
        Bytes of the file of its events.
    """

    key: str
    row: dict[str, Any]
    tracks: tuple[dict[str, Any], ...]
    files: tuple[Stamp, ...]
    events_size: int


class Journal:
    """The folder of results: events by recording, and what is done.

    Parameters
    ----------
    folder : Path
        It exists.
    file : binary file
        The journal, open for appending.
    """

    def __init__(self, folder: Path, file: BinaryIO) -> None:
        self._folder = folder
        self._file = file
        self._done = _read(file)

    def find(self, task: Task) -> Entry | None:
        """What was found before, unless the recording, the task or its events have changed."""
        entry = self._done.get(task.path)
        if entry is None or entry.key != key(task) or not unchanged(entry.files):
            return None
        events = self._folder / entry.row["events"]
        try:
            return entry if events.stat().st_size == entry.events_size else None
        except OSError:
            return None

    def keep(self, task: Task, outcome: Outcome) -> Entry:
        """Write a recording's events; what was analysed is not done again.

        Raises
        ------
        SinkError
            The disk takes no more.
        """
        name = f"{EVENTS}/{_file_name(task.path)}"
        events = outcome.events.encode()
        write_whole(self._folder / name, events)
        row = outcome.row | {"events": name}
        entry = Entry(key(task), row, outcome.tracks, outcome.files, len(events))
        if row["status"] == ANALYSED:
            line = json.dumps(asdict(entry), ensure_ascii=False, allow_nan=False) + "\n"
            try:
                self._file.write(line.encode())
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as exc:
                raise SinkError(f"{NAME} cannot be written: {exc.strerror}") from exc
            self._done[task.path] = entry
        return entry


@contextlib.contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open the folder of results, for one process at a time.

    Raises
    ------
    SinkError
        It cannot be made or written, or another process writes there.
    """
    path = folder / NAME
    try:
        (folder / EVENTS).mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as exc:
        raise SinkError(f"{path} cannot be written: {exc.strerror}") from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise SinkError(
                f"another batch writes to {folder}; wait, or give another --out"
            ) from exc
        yield Journal(folder, file)


def _read(file: BinaryIO) -> dict[str, Entry]:
    """The entries by path, the last of each; a torn line at the end is cut off."""
    done: dict[str, Entry] = {}
    adapter = TypeAdapter(Entry)
    file.seek(0)
    if not _FIRST.startswith(start := file.read(len(_FIRST))):
        raise SinkError(f"{file.name} begins with {start!r}: no journal; give another --out")
    file.seek(0)
    whole = 0
    for line in file:
        if not line.endswith(b"\n"):
            file.truncate(whole)
            break
        whole += len(line)
        with contextlib.suppress(ValidationError):  # of another version: done again
            entry = adapter.validate_json(line)
            done[str(entry.row.get("path"))] = entry
    return done


def _file_name(path: str) -> str:
    """A name for a recording's events: readable, and its own among all of a batch."""
    stem = Path(path).name.removesuffix(".sigmf-meta")
    readable = re.sub(r"[^\w.+-]+", "_", stem).lstrip(".")[:80]
    return f"{readable or 'recording'}-{hashlib.sha256(path.encode()).hexdigest()[:12]}.jsonl"
