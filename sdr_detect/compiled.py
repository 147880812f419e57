"""The compiled inner loops, made ready before the first sample comes.

Numba compiles a function when it is first called, which takes seconds, and keeps
the result on disk. A receiver does not wait: so the functions are compiled at
install, and loaded (or, where nothing is kept, compiled) when a watch starts. A
test holds `KERNELS` to what recordings of all kinds make the pipeline call.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numba import (
    bool_,
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    typeof,
    types,
    uint8,
)
from numba.core import event

from sdr_detect import scaling
from sdr_detect.detect import regions
from sdr_detect.dsp import autocorr, edges, fold, kernels, occupancy, order, passband, runs
from sdr_detect.dsp.lane_fft import LaneFFT
from sdr_detect.features import fold_level, fold_powers, fold_search
from sdr_detect.scan import meet

log = logging.getLogger(__name__)

#: Constant arrays of a module are read-only, which is a type of its own.
_CONSTANT_INTS = types.Array(int64, 1, "C", readonly=True)

_REGION = typeof(regions.Region(0, 0, 0, 0, 0, 0))  # type: ignore[no-untyped-call]

_CODES = tuple(types.Array(code, 1, "C", readonly=True) for code in (int8, uint8, int16))

#: What Python calls, and with which types. Functions that only they call come with them.
KERNELS: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    *((scaling._scaled, (codes, float32, float32, float32[::1])) for codes in _CODES),
    (kernels.cell_statistics, (complex64[::1], int64, float64)),
    (kernels.sum_of_relative, (float32[:, ::1],)),
    (kernels.whitened_subbands, (float32[:, ::1], float32[::1], int64[::1], float32[:, ::1])),
    (kernels.along_time, (float32[:, ::1], bool_[::1])),
    (kernels.block_excess, (float32[::1], bool_[::1], int64)),
    (kernels.paint_exceedances, (float32[:, ::1], int64, int64, float64, bool_[:, ::1])),
    (
        fold.fold_frames,
        (
            float32[:, ::1],
            int64[:, ::1],
            float64[::1],
            float64[::1],
            int64[::1],
            float32[:, ::1],
            float32[::1],
        ),
    ),
    (fold.shifted_sum, (float32[:, :, ::1], int64[::1])),
    (fold.central_moments, (float32[:, ::1], bool_[::1])),
    (
        fold.fold_spectra,
        (
            float32[:, ::1],
            float32[::1],
            float32[::1],
            float64,
            int64[:, ::1],
            float64,
            float64,
            float32[:, :, ::1],
            float32[:, :, ::1],
        ),
    ),
    (regions._connected, (int64[::1], bool_[:, ::1])),
    (regions._grown, (int64[:, ::1], int64, int64)),
    (regions._is_wide, (_REGION,)),
    (regions._joined, (_REGION, _REGION, int64)),
    (regions.going_on, (int64[:, ::1], _REGION, int64, int64)),
    (edges.mean_power, (float32[:, ::1], int64, int64)),
    (edges._squares, (complex64[::1],)),
    (edges._trend, (float64[:, ::1], float64)),
    (edges._highest, (float64[:, ::1], float64, int64, float64)),
    (edges.equivalent_width, (float32[::1], float64)),
    (occupancy._power_above, (float64[::1], float64[::1], float64, bool_[::1])),
    (occupancy._edges, (float64[::1], float64[::1], float64, bool_[::1], float64)),
    (autocorr._moving_mean, (float64[::1], int64)),
    (autocorr._over_surroundings, (float64[::1], bool_[::1], int64)),
    (order._of_rows, (int32[:, ::1], int64, int64, int32[:, ::1])),
    (order._of_columns, (int32[:, ::1], int64[::1], int64, int32[::1])),
    (passband.box_sums, (float64[:, ::1], int64[::1], int64[::1], int64[::1])),
    (fold_level.clipped, (float32[:, ::1], bool_[::1], float64)),
    (
        fold_level.running_level,
        (float32[::1], bool_[::1], int64, float64[::1], int64[::1]),
    ),
    (fold_level.rises, (float64[::1], int64[::1], int64, bool_[::1])),
    (
        fold_powers.lag_powers,
        (
            complex128[:, :, ::1],
            int64[::1],
            float64,
            float64[:, :, ::1],
            float64[:, :, ::1],
            float64[:, ::1],
            float64[:, ::1],
        ),
    ),
    (
        passband.highest_boxes,
        (float64[:, ::1], int64, int64, int64, float64, float64),
    ),
    (fold_search.highest_box, (float64[::1], float64[::1], float64, int64[::1])),
    (fold_search.highest_box, (float64[::1], float64[::1], float64, _CONSTANT_INTS)),
    (
        fold_search.highest_of_each,
        (float64[::1], float64[::1], int64[::1], float64, int64),
    ),
    (
        fold_search.highest_of_columns,
        (float32[:, ::1], float32[::1], float64[::1], bool_[::1], _CONSTANT_INTS),
    ),
    (fold_search.unsteadiness, (float32[:, ::1], float32[::1], int64[::1], float64[::1])),
    (runs._runs, (bool_[::1],)),
    (
        meet._listen,
        (
            float64[:, :, ::1],
            int64[::1],
            float64[::1],
            float64[:, ::1],
            int64[::1],
            float64[::1],
            int64[::1],
            *(float64,) * 5,
            float64[::1],
            float64[::1],
            int64[::1],
            int64,
        ),
    ),
    (
        meet._end_slot,
        (int64, float64[:, :, ::1], float64[::1], float64[:, ::1], float64, float64[::1]),
    ),
    (meet._step, (float64[::1], float64, float64[::1])),
)


def ready() -> None:
    """Load all that is compiled; compile and keep what is not.

    Takes some tenths of a second; once after an install or an update a third
    of a minute or more, which the log tells.
    """
    with event.install_listener("numba:compile", _Notice()):
        for kernel, signature in KERNELS:
            kernel.compile(signature)
        _transform()


def _transform() -> None:
    """Call what transforms, which takes its plan as a tuple; any size will do."""
    nfft = 64
    fft = LaneFFT(np.ones(nfft, np.float32))
    iq = np.zeros(nfft, np.complex64)
    fft.frames(iq, 0, nfft, np.empty((1, nfft), np.float32))
    starts = np.zeros(1, np.int64)
    fft.add(iq, starts, np.zeros(nfft))
    fft.values(iq, starts, fft.waves((0,)))


class _Notice(event.Listener):
    """Tells, once, what takes so long."""

    def __init__(self) -> None:
        self._told = False

    def on_start(self, _event: event.Event) -> None:
        """Something is compiled that was not kept."""
        if not self._told:
            self._told = True
            log.warning("compiling the inner loops, once; this takes up to a minute")

    def on_end(self, _event: event.Event) -> None:
        """Nothing to tell."""
