"""The report of a case: what it says, and that it keeps to itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdr_detect.evidence.case import Case, fold
from sdr_detect.report import case as case_report
from sdr_detect.report import drawings

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"
NS = 10**9
CLOCK = {"source": "kernel", "synchronised": False, "bound_ns": None, "detail": ""}


def entry(number: int, action: str, detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "case": "2026-001", "number": number, "at_utc": f"2026-05-04T08:{number:02}:00.000000000Z",
        "clock": CLOCK, "clock_back_ns": 0, "name": HOSTILE, "role": "operator",
        "action": action, "detail": detail, "sha256": "a" * 64, **more,
    }  # fmt: skip


def log(folder: Path) -> list[dict[str, Any]]:
    photo = folder / "deck.png"
    Image.new("RGB", (40, 30), "navy").save(photo)
    vessel = {"name": HOSTILE, "imo": "9074729", "mmsi": None, "flag": HOSTILE, "berth": HOSTILE}
    recording = {
        "id": "r1", "kind": "recording", "role": "on_target", "stated": {},
        "files": {f"on/{HOSTILE}": [9, "b" * 64]},
        "facts": {"center_hz": 14.2e9, "sample_rate_hz": 2.4e6, "time_error_ns": None},
    }  # fmt: skip
    picture = {
        "id": "a1", "kind": "photo", "role": None, "files": {str(photo): [9, "c" * 64]},
        "stated": {}, "facts": {"camera_make": HOSTILE},
    }  # fmt: skip
    return [
        entry(1, "opened", {"vessel": vessel, "authority": HOSTILE, "flow": "visit"}),
        entry(2, "attached", recording),
        entry(3, "attached", picture),
        entry(4, "noted", {"text": HOSTILE, "opinion": False}),
        entry(5, "noted", {"text": f"opinion: {HOSTILE}", "opinion": True}, clock_back_ns=2 * NS),
        entry(6, "stepped", {"step": "on_target", "text": HOSTILE}),
        entry(7, "held", {"reason": HOSTILE}),
    ]  # fmt: skip


def results(verdict: str, sentence: str) -> dict[str, Any]:
    heard = {
        "id": "r1", "role": "on_target", "start_ns": 1_777_882_530_000_000_000, "duration_s": 1.0,
        "verdict": "detected", "system": "starlink", "level_db": 8.0, "uncertainty_db": 0.3,
        "bound_db": 8.0, "limit_db": -6.3, "poi": 0.13, "analysed_s": 1.0, "blind_s": 0.1,
        "reasons": [HOSTILE],
    }  # fmt: skip
    quantity = {
        "recording": "r1", "quantity": "C/N", "value": 8.0, "unit": "dB", "method": "median",
        "bandwidth_hz": 2.4e6, "averaging": "12 bursts", "expanded_uncertainty": 0.3,
        "coverage_factor": 2.0, "uncertainty_note": HOSTILE, "threshold": 1e-9, "pfa": 1e-12,
        "poi": 0.13,
    }  # fmt: skip
    return {
        "quantities": [quantity],
        "recordings": [heard],
        "conclusion": {
            "verdict": verdict, "sentence": sentence, "grounds": [HOSTILE], "contrast_db": 14.0,
            "expanded_uncertainty_db": 0.4, "required_contrast_db": 6.0,
        },
    }  # fmt: skip


def rendered(folder: Path, verdict: str = "detected_attributed", sentence: str = "Detected") -> str:
    entries = log(folder)
    case: Case = fold(entries)
    return case_report.render(
        case,
        entries,
        results(verdict, sentence),
        [],
        key="f" * 8,
        sealed_utc="2026-05-04T09:00:00Z",
    )


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


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    tags = Tags(rendered(tmp_path))
    assert not [
        tag for tag, _ in tags.seen if tag in ("script", "iframe", "object", "link", "form")
    ]
    images = [attrs["src"] or "" for tag, attrs in tags.seen if tag == "img"]
    assert len(images) == 1
    assert images[0].startswith("data:image/jpeg;base64,")
    assert not [attrs for _, attrs in tags.seen if any(name.startswith("on") for name in attrs)]
    assert len([word for word in tags.words if HOSTILE in word]) >= 15
    assert "49" not in "".join(word for word in tags.words if "7 * 7" in word).replace("7 * 7", "")


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    text = rendered(tmp_path)
    assert "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:)\w+:""", text)
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("verdict", case_report.VERDICTS)
def test_only_the_fixed_words_are_used(tmp_path: Path, verdict: str) -> None:
    text = rendered(tmp_path, verdict, "sentence")
    assert case_report.VERDICTS[verdict] in text
    assert not re.search(r"\b(?:is|was|switched|turned) off\b", text)


def test_opinions_stand_apart_from_findings(tmp_path: Path) -> None:
    words = Tags(rendered(tmp_path)).words
    findings, opinion = words.index("Findings"), words.index("Opinion")
    how = words.index("How it was done")
    assert findings < opinion < how
    places = [place for place, word in enumerate(words) if word.startswith("opinion: ")]
    # Once as an opinion, and once as the entry of the log that it is.
    assert [opinion < place < how for place in places] == [True, False]


