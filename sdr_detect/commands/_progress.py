"""How far the analysis has come, on stderr, where somebody watches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdr_detect.rawblock import Block
    from sdr_detect.runner import Tap


@contextlib.contextmanager
def progress(name: str, stop_sample: int) -> Iterator[list[Tap]]:
    """Taps that move a progress bar; none where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield []
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    class Bar:
        """Moves the bar to the end of each block."""

        def __init__(self, bar: Progress, task: TaskID) -> None:
            self._bar, self._task = bar, task

        def take(self, block: Block) -> None:
            """Show how much has been read."""
            self._bar.update(self._task, completed=block.stop_sample)

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield [Bar(bar, bar.add_task(name, total=stop_sample))]


@contextlib.contextmanager
def recordings_progress(total: int, sizes: int) -> Iterator[Callable[[int], None]]:
    """Call with the bytes of each recording that is done; shows nothing without a terminal.

    Time runs with bytes, people count recordings: the bar shows the one, its text the other.
    """
    if not sys.stderr.isatty():
        yield lambda _size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(f"{{task.fields[done]}} of {total} recordings"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    done = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=sizes + total, done=0)

        def advance(size: int) -> None:
            nonlocal done
            done += 1
            bar.update(task, advance=size + 1, done=done)

        yield advance
