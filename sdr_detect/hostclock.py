"""Whether the clock of this machine is disciplined, and how far it may be off."""

from __future__ import annotations

import ctypes
import sys

#: ``status`` bit of the Linux kernel: no time source steers the clock.
_UNSYNCHRONISED = 0x0040


class _Timex(ctypes.Structure):
    """The head of Linux' ``struct timex``; what follows is only room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror_us", ctypes.c_long),
        ("esterror_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    )


def error_ns() -> int | None:
    """Bound on the error of UTC as the kernel knows it.

    None when no time source steers the clock, or the system does not tell
    (``adjtimex`` is Linux').
    """
    if not sys.platform.startswith("linux"):
        return None
    state = _Timex()
    failed = ctypes.CDLL(None).adjtimex(ctypes.byref(state)) < 0
    if failed or state.status & _UNSYNCHRONISED:
        return None
    return int(state.maxerror_us) * 1000
