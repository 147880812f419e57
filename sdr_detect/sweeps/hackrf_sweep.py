"""``hackrf_sweep``: rows of 5 MHz in two interleaved halves, time to the microsecond.

Each value is one transform of a fraction of a millisecond; nothing is averaged.
"""

from __future__ import annotations

from pathlib import Path

from sdr_detect.sweeps.base import PowerSweeps, looks_like, read_rows

NAME = "hackrf_sweep"

#: A quarter of its 20 Msps.
PIECE_HZ = 5_000_000


def sniff(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    words = looks_like(head)
    if words is None or b"." not in words[1]:
        return False
    return float(words[3]) - float(words[2]) == PIECE_HZ


def read(path: Path) -> PowerSweeps:
    """Read it.

    Raises
    ------
    FormatError
        It holds no good row.
    """
    return read_rows(path, NAME)
