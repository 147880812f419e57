"""What makes a recording begin: something that the pipeline found."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Protocol

from sdr_detect.events import BurstEvent, Event, TrackEvent
from sdr_detect.model import Track
from sdr_detect.pipeline import Snapshot
from sdr_detect.rawblock import Block
from sdr_detect.sinks import wording

#: Stream time between two looks at the tracks. They are weighed in some milliseconds,
#: in a busy band in more; no more than a twentieth of the time goes into that.
LOOK_S = 0.5
LOOK_SHARE = 1 / 20


class Cause(enum.StrEnum):
    """What triggers."""

    TERMINAL = "terminal"
    BURST = "burst"


class Triggered(Protocol):
    """What is triggered."""

    def trigger(self, why: str, detail: str = "") -> None:
        """Record now."""
        ...


class Trigger:
    """A sink and a tap of a pipeline that triggers on what it finds.

    Parameters
    ----------
    cause : Cause
        Any burst; or a track whose best match is a user terminal and that goes on
        after all such tracks before.
    recorder : Triggered
    look : callable
        Where the pipeline stands.
    """

    def __init__(self, cause: Cause, recorder: Triggered, look: Callable[[], Snapshot]) -> None:
        self._cause = cause
        self._recorder = recorder
        self._look = look
        self._due_sample = 0
        self._heard_until = 0

    def write(self, event: Event) -> None:
        """Look at one event."""
        match event:
            case BurstEvent() if self._cause is Cause.BURST:
                at, snr_db = event.burst.span.start_sample, event.burst.detection.snr_db
                self._recorder.trigger(
                    "trigger: burst", f"first burst at sample {at}, C/N {wording.decibel(snr_db)}"
                )
            case TrackEvent() if self._cause is Cause.TERMINAL:
                self._consider(event.track)

    def take(self, block: Block) -> None:
        """Look at the tracks now and then; this block is not in them yet."""
        if self._cause is Cause.BURST or block.first_sample < self._due_sample:
            return
        began_s = time.monotonic()
        for track in self._look().tracks:
            self._consider(track)
        wait_s = max(LOOK_S, (time.monotonic() - began_s) / LOOK_SHARE)
        self._due_sample = block.first_sample + round(wait_s * block.info.sample_rate_hz)

    def _consider(self, track: Track) -> None:
        best = wording.best_match(track)
        if best is None or best.role != "user_terminal":
            return
        # Tracks are shown again and again, and told once more when they close.
        if track.span.stop_sample <= self._heard_until:
            return
        self._heard_until = track.span.stop_sample
        self._recorder.trigger(
            f"trigger: {best.profile}",
            f"{track.kind}, {wording.frequency_range(track)}, samples {track.span.start_sample} to "
            f"{track.span.stop_sample}: best match {wording.match_text(best)}",
        )

    def close(self) -> None:
        """Nothing to release."""
