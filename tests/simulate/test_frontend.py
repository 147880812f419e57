"""The receiver's faults, each measured alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.frontend import clip_level, decode, encode
from sdr_detect.simulate.receiver import Datatype
from sdr_detect.simulate.scene import Scene

MakeScene = Callable[..., Scene]
Samples = Callable[..., ComplexArray]

RATE = 2.4e6
LONG = {"duration_s": 0.5}


def density_db(x: ComplexArray, bins: int = 256) -> tuple[NDArray[Any], NDArray[Any]]:
    """Power density relative to white noise of power 1, and its frequencies."""
    frames = x[: len(x) // bins * bins].reshape(-1, bins) * np.hanning(bins)
    power = np.mean(np.abs(np.fft.fft(frames, axis=1)) ** 2, axis=0) / np.sum(np.hanning(bins) ** 2)
    return np.fft.fftfreq(bins, 1 / RATE), 10 * np.log10(power)


def db(x: NDArray[Any]) -> float:
    return float(10 * np.log10(np.mean(np.abs(x) ** 2)))


def test_noise_density_and_butterworth_skirts(make_scene: MakeScene, samples: Samples) -> None:
    shape = {"usable_fraction": 0.75, "order": 6}
    freq, level = density_db(samples(make_scene(scene=LONG, noise_dbfs=-20.0, filter=shape)))
    assert abs(level[np.abs(freq) < 0.5e6].mean() + 20) < 0.05
    edge = np.abs(np.abs(freq) - 0.75 * RATE / 2) < 10e3
    assert abs(level[edge].mean() + 21) < 0.3  # 1 dB at the edge of the usable part
    loss = 10 * np.log10(1 + (10**0.1 - 1) * (1 / 0.75) ** 12)
    assert abs(level[np.abs(freq) > 1.19e6].mean() + 20 + loss) < 0.6


def test_slope_and_standing_wave(make_scene: MakeScene, samples: Samples) -> None:
    shape = {"usable_fraction": 1.0, "order": 20, "slope_db": 6.0}
    freq, level = density_db(samples(make_scene(scene=LONG, noise_dbfs=0.0, filter=shape)))
    inner = np.abs(freq) < 1e6
    slope = np.polyfit(freq[inner], level[inner], 1)[0]
    assert abs(slope * RATE - 6) < 0.2
    shape = {"ripple_db": 1.0, "ripple_periods": 4.0, "usable_fraction": 1.0, "order": 20}
    freq, level = density_db(samples(make_scene(scene=LONG, noise_dbfs=0.0, filter=shape)))
    inner = np.abs(freq) < 0.9e6
    wave = np.cos(2 * np.pi * 4 * freq[inner] / RATE)
    assert abs(2 * np.mean(level[inner] * wave) - 1.0) < 0.15


def test_gain_steps_drift_and_hum(make_scene: MakeScene, samples: Samples) -> None:
    steps = [{"time_s": 0.1, "gain_db": -6.0}, {"time_s": 0.2, "gain_db": 4.0}]
    x = samples(make_scene(scene=LONG, agc_steps=steps, noise_dbfs=-20.0))
    at = [db(x[int(a * RATE) : int(b * RATE)]) for a, b in ((0, 0.1), (0.1, 0.2), (0.2, 0.5))]
    assert np.allclose(np.diff(at), [-6, 4], atol=0.1)
    x = samples(make_scene(scene=LONG, drift_db=2.0, drift_period_s=0.4, noise_dbfs=-20.0))
    low, high = (
        db(x[int(0.29 * RATE) : int(0.31 * RATE)]),
        db(x[int(0.09 * RATE) : int(0.11 * RATE)]),
    )
    assert abs(high - low - 2.0) < 0.15
    x = samples(make_scene(scene=LONG, hum=0.2, hum_hz=100.0, noise_dbfs=-20.0))
    envelope = (np.abs(x) ** 2).reshape(-1, 600).mean(axis=1)  # 4 kHz
    tone = np.exp(-2j * np.pi * 100 * np.arange(len(envelope)) / 4e3)
    depth = 2 * abs(np.mean(envelope * tone)) / envelope.mean()
    assert abs(depth - 2 * 0.2 / (1 + 0.2**2 / 2)) < 0.03


def test_dc_image_and_spur(make_scene: MakeScene, samples: Samples) -> None:
    tone = {"kind": "tone", "offset_hz": 3e5, "cn_db": 40.0}
    x = samples(
        make_scene(
            tone,
            scene=LONG,
            noise_dbfs=-50.0,
            dc_dbfs=-25.0,
            iq_image_db=-30.0,
            spurs=[{"offset_hz": -7e5, "dbfs": -33.0}],
        )
    )
    t = np.arange(len(x)) / RATE

    def line_dbfs(hz: float) -> float:
        return float(20 * np.log10(abs(np.mean(x * np.exp(-2j * np.pi * hz * t)))))

    assert abs(line_dbfs(0.0) + 25) < 0.1
    assert abs(line_dbfs(3e5) + 10) < 0.1
    assert abs(line_dbfs(-3e5) + 40) < 0.2
    assert abs(line_dbfs(-7e5) + 33) < 0.2
    assert line_dbfs(5e5) < -80


@pytest.mark.parametrize(("datatype", "step"), [("cu8", 1 / 128), ("ci8", 1 / 128)])
def test_quantisation_and_clipping(
    datatype: Datatype, step: float, make_scene: MakeScene, samples: Samples
) -> None:
    kind = make_scene(noise_dbfs=-10.0, datatype=datatype)
    x, exact = samples(kind), samples(make_scene(noise_dbfs=-10.0))
    level = clip_level(datatype)
    assert level is not None
    inside = np.maximum(np.abs(exact.real), np.abs(exact.imag)) < level
    error = (x - exact)[inside]
    assert max(np.abs(error.real).max(), np.abs(error.imag).max()) <= step / 2 + 1e-6
    assert abs(np.var(error.real) / (step**2 / 12) - 1) < 0.05
    loud = samples(make_scene(noise_dbfs=5.0, datatype=datatype))
    assert np.abs(loud.view(np.float32)).max() <= 1.0
    assert np.mean(np.abs(loud.real) >= level) > 0.1


@given(st.binary(min_size=2, max_size=400), st.sampled_from(["cu8", "ci8"]))
def test_codes_survive_decoding(raw: bytes, datatype: Datatype) -> None:
    dtype = np.uint8 if datatype == "cu8" else np.int8
    codes = np.frombuffer(raw[: len(raw) // 2 * 2], dtype)
    assert np.array_equal(encode(decode(codes, datatype), datatype), codes)


def test_codes_of_known_levels() -> None:
    x = np.array([0.5 - 0.25j, 3 - 3j], np.complex64)
    assert encode(x, "ci8").tolist() == [64, -32, 127, -128]
    assert encode(x, "ci16_le").tolist() == [16384, -8192, 32767, -32768]
    assert encode(x, "cu8").tolist() == [192, 96, 255, 0]  # 127.5 + 64, - 32: to even
    assert encode(x, "cf32_le").tolist() == [0.5, -0.25, 3.0, -3.0]
