"""``sdr-detect score``: how well the detectors do, against theory."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from sdr_detect.commands._output import json_output, make_folder

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from sdr_detect.score.card import Card


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="score")(score)


def score(
    quick: Annotated[bool, typer.Option("--quick", help="A rough card in under a minute.")] = False,
    json: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE|-", help="Write JSON to a file, or to stdout instead of tables."
        ),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="DIR", help="Write the curves as PNG.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another set of noise.")] = 1,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Trials of every case.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="One section of the card; repeatable."),
    ] = None,
) -> None:
    """Score the detectors in simulated scenes, beside what theory allows.

    The full card takes the better part of an hour on two cores. The same seed
    gives the same numbers, however many processes there are.

    Example: sdr-detect score --quick --plots out/score --json out/score.json
    """
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.score import card
    from sdr_detect.score.job import Plan

    plan = Plan(quick, seed, trials, tuple(dict.fromkeys(only or ())))
    total_s = sum(job.cost_s for job in card.all_jobs(plan))
    if plots is not None:
        make_folder(plots)
    processes = jobs or os.cpu_count() or 1
    # Raised among threads, an interrupt may leave a lock behind: there it is asked for.
    interrupt = stop_on_interrupt() if processes > 1 else contextlib.nullcontext()
    with json_output(json) as out, interrupt as stop:
        with _progress(total_s) as done:
            result = card.score(plan, processes, done, stop)
        if out is not None:
            _write_json(result, out)
    if json != "-":
        _show(result)
    if plots is not None:
        _plot(result, plots, quiet=json == "-")


def _write_json(result: Card, out: TextIO) -> None:
    import json

    out.write(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False) + "\n")


def _show(result: Card) -> None:
    from rich.table import Table
    from rich.text import Text

    from sdr_detect.commands._show import console

    out = console()
    for table in result.tables:
        shown = Table(
            title=table.title,
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        for column in table.columns:
            side: JustifyMethod = "right" if column.right else "left"
            shown.add_column(column.heading, justify=side, no_wrap=column.right)
        for row in table.rows:
            shown.add_row(*(Text(column.cell(row)) for column in table.columns))
        out.print(shown)
        for note in table.notes:
            out.print(Text(f"  {note}", style="dim"))
        out.print()


def _plot(result: Card, folder: Path, *, quiet: bool) -> None:
    from sdr_detect.score import plots
    from sdr_detect.sinks.whole_file import write_whole

    for name, image in plots.render(result.tables).items():
        path = folder / f"{name}.png"
        write_whole(path, image)
        if not quiet:
            print(f"wrote {path}")


@contextlib.contextmanager
def _progress(total_s: float) -> Iterator[Callable[[float], None]]:
    """A bar on stderr, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda _cost_s: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("scoring"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total_s)
        yield lambda cost_s: bar.advance(task, cost_s)
