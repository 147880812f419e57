"""Levels: ``cn_db`` is what an independent measurement finds in the slice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.render import truth
from sdr_detect.simulate.scene import Scene

MakeScene = Callable[..., Scene]
Samples = Callable[..., ComplexArray]


@pytest.mark.parametrize(
    ("kind", "keys", "half_hz"),
    [
        ("starlink_uplink", {"channel": 3, "rf_hz": 14.22875e9, "frames": [14]}, 0.9e6),
        ("starlink_uplink", {"channel": 3, "rf_hz": 14.22875e9, "burst_symbols": [3]}, 0.9e6),
        ("lte", {"offset_hz": 5e6, "load": 1.0}, 0.9e6),
        ("oneweb_like", {"offset_hz": 3e6, "activity": 0.3}, 0.9e6),
        ("vsat_scpc", {"offset_hz": 0.0, "symbol_rate_hz": 1e6}, 0.35e6),
        ("vsat_tdma", {"offset_hz": 0.0, "symbol_rate_hz": 1e6, "group_carriers": 1}, 0.35e6),
        ("gsm", {"offset_hz": 0.0}, 0.1e6),
        ("iridium_like", {"offset_hz": 0.0, "channels": 1}, 12.5e3),
    ],
)
def test_cn_is_the_density_ratio_while_on(
    kind: str, keys: dict[str, Any], half_hz: float, make_scene: MakeScene, samples: Samples
) -> None:
    cn_db = 6.0
    times = {"duration_s": 0.3}
    noise = samples(make_scene(scene=times))
    scene = make_scene({"kind": kind, "cn_db": cn_db, **keys}, scene=times)
    signal = samples(scene) - noise  # the same noise: what is left is the signal
    on = np.zeros(len(signal), bool)
    for item in truth(scene):
        on[item.start_sample : item.start_sample + item.sample_count] = True
    inside = np.abs(np.fft.fftfreq(len(signal), 1 / 2.4e6)) < half_hz
    power = [np.sum(np.abs(np.fft.fft(x)[inside]) ** 2) for x in (signal, noise)]
    measured = 10 * np.log10(power[0] / power[1] / on.mean())
    allowed = 1.0 if kind in ("gsm", "iridium_like") else 0.3
    assert abs(measured - cn_db) < allowed


def test_tone_level_is_over_the_whole_sample_rate(make_scene: MakeScene, samples: Samples) -> None:
    x = samples(make_scene({"kind": "tone", "offset_hz": 1e5, "cn_db": 3.0}, noise_dbfs=-20.0))
    tone = np.abs(np.vdot(np.exp(2j * np.pi * 1e5 * np.arange(len(x)) / 2.4e6), x)) / len(x)
    assert abs(20 * np.log10(tone) - (-17)) < 0.2


def test_pulse_levels_at_their_peak(make_scene: MakeScene, samples: Samples) -> None:
    # 2 us pulse: 500 kHz wide, well inside 20 Msps: peak power = cn + noise in 500 kHz.
    radar = {"kind": "marine_radar", "offset_hz": 0.0, "pulse_s": 2e-6, "cn_db": 50.0}
    x = samples(
        make_scene(
            {**radar, "first_look_s": 0.0},
            sample_rate_hz=20e6,
            noise_dbfs=-40.0,
            scene={"duration_s": 0.003},
        )
    )
    expected = 50 - 40 + 10 * np.log10(0.5 / 20)
    top = np.sort(np.abs(x))[-60:].mean()  # three pulses of 40 samples
    assert abs(20 * np.log10(top) - expected) < 1.0
