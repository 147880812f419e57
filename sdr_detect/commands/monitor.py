"""``sdr-detect monitor``: a live source to events as they happen."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from sdr_detect.commands import _exit, _hand, _keep
from sdr_detect.commands._calibration_options import (
    CalibrationOption,
    GainOption,
    calibration_from_options,
)
from sdr_detect.commands._curve_options import (
    CurveAllowOption,
    CurveKeyOption,
    CurveServerOption,
    publisher_keys,
    subscriber_keys,
)
from sdr_detect.commands._live_options import (
    AttendedOption,
    FolderOption,
    GiveUpOption,
    KeepTryingOption,
    PreTriggerOption,
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


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("monitor")(monitor)


def monitor(
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="URI",
            help="rtlsdr://0, soapy://driver=hackrf, rtl_tcp://host:port, file://…, sim://…",
        ),
    ] = None,
    subscribe: Annotated[
        str | None,
        typer.Option("--subscribe", metavar="ENDPOINT", help="Where 'capture' publishes."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="NAME.sigmf-meta", help="Record all that is heard, as SigMF."
        ),
    ] = None,
    folder: FolderOption = None,
    pre_trigger: PreTriggerOption = None,
    attended: AttendedOption = False,
    publish_view: Annotated[
        str | None,
        typer.Option("--publish-view", metavar="ENDPOINT", help="Where 'gui' may look on."),
    ] = None,
    json: JsonOption = None,
    plots: PlotsOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    fail_on_detect: FailOnDetectOption = False,
    max_bursts: MaxBurstsOption = 10_000,
    occupancy: OccupancyOption = False,
    wait: Annotated[
        float, typer.Option("--wait", metavar="S", help="Longest wait for the first samples.")
    ] = 30.0,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", help="Silence that counts as loss.")
    ] = 5.0,
    give_up: GiveUpOption = None,
    keep_trying: KeepTryingOption = False,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
    curve_key: CurveKeyOption = None,
    curve_server: CurveServerOption = None,
    curve_allow: CurveAllowOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
) -> None:
    """Watch a source and tell events as they happen; the verdict comes at the end.

    The watch ends with the stream, or with Ctrl-C: the verdict is then on what
    was heard (exit code 130). A source that is lost is opened again, for ever or
    as long as --give-up says; then the verdict comes too, and exit code 1. What
    --record writes is what was heard, also where this computer was too slow to
    analyse it.

    Example: sdr-detect monitor --subscribe ipc:///tmp/iq --json - --plots out

    Between machines: sdr-detect monitor --subscribe tcp://10.0.0.5:5555 --curve-key
    me.key_secret --curve-server capture.key
    """
    if (source is None) == (subscribe is None):
        raise typer.BadParameter("give either --source URI or --subscribe ENDPOINT")
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.commands._watch import Watch
    from sdr_detect.registry import SourceOptions
    from sdr_detect.resume import Policy

    wanted = ["occupancy.enabled=true"] if occupancy else []
    settings = resolve_settings(config, [*(sets or ()), *wanted])
    calibrating = calibration_from_options(calibration, gain)
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    lookers = publisher_keys(curve_key, curve_allow, publish_view) if curve_allow else None
    keys = None
    if curve_server is not None or lookers is None:
        keys = subscriber_keys(curve_key, curve_server, subscribe)
    try:
        options = SourceOptions(spec, start_timeout_s=wait, timeout_s=timeout, curve=keys)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    if plots is not None:
        make_folder(plots)
    with stop_on_interrupt() as stop, contextlib.ExitStack() as stack:
        uri = source or f"zmq://{subscribe}"
        keeper = _keep.begin(stack, record)
        hand = _keep.by_hand(stack, folder, pre_trigger, keeper)
        _hand.listen(hand, stop, attended=attended)
        watch = Watch(uri, options, settings, Policy(give_up, keep_trying), stop, calibrating)
        stack.callback(watch.driver.close)
        out = stack.enter_context(json_output(json))
        if publish_view is not None:
            watch.show(publish_view, lookers, recorder=None if hand is None else hand.status)
        try:
            watch.run(
                out,
                stop,
                tables=json != "-",
                cap=max_bursts,
                picture=plots is not None,
                keeper=hand or keeper,
            )
        finally:
            watch.conclude(plots, tables=json != "-")
    if stop.is_set():
        raise typer.Exit(_exit.INTERRUPT)
    if fail_on_detect and watch.detected:
        raise typer.Exit(_exit.DETECTED)
    _keep.check(keeper, hand)
