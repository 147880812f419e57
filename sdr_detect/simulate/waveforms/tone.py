"""A continuous carrier, with Doppler if wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note

_PIECE = 4096


class Params(Located):
    """``cn_db`` is the carrier's power over the noise in the whole sample rate.

    The Doppler shift is ``doppler_hz`` at ``start_s`` (sample 0 without one).
    """

    kind: Literal["tone"]


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """Pieces of one carrier."""
    rate = 64e3
    carrier = replace(params.carrier(), ref_s=params.start_s or 0.0)
    amplitude = math.sqrt(context.tuning.sample_rate_hz)
    total = round((context.stop_s - context.start_s) * rate)
    note = Note(
        context.start_s,
        context.stop_s,
        -1e3,
        1e3,
        {"doppler_hz": params.doppler_hz, "doppler_rate_hz_per_s": params.doppler_rate_hz_per_s},
    )
    for first in range(0, total, _PIECE):
        count = min(_PIECE, total - first)

        def constant(count: int = count) -> ComplexArray:
            return np.full(count, amplitude, np.complex64)

        yield Emission(
            start_s=context.start_s + first / rate,
            rate_hz=rate,
            sample_count=count,
            draw=constant,
            carrier=carrier,
            cn_db=params.cn_db,
            clean_hz=rate / 4,
            note=note if first == 0 else None,
        )
