"""A source that retunes itself, over sim:// and through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_detect.calibrated import CalibratedSource
from sdr_detect.calibration.schema import Calibration, Figure, Lo, Validity
from sdr_detect.calibration.text import calibration_toml
from sdr_detect.catalog import profiles
from sdr_detect.errors import ConfigError, SourceLost
from sdr_detect.events import CoverageEvent, Event, Incident, Verdict
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.ports import Overflow
from sdr_detect.registry import open_source
from sdr_detect.scan.plan import Stop
from sdr_detect.scan.strategy import Cycle
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.retune import RetunedScene
from sdr_detect.simulate.scene import Scene, parse_scene
from sdr_detect.tour import TouringSource

RATE_HZ = 2.4e6
SCENE = """
[scene]
title = "sweep"
seed = 5
duration_s = 3.0
start_utc = 2026-05-04T08:15:30Z
[receiver]
sample_rate_hz = 2.4e6
rf_center_hz = 14.2225e9
converter = "ku-12.80"
[[emitter]]
kind = "starlink_uplink"
channel = 3
cn_db = 8.0
"""
STOPS = [Stop(14.1575e9, 0.06, 2), Stop(14.2225e9, 0.06, 3)]


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text(SCENE, encoding="utf-8")
    return path


def test_a_retuned_scene_is_the_scene_at_that_centre() -> None:
    def made(center_hz: float) -> Scene:
        return parse_scene(
            {
                "scene": {"title": "t", "seed": 3, "duration_s": 0.25},
                "receiver": {
                    "sample_rate_hz": RATE_HZ,
                    "rf_center_hz": center_hz,
                    "datatype": "cf32_le",
                },
                "emitter": [
                    {"kind": "starlink_uplink", "channel": 3, "cn_db": 10.0},
                    {"kind": "lte", "rf_hz": 14.2222e9, "cn_db": 3.0},
                    {"kind": "tone", "rf_hz": 14.2223e9, "cn_db": -10.0},
                ],
            }
        )

    there = np.concatenate([b.samples for b in blocks(made(14.2222e9))])
    tuned = RetunedScene(made(14.25e9), None, 0, 0.005)
    for center_hz in (14.19e9, 14.24e9):
        tuned.retune(center_hz)
        assert tuned.read(50_000) is not None
    tuned.retune(14.2222e9)
    heard = list(iter(lambda: tuned.read(33_333), None))
    assert heard[0].first_sample == 2 * 50_000 + 2 * 12_000
    assert heard[0].lost_before == 12_000
    assert heard[-1].stop_sample == len(there)
    samples = np.concatenate([b.samples for b in heard])
    assert np.abs(samples - there[heard[0].first_sample :]).max() < 1e-6


def test_stops_are_counted_in_samples(scene: Path) -> None:
    source = open_source(f"sim://{scene}?pace=0&settle=0.01")
    tour = TouringSource(source, Cycle(STOPS), 0.5)
    runs: list[list[float]] = []
    stop = 0
    for block in tour.blocks():
        assert block.first_sample == stop + block.lost_before
        stop = block.stop_sample
        if not runs or runs[-1][0] != block.info.center_hz:
            assert block.lost_before == (24_000 if runs else 0)
            runs.append([block.info.center_hz or 0.0, 0])
        runs[-1][1] += block.sample_count
    assert [r[0] for r in runs[:4]] == [14.1575e9, 14.2225e9, 14.1575e9, 14.2225e9]
    assert all(0.06 * RATE_HZ <= n < 0.06 * RATE_HZ + 65_536 for _, n in runs[:-1])
    assert 0.5 * RATE_HZ <= stop < 0.5 * RATE_HZ + 65_536


def heard_through(scene: Path, seconds: float) -> tuple[list[Event], Pipeline]:
    tour = TouringSource(open_source(f"sim://{scene}?pace=0"), Cycle(STOPS), seconds)
    pipeline = Pipeline(profiles())
    found: list[Event] = []
    for block in tour.blocks():
        assert isinstance(block, IQBlock)
        found += pipeline.process(block)
    return found, pipeline


def test_a_sweep_through_the_pipeline_accounts_for_each_channel(scene: Path) -> None:
    found, pipeline = heard_through(scene, 0.6)
    seen = pipeline.snapshot()
    found += pipeline.finish()
    coverage, verdict = found[-2:]
    assert isinstance(coverage, CoverageEvent)
    assert isinstance(verdict, Verdict)
    assert (verdict.verdict, verdict.system) == ("detected", "starlink")
    third, fourth = coverage.channels[2:4]
    assert [c.visits for c in coverage.channels] == [0, 0, third.visits, fourth.visits, 0, 0, 0, 0]
    assert third.last_seen_s is None
    assert fourth.last_seen_s is not None
    assert fourth.last_seen_s > 0.1
    assert third.poi == pytest.approx(1 / 8, abs=0.01)
    assert verdict.poi == pytest.approx(2 / 8, abs=0.02)
    assert sum(c.watched_s for c in coverage.channels) == pytest.approx(
        verdict.analysed_s, abs=0.005
    )
    assert fourth.revisit_s == pytest.approx(0.074, abs=0.1)
    assert sum(stay.analysed_s for stay in coverage.stays) == pytest.approx(
        verdict.analysed_s, abs=0.005
    )
    assert seen.channels[3].last_seen_s is not None
    gaps = [e for e in found if isinstance(e, Incident) and e.kind == "gap"]
    assert {g.reason for g in gaps} == {"retune"}
    assert sum(g.span.sample_count for g in gaps) / RATE_HZ == pytest.approx(verdict.blind_s)


class _Stubborn:
    """Never obeys."""

    overflow = Overflow.BLOCK
    info = StreamInfo("stubborn", 1e3, 14e9)

    def retune(self, rf_hz: float) -> None:
        pass

    def blocks(self) -> Iterator[IQBlock]:
        for k in range(100):
            yield IQBlock(self.info, 1000 * k, np.zeros(1000, np.complex64))

    def close(self) -> None:
        pass


def test_a_receiver_that_does_not_obey_is_told() -> None:
    tour = TouringSource(_Stubborn(), Cycle(STOPS))
    with pytest.raises(SourceLost, match="asked for"):
        list(tour.blocks())


def test_a_recording_cannot_be_swept(repo_root: Path) -> None:
    path = repo_root / "recordings" / "blank_2m4.sigmf-meta"
    source = open_source(f"file://{path}?pace=0")
    with pytest.raises(ConfigError, match="cannot be tuned"):
        TouringSource(source, Cycle(STOPS))
    source.close()


def test_a_scene_says_what_cannot_be_tuned(scene: Path) -> None:
    source: Any = open_source(f"sim://{scene}?pace=0")
    with pytest.raises(ConfigError, match="outside the range"):
        source.retune(15e9)
    scene.write_text(
        SCENE.replace("[[emitter]]", "losses = [{time_s = 1, count = 9}]\n[[emitter]]")
    )
    source = open_source(f"sim://{scene}?pace=0")
    with pytest.raises(ConfigError, match="losses"):
        source.retune(14.2e9)


def cli(*words: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sdr_detect", *map(str, words)],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_sweep_by_command_records_by_hand(scene: Path, tmp_path: Path) -> None:
    done = cli(
        "sweep", "--source", f"sim://{scene}?pace=0", "--strategy", "adaptive", "--rf-range",
        "14.1875e9:14.3125e9", "--dwell", 0.06, "--seconds", 0.8, "--json", "-",
        "--fail-on-detect", "--folder", tmp_path / "hand", typed="record quay\n",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    (recording,) = (tmp_path / "hand").glob("*.sigmf-meta")
    kept = json.loads(recording.read_bytes())
    assert kept["annotations"][0]["core:label"] == "quay"
    assert len({c["core:frequency"] for c in kept["captures"]}) == 2
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["type"] for line in lines[-2:]] == ["coverage", "verdict"]
    watched = lines[-2]
    assert [c["channel"] for c in watched["channels"] if c["visits"]] == [4, 5]
    assert watched["channels"][3]["last_seen_s"] is not None
    assert len(watched["dwell_log"]) >= 3
    assert lines[-1]["verdict"] == "detected"


#: The converter's LO lies 38.4 kHz too high; 0 dBFS are -40 dBm.
OFF_PPM = 3.0
UTC = "2026-05-04T08:00:00Z"
CALIBRATION = Calibration(
    name="test",
    validity=Validity(
        sample_rate_hz=RATE_HZ, rf_lower_hz=14.0e9, rf_upper_hz=14.5e9, converter="ku-12.80"
    ),
    dbm_offset_db=Figure(value=-40.0, uncertainty=0.5, method="made up", utc=UTC),
    lo=Lo(error_ppm=Figure(value=OFF_PPM, uncertainty=0.1, method="made up", utc=UTC)),
)


def test_a_calibrated_sweep_is_what_its_recording_shows(scene: Path, tmp_path: Path) -> None:
    tone = '[[emitter]]\nkind = "tone"\nrf_hz = 14.2203e9\ncn_db = 15.0\n'
    text = SCENE.replace('ku-12.80"', f'ku-12.80"\nlo_error_ppm = {OFF_PPM}') + tone
    scene.write_text(text, encoding="utf-8")
    file, recording = tmp_path / "rx.toml", tmp_path / "swept.sigmf-meta"
    file.write_text(calibration_toml(CALIBRATION), encoding="utf-8")
    done = cli(
        "sweep", "--source", f"sim://{scene}?pace=0", "--rf-range", "14.1875e9:14.3125e9",
        "--dwell", 0.06, "--seconds", 0.5, "--json", "-", "--calibration", file,
        "--record", recording,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, *live = [json.loads(line) for line in done.stdout.splitlines()]
    assert head["calibration_sha256"] is not None
    tones = [e for e in live if e["type"] == "track" and e["kind"] == "tone"]
    assert tones
    for tone_found in tones:
        middle_hz = (tone_found["freq_lower_hz"] + tone_found["freq_upper_hz"]) / 2
        assert middle_hz == pytest.approx(14.2203e9, abs=2e3)
        assert tone_found["power_dbm"] == pytest.approx(tone_found["power_dbfs"] - 40, abs=0.1)
    again = cli("analyze", recording, "--json", "-", "--calibration", file)
    assert again.returncode == 0, again.stderr
    heard = [json.loads(line) for line in again.stdout.splitlines()[1:]]
    assert _but_for_notes(heard) == _but_for_notes(live)


def _but_for_notes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what is said of the calibration, at each stop or once of a recording."""
    return [e for e in events if "neither it nor" not in e.get("detail", "")]


def test_the_calibrated_lo_tells_where_to_tune(scene: Path) -> None:
    calibrated = CalibratedSource(open_source(f"sim://{scene}?pace=0"), CALIBRATION, None)
    tour = TouringSource(calibrated, Cycle(STOPS), 0.3)
    centres = {block.info.center_hz for block in tour.blocks()}
    assert centres == {stop.rf_hz for stop in STOPS}


def test_a_plan_needs_no_receiver() -> None:
    done = cli(
        "sweep", "--plan-only", "--strategy", "comb", "--dwell", 0.1, "--converter", "ku-12.80"
    )
    assert done.returncode == 0, done.stderr
    assert "8 stops of 1.92 MHz" in done.stdout
    assert "probability of intercept: 12.5 % in 0.1 s, 99.7 % in 1 s" in done.stdout
    assert cli("sweep", "--strategy", "comb").returncode == 2
    refused = cli("sweep", "--plan-only", "--converter", "ku-12.80", "--rf-range", "9e9:9.1e9")
    assert refused.returncode == 2
    assert "no channel" in refused.stderr.replace("\n", " ")
