"""What every recording is, whatever its file format."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from sdr_detect.formats.store import FileRange, PackedStore, Store
from sdr_detect.model import ComplexArray, IQBlock, StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect.rawblock import Block, RawBlock

#: Samples a block holds unless asked otherwise: 2 MiB of complex64.
BLOCK_SAMPLES = 1 << 18


@dataclass(frozen=True, slots=True)
class RawSpec:
    """What the user states about a recording.

    Parameters
    ----------
    datatype : str or None
        Sample type of a file without a signature (``cu8``, ``cs16_be``, …).
    sample_rate_hz : float or None
    rf_hz, if_hz : float or None
        Centre on air, or at the receiver behind ``plan``'s converter; not both.
        A recording given by IF through an inverting converter is conjugated
        while it is read, so that rising frequency is rising RF. One given by
        RF is taken as upright already.
    plan : FrequencyPlan
    start_ns : int or None
        UTC of the first sample.

    Raises
    ------
    ValueError
        A value is out of range, or both frequencies are given.
    """

    datatype: str | None = None
    sample_rate_hz: float | None = None
    rf_hz: float | None = None
    if_hz: float | None = None
    plan: FrequencyPlan = field(default_factory=FrequencyPlan)
    start_ns: int | None = None

    def __post_init__(self) -> None:
        rate = self.sample_rate_hz
        if rate is not None and not (math.isfinite(rate) and 0 < rate <= 1e11):
            raise ValueError(f"sample rate {rate!r} Hz is not within (0, 1e11]")
        if self.rf_hz is not None and self.if_hz is not None:
            raise ValueError("the centre is given twice, as RF and as IF; give one")
        for name, value in (("RF", self.rf_hz), ("IF", self.if_hz)):
            if value is not None and not (math.isfinite(value) and 0 <= value <= 1e11):
                raise ValueError(f"{name} {value!r} Hz is not within 0..1e11")
        if self.center_hz is not None and self.center_hz < 0:
            raise ValueError(
                f"IF {self.if_hz!r} Hz behind converter {self.plan.converter.name!r} would be "
                f"RF {self.center_hz!r} Hz, below zero; check --if and --converter"
            )

    @property
    def center_hz(self) -> float | None:
        """RF of the centre; None when neither frequency is given."""
        return self.plan.rf_from_if(self.if_hz) if self.if_hz is not None else self.rf_hz

    @property
    def conjugate(self) -> bool:
        """Whether the stored spectrum is upside down."""
        return self.if_hz is not None and self.plan.inverted


@dataclass(frozen=True, slots=True)
class Capture:
    """A run of stored samples with constant settings.

    Parameters
    ----------
    first_sample : int
        Index in the stream; stream sample 0 is the recording's first sample,
        and lost samples count.
    sample_count : int
    info : StreamInfo
    lost_before : int
        Samples missing between the previous capture and this one.
    stored_first : int
        Index among the samples that are really in the file.
    conjugate : bool
        Stored spectrum is inverted; reading puts it right.
    """

    first_sample: int
    sample_count: int
    info: StreamInfo
    lost_before: int = 0
    stored_first: int = 0
    conjugate: bool = False

    @property
    def stop_sample(self) -> int:
        """Stream index after its last sample."""
        return self.first_sample + self.sample_count


class Recording:
    """An opened recording: a `sdr_detect.ports.Source` with random access.

    Parameters
    ----------
    path : Path
        What was opened.
    kind : str
        Container and sample type, for example ``"sigmf/ci16_le"``.
    store : Store
    captures : sequence of Capture
        At least one, ascending, not overlapping.
    notes : sequence of str
        Doubts that do not stop the reading.
    data : FileRange or None
        The file the samples lie in; None means all of ``path``.
    sha512 : str or None
        Digest of ``data`` that the metadata states.
    whole : FileRange or None
        What `sha256` covers; None means all of the file that ``data`` lies in.
    """

    def __init__(
        self,
        *,
        path: Path,
        kind: str,
        store: Store,
        captures: Sequence[Capture],
        notes: Sequence[str] = (),
        data: FileRange | None = None,
        sha512: str | None = None,
        whole: FileRange | None = None,
    ):
        self.path = path
        self.format = kind
        self.captures = tuple(captures)
        self.notes = tuple(notes)
        self.store = store
        self._data = FileRange(path) if data is None else data
        self._sha512 = sha512
        self._whole = FileRange(self._data.path) if whole is None else whole

    @property
    def info(self) -> StreamInfo:
        """Settings of the first capture."""
        return self.captures[0].info

    @property
    def data_path(self) -> Path:
        """The file the samples lie in."""
        return self._data.path

    @property
    def sample_count(self) -> int:
        """Samples really present."""
        return sum(capture.sample_count for capture in self.captures)

    @property
    def stop_sample(self) -> int:
        """Stream index after the last sample; lost samples count."""
        return self.captures[-1].stop_sample

    @property
    def duration_s(self) -> float:
        """From the first sample to the end of the last one, gaps included."""
        return self.info.seconds(self.stop_sample)

    def blocks(
        self,
        block_samples: int = BLOCK_SAMPLES,
        start_sample: int = 0,
        stop_sample: int | None = None,
    ) -> Iterator[Block]:
        """Blocks in order, in constant memory. No block spans two captures.

        Where the samples lie in the file as a receiver delivers them, they come
        in the bytes they are stored in.

        Parameters
        ----------
        block_samples : int
            Length of a block; the last one before a capture's end is shorter.
        start_sample, stop_sample : int
            Stream indices; ``stop_sample`` None means to the end.

        Raises
        ------
        ValueError
            The range is not within the recording.
        TruncatedError
            The file became shorter since it was opened.
        """
        stop = self.stop_sample if stop_sample is None else stop_sample
        if block_samples < 1:
            raise ValueError(f"block length {block_samples} is not positive")
        self._check_range(start_sample, stop)
        return self._blocks(block_samples, start_sample, stop)

    def _blocks(self, block_samples: int, position: int, stop: int) -> Iterator[Block]:
        for capture in self.captures:
            last = min(capture.stop_sample, stop)
            first = max(capture.first_sample, position)
            lost = first - position
            while first < last:
                count = min(block_samples, last - first)
                yield self._block(capture, first, count, lost)
                lost = 0
                first += count
                position = first

    def _block(self, capture: Capture, first: int, count: int, lost: int) -> Block:
        store = self.store
        if isinstance(store, PackedStore):
            raw = store.read_raw(capture.stored_first + first - capture.first_sample, count)
            datatype, mirrored = store.datatype, capture.conjugate
            return RawBlock(capture.info, first, raw, datatype, lost, mirrored=mirrored)
        return IQBlock(capture.info, first, self._load(capture, first, count), lost)

    def read(self, start_sample: int, count: int) -> ComplexArray:
        """Samples by stream index, in a new array; lost ones are 0.

        Raises
        ------
        ValueError
            The range is not within the recording.
        TruncatedError
            The file became shorter since it was opened.
        """
        stop = start_sample + count
        self._check_range(start_sample, stop)
        out = np.zeros(count, np.complex64)
        for capture in self.captures:
            first = max(capture.first_sample, start_sample)
            last = min(capture.stop_sample, stop)
            if first < last:
                out[first - start_sample : last - start_sample] = self._load(
                    capture, first, last - first
                )
        return out

    def _check_range(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.stop_sample:
            raise ValueError(f"samples [{start}, {stop}) are not within [0, {self.stop_sample})")

    def _load(self, capture: Capture, first: int, count: int) -> ComplexArray:
        out = np.empty(count, np.complex64)
        self.store.read_into(capture.stored_first + first - capture.first_sample, out)
        if capture.conjugate:
            np.conjugate(out, out=out)
        return out

    def sha256(self) -> str:
        """SHA-256 of the file the samples lie in (of an archive: all of it)."""
        return self._whole.digest("sha256")

    def verify(self) -> bool | None:
        """Whether the data agree with the digest their metadata state.

        None when no digest is stated.
        """
        if self._sha512 is None:
            return None
        return self._data.digest("sha512") == self._sha512.lower()

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
