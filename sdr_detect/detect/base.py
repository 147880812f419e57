"""What a detector is: one way of looking at a dwell, in one file.

A module of this package that has ``ORDER`` and ``detector(setup)`` is a
detector; nothing else names it. Detectors see each dwell in rising ``ORDER``,
so that a later one may use what an earlier one wrote on it (``Dwell.active``). What
needs one dwell alone is done in `Preparing.prepare`, which can use another core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.lag import LagMeter
from sdr_detect.model import Burst, Span, StreamInfo, Track
from sdr_detect.profiles.measured import Measured
from sdr_detect.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What a detector is made from. ``ids`` numbers the tracks of a whole stream."""

    info: StreamInfo
    layout: Layout
    settings: Settings
    meter: LagMeter
    ids: Iterator[int]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a detector wants said about the whole stretch."""

    reason: str
    detail: str


@runtime_checkable
class Preparing(Protocol):
    """A detector of which part depends on one dwell alone."""

    def prepare(self, dwell: Dwell) -> None:
        """Do that part, before `Detector.update` is called with the same dwell.

        It may run while `update` is at work on the dwell before, so the two share
        nothing but what one hands to the other in order. Detectors prepare in
        rising ``ORDER``.
        """
        ...


class Detector(Protocol):
    """One look at the stream. State is bounded and independent of block cuts."""

    def update(self, dwell: Dwell) -> list[Burst]:
        """Look at a dwell; return the bursts that ended in it."""
        ...

    def finish(self, last: Dwell | None, stop_sample: int) -> list[Burst]:
        """Close what is open. ``last`` is the last dwell seen."""
        ...

    def tracks(self, span: Span) -> list[tuple[Track, Measured]]:
        """All tracks so far, measured; ``span`` is what was watched."""
        ...

    def retire(self, before_sample: int) -> list[tuple[Track, Measured]]:
        """Hand out, and forget, tracks that have been silent since ``before_sample``."""
        ...

    def notes(self) -> list[Note]:
        """Caps reached, doubts met."""
        ...
