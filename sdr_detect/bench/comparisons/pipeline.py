"""The whole pipeline: all detectors, from bytes to the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import Arrays, Comparison, Contender, Sample, Work, fft_limit

#: A stream costs something to begin and to end; a longer one tells what it costs to go on.
LENGTH = 2

#: Verdicts by number, as results are arrays.
VERDICTS = ("not_detected", "inconclusive", "detected")


def _ours(sample: Sample) -> Work:
    from pathlib import Path

    from sdr_detect.bench.signal import RF_HZ
    from sdr_detect.catalog import profiles
    from sdr_detect.events import Verdict
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.formats.raw import open_file
    from sdr_detect.pipeline import Pipeline

    known = profiles()
    spec = RawSpec(datatype=sample.datatype, sample_rate_hz=sample.rate_hz, rf_hz=RF_HZ)

    def work() -> Arrays:
        pipeline = Pipeline(known)
        with open_file(Path(sample.path), spec) as recording:
            for block in recording.blocks():
                pipeline.process(block)
        verdict = pipeline.finish()[-1]
        assert isinstance(verdict, Verdict)
        return {"verdict": np.array(VERDICTS.index(verdict.verdict))}

    return work


def _comparison(name: str, title: str, scene: str, nfft: int, verdict: str) -> Comparison:
    def error(_sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
        return float(VERDICTS[int(found["verdict"])] != verdict)

    return Comparison(
        name,
        title,
        scene,
        "cs8",
        0.0,
        error,
        (Contender("sdr-detect", "ours", "sdr_detect", _ours), fft_limit(nfft)),
        f"From a cs8 file to the verdict; checked: that it is {verdict}.",
        LENGTH,
    )


COMPARISONS = (
    _comparison("pipeline-blank", "all detectors, blank, 20 Msps", "blank", 512, "not_detected"),
    _comparison(
        "pipeline-busy", "all detectors, terminal on the air, 20 Msps", "busy", 512, "detected"
    ),
    _comparison(
        "pipeline-blank60", "all detectors, blank, 60 Msps", "blank60", 2048, "not_detected"
    ),
)
