"""``sdr-detect measure``: power, bandwidth and duty of one emission."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdr_detect.commands._output import JsonOption, json_output, keep_recordings
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.features.measure import Measurement
    from sdr_detect.formats.base import Recording
    from sdr_detect.model import StreamInfo

_UNITS = {
    "channel_power_dbfs": ("channel power", "dBFS", 1.0),
    "channel_power_dbm": ("channel power", "dBm", 1.0),
    "cn_db": ("C/N in the selection", "dB", 1.0),
    "occupied_bandwidth_hz": ("occupied bandwidth", "kHz", 1e3),
    "x_db_bandwidth_hz": ("x-dB bandwidth", "kHz", 1e3),
    "rms_dbfs": ("mean while on", "dBFS", 1.0),
    "peak_dbfs": ("peak", "dBFS", 1.0),
    "crest_db": ("peak over mean", "dB", 1.0),
    "duty": ("duty cycle", "%", 0.01),
}

#: A track's own edges are where it was found; what is measured needs room beside them.
_ROOM = 0.5


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("measure")(measure)


def measure(
    recording: Annotated[Path, typer.Argument(metavar="RECORDING")],
    start: Annotated[float | None, typer.Option("--start", metavar="S", help="From here.")] = None,
    stop: Annotated[float | None, typer.Option("--stop", metavar="S", help="To here.")] = None,
    freq_lower: Annotated[
        float | None, typer.Option("--freq-lower", metavar="HZ", help="RF, with room beside.")
    ] = None,
    freq_upper: Annotated[float | None, typer.Option("--freq-upper", metavar="HZ")] = None,
    track: Annotated[
        int | None, typer.Option("--track", metavar="ID", help="What 'analyze' calls T1, T2 …")
    ] = None,
    beta: Annotated[
        float, typer.Option("--beta", help="Share of power outside the occupied bandwidth.")
    ] = 0.01,
    x_db: Annotated[float, typer.Option("--x-db", help="Level of the x-dB bandwidth.")] = 26.0,
    noise_start: Annotated[
        float | None, typer.Option("--noise-start", metavar="S", help="A stretch of noise alone.")
    ] = None,
    noise_stop: Annotated[float | None, typer.Option("--noise-stop", metavar="S")] = None,
    json: JsonOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Measure power, occupied and x-dB bandwidth, peak and duty of one emission.

    Take a selection with room on both sides. A bandwidth is refused, with the
    reason, where the emission does not end inside the selection or is too weak.

    Example: sdr-detect measure a.sigmf-meta --freq-lower 14.2186e9 --freq-upper 14.2190e9
    """
    import json as jsonlib

    from sdr_detect.formats.find import open_recording

    keep_recordings([recording], json)
    if (noise_start is None) != (noise_stop is None):
        raise typer.BadParameter("--noise-start and --noise-stop go together")
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    edges = freq_lower, freq_upper
    if track is not None:
        if (start, stop, freq_lower, freq_upper) != (None,) * 4:
            raise typer.BadParameter("--track says where: leave the selection out")
        with open_recording(recording, spec) as opened:
            start, stop, edges = _of_track(opened, track)
    with open_recording(recording, spec) as opened, json_output(json) as out:
        record = _measured(
            opened, (start or 0.0, stop), edges, (beta, x_db), (noise_start, noise_stop)
        )
        if out is not None:
            print(jsonlib.dumps(record, allow_nan=False), file=out)
    if json != "-":
        _show(record)


