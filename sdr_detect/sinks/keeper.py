"""Recording beside other work: when it fails, that goes on, and is told."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sdr_detect.errors import SinkError
from sdr_detect.model import Notice
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks import disk

_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Takes blocks until it fails."""

    def take(self, block: RawBlock) -> None:
        """Take one block.

        Raises
        ------
        SinkError
            The recording has ended.
        """
        ...


class Keeper:
    """Hands blocks to a recorder and on.

    Parameters
    ----------
    recorder : Recorder
    folder : Path
        Where it writes; how long the disk lasts is told with the first samples.
    alone : bool
        Nothing else takes the samples: a recording that fails ends the stream.

    Attributes
    ----------
    failed : bool
        The recording has ended before the stream.
    """

    def __init__(self, recorder: Recorder, folder: Path, *, alone: bool = False) -> None:
        self._recorder = recorder
        self._folder: Path | None = folder
        self._alone = alone
        self.failed = False

    def record(self, block: RawBlock) -> RawBlock:
        """Record a block; return it, with a notice where the recording has just failed.

        Raises
        ------
        SinkError
            The recording has ended and nothing else takes the samples.
        """
        if self.failed:
            return block
        if block.sample_count and self._folder is not None:
            rate = block.info.sample_rate_hz * block.datatype.sample_bytes
            disk.tell_outlook(self._folder, rate)
            self._folder = None
        try:
            self._recorder.take(block)
        except SinkError as exc:
            self.failed = True
            if self._alone:
                raise
            _log.error("%s; all else goes on", exc)
            return replace(block, notices=(*block.notices, Notice("recording_ended", str(exc))))
        return block
