"""A batch from what the user names to its tables; what is done already is kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdr_detect.batch import table
from sdr_detect.batch.gather import Candidate
from sdr_detect.batch.journal import Entry, Journal
from sdr_detect.batch.outcome import PENDING, SKIPPED, Outcome, rejected
from sdr_detect.batch.task import Task
from sdr_detect.sinks.whole_file import write_whole

#: Does tasks; outcomes in any order, and not all of them when it is stopped.
Runner = Callable[[Sequence[Task]], Iterator[tuple[Task, Outcome]]]


@dataclass
class Batch:
    """One call: what is to be done, and what is known of it.

    Parameters
    ----------
    candidates : sequence of Candidate
        By path.
    tasks : dict of str to Task
        By path, for each candidate that is not skipped.
    journal : Journal
    """

    candidates: Sequence[Candidate]
    tasks: dict[str, Task]
    journal: Journal
    done: dict[str, Entry] = field(default_factory=dict)

    def recall(self) -> list[Candidate]:
        """Take over what was done before; what remains, the largest first."""
        for path, task in self.tasks.items():
            entry = self.journal.find(task)
            if entry is not None:
                self.done[path] = entry
        left = [c for c in self.candidates if str(c.path) in self.tasks.keys() - self.done.keys()]
        return sorted(left, key=lambda candidate: -candidate.size)

    def work(self, left: Sequence[Candidate], run: Runner) -> Generator[Entry, None, None]:
        """Do what remains; each recording is kept before it is told.

        Raises
        ------
        SdrDetectError
            Results cannot be written, or there is nothing to compute on.
        """
        for candidate in left:
            if candidate.unreadable is not None:
                task = self.tasks[str(candidate.path)]
                yield self._keep(task, rejected(task, "FormatError", candidate.unreadable))
        readable = [self.tasks[str(c.path)] for c in left if c.unreadable is None]
        for task, outcome in run(readable) if readable else ():
            yield self._keep(task, outcome)

    def _keep(self, task: Task, outcome: Outcome) -> Entry:
        entry = self.done[task.path] = self.journal.keep(task, outcome)
        return entry

    def results(self) -> list[dict[str, Any]]:
        """A row for each candidate, by path."""
        return [self._row(candidate) for candidate in self.candidates]

    def _row(self, candidate: Candidate) -> dict[str, Any]:
        path = str(candidate.path)
        if path in self.done:
            return self.done[path].row
        if candidate.skipped is not None:
            return {"path": path, "status": SKIPPED, "reason": candidate.skipped}
        return {"path": path, "status": PENDING}

    def tracks(self) -> list[dict[str, Any]]:
        """A row for each track, by the recording's path, then as they ended."""
        paths = (str(candidate.path) for candidate in self.candidates)
        return [track for path in paths if path in self.done for track in self.done[path].tracks]


def write_tables(batch: Batch, folder: Path, *, parquet: bool) -> list[Path]:
    """Write both tables in each format; the files written.

    Raises
    ------
    SinkError
        One cannot be written.
    """
    results, tracks = batch.results(), batch.tracks()
    contents = {
        "results.csv": table.as_csv(table.RESULTS, results),
        "results.json": table.as_json(table.RESULTS, results),
        "tracks.csv": table.as_csv(table.TRACKS, tracks),
    }
    if parquet:
        contents["results.parquet"] = table.as_parquet(table.RESULTS, results)
        contents["tracks.parquet"] = table.as_parquet(table.TRACKS, tracks)
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [folder / name for name in contents]
