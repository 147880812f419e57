"""``sdr-detect gui``: the desktop window."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Annotated, Any

import typer

from sdr_detect.commands._calibration_options import CalibrationOption, GainOption
from sdr_detect.commands._curve_options import CurveKeyOption, CurveServerOption, subscriber_keys
from sdr_detect.commands._output import ConfigOption, SetOption
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)
from sdr_detect.commands._sweep_plan import StrategyName


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("gui")(gui)


def gui(
    recording: Annotated[
        Path | None, typer.Argument(metavar="[RECORDING]", help="A recording to look at.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="URI", help="As for 'monitor', which is started."),
    ] = None,
    subscribe: Annotated[
        str | None,
        typer.Option(
            "--subscribe", metavar="ENDPOINT", help="Where a 'monitor' has --publish-view."
        ),
    ] = None,
    sweep: Annotated[
        StrategyName | None,
        typer.Option("--sweep", help="Start 'sweep' with this strategy instead of 'monitor'."),
    ] = None,
    sweep_view: Annotated[
        str | None,
        typer.Option(
            "--sweep-view",
            metavar="ENDPOINT",
            help="Where a 'sweep' of another receiver has --publish-view: shown beside the watch.",
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="CODE", help="en, de; the system's if not.")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write JSON Lines, as 'monitor' does."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="NAME.sigmf-meta", help="Record all that is heard, as SigMF."
        ),
    ] = None,
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="DIR", help="Where the window's recordings go (key R)."),
    ] = Path("recorded"),
    pre_trigger: Annotated[
        float | None,
        typer.Option(
            "--pre-trigger", metavar="S", min=0, help="Recorded before R; 20 if not given."
        ),
    ] = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
    curve_key: CurveKeyOption = None,
    curve_server: CurveServerOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
) -> None:
    """Show a watch or a recording in a window.

    With --source the window starts 'monitor' and ends it when it is closed; the
    verdict is written then. With --subscribe it only looks on.

    Example: sdr-detect gui recordings/starlink_parked_2m4.sigmf-meta

    Example: sdr-detect gui --source rtlsdr://0 --rf 14.25e9 --converter ku-12.80

    Example: sdr-detect gui --subscribe ipc:///run/sdr-detect/view

    Example: sdr-detect gui --source rtlsdr://0 --rf 14.25e9 --converter ku-12.80 --sweep-view
    ipc:///run/sdr-detect/sweep
    """
    if sum(given is not None for given in (recording, source, subscribe)) != 1:
        raise typer.BadParameter("give one: a RECORDING, --source URI or --subscribe ENDPOINT")
    if sweep is not None:
        _check_sweep(source, (rf, if_, datatype))
    if sweep_view is not None and (recording is not None or sweep is not None):
        raise typer.BadParameter("--sweep-view goes with --source or --subscribe, and a watch")
    # A sweep finds its centres itself; a converter alone is enough for it.
    spec = spec_from_options(datatype, rate, rf, if_, None if sweep else converter)
    keys = subscriber_keys(curve_key, curve_server, subscribe or sweep_view)
    desktop = _desktop()
    options = {
        "--json": json, "--config": config, "--format": datatype, "--rate": rate, "--rf": rf,
        "--if": if_, "--converter": converter, "--record": record,
        "--calibration": calibration, "--gain": gain,
    }  # fmt: skip
    stated = [(name, str(value)) for name, value in options.items() if value is not None]
    stated += [("--set", item) for item in sets or ()]
    words = [word for pair in stated for word in pair]
    if recording is not None:
        code = desktop.run_file(recording, spec, words, language=language)
    else:
        started = None if source is None else ["--source", source, *words, "--keep-trying"]
        replay = source is not None and source.startswith(("file://", "sim://"))
        if started is not None and sweep is not None:
            started += ["--strategy", sweep.value]
        if started is not None and not replay:
            started += ["--folder", str(folder)]
            started += [] if pre_trigger is None else ["--pre-trigger", str(pre_trigger)]
        verb = "monitor" if sweep is None else "sweep"
        code = desktop.run(
            started, subscribe, keys, replay=replay, verb=verb, beside=sweep_view, language=language
        )
    if code:
        raise typer.Exit(code)


def _check_sweep(source: str | None, tuned: tuple[object, ...]) -> None:
    if source is None:
        raise typer.BadParameter("--sweep needs --source")
    if any(value is not None for value in tuned):
        raise typer.BadParameter("a sweep tunes itself: leave out --rf, --if and --format")


def _desktop() -> Any:
    """The desktop's module.

    Raises
    ------
    SdrDetectError
        Something that it needs is missing.
    """
    from sdr_detect.errors import SdrDetectError

    for module in ("PySide6", "pyqtgraph"):
        if importlib.util.find_spec(module) is None:
            raise SdrDetectError(
                f"the desktop needs {module}, which is not installed; run: "
                "pip install 'sdr-detect[gui]'"
            )
    # By name: the library stands below the desktop and never imports it.
    try:
        desktop = importlib.import_module("sdr_detect_gui.app")
    except ImportError as exc:
        raise SdrDetectError(
            f"the desktop cannot be loaded ({exc}); on Debian run: apt-get install libgl1 libegl1 "
            "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
        ) from exc
    if not desktop.has_display():
        raise SdrDetectError(
            "there is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set; use 'monitor' here, "
            "and 'gui --subscribe' on a computer with a screen"
        )
    return desktop
