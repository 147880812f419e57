"""``sdr-detect keys``: key pairs for a stream between machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_HELP = """Make and show the key pairs that protect a stream between machines.

Example: sdr-detect keys new capture
"""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verb = typer.Typer(help=_HELP, no_args_is_help=True)
    verb.command("new")(_new)
    verb.command("show")(_show)
    app.add_typer(verb, name="keys")


def _new(
    name: Annotated[str, typer.Argument(help="Of the pair, such as the machine's.")],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the files go; made if need be.")
    ] = Path(),
) -> None:
    """Make NAME.key, for the other side, and NAME.key_secret, which stays here.

    Example: sdr-detect keys new bridge --folder keys
    """
    from sdr_detect.curve import write_pair

    public, secret = write_pair(folder, name)
    print(f"{public}  public: give it to the other side")
    print(f"{secret}  secret: stays on this machine")


def _show(
    file: Annotated[Path, typer.Argument(help="A .key or .key_secret file.")],
) -> None:
    """Print the public key of a file, to compare it with the other side's.

    Example: sdr-detect keys show capture.key
    """
    from sdr_detect.curve import read_pair, read_public

    print((read_pair(file).public if file.suffix == ".key_secret" else read_public(file)).decode())
