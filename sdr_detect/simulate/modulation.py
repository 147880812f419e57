"""Building blocks shared by the waveforms: symbols, pulses, OFDM.

Everything is scaled so that the power density over the reference bandwidth is
one per hertz (see `Emission`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sdr_detect.model import ComplexArray

Modulation = Literal["bpsk", "qpsk", "8psk", "16qam"]

_LEVELS_16QAM = np.array([-3, -1, 1, 3]) / math.sqrt(10)


def random_symbols(
    rng: np.random.Generator, modulation: Modulation, shape: int | tuple[int, ...]
) -> ComplexArray:
    """Random constellation points of unit mean power: no message is carried."""
    if modulation == "16qam":
        points = rng.choice(_LEVELS_16QAM, shape) + 1j * rng.choice(_LEVELS_16QAM, shape)
    else:
        order = {"bpsk": 2, "qpsk": 4, "8psk": 8}[modulation]
        points = np.exp(2j * np.pi * (rng.integers(order, size=shape) + 0.5) / order)
    return np.asarray(points, np.complex64)


def ofdm(
    carriers: ComplexArray, spacing_hz: float, prefix: Sequence[int], postfix: int = 0
) -> ComplexArray:
    """OFDM symbols of unit density, joined.

    Parameters
    ----------
    carriers : (symbols, size) complex64
        Unit power where in use. Carrier *k* stands at column ``k + size // 2``.
    spacing_hz : float
    prefix : sequence of int
        Samples of cyclic prefix of each symbol.
    postfix : int
        Samples of cyclic postfix of each symbol.

    Returns
    -------
    complex64, at ``size * spacing_hz`` samples a second.
    """
    size = carriers.shape[1]
    bodies = fft.ifft(fft.ifftshift(carriers, axes=1), axis=1)
    bodies *= np.float32(size * math.sqrt(spacing_hz))
    parts = []
    for body, before in zip(bodies, prefix, strict=True):
        parts += [body[size - before :], body, body[:postfix]]
    joined: ComplexArray = np.concatenate(parts).astype(np.complex64, copy=False)
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
