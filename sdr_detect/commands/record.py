"""``sdr-detect record``: a live source to disk, all of it or what surrounds a find."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._live_options import GiveUpOption, KeepTryingOption
from sdr_detect.commands._output import (
    ConfigOption,
    JsonOption,
    SetOption,
    json_output,
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
from sdr_detect.commands._size import parse_size

if TYPE_CHECKING:
    import threading
    from types import FrameType

    from sdr_detect.rawblock import RawBlock
    from sdr_detect.registry import SourceOptions
    from sdr_detect.resume import Policy
    from sdr_detect.settings import Settings
    from sdr_detect.sinks.keeper import Recorder
    from sdr_detect.sinks.ring_record import RingLimits
    from sdr_detect.sinks.triggers import Triggered

#: Covers the 15 s window that the weakest terminals are found in, the dwell, the time
#: between two looks, and a full queue before the pipeline (3.5 s at 2.4 Msps).
PRE_TRIGGER_S = 20.0
POST_TRIGGER_S = 5.0
MAX_FILE_S = 600.0
RING_MEMORY = "1Gi"

_PANEL = "Only what surrounds a find (--folder)"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("record")(record)


def record(
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="URI",
            help="rtlsdr://0, soapy://driver=hackrf, rtl_tcp://host:port, file://…, sim://…",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="NAME.sigmf-meta", help="Record everything, as SigMF."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="Record what surrounds a find, a file each.",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="S", min=1e-3, help="End after S.")
    ] = None,
    quota: Annotated[
        str | None,
        typer.Option(
            "--quota",
            metavar="SIZE",
            help="Most that is recorded, such as 20G; with --folder, what lies there counts.",
        ),
    ] = None,
    trigger: Annotated[
        str | None,
        typer.Option(
            "--trigger",
            metavar="terminal|burst",
            help="A user terminal as best match (default), or any burst. SIGUSR1 triggers too.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    pre_trigger: Annotated[
        float | None,
        typer.Option(
            "--pre-trigger",
            metavar="S",
            min=0,
            help=f"Recorded before a trigger; {PRE_TRIGGER_S:g} s cover any detection's delay.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    post_trigger: Annotated[
        float | None,
        typer.Option(
            "--post-trigger",
            metavar="S",
            min=0,
            help=f"Recorded after the last trigger (default {POST_TRIGGER_S:g}).",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            "--max-seconds",
            metavar="S",
            min=1e-3,
            help=f"Longest file, before the next one begins (default {MAX_FILE_S:g}).",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    ring_memory: Annotated[
        str | None,
        typer.Option(
            "--ring-memory",
            metavar="SIZE",
            help=f"Most memory for what is kept from before a trigger (default {RING_MEMORY}).",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    json: JsonOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    give_up: GiveUpOption = None,
    keep_trying: KeepTryingOption = False,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Record a source: everything, or only what surrounds a find.

    With --folder the detectors run beside it. What they find is recorded with what
    came before and after, in a file named by UTC and sample; the reason is an
    annotation in it.

    Example: sdr-detect record --source rtlsdr://0 --rf 14.25e9 --converter ku-12.80
    --folder finds --quota 50G
    """
    if (out is None) == (folder is None):
        raise typer.BadParameter("give either --out NAME.sigmf-meta or --folder DIR")
    only_finds = (trigger, pre_trigger, post_trigger, max_seconds, ring_memory, json, config)
    if folder is None and (sets or any(value is not None for value in only_finds)):
        raise typer.BadParameter("triggers and events need --folder; --out records everything")
    from sdr_detect.registry import SourceOptions
    from sdr_detect.resume import Policy

    options = SourceOptions(spec_from_options(datatype, rate, rf, if_, converter))
    job = _Job(source, options, Policy(give_up, keep_trying), seconds)
    quota_bytes = None if quota is None else parse_size(quota)
    if out is not None:
        _record_all(job, out, quota_bytes)
    if folder is not None:
        from sdr_detect.analysis import resolve_settings
        from sdr_detect.sinks.ring_record import RingLimits

        limits = RingLimits(
            PRE_TRIGGER_S if pre_trigger is None else pre_trigger,
            POST_TRIGGER_S if post_trigger is None else post_trigger,
            MAX_FILE_S if max_seconds is None else max_seconds,
            parse_size(ring_memory or RING_MEMORY),
            quota_bytes,
        )
        settings = resolve_settings(config, sets or ())
        _record_finds(job, folder, limits, trigger or "terminal", settings, json)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is recorded, and for how long."""

    uri: str
    options: SourceOptions
    policy: Policy
    seconds: float | None


def _record_all(job: _Job, out: Path, quota_bytes: int | None) -> None:
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.live import open_live
    from sdr_detect.runner import relay
    from sdr_detect.sinks.keeper import Keeper
    from sdr_detect.sinks.sigmf_record import SigmfRecorder

    with stop_on_interrupt() as stop, contextlib.ExitStack() as stack:
        recorder = SigmfRecorder(out, quota_bytes=quota_bytes)
        stack.callback(recorder.close)
        driver = open_live(job.uri, job.options, policy=job.policy, stop=stop)
        stack.callback(driver.close)
        until = _Until(recorder, job.seconds, stop)
        keeper = Keeper(until, out.parent, alone=True)
        relay(driver, (), overflow=driver.overflow, stop=stop, keeper=keeper)
    _say(f"recorded {out}: {recorder.sample_count} samples")
    until.check_interrupt()


def _record_finds(
    job: _Job, folder: Path, limits: RingLimits, trigger: str, settings: Settings, json: str | None
) -> None:
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.commands._watch import Watch
    from sdr_detect.sinks.jsonl import MAX_BURSTS
    from sdr_detect.sinks.keeper import Keeper
    from sdr_detect.sinks.ring_record import RingRecorder
    from sdr_detect.sinks.triggers import Cause, Trigger

    if trigger not in list(Cause):
        raise typer.BadParameter(f"{trigger!r} triggers nothing; give one of {', '.join(Cause)}")
    make_folder(folder)
    with stop_on_interrupt() as stop, contextlib.ExitStack() as stack:
        recorder = RingRecorder(folder, limits, tell=_say)
        stack.callback(recorder.close)
        stack.enter_context(_by_hand(recorder))
        watch = Watch(job.uri, job.options, settings, job.policy, stop)
        stack.callback(watch.driver.close)
        until = _Until(recorder, job.seconds, stop)
        keeper = Keeper(until, folder)
        finds = Trigger(Cause(trigger), recorder, watch.pipeline.snapshot)
        out = stack.enter_context(json_output(json))
        tables = json != "-"
        try:
            watch.run(out, stop, tables=tables, cap=MAX_BURSTS, keeper=keeper, trigger=finds)
        finally:
            watch.conclude(None, tables=tables)
    until.check_interrupt()
    if keeper.failed:
        raise typer.Exit(_exit.FAILURE)


class _Until:
    """Records the first seconds, to the sample, and asks for the end then."""

    def __init__(self, recorder: Recorder, seconds: float | None, stop: threading.Event) -> None:
        self._recorder = recorder
        self._seconds = seconds
        self._stop = stop
        self._stop_sample: int | None = None
        self._reached = False

    def take(self, block: RawBlock) -> None:
        """Hand on what lies within the time."""
        if self._reached:
            return
        if self._seconds is not None and block.sample_count:
            if self._stop_sample is None:
                count = max(round(self._seconds * block.info.sample_rate_hz), 1)
                self._stop_sample = block.first_sample + count
            if block.stop_sample >= self._stop_sample:
                self._reached = True
                last = max(self._stop_sample, block.first_sample)
                block = block.part(block.first_sample, last)
                self._stop.set()
        self._recorder.take(block)

    def check_interrupt(self) -> None:
        """Exit as interrupted when something else asked for the end."""
        if self._stop.is_set() and not self._reached:
            raise typer.Exit(_exit.INTERRUPT)


@contextlib.contextmanager
def _by_hand(recorder: Triggered) -> Iterator[None]:
    """SIGUSR1 triggers."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        recorder.trigger("trigger: by hand", "SIGUSR1")

    before = signal.signal(signal.SIGUSR1, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
