"""``file://PATH``: a recording replayed as if it were received now.

``?pace=1`` (the default) replays in real time and, like a device, does not wait
for a slow receiver; ``?pace=0`` goes as fast as the receiver takes it and loses
nothing; other factors scale time.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdr_detect.formats.base import Recording
from sdr_detect.formats.find import open_recording
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.registry import SourceOptions
from sdr_detect_hardware._replay import Pace, block_samples, number, split_uri


def open_source(uri: str, options: SourceOptions) -> FileSource:
    """Open the recording.

    Raises
    ------
    SourceNotFound
        The URI is malformed.
    FormatError
        The recording cannot be read.
    """
    path, query = split_uri(uri, {"pace"})
    pace = Pace(number(uri, query, "pace", 1.0))
    return FileSource(open_recording(path, options.spec), pace)


class FileSource:
    """A recording with a pace."""

    def __init__(self, recording: Recording, pace: Pace) -> None:
        self._recording = recording
        self._pace = pace

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._recording.info

    @property
    def overflow(self) -> Overflow:
        """Waits unless it is paced."""
        return self._pace.overflow

    def blocks(self) -> Iterator[IQBlock]:
        """All blocks, in order."""
        size = block_samples(self.info.sample_rate_hz)
        return self._pace.hold(self._recording.blocks(block_samples=size))

    def close(self) -> None:
        """Stop the replay and close the file. Safe to call twice."""
        self._pace.close()
        self._recording.close()
