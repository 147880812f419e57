"""Scenes: what is drawn, what a terminal's duty is, and levels added after rendering."""

from __future__ import annotations

import numpy as np
import pytest

from sdr_detect.score.emitters import ALERTS, EMITTERS, INGRESS, alert_scene, emitter_scene
from sdr_detect.score.listen import at_levels, make_scene
from sdr_detect.score.scenes import (
    Between,
    clean_receiver,
    drawn,
    duty,
    eight_bit_receiver,
    grid_terminal,
    impaired_receiver,
    jittered_terminal,
    scene,
)
from sdr_detect.simulate.render import blocks, truth
from sdr_detect.simulate.waveforms import waveforms

TERMINALS = {"starlink_uplink", "vsat_scpc", "vsat_tdma", "oneweb_like"}


@pytest.mark.parametrize("rate_hz", [2.4e6, 20e6])
def test_every_scene_is_valid(rate_hz: float) -> None:
    for seed in range(3):
        for name in ALERTS:
            made = make_scene(alert_scene(name, 2.0, rate_hz), seed)
            assert not TERMINALS & {e.kind for e in made.emitter}, name
        for name in EMITTERS:
            assert len(make_scene(emitter_scene(name, 0.5, rate_hz), seed).emitter) == 1


def test_every_kind_of_emitter_is_named_and_every_other_one_alerts() -> None:
    kinds = set(waveforms())
    assert {known.emitter["kind"] for known in EMITTERS.values()} == kinds
    assert {entry["kind"] for entry in INGRESS.values()} == kinds - TERMINALS


def test_what_is_open_is_drawn_from_the_seed_within_its_bounds() -> None:
    data = {"a": [Between(2.0, 3.0), {"b": Between(-1.0, 1.0)}], "c": "kept"}
    one, again, other = drawn(data, 5), drawn(data, 5), drawn(data, 6)
    assert one == again != other
    values = np.array([drawn(data, seed)["a"][0] for seed in range(400)])
    assert 2.0 <= values.min() < 2.05 < 2.95 < values.max() <= 3.0
    assert one["c"] == "kept"
    assert isinstance(data["a"][0], Between)


@pytest.mark.parametrize("terminal", [grid_terminal(), jittered_terminal()])
def test_duty_is_the_share_of_time_that_is_on(terminal: dict[str, object]) -> None:
    made = make_scene(scene("long", 8.0, clean_receiver(2.4e6), terminal), 3)
    on_s = sum(item.facts["duration_s"] for item in truth(made))
    assert on_s / 8.0 == pytest.approx(duty(terminal), rel=0.08)


def test_levels_added_are_levels_rendered() -> None:
    """The shared noise and emission give the samples that a scene of that level has."""
    data = scene("levels", 0.02, clean_receiver(2.4e6), grid_terminal())
    levels = [-18.0, 0.0, 12.0]
    added = list(at_levels(data, 9, levels))
    for index, level in enumerate(levels):
        loud = {**data, "emitter": [{**data["emitter"][0], "cn_db": level}]}
        for parallel, block in zip(added, blocks(make_scene(loud, 9)), strict=True):
            expected = block.samples
            np.testing.assert_allclose(parallel[index].samples, expected, atol=2e-7)
            assert np.abs(expected).max() > 0.05


@pytest.mark.parametrize("make", [eight_bit_receiver, impaired_receiver])
def test_a_quantising_receiver_is_rendered_at_each_level(make: object) -> None:
    data = scene("levels", 0.005, make(2.4e6), grid_terminal())  # type: ignore[operator]
    loud = {**data, "emitter": [{**data["emitter"][0], "cn_db": 3.0}]}
    (parallel,) = at_levels(data, 9, [-10.0, 3.0])
    (expected,) = blocks(make_scene(loud, 9))
    np.testing.assert_array_equal(parallel[1].samples, expected.samples)
