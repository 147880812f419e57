"""5G NR downlink with 30 kHz carriers (3GPP TS 38.211), normal cyclic prefix.

1024-point symbols at 30.72 Msps, prefixes of 88 samples every half millisecond
and 72 between, 14 symbols a slot of 0.5 ms. There is no permanent reference
signal: an idle cell sends a synchronisation block every 20 ms and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note
from sdr_detect.simulate.modulation import CarrierWindow, ofdm, random_symbols

SLOT_S = 0.5e-3
_SIZE, _SPACING_HZ = 1024, 30e3
_PREFIX = (88, *[72] * 13)
#: Prefixes stay whole numbers when the transform is cut to a multiple of this.
_MULTIPLE = 128
_BLOCKS = {20: 51, 15: 38, 10: 24}
#: Synchronisation block: 20 resource blocks, symbols 2-5 of every 40th slot.
_SYNC_EVERY, _SYNC_SYMBOLS, _SYNC_BLOCKS = 40, slice(2, 6), 20
_PAYLOAD, _LOAD = range(2)


class Params(Located):
    """``cn_db`` is over the carriers in use; each slot is used with ``load``."""

    kind: Literal["nr"]
    bandwidth_mhz: Literal[20, 15, 10] = 20
    load: float = Field(default=0.3, ge=0, le=1)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a slot in use."""
    count = 12 * _BLOCKS[params.bandwidth_mhz]
    window = CarrierWindow.around(
        context.tuning.window(params.carrier(), 0.0), _SIZE, _SPACING_HZ, _MULTIPLE
    )
    shift_hz = window.centre * _SPACING_HZ
    rate = window.size * _SPACING_HZ
    carrier = params.carrier(shift_hz)
    prefix = [n * window.size // _SIZE for n in _PREFIX]
    shape = partial(ofdm, spacing_hz=_SPACING_HZ, prefix=prefix)
    slot = 0
    while (start_s := context.start_s + slot * SLOT_S) + SLOT_S <= context.stop_s:
        busy = context.rng(_LOAD, slot).uniform() < params.load
        sync = slot % _SYNC_EVERY == 0
        if busy or sync:
            half_hz = (count if busy else 12 * _SYNC_BLOCKS) / 2 * _SPACING_HZ
            yield Emission(
                start_s=start_s,
                rate_hz=rate,
                sample_count=round(SLOT_S * rate),
                draw=partial(_carriers, context, window, slot, count, busy),
                carrier=carrier,
                cn_db=params.cn_db,
                shape=shape,
                clean_hz=window.clean_hz(count, _SPACING_HZ),
                note=Note(
                    start_s,
                    start_s + SLOT_S,
                    -half_hz - shift_hz,
                    half_hz - shift_hz,
                    {"synchronisation": sync, "data": busy},
                ),
            )
        slot += 1


def _carriers(
    context: Context, window: CarrierWindow, slot: int, count: int, busy: bool
) -> ComplexArray:
    start = -count // 2 - window.first
    low, high = max(-start, 0), min(window.size - start, count)
    points = random_symbols(context.rng(_PAYLOAD, slot), "qpsk", (14, count), slice(low, high))
    if not busy:
        kept = np.zeros((14, count), np.float32)
        margin = (count - 12 * _SYNC_BLOCKS) // 2
        kept[_SYNC_SYMBOLS, margin : count - margin] = 1
        points *= kept[:, low:high]
    grid = np.zeros((14, window.size), np.complex64)
    grid[:, start + low : start + high] = points
    return grid
