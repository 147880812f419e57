"""Return-link bursts of a VSAT (MF-TDMA).

Bursts of 536 to 1868 symbols at about 0.1-5 Msps, hopping inside a group of
carriers, roll-off about 20 % (DVB-RCS2 reference waveforms, Hindawi MISY
2022/6257885, table 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note
from sdr_detect.simulate.modulation import (
    Modulation,
    linear_burst,
    random_symbols,
    root_raised_cosine,
)

_PER_SYMBOL = 4
_SPAN = 32
_SCHEDULE, _PAYLOAD = range(2)


class Params(Located):
    """``cn_db`` is over the symbol rate.

    Slots have the length of the longest burst plus ``guard_symbols``; the
    terminal uses each with probability ``activity``, on one of
    ``group_carriers`` carriers ``spacing_hz`` apart around the centre.
    """

    kind: Literal["vsat_tdma"]
    symbol_rate_hz: float = Field(default=256e3, ge=16e3, le=10e6)
    roll_off: float = Field(default=0.2, ge=0.05, le=0.5)
    modulation: Modulation = "qpsk"
    burst_symbols: tuple[Annotated[int, Field(ge=16, le=20000)], ...] = Field(
        default=(536, 1868), min_length=1
    )
    guard_symbols: int = Field(default=16, ge=0, le=10000)
    activity: float = Field(default=0.2, gt=0, le=1)
    group_carriers: int = Field(default=4, ge=1, le=64)
    spacing_hz: float = Field(default=350e3, ge=0)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a burst."""
    symbol_rate = params.symbol_rate_hz
    slot_s = (max(params.burst_symbols) + params.guard_symbols) / symbol_rate
    edge_hz = symbol_rate * (1 + params.roll_off) / 2
    tail_s = _SPAN / 2 / symbol_rate
    slot = 0
    while (start_s := context.start_s + slot * slot_s) + slot_s <= context.stop_s:
        draw = context.rng(_SCHEDULE, slot)
        count = int(draw.choice(params.burst_symbols))
        channel = int(draw.integers(params.group_carriers))
        if draw.uniform() < params.activity:
            shift_hz = (channel - (params.group_carriers - 1) / 2) * params.spacing_hz
            facts = {
                "symbol_rate_hz": symbol_rate,
                "roll_off": params.roll_off,
                "symbols": count,
                "group_carrier": channel,
            }
            yield Emission(
                start_s=start_s - tail_s,
                rate_hz=symbol_rate * _PER_SYMBOL,
                sample_count=(count + _SPAN - 1) * _PER_SYMBOL + 1,
                draw=partial(_samples, params, context, slot, count),
                carrier=params.carrier(shift_hz),
                cn_db=params.cn_db,
                clean_hz=2 * edge_hz,
                note=Note(start_s, start_s + count / symbol_rate, -edge_hz, edge_hz, facts),
            )
        slot += 1


def _samples(params: Params, context: Context, slot: int, count: int) -> ComplexArray:
    symbols = random_symbols(context.rng(_PAYLOAD, slot), params.modulation, count)
    pulse = root_raised_cosine(params.roll_off, _PER_SYMBOL, _SPAN)
    return linear_burst(symbols, params.symbol_rate_hz, pulse, _PER_SYMBOL)
