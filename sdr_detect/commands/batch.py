"""``sdr-detect batch``: many recordings to one table."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Sequence
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
from sdr_detect.commands._cluster_options import (
    CaOption,
    CertOption,
    KeyOption,
    SchedulerOption,
    TrustOption,
    cluster_from_options,
)
from sdr_detect.commands._output import (
    ConfigOption,
    FailOnDetectOption,
    MaxBurstsOption,
    OccupancyOption,
    SetOption,
)
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)
from sdr_detect.commands._stated import read_statements

if TYPE_CHECKING:
    from sdr_detect.batch.gather import Candidate
    from sdr_detect.batch.run import Batch, Runner
    from sdr_detect.batch.task import Task, Treatment
    from sdr_detect.commands._stated import Statements

_log = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("batch")(batch)


def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="DIR|GLOB…", help="Folders, quoted patterns (** too) or files."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for tables and events.")
    ],
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")
    ] = None,
    stated: Annotated[
        Path | None,
        typer.Option(
            "--stated",
            metavar="F.toml",
            help="What raw files are, by patterns of their names.",
            rich_help_panel="What the recording is",
        ),
    ] = None,
    no_parquet: Annotated[
        bool, typer.Option("--no-parquet", help="Write CSV and JSON only.")
    ] = False,
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
    scheduler: SchedulerOption = None,
    tls_ca: CaOption = None,
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    trust_network: TrustOption = False,
) -> None:
    """Analyse many recordings into one table, each as 'analyze' does it.

    Interrupted and started again it goes on where it was: only what is missing,
    was rejected or has changed (recording, settings, program) is analysed. Exit
    code: 0 done, 1 something was rejected, 3 a terminal was detected and
    --fail-on-detect given, 130 interrupted.

    Example: sdr-detect batch 'usb/**/*.cs8' --format cs8 --rate 20e6 --rf 14.25e9 --out out
    """
    from sdr_detect.batch.gather import gather
    from sdr_detect.batch.journal import open_journal
    from sdr_detect.batch.run import Batch, write_tables
    from sdr_detect.batch.table import need_parquet
    from sdr_detect.commands._batch_show import summary
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.commands._show import console

    if jobs is not None and scheduler is not None:
        raise typer.BadParameter("--jobs is for this computer; a cluster has its own workers")
    cluster = cluster_from_options(scheduler, tls_ca, tls_cert, tls_key, trust_network)
    if not no_parquet:
        need_parquet()
    statements = read_statements(stated, spec_from_options(datatype, rate, rf, if_, converter))
    treatment = _treatment(config, sets, occupancy, max_bursts, calibration, gain)
    candidates = gather(inputs, out)
    tasks = _tasks(candidates, statements, treatment)
    with stop_on_interrupt() as stop, open_journal(out) as journal:
        this = Batch(candidates, tasks, journal)
        _work(this, _runner(cluster, jobs, stop))
        written = write_tables(this, out, parquet=not no_parquet)
    results = this.results()
    shown = console()
    shown.print(summary(results))
    for path in written:
        shown.print(f"wrote {path}", markup=False)
    _finish(results, fail_on_detect, stop)


def _treatment(
    config: Path | None,
    sets: Sequence[str] | None,
    occupancy: bool,
    max_bursts: int,
    calibration: Path | None,
    gain: float | None,
) -> Treatment:
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.batch.task import Treatment, software

    wanted = ["occupancy.enabled=true"] if occupancy else []
    calibrating = calibration_from_options(calibration, gain)
    return Treatment(
        settings=resolve_settings(config, [*(sets or ()), *wanted]),
        max_bursts=max_bursts,
        calibration=calibrating.calibration,
        calibration_sha256=calibrating.sha256,
        gain_db=calibrating.gain_db,
        software=software(),
    )


def _tasks(
    candidates: Sequence[Candidate], statements: Statements, treatment: Treatment
) -> dict[str, Task]:
    from sdr_detect.batch.task import Task

    tasks = {
        str(c.path): Task(path=str(c.path), spec=statements.spec(c.path), treatment=treatment)
        for c in candidates
        if c.skipped is None
    }
    for pattern in statements.unused:
        _log.warning("--stated: no file matches %r", pattern)
    return tasks


def _runner(cluster: Any, jobs: int | None, stop: threading.Event) -> Runner:
    from sdr_detect.batch import cluster as on_cluster
    from sdr_detect.batch import local

    if cluster is not None:
        return partial(on_cluster.run, cluster=cluster, stop=stop)
    return partial(local.run, jobs=jobs or len(os.sched_getaffinity(0)), stop=stop)


def _work(this: Batch, run: Runner) -> None:
    from sdr_detect.commands._progress import recordings_progress

    left = this.recall()
    sizes = {str(candidate.path): candidate.size for candidate in left}
    if this.done:
        _log.warning("%d recordings are done already, %d are left", len(this.done), len(left))
    with (
        recordings_progress(len(left), sum(sizes.values())) as advance,
        contextlib.closing(this.work(left, run)) as entries,
    ):
        for entry in entries:
            advance(sizes[entry.row["path"]])


def _finish(results: Sequence[dict[str, Any]], fail_on_detect: bool, stop: threading.Event) -> None:
    if stop.is_set() and any(row["status"] == "pending" for row in results):
        raise typer.Exit(_exit.INTERRUPT)
    if fail_on_detect and any(row.get("verdict") == "detected" for row in results):
        raise typer.Exit(_exit.DETECTED)
    if any(row["status"] == "rejected" for row in results):
        raise typer.Exit(_exit.FAILURE)
