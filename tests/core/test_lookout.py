"""Alerts while a watch goes on: soon, once, and withdrawn when they no longer hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdr_detect.events import Incident, Verdict
from sdr_detect.lookout import Lookout
from sdr_detect.settings import Settings, TrackSettings, VerdictSettings
from tests.core.streams import as_json, cut_stream, events, one_block, rendered

QUIET = Verdict("not_detected", None, 1.0, 1e-6, None, 0.1, 1.0, 0.0, ())
FOUND = Verdict("detected", "starlink", 0.99, 1e-9, None, 0.1, 1.0, 0.0, ("track 1 is alike",))


def alerts(duration_s: float, settings: Settings | None = None) -> list[Incident]:
    terminal = {"kind": "starlink_uplink", "cn_db": 8.0, "start_s": 1.2}
    found = events(rendered(terminal, duration_s=duration_s), settings)
    return [e for e in found if isinstance(e, Incident) and e.reason.startswith("alert")]


def test_a_terminal_that_goes_on_is_told_before_its_track_ends() -> None:
    (alert,) = alerts(3.0)
    assert alert.kind == "health"
    assert 1.2 < alert.span.stop_sample / 2.4e6 < 2.3
    assert alert.detail.startswith("detected so far: starlink; track 1 is consistent with")


def test_alerts_fall_where_they_do_however_the_stream_is_cut() -> None:
    stream = rendered({"kind": "starlink_uplink", "cn_db": 8.0}, duration_s=0.6)
    info = stream[0].info
    samples = np.concatenate([block.samples for block in stream])
    looking = Settings(verdict=VerdictSettings(look_s=0.1))
    whole = as_json(events(one_block(samples, info), looking))
    assert "alert" in [line.get("reason") for line in whole]
    for size in (1001, 240_000, 250_000):
        cuts = range(size, len(samples), size)
        assert as_json(events(cut_stream(info, samples, [], cuts), looking)) == whole


def test_no_looks_no_alerts() -> None:
    assert alerts(3.0, Settings(verdict=VerdictSettings(look_s=0))) == []


def test_news_are_told_once() -> None:
    lookout = Lookout(1.0)
    other = replace(FOUND, system="vsat")
    told = [lookout.news(v, v, 100) for v in (QUIET, FOUND, FOUND, other, QUIET, QUIET, FOUND)]
    assert [[n.reason for n in news] for news in told] == [
        [], ["alert"], [], ["alert"], ["alert_withdrawn"], [], ["alert"],
    ]  # fmt: skip
    assert told[1][0].span.stop_sample == 100
    assert "track 1 is alike" in told[1][0].detail


def test_every_visit_is_told() -> None:
    lookout = Lookout(1.0)
    again = replace(FOUND, reasons=("track 2 is alike",))
    looks = [(FOUND, FOUND), (FOUND, QUIET), (FOUND, QUIET), (FOUND, again), (FOUND, again)]
    told = [lookout.news(*look, 100) for look in looks]
    assert [[n.reason for n in news] for news in told] == [
        ["alert"], ["alert_over"], [], ["alert"], [],
    ]  # fmt: skip
    assert told[3][0].detail == "detected again: starlink; track 2 is alike"


def test_a_second_visit_is_told_and_one_that_goes_on_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sdr_detect.lookout.RAREST_S", 0.1)
    visits = [
        {"kind": "starlink_uplink", "cn_db": 8.0, "start_s": 0.2, "stop_s": 1.0},
        {"kind": "starlink_uplink", "cn_db": 8.0, "start_s": 3.2},
    ]
    settings = Settings(tracks=TrackSettings(idle_s=0.7), verdict=VerdictSettings(look_s=0.1))
    found = events(rendered(*visits, duration_s=4.6), settings)
    told = [e for e in found if isinstance(e, Incident) and e.reason.startswith("alert")]
    assert [e.reason for e in told] == ["alert", "alert_over", "alert"]
    over_s, again_s = (e.span.stop_sample / 2.4e6 for e in told[1:])
    assert 1.6 < over_s < 2.2
    assert 3.2 < again_s < 4.4


@pytest.mark.parametrize(("first_s", "looks"), [(0.0, 0), (1.0, 402), (60.0, 60)])
def test_looks_become_rarer(first_s: float, looks: int) -> None:
    class Clock:
        """An epoch of dwells of 0.1 s."""

        dwells = 0

        class layout:  # noqa: N801
            dwell_samples = 100_000

        class info:  # noqa: N801
            @staticmethod
            def seconds(sample: int) -> float:
                return sample / 1e6

    lookout, epoch, count = Lookout(first_s), Clock(), 0
    for _ in range(36_000):
        epoch.dwells += 1
        count += lookout.due(1, epoch)  # type: ignore[arg-type]
    assert count == pytest.approx(looks, abs=2)
