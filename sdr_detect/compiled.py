"""The compiled inner loops, made ready before the first sample comes.

Numba compiles a function when it is first called, which takes seconds, and keeps
the result on disk. A receiver does not wait: so the functions are compiled at
install, and loaded (or, where nothing is kept, compiled) when a watch starts. A
test holds `KERNELS` to what recordings of all kinds make the pipeline call.
"""

from __future__ import annotations

import logging
from typing import Any

from numba import bool_, complex64, float32, float64, int64, types
from numba.core import event

from sdr_detect.dsp import fold, kernels, passband
from sdr_detect.features import fold_search
from sdr_detect.scan import meet

log = logging.getLogger(__name__)

#: Arrays that may only be read are a type of their own: a module's constants, and the
#: samples of a block, which lookers get.
_CONSTANT_INTS = types.Array(int64, 1, "C", readonly=True)
_BLOCK = types.Array(complex64, 1, "C", readonly=True)

#: What Python calls, and with which types. Functions that only they call come with them.
KERNELS: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (kernels.cell_statistics, (complex64[::1], int64, float64)),
    (kernels.window_frames, (complex64[::1], int64, int64, float32[::1], complex64[:, ::1])),
    (kernels.window_frames, (_BLOCK, int64, int64, float32[::1], complex64[:, ::1])),
    (kernels.shifted_power, (complex64[:, ::1], float32[:, ::1])),
    (kernels.add_power, (complex64[:, ::1], float64[::1])),
    (kernels.sum_of_relative_power, (complex64[:, ::1],)),
    (kernels.whitened_subbands, (float32[:, ::1], float32[::1], int64[::1], float32[:, ::1])),
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
    (fold.central_moments, (float32[:, ::1], bool_[::1])),
    (fold.weighted_twice, (float32[:, ::1], float32[::1], bool_[::1], float32[:, :, ::1])),
    (passband.box_sums, (float64[:, ::1], int64[::1], int64[::1], int64[::1])),
    (fold_search.highest_box, (float64[::1], float64[::1], float64, int64[::1])),
    (fold_search.highest_box, (float64[::1], float64[::1], float64, _CONSTANT_INTS)),
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

    Takes some tenths of a second; once after an install or an update some ten
    seconds, which the log tells.
    """
    with event.install_listener("numba:compile", _Notice()):
        for kernel, signature in KERNELS:
            kernel.compile(signature)


class _Notice(event.Listener):
    """Tells, once, what takes so long."""

    def __init__(self) -> None:
        self._told = False

    def on_start(self, _event: event.Event) -> None:
        """Something is compiled that was not kept."""
        if not self._told:
            self._told = True
            log.warning("compiling the inner loops, once; this takes some ten seconds")

    def on_end(self, _event: event.Event) -> None:
        """Nothing to tell."""
