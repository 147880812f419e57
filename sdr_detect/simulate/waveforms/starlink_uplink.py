"""Starlink user-terminal uplink, 14.0-14.5 GHz.

Numerology as measured on one terminal (sdr-x.github.io, starlink3 of
2026-06-13 and later posts): 60 Msps, 1024 carriers, 48 samples of cyclic
extension (24 before, 24 behind), one full-width preamble symbol of eight
128-sample copies with the first inverted, then symbols on a sub-band of 63 to
504 carriers with a gap of about 1 MHz round the centre. Channels 14.03125 GHz
+ k · 62.5 MHz. US 12,003,350 claims 62.5 Msps instead. Typical burst 0.84 ms,
5 to 14 frames of 4/3 ms apart (arXiv:2304.09535); duty at most 0.11 (hazard
filing). The preamble sequence differs between terminals: here it is random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator
from scipy import fft

from sdr_detect.model import NS_PER_S, ComplexArray
from sdr_detect.simulate.emission import Carrier, Context, Emission, Emitter, Note
from sdr_detect.simulate.modulation import ofdm, random_symbols

FRAME_S = 4 / 3000
_SIZE = 1024
_SHORT = 128
_HALF_EXTENSION = 24
_SYMBOL = _SIZE + 2 * _HALF_EXTENSION

#: Outermost carrier, and the outermost one of the gap round the centre:
#: ±500 · 58.6 kHz = ±29.3 MHz, ±8 · 58.6 kHz = ±0.5 MHz.
_EDGE, _GAP = 500, 8

#: Reassignment instants: UTC :12 :27 :42 :57.
_SLOT_S, _SLOT_PHASE_S = 15, 12

#: Independent random streams of one emitter.
_SEQUENCE, _SCHEDULE, _SLOT, _ALLOCATION, _PAYLOAD = range(5)

Symbols = Annotated[int, Field(ge=3, le=1000)]
Carriers = Annotated[int, Field(ge=1, le=2 * (_EDGE - _GAP))]
Multiple = Annotated[int, Field(ge=1, le=750)]


class Params(Emitter):
    """Settings of one terminal.

    ``cn_db`` refers to the preamble, which fills the channel. The payload has
    the same density, or with ``equal_power`` the same total power, which
    raises the density of a narrow allocation. Lists are drawn from, once a
    burst (``frames``, once a slot with ``frames_per_slot``). With
    ``grid_aligned`` bursts start at one phase of the 4/3 ms grid, otherwise
    anywhere in their interval. Every slot after the first is lower by a random
    amount up to ``slot_step_db``, and Doppler begins anew.
    """

    kind: Literal["starlink_uplink"]
    channel: int = Field(default=3, ge=0, le=7)
    hop_channels: tuple[Annotated[int, Field(ge=0, le=7)], ...] = ()
    rf_hz: float | None = Field(default=None, gt=0, lt=1e11)
    sample_rate_hz: float = 60e6
    burst_symbols: tuple[Symbols, ...] = Field(default=(47,), min_length=1)
    carriers: tuple[Carriers, ...] = Field(default=(2 * (_EDGE - _GAP),), min_length=1)
    first_carrier: int | None = Field(default=None, ge=-_EDGE, le=_EDGE)
    equal_power: bool = False
    modulation: Literal["qpsk", "16qam"] = "qpsk"
    frames: tuple[Multiple, ...] = Field(default=(5, 6, 7, 8, 12, 14), min_length=1)
    frames_per_slot: bool = False
    duty_limit: float = Field(default=0.11, gt=0, le=1)
    activity: float = Field(default=1.0, gt=0, le=1)
    grid_aligned: bool = True
    grid_phase_s: float | None = Field(default=None, ge=0, lt=FRAME_S)
    grid_drift_ppm: float = Field(default=0.0, ge=-50, le=50)
    slot_step_db: float = Field(default=0.0, ge=0, le=60)
    carrier_leak_db: float | None = Field(default=None, ge=-80, le=10)

    @model_validator(mode="after")
    def _possible(self) -> Params:
        if self.sample_rate_hz not in (60e6, 62.5e6):
            raise ValueError(f"sample_rate_hz {self.sample_rate_hz} is neither 60e6 nor 62.5e6")
        for symbols in self.burst_symbols:
            if not self.intervals(symbols):
                raise ValueError(
                    f"{symbols} symbols every {max(self.frames)} frames exceed "
                    f"duty_limit {self.duty_limit}; give more frames or fewer symbols"
                )
        return self

    def intervals(self, symbols: int) -> list[int]:
        """Intervals, in frames, that keep a burst of this length within the duty limit."""
        length_s = symbols * _SYMBOL / self.sample_rate_hz
        return [n for n in self.frames if length_s <= self.duty_limit * n * FRAME_S]


@dataclass(frozen=True, slots=True)
class Slot:
    """What holds between two reassignments."""

    number: int
    channel: int
    cn_db: float
    carrier: Carrier


@dataclass(frozen=True, slots=True)
class Sent:
    """One burst of the schedule. ``frames_to_next`` leads from its frame to the next burst's."""

    number: int
    slot: Slot
    start_s: float
    stop_s: float
    symbols: int
    frames_to_next: int


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a burst."""
    for sent in schedule(params, context):
        yield _burst(params, context, sent)


def schedule(params: Params, context: Context) -> Iterator[Sent]:
    """When and in which channel each burst is sent."""
    rng = context.rng(_SCHEDULE)
    frame_s = FRAME_S * (1 + params.grid_drift_ppm * 1e-6)
    phase_s = rng.uniform(0, FRAME_S) if params.grid_phase_s is None else params.grid_phase_s
    frame = math.ceil((context.start_s - phase_s) / frame_s) + int(rng.integers(min(params.frames)))
    burst = 0
    slot: Slot | None = None
    while (due_s := phase_s + frame * frame_s) < context.stop_s:
        number = _slot_number(context, due_s)
        if slot is None or slot.number != number:
            slot = _slot(params, context, number)
        draw = context.rng(_SCHEDULE, burst)
        symbols = int(draw.choice(params.burst_symbols))
        source = context.rng(_SLOT, slot.number) if params.frames_per_slot else draw
        multiple = int(source.choice(params.intervals(symbols)))
        length_s = symbols * _SYMBOL / params.sample_rate_hz
        start_s = due_s
        if not params.grid_aligned:
            start_s += draw.uniform(0, multiple * frame_s - length_s)
        if draw.uniform() < params.activity and start_s + length_s <= context.stop_s:
            yield Sent(burst, slot, start_s, start_s + length_s, symbols, multiple)
        frame += multiple
        burst += 1


def _slot_number(context: Context, at_s: float) -> int:
    return math.floor((context.start_utc_ns / NS_PER_S + at_s - _SLOT_PHASE_S) / _SLOT_S)


def _slot(params: Params, context: Context, number: int) -> Slot:
    first = _slot_number(context, max(context.start_s, 0.0))
    begins_s = number * _SLOT_S + _SLOT_PHASE_S - context.start_utc_ns / NS_PER_S
    draw = context.rng(_SLOT, number)
    channel, cn_db = params.channel, params.cn_db
    if number > first:
        cn_db -= draw.uniform(0, params.slot_step_db)
        if params.hop_channels:
            channel = int(draw.choice(params.hop_channels))
    center_hz = params.rf_hz if params.rf_hz is not None else 14.03125e9 + channel * 62.5e6
    carrier = Carrier(
        "rf",
        center_hz,
        params.doppler_hz,
        params.doppler_rate_hz_per_s,
        ref_s=max(begins_s, context.start_s) if number == first else begins_s,
    )
    return Slot(number, channel, cn_db, carrier)


def _burst(params: Params, context: Context, sent: Sent) -> Emission:
    draw = context.rng(_ALLOCATION, sent.number)
    count = int(draw.choice(params.carriers))
    columns = _allocation(count, params.first_carrier, draw)
    slot, rate = sent.slot, params.sample_rate_hz
    lead = round(4e-6 * rate) if params.carrier_leak_db is not None else 0
    trail = round(19e-6 * rate) if params.carrier_leak_db is not None else 0
    spacing = rate / _SIZE
    facts: dict[str, Any] = {
        "burst": sent.number,
        "symbols": sent.symbols,
        "frames_to_next": sent.frames_to_next,
        "channel": slot.channel,
        "payload_carriers": count,
        "payload_lower_hz": slot.carrier.center_hz + (columns[0] - 0.5) * spacing,
        "payload_upper_hz": slot.carrier.center_hz + (columns[-1] + 0.5) * spacing,
    }
    edge_hz = (_EDGE + 0.5) * spacing
    return Emission(
        start_s=sent.start_s - lead / rate,
        rate_hz=rate,
        sample_count=lead + sent.symbols * _SYMBOL + trail,
        draw=partial(
            _samples,
            params,
            context,
            slot.channel,
            sent.number,
            columns,
            sent.symbols,
            (lead, trail),
        ),
        carrier=slot.carrier,
        cn_db=slot.cn_db,
        clean_hz=2 * edge_hz,
        note=Note(sent.start_s, sent.stop_s, -edge_hz, edge_hz, facts),
    )


@cache
def _usable() -> list[int]:
    return [k for k in range(-_EDGE, _EDGE + 1) if abs(k) > _GAP]


def _allocation(count: int, first: int | None, rng: np.random.Generator) -> list[int]:
    """Consecutive carriers outside the gap, from ``first`` or from anywhere."""
    usable = _usable()
    if first is None:
        at = int(rng.integers(len(usable) - count + 1))
    else:
        at = min(sum(k < first for k in usable), len(usable) - count)
    return usable[at : at + count]


def preamble(sequence: ComplexArray) -> ComplexArray:
    """The first symbol: eight copies of a 128-sample sequence, the first inverted."""
    copies = np.tile(sequence, _SIZE // _SHORT)
    copies[:_SHORT] *= -1
    return np.concatenate([copies[-_HALF_EXTENSION:], copies, copies[:_HALF_EXTENSION]])


def _sequence(context: Context, channel: int, rate: float) -> ComplexArray:
    """128 samples of flat spectrum but for the carrier itself.

    What it is differs between terminals and channels; whether it has a wider
    gap in the middle, as the payload has, is not published.
    """
    rng = context.rng(_SEQUENCE, channel)
    ratio = _SIZE // _SHORT
    lines = np.arange(-_SHORT // 2, _SHORT // 2)
    used = (np.abs(lines) * ratio <= _EDGE) & (lines != 0)
    spectrum = used * random_symbols(rng, "8psk", _SHORT)
    # A line carries what `ratio` carriers would, so that the density is the same.
    scale = _SHORT * math.sqrt(rate / _SHORT)
    sequence: ComplexArray = (scale * fft.ifft(fft.ifftshift(spectrum))).astype(np.complex64)
    return sequence


def _samples(
    params: Params,
    context: Context,
    channel: int,
    burst: int,
    columns: list[int],
    symbols: int,
    leak: tuple[int, int],
) -> ComplexArray:
    rng = context.rng(_PAYLOAD, burst)
    spacing = params.sample_rate_hz / _SIZE
    carriers = np.zeros((symbols - 1, _SIZE), np.complex64)
    points = random_symbols(rng, params.modulation, (symbols - 1, len(columns)))
    if params.equal_power:
        points *= np.float32(math.sqrt(len(_usable()) / len(columns)))
    carriers[:, np.array(columns) + _SIZE // 2] = points
    payload = ofdm(carriers, spacing, [_HALF_EXTENSION] * (symbols - 1), _HALF_EXTENSION)
    head = preamble(_sequence(context, channel, params.sample_rate_hz))
    samples = np.pad(np.concatenate([head, payload]), leak)
    if params.carrier_leak_db is not None:
        power = len(_usable()) * spacing * 10 ** (params.carrier_leak_db / 10)
        samples += np.float32(math.sqrt(power))
    return samples
