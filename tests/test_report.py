"""The report: complete, self-contained, and deaf to what a recording says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sdr_detect import report
from sdr_detect.analysis import Facts
from sdr_detect.catalog import profiles
from sdr_detect.errors import SinkError
from sdr_detect.events import Alternative, BurstEvent, Incident, TrackEvent, Verdict
from sdr_detect.model import Burst, Detection, Flag, Match, Span, StreamInfo, Track
from sdr_detect.settings import Settings
from sdr_detect.sinks.collect import Collector

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}&lt;"
INFO = StreamInfo("slice", 2.4e6, 14.2e9, start_ns=1_700_000_000_000_000_000)
PNG = b"\x89PNG picture"


def verdict(word: str, system: str | None = None) -> Verdict:
    return Verdict(
        word,  # type: ignore[arg-type]
        system,
        0.987,
        1e-9,
        -9.4,
        0.126,
        1.5,
        0.25,
        ("a reason to be read",),
        (Alternative("none", "lte_downlink", 0.02, "no repetition at 66.7 µs"),),
    )


def section(text: str = "plain", judged: Verdict | None = None) -> report.Section:
    found = Collector()
    found.write(BurstEvent(Burst(Detection(Span(0, 9), 1e9, 2e9, 1.0, 0.1), -2.0), INFO))
    match = Match(text, text, "user_terminal", 0.95, True, (f"for {text}",), (f"against {text}",))
    found.write(
        TrackEvent(
            Track(
                3, text, Span(0, 900), 14.1e9, 14.2e9, 7, 0.1, 0.00933, 10.0, 1e-9, None, {},
                (match,), frozenset({Flag.EDGE}),
            ),
            INFO,
        )
    )  # fmt: skip
    found.write(Incident("gap", Span(100, 200), text, text))
    final = judged or verdict("detected", "starlink")
    found.write(final)
    facts = Facts(text, text, INFO, "c" * 64, "a" * 64, 1000, 0.5, (text,))
    return report.Section(facts, found, final, PNG)


def rendered(*sections: report.Section) -> str:
    return report.render(sections, Settings(), profiles())


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_hostile_text_stays_text() -> None:
    tags = Tags(rendered(section(HOSTILE)))
    assert not [tag for tag, _ in tags.seen if tag in ("script", "iframe", "object", "link")]
    assert [attrs for tag, attrs in tags.seen if tag == "img"] == [
        {"alt": "Spectrogram of the recording with the detections marked",
         "src": "data:image/png;base64,iVBORyBwaWN0dXJl"}
    ]  # fmt: skip
    assert not [attrs for _, attrs in tags.seen if any(name.startswith("on") for name in attrs)]
    shown = [word for word in tags.words if HOSTILE in word]
    # File, heading, format, note, profile, for, against, kind, incident: as it was written.
    assert len(shown) >= 8
    assert "49" not in "".join(shown).replace("{{ 7 * 7 }}", "")


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = rendered(section())
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:)\w+:""", text)
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        (verdict("detected", "starlink"), "consistent with a Starlink user terminal"),
        (verdict("not_detected"), "no user terminal above a C/N of -9.4 dB"),
        (verdict("inconclusive"), "Inconclusive: a reason to be read"),
    ],
)
def test_each_verdict_has_its_words(judged: Verdict, said: str) -> None:
    text = rendered(section(judged=judged))
    assert said in text
    assert f'class="verdict {judged.verdict}"' in text
    assert "12.6 %" in text


def test_everything_a_reader_needs_is_there() -> None:
    text = rendered(section())
    for needed in (
        "a" * 64, "c" * 64, "14.2 GHz", "2.4 MHz", "2023-11-14 22:13:20.000000 UTC", "500 ms",
        "9.33 ms", "T3", "for plain", "against plain", "energy reaches the edge", "41.67 µs",
        "no repetition at 66.7 µs", "burst.pfa", "starlink_uplink version", "blind 250 ms",
    ):  # fmt: skip
        assert needed in text, needed


def test_light_dark_and_print() -> None:
    text = rendered(section())
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_several_recordings_and_none() -> None:
    assert rendered(section("one"), section("two")).count("<section>") == 2
    assert "No recording could be analysed" in rendered()


def test_the_same_report_every_time() -> None:
    assert rendered(section()) == rendered(section())


def test_long_lists_say_what_is_left_out() -> None:
    long: Any = section()
    for number in range(500):
        long.found.write(Incident("gap", Span(number, number + 1), "lost"))
    text = rendered(long)
    assert f"and {501 - report.INCIDENTS} more" in text


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        report.write(tmp_path / "absent" / "r.html", [], Settings(), ())