def test_doubts_on_the_clock_and_the_hold_are_told(tmp_path: Path) -> None:
    text = rendered(tmp_path)
    assert "No time source steered the clock at 7 of 7 entries" in text
    assert "Before entry 5 the clock had gone back by 2 s" in text
    assert "Litigation hold: &lt;script" in text
    assert "8 dB ± 0.3 dB (k = 2)" in text


def spoken(start_s: float, duration_s: float | None, role: str = "silence") -> dict[str, Any]:
    start_ns = 1_777_885_200 * NS + round(start_s * NS)
    return {
        "id": "r1", "role": role, "start_ns": start_ns, "duration_s": duration_s,
        "verdict": "not_detected", "level_db": None, "limit_db": None,
    }  # fmt: skip


def test_times_are_drawn_where_they_are() -> None:
    drawn = drawings.times([spoken(0, 60), spoken(90, 30), spoken(-3600, 1, "control")])
    assert drawn is not None
    control, silence = drawn["rows"]
    assert (control["role"], silence["role"]) == ("control", "silence")
    scale = drawings.WIDTH / 3720  # from the control's start to the end of silence
    assert [bar["x"] for bar in silence["bars"]] == pytest.approx(
        [drawings.LEFT + 3600 * scale, drawings.LEFT + 3690 * scale], abs=0.1
    )
    assert control["bars"][0]["width"] >= 3
    assert [text for _, text in drawn["ticks"]] == [
        "08:00:00", "08:20:00", "08:40:00", "09:00:00",
    ]  # fmt: skip
    assert "gaps, 30 s in all: 09:01:00.0 for 30 s" in drawn["silence"]
    days = drawings.times([spoken(0, 60), spoken(30 * 86400, 60)])
    assert days is not None
    assert 3 <= len(days["ticks"]) <= 6
    assert all(re.fullmatch(r"2026-0[56]-\d\d", text) for _, text in days["ticks"])
    assert drawings.times([spoken(0, None)]) is None
    assert drawings.times([]) is None


def test_a_proof_of_silence_shows_its_times_on_the_first_page(tmp_path: Path) -> None:
    entries = log(tmp_path)
    entries[0]["detail"]["flow"] = "silence"
    found = results("not_detected", "Not detected")
    found["recordings"][0] |= {"role": "silence"}
    text = case_report.render(
        fold(entries), entries, found, [], key="f", sealed_utc="2026-05-04T09:00:00Z"
    )
    first = text[: text.index("<h2>Findings</h2>")]
    assert "Silence: recorded from 2026-05-04 08:15:30.0" in first
    assert "Level of what is consistent" not in first


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    return found


def browse(browser: str, folder: Path, *words: str) -> tuple[str, set[str]]:
    """What the console said, and which addresses were asked; the browser's own left aside."""
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", f"--log-net-log={folder / 'net.json'}",
            *words, (folder / "report.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    events = json.loads((folder / "net.json").read_text())["events"]
    asked = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
    makers = re.compile(r"file:|data:|chrome|https?://[\w.]*(?:google|googleapis|gvt1)\.com/")
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return console, {url for url in asked if not makers.match(url)}


def test_in_a_browser(browser: str, tmp_path: Path) -> None:
    """It renders without a complaint, prints, and asks nobody for anything."""
    page, picture, paper = (tmp_path / name for name in ("report.html", "p.png", "p.pdf"))
    page.write_text(rendered(tmp_path), encoding="utf-8")
    shown = browse(browser, tmp_path, f"--screenshot={picture}", "--window-size=1000,1400")
    assert shown == ("", set())
    with Image.open(picture) as image:
        assert image.size == (1000, 1400)
        colours = image.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 50  # text, the box of the verdict, the drawing
    assert browse(browser, tmp_path, f"--print-to-pdf={paper}") == ("", set())
    assert paper.read_bytes().startswith(b"%PDF")


def test_what_the_browser_would_have_noticed(browser: str, tmp_path: Path) -> None:
    text = rendered(tmp_path)
    policy = re.compile(r"<meta http-equiv=.Content-Security-Policy[^>]*>")
    asks = text.replace("<main>", '<main><img src="http://quay.test/x.png">')
    (tmp_path / "report.html").write_text(asks, encoding="utf-8")
    console, asked = browse(browser, tmp_path, "--dump-dom")
    assert "Content Security Policy" in console  # refused before it was asked
    assert asked == set()
    (tmp_path / "report.html").write_text(policy.sub("", asks), encoding="utf-8")
    _, asked = browse(browser, tmp_path, "--dump-dom")
    assert asked == {"http://quay.test/x.png"}


@pytest.mark.parametrize("count", [case_report.CHART_ROWS, case_report.CHART_ROWS + 1])
def test_the_first_page_is_one_page(
    browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """With as many recordings as the drawing on it takes, and with more."""
    found = results("detected_attributed", "Detected, attributed to this vessel: an emission " * 2)
    found["recordings"] *= count
    monkeypatch.setattr(f"{__name__}.results", lambda *_: found)
    if (reader := shutil.which("pdftotext")) is None:
        pytest.skip("no pdftotext here (Debian: apt-get install poppler-utils)")
    (tmp_path / "report.html").write_text(rendered(tmp_path), encoding="utf-8")
    paper = tmp_path / "page.pdf"
    browse(browser, tmp_path, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    first = subprocess.run(
        [reader, "-f", "1", "-l", "1", str(paper), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "master, copy received" in first
    assert "Findings" not in first
