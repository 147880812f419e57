"""A stretch of a recording in memory, with what is missing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import typer

from sdr_detect.rawblock import decoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdr_detect.formats.base import Recording
    from sdr_detect.model import ComplexArray, StreamInfo

#: 7 s at 2.4 Msps; what is measured over longer stretches is no better known.
MAX_SAMPLES = 1 << 24


def read_stretch(
    recording: Recording, start_s: float, stop_s: float | None
) -> tuple[StreamInfo, ComplexArray, NDArray[np.bool_]]:
    """Settings, samples (missing ones zero) and which of them are real.

    Raises
    ------
    typer.BadParameter
        The stretch is outside the recording, too long, or holds a retune.
    """
    rate = recording.info.sample_rate_hz
    end_s = recording.duration_s if stop_s is None else stop_s
    start, stop = round(start_s * rate), min(round(end_s * rate), recording.stop_sample)
    if not 0 <= start < stop:
        raise typer.BadParameter(
            f"{start_s:g} to {end_s:g} s is not within 0 to {recording.duration_s:g} s"
        )
    if stop - start > MAX_SAMPLES:
        raise typer.BadParameter(
            f"{end_s - start_s:g} s are {stop - start} samples; the limit is {MAX_SAMPLES}: "
            f"give --start and --stop at most {MAX_SAMPLES / rate:.3g} s apart"
        )
    samples = np.zeros(stop - start, np.complex64)
    present = np.zeros(stop - start, np.bool_)
    info = None
    for block in map(decoded, recording.blocks(start_sample=start, stop_sample=stop)):
        if info is not None and block.info != info:
            at_s = block.info.seconds(block.first_sample)
            raise typer.BadParameter(f"the recording is retuned at {at_s:g} s: take one side of it")
        info = block.info
        part = slice(block.first_sample - start, block.stop_sample - start)
        finite = np.isfinite(block.samples.real) & np.isfinite(block.samples.imag)
        samples[part] = np.where(finite, block.samples, 0)
        present[part] = finite
    if info is None:
        raise typer.BadParameter(f"no samples from {start_s:g} to {end_s:g} s: they were lost")
    return info, samples, present
