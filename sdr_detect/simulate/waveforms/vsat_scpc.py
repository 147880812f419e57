"""A continuous single carrier of a GEO VSAT (SCPC).

Square-root raised cosine, roll-off 5-35 %, 4.8 ksps to 10 Msps (modem manual
CDM-600, chapter 15); fixed frequency for hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

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
_SPAN = 64


class Params(Located):
    """``cn_db`` is over the symbol rate. ``start_s`` and ``stop_s`` key it on and off."""

    kind: Literal["vsat_scpc"]
    symbol_rate_hz: float = Field(default=512e3, ge=2400, le=50e6)
    roll_off: float = Field(default=0.25, ge=0.05, le=0.5)
    modulation: Modulation = "qpsk"


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """Pieces of the carrier; their pulses overlap and add up."""
    symbol_rate = params.symbol_rate_hz
    carrier = replace(params.carrier(), ref_s=params.start_s or 0.0)
    total = int((context.stop_s - context.start_s) * symbol_rate)
    piece = int(min(max(0.02 * symbol_rate, 64), 8192))
    edge_hz = symbol_rate * (1 + params.roll_off) / 2
    facts = {"symbol_rate_hz": symbol_rate, "roll_off": params.roll_off}
    note = Note(context.start_s, context.stop_s, -edge_hz, edge_hz, facts)
    for number, first in enumerate(range(0, total, piece)):
        count = min(piece, total - first)
        yield Emission(
            start_s=context.start_s + (first - _SPAN / 2) / symbol_rate,
            rate_hz=symbol_rate * _PER_SYMBOL,
            sample_count=(count + _SPAN - 1) * _PER_SYMBOL + 1,
            draw=partial(_samples, params, context, number, count),
            carrier=carrier,
            cn_db=params.cn_db,
            clean_hz=2 * edge_hz,
            note=note if number == 0 else None,
        )


def _samples(params: Params, context: Context, number: int, count: int) -> ComplexArray:
    symbols = random_symbols(context.rng(number), params.modulation, count)
    pulse = root_raised_cosine(params.roll_off, _PER_SYMBOL, _SPAN)
    return linear_burst(symbols, params.symbol_rate_hz, pulse, _PER_SYMBOL)
