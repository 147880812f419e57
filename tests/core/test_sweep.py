"""Streams of a retuning receiver: stops are gathered, blocks become tracks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from sdr_detect.dsp.layout import make_layout
from sdr_detect.events import CoverageEvent, TrackEvent, Verdict
from sdr_detect.model import ComplexArray, Flag, IQBlock
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import FrameSettings, Settings
from sdr_detect.sweep import contrast
from tests.core.streams import all_profiles, as_json, dwells, events, noise, rendered, stream_info

TERMINAL = {"kind": "starlink_uplink", "channel": 3, "cn_db": 3.0}

#: From channel 3 to channel 5 in steps of 15 MHz.
CENTRES_HZ = tuple(14.135e9 + 15e6 * k for k in range(12))


def swept(*emitters: dict[str, Any], centres_hz: Iterable[float] = CENTRES_HZ) -> list[IQBlock]:
    """One short scene after another, each at its own centre, the sample index going on."""
    stream: list[IQBlock] = []
    for k, center_hz in enumerate(centres_hz):
        scene = rendered(
            *emitters, duration_s=0.03, seed=7 + k, sample_rate_hz=20e6, rf_center_hz=center_hz
        )
        start = stream[-1].stop_sample if stream else 0
        stream += [IQBlock(b.info, start + b.first_sample, b.samples) for b in scene]
    return stream


def recut(stream: Sequence[IQBlock], size: int) -> list[IQBlock]:
    """The same stream in pieces of ``size`` samples."""
    return [
        IQBlock(b.info, b.first_sample + at, b.samples[at : at + size].copy())
        for b in stream
        for at in range(0, len(b.samples), size)
    ]


@pytest.fixture(scope="module")
def stream() -> list[IQBlock]:
    """A terminal in channel 4, swept over."""
    return swept(TERMINAL)


def sweeps(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in found if line["type"] == "track" and line["kind"] == "sweep"]


def test_a_channel_in_use_is_told_with_width_and_number(stream: list[IQBlock]) -> None:
    found = events(stream)
    (track,) = sweeps(as_json(found))
    features = track["features"]
    # Carriers -500 to 500 of 58.594 kHz are used.
    assert features["occupied_hz"] == pytest.approx(58.594e6, abs=0.6e6)
    assert features["center_hz"] == pytest.approx(14.21875e9, abs=0.3e6)
    assert features["occupied_sigma_hz"] < 1e6
    assert features["channel"] == 4
    assert features["on_channel"] is True
    assert features["bandwidth_hz"] == features["occupied_hz"]
    assert features["coverage"] > 0.95
    assert features["stops"] == len(CENTRES_HZ)
    assert track["pfa"] < 2e-4
    assert track["flags"] == []
    assert track["matches"][0]["profile"] == "starlink_uplink"
    told, coverage, verdict = found[-3:]
    assert isinstance(verdict, Verdict)
    assert isinstance(coverage, CoverageEvent)
    assert isinstance(told, TrackEvent)
    assert not told.track.matches[0].structural


def test_cutting_changes_no_event_of_a_sweep(stream: list[IQBlock]) -> None:
    assert as_json(events(recut(stream, 77_777))) == as_json(events(stream))


def test_a_blank_sweep_with_gain_that_does_not_repeat_shows_nothing() -> None:
    rng = np.random.default_rng(1)
    blank = swept()
    gained = [
        IQBlock(b.info, b.first_sample, b.samples * np.float32(10 ** (g / 20)))
        for b, g in zip(blank, rng.normal(0, 1, len(blank)), strict=True)
    ]
    assert sweeps(as_json(events(gained))) == []


def test_one_centre_is_no_sweep_and_costs_nothing(stream: list[IQBlock]) -> None:
    """Also when the gain changes, or when the terminal is there."""
    first = stream[5]
    pipeline = Pipeline(all_profiles())
    pipeline.process(IQBlock(first.info, 0, first.samples.copy()))
    found = pipeline.finish()
    assert sweeps(as_json(found)) == []
    assert not pipeline._sweep._stops


def small(retunes: Iterable[float], lifted: tuple[float, float]) -> list[IQBlock]:
    """A slow receiver whose noise comes in bursts between two frequencies."""
    stream = []
    for k, center_hz in enumerate(retunes):
        info = stream_info(8e3, center_hz=center_hz, usable_hz=8e3)
        samples = noise(8000, k)
        if lifted[0] < center_hz < lifted[1]:
            samples[np.mod(np.arange(8000), 1000) < 100] *= 2
        stream.append(IQBlock(info, 8000 * k, samples))
    return stream


def test_revisits_are_averaged_and_the_cap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdr_detect.sweep.MAX_POINTS", 800)
    centres = 14.0e9 + 1e6 * np.arange(120)
    pipeline = Pipeline((), Settings(frames=FrameSettings(dwell_s=1.0)))
    for block in small(np.concatenate((centres[:20], centres)), (14.03e9, 14.07e9)):
        pipeline.process(block)
    found = pipeline.finish()
    stops = pipeline._sweep._stops
    assert sum(s.freq_hz.size for s in stops.values()) == 800
    weights = [float(stops[key].weight.sum()) for key in sorted(stops)]
    assert len(weights) == 100
    assert weights[10] == pytest.approx(2 * weights[50], rel=0.3)
    (track,) = sweeps(as_json(found))
    assert Flag.CAPPED.value in track["flags"]
    # Stops of 8 kHz every megahertz: the edges are only bounded.
    assert track["features"]["coverage"] < 0.05
    assert track["features"]["occupied_hz"] == pytest.approx(40e6, abs=2e6)
    assert track["features"]["occupied_sigma_hz"] > 0.3e6


def test_contrast_of_bursts_and_of_nothing() -> None:
    """Duty times C/N, from noise doubled for a tenth of the time."""
    info = stream_info(2.4e6)
    layout = make_layout(info, FrameSettings())
    samples: ComplexArray = noise(6 * layout.dwell_samples + layout.lookahead + layout.nfft, 5)
    bursty = samples.copy()
    bursty[np.mod(np.arange(bursty.size), 24_000) < 2400] *= np.float32(np.sqrt(2))
    for wave, expected, widest in ((samples, 0.0, 1.2), (bursty, 0.1, 1.5)):
        pulls = []
        for dwell in dwells(wave, info):
            found = contrast(dwell.energy, dwell.frame_ok, layout)
            assert found is not None
            excess, sigma = found
            pulls.append((excess - expected) / sigma)
        # 16 sub-bands and some dwells pull by about one; bursts fluctuate themselves.
        assert len(pulls) >= 5
        assert np.abs(np.mean(pulls)) < 0.5
        assert 0.8 < np.std(pulls) < widest


def test_contrast_needs_enough_time() -> None:
    layout = make_layout(stream_info(2.4e6), FrameSettings())
    short = np.ones((7 * 32, layout.subbands), np.float32)
    assert contrast(short, np.ones(len(short), np.bool_), layout) is None
