"""Records blocks as SigMF, in the bytes they came in; one capture per stretch."""

from __future__ import annotations

import errno
import logging
from collections import deque
from pathlib import Path

from sdr_detect.errors import SinkError
from sdr_detect.model import Notice
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks import disk
from sdr_detect.sinks.sigmf_pair import DiskRefusal, SigmfPair

_log = logging.getLogger(__name__)

#: Metadata are written with every capture: 1000 entries are 0.2 MB each time.
MAX_ENTRIES = 1000
#: Longest file: 4 hours at 2.4 Msps of two bytes.
MAX_FILE_BYTES = 1 << 36
#: Notices kept while no sample comes.
MAX_PENDING = 1000


class SigmfRecorder:
    """An outlet that writes ``NAME.sigmf-data`` and ``NAME.sigmf-meta``.

    Lost samples and changed settings start a new capture, so that the recording
    tells where they were; what the receiver tells becomes an annotation. After
    `MAX_ENTRIES` of them, at the longest file, and where samples or their rate
    become others, it goes on in ``NAME-0001``, which is valid by itself.

    Parameters
    ----------
    path : Path
        Ends in ``.sigmf-meta``; nothing is overwritten.
    max_file_bytes : int
        Samples of one file; it holds one sample at least.
    quota_bytes : int, optional
        Samples of all its files together.

    Attributes
    ----------
    sample_count, data_bytes : int
        Written so far, in all files.

    Raises
    ------
    SinkError
        The name is wrong, a file is there, or it cannot be written.
    """

    def __init__(
        self, path: Path, *, max_file_bytes: int = MAX_FILE_BYTES, quota_bytes: int | None = None
    ) -> None:
        if path.suffix != ".sigmf-meta":
            raise SinkError(f"{path}: give a name that ends in .sigmf-meta")
        self._path = path
        self._max_file_bytes = max_file_bytes
        self._quota_bytes = quota_bytes
        self._notices: deque[Notice] = deque(maxlen=MAX_PENDING)
        self._closed = False
        self._before_samples = self._before_bytes = 0
        self._pair = SigmfPair(path)

    @property
    def sample_count(self) -> int:
        """Samples written."""
        return self._before_samples + self._pair.sample_count

    @property
    def data_bytes(self) -> int:
        """Bytes written, but for metadata."""
        return self._before_bytes + self._pair.data_bytes

    def take(self, block: RawBlock) -> None:
        """Append one block; one without samples only leaves its notices.

        Raises
        ------
        SinkError
            The disk takes no more, or the quota is used up. The recording has
            ended then, and can be read.
        """
        if self._closed:
            return
        self._notices += block.notices
        if not block.sample_count:
            return
        left: RawBlock | None = block
        while left is not None:
            left = self._append_some(left)

    def _append_some(self, block: RawBlock) -> RawBlock | None:
        """Append what one file holds; return the rest."""
        pair, size = self._pair, block.datatype.sample_bytes
        room = (self._max_file_bytes - pair.data_bytes) // size
        if why := self._full(pair, block, room):
            self._continue(why)
            return block
        count = min(block.sample_count, max(room, 1))
        quota = self._quota_bytes
        if quota is not None:
            if quota - self.data_bytes < size:
                raise self._end(f"its quota of {quota} bytes is used up; allow more")
            count = min(count, (quota - self.data_bytes) // size)
        before = pair.sample_count
        while self._notices:
            pair.annotate(self._notices.popleft())
        stop = block.first_sample + count
        try:
            pair.append(block.part(block.first_sample, stop))
        except DiskRefusal as exc:
            stop = block.first_sample + pair.sample_count - before
            if exc.errno != errno.EFBIG or not pair.sample_count:
                raise self._end(f"{exc}; free some space, or choose another disk") from exc
            self._continue("longer than its file system allows")
        return block.part(stop, block.stop_sample) if stop < block.stop_sample else None

    def _full(self, pair: SigmfPair, block: RawBlock, room: int) -> str | None:
        """Why another file is needed before this block."""
        if not pair.sample_count:
            return None
        if not pair.fits(block):
            return "samples of another type or rate"
        if pair.entry_count + len(self._notices) >= MAX_ENTRIES:
            return f"{pair.entry_count} captures and notices"
        return f"{pair.data_bytes} bytes" if room < 1 else None

    def _continue(self, why: str) -> None:
        full = self._pair
        path = disk.free_name(self._path)
        try:
            full.close()
            self._pair = SigmfPair(path)
        except SinkError as exc:
            raise self._end(f"{exc}; free some space, or choose another disk") from exc
        self._before_samples += full.sample_count
        self._before_bytes += full.data_bytes
        _log.warning("%s is full (%s): continued in %s", full.path, why, path)

    def _end(self, why: str) -> SinkError:
        """Finish the files, and say why and with what."""
        told = (
            f"{self._pair.path}: {why}. The recording has ended with {self.sample_count} samples "
            f"({self.data_bytes} bytes), which can be read"
        )
        try:
            self.close()
        except SinkError as exc:
            told += f"; without a checksum: {exc}"
        return SinkError(told)

    def close(self) -> None:
        """Finish the files; a recording of nothing leaves none. Safe to call twice.

        Raises
        ------
        SinkError
            The disk takes no more.
        """
        if self._closed:
            return
        self._closed = True
        while self._notices and self._pair.sample_count:
            self._pair.annotate(self._notices.popleft())
        self._pair.close()
