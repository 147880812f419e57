"""A source with its calibration: what it delivers says dBm and the LO's error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sdr_detect.calibration.apply import apply
from sdr_detect.calibration.schema import Calibration
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block
from sdr_detect.registry import Driver


class CalibratedSource:
    """A source whose blocks carry what a calibration says.

    Problems travel as notices with the first block of each stretch.
    """

    def __init__(self, source: Driver, calibration: Calibration, gain_db: float | None) -> None:
        self._source = source
        self._calibration = calibration
        self._gain_db = gain_db

    @property
    def info(self) -> StreamInfo:
        """Settings of the next block."""
        return apply(self._calibration, self._source.info, self._gain_db).info

    @property
    def overflow(self) -> Overflow:
        """As the source."""
        return self._source.overflow

    def blocks(self) -> Iterator[Block]:
        """The source's blocks."""
        seen: StreamInfo | None = None
        for block in self._source.blocks():
            applied = apply(self._calibration, block.info, self._gain_db)
            notices = block.notices
            if block.info != seen:
                seen = block.info
                notices += tuple(Notice("calibration", text) for text in applied.problems)
            yield replace(block, info=applied.info, notices=notices)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
