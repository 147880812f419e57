"""Samples as a receiver delivers them: still in the bytes they came in.

A byte-wide receiver stays byte-wide on its way to other processes and to disk:
a quarter of the traffic, and what is recorded is what came off the device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdr_detect.datatype import Datatype, to_complex64
from sdr_detect.model import ComplexArray, IQBlock, Notice, StreamInfo, check_place

CF32 = Datatype("f", 32)


@dataclass(frozen=True, slots=True, eq=False)
class RawBlock:
    """A run of contiguous samples in their stored form.

    Parameters
    ----------
    info : StreamInfo
    first_sample : int
        As for `IQBlock`.
    raw : (n * datatype.sample_bytes,) uint8
        Read-only.
    datatype : Datatype
    lost_before : int
    notices : tuple of Notice
    mirrored : bool
        The stored spectrum is upside down (an inverting converter);
        `decode` puts it right.

    Raises
    ------
    ValueError
        The bytes are no whole number of samples, or the block contradicts itself.
    """

    info: StreamInfo
    first_sample: int
    raw: NDArray[np.uint8]
    datatype: Datatype
    lost_before: int = 0
    notices: tuple[Notice, ...] = ()
    mirrored: bool = False

    def __post_init__(self) -> None:
        size = self.datatype.sample_bytes
        if self.raw.dtype != np.uint8 or self.raw.ndim != 1 or len(self.raw) % size:
            raise ValueError(
                f"{self.raw.dtype}{self.raw.shape} is no run of samples of {size} bytes each"
            )
        check_place(self.first_sample, self.lost_before)
        self.raw.flags.writeable = False

    @property
    def sample_count(self) -> int:
        """Samples in it."""
        return len(self.raw) // self.datatype.sample_bytes

    @property
    def stop_sample(self) -> int:
        """Index after the last sample."""
        return self.first_sample + self.sample_count

    def part(self, start: int, stop: int) -> RawBlock:
        """The samples from ``start`` up to ``stop``, by their index in the stream.

        Loss and notices go with the block's first sample. Nothing is copied.
        """
        size = self.datatype.sample_bytes
        raw = self.raw[(start - self.first_sample) * size : (stop - self.first_sample) * size]
        if start == self.first_sample:
            return replace(self, raw=raw)
        return replace(self, first_sample=start, raw=raw, lost_before=0, notices=())

    def fill(self, out: ComplexArray, first_sample: int) -> None:
        """Decode the samples from stream index ``first_sample`` on, as many as ``out`` takes."""
        size = self.datatype.sample_bytes
        at = (first_sample - self.first_sample) * size
        to_complex64(self.raw[at : at + len(out) * size], self.datatype, out)
        if self.mirrored:
            np.conjugate(out, out=out)

    def decode(self) -> IQBlock:
        """The samples as the pipeline takes them."""
        samples = np.empty(self.sample_count, np.complex64)
        self.fill(samples, self.first_sample)
        return IQBlock(self.info, self.first_sample, samples, self.lost_before, self.notices)


#: What sources deliver, and the pipeline takes: it decodes into its own memory.
Block = IQBlock | RawBlock


def decoded(block: Block) -> IQBlock:
    """The block as complex64."""
    return block.decode() if isinstance(block, RawBlock) else block


def stored(block: Block) -> RawBlock:
    """The block in bytes: as it came, else as cf32; the samples are not copied."""
    if isinstance(block, RawBlock):
        return block
    raw = np.ascontiguousarray(block.samples, dtype="<c8").view(np.uint8)
    return RawBlock(block.info, block.first_sample, raw, CF32, block.lost_before, block.notices)
