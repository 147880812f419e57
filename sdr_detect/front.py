"""The first part of the work on a dwell: all that depends on that dwell alone.

It is half of the work or more, so a pipeline that is given a second core can do it
for one dwell while the rest is done for the dwell before. The events are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdr_detect.detect.base import Detector, Preparing
from sdr_detect.dsp.dwell import RawDwell
from sdr_detect.dsp.gain_step import GainStep, remove_gain_steps
from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.stft import Analyser, Dwell
from sdr_detect.model import StreamInfo

#: Below this rate a dwell's arrays are so small that a second core gains nothing.
AHEAD_FROM_HZ = 6e6


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A dwell that the detectors have prepared, and the gain steps taken out of it."""

    dwell: Dwell
    steps: list[GainStep]


#: Starts work elsewhere; what it returns waits for the result.
Ahead = Callable[[Callable[[], Prepared]], Callable[[], Prepared]]


class Front:
    """Does that part.

    Parameters
    ----------
    spares : int
        Dwells that are at work after the one prepared last.
    """

    def __init__(
        self, info: StreamInfo, layout: Layout, detectors: Sequence[Detector], spares: int = 0
    ) -> None:
        self._info = info
        self._analyser = Analyser(layout, spares)
        self._preparing = [d for d in detectors if isinstance(d, Preparing)]

    def __call__(self, raw: RawDwell) -> Prepared:
        """Prepare one dwell. Dwells must come in order."""
        dwell = self._analyser.analyse(raw, self._info)
        steps = remove_gain_steps(dwell)
        for detector in self._preparing:
            detector.prepare(dwell)
        return Prepared(dwell, steps)
