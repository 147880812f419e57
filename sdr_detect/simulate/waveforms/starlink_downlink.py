"""Starlink downlink, 10.7-12.7 GHz.

240 Msps, 1024 carriers, cyclic prefix 32, frames of 1/750 s with 302 symbols;
the first symbol is the primary synchronisation sequence, eight copies of 128
samples with the first inverted; the second repeats in every frame
(Humphreys et al., arXiv:2210.11578). The real sequences are not reproduced.
Doppler falls throughout a pass.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field
from scipy import fft

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Context, Emission, Located, Note
from sdr_detect.simulate.modulation import CarrierWindow, ofdm, random_symbols

FRAME_S = 1 / 750
_SIZE, _PREFIX, _SYMBOLS = 1024, 32, 302
_SPACING_HZ = 240e6 / _SIZE

#: ±511 carriers but for the gap of about 1 MHz in the middle.
_EDGE, _GAP = 511, 2
_SYNC, _PHASE, _FRAME = range(3)


class Params(Located):
    """``load`` is the part of each frame's symbols that carries data.

    With ``image = true`` and ``rf_hz`` a downlink channel (10.825 GHz + k ·
    250 MHz) it arrives mirrored through the converter's image response.
    """

    kind: Literal["starlink_downlink"]
    load: float = Field(default=0.9, ge=0, le=1)
    doppler_hz: float = Field(default=120e3, ge=-1e6, le=1e6)
    doppler_rate_hz_per_s: float = Field(default=-2500.0, ge=-1e5, le=0)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a frame."""
    first_s = context.start_s + context.rng(_PHASE).uniform(0, FRAME_S)
    middle_s = (max(context.start_s, 0) + context.stop_s) / 2
    seen_hz = context.tuning.window(params.carrier(), middle_s)
    window = CarrierWindow.around(seen_hz, _SIZE, _SPACING_HZ, _PREFIX)
    prefix = window.size * _PREFIX // _SIZE
    carrier = params.carrier(window.centre * _SPACING_HZ)
    edge_hz = (_EDGE + 0.5) * _SPACING_HZ
    shift_hz = window.centre * _SPACING_HZ
    facts = {"frame_s": FRAME_S, "load": params.load}
    note: Note | None = Note(
        context.start_s, context.stop_s, -edge_hz - shift_hz, edge_hz - shift_hz, facts
    )
    sync = functools.cache(lambda: window.cut(_sync(context)))
    frame = 0
    while (start_s := first_s + frame * FRAME_S) + FRAME_S <= context.stop_s:
        yield Emission(
            start_s=start_s,
            rate_hz=window.size * _SPACING_HZ,
            sample_count=_SYMBOLS * (window.size + prefix),
            draw=partial(_samples, params, context, window, sync, frame),
            carrier=carrier,
            cn_db=params.cn_db,
            clean_hz=window.clean_hz(2 * _EDGE + 1, _SPACING_HZ),
            note=note,
        )
        note = None
        frame += 1


def _samples(
    params: Params,
    context: Context,
    window: CarrierWindow,
    sync: Callable[[], ComplexArray],
    frame: int,
) -> ComplexArray:
    loaded = 2 + round(params.load * (_SYMBOLS - 2))
    carriers = np.zeros((loaded, window.size), np.complex64)
    carriers[:2] = sync()
    rng = context.rng(_FRAME, frame)
    below, above = window.pair(_GAP + 1, _EDGE)
    split = below.stop - below.start
    points = random_symbols(rng, "qpsk", (loaded - 2, split + above.stop - above.start))
    carriers[2:, below] = points[:, :split]
    carriers[2:, above] = points[:, split:]
    prefix = window.size * _PREFIX // _SIZE
    samples = np.zeros(_SYMBOLS * (prefix + window.size), np.complex64)
    samples[: loaded * (prefix + window.size)] = ofdm(carriers, _SPACING_HZ, [prefix] * loaded)
    return samples


def _sync(context: Context) -> ComplexArray:
    """The two synchronisation symbols on all carriers, mean power 1 on those in use."""
    rng = context.rng(_SYNC)
    numbers = np.abs(np.arange(-_SIZE // 2, _SIZE // 2))
    used = (numbers > _GAP) & (numbers <= _EDGE)
    body = np.tile(random_symbols(rng, "qpsk", 128), 8)
    body[:128] *= -1
    carriers = np.zeros((2, _SIZE), np.complex64)
    carriers[0] = fft.fftshift(fft.fft(body)) / math.sqrt(_SIZE)
    carriers[1, used] = random_symbols(rng, "qpsk", int(used.sum()))
    return carriers
