"""Mode S squitters at 1090 MHz (ICAO Annex 10).

Preamble pulses of 0.5 µs at 0, 1, 3.5 and 4.5 µs, then one bit each
microsecond by pulse position: 112 bits (120 µs in all) or 56 bits (64 µs).
Bits are random: no aircraft is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note

_RATE = 32e6
_CHIP = 16  # samples in 0.5 µs
_PREAMBLE_CHIPS = (0, 2, 7, 9)
_REFERENCE_HZ = 2e6
_SCHEDULE, _PAYLOAD = range(2)


class Params(Located):
    """``cn_db`` is the strongest aircraft's, in pulses, over 2 MHz.

    Messages come at random times, ``messages_per_s`` on average, each weaker
    than that by up to ``spread_db`` and off frequency by up to ``offset_max_hz``.
    """

    kind: Literal["ads_b"]
    messages_per_s: float = Field(default=100.0, gt=0, le=20e3)
    long_fraction: float = Field(default=0.7, ge=0, le=1)
    spread_db: float = Field(default=15.0, ge=0, le=60)
    offset_max_hz: float = Field(default=500e3, ge=0, le=1e6)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a message."""
    start_s, number = context.start_s, 0
    while True:
        draw = context.rng(_SCHEDULE, number)
        start_s += draw.exponential(1 / params.messages_per_s)
        bits = 112 if draw.uniform() < params.long_fraction else 56
        length_s = (8 + bits) * 1e-6
        if start_s + length_s > context.stop_s:
            return
        yield Emission(
            start_s=start_s,
            rate_hz=_RATE,
            sample_count=round(length_s * _RATE),
            draw=partial(_samples, context, number, bits),
            carrier=params.carrier(draw.uniform(-1, 1) * params.offset_max_hz),
            cn_db=params.cn_db - draw.uniform(0, params.spread_db),
            clean_hz=_RATE / 2,
            note=Note(start_s, start_s + length_s, -1.5e6, 1.5e6, {"bits": bits}),
        )
        number += 1


def _samples(context: Context, number: int, bits: int) -> ComplexArray:
    chips = np.zeros(2 * (8 + bits), np.float32)
    chips[list(_PREAMBLE_CHIPS)] = 1
    data = context.rng(_PAYLOAD, number).integers(2, size=bits)
    chips[16 + 2 * np.arange(bits) + (1 - data)] = 1
    return np.asarray(np.sqrt(_REFERENCE_HZ) * np.repeat(chips, _CHIP), np.complex64)
