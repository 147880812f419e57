"""``sdr-detect bench``: what the program costs, beside what others need for the same work."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._output import json_output

if TYPE_CHECKING:
    from rich.table import Table

    from sdr_detect.bench.results import Bench, Compared, Row, Start


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="bench")(bench)


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Roughly, in under a minute.")] = False,
    json: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE|-", help="Write JSON to a file, or to stdout instead of tables."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Write a bar chart.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.02, max=60, help="Length of the scenes."),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option("--repeats", min=1, max=1000, help="Rounds of each comparison.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="One comparison; repeatable."),
    ] = None,
) -> None:
    """Measure the program on one core, beside whichever peers are installed.

    All read the same simulated files, take turns, and must come to the same
    result. Ratios hold on other machines too, absolute figures do not. Exit code 1
    when somebody failed or came to another result.

    Example: sdr-detect bench --quick --plot out/bench.png --json out/bench.json
    """
    from sdr_detect.bench.run import Plan
    from sdr_detect.bench.run import bench as run

    plan = Plan(quick, seconds, repeats, tuple(dict.fromkeys(only or ())))
    with json_output(json) as out:
        with _progress() as told:
            result = run(plan, told)
        if out is not None:
            import json as writer

            text = writer.dumps(result.to_json(), ensure_ascii=False, allow_nan=False)
            out.write(text + "\n")
    if json != "-":
        _show(result)
    if plot is not None:
        from sdr_detect.bench.chart import render
        from sdr_detect.sinks.whole_file import write_whole

        write_whole(plot, render(result))
        if json != "-":
            print(f"wrote {plot}")
    if not result.sound:
        raise typer.Exit(_exit.FAILURE)


def _show(result: Bench) -> None:
    from rich.text import Text

    from sdr_detect.commands._show import console

    out = console()
    pinned = "not kept to one core" if result.core is None else f"kept to core {result.core}"
    out.print(
        Text(
            f"{result.processor_model}, {pinned}; scenes of {result.seconds:g} s, "
            f"{result.repeats} rounds in turns; Msps per second of processor time"
        )
    )
    for compared in result.comparisons:
        out.print()
        out.print(_table(compared))
        for row in compared.rows:
            if row.detail:
                out.print(Text(f"  {row.contender}: {row.detail}"))
        if compared.times_real_time is not None:
            rate = compared.sample_rate_hz / 1e6
            out.print(Text(f"  ours: {compared.times_real_time:.1f} × real time at {rate:g} Msps"))
        out.print(Text(f"  {compared.note}", style="dim"))
    if result.starts:
        out.print()
        out.print(_starts(result.starts))


def _table(compared: Compared) -> Table:
    shown = _grid(compared.title, "", "Msps", "from … to", "ours is", "of FFT", "peak MB", "off by")
    for row in compared.rows:
        shown.add_row(row.contender, *_cells(row))
    return shown


def _cells(row: Row) -> list[str]:
    if row.state != "ok":
        return [row.state]
    return [
        _number(row.msps_per_cpu_s, ".1f"),
        f"{_number(row.slowest, '.0f')} … {_number(row.fastest, '.0f')}",
        "" if row.kind == "ours" else _number(row.ours_over_this, ".2f", " ×"),
        _number(row.of_limit, ".2f"),
        _number(None if row.peak_bytes is None else row.peak_bytes / 1e6, ".0f"),
        _number(row.error, ".0e"),
    ]


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else format(value, form) + unit


def _starts(starts: tuple[Start, ...]) -> Table:
    shown = _grid("start-up", "", "wall s", "CPU s", "allowed s")
    for start in starts:
        shown.add_row(
            f"{start.name} ({start.command})",
            f"{start.wall_s:.2f}",
            f"{start.cpu_s:.2f}",
            f"{start.limit_s:g}",
        )
    return shown


def _grid(title: str, *headings: str) -> Table:
    from rich.table import Table

    shown = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for number, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if number else "left")
    return shown


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is done at the moment, on stderr, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update
