"""GSM: GMSK bursts in TDMA slots (3GPP TS 45.002, 45.004).

Symbol rate 1625/6 ksps, BT 0.3, slots of 156.25 symbols (576.9 µs), frames of
eight (4.615 ms), carriers 200 kHz apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from scipy.special import erf

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note
from sdr_detect.simulate.modulation import below
from sdr_detect.simulate.phasor import phasor

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
    carrier = params.carrier()
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
                draw=partial(_drawn, context, number),
                carrier=carrier,
                cn_db=params.cn_db,
                clean_hz=rate / 2,
                note=Note(start_s, stop_s, -_CHANNEL_HZ / 2, _CHANNEL_HZ / 2, {"slot": slot}),
                shape=_samples,
            )
        frame += 1


def _drawn(context: Context, number: int) -> NDArray[np.float64]:
    """Symbols of ±1, and the phase in turns."""
    rng = context.rng(number)
    drawn = np.empty(_BITS + 2 * _RAMP + 1)
    drawn[:-1] = below(rng, 2, _BITS + 2 * _RAMP)
    drawn[:-1] = 2 * drawn[:-1] - 1
    drawn[-1] = rng.uniform()
    return drawn


def _samples(drawn: NDArray[np.float64]) -> ComplexArray:
    """Bursts, a row each, from what `_drawn` has drawn for each."""
    symbols, start = drawn[:, :-1], drawn[:, -1:]
    pulse, middle = _frequency_pulse(), _PER_SYMBOL // 2
    reach = len(pulse) // 2
    frequency = np.zeros((len(drawn), symbols.shape[1] * _PER_SYMBOL + 2 * reach))
    for at, value in enumerate(pulse, middle):
        frequency[:, at : at + symbols.shape[1] * _PER_SYMBOL : _PER_SYMBOL] += value * symbols
    # A quarter turn a symbol.
    turns = np.cumsum(frequency[:, reach:-reach], axis=1) / 4 + start
    return np.asarray(phasor(turns) * _envelope())


@cache
def _envelope() -> NDArray[np.float32]:
    ramp = _RAMP * _PER_SYMBOL
    rise = np.sin(np.pi / 2 * (np.arange(ramp) + 0.5) / ramp) ** 2
    envelope = np.concatenate([rise, np.ones(_BITS * _PER_SYMBOL), rise[::-1]])
    return np.asarray(np.sqrt(_CHANNEL_HZ) * envelope, np.float32)


@cache
def _frequency_pulse() -> NDArray[np.float64]:
    """A rectangle of one symbol through a Gaussian of BT 0.3; its sum is 1."""
    t = np.arange(-2 * _PER_SYMBOL, 2 * _PER_SYMBOL + 1) / _PER_SYMBOL
    slope = np.pi * _BT * np.sqrt(2 / np.log(2))
    pulse = erf(slope * (t + 0.5)) - erf(slope * (t - 0.5))
    return np.asarray(pulse / pulse.sum())
