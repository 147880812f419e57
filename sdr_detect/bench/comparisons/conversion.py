"""Bytes of a receiver to complex samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import Arrays, Comparison, Contender, Sample, Work, relative

#: The end of the stream that is kept to be checked.
TAIL = 65_536


def _ours(sample: Sample) -> Work:
    from pathlib import Path

    import sdr_detect.scaling  # noqa: F401 - a pipeline has it loaded
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.formats.raw import open_file
    from sdr_detect.rawblock import decoded

    spec = RawSpec(datatype=sample.datatype, sample_rate_hz=sample.rate_hz)

    def work() -> Arrays:
        kept: list[NDArray[np.complex64]] = []
        held = 0
        with open_file(Path(sample.path), spec) as recording:
            for block in map(decoded, recording.blocks()):
                kept.append(block.samples)
                held += len(kept[-1])
                while held - len(kept[0]) >= TAIL:
                    held -= len(kept.pop(0))
        return {"tail": np.concatenate(kept)[-TAIL:]}

    return work


def _numpy(sample: Sample) -> Work:
    return lambda: {"tail": sample.read()[-TAIL:].copy()}


def _gnuradio_cs8(sample: Sample) -> Work:
    from gnuradio import blocks, gr

    def convert(top: gr.top_block, source: gr.basic_block) -> gr.basic_block:
        made = blocks.interleaved_char_to_complex(False, 128.0)
        top.connect(source, made)
        return made

    return _gnuradio(sample, convert)


def _gnuradio_cu8(sample: Sample) -> Work:
    from gnuradio import blocks, gr

    def convert(top: gr.top_block, source: gr.basic_block) -> gr.basic_block:
        # Two floats in a row are a complex number: a vector of them may be connected.
        pairs = blocks.stream_to_vector(gr.sizeof_float, 2)
        top.connect(
            source,
            blocks.uchar_to_float(),
            blocks.add_const_ff(-127.5),
            blocks.multiply_const_ff(1 / 128),
            pairs,
        )
        return pairs

    return _gnuradio(sample, convert)


def _gnuradio(sample: Sample, convert: Callable[[Any, Any], Any]) -> Work:
    from gnuradio import blocks, gr

    def work() -> Arrays:
        top = gr.top_block()
        source = blocks.file_source(gr.sizeof_char, sample.path, False)
        sink = blocks.vector_sink_c()
        # Takes all but the end and keeps nothing: what a null sink costs.
        top.connect(
            convert(top, source), blocks.skiphead(gr.sizeof_gr_complex, sample.count - TAIL), sink
        )
        top.run()
        return {"tail": np.array(sink.data(), np.complex64)}

    return work


def _error(sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
    expected = sample.read()[-TAIL:].view(np.float32)
    return relative(np.ascontiguousarray(found["tail"]).view(np.float32), expected)


def _comparison(datatype: str, gnuradio: Callable[[Sample], Work]) -> Comparison:
    return Comparison(
        f"convert-{datatype}",
        f"{datatype} to complex64",
        "busy",
        datatype,
        1e-6,
        _error,
        (
            Contender("sdr-detect", "ours", "sdr_detect", _ours),
            Contender("GNU Radio", "peer", "gnuradio", gnuradio),
            Contender("numpy", "peer", "numpy", _numpy),
        ),
        "From the file to samples in memory; checked: the last 65,536 samples, relative.",
    )


COMPARISONS = (_comparison("cs8", _gnuradio_cs8), _comparison("cu8", _gnuradio_cu8))
