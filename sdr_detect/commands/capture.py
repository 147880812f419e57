"""``sdr-detect capture``: a source to other processes and to disk."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands import _exit, _keep
from sdr_detect.commands._calibration_options import (
    CalibrationOption,
    GainOption,
    calibration_from_options,
)
from sdr_detect.commands._curve_options import CurveAllowOption, CurveKeyOption, publisher_keys
from sdr_detect.commands._live_options import GiveUpOption, KeepTryingOption
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.runner import Outlet


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("capture")(capture)


def capture(
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="URI",
            help="rtlsdr://0, soapy://driver=hackrf, rtl_tcp://host:port, file://…, sim://…",
        ),
    ],
    publish: Annotated[
        str | None,
        typer.Option(
            "--publish",
            metavar="ENDPOINT",
            help="tcp://127.0.0.1:PORT or ipc:///path/of/socket; with keys any tcp://ADDRESS:PORT.",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="NAME.sigmf-meta", help="Record as SigMF, in the bytes received."
        ),
    ] = None,
    wait_subscriber: Annotated[
        bool, typer.Option("--wait-subscriber", help="Start when somebody listens.")
    ] = False,
    give_up: GiveUpOption = None,
    keep_trying: KeepTryingOption = False,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
    curve_key: CurveKeyOption = None,
    curve_allow: CurveAllowOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
) -> None:
    """Receive, and hand the samples to other processes, to a file, or to both.

    A receiver that crashes, hangs, is busy or is unplugged is named with the cause
    and opened again; what was missed is a gap in the stream. A file is replayed in
    real time and, like a receiver, does not wait for who is slow; with ?pace=0
    behind its path it does, and loses nothing. Ctrl-C ends the stream properly.

    Example: sdr-detect capture --source 'file://slice.sigmf-meta?pace=0' --publish
    ipc:///tmp/iq --wait-subscriber

    Between machines: sdr-detect capture --source rtlsdr://0 --publish tcp://0.0.0.0:5555
    --curve-key capture.key_secret --curve-allow allowed
    """
    if publish is None and record is None:
        raise typer.BadParameter("nowhere to put the samples; give --publish, --record or both")
    if wait_subscriber and publish is None:
        raise typer.BadParameter("--wait-subscriber needs --publish")
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.errors import SourceError
    from sdr_detect.live import open_live
    from sdr_detect.registry import Liveness, SourceOptions, liveness
    from sdr_detect.resume import Policy
    from sdr_detect.runner import relay
    from sdr_detect.sinks.zmq_pub import ZmqPublisher

    if wait_subscriber and liveness(source) is not Liveness.REPLAY:
        raise typer.BadParameter(
            "--wait-subscriber is for replays: a receiver runs on; start the subscriber first"
        )
    calibrating = calibration_from_options(calibration, gain)
    keys = publisher_keys(curve_key, curve_allow, publish)
    options = SourceOptions(spec_from_options(datatype, rate, rf, if_, converter))
    with stop_on_interrupt() as stop, contextlib.ExitStack() as stack:
        driver = calibrating.source(
            open_live(source, options, policy=Policy(give_up, keep_trying), stop=stop)
        )
        stack.callback(driver.close)
        outlets: list[Outlet] = []
        keeper = _keep.begin(stack, record, alone=publish is None)
        if publish is not None:
            publisher = ZmqPublisher(publish, driver.overflow, stop=stop, keys=keys)
            stack.callback(publisher.close)
            outlets.append(publisher)
            print(f"publishing on {publisher.endpoint}", file=sys.stderr, flush=True)
            if wait_subscriber:
                publisher.wait_for_subscriber()
        try:
            count = relay(driver, outlets, overflow=driver.overflow, stop=stop, keeper=keeper)
        except SourceError as exc:
            if publish is not None:
                publisher.cause = str(exc)
            raise
    print(f"{count} samples delivered", file=sys.stderr)
    if stop.is_set():
        raise typer.Exit(_exit.INTERRUPT)
    _keep.check(keeper)
