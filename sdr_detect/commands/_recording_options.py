"""The options by which commands let the user state what a recording is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sdr_detect.formats.base import RawSpec

_PANEL = "What the recording is"

FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="TYPE",
        help="Sample type of a raw file: cu8, cs8, cs16, cf32, cf64; _be for big-endian.",
        rich_help_panel=_PANEL,
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option("--rate", metavar="HZ", help="Sample rate.", rich_help_panel=_PANEL),
]
RfOption = Annotated[
    float | None,
    typer.Option(
        "--rf", metavar="HZ", help="Centre of the recording on air.", rich_help_panel=_PANEL
    ),
]
IfOption = Annotated[
    float | None,
    typer.Option(
        "--if",
        metavar="HZ",
        help="Centre as the receiver was tuned, behind --converter.",
        rich_help_panel=_PANEL,
    ),
]
ConverterOption = Annotated[
    str | None,
    typer.Option(
        "--converter",
        metavar="NAME",
        help="Converter before the receiver; 'none' if there was none.",
        rich_help_panel=_PANEL,
    ),
]


def spec_from_options(
    datatype: str | None = None,
    rate_hz: float | None = None,
    rf_hz: float | None = None,
    if_hz: float | None = None,
    converter: str | None = None,
) -> RawSpec:
    """What the user states, checked.

    Raises
    ------
    typer.BadParameter
        Options contradict each other or are out of range.
    ConfigError
        The converter is not known.
    """
    from sdr_detect.catalog import converter as find_converter
    from sdr_detect.datatype import parse_datatype
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.plan import FrequencyPlan

    if if_hz is not None and converter is None:
        raise typer.BadParameter(
            "--if needs --converter NAME ('none' if the receiver was tuned to the RF itself)"
        )
    if converter is not None and if_hz is None and rf_hz is None:
        raise typer.BadParameter("--converter needs the centre: give --if HZ, or --rf HZ")
    plan = FrequencyPlan() if converter is None else FrequencyPlan(find_converter(converter))
    try:
        if datatype is not None:
            parse_datatype(datatype)
        return RawSpec(datatype, rate_hz, rf_hz, if_hz, plan)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
