"""What a person lets record while a watch goes on: the last seconds too."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sdr_detect import view
from sdr_detect.errors import SinkError
from sdr_detect.model import Notice
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks import disk
from sdr_detect.sinks.ring_record import RingLimits, RingRecorder

_log = logging.getLogger(__name__)

#: Kept of the past, unless memory holds less.
PRE_S = 20.0
MEMORY_BYTES = 1 << 30
#: A recording goes on in another file after this.
MAX_FILE_S = 3600.0

_LOOK_S = 0.5


class _Keeper(Protocol):
    def record(self, block: RawBlock) -> RawBlock: ...


class ByHand:
    """Keeps the last seconds in memory and records when asked to.

    A recording that fails ends; the watch goes on, and the next one may be begun when
    there is room again.

    Parameters
    ----------
    folder : Path
        Made with the first recording.
    pre_s : float or None
        Kept of the past; None: `PRE_S`, or as much as memory holds.
    also : keeper, optional
        Records beside it.

    Attributes
    ----------
    failed : bool
        A recording has ended before it was asked to.
    """

    def __init__(
        self,
        folder: Path,
        pre_s: float | None = None,
        *,
        also: _Keeper | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._folder = folder
        self._pre_s = pre_s
        self._also = also
        self._memory_bytes = memory_bytes
        self._ring: RingRecorder | None = None
        self._wanted: str | None = None
        self._past = True
        self._path: Path | None = None
        self._data_bytes = self._files = 0
        self._failure: str | None = None
        self._free, self._looked_s = 0, 0.0
        self._status: view.RecorderPart | None = None
        self.failed = False

    def start(self, why: str, *, past: bool = True) -> None:
        """Record all that follows, and what is kept with it. From any thread."""
        self._past, self._wanted = past, why

    def stop(self) -> None:
        """End the recording. From any thread."""
        self._wanted = None

    @property
    def recording(self) -> bool:
        """Whether one is asked for and has not failed."""
        return self._wanted is not None

    def status(self) -> view.RecorderPart | None:
        """How it stands; None before the first samples. From any thread."""
        return self._status

    def record(self, block: RawBlock) -> RawBlock:
        """Keep one block, and write what is due.

        Raises
        ------
        ConfigError
            The past asked for does not fit into memory.
        """
        if self._also is not None:
            block = self._also.record(block)
        if not block.sample_count:
            return block
        rate = block.info.sample_rate_hz * block.datatype.sample_bytes
        if self._ring is None:
            self._ring = self._empty_ring(rate)
        try:
            self._follow(self._ring)
            self._ring.take(block)
        except SinkError as exc:
            block = self._fail(block, str(exc))
        self._tell(rate)
        return block

    def _empty_ring(self, bytes_per_s: float) -> RingRecorder:
        pre_s = self._pre_s
        if pre_s is None:
            pre_s = min(PRE_S, 0.95 * self._memory_bytes / bytes_per_s)
        limits = RingLimits(pre_s, 0.0, MAX_FILE_S, self._memory_bytes)
        return RingRecorder(self._folder, limits)

    def _follow(self, ring: RingRecorder) -> None:
        """Begin or end what was asked for since the last block."""
        wanted = self._wanted
        if wanted is not None and not ring.by_hand:
            self._failure = None
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise SinkError(
                    f"folder {self._folder} cannot be made: {exc.strerror}; choose another"
                ) from exc
            ring.start(wanted, past=self._past)
        elif wanted is None and ring.by_hand:
            ring.stop()

    def _fail(self, block: RawBlock, text: str) -> RawBlock:
        self._ring = self._wanted = None
        self._failure = view.shortened(text)
        self.failed = True
        _log.error("%s; all else goes on", text)
        return replace(block, notices=(*block.notices, Notice("recording_ended", text)))

    def _tell(self, bytes_per_s: float) -> None:
        now_s = time.monotonic()
        if now_s >= self._looked_s:
            self._looked_s = now_s + _LOOK_S
            self._free = shutil.disk_usage(disk.existing(self._folder)).free
        ring = self._ring
        writing = None if ring is None else ring.writing
        if writing is not None:
            self._files += writing[0] != self._path
            self._path, self._data_bytes = writing
        self._status = view.RecorderPart(
            recording=writing is not None,
            kept_s=0.0 if ring is None else ring.kept_s,
            bytes_per_s=bytes_per_s,
            disk_free_bytes=self._free,
            path=None if self._path is None else view.shortened(str(self._path.resolve())),
            data_bytes=self._data_bytes,
            files=self._files,
            failure=self._failure,
        )

    def close(self) -> None:
        """Write what is still asked for, and finish. Safe to call twice.

        Raises
        ------
        SinkError
            The disk takes no more.
        """
        if self._ring is not None:
            self._ring.close()
