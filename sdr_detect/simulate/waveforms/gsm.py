"""GSM: GMSK bursts in TDMA slots (3GPP TS 45.002, 45.004).

Symbol rate 1625/6 ksps, BT 0.3, slots of 156.25 symbols (576.9 µs), frames of
eight (4.615 ms), carriers 200 kHz apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator
from scipy.special import erf

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note

SYMBOL_RATE_HZ = 13e6 / 48
SLOT_S = 156.25 / SYMBOL_RATE_HZ
_PER_SYMBOL = 8
_BITS = 148
_RAMP = 4  # symbols of the guard period over which power comes up or goes down
_CHANNEL_HZ = 200e3
_BT = 0.3


class Params(Located):
    """``cn_db`` is over 200 kHz. All eight slots make a broadcast carrier."""

    kind: Literal["gsm"]
    slots: tuple[Annotated[int, Field(ge=0, le=7)], ...] = Field(default=(0,), min_length=1)

    @field_validator("slots")
    @classmethod
    def _ascending(cls, slots: tuple[int, ...]) -> tuple[int, ...]:
        if sorted(set(slots)) != list(slots):
            raise ValueError("slots must ascend")
        return slots


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a slot."""
    rate = SYMBOL_RATE_HZ * _PER_SYMBOL
    frame = 0
    while True:
        for slot in params.slots:
            number = 8 * frame + slot
            start_s = context.start_s + number * SLOT_S
            if start_s + SLOT_S > context.stop_s:
                return
            stop_s = start_s + _BITS / SYMBOL_RATE_HZ
            yield Emission(
                start_s=start_s - _RAMP / SYMBOL_RATE_HZ,
                rate_hz=rate,
                sample_count=(_BITS + 2 * _RAMP) * _PER_SYMBOL,
                synthesise=partial(_samples, context, number),
                carrier=params.carrier(),
                cn_db=params.cn_db,
                clean_hz=rate / 2,
                note=Note(start_s, stop_s, -_CHANNEL_HZ / 2, _CHANNEL_HZ / 2, {"slot": slot}),
            )
        frame += 1


def _samples(context: Context, number: int) -> ComplexArray:
    rng = context.rng(number)
    count = (_BITS + 2 * _RAMP) * _PER_SYMBOL
    impulses = np.zeros(count)
    impulses[_PER_SYMBOL // 2 :: _PER_SYMBOL] = rng.choice([-1.0, 1.0], _BITS + 2 * _RAMP)
    frequency = np.convolve(impulses, _frequency_pulse(), "same")
    turns = np.cumsum(frequency) / 4 + rng.uniform()  # a quarter turn a symbol
    ramp = _RAMP * _PER_SYMBOL
    rise = np.sin(np.pi / 2 * (np.arange(ramp) + 0.5) / ramp) ** 2
    envelope = np.concatenate([rise, np.ones(count - 2 * ramp), rise[::-1]])
    return np.asarray(np.sqrt(_CHANNEL_HZ) * envelope * np.exp(2j * np.pi * turns), np.complex64)


def _frequency_pulse() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A rectangle of one symbol through a Gaussian of BT 0.3; its sum is 1."""
    t = np.arange(-2 * _PER_SYMBOL, 2 * _PER_SYMBOL + 1) / _PER_SYMBOL
    slope = np.pi * _BT * np.sqrt(2 / np.log(2))
    pulse = erf(slope * (t + 0.5)) - erf(slope * (t - 0.5))
    return np.asarray(pulse / pulse.sum())
