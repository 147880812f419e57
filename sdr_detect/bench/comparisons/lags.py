"""Lag products: how alike a stream is to itself some samples later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import Arrays, Comparison, Contender, Sample, Work

#: A dozen lags; at 20 Msps the eight long ones are multiples of 2.13 µs, up to 17 µs.
LAGS = (1, 2, 3, 4, 43, 85, 128, 171, 213, 256, 299, 341)

#: Samples read at a time.
PIECE = 1 << 18


def _ours(sample: Sample) -> Work:
    from sdr_detect.dsp.autocorr import OVERSAMPLING, Correlator, LagGrid
    from sdr_detect.settings import LagSettings

    grid = LagGrid(sample.rate_hz, LagSettings().max_lag_s)
    block = 1 << int(np.ceil(np.log2(2 * grid.max_lag_s * sample.rate_hz)))
    correlate = Correlator(grid, block, 0.0)
    at = np.array(LAGS) * OVERSAMPLING

    def work() -> Arrays:
        products, pairs = np.zeros(grid.size, complex), np.zeros(grid.size)
        for piece in sample.pieces(PIECE):
            part = correlate([piece])[0]
            products += part.products
            pairs += part.pairs
        return {"coefficient": products[at] / pairs[at]}

    return work


def _gnuradio(sample: Sample) -> Work:
    from gnuradio import blocks, gr

    def work() -> Arrays:
        top = gr.top_block()
        source = blocks.file_source(gr.sizeof_gr_complex, sample.path, False)
        power = blocks.vector_sink_f()
        top.connect(source, blocks.complex_to_mag_squared(1), blocks.integrate_ff(1024), power)
        sinks = []
        for lag in LAGS:
            product, sink = blocks.multiply_conjugate_cc(1), blocks.vector_sink_c()
            top.connect(source, (product, 0))
            top.connect(source, blocks.delay(gr.sizeof_gr_complex, lag), (product, 1))
            top.connect(product, blocks.integrate_cc(1024), sink)
            sinks.append(sink)
        top.run()
        total = np.sum(power.data())
        return {"coefficient": np.array([np.sum(sink.data()) / total for sink in sinks])}

    return work


def _numpy(sample: Sample) -> Work:
    def work() -> Arrays:
        iq = sample.read()
        power = np.vdot(iq, iq).real
        return {"coefficient": np.array([np.vdot(iq[:-lag], iq[lag:]) / power for lag in LAGS])}

    return work


def _error(sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
    iq = sample.read().astype(np.complex128)
    power = np.vdot(iq, iq).real
    expected = [np.vdot(iq[:-lag], iq[lag:]) / power for lag in LAGS]
    return float(np.max(np.abs(found["coefficient"] - expected)))


COMPARISONS = (
    Comparison(
        "lags",
        "lag products at twelve lags",
        "blank",
        "cf32",
        5e-3,
        _error,
        (
            Contender("sdr-detect", "ours", "sdr_detect", _ours),
            Contender("GNU Radio", "peer", "gnuradio", _gnuradio),
            Contender("numpy", "peer", "numpy", _numpy),
        ),
        "From a cf32 file; ours yields every half sample's lag by way of the spectrum, the "
        "others these twelve. Checked: correlation coefficients, absolute; ours leaves out "
        "pairs across its blocks, which in noise is what most of the difference is.",
    ),
)
