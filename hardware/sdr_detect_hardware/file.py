"""``file://PATH``: a recording replayed as if it were received now.

``?pace=1`` (the default) replays in real time and, like a device, does not wait
for a slow receiver; ``?pace=0`` goes as fast as the receiver takes it and loses
nothing; other factors scale time. ``&loop=N`` plays it N times on end, 0 for ever.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from sdr_detect.errors import SourceNotFound
from sdr_detect.formats.base import Recording
from sdr_detect.formats.find import open_recording
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block
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
    path, query = split_uri(uri, {"pace", "loop"})
    pace = Pace(number(uri, query, "pace", 1.0))
    times = number(uri, query, "loop", 1.0)
    if not times.is_integer():
        raise SourceNotFound(f"loop={times:g} is no whole number; 0 plays it for ever", uri=uri)
    return FileSource(open_recording(path, options.spec), pace, int(times))


class FileSource:
    """A recording with a pace, played ``times`` times; 0 for ever."""

    def __init__(self, recording: Recording, pace: Pace, times: int = 1) -> None:
        self._recording = recording
        self._pace = pace
        self._times = times

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._recording.info

    @property
    def overflow(self) -> Overflow:
        """Waits unless it is paced."""
        return self._pace.overflow

    def blocks(self) -> Iterator[Block]:
        """All blocks, in order."""
        return self._pace.hold(self._passes())

    def _passes(self) -> Iterator[Block]:
        """One pass after the other in one count; each but the first says so."""
        size = block_samples(self.info.sample_rate_hz)
        for passed in itertools.count() if self._times == 0 else range(self._times):
            before = passed * self._recording.stop_sample
            told: tuple[Notice, ...] = (
                Notice("replay_repeats", f"pass {passed + 1} of the recording"),
            )
            for block in self._recording.blocks(block_samples=size):
                if not passed:
                    yield block
                    continue
                yield replace(block, first_sample=before + block.first_sample, notices=told)
                told = ()

    def close(self) -> None:
        """Stop the replay and close the file. Safe to call twice."""
        self._pace.close()
        self._recording.close()
