"""``soapy_power -F rtl_power``: the same rows, frequencies and powers with all their digits."""

from __future__ import annotations

from pathlib import Path

from sdr_detect.sweeps.base import PowerSweeps, looks_like, read_rows

NAME = "soapy_power"


def sniff(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    words = looks_like(head)
    return words is not None and b"." in words[2]


def read(path: Path) -> PowerSweeps:
    """Read it.

    Raises
    ------
    FormatError
        It holds no good row.
    """
    return read_rows(path, NAME)
