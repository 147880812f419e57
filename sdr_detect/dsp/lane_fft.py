"""Power spectra of many short frames: eight frames side by side in one transform.

A library transforms one frame after the other and leaves windowing, squaring and
sorting of the bins to further passes over memory. Here eight frames lie in the
eight lanes of a vector, so that every step of the transform is one vector operation
whatever the processor's width, and all steps are done while the frames are in its
caches. Decimation in frequency by eights (Gentleman and Sande 1966; the radix-8
kernel as in Bergland 1968), in place; the last step squares, and puts each power where
its frequency belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.lane_kernels import ROW, Plan, at_bins, rows, sums
from sdr_detect.model import ComplexArray, FloatArray

#: Frames transformed together.
LANES = 8

#: Sizes that can be transformed: 2**5 to 2**13.
LEAST_BITS = 5
MOST_BITS = 13


class LaneFFT:
    """Windowed power spectra of one size, bins in ascending frequency.

    Parameters
    ----------
    window : (nfft,) float32
        A power of two, 32 to 8192 long.

    Raises
    ------
    ValueError
        The window has another length.
    """

    def __init__(self, window: FloatArray) -> None:
        self.nfft = window.size
        bits = self.nfft.bit_length() - 1
        if self.nfft != 1 << bits or not LEAST_BITS <= bits <= MOST_BITS:
            raise ValueError(f"{self.nfft} is no power of two from 32 to 8192")
        self._window = np.ascontiguousarray(window, np.float32)
        self._plan = _plan(self._window, _radices(bits))
        self._x = _aligned(ROW * self.nfft)
        self._power = _aligned(8 * LANES * LANES)
        self._spare = _aligned(LANES * self.nfft)
        self._held = _aligned(LANES * self.nfft)

    def frames(self, iq: ComplexArray, first: int, hop: int, out: FloatArray) -> None:
        """|X|² of the frames that start at ``first``, ``first + hop``, ...

        Parameters
        ----------
        iq : (n,) complex64
        out : (frames, nfft) float32
            Overwritten.

        Raises
        ------
        ValueError
            The frames reach beyond the samples, or ``out`` has another shape.
        """
        self.picked(iq, first + hop * np.arange(len(out), dtype=np.int64), out)

    def picked(self, iq: ComplexArray, starts: NDArray[np.int64], out: FloatArray) -> None:
        """|X|² of the frames that start at ``starts``: (frames, nfft) ``out``, overwritten.

        Raises
        ------
        ValueError
            A frame reaches beyond the samples, or ``out`` has another shape.
        """
        self._check(iq, starts)
        _check_memory("rows", out, np.float32, (starts.size, self.nfft))
        work = self._x, self._power, self._spare
        rows(_values(iq), starts, self._plan, *work, out.reshape(-1))

    def waves(self, bins: Sequence[int]) -> FloatArray:
        """What `values` needs to follow single bins, counted in ascending frequency.

        Phases are those at a frame's centre: (bins, 2, nfft) float32.
        """
        time = np.arange(self.nfft) - self.nfft / 2
        offset = np.array(bins, np.float64).reshape(-1, 1) / self.nfft - 0.5
        turn = self._window * np.exp(-2j * np.pi * offset * time)
        return np.ascontiguousarray(np.stack((turn.real, turn.imag), axis=1), np.float32)

    def add(
        self,
        iq: ComplexArray,
        starts: NDArray[np.int64],
        total: NDArray[np.float64],
        bins: Sequence[int] = (),
    ) -> ComplexArray:
        """Add |X|² of the frames that start at ``starts`` to ``total``, (nfft,).

        Returns
        -------
        (frames, bins) complex64
            What `values` tells of single ``bins``, counted in ascending frequency.

        Raises
        ------
        ValueError
            A frame reaches beyond the samples, or ``total`` has another shape, or there
            is no such bin.
        """
        self._check(iq, starts)
        _check_memory("total", total, np.float64, (self.nfft,))
        picked = np.array(bins, np.int64)
        if picked.size and not 0 <= picked.min() <= picked.max() < self.nfft:
            raise ValueError(f"bins {picked.min()} to {picked.max()}, of {self.nfft}")
        found = np.empty((starts.size, picked.size), np.complex64)
        parts = found.view(np.float32).reshape(starts.size, picked.size, 2)
        sums(_values(iq), starts, self._plan, self._x, self._held, total, picked, parts)
        return found

    def values(
        self, iq: ComplexArray, starts: NDArray[np.int64], waves: FloatArray
    ) -> ComplexArray:
        """The frames that start at ``starts`` in the bins that ``waves`` was made for.

        Returns
        -------
        (frames, bins) complex64

        Raises
        ------
        ValueError
            A frame reaches beyond the samples.
        """
        self._check(iq, starts)
        found = np.empty((starts.size, len(waves)), np.complex64)
        parts = found.view(np.float32).reshape(starts.size, len(waves), 2)
        at_bins(_values(iq), starts, waves, parts)
        return found

    def _check(self, iq: ComplexArray, starts: NDArray[np.int64]) -> None:
        if starts.size and (starts.min() < 0 or starts.max() + self.nfft > iq.size):
            raise ValueError(
                f"frames of {self.nfft} from samples {starts.min()} to {starts.max()} on, "
                f"of {iq.size} samples"
            )


def _check_memory(name: str, given: NDArray[Any], dtype: Any, shape: tuple[int, ...]) -> None:
    """The compiled steps write where they are told to, whatever lies there."""
    if given.dtype != dtype or given.shape != shape or not given.flags.c_contiguous:
        raise ValueError(
            f"{name} must be {np.dtype(dtype)} of shape {shape} in one piece, "
            f"not {given.dtype} of shape {given.shape}"
        )


def _values(iq: ComplexArray) -> FloatArray:
    """Real and imaginary parts, not to be written: one type for all that is given."""
    values = iq.view(np.float32)
    values.flags.writeable = False
    return values


def _aligned(count: int) -> FloatArray:
    """Zeros that begin with a line of the cache."""
    memory = np.zeros(4 * count + 64, np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + 4 * count].view(np.float32)


def _radices(bits: int) -> list[int]:
    """Radix of each step; the last is four or eight, and starts from eight rows or more."""
    if bits == LEAST_BITS:
        return [8, 4]
    return [[], [2], [4]][bits % 3] + [8] * (bits // 3)


def _plan(window: FloatArray, radices: list[int]) -> Plan:
    """What the steps need to know."""
    steps, turns, offset, size = [], [], 0, window.size
    frequency, weight = np.zeros(1, np.int64), 1
    for radix in radices[:-1]:
        size //= radix
        steps.append((radix, size, offset))
        turns.append(_turns(radix * size, radix))
        offset += turns[-1].size
        # A step's q-th output goes to the q-th part of the rows.
        frequency = (frequency[:, None] + weight * np.arange(radix)).reshape(-1)
        weight *= radix
    blocks = radices[-1] * np.argsort(frequency)
    return window, np.concatenate(turns), np.array(steps, np.int64), blocks


def _turns(size: int, radix: int) -> FloatArray:
    """Twiddle factors, radix - 1 for each row: real part, imaginary part, and so on."""
    angle = np.arange(size // radix)[:, None] * np.arange(1, radix) * (-2j * np.pi / size)
    turns: FloatArray = np.exp(angle).astype(np.complex64).view(np.float32).reshape(-1)
    return turns
