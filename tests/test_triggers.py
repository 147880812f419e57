"""What starts a recording."""

from __future__ import annotations

import numpy as np
import pytest

from sdr_detect.events import BurstEvent, TrackEvent, Verdict
from sdr_detect.model import Burst, Detection, IQBlock, Match, Span, StreamInfo, Track
from sdr_detect.pipeline import Snapshot
from sdr_detect.sinks import triggers
from sdr_detect.sinks.triggers import Cause, Trigger

INFO = StreamInfo("dev", 1000.0)


def track(number: int, stop: int, role: str = "user_terminal") -> Track:
    match = Match("some_profile", "starlink", role, 0.9, True)
    other = Match("vsat_scpc", "vsat", "user_terminal", 0.1, True)
    return Track(
        number, "fold", Span(0, stop), 1e9, 2e9, 3, 0.1, None, 10.0, 1e-9, None, {},
        (other, match),
    )  # fmt: skip


class Scene:
    """A pipeline that stands where the test says, and a recorder that counts."""

    def __init__(self, cause: Cause, cost_s: float = 0.0) -> None:
        self.cost_s, self.clock_s = cost_s, 0.0
        self.tracks: list[Track] = []
        self.asked: list[tuple[str, str]] = []
        self.looks = 0
        self.trigger_ = Trigger(cause, self, self.look)

    def look(self) -> Snapshot:
        self.looks += 1
        self.clock_s += self.cost_s
        verdict = Verdict("inconclusive", None, 0.0, 1.0, None, None, 0.0, 0.0, ())
        return Snapshot(0, 0.0, 0.0, 0, tuple(self.tracks), None, {}, verdict)

    def trigger(self, why: str, detail: str = "") -> None:
        self.asked.append((why, detail))

    def hear(self, first: int, count: int = 100) -> None:
        self.trigger_.take(IQBlock(INFO, first, np.zeros(count, np.complex64)))


def test_a_terminal_triggers_as_long_as_it_goes_on() -> None:
    scene = Scene(Cause.TERMINAL)
    scene.hear(0)
    scene.tracks = [track(0, 900)]
    scene.hear(1000)
    scene.hear(2000)  # the same again
    assert len(scene.asked) == 1
    why, detail = scene.asked[0]
    assert why == "trigger: some_profile"
    assert "samples 0 to 900: best match some_profile 0.90" in detail
    scene.tracks = [track(0, 2900)]
    scene.hear(3000)
    assert len(scene.asked) == 2
    # It closes under a number of its own, long after.
    scene.trigger_.write(TrackEvent(track(7, 2900), INFO))
    assert len(scene.asked) == 2


def test_a_terminal_that_is_told_at_the_end_only() -> None:
    scene = Scene(Cause.TERMINAL)
    scene.trigger_.write(TrackEvent(track(1, 900), INFO))
    assert len(scene.asked) == 1


def test_nothing_else_is_a_terminal() -> None:
    scene = Scene(Cause.TERMINAL)
    scene.tracks = [track(1, 900, "downlink")]
    scene.hear(0)
    scene.trigger_.write(TrackEvent(track(2, 900, "ingress"), INFO))
    scene.trigger_.write(burst(10))
    assert scene.asked == []


@pytest.mark.parametrize(("cost_s", "looks"), [(0.0, 20), (0.1, 5)])
def test_tracks_are_weighed_now_and_then(
    monkeypatch: pytest.MonkeyPatch, cost_s: float, looks: int
) -> None:
    scene = Scene(Cause.TERMINAL, cost_s)
    monkeypatch.setattr(triggers.time, "monotonic", lambda: scene.clock_s)
    for first in range(0, 10_000, 10):
        scene.hear(first, 10)
    assert scene.looks == looks


def burst(first: int) -> BurstEvent:
    return BurstEvent(Burst(Detection(Span(first, first + 5), 1e9, 2e9, 12.0, 1e-9), -20.0), INFO)


def test_any_burst_triggers_when_asked_to() -> None:
    scene = Scene(Cause.BURST)
    scene.tracks = [track(0, 900)]
    scene.hear(0)
    scene.trigger_.write(TrackEvent(track(0, 900), INFO))
    assert scene.asked == []
    assert scene.looks == 0
    scene.trigger_.write(burst(10))
    scene.trigger_.write(burst(20))
    assert [why for why, _ in scene.asked] == ["trigger: burst"] * 2
    assert scene.asked[0][1] == pytest.approx("first burst at sample 10, C/N 12.0 dB")
    scene.trigger_.close()
