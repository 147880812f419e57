"""Pulses too short for any burst: radar, transponders, switching."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.kernels import SMALLEST_POWER
from sdr_detect.dsp.layout import FINE_PER_HOP
from sdr_detect.dsp.stft import Dwell
from sdr_detect.model import FloatArray

#: A pulse is no longer than this many fine cells (10 µs); a preamble alone
#: lasts 17.9 µs.
PULSE_CELLS = 3

#: A pulse stands this many deviations above the quiet level, and its excess is
#: this many times that of the cells around it.
PULSE_SIGMAS = 6.0
PULSE_CONTRAST = 4.0


def pulsed_frames(dwell: Dwell) -> NDArray[np.bool_]:
    """Frames that hold a pulse too short for a preamble."""
    frames = np.zeros(dwell.layout.frames, np.bool_)
    fine, level = dwell.fine_power, dwell.quiet_power
    if level < SMALLEST_POWER:  # a squelched stream: everything stands out of nothing
        return frames
    least = PULSE_SIGMAS / np.sqrt(dwell.layout.fine)
    hits = np.flatnonzero(fine > np.float32(level * (1 + least)))
    if not hits.size:
        return frames
    around = np.zeros(hits.size)
    for k in (*range(-2 * PULSE_CELLS, -PULSE_CELLS + 1), *range(PULSE_CELLS, 2 * PULSE_CELLS + 1)):
        around += _excess(fine[np.clip(hits + k, 0, fine.size - 1)], level)
    around /= 2 * PULSE_CELLS + 2
    excess = _excess(fine[hits], level)
    short = hits[excess > PULSE_CONTRAST * np.maximum(around, least / PULSE_CONTRAST)]
    hit = short // FINE_PER_HOP
    frames[hit] = True
    frames[np.maximum(hit - 1, 0)] = True
    return frames


def _excess(power: FloatArray, level: float) -> NDArray[np.float64]:
    """Power above the level, relative to it."""
    return power.astype(np.float64) / level - 1
