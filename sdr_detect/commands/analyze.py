"""``sdr-detect analyze``: recordings to verdicts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._calibration_options import (
    CalibrationOption,
    GainOption,
    calibration_from_options,
)
from sdr_detect.commands._output import (
    ConfigOption,
    FailOnDetectOption,
    JsonOption,
    MaxBurstsOption,
    OccupancyOption,
    PlotsOption,
    SetOption,
    json_output,
    keep_recordings,
    make_folder,
    picture_name,
)
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)
from sdr_detect.commands._text import complain
from sdr_detect.errors import SdrDetectError, SinkError

if TYPE_CHECKING:
    from sdr_detect.analysis import Analysis
    from sdr_detect.calibration.levels import Levels
    from sdr_detect.commands._calibration_options import Calibrating
    from sdr_detect.formats.base import RawSpec, Recording
    from sdr_detect.profiles.schema import Profile
    from sdr_detect.report import Section
    from sdr_detect.settings import Settings
    from sdr_detect.sinks.jsonl import JsonLines


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("analyze")(analyze)


def analyze(
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING…")],
    json: JsonOption = None,
    annotate: Annotated[
        bool,
        typer.Option("--annotate", help="Write detections into a new SigMF metadata file."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Write a self-contained report."),
    ] = None,
    plots: PlotsOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    fail_on_detect: FailOnDetectOption = False,
    max_bursts: MaxBurstsOption = 10_000,
    occupancy: OccupancyOption = False,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
) -> None:
    """Analyse recordings and say whether a user terminal transmitted in them.

    Raw files need --format, --rate and --rf (or --if with --converter): nothing
    about them is guessed. With several recordings, one that cannot be read does
    not stop the others. Exit code: 0 done, 1 something could not be read, 3 a
    terminal was detected and --fail-on-detect given, 130 interrupted.

    Example: sdr-detect analyze --plots out slice.cs8 --format cs8 --rate 20e6 --rf 14.0205e9
    """
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.catalog import profiles
    from sdr_detect.commands._interrupt import stop_on_interrupt

    keep_recordings(recordings, json, report)
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    wanted = ["occupancy.enabled=true"] if occupancy else []
    settings = resolve_settings(config, [*(sets or ()), *wanted])
    calibrating = calibration_from_options(calibration, gain)
    if plots is not None:
        make_folder(plots)
    with json_output(json) as out, stop_on_interrupt() as stop:
        job = _Job(
            spec=spec,
            settings=settings,
            profiles=profiles(),
            stop=stop,
            json_out=out,
            max_bursts=max_bursts,
            tables=json != "-",
            annotate=annotate,
            plots=plots,
            keep_sections=report is not None,
            calibrating=calibrating,
        )
        for path in recordings:
            job.run(path)
            if stop.is_set():
                break
        if report is not None:
            job.write_report(report)
    if stop.is_set():
        raise typer.Exit(_exit.INTERRUPT)
    if fail_on_detect and job.detected:
        raise typer.Exit(_exit.DETECTED)
    if job.failed:
        raise typer.Exit(_exit.FAILURE)


@dataclass
class _Job:
    """One call of the command: the same treatment for each recording."""

    spec: RawSpec
    settings: Settings
    profiles: Sequence[Profile]
    stop: threading.Event
    json_out: Any
    max_bursts: int
    tables: bool
    annotate: bool
    plots: Path | None
    keep_sections: bool
    calibrating: Calibrating
    failed: bool = False
    detected: bool = False
    sections: list[Section] = field(default_factory=list)
    written: set[Path] = field(default_factory=set)

    def run(self, path: Path) -> None:
        """Analyse one recording; report what cannot be read and go on."""
        from sdr_detect.calibrated import restate
        from sdr_detect.formats.find import open_recording

        lines = self._lines()
        try:
            with open_recording(path, self.spec) as recording:
                if self.calibrating.calibration is not None:
                    restate(recording, self.calibrating.calibration, self.calibrating.gain_db)
                self._show(recording, self._analyse(recording, lines))
        except SinkError:
            raise  # the next recording could not be written either
        except SdrDetectError as exc:
            self._fail(path, exc, lines)

    def _lines(self) -> JsonLines | None:
        from sdr_detect.sinks.jsonl import JsonLines

        if self.json_out is None:
            return None
        return JsonLines(self.json_out, max_bursts=self.max_bursts, levels=self.levels)

    @property
    def levels(self) -> Levels:
        """What states levels in physical units."""
        return self.calibrating.levels(self.settings.site)

    def _analyse(self, recording: Recording, lines: JsonLines | None) -> Analysis:
        from sdr_detect.analysis import analyze_recording
        from sdr_detect.commands._progress import progress
        from sdr_detect.pipeline import Pipeline
        from sdr_detect.secondcore import second_core

        with progress(recording.path.name, recording.stop_sample) as taps:
            return analyze_recording(
                recording,
                settings=self.settings,
                profiles=self.profiles,
                lines=lines,
                taps=taps,
                picture=self.plots is not None or self.keep_sections,
                stop=self.stop,
                levels=self.levels,
                calibration_sha256=self.calibrating.sha256,
                make_pipeline=partial(Pipeline, ahead=second_core()),
            )

    def _show(self, recording: Recording, result: Analysis) -> None:
        from sdr_detect.commands import _show
        from sdr_detect.sinks import plots, sigmf_notes

        self.detected |= result.verdict.verdict == "detected"
        written: list[Path] = []
        image: bytes | None = None
        if result.picture is not None:
            image = plots.render(result.picture, result.found, recording.path.name)
        if self.plots is not None and image is not None:
            written.append(self._plot_path(recording.path))
            plots.save(written[-1], image)
        if self.annotate:
            assert result.facts.sha256 is not None  # every file has one
            written.append(sigmf_notes.write(recording, result.found, result.facts.sha256))
        if self.keep_sections:
            from sdr_detect.report import Section

            self.sections.append(
                Section(result.facts, result.found, result.verdict, image, self.levels)
            )
        if self.tables:
            out = _show.console()
            out.print(_show.recording(result.facts, result.found, result.verdict, self.levels))
            for path in written:
                out.print(f"wrote {path}", markup=False)

    def _plot_path(self, recording: Path) -> Path:
        """A name of its own for each recording, also for two of the same name."""
        assert self.plots is not None
        path = first = self.plots / picture_name(recording.name)
        number = 1
        while path in self.written:
            number += 1
            path = first.with_stem(f"{first.stem}-{number}")
        self.written.add(path)
        return path

    def _fail(self, path: Path, exc: SdrDetectError, lines: JsonLines | None) -> None:
        self.failed = True
        complain(exc)
        if lines is not None:
            lines.write_error(str(path), type(exc).__name__, str(exc))

    def write_report(self, path: Path) -> None:
        """One document on all recordings."""
        from sdr_detect import report

        report.write(path, self.sections, self.settings, self.profiles)
        if self.tables:
            print(f"wrote {path}")
