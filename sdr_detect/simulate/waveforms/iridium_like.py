"""Iridium-like terminal bursts, 1616-1626.5 MHz.

Bursts of 8.28 ms in TDMA frames of 90 ms, 25 ksps QPSK, roll-off 0.4, channels
41.667 kHz apart; a burst opens with unmodulated carrier (gr-iridium, public
descriptions of the air interface). A terminal on board sends watts a few metres
from the receiver.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note
from sdr_detect.simulate.modulation import linear_burst, random_symbols, root_raised_cosine

FRAME_S, BURST_S = 90e-3, 8.28e-3
CHANNEL_HZ = 1e6 / 24
_SYMBOL_RATE_HZ = 25e3
_SYMBOLS = 207  # 8.28 ms
_TONE_SYMBOLS = 64
_PER_SYMBOL, _SPAN, _ROLL_OFF = 8, 16, 0.4
#: Uplink slots begin after the simplex slot (20.32 ms) and a guard time.
_FIRST_SLOT_S, _SLOT_STEP_S = 21.56e-3, 8.5e-3
_CHANNEL, _PAYLOAD = range(2)


class Params(Located):
    """``cn_db`` is over the symbol rate, 25 kHz.

    The terminal sends in ``slot`` of every frame and takes another of
    ``channels`` channels, around the centre, every ``hold_frames`` frames.
    """

    kind: Literal["iridium_like"]
    slot: int = Field(default=0, ge=0, le=3)
    channels: int = Field(default=8, ge=1, le=240)
    hold_frames: int = Field(default=50, ge=1)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a burst."""
    frame = 0
    half_hz = CHANNEL_HZ / 2
    while True:
        start_s = context.start_s + frame * FRAME_S + _FIRST_SLOT_S + params.slot * _SLOT_STEP_S
        if start_s + BURST_S > context.stop_s:
            return
        held = frame // params.hold_frames
        channel = int(context.rng(_CHANNEL, held).integers(params.channels))
        shift_hz = (channel - (params.channels - 1) / 2) * CHANNEL_HZ
        yield Emission(
            start_s=start_s - _SPAN / 2 / _SYMBOL_RATE_HZ,
            rate_hz=_SYMBOL_RATE_HZ * _PER_SYMBOL,
            sample_count=(_SYMBOLS + _SPAN - 1) * _PER_SYMBOL + 1,
            draw=partial(_samples, context, frame),
            carrier=params.carrier(shift_hz),
            cn_db=params.cn_db,
            clean_hz=2 * CHANNEL_HZ,
            note=Note(start_s, start_s + BURST_S, -half_hz, half_hz, {"tdma_channel": channel}),
        )
        frame += 1


def _samples(context: Context, frame: int) -> ComplexArray:
    symbols = random_symbols(context.rng(_PAYLOAD, frame), "qpsk", _SYMBOLS)
    symbols[:_TONE_SYMBOLS] = np.exp(0.25j * np.pi)
    pulse = root_raised_cosine(_ROLL_OFF, _PER_SYMBOL, _SPAN)
    return linear_burst(symbols, _SYMBOL_RATE_HZ, pulse, _PER_SYMBOL)
