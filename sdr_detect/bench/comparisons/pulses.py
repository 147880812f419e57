"""Strong pulses of a carrier: how long each one is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import Arrays, Comparison, Contender, Sample, Work

#: Samples averaged; at 2.4 Msps the fine cells of a dwell are as long.
CELL = 8

#: A pulse is this much stronger than the median.
RISE = 16.0

#: Samples read at a time.
PIECE = 1 << 17

#: A narrow receiver's: as many samples take longer.
LENGTH = 16


def _lengths(energy: NDArray[Any]) -> Arrays:
    """Of the runs of cells above the threshold, in samples."""
    above = np.concatenate(([False], energy > RISE * np.median(energy), [False]))
    edges = np.flatnonzero(above[1:] != above[:-1])
    return {"samples": (edges[1::2] - edges[::2]) * CELL}


def _ours(sample: Sample) -> Work:
    from pathlib import Path

    from sdr_detect.dsp.kernels import cell_statistics
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.formats.raw import open_file
    from sdr_detect.rawblock import decoded

    spec = RawSpec(datatype=sample.datatype, sample_rate_hz=sample.rate_hz)

    def work() -> Arrays:
        with open_file(Path(sample.path), spec) as recording:
            cells = [
                cell_statistics(block.samples.copy(), CELL, 1.0)[0]
                for block in map(decoded, recording.blocks(PIECE))
            ]
        return _lengths(np.concatenate(cells))

    return work


def _gnuradio(sample: Sample) -> Work:
    from gnuradio import blocks, gr

    def work() -> Arrays:
        top = gr.top_block()
        sink = blocks.vector_sink_f()
        top.connect(
            blocks.file_source(gr.sizeof_char, sample.path, False),
            blocks.uchar_to_float(),
            blocks.add_const_ff(-127.5),
            # Two floats in a row are a complex number: a vector of them may be connected.
            blocks.stream_to_vector(gr.sizeof_float, 2),
            blocks.complex_to_mag_squared(1),
            blocks.integrate_ff(CELL),
            sink,
        )
        top.run()
        return _lengths(np.array(sink.data(), np.float32))

    return work


def _numpy(sample: Sample) -> Work:
    def work() -> Arrays:
        iq = sample.read()
        whole = iq[: len(iq) // CELL * CELL]
        return _lengths((whole.real**2 + whole.imag**2).reshape(-1, CELL).sum(axis=1))

    return work


def _rtl_433(sample: Sample) -> Work:
    import subprocess
    from pathlib import Path

    out = Path(sample.path).with_suffix(".ook")
    command = ["rtl_433", "-c", "/dev/null", "-R", "0", "-s", f"{sample.rate_hz:.0f}", "-F", "null"]
    command += ["-r", f"cu8:{sample.path}", "-W", f"ook:{out}"]

    def work() -> Arrays:
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        # Lines of two numbers, microseconds on and off, between lines of remarks.
        lines = out.read_text(encoding="ascii").splitlines()
        micros = np.array([int(line.split()[0]) for line in lines if line and line[0] != ";"])
        return {"samples": micros * (sample.rate_hz / 1e6)}

    return work


def _error(sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
    from sdr_detect.bench.signal import pulse_edges

    starts, stops = pulse_edges(sample.count)
    if found["samples"].shape != starts.shape:
        return float("inf")
    return float(np.max(np.abs(found["samples"] - (stops - starts))))


COMPARISONS = (
    Comparison(
        "pulses",
        "lengths of strong pulses, 2.4 Msps",
        "pulses",
        "cu8",
        2.0 * CELL,
        _error,
        (
            Contender("sdr-detect", "ours", "sdr_detect", _ours),
            Contender("rtl_433", "peer", "rtl_433", _rtl_433),
            Contender("GNU Radio", "peer", "gnuradio", _gnuradio),
            Contender("numpy", "peer", "numpy", _numpy),
        ),
        "From a cu8 file to the length of each pulse, 25 dB above the noise. rtl_433 follows the "
        "level by itself, sample by sample; the others know cells of 8 samples, and the median. "
        "Checked: every length, in samples.",
        LENGTH,
    ),
)
