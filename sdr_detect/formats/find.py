"""From a path to a recording: the content decides, never the name.

Each module of this package that has ``NAME``, ``ORDER``, ``sniff`` and
``open_file`` is a format; a new one is a new file and nothing else. The one without a
signature, raw samples, comes last and must be stated by the user.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from sdr_detect import formats
from sdr_detect.errors import FormatError, unreadable
from sdr_detect.formats.base import RawSpec, Recording

#: Bytes shown to ``sniff``; covers the HDF5 user block of MATLAB and a tar header.
HEAD_BYTES = 4096


class Format(Protocol):
    """A format module."""

    NAME: str
    #: Modules are asked in ascending order, then by name.
    ORDER: int

    def sniff(self, path: Path, head: bytes, /) -> bool:
        """Whether the file is of this format, by its first bytes.

        ``head`` is empty for a file that does not exist or is empty.
        """
        ...

    def open_file(self, path: Path, spec: RawSpec) -> Recording:
        """Open it, or raise `FormatError`."""
        ...


@cache
def all_formats() -> tuple[Format, ...]:
    """The formats, in the order in which they are asked."""
    found = []
    for item in pkgutil.iter_modules(formats.__path__):
        module = importlib.import_module(f"{formats.__name__}.{item.name}")
        if hasattr(module, "sniff"):
            found.append(cast(Format, module))
    return tuple(sorted(found, key=lambda module: (module.ORDER, module.NAME)))


def identify(path: Path) -> Format:
    """Which format a file is.

    Raises
    ------
    FormatError
        There is no such file, it is no regular file, or it is empty.
    """
    head = _head(path)
    for module in all_formats():
        if module.sniff(path, head):
            return module
    if not path.exists():
        raise FormatError("does not exist; check the path", path=path)
    raise FormatError("is empty: 0 bytes hold no samples", path=path, byte=0)


def _head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise FormatError("is a directory; give the recording's file", path=path)
        if not path.exists():
            return b""
        if not path.is_file():
            raise FormatError(
                "is not a regular file; pipes and devices are sources for 'monitor'", path=path
            )
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as exc:
        raise unreadable(exc, path) from exc


def open_recording(path: str | Path, spec: RawSpec | None = None) -> Recording:
    """Open a recording of any known format.

    Parameters
    ----------
    path : str or Path
        A file; for SigMF the metadata, the data, the archive or the name
        without extension.
    spec : RawSpec, optional
        What the user states. A raw file needs its type and rate; in other
        formats it fills what the file leaves open.

    Returns
    -------
    Recording
        Opened at once whatever its size; close it, or use it in ``with``.

    Raises
    ------
    FormatError
        It cannot be read, or not as what it claims to be (`TruncatedError`), holds no
        IQ (`UnsupportedError`) or needs a statement that is missing.
    ConfigError
        Its metadata name a converter that is not known.
    """
    path = Path(path)
    try:
        return identify(path).open_file(path, RawSpec() if spec is None else spec)
    except OSError as exc:  # of whichever format, in its headers or in memory
        raise unreadable(exc, path) from exc
