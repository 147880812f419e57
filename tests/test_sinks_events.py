"""Events as JSON Lines, in memory, and in words."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from sdr_detect.errors import SinkError
from sdr_detect.events import BurstEvent, Incident, TrackEvent, Verdict
from sdr_detect.model import Burst, Detection, Flag, IQBlock, Match, Span, StreamInfo, Track
from sdr_detect.pipeline import Pipeline
from sdr_detect.sinks import signs, wording
from sdr_detect.sinks.collect import Collector
from sdr_detect.sinks.jsonl import JsonLines

INFO = StreamInfo("test", 1e6, 14e9)


def verdict(**changes: Any) -> Verdict:
    fields: dict[str, Any] = {
        "verdict": "not_detected",
        "system": None,
        "confidence": 0.5,
        "pfa": 1.0,
        "detection_limit_db": -9.42,
        "poi": 0.126,
        "analysed_s": 1.0,
        "blind_s": 0.0,
        "reasons": ("nothing was heard",),
    }
    return Verdict(**(fields | changes))


def burst(start: int, lower_hz: float = 13.9995e9, upper_hz: float = 14.0005e9) -> BurstEvent:
    return BurstEvent(
        Burst(Detection(Span(start, start + 100), lower_hz, upper_hz, 10.0, 1e-9), -20.0), INFO
    )


def track(number: int, lower_hz: float, upper_hz: float, **changes: Any) -> TrackEvent:
    fields: dict[str, Any] = {
        "id": number,
        "kind": "burst",
        "span": Span(0, 10_000),
        "freq_lower_hz": lower_hz,
        "freq_upper_hz": upper_hz,
        "burst_count": 5,
        "duty_cycle": None,
        "burst_period_s": None,
        "snr_db": 3.0,
        "pfa": 1e-9,
        "doppler_rate_hz_per_s": None,
        "features": {},
    }
    return TrackEvent(Track(**(fields | changes)), INFO)


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_object_a_line_with_its_type_first() -> None:
    out = io.StringIO()
    sink = JsonLines(out)
    for event in (burst(0), Incident("gap", Span(5, 9), "lost"), verdict()):
        sink.write(event)
    assert [line.split('"')[1:4] for line in out.getvalue().splitlines()] == [
        ["type", ": ", "burst"],
        ["type", ": ", "gap"],
        ["type", ": ", "verdict"],
    ]


def test_bursts_beyond_the_limit_are_summed_up_before_the_verdict() -> None:
    out = io.StringIO()
    sink = JsonLines(out, max_bursts=3)
    for number in range(10):
        sink.write(burst(number * 1000))
    sink.write(track(1, 13.9995e9, 14.0005e9))
    sink.write(verdict())
    lines = lines_of(out)
    assert [line["type"] for line in lines] == [*["burst"] * 3, "track", "burst_summary", "verdict"]
    assert lines[4]["burst_count"] == 10
    assert lines[4]["written_count"] == 3
    assert lines[4]["omitted_count"] == 7
    assert "--max-bursts" in lines[4]["reason"]


def test_exactly_the_limit_needs_no_summary() -> None:
    out = io.StringIO()
    sink = JsonLines(out, max_bursts=2)
    for event in (burst(0), burst(1000), verdict()):
        sink.write(event)
    assert [line["type"] for line in lines_of(out)] == ["burst", "burst", "verdict"]


def test_a_full_disk_is_told() -> None:
    class Full(io.StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(SinkError, match="No space left"):
        JsonLines(Full()).write(verdict())


def test_a_reader_that_left_is_no_error_of_ours() -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        JsonLines(Gone(), flush=True).write(verdict())


def test_a_live_reader_sees_each_line_at_once() -> None:
    flushed: list[str] = []

    class Watched(io.StringIO):
        def flush(self) -> None:
            flushed.append(self.getvalue())

    sink = JsonLines(Watched(), flush=True)
    sink.write(Incident("gap", Span(0, 1), "lost"))
    assert flushed[-1].endswith("\n")


def test_memory_is_bounded_and_says_how_much_it_left_out() -> None:
    found = Collector(max_bursts=5, max_incidents=3, max_tracks=2)
    for number in range(20):
        found.write(burst(number * 1000))
        found.write(Incident("gap", Span(number, number + 1), "lost"))
        found.write(track(number, 1e9, 2e9))
    found.write(verdict())
    assert (len(found.tracks), found.track_count) == (2, 20)
    assert (len(found.bursts), found.burst_count) == (5, 20)
    assert (len(found.incidents), found.incident_count) == (3, 20)
    assert found.verdict == verdict()


def test_a_burst_belongs_to_the_track_it_overlaps_most() -> None:
    found = Collector()
    found.write(track(1, 13.99e9, 14.01e9))
    found.write(track(2, 13.9994e9, 14.0006e9))
    found.write(track(3, 13.9995e9, 14.0005e9, burst_count=0, kind="carrier"))
    found.write(track(4, 13.9995e9, 14.0005e9, span=Span(20_000, 30_000)))
    assert found.track_of(burst(500)) == 2
    assert found.track_of(burst(25_000)) == 4
    assert found.track_of(burst(500, 14.1e9, 14.2e9)) is None
    assert found.track_of(burst(50_000)) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            verdict(verdict="detected", system="starlink", confidence=0.987),
            "Detected: an emission consistent with a Starlink user terminal (confidence 98.7 %)",
        ),
        (
            verdict(verdict="detected", system="unknown", confidence=1 - 1e-9),
            "Detected: an emission consistent with a satellite user terminal of an unidentified "
            "system (confidence >99.9 %)",
        ),
        (
            verdict(),
            "Not detected: no user terminal above a C/N of -9.4 dB in the analysed bandwidth "
            "(probability of intercept 12.6 %)",
        ),
        (
            verdict(detection_limit_db=None, poi=None),
            "Not detected: no user terminal found; no detection limit can be stated "
            "(probability of intercept unknown)",
        ),
        (verdict(verdict="inconclusive"), "Inconclusive: nothing was heard"),
    ],
)
def test_headlines(given: Verdict, said: str) -> None:
    assert wording.headline(given) == said


@pytest.mark.parametrize("word", ["off", "absent", "silent", "none present"])
def test_absence_is_never_claimed(word: str) -> None:
    texts = [wording.headline(verdict()), *(value for _, value in wording.facts(verdict()))]
    assert not [text for text in texts if word in text.split()]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "0 %"), (1e-6, "<0.1 %"), (0.1254, "12.5 %"), (0.99999, ">99.9 %"), (1.0, "100 %"),
     (None, "unknown")],
)  # fmt: skip
def test_shares(share: float | None, said: str) -> None:
    assert wording.percent(share) == said


@pytest.mark.parametrize(
    ("duration_s", "said"),
    [(0, "0 s"), (None, "unknown"), (12.3456, "12.35 s"), (4 / 3e3, "1.333 ms"),
     (53.6e-6, "53.6 µs"), (2e-9, "2 ns")],
)  # fmt: skip
def test_durations(duration_s: float | None, said: str) -> None:
    assert wording.seconds(duration_s) == said


@pytest.mark.parametrize(
    ("frequency_hz", "said"),
    [(14.0205e9, "14.0205 GHz"), (2.4e6, "2.4 MHz"), (48e3, "48 kHz"), (10.0, "10 Hz"),
     (None, "unknown"), (0.0, "0 Hz")],
)  # fmt: skip
def test_frequencies(frequency_hz: float | None, said: str) -> None:
    assert wording.hertz(frequency_hz) == said


def test_frequencies_that_are_offsets_say_so() -> None:
    event = track(1, -0.5e6, 0.25e6, flags=frozenset({Flag.RF_UNKNOWN}))
    said = wording.frequency_range(event.track)
    assert said == "-0.5000 … +0.2500 MHz from the centre"
    assert wording.frequency_range(track(1, 14e9, 14.001e9).track) == "14.000000–14.001000 GHz"


def test_instants_are_not_rounded_up() -> None:
    assert wording.utc(1_700_000_000_999_999_999) == "2023-11-14 22:13:20.999999 UTC"


def test_best_matches_come_first() -> None:
    good = Match("good", "starlink", "user_terminal", 0.9, True)
    poor = Match("poor", "none", "artefact", 0.1, False)
    events = [
        track(1, 1e9, 2e9),
        track(2, 1e9, 2e9, matches=(poor,)),
        track(3, 1e9, 2e9, matches=(poor, good)),
    ]
    assert [event.track.id for event in wording.by_score(events)] == [3, 2, 1]
    assert wording.match_text(wording.best_match(events[2].track)) == "good 0.90"
    assert wording.match_text(wording.best_match(events[0].track)) == "no profile fits"


def test_a_long_watch_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "EVERY_S", 0.2)
    out, pipeline = io.StringIO(), Pipeline(())
    told = signs.Signs(JsonLines(out), pipeline.snapshot)
    for first in range(0, 500_000, 50_000):
        block = IQBlock(INFO, first, np.full(50_000, 1e-3 + 1e-3j, np.complex64))
        pipeline.process(block)
        told.take(block)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["stop_s"] for line in lines] == [0.2, 0.4]
    assert {line["type"] for line in lines} == {"status"}
    assert lines[0]["analysed_s"] < lines[1]["analysed_s"] <= 0.4
    assert lines[1]["verdict"] in ("not_detected", "inconclusive")
