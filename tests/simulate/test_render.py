"""The stream: the same however it is cut, repeatable, with its losses accounted for."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.model import ComplexArray
from sdr_detect.simulate import render
from sdr_detect.simulate.render import blocks, stream_info, truth
from sdr_detect.simulate.scene import Scene

MakeScene = Callable[..., Scene]
Samples = Callable[..., ComplexArray]

BUSY: list[dict[str, Any]] = [
    {"kind": "starlink_uplink", "cn_db": 20.0},
    {"kind": "vsat_scpc", "offset_hz": -6e5, "symbol_rate_hz": 100e3, "cn_db": 20.0},
    {"kind": "lte", "offset_hz": 9e6, "cn_db": 10.0},
    {"kind": "tone", "offset_hz": 4e5, "doppler_rate_hz_per_s": 1e4, "cn_db": 10.0},
    {"kind": "ads_b", "offset_hz": 0.0, "messages_per_s": 1000.0},
]
FAULTS: dict[str, Any] = {
    "noise_dbfs": -40.0,
    "dc_dbfs": -40.0,
    "hum": 0.1,
    "spurs": [{"offset_hz": 2e5, "dbfs": -50}],
    "agc_steps": [{"time_s": 0.01, "gain_db": -3.0}],
    "losses": [
        {"time_s": 0.005, "count": 1000},
        {"time_s": 0.012, "count": 777, "declared": False},
    ],
}


@pytest.fixture(scope="module")
def busy(make_scene: MakeScene) -> Scene:
    return make_scene(*BUSY, **FAULTS)


@pytest.fixture(scope="module")
def whole(busy: Scene, samples: Samples) -> ComplexArray:
    return samples(busy)


@settings(max_examples=12)
@given(block_samples=st.integers(50, 60_000))
def test_block_size_changes_nothing(block_samples: int, busy: Scene, whole: ComplexArray) -> None:
    got = list(blocks(busy, block_samples=block_samples))
    assert all(len(b.samples) <= block_samples for b in got)
    assert np.array_equal(np.concatenate([b.samples for b in got]), whole)
    for before, after in itertools.pairwise(got):
        assert after.first_sample == before.stop_sample + after.lost_before


def test_inner_grid_leaves_no_seam(
    make_scene: MakeScene, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Noise is drawn by grid block, so it is made inaudible here.
    quiet = {**FAULTS, "noise_dbfs": -100.0}
    loud = [{**e, "cn_db": e.get("cn_db", 10.0) + 60} for e in BUSY]
    expected = samples(make_scene(*loud, **quiet))
    monkeypatch.setattr(render, "GRID", 5000)
    got = samples(make_scene(*loud, **quiet))
    assert np.max(np.abs(got - expected)) < 1e-3 * np.max(np.abs(expected))


def test_noise_blocks_are_independent_and_seeded(make_scene: MakeScene, samples: Samples) -> None:
    scene = make_scene(scene={"duration_s": 0.2})
    a, again, b = samples(scene), samples(scene, 7), samples(scene, 8)
    assert np.array_equal(a, again)
    for other in (b, np.roll(a, 1 << 17)):
        correlation = np.vdot(a, other) / np.vdot(a, a).real
        assert abs(correlation) < 5 / np.sqrt(len(a))


def test_seed_changes_schedule_and_payload(make_scene: MakeScene) -> None:
    scene = make_scene(BUSY[0], scene={"duration_s": 1.0})
    starts = [[t.start_sample for t in truth(scene, seed)] for seed in (7, 7, 8)]
    assert starts[0] == starts[1] != starts[2]


def test_an_emitter_does_not_disturb_another(make_scene: MakeScene, samples: Samples) -> None:
    both = samples(make_scene(BUSY[0], BUSY[3]))
    one = samples(make_scene(BUSY[0]))
    noise = samples(make_scene())
    tone = both - one
    power = np.mean(np.abs(tone[100:-100]) ** 2)
    assert np.std(np.abs(tone[100:-100])) < 1e-3 * np.sqrt(power)
    assert np.mean(np.abs(one - noise) ** 2) > 0


def test_same_scene_at_another_rate_is_the_same_emission(make_scene: MakeScene) -> None:
    times = {"duration_s": 0.3}
    narrow = list(truth(make_scene(BUSY[0], scene=times)))
    wide = list(truth(make_scene(BUSY[0], scene=times, sample_rate_hz=20e6)))
    assert [t.facts for t in narrow] == [t.facts for t in wide]
    assert [round(t.start_sample / 2.4e6, 5) for t in narrow] == [
        round(t.start_sample / 20e6, 5) for t in wide
    ]


def test_truth_matches_the_samples(make_scene: MakeScene, samples: Samples) -> None:
    scene = make_scene(
        {"kind": "starlink_uplink", "cn_db": 30.0, "burst_symbols": [3, 20, 47]},
        scene={"duration_s": 0.3},
        losses=[{"time_s": 0.1, "count": 5000}, {"time_s": 0.2, "count": 321, "declared": False}],
    )
    x = samples(scene)
    assert len(x) == 0.3 * 2.4e6 - 5321
    envelope = np.convolve(np.abs(x) ** 2, np.ones(16) / 16, "same")
    quiet = np.median(envelope)
    found = list(truth(scene))
    assert len(found) > 10
    covered = np.zeros(len(x), bool)
    for item in found:
        inside = slice(item.start_sample, item.start_sample + item.sample_count)
        covered[inside] = True
        assert np.mean(envelope[inside]) > 100 * quiet
    covered = np.convolve(covered, np.ones(101), "same") > 0
    assert envelope[~covered].max() < 30 * quiet


def test_losses(make_scene: MakeScene, samples: Samples) -> None:
    plain = samples(make_scene(BUSY[0]))
    lossy = make_scene(
        BUSY[0],
        losses=[
            {"time_s": 0.0, "count": 10},
            {"time_s": 0.005, "count": 1000},
            {"time_s": 0.01, "count": 50, "declared": False},
        ],
    )
    got = list(blocks(lossy))
    assert [(b.first_sample, b.lost_before) for b in got] == [(10, 10), (13_000, 1000)]
    cuts = [plain[10:12_000], plain[13_000:24_000], plain[24_050:]]
    assert np.array_equal(got[0].samples, cuts[0])
    assert np.array_equal(got[1].samples, np.concatenate(cuts[1:]))


def test_what_misses_the_slice_is_no_truth(make_scene: MakeScene, samples: Samples) -> None:
    scene = make_scene({"kind": "starlink_uplink", "channel": 6, "cn_db": 60.0})
    assert list(truth(scene)) == []
    assert np.allclose(samples(scene), samples(make_scene()))


def test_stream_info(make_scene: MakeScene) -> None:
    scene = make_scene(
        scene={"start_utc": "2026-01-01T00:00:12Z"}, datatype="ci8", converter="ku-12.80"
    )
    info = stream_info(scene)
    assert info.if_center_hz == 14.21875e9 - 12.8e9
    assert info.clip_level == 127 / 128
    assert info.usable_hz == pytest.approx(0.8 * 2.4e6)
    assert info.start_ns == scene.start_ns


def test_block_size_must_be_positive(make_scene: MakeScene) -> None:
    with pytest.raises(ValueError, match="block_samples"):
        next(blocks(make_scene(), block_samples=0))
