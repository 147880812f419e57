"""LTE downlink (3GPP TS 36.211), frequency division, normal cyclic prefix.

15 kHz carriers, 2048-point symbols at 30.72 Msps with prefixes of 160 and 144
samples, 14 symbols a millisecond, frames of 10 ms. Cell reference signals,
both synchronisation signals and a control symbol are always there; resource
blocks carry data as the load has it.
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
from sdr_detect.simulate.modulation import CarrierWindow, ofdm, random_symbols

SUBFRAME_S = 1e-3
_SIZE, _SPACING_HZ = 2048, 15e3
_PREFIX = (160, *[144] * 6) * 2
#: Prefixes stay whole numbers when the transform is cut to a multiple of this.
_MULTIPLE = 128
_BLOCKS = {3: 15, 5: 25, 10: 50, 15: 75, 20: 100}
_CELL, _PAYLOAD, _LOAD = range(3)


class Params(Located):
    """``cn_db`` is over the carriers in use."""

    kind: Literal["lte"]
    bandwidth_mhz: Literal[20, 15, 10, 5, 3] = 20
    load: float = Field(default=0.5, ge=0, le=1)


def emissions(params: Params, context: Context) -> Iterator[Emission]:
    """One emission a subframe; they join without a seam."""
    half = _BLOCKS[params.bandwidth_mhz] * 6
    seen_hz = context.tuning.window(params.carrier(), 0.0)
    window = CarrierWindow.around(seen_hz, _SIZE, _SPACING_HZ, _MULTIPLE)
    shift_hz = window.centre * _SPACING_HZ
    edge_hz = (half + 0.5) * _SPACING_HZ
    note: Note | None = Note(
        context.start_s,
        context.stop_s,
        -edge_hz - shift_hz,
        edge_hz - shift_hz,
        {"bandwidth_mhz": params.bandwidth_mhz, "load": params.load},
    )
    rate = window.size * _SPACING_HZ
    carrier = params.carrier(shift_hz)
    cell = _Cell(params, context, window)
    subframe = 0
    while (start_s := context.start_s + subframe * SUBFRAME_S) < context.stop_s:
        yield Emission(
            start_s=start_s,
            rate_hz=rate,
            sample_count=round(SUBFRAME_S * rate),
            draw=partial(cell.subframe, subframe),
            shape=cell.shape,
            carrier=carrier,
            cn_db=params.cn_db,
            clean_hz=window.clean_hz(2 * half + 1, _SPACING_HZ),
            note=note,
        )
        note = None
        subframe += 1


class _Cell:
    """What a cell sends, as far as the slice sees it."""

    def __init__(self, params: Params, context: Context, window: CarrierWindow) -> None:
        self._load, self._context, self._window = params.load, context, window
        self._blocks = _BLOCKS[params.bandwidth_mhz]
        half = 6 * self._blocks
        self._below, self._above = window.pair(1, half)
        # Of the resource grid, which leaves out the middle carrier.
        unseen = min(max(window.first + half, 0), half) + min(max(window.first - 1, 0), half)
        self._split = self._below.stop - self._below.start
        count = self._split + self._above.stop - self._above.start
        self._seen = slice(unseen, unseen + count)
        prefix = [n * window.size // _SIZE for n in _PREFIX]
        self.shape = partial(ofdm, spacing_hz=_SPACING_HZ, prefix=prefix)
        self._known: dict[int, tuple[ComplexArray, NDArray[np.bool_]]] = {}

    def subframe(self, number: int) -> ComplexArray:
        """Its carriers, ``(14, size)``; `shape` makes samples of them."""
        blocks, seen = self._blocks, self._seen
        rng = self._context.rng(_PAYLOAD, number)
        points = random_symbols(rng, "qpsk", (14, 12 * blocks), seen)
        busy = self._context.rng(_LOAD, number).uniform(size=blocks) < self._load
        points[1:] *= busy.repeat(12)[seen]
        repeated, where = self._fixed(number % 10)
        np.copyto(points, repeated, where=where)
        grid = np.zeros((14, self._window.size), np.complex64)
        grid[:, self._below] = points[:, : self._split]
        grid[:, self._above] = points[:, self._split :]
        return grid

    def _fixed(self, number: int) -> tuple[ComplexArray, NDArray[np.bool_]]:
        """What repeats with every frame, and where it is in the grid, ``(14, seen)``."""
        if number not in self._known:
            grid, where = _fixed(self._context.rng(_CELL, number), self._blocks, number % 5 == 0)
            self._known[number] = grid[:, self._seen], where[:, self._seen]
        return self._known[number]


def _fixed(
    cell: np.random.Generator, blocks: int, sync: bool
) -> tuple[ComplexArray, NDArray[np.bool_]]:
    """Reference and synchronisation signals, and where they are, ``(14, carriers)``."""
    grid, where = np.zeros((14, 12 * blocks), np.complex64), np.zeros((14, 12 * blocks), bool)
    for symbol, first in ((0, 0), (4, 3), (7, 0), (11, 3)):
        grid[symbol, first::6] = random_symbols(cell, "qpsk", 2 * blocks)
        where[symbol, first::6] = True
    if sync:
        where[5:7, 6 * blocks - 36 : 6 * blocks + 36] = True
        centre = slice(6 * blocks - 31, 6 * blocks + 31)
        grid[5, centre] = random_symbols(cell, "bpsk", 62)
        grid[6, centre] = _zadoff_chu()
    return grid, where


def _zadoff_chu(root: int = 25) -> ComplexArray:
    """Primary synchronisation signal: 63 values, the middle one left out."""
    n = np.delete(np.arange(63), 31)
    return np.asarray(np.exp(-1j * math.pi * root * n * (n + 1) / 63), np.complex64)
