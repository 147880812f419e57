"""Envelope: the energy of cells of 512 samples, what bursts are found in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import Arrays, Comparison, Contender, Sample, Work, relative

#: A quarter of half a frame of 4096.
CELL = 512


def _ours(sample: Sample) -> Work:
    from sdr_detect.dsp.kernels import cell_statistics

    def work() -> Arrays:
        parts = [cell_statistics(piece, CELL, 1.0)[0] for piece in sample.pieces(256 * CELL)]
        return {"energy": np.concatenate(parts)}

    return work


def _gnuradio(sample: Sample) -> Work:
    from gnuradio import blocks, gr

    def work() -> Arrays:
        top = gr.top_block()
        sink = blocks.vector_sink_f()
        top.connect(
            blocks.file_source(gr.sizeof_gr_complex, sample.path, False),
            blocks.complex_to_mag_squared(1),
            blocks.integrate_ff(CELL),
            sink,
        )
        top.run()
        return {"energy": np.array(sink.data(), np.float32)}

    return work


def _numpy(sample: Sample) -> Work:
    whole = sample.count // CELL * CELL

    def work() -> Arrays:
        iq = sample.read()[:whole]
        return {"energy": (iq.real**2 + iq.imag**2).reshape(-1, CELL).sum(axis=1)}

    return work


def _error(sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
    iq = sample.read()[: sample.count // CELL * CELL].astype(np.complex128)
    return relative(found["energy"], (iq.real**2 + iq.imag**2).reshape(-1, CELL).sum(axis=1))


COMPARISONS = (
    Comparison(
        "envelope",
        "energy of cells of 512 samples",
        "busy",
        "cf32",
        1e-4,
        _error,
        (
            Contender("sdr-detect", "ours", "sdr_detect", _ours),
            Contender("GNU Radio", "peer", "gnuradio", _gnuradio),
            Contender("numpy", "peer", "numpy", _numpy),
        ),
        "From a cf32 file; ours also counts clipped, missing and non-finite samples. "
        "Checked: every cell, relative.",
    ),
)
