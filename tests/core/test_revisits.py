"""Tracks over several stays: what goes on, and what is another emitter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdr_detect.catalog import profiles
from sdr_detect.events import CoverageEvent, Event, TrackEvent
from sdr_detect.model import IQBlock, Span, StreamInfo, Track
from sdr_detect.pipeline import Pipeline
from sdr_detect.reasons import Judged
from sdr_detect.revisits import AWAY_S, MAX_OPEN, Revisits
from sdr_detect.scan.plan import Stop
from sdr_detect.scan.strategy import Cycle
from sdr_detect.score.touring import RATE_HZ, SceneSource
from sdr_detect.simulate.scene import parse_scene
from sdr_detect.tour import TouringSource

INFO = StreamInfo("t", RATE_HZ, 14.22e9)


def seen(
    number: int,
    start_s: float,
    stop_s: float,
    centre_hz: float = 14.22e9,
    width_hz: float = 1e5,
    **changes: Any,
) -> Judged:
    track = Track(
        number, "carrier", Span(round(start_s * RATE_HZ), round(stop_s * RATE_HZ)),
        centre_hz - width_hz / 2, centre_hz + width_hz / 2, 3, None, None, 5.0, 1e-9, None, {}, (),
        frozenset(),
    )  # fmt: skip
    return Judged(replace(track, **changes), ())


def test_one_emitter_is_one_track() -> None:
    open_ = Revisits()
    open_.take([seen(1, 0, 0.1)], INFO)
    open_.take([seen(2, 0.1, 0.2, 14.3e9)], replace(INFO, center_hz=14.3e9))
    looked = open_.with_stay([seen(3, 0.9, 1.0, 14.22002e9, pfa=1e-11)], INFO)
    assert [j.track.id for j in looked] == [1, 2]
    open_.take([seen(3, 0.9, 1.0, 14.22002e9, pfa=1e-11)], INFO)
    first, second = (s.event.track for s in open_.complete())
    assert (first.id, first.burst_count, first.features) == (1, 6, {"visits": 2})
    assert first.span == Span(0, round(1.0 * RATE_HZ))
    assert first.pfa == pytest.approx(2e-11)  # two stays had their chance
    assert first.freq_lower_hz == pytest.approx(14.22002e9 - 5e4)  # of the surer one
    assert (second.id, second.features) == (2, {})
    assert open_.complete() == []


@pytest.mark.parametrize(
    ("other", "info"),
    [
        (seen(2, 0.9, 1.0, 14.2202e9), INFO),
        (seen(2, 0.9, 1.0, kind="burst"), INFO),
        (seen(2, 0.9, 1.0), replace(INFO, gain_db=20.0)),
        (seen(2, 0.9, 1.0), replace(INFO, center_hz=None)),
    ],
    ids=["another frequency", "another kind", "another gain", "no frequency"],
)
def test_other_emitters_are_other_tracks(other: Judged, info: StreamInfo) -> None:
    open_ = Revisits()
    open_.take([seen(1, 0, 0.1)], INFO)
    open_.take([other], info)
    assert [s.judged.track.id for s in open_.complete()] == [1, 2]


def test_two_of_one_stay_stay_two_and_the_nearest_goes_on() -> None:
    open_ = Revisits()
    open_.take([seen(1, 0, 0.1, 14.22e9), seen(2, 0, 0.1, 14.22003e9)], INFO)
    open_.take([seen(3, 1, 1.1, 14.220031e9), seen(4, 1, 1.1, 14.220001e9)], INFO)
    tracks = [s.event.track for s in open_.complete()]
    assert [(t.id, t.features["visits"]) for t in tracks] == [(1, 2), (2, 2)]


def test_a_tone_may_have_drifted_while_the_receiver_was_away() -> None:
    tone: dict[str, Any] = {"kind": "tone", "width_hz": 1e3}
    for moved_hz, count in ((2e3, 1), (9e3, 2)):
        open_ = Revisits()
        open_.take([seen(1, 0, 0.1, **tone)], INFO)
        open_.take([seen(2, 0.9, 1.0, 14.22e9 + moved_hz, **tone)], INFO)
        assert len(open_.complete()) == count


def test_what_is_away_for_long_is_complete_and_no_more_are_kept_than_said() -> None:
    open_ = Revisits()
    open_.take([seen(1, 0, 0.1)], INFO)
    assert open_.complete(round(AWAY_S * RATE_HZ)) == []
    assert [s.judged.track.id for s in open_.complete(round((AWAY_S + 1) * RATE_HZ))] == [1]
    for k in range(MAX_OPEN + 3):
        open_.take([seen(k, k, k + 0.1, 14e9 + 2e5 * k)], INFO)
    assert [s.judged.track.id for s in open_.complete(0)] == [0, 1, 2]
    assert len(open_.tracks) == MAX_OPEN


def test_a_swept_carrier_is_one_row() -> None:
    scene = parse_scene({
        "scene": {"title": "t", "seed": 3, "duration_s": 1.2},
        "receiver": {
            "sample_rate_hz": RATE_HZ, "rf_center_hz": 14.22e9, "datatype": "cf32_le",
        },
        "emitter": [
            {"kind": "vsat_scpc", "rf_hz": 14.2203e9, "symbol_rate_hz": 1e5, "cn_db": 10.0},
            {"kind": "tone", "rf_hz": 14.3e9, "cn_db": 10.0},
        ],
    })  # fmt: skip
    stops = [Stop(14.22e9, 0.1, 3), Stop(14.2995e9, 0.1, 4)]
    pipeline, events = Pipeline(profiles()), list[Event]()
    for block in TouringSource(SceneSource(scene), Cycle(stops), 1.1).blocks():
        assert isinstance(block, IQBlock)
        events += pipeline.process(block)
        shown = [t.id for t in pipeline.snapshot().tracks]
        assert len(shown) == len(set(shown)) <= 2
    events += pipeline.finish()
    tracks = [e.track for e in events if isinstance(e, TrackEvent)]
    assert sorted(t.kind for t in tracks) == ["carrier", "tone"]
    coverage = next(e for e in events if isinstance(e, CoverageEvent))
    assert [t.features["visits"] for t in tracks] == [coverage.channels[3].visits] * 2
