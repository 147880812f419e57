"""Every shipped recording yields what ``recordings/index.toml`` says of it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_detect.analysis import Analysis, analyze_recording
from sdr_detect.catalog import profiles
from sdr_detect.formats.find import open_recording
from sdr_detect.model import Track
from sdr_detect.settings import Settings
from sdr_detect.simulate.frontend import CODES
from sdr_detect.simulate.scene import load_scene
from sdr_detect.simulate.write import write_sigmf

FOLDER = Path(__file__).resolve().parents[1] / "recordings"
INDEX: list[dict[str, Any]] = tomllib.loads((FOLDER / "index.toml").read_text())["recording"]
NAMES = [entry["name"] for entry in INDEX]
BY_NAME = dict(zip(NAMES, INDEX, strict=True))

MAX_BYTES = 30_000_000

#: Emitters that are user terminals; a scene without one must never be `detected`.
TERMINALS = {"starlink_uplink", "oneweb_like", "vsat_scpc", "vsat_tdma"}

FACTS = {
    "bursts", "truth", "lags_s", "lag_within_s", "period_s", "carrier", "gaps", "blind_s",
    "incidents", "best_match", "reason", "limit_db",
}  # fmt: skip


def meta_of(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.sigmf-meta").read_text())
    return loaded


def data_of(name: str) -> Path:
    return FOLDER / f"{name}.sigmf-data"


@functools.cache
def analysis_of(name: str) -> Analysis:
    with open_recording(FOLDER / f"{name}.sigmf-meta") as recording:
        return analyze_recording(recording, settings=Settings(), profiles=profiles())


def having(fact: str) -> pytest.MarkDecorator:
    """One test for each recording whose entry states the fact."""
    names = [name for name in NAMES if fact in BY_NAME[name].get("facts", {})]
    assert names, fact
    return pytest.mark.parametrize("name", names)


def fact_of(name: str, fact: str) -> Any:
    return BY_NAME[name]["facts"][fact]


def tracks_of(name: str) -> list[Track]:
    return [event.track for event in analysis_of(name).found.tracks]


def truths(name: str, label: str) -> Iterator[tuple[int, int]]:
    """Start and stop of each true emission, as stream samples: lost ones count."""
    meta = meta_of(name)
    for note in meta["annotations"]:
        if note["core:label"] != label:
            continue
        stored = note["core:sample_start"]
        capture = [c for c in meta["captures"] if c["core:sample_start"] <= stored][-1]
        start = stored + capture["core:global_index"] - capture["core:sample_start"]
        yield start, start + note["core:sample_count"]


def test_index_and_folder_agree() -> None:
    assert {p.stem for p in FOLDER.glob("*.sigmf-data")} == set(NAMES)
    assert {p.stem for p in FOLDER.glob("*.sigmf-meta")} == set(NAMES)
    assert {p.stem for p in (FOLDER / "scenes").glob("*.toml")} == {
        Path(entry["scene"]).stem for entry in INDEX
    }
    assert len(set(NAMES)) == len(NAMES)
    for entry in INDEX:
        assert set(entry.get("facts", {})) <= FACTS, entry["name"]


def test_recordings_stay_small() -> None:
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) <= MAX_BYTES


def test_the_demo_plays_a_shipped_recording(repo_root: Path) -> None:
    script = (repo_root / "scripts" / "demo.sh").read_text()
    named = re.search(r"recordings/(\w+)\.sigmf-meta", script)
    assert named is not None
    assert BY_NAME[named[1]]["verdict"] == "detected"
    assert BY_NAME[named[1]]["system"] == "starlink"


@pytest.mark.parametrize("name", NAMES)
def test_files_are_the_ones_described(name: str) -> None:
    entry, meta = BY_NAME[name], meta_of(name)
    assert hashlib.sha256(data_of(name).read_bytes()).hexdigest() == entry["sha256"]
    scene = load_scene(FOLDER / entry["scene"])
    assert meta["global"]["core:sample_rate"] == entry["sample_rate_hz"]
    assert meta["global"]["core:sample_rate"] == scene.receiver.sample_rate_hz
    assert meta["global"]["core:license"].endswith(f"/{entry['licence']}.html")
    assert meta["global"]["sdrdetect:seed"] == scene.scene.seed


@pytest.mark.parametrize("name", ["lost_samples_2m4", "gsm_2m4", "iridium_250k"])
def test_a_scene_gives_the_same_samples_again(name: str, tmp_path: Path) -> None:
    """But for a few that rounding, another with each library, moves over a code's edge."""
    write_sigmf(load_scene(FOLDER / BY_NAME[name]["scene"]), tmp_path / "again.sigmf-meta")
    kind = np.dtype(CODES[meta_of(name)["global"]["core:datatype"]][0])
    shipped, again = (
        np.fromfile(path, kind).astype(np.int32)
        for path in (data_of(name), tmp_path / "again.sigmf-data")
    )
    apart = np.abs(again - shipped)
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= 1e-5 * apart.size


