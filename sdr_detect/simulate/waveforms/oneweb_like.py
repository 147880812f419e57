"""A OneWeb-like user-terminal uplink. NUMEROLOGY IS AN ASSUMPTION.

"SC-FDMA, 20 MHz carriers" is attributed to ETSI TR 103 611 by a third party;
15 kHz spacing and 1 ms subframes are that author's assumption, and burst timing
is not public. Nothing detected with the help of this waveform says anything
about the real system.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field
from scipy import fft

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note
from sdr_detect.simulate.modulation import ofdm, random_symbols

_SIZE, _SPACING_HZ = 2048, 15e3
_PREFIX = (160, *[144] * 6) * 2
_SUBFRAME_S = 1e-3
_SCHEDULE, _PAYLOAD = range(2)
_shape = partial(ofdm, spacing_hz=_SPACING_HZ, prefix=_PREFIX)


class Params(Located):
    """``carriers`` of 15 kHz are filled; each subframe is used with ``activity``."""

    kind: Literal["oneweb_like"]
    carriers: int = Field(default=1200, ge=12, le=1200, multiple_of=12)
    activity: float = Field(default=0.1, gt=0, le=1)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a subframe in use."""
    edge_hz = params.carriers / 2 * _SPACING_HZ
    rate = _SIZE * _SPACING_HZ
    subframe = 0
    while (start_s := context.start_s + subframe * _SUBFRAME_S) + _SUBFRAME_S <= context.stop_s:
        if context.rng(_SCHEDULE, subframe).uniform() < params.activity:
            yield Emission(
                start_s=start_s,
                rate_hz=rate,
                sample_count=round(_SUBFRAME_S * rate),
                draw=partial(_carriers, params, context, subframe),
                carrier=params.carrier(),
                cn_db=params.cn_db,
                shape=_shape,
                clean_hz=2 * edge_hz,
                note=Note(
                    start_s,
                    start_s + _SUBFRAME_S,
                    -edge_hz,
                    edge_hz,
                    {"carriers": params.carriers, "numerology": "assumed"},
                ),
            )
        subframe += 1


def _carriers(params: Params, context: Context, subframe: int) -> ComplexArray:
    """DFT-spread OFDM: QPSK symbols spread over the allocation."""
    count = params.carriers
    symbols = random_symbols(context.rng(_PAYLOAD, subframe), "qpsk", (len(_PREFIX), count))
    grid = np.zeros((len(_PREFIX), _SIZE), np.complex64)
    start = (_SIZE - count) // 2
    grid[:, start : start + count] = fft.fft(symbols, axis=1, norm="ortho")
    return grid
