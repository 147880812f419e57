"""Which sweep format a file is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sdr_detect.errors import FormatError, UnsupportedError, unreadable
from sdr_detect.sweeps import hackrf_sweep, rtl_power, soapy_power
from sdr_detect.sweeps.base import PowerSweeps


class SweepFormat(Protocol):
    """A module of this package that knows one format."""

    NAME: str

    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins so is one."""
        ...

    def read(self, path: Path) -> PowerSweeps:
        """Read it."""
        ...


#: Narrowest first: the first that knows a file reads it.
FORMATS: tuple[SweepFormat, ...] = (hackrf_sweep, soapy_power, rtl_power)

HEAD_BYTES = 1 << 16


def read_sweeps(path: Path) -> PowerSweeps:
    """Read a power sweep of any known format.

    Raises
    ------
    FormatError
        It cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as exc:
        raise unreadable(exc, path) from exc
    for module in FORMATS:
        if module.sniff(head):
            return module.read(path)
    if head.startswith(b"SDRFF"):
        raise UnsupportedError(
            "is soapy_power's binary format; write it with -F rtl_power", path=path
        )
    # A damaged first line does not hide the others.
    if b"," not in head or b"\0" in head:
        raise FormatError("is no CSV of hackrf_sweep, rtl_power or soapy_power", path=path)
    return rtl_power.read(path)
