"""The command line: finds the verbs and turns errors into exit codes.

Each module of `sdr_detect.commands` whose name has no leading underscore is a
verb; it offers ``register(app)``. Verbs import numpy, scipy, numba and pydantic
inside their functions, so that ``--help`` answers at once.
"""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import sys
from typing import Annotated

import typer

from sdr_detect import __version__, commands
from sdr_detect.commands import _exit
from sdr_detect.commands._text import complain
from sdr_detect.errors import ConfigError, SdrDetectError
from sdr_detect.ownprocess import ONE_THREAD


def build_app() -> typer.Typer:
    """The application with every verb registered."""
    app = typer.Typer(
        name="sdr-detect",
        help="Receive-only detection of transmitting satellite user terminals.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # which would load rich, and double the time of --help
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_common)
    for module in pkgutil.iter_modules(commands.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"sdr_detect.commands.{module.name}").register(app)
    return app


def main() -> None:
    """Run the command line and exit.

    Errors raised on purpose, and what the system refuses (a full disk behind
    stdout), become one line on stderr; anything else is a fault of this
    program and keeps its traceback.
    """
    for name, value in ONE_THREAD.items():  # read when numpy is imported, in a verb
        os.environ.setdefault(name, value)
    try:
        build_app()()
    except ConfigError as exc:
        _fail(exc, _exit.CONFIG)
    except (SdrDetectError, OSError) as exc:
        _fail(exc, _exit.FAILURE)
    except RuntimeError as exc:
        # Numba's own, when it is imported where neither this package nor the user's
        # cache can be written.
        if "no locator available" not in str(exc):
            raise
        text = (
            "compiled code can be kept neither beside the program nor in the user's cache; "
            "name a folder that can be written: export NUMBA_CACHE_DIR=DIR"
        )
        _fail(ConfigError(text), _exit.CONFIG)
    except KeyboardInterrupt:  # before typer, which catches it, was at work
        sys.exit(_exit.INTERRUPT)


def _fail(exc: Exception, code: int) -> None:
    complain(exc)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sdr-detect {__version__}")
        raise typer.Exit()


def _common(
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Log more; twice for everything.")
    ] = 0,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit."),
    ] = False,
) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