def _of_track(opened: Recording, number: int) -> tuple[float, float, tuple[float, float]]:
    """Where a track lies, with room on both sides."""
    from sdr_detect.analysis import analyze_recording
    from sdr_detect.catalog import profiles
    from sdr_detect.settings import Settings

    found = analyze_recording(opened, settings=Settings(), profiles=profiles()).found
    event = next((event for event in found.tracks if event.track.id == number), None)
    if event is None:
        known = ", ".join(str(event.track.id) for event in found.tracks) or "none"
        raise typer.BadParameter(f"there is no track {number}; found: {known}")
    seen = event.track
    room = _ROOM * (seen.freq_upper_hz - seen.freq_lower_hz)
    start_s, stop_s = (
        event.info.seconds(s) for s in (seen.span.start_sample, seen.span.stop_sample)
    )
    return start_s, stop_s, (seen.freq_lower_hz - room, seen.freq_upper_hz + room)


def _measured(
    opened: Recording,
    times_s: tuple[float, float | None],
    edges_hz: tuple[float | None, float | None],
    methods: tuple[float, float],
    noise_s: tuple[float | None, float | None],
) -> dict[str, Any]:
    from sdr_detect.commands._stretch import read_stretch
    from sdr_detect.features import measure as features

    info, samples, present = read_stretch(opened, *times_s)
    centre = info.center_hz or 0.0
    half = info.sample_rate_hz / 2
    low = -half if edges_hz[0] is None else edges_hz[0] - centre
    high = half if edges_hz[1] is None else edges_hz[1] - centre
    noise = None
    if noise_s[0] is not None:
        other, noise, whole = read_stretch(opened, noise_s[0], noise_s[1])
        if other != info or not whole.all():
            raise typer.BadParameter("the noise stretch is of another tuning, or has gaps")
    try:
        selection = features.Selection(low, high, *methods)
        result = features.measure(samples, info, selection, present, noise)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    if result is None:
        raise typer.BadParameter("too few samples for a spectrum: take a longer stretch")
    stop_s = times_s[0] + samples.size / info.sample_rate_hz
    return _record(opened, info, result, (times_s[0], stop_s), methods)


def _record(
    opened: Recording,
    info: StreamInfo,
    result: Measurement,
    times_s: tuple[float, float],
    methods: tuple[float, float],
) -> dict[str, Any]:
    centre = info.center_hz or 0.0
    edges = result.occupied_hz
    return {
        "type": "measurement",
        "path": str(opened.path),
        "start_s": times_s[0],
        "stop_s": times_s[1],
        "freq_lower_hz": centre + result.low_hz,
        "freq_upper_hz": centre + result.high_hz,
        "beta": methods[0],
        "x_db": methods[1],
        "noise_from": result.noise_from,
        "noise_dbfs_per_hz": result.noise_dbfs_per_hz,
        "resolution_hz": result.resolution_hz,
        "averages": round(result.averages, 1),
        "occupied_lower_hz": None if edges is None else centre + edges[0],
        "occupied_upper_hz": None if edges is None else centre + edges[1],
        **{name: figure.to_json() for name, figure in result.figures.items()},
        "flags": ["rf_unknown"] if info.center_hz is None else [],
    }


def _show(record: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain
    from sdr_detect.sinks import wording

    out = console()
    span = f"{record['start_s']:g} to {record['stop_s']:g} s"
    low, high = record["freq_lower_hz"], record["freq_upper_hz"]
    out.print(
        f"{plain(record['path'])}: {span}, {wording.hertz(low)} to {wording.hertz(high)}; noise "
        f"from {record['noise_from'].replace('_', ' ')}, resolution "
        f"{record['resolution_hz']:.0f} Hz, {record['averages']:g} averages",
        markup=False,
    )
    table = Table("figure", "value", "±", "doubt", box=None, header_style="bold", pad_edge=False)
    for name, (title, unit, size) in _UNITS.items():
        figure = record[name]
        value = "–" if figure["value"] is None else f"{figure['value'] / size:.4g} {unit}"
        sigma = "" if figure["sigma"] is None else f"{figure['sigma'] / size:.2g}"
        doubt = ": ".join(filter(None, (figure["flag"], figure["note"])))
        table.add_row(title, value, sigma, Text(doubt))
    out.print(table)
