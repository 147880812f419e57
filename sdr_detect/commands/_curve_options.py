"""The options that name keys for a stream between machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sdr_detect.curve import PublisherKeys, SubscriberKeys

_PANEL = "Keys, for a stream between machines"

CurveKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--curve-key",
        metavar="NAME.key_secret",
        help="Our key pair, from 'sdr-detect keys new NAME'.",
        rich_help_panel=_PANEL,
    ),
]
CurveAllowOption = Annotated[
    Path | None,
    typer.Option(
        "--curve-allow",
        metavar="FOLDER",
        help="The .key files of those who may subscribe.",
        rich_help_panel=_PANEL,
    ),
]
CurveServerOption = Annotated[
    Path | None,
    typer.Option(
        "--curve-server",
        metavar="NAME.key",
        help="The publisher's public key.",
        rich_help_panel=_PANEL,
    ),
]


def publisher_keys(
    key: Path | None, allow: Path | None, publish: str | None
) -> PublisherKeys | None:
    """What ``capture`` was given; None without keys.

    Raises
    ------
    typer.BadParameter
        One option without the others.
    ConfigError
        A key file is wrong, or not safely kept.
    """
    if key is None and allow is None:
        return None
    if key is None or allow is None or publish is None:
        raise typer.BadParameter("--curve-key and --curve-allow go together, with --publish")
    from sdr_detect import curve

    return curve.PublisherKeys(curve.read_pair(key), curve.read_allowed(allow))


def subscriber_keys(
    key: Path | None, server: Path | None, subscribe: str | None
) -> SubscriberKeys | None:
    """What ``monitor`` was given; None without keys.

    Raises
    ------
    typer.BadParameter
        One option without the others.
    ConfigError
        A key file is wrong, or not safely kept.
    """
    if key is None and server is None:
        return None
    if key is None or server is None or subscribe is None:
        raise typer.BadParameter("--curve-key and --curve-server go together, with --subscribe")
    from sdr_detect import curve

    return curve.SubscriberKeys(curve.read_pair(key), curve.read_public(server))
