"""DME pulse pairs, 962-1213 MHz (ICAO Annex 10).

Gaussian pulses 3.5 µs wide at half amplitude, 12 µs apart (X channel). A
ground station answers and squitters at random, 700 to 2700 pairs a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note

_RATE = 4e6
_WIDTH_S = 3.5e-6
_REFERENCE_HZ = 300e3
_LEAD_S = 6e-6
_SCHEDULE, _PHASE = range(2)


class Params(Located):
    """``cn_db`` is at the peak of a pulse, over 300 kHz.

    Pairs are ``dead_time_s`` apart at least, and ``pairs_per_s`` on average.
    """

    kind: Literal["dme"]
    pairs_per_s: float = Field(default=2700.0, gt=0, le=10e3)
    spacing_s: float = Field(default=12e-6, ge=8e-6, le=40e-6)
    dead_time_s: float = Field(default=60e-6, ge=60e-6, le=1e-3)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a pair."""
    mean_s = max(1 / params.pairs_per_s - params.dead_time_s, 0.0)
    length_s = params.spacing_s + 2 * _LEAD_S
    half_s = _WIDTH_S / 2
    carrier, shape = params.carrier(), partial(_samples, params)
    start_s, number = context.start_s, 0
    while True:
        start_s += params.dead_time_s + context.rng(_SCHEDULE, number).exponential(mean_s)
        if start_s + length_s > context.stop_s:
            return
        first_s = start_s + _LEAD_S
        yield Emission(
            start_s=start_s,
            rate_hz=_RATE,
            sample_count=math.ceil(length_s * _RATE),
            draw=partial(_turn, context, number),
            carrier=carrier,
            shape=shape,
            cn_db=params.cn_db,
            clean_hz=_RATE / 2,
            note=Note(
                first_s - half_s,
                first_s + params.spacing_s + half_s,
                -_REFERENCE_HZ / 2,
                _REFERENCE_HZ / 2,
                {"spacing_s": params.spacing_s},
            ),
        )
        number += 1


def _turn(context: Context, number: int) -> NDArray[np.complex128]:
    """The phase of a pair."""
    return np.array([np.exp(2j * np.pi * context.rng(_PHASE, number).uniform())])


def _samples(params: Params, turn: NDArray[np.complex128]) -> ComplexArray:
    """Pairs, a row each, from the phase of each."""
    length_s = params.spacing_s + 2 * _LEAD_S
    t = np.arange(math.ceil(length_s * _RATE)) / _RATE - _LEAD_S
    envelope = sum(
        np.exp(-4 * math.log(2) * ((t - centre_s) / _WIDTH_S) ** 2)
        for centre_s in (0.0, params.spacing_s)
    )
    return np.asarray(math.sqrt(_REFERENCE_HZ) * envelope * turn, np.complex64)
