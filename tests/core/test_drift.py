"""Drift of tones: its rate, its error, its class; up to the public event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_detect.analysis import analyze_recording
from sdr_detect.features.drift import Drift, drift_class, drift_of, is_rising
from sdr_detect.features.tone_phase import TonePhase
from sdr_detect.formats.find import open_recording
from sdr_detect.settings import CarrierSettings, Settings
from sdr_detect.simulate.scene import parse_scene
from sdr_detect.simulate.write import write_sigmf
from tests.core.streams import KU_HZ, as_json, events, rendered

#: A bin of 1024 at 2.4 Msps, half-overlapped: what `TonePhase` is fed with.
BIN_HZ = 2.4e6 / 1024
SPACING_S = 512 / 2.4e6
PER_DWELL = 468


def followed(
    rate: float, snr_db: float, seed: int, dwells: int = 10, start_hz: float = 300e3
) -> TonePhase:
    """A tone of that power over each value's noise, drifting; bins follow it.

    Noise of half-overlapped Hann frames correlates by 1/6 from frame to frame.
    """
    rng = np.random.default_rng(seed)
    phase = TonePhase()
    for k in range(dwells):
        times = (np.arange(PER_DWELL) + k * PER_DWELL) * SPACING_S
        white = rng.standard_normal((2, PER_DWELL + 1))
        draw = (white[0] + 1j * white[1]) * np.sqrt(0.5)
        # a² + b² = 1 and ab = 1/6.
        a, b = 0.98568, 0.16909
        noise = a * draw[1:] + b * draw[:-1]
        now = start_hz + rate * float(times.mean())
        at_hz = round(now / BIN_HZ) * BIN_HZ
        turn = np.exp(2j * np.pi * (start_hz * times + rate / 2 * times**2) + 0.7j)
        values = noise + 10 ** (snr_db / 20) * turn
        phase.add(times, values.astype(np.complex64), at_hz)
    return phase


def cramer_rao(snr_db: float, values: int) -> float:
    """Least error of a chirp rate, Hz/s: sqrt(90 / snr) / (pi T²) for noise of 4/3 the density."""
    span_s = values * SPACING_S
    energy = 10 ** (snr_db / 10) * values / (4 / 3)
    return float(np.sqrt(90 / energy) / np.pi / span_s**2)


def test_chirp_rate_of_a_tone_is_near_the_bound() -> None:
    """-37 dB in 2.4 MHz over 1 s. Through real frames: 0.99 of the bound (40 draws)."""
    snr_db = -37.0 + 10 * np.log10(1024 / 1.5) + 3.0
    off, stated = [], []
    for seed in range(24):
        rate = (-3000.0, 2500.0, 0.0, 700.0)[seed % 4]
        drift = followed(rate, snr_db, seed).drift()
        assert drift is not None
        off.append(drift.rate_hz_per_s - rate)
        stated.append(drift.sigma_hz_per_s)
    bound = cramer_rao(snr_db, 10 * PER_DWELL)
    # The root mean square of 24 draws is known to 14 %.
    assert np.sqrt(np.mean(np.square(off))) < 1.2 * bound * 1.4
    assert np.median(stated) == pytest.approx(bound, rel=0.15)


def test_a_wandering_oscillator_is_not_summed_in_phase() -> None:
    rng = np.random.default_rng(2)
    phase = TonePhase()
    for k in range(12):
        times = (np.arange(PER_DWELL) + k * PER_DWELL) * SPACING_S
        # A random phase in each dwell, and 5 Hz of wander.
        offset = 40.0 * times + rng.uniform()
        wander = rng.normal(0, 5.0)
        values = np.exp(2j * np.pi * (offset + wander * (times - times.mean())))
        phase.add(times, values.astype(np.complex64), 0.0)
    drift = phase.drift()
    assert drift is not None
    assert drift.sigma_hz_per_s > 1.0
    assert abs(drift.rate_hz_per_s) < 4 * drift.sigma_hz_per_s


def test_a_bin_without_a_tone_has_no_frequency() -> None:
    assert followed(0.0, -40.0, 3, dwells=3).frequency_hz is None


def test_weights_favour_the_better_points() -> None:
    times = np.arange(10.0)
    offsets = 3.0 * times
    offsets[7] += 1000
    sigmas = np.ones(10)
    sigmas[7] = 1e6
    drift = drift_of(list(times), list(offsets), list(sigmas))
    assert drift is not None
    assert drift.rate_hz_per_s == pytest.approx(3.0, abs=1e-3)


def test_few_points_leave_more_doubt_than_their_error() -> None:
    # Student's 99.85 % quantiles: 18.2 at two degrees of freedom, 2.97 at many.
    assert Drift(0, 1, 2).doubt_hz_per_s == pytest.approx(18.2, abs=0.1)
    assert Drift(0, 1, 10_000).doubt_hz_per_s == pytest.approx(2.97, abs=0.01)


@pytest.mark.parametrize(
    ("rate", "sigma", "lo", "expected"),
    [
        (2500.0, 50.0, 215.0, "rising"),
        (-2500.0, 50.0, 215.0, "falling"),
        (200.0, 1.0, 215.0, "none"),  # an oscillator does that
        (200.0, 1.0, 10.0, "rising"),  # not one that is locked
        (5.0, 500.0, 10.0, None),  # 1 kHz/s is not excluded
        (900.0, 100.0, 700.0, None),  # neither is the oscillator
        (3000.0, 2000.0, 215.0, None),
    ],
)
def test_classes(rate: float, sigma: float, lo: float, expected: str | None) -> None:
    settings = CarrierSettings(lo_drift_hz_per_s=lo)
    assert drift_class(Drift(rate, sigma, 1000), settings) == expected


def test_no_direction_without_a_drift() -> None:
    assert drift_class(None, CarrierSettings()) is None
    assert [is_rising(c) for c in ("rising", "falling", "none", None)] == [True, False, None, None]


def tone_scene(rate: float, **receiver: Any) -> dict[str, Any]:
    return {
        "scene": {"title": "drift", "seed": 3, "duration_s": 0.5},
        "receiver": {
            "sample_rate_hz": 250e3,
            "rf_center_hz": KU_HZ,
            "datatype": "cf32_le",
            **receiver,
        },
        "emitter": [
            {
                "kind": "tone",
                "rf_hz": KU_HZ + 30e3,
                "cn_db": -5.0,
                "doppler_rate_hz_per_s": rate,
            }
        ],
    }


@pytest.mark.parametrize("name", ["ku-12.80", "ku-15.45-high"])
@pytest.mark.parametrize(("rate", "expected"), [(3000.0, "rising"), (-3000.0, "falling")])
def test_what_rises_on_air_rises_through_any_converter(
    tmp_path: Path, name: str, rate: float, expected: str
) -> None:
    path = tmp_path / "tone.sigmf-meta"
    write_sigmf(parse_scene(tone_scene(rate, converter=name)), path)
    with open_recording(path, None) as recording:
        analysis = analyze_recording(recording, settings=Settings(), profiles=())
    (tone,) = [e.track for e in analysis.found.tracks if e.track.kind == "tone"]
    assert tone.features["drift_class"] == expected
    assert tone.features["drift_rising"] is (expected == "rising")
    assert tone.doppler_rate_hz_per_s == pytest.approx(rate, abs=1.0)
    assert 0 < tone.features["doppler_rate_sigma_hz_per_s"] < 1.0


def test_a_drifting_oscillator_is_no_doppler() -> None:
    # 150 Hz/s from the receiver itself: measured to a hertz, and no direction of anything.
    tone = {"kind": "tone", "rf_hz": KU_HZ + 3e5, "cn_db": -10.0}
    stream = rendered(tone, duration_s=0.5, lo_drift_hz_per_s=150.0)
    (track,) = as_json(events(stream, None, ()), "track")
    features = track["features"]
    assert abs(track["doppler_rate_hz_per_s"]) == pytest.approx(150.0, abs=3.0)
    assert features["drift_class"] == "none"
    assert features["drift_rising"] is None
