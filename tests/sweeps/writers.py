"""Sweeps as three programs write them, from one array: written from their documentation."""

from __future__ import annotations

import datetime

import numpy as np
from numpy.typing import NDArray

BEGAN = datetime.datetime(2026, 3, 4, 5, 6, 7, 250_000)

#: hackrf_sweep covers 20 MHz in four pieces of 5 MHz, the first and third together.
HACKRF_ORDER = (0, 2, 1, 3)


def hackrf_sweep(power_db: NDArray[np.float64], low_hz: int, step_hz: float) -> str:
    """Rows of 5 MHz, interleaved, each sweep 10 ms after the one before."""
    per = round(5e6 / step_hz)
    pieces = power_db.shape[1] // per
    lines = []
    for k, sweep in enumerate(power_db):
        when = BEGAN + datetime.timedelta(milliseconds=10 * k)
        for base in range(0, pieces, 4):
            for offset in HACKRF_ORDER:
                at = base + offset
                edge = low_hz + 5_000_000 * at
                powers = ", ".join(f"{p:.2f}" for p in sweep[at * per : (at + 1) * per])
                head = f"{when:%Y-%m-%d, %H:%M:%S.%f}, {edge}, {edge + 5_000_000}, {step_hz:.2f}"
                lines.append(f"{head}, {4 * per}, {powers}")
    return "\n".join(lines) + "\n"


def rtl_power(power_db: NDArray[np.float64], low_hz: int, step_hz: float, hop: int) -> str:
    """Rows of ``hop`` bins, the last of each given twice, a sweep every ten seconds."""
    lines = []
    for k, sweep in enumerate(power_db):
        when = BEGAN + datetime.timedelta(seconds=10 * k)
        for start in range(0, sweep.size, hop):
            part = [f"{p:.2f}" for p in sweep[start : start + hop]]
            edge = low_hz + round(start * step_hz)
            top = edge + round(len(part) * step_hz)
            head = f"{when:%Y-%m-%d, %H:%M:%S}, {edge}, {top}, {step_hz:.2f}, 4096"
            lines.append(f"{head}, {', '.join([*part, part[-1]])}")
    return "\n".join(lines) + "\n"


def soapy_power(power_db: NDArray[np.float64], low_hz: float, step_hz: float, hop: int) -> str:
    """Rows of ``hop`` bins with all digits."""
    lines = []
    for k, sweep in enumerate(power_db):
        when = BEGAN + datetime.timedelta(seconds=k)
        for start in range(0, sweep.size, hop):
            part = sweep[start : start + hop]
            edge = low_hz + start * step_hz
            row = [edge, edge + part.size * step_hz, step_hz, 32000, *part]
            lines.append(
                f"{when:%Y-%m-%d}, {when:%H:%M:%S}, " + ", ".join(str(float(x)) for x in row)
            )
    return "\n".join(lines) + "\n"
