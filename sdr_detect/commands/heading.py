"""``sdr-detect heading``: at which antenna heading an emission is strongest."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._curve_options import CurveKeyOption, CurveServerOption, subscriber_keys
from sdr_detect.commands._output import (
    JsonOption,
    PlotsOption,
    json_output,
    keep_recordings,
    make_folder,
)
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.features.sub_band_levels import SubBandLevels
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.pointing.timeline import HeadingTimeline
    from sdr_detect.ports import Source
    from sdr_detect.rawblock import Block
    from sdr_detect.runner import Tap
    from sdr_detect.sinks.collect import Collector


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("heading")(heading)


def heading(
    recording: Annotated[Path | None, typer.Argument(metavar="[RECORDING]")] = None,
    headings: Annotated[
        Path | None,
        typer.Option("--headings", metavar="FILE.csv", help="Lines of time,heading."),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="URI")] = None,
    subscribe: Annotated[str | None, typer.Option("--subscribe", metavar="ENDPOINT")] = None,
    rotator: Annotated[
        str | None,
        typer.Option("--rotator", metavar="HOST:PORT", help="Hamlib's rotctld; else stdin."),
    ] = None,
    bearing: Annotated[
        list[str] | None,
        typer.Option("--bearing", metavar="NAME=DEG", help="A vessel's bearing; repeatable."),
    ] = None,
    bin_deg: Annotated[
        float, typer.Option("--bin", min=1, max=45, help="Width of a heading bin in degrees.")
    ] = 5.0,
    pointing_sigma: Annotated[
        float, typer.Option("--pointing-sigma", min=0, help="Error of headings and bearings.")
    ] = 3.0,
    freq_lower: Annotated[
        float | None, typer.Option("--freq-lower", metavar="HZ", help="RF of what to follow.")
    ] = None,
    freq_upper: Annotated[float | None, typer.Option("--freq-upper", metavar="HZ")] = None,
    json: JsonOption = None,
    plots: PlotsOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
    curve_key: CurveKeyOption = None,
    curve_server: CurveServerOption = None,
) -> None:
    """Tell at which antenna heading the suspicious emission is strongest.

    Of a recording with a table of headings, or live: type 'heading 123.5' when the
    antenna stands, and 'moving' before it turns; or let a rotator tell. Ctrl-C ends
    the watch and gives the answer.

    Example: sdr-detect heading a.sigmf-meta --headings a.csv --bearing "MV EXAMPLE=118"
    """
    from sdr_detect.commands import _heading_result
    from sdr_detect.commands._interrupt import stop_on_interrupt

    _check(recording, headings, source, subscribe)
    band = _band(freq_lower, freq_upper)
    bearings = [_bearing(text) for text in bearing or ()]
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    if recording is not None:
        keep_recordings([recording], json)
    if plots is not None:
        make_folder(plots)
    with stop_on_interrupt() as stop, json_output(json) as out:
        watch = _Watch(stop)
        if recording is not None and headings is not None:
            watch.recorded(recording, headings, spec)
        else:
            keys = subscriber_keys(curve_key, curve_server, subscribe)
            uri = source or f"zmq://{subscribe}"
            watch.live(uri, spec, keys, rotator)
        result = _heading_result.conclude(
            watch.name,
            (watch.levels, watch.timeline, watch.found),
            band,
            bearings,
            (bin_deg, pointing_sigma),
        )
        if out is not None:
            import json as jsonlib

            print(jsonlib.dumps(result.record(), allow_nan=False), file=out)
        if json != "-":
            result.show()
        if plots is not None:
            result.plot(plots, quiet=json == "-")
    if stop.is_set():
        raise typer.Exit(_exit.INTERRUPT)


def _check(
    recording: Path | None, headings: Path | None, source: str | None, subscribe: str | None
) -> None:
    if (recording is not None, source is not None, subscribe is not None).count(True) != 1:
        raise typer.BadParameter("give a RECORDING, --source URI or --subscribe ENDPOINT")
    if (recording is None) == (headings is not None):
        raise typer.BadParameter("--headings FILE.csv goes with a RECORDING, and only with one")


def _band(lower: float | None, upper: float | None) -> tuple[float, float] | None:
    if lower is None and upper is None:
        return None
    if lower is None or upper is None or lower >= upper:
        raise typer.BadParameter("--freq-lower and --freq-upper go together, the lower one below")
    return lower, upper


def _bearing(text: str) -> tuple[str, float]:
    name, sep, value = text.rpartition("=")
    try:
        if not sep or not name:
            raise ValueError("no NAME=")
        bearing_deg = float(value)
        if not -180 <= bearing_deg <= 360:
            raise ValueError(f"{bearing_deg:g}° is not within -180..360")
        return name, bearing_deg % 360
    except ValueError as exc:
        raise typer.BadParameter(f"--bearing {text!r} is not NAME=DEGREES: {exc}") from exc


class _Watch:
    """A pipeline over a source, with headings from somewhere."""

    def __init__(self, stop: threading.Event) -> None:
        from sdr_detect.features.sub_band_levels import SubBandLevels
        from sdr_detect.pointing.timeline import HeadingTimeline
        from sdr_detect.sinks.collect import Collector

        self.name = ""
        self.levels: SubBandLevels = SubBandLevels()
        self.found: Collector = Collector()
        self.timeline: HeadingTimeline = HeadingTimeline()
        self._stop = stop

    def recorded(self, recording: Path, table: Path, spec: RawSpec) -> None:
        """Go through a recording."""
        from sdr_detect.formats.find import open_recording
        from sdr_detect.pointing.timeline import read_table
        from sdr_detect.ports import Overflow

        self.name = recording.name
        with open_recording(recording, spec) as opened:
            self.timeline = read_table(table, opened.info.start_ns)
            self._run(opened, Overflow.BLOCK, [])

    def live(self, uri: str, spec: RawSpec, keys: Any, rotator: str | None) -> None:
        """Watch a source until it ends or is interrupted."""
        from sdr_detect.compiled import ready
        from sdr_detect.live import open_live
        from sdr_detect.pointing.rotctld import follow, split_address
        from sdr_detect.pointing.timeline import HeadingTimeline
        from sdr_detect.registry import SourceOptions

        self.name = uri
        self.timeline = HeadingTimeline(moving=rotator is not None)
        clock = _Clock()
        ended = threading.Event()
        if rotator is None:
            asker = threading.Thread(target=_read_typed, args=(self.timeline, clock), daemon=True)
        else:
            try:
                address = split_address(rotator)
            except ValueError as exc:
                raise typer.BadParameter(f"--rotator: {exc}") from exc

            def take(deg: float) -> None:
                self.timeline.add(clock.now_s, deg)

            asker = threading.Thread(
                target=follow, args=(address, take, _note, ended), name="rotator", daemon=True
            )
        ready()
        driver = open_live(uri, SourceOptions(spec, curve=keys), stop=self._stop)
        with contextlib.ExitStack() as stack:
            stack.callback(driver.close)
            stack.callback(ended.set)
            asker.start()
            self._run(driver, driver.overflow, [clock])

    def _run(self, source: Source, overflow: Any, taps: list[Tap]) -> None:
        from sdr_detect import runner
        from sdr_detect.catalog import profiles
        from sdr_detect.pipeline import Pipeline

        pipeline = Pipeline(profiles(), observers=[self.levels])
        runner.run(source, pipeline, [self.found], overflow=overflow, stop=self._stop, taps=taps)


class _Clock:
    """Where the stream is, in its own seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def take(self, block: Block) -> None:
        """Look at one block."""
        self.now_s = block.info.seconds(block.stop_sample)


def _read_typed(timeline: HeadingTimeline, clock: _Clock) -> None:
    """Take lines from stdin until it ends."""
    from sdr_detect.pointing.timeline import parse_typed

    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            timeline.add(clock.now_s, parse_typed(line))
        except ValueError as exc:
            _note(str(exc))


def _note(text: str) -> None:
    from sdr_detect.commands._text import plain

    print(f"sdr-detect: {plain(text)}", file=sys.stderr, flush=True)
