"""``rtl_power`` and its descendants (``rx_power``): whole Hz, two decimals.

Averages over the integration interval, 10 s unless told otherwise. Its usual
version writes the last bin of a row twice.
"""

from __future__ import annotations

from pathlib import Path

from sdr_detect.sweeps.base import PowerSweeps, looks_like, read_rows

NAME = "rtl_power"


def sniff(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    words = looks_like(head)
    return words is not None and all(word.lstrip(b"-").isdigit() for word in words[2:4])


def read(path: Path) -> PowerSweeps:
    """Read it.

    Raises
    ------
    FormatError
        It holds no good row.
    """
    return read_rows(path, NAME, repeats_last=True)
