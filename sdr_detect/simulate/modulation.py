"""Building blocks shared by the waveforms: symbols, pulses, OFDM.

Everything is scaled so that the power density over the reference bandwidth is
one per hertz (see `Emission`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import upfirdn

from sdr_detect.model import ComplexArray

Modulation = Literal["bpsk", "qpsk", "8psk", "16qam"]

_LEVELS_16QAM = np.array([-3, -1, 1, 3]) / math.sqrt(10)
_PHASES = {
    name: np.exp(2j * np.pi * (np.arange(order) + 0.5) / order).astype(np.complex64)
    for name, order in (("bpsk", 2), ("qpsk", 4), ("8psk", 8))
}


def random_symbols(
    rng: np.random.Generator,
    modulation: Modulation,
    shape: int | tuple[int, ...],
    kept: slice = slice(None),
) -> ComplexArray:
    """Random constellation points of unit mean power: no message is carried.

    Drawn for the whole ``shape``; of the last axis only ``kept`` are returned.
    """
    if modulation == "16qam":
        points = rng.choice(_LEVELS_16QAM, shape) + 1j * rng.choice(_LEVELS_16QAM, shape)
        return np.asarray(points[..., kept], np.complex64)
    points = _PHASES[modulation]
    drawn: ComplexArray = points.take(below(rng, len(points), shape)[..., kept])
    return drawn


def below(
    rng: np.random.Generator, order: int, shape: int | tuple[int, ...]
) -> NDArray[np.integer[Any]]:
    """``rng.integers(order, size=shape)`` for a power of two, in a third of the time.

    Of each half of the generator's words, the lower half first, the highest
    bits are the number.
    """
    count = shape if isinstance(shape, int) else math.prod(shape)
    bits = rng.bit_generator
    if count % 2 or bits.state["has_uint32"]:  # a half is left over
        return rng.integers(order, size=shape)
    halves = bits.random_raw(count // 2).astype("<u8", copy=False).view("<u4")
    halves >>= 33 - order.bit_length()
    return halves.reshape(shape)


def ofdm(
    carriers: ComplexArray, spacing_hz: float, prefix: Sequence[int], postfix: int = 0
) -> ComplexArray:
    """OFDM symbols of unit density, joined.

    Parameters
    ----------
    carriers : (..., symbols, size) complex64
        Unit power where in use. Carrier *k* stands at column ``k + size // 2``.
    spacing_hz : float
    prefix : sequence of int
        Samples of cyclic prefix of each symbol.
    postfix : int
        Samples of cyclic postfix of each symbol.

    Returns
    -------
    (..., samples) complex64, at ``size * spacing_hz`` samples a second.
    """
    size = carriers.shape[-1]
    bodies = np.empty_like(carriers)  # as the transform wants them, from carrier 0 on
    bodies[..., : (size + 1) // 2] = carriers[..., size // 2 :]
    bodies[..., (size + 1) // 2 :] = carriers[..., : size // 2]
    bodies = fft.ifft(bodies, norm="forward", overwrite_x=True)
    total = sum(prefix) + len(prefix) * (size + postfix)
    joined = np.empty((*carriers.shape[:-2], total), np.complex64)
    at = first = 0
    for before, alike in itertools.groupby(prefix):
        count, length = len(list(alike)), before + size + postfix
        run = joined[..., at : at + count * length]
        symbols = run.reshape(*run.shape[:-1], count, length)
        body = symbols[..., before : before + size]
        scale = np.float32(math.sqrt(spacing_hz))
        np.multiply(bodies[..., first : first + count, :], scale, out=body)
        symbols[..., :before] = body[..., size - before :]
        symbols[..., before + size :] = body[..., :postfix]
        at, first = at + count * length, first + count
    return joined


def root_raised_cosine(roll_off: float, per_symbol: int, span: int) -> NDArray[np.float32]:
    """Root-raised-cosine pulse of unit energy, ``(span * per_symbol + 1,)``.

    The closed form with its limits at t = 0 and t = ±T/(4·roll_off).
    """
    t = np.arange(-span * per_symbol // 2, span * per_symbol // 2 + 1) / per_symbol
    b = roll_off
    with np.errstate(divide="ignore", invalid="ignore"):
        pulse = (np.sin(np.pi * t * (1 - b)) + 4 * b * t * np.cos(np.pi * t * (1 + b))) / (
            np.pi * t * (1 - (4 * b * t) ** 2)
        )
    pulse[t == 0] = 1 - b + 4 * b / np.pi
    corner = np.isclose(np.abs(t), 1 / (4 * b)) if b else np.zeros(t.shape, bool)
    pulse[corner] = (b / math.sqrt(2)) * (
        (1 + 2 / np.pi) * math.sin(np.pi / (4 * max(b, 1e-9)))
        + (1 - 2 / np.pi) * math.cos(np.pi / (4 * max(b, 1e-9)))
    )
    pulse /= math.sqrt(float(np.sum(pulse**2)))
    return pulse.astype(np.float32)


def linear_burst(
    symbols: ComplexArray, symbol_rate_hz: float, pulse: NDArray[np.float32], per_symbol: int
) -> ComplexArray:
    """Pulse-shaped symbols of unit density over the symbol rate.

    The first symbol stands ``len(pulse) // 2`` samples after the start; both
    ends hold the whole pulse, so bursts that follow each other at the symbol
    rate add up to a continuous carrier.
    """
    shaped: ComplexArray = upfirdn(pulse, symbols, per_symbol).astype(np.complex64, copy=False)
    shaped *= np.float32(math.sqrt(per_symbol * symbol_rate_hz))
    return shaped


@dataclass(frozen=True, slots=True)
class CarrierWindow:
    """The carriers of a wide OFDM signal that a narrow receiver sees.

    Carriers farther than `MARGIN` from the slice are left out. What they would
    spill into the slice at symbol edges is below -25 dB.

    Parameters
    ----------
    first : int
        First carrier made.
    size : int
        How many; also the transform size.
    whole : bool
        Nothing was left out.
    """

    MARGIN: ClassVar[int] = 64

    first: int
    size: int
    whole: bool

    @classmethod
    def around(
        cls, seen_hz: tuple[float, float], size: int, spacing_hz: float, multiple: int
    ) -> CarrierWindow:
        """For a slice at ``seen_hz`` off centre; the size is a multiple of ``multiple``.

        The multiple keeps the cyclic prefix a whole number of samples.
        """
        lower = math.floor(seen_hz[0] / spacing_hz) - cls.MARGIN
        upper = math.ceil(seen_hz[1] / spacing_hz) + cls.MARGIN
        count = -(-(upper - lower) // multiple) * multiple
        if count >= size:
            return cls(-size // 2, size, True)
        first = (lower + upper) // 2 - count // 2
        return cls(min(max(first, -size // 2), size // 2 - count), count, False)

    @property
    def centre(self) -> int:
        """The carrier in its middle."""
        return self.first + self.size // 2

    def pair(self, inner: int, outer: int) -> tuple[slice, slice]:
        """Columns of the carriers from ``inner`` to ``outer`` on both sides, as far as seen."""
        low, high = (
            [min(max(number - self.first, 0), self.size) for number in edges]
            for edges in ((-outer, -inner + 1), (inner, outer + 1))
        )
        return slice(*low), slice(*high)

    def cut(self, carriers: ComplexArray) -> ComplexArray:
        """Its columns of a whole grid with carrier *k* at column ``k + n // 2``."""
        start = self.first + carriers.shape[1] // 2
        return carriers[:, start : start + self.size]

    def clean_hz(self, occupied: int, spacing_hz: float) -> float:
        """`Emission.clean_hz`, when ``occupied`` carriers are in use in all."""
        return (occupied if self.whole else 0.8 * self.size) * spacing_hz
