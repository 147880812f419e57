"""What is compared: a piece of work, those who do it, and what its result must be.

Modules of comparisons are also imported by the interpreter that has GNU Radio, so
they import numpy and this module at their top and everything else where it is used;
a process then pays, in memory, for what it measures only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

#: Frames of the spectra, and their step: half overlapped.
NFFT = 4096
HOP = NFFT // 2

#: Whole files are this many samples and a half frame: GNU Radio has no overlap, and
#: two chains of `GROUP` frames a sum, half a frame apart, must both come out even.
GROUP = 64

Arrays = dict[str, NDArray[Any]]

#: One whole pass over the file, and what came out.
Work = Callable[[], Arrays]


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of samples.

    Parameters
    ----------
    path : str
    datatype : {"cs8", "cu8", "cf32"}
    rate_hz : float
    count : int
        Complex samples in it.
    """

    path: str
    datatype: str
    rate_hz: float
    count: int

    def read(self) -> NDArray[np.complex64]:
        """All of it, as a user would who knows numpy."""
        if self.datatype == "cf32":
            return np.fromfile(self.path, np.complex64)
        if self.datatype == "cs8":
            codes = np.fromfile(self.path, np.int8).astype(np.float32)
        else:
            codes = np.fromfile(self.path, np.uint8).astype(np.float32) - np.float32(127.5)
        return (codes * np.float32(1 / 128)).view(np.complex64)

    def pieces(self, count: int, before: int = 0) -> Iterator[NDArray[np.complex64]]:
        """A cf32 file in pieces of ``count``, each after the last ``before`` of the one before it.

        All lie in one buffer, which is used again.
        """
        buffer = np.empty(before + count, np.complex64)
        held = 0
        with Path(self.path).open("rb", buffering=0) as file:
            while got := file.readinto(buffer[held:].view(np.uint8).data) // buffer.itemsize:
                yield buffer[: held + got]
                if before:
                    buffer[:before] = buffer[held + got - before : held + got].copy()
                    held = before


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work.

    Parameters
    ----------
    name : str
    kind : {"ours", "peer", "limit"}
        A limit does one part of the work only, and yields nothing to be checked.
    library : str
        Python package, or program, that it is about, whose version is told.
    prepare : callable
        Imports and allocates; what it returns is measured.
    """

    name: str
    kind: Literal["ours", "peer", "limit"]
    library: str
    prepare: Callable[[Sample], Work]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One piece of work, done by several.

    Parameters
    ----------
    name, title : str
    scene : {"busy", "blank", "blank60", "pulses"}
    datatype : {"cs8", "cu8", "cf32"}
    tolerance : float
        Largest ``error`` that a result may have.
    error : callable
        How far a result lies from what plain double precision gives.
    contenders : tuple of Contender
        One of ours, one limit at most.
    note : str
        What the tolerance is of, and what a reader must know.
    length : int
        The file is this many times as long as those of short pieces of work.
    """

    name: str
    title: str
    scene: str
    datatype: str
    tolerance: float
    error: Callable[[Sample, Mapping[str, NDArray[Any]]], float]
    contenders: tuple[Contender, ...]
    note: str
    length: int = 1


def fft_limit(nfft: int = NFFT) -> Contender:
    """The transforms alone, of frames half overlapped, by the library that we use."""

    def prepare(sample: Sample) -> Work:
        import scipy.fft

        # In place, over and over, and in the second cache: of zeros, which stay so.
        batch = np.zeros((max(1, 65_536 // nfft), nfft), np.complex64)
        frames = (sample.count - nfft) // (nfft // 2) + 1

        def work() -> Arrays:
            for _ in range(0, frames, len(batch)):
                scipy.fft.fft(batch, axis=1, overwrite_x=True)
            return {}

        return work

    return Contender(f"FFT alone ({nfft})", "limit", "scipy", prepare)


def hann() -> NDArray[np.float64]:
    """Periodic Hann window of unit energy: noise of unit power has a mean bin power of one."""
    window = np.hanning(NFFT + 1)[:-1]
    unit: NDArray[np.float64] = window / np.sqrt(np.sum(window**2))
    return unit


def relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest relative difference; infinite where the shapes differ."""
    if found.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-30)))
