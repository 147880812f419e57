"""``sdr-detect review``: power sweeps of other programs, for what they are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdr_detect.commands._output import (
    JsonOption,
    PlotsOption,
    json_output,
    keep_recordings,
    make_folder,
    picture_name,
)

if TYPE_CHECKING:
    from sdr_detect.plan import FrequencyPlan
    from sdr_detect.sweeps.base import PowerSweeps
    from sdr_detect.sweeps.review import Review

#: Channels in the table; JSON has them all.
_ROWS = 30


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("review")(review)


def review(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    json: JsonOption = None,
    plots: PlotsOption = None,
    converter: Annotated[
        str | None,
        typer.Option(
            "--converter", metavar="NAME", help="The file's frequencies are IF behind this one."
        ),
    ] = None,
) -> None:
    """Review a power sweep of hackrf_sweep, rtl_power or soapy_power.

    It tells which channels stay and which come and go, and where to record IQ. It
    never says that a terminal was detected: a power sweep cannot show that.

    Example: sdr-detect review sweep.csv --converter ku-12.80 --plots out
    """
    import json as jsonlib

    from sdr_detect.catalog import converter as find_converter
    from sdr_detect.plan import FrequencyPlan
    from sdr_detect.sinks import waterfall
    from sdr_detect.sinks.whole_file import write_whole
    from sdr_detect.sweeps.find import read_sweeps
    from sdr_detect.sweeps.review import review as look

    keep_recordings([file], json)
    plan = FrequencyPlan() if converter is None else FrequencyPlan(find_converter(converter))
    if plots is not None:
        make_folder(plots)
    sweeps = read_sweeps(file)
    seen = look(sweeps, plan)
    with json_output(json) as out:
        if out is not None:
            print(jsonlib.dumps(_record(sweeps, seen, plan), allow_nan=False), file=out)
    if json != "-":
        _show(sweeps, seen)
    if plots is not None:
        grid = seen.grid
        path = plots / picture_name(file.name)
        write_whole(path, waterfall.render(grid.power, grid.freq_hz, grid.time_s, file.name))
        if json != "-":
            print(f"wrote {path}")


def _record(sweeps: PowerSweeps, seen: Review, plan: FrequencyPlan) -> dict[str, Any]:
    from dataclasses import asdict

    from sdr_detect.sweep import UPLINK
    from sdr_detect.sweeps.review import STATEMENT

    grid = seen.grid
    return {
        "type": "review",
        "path": str(sweeps.path),
        "format": sweeps.format,
        "converter": plan.converter.name,
        "sweeps": len(grid.time_s),
        "bins": len(grid.freq_hz),
        "freq_lower_hz": float(grid.freq_hz[0]),
        "freq_upper_hz": float(grid.freq_hz[-1]),
        "start_clock_s": float(grid.time_s[0]),
        "stop_clock_s": float(grid.time_s[-1]),
        "bad_lines": sweeps.bad_count,
        "bad_lines_named": sweeps.bad_lines,
        "capped_at_line": sweeps.capped,
        "channels": [asdict(channel) for channel in seen.channels],
        "blocks": [
            {
                "center_hz": block.center_hz,
                "center_sigma_hz": block.center_sigma_hz,
                "width_hz": block.width_hz,
                "width_sigma_hz": block.width_sigma_hz,
                "excess": block.excess,
                "pfa": block.pfa,
                "uplink_channel": UPLINK.nearest(block) if UPLINK.fits(block) else None,
            }
            for block in seen.blocks
        ],
        "notes": list(seen.notes),
        "statement": STATEMENT,
    }


def _show(sweeps: PowerSweeps, seen: Review) -> None:
    from rich.table import Table

    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain
    from sdr_detect.sinks import wording
    from sdr_detect.sweeps.review import STATEMENT

    out, grid = console(), seen.grid
    elapsed = wording.seconds(float(grid.time_s[-1] - grid.time_s[0]))
    out.print(
        f"{plain(str(sweeps.path))}: {sweeps.format}, {len(grid.time_s)} sweeps in {elapsed}, "
        f"{wording.hertz(float(grid.freq_hz[0]))} to {wording.hertz(float(grid.freq_hz[-1]))}",
        markup=False,
    )
    table = Table("kind", "from", "to", "share", "peak", box=None, header_style="bold")
    for channel in sorted(seen.channels, key=lambda c: -c.peak_db)[:_ROWS]:
        edges = (wording.hertz(f) for f in (channel.freq_lower_hz, channel.freq_upper_hz))
        table.add_row(
            channel.kind, *edges, wording.percent(channel.share), f"{channel.peak_db:.1f} dB"
        )
    if seen.channels:
        out.print(table)
    if len(seen.channels) > _ROWS:
        out.print(f"and {len(seen.channels) - _ROWS} weaker channels (see --json)")
    for line in (*_hints(seen), *seen.notes, *_faults(sweeps), STATEMENT):
        out.print(plain(line), markup=False)


def _hints(seen: Review) -> list[str]:
    """Blocks wider than a receiver, and what they look like."""
    from sdr_detect.sinks import wording
    from sdr_detect.sweep import UPLINK

    hints = []
    for block in seen.blocks:
        like = (
            f": as wide and placed as channel {UPLINK.nearest(block)} of the Starlink uplink "
            "(60 of 62.5 MHz); record IQ there"
            if UPLINK.fits(block)
            else ""
        )
        hints.append(
            f"raised block {block.width_hz / 1e6:.1f} ± {block.width_sigma_hz / 1e6:.1f} MHz wide "
            f"around {wording.hertz(block.center_hz)}{like}"
        )
    return hints


def _faults(sweeps: PowerSweeps) -> list[str]:
    faults = []
    if sweeps.bad_count:
        faults.append(f"{sweeps.bad_count} bad lines left out: " + "; ".join(sweeps.bad_lines))
    if sweeps.capped is not None:
        faults.append(f"read up to line {sweeps.capped} only: the limit on memory was reached")
    return faults
