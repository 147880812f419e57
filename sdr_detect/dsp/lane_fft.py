"""Power spectra of many short frames: eight frames side by side in one transform.

A library transforms one frame after the other and leaves windowing, squaring and
sorting of the bins to further passes over memory. Here eight frames lie in the
eight lanes of a vector, so that every step of the transform is one vector operation
whatever the processor's width, and all steps are done while the frames are in its
first cache. Decimation in frequency by eights (Gentleman and Sande 1966; the radix-8
kernel as in Bergland 1968), in place; the last step squares, and puts each power where
its frequency belongs.

Strides must be known when compiling, or nothing is vectorised. They are told by the
*length* of tuples, which is part of a tuple's type: ``(0,) * 6`` stands for 2**6. So
the compiler makes, and keeps on disk, one version for each size in use.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.lane_kernels import Stage, at_bins, rows, sums
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
        # A first step by two or four leaves a power of eight.
        some = bits % 3
        first, turns = (0,) * some, _turns(self.nfft, 1 << some)
        middle = [((0,) * k, _turns(8 << k, 8)) for k in range(bits - some - 3, 0, -3)]
        stages: tuple[Stage, ...] | None = tuple(middle) or None
        # The middle becomes the first: negative frequencies, in ascending order.
        found = (_order(self.nfft, 1 << some) + self.nfft // 2) % self.nfft
        places = np.argsort(found)
        side = np.zeros(2 * LANES * self.nfft, np.float32)
        x = np.empty(2 * LANES * self.nfft, np.float32)
        power = np.empty(LANES * self.nfft, np.float32)
        self._work = side, x, x.view(np.float64), power, power.view(np.float64)
        self._plan = self._window, (0,) * bits, first, turns, stages, places

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
            The frames reach beyond the samples.
        """
        self.picked(iq, first + hop * np.arange(len(out), dtype=np.int64), out)

    def picked(self, iq: ComplexArray, starts: NDArray[np.int64], out: FloatArray) -> None:
        """|X|² of the frames that start at ``starts``: (frames, nfft) ``out``, overwritten.

        Raises
        ------
        ValueError
            A frame reaches beyond the samples.
        """
        self._check(iq, starts)
        rows(_values(iq), starts, self._plan, self._work, out.reshape(-1))

    def waves(self, bins: Sequence[int]) -> FloatArray:
        """What `values` needs to follow single bins, counted in ascending frequency.

        Phases are those at a frame's centre: (bins, 2, nfft) float32.
        """
        time = np.arange(self.nfft) - self.nfft / 2
        offset = np.array(bins, np.float64).reshape(-1, 1) / self.nfft - 0.5
        turn = self._window * np.exp(-2j * np.pi * offset * time)
        return np.ascontiguousarray(np.stack((turn.real, turn.imag), axis=1), np.float32)

    def add(self, iq: ComplexArray, starts: NDArray[np.int64], total: NDArray[np.float64]) -> None:
        """Add |X|² of the frames that start at ``starts`` to ``total``, (nfft,).

        Raises
        ------
        ValueError
            A frame reaches beyond the samples.
        """
        self._check(iq, starts)
        sums(_values(iq), starts, self._plan, self._work, total)

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


def _values(iq: ComplexArray) -> FloatArray:
    """Real and imaginary parts, not to be written: one type for all that is given."""
    values = iq.view(np.float32)
    values.flags.writeable = False
    return values


def _turns(size: int, radix: int) -> FloatArray:
    """(size / radix, 2 (radix - 1)) real and imaginary parts of the twiddle factors."""
    angle = np.arange(size // radix)[:, None] * np.arange(1, radix) * (-2j * np.pi / size)
    turns: FloatArray = np.exp(angle).astype(np.complex64).view(np.float32)
    return turns


def _order(size: int, first: int) -> NDArray[np.int64]:
    """Frequency that a position holds after steps by ``first`` and then by eights."""
    if size == 1:
        return np.zeros(1, np.int64)
    radix = first if first > 1 else 8
    inner = _order(size // radix, 1)
    return np.concatenate([radix * inner + q for q in range(radix)])