@pytest.mark.parametrize("name", NAMES)
def test_verdict(name: str) -> None:
    verdict = analysis_of(name).verdict
    assert verdict.verdict == BY_NAME[name]["verdict"], verdict.reasons
    assert verdict.system == BY_NAME[name].get("system")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_detected_where_no_terminal_is(name: str) -> None:
    scene = load_scene(FOLDER / BY_NAME[name]["scene"])
    if not TERMINALS & {emitter.kind for emitter in scene.emitter}:
        assert analysis_of(name).verdict.verdict != "detected"


@having("bursts")
def test_burst_count(name: str) -> None:
    low, high = fact_of(name, "bursts")
    assert low <= analysis_of(name).found.burst_count <= high


@having("truth")
def test_bursts_lie_where_the_truth_is(name: str) -> None:
    """A truth is met by bursts that overlap it; their ends must lie near its own."""
    rate = BY_NAME[name]["sample_rate_hz"]
    spans = [event.burst.span for event in analysis_of(name).found.bursts]
    for claim in fact_of(name, "truth"):
        met, total = 0, 0
        for start, stop in truths(name, claim["label"]):
            total += 1
            over = [s for s in spans if s.start_sample < stop and start < s.stop_sample]
            if not over:
                continue
            met += 1
            first = min(over, key=lambda s: s.start_sample).start_sample
            last = max(over, key=lambda s: s.stop_sample).stop_sample
            if "start_error_s" in claim:
                assert abs(first - start) / rate <= claim["start_error_s"], (start, first)
            if "stop_error_s" in claim:
                assert abs(last - stop) / rate <= claim["stop_error_s"], (stop, last)
        assert total > 0
        assert met >= claim["recall"] * total, (claim["label"], met, total)


@having("lags_s")
def test_lags(name: str) -> None:
    seen = [
        peak["lag_s"]
        for track in tracks_of(name)
        for key, peaks in track.features.items()
        if key.endswith("_lags")
        for peak in peaks
    ]
    for lag_s in fact_of(name, "lags_s"):
        assert min(abs(got - lag_s) for got in seen) <= fact_of(name, "lag_within_s"), seen


@having("period_s")
def test_period(name: str) -> None:
    low, high = fact_of(name, "period_s")
    periods = [track.burst_period_s for track in tracks_of(name)]
    assert any(low <= period <= high for period in periods if period is not None), periods


@having("carrier")
def test_carriers(name: str) -> None:
    for claim in fact_of(name, "carrier"):
        carriers = {
            abs(track.features["center_hz"] - claim["center_hz"]): track
            for track in tracks_of(name)
            if track.kind == claim["kind"]
        }
        distance_hz = min(carriers)
        assert distance_hz <= claim["within_hz"]
        track = carriers[distance_hz]
        if "drift_hz_per_s" in claim:
            low, high = claim["drift_hz_per_s"]
            assert track.doppler_rate_hz_per_s is not None
            assert low <= track.doppler_rate_hz_per_s <= high
        if "symbol_rate_hz" in claim:
            low, high = claim["symbol_rate_hz"]
            assert low <= track.features["symbol_rate_hz"] <= high


@having("incidents")
def test_incidents(name: str) -> None:
    got = {(incident.kind, incident.reason) for incident in analysis_of(name).found.incidents}
    assert {tuple(item.split("/")) for item in fact_of(name, "incidents")} <= got


@having("gaps")
def test_gaps_are_the_declared_losses(name: str) -> None:
    """A loss that left no trace cannot be found, and must not be invented either."""
    captures = meta_of(name)["captures"]
    scene = load_scene(FOLDER / BY_NAME[name]["scene"])
    declared = [loss.count for loss in scene.receiver.losses if loss.declared]
    found = [i for i in analysis_of(name).found.incidents if i.kind == "gap"]
    assert len(found) == fact_of(name, "gaps") == len(declared)
    assert [gap.span.sample_count for gap in found] == declared
    assert [gap.span.stop_sample for gap in found] == [
        capture["core:global_index"] for capture in captures[1:]
    ]


@having("blind_s")
def test_blind_time(name: str) -> None:
    low, high = fact_of(name, "blind_s")
    assert low <= analysis_of(name).verdict.blind_s <= high


@having("best_match")
def test_best_match(name: str) -> None:
    best = {track.matches[0].profile for track in tracks_of(name) if track.matches}
    assert fact_of(name, "best_match") in best


@having("reason")
def test_reason(name: str) -> None:
    reasons = analysis_of(name).verdict.reasons
    assert any(fact_of(name, "reason") in reason for reason in reasons), reasons


@having("limit_db")
def test_detection_limit(name: str) -> None:
    """An empty range means: no terminal could have been recognised at any level."""
    limit = analysis_of(name).verdict.detection_limit_db
    stated = fact_of(name, "limit_db")
    if not stated:
        assert limit is None
    else:
        low, high = stated
        assert limit is not None
        assert low <= limit <= high
