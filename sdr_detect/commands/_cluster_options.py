"""The options by which a command is given a cluster to compute on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sdr_detect.batch.cluster import Cluster

_PANEL = "Cluster"

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="A Dask scheduler, tls://HOST:PORT; tcp:// on this computer only.",
        rich_help_panel=_PANEL,
    ),
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca", metavar="FILE", help="Authority of the cluster.", rich_help_panel=_PANEL
    ),
]
CertOption = Annotated[
    Path | None,
    typer.Option("--tls-cert", metavar="FILE", help="Certificate to show.", rich_help_panel=_PANEL),
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--tls-key", metavar="FILE", help="Key to it.", rich_help_panel=_PANEL),
]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust-network",
        help="Take tcp:// to another computer: whoever is on that network runs code here.",
        rich_help_panel=_PANEL,
    ),
]


def cluster_from_options(
    scheduler: str | None, ca: Path | None, cert: Path | None, key: Path | None, trusted: bool
) -> Cluster | None:
    """The cluster named, checked; None without one.

    Raises
    ------
    typer.BadParameter
        An option is given for no cluster.
    ConfigError
        The address is malformed or unprotected, a file or Dask is missing.
    """
    if scheduler is None:
        if ca or cert or key or trusted:
            raise typer.BadParameter("--tls-… and --trust-network need a --scheduler")
        return None
    from sdr_detect.batch.cluster import Cluster, need_dask
    from sdr_detect.errors import ConfigError

    need_dask()
    for file in (ca, cert, key):
        if file is not None and not file.is_file():
            raise ConfigError("there is no such file; check the path", file=file)
    return Cluster(scheduler, ca, cert, key, trusted)
