"""Scenes for the simulator's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Emission
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.scene import Scene, parse_scene
from sdr_detect.simulate.waveforms import waveforms

MakeScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def make_scene() -> MakeScene:
    """A scene from emitters, receiver keys and scene keys."""

    def make(
        *emitters: dict[str, Any], scene: dict[str, Any] | None = None, **receiver: Any
    ) -> Scene:
        return parse_scene(
            {
                "scene": {"title": "test", "seed": 7, "duration_s": 0.02, **(scene or {})},
                "receiver": {
                    "sample_rate_hz": 2.4e6,
                    "rf_center_hz": 14.21875e9,
                    "datatype": "cf32_le",
                    **receiver,
                },
                "emitter": list(emitters),
            }
        )

    return make


@pytest.fixture(scope="session")
def samples() -> Callable[..., ComplexArray]:
    """All samples of a scene."""

    def render(scene: Scene, seed: int | None = None, **options: int) -> ComplexArray:
        return np.concatenate([block.samples for block in blocks(scene, seed, **options)])

    return render


@pytest.fixture(scope="session")
def emitted() -> Callable[[Scene], list[Emission]]:
    """What the first emitter of a scene emits."""

    def run(scene: Scene) -> list[Emission]:
        emitter = scene.emitter[0]
        kind = waveforms()[emitter.kind]
        return list(kind.emissions(emitter, scene.context(0, scene.scene.seed)))

    return run
