"""Placing an emission: against closed forms of continuous time."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.model import ComplexArray
from sdr_detect.plan import Converter, FrequencyPlan
from sdr_detect.simulate.emission import Carrier, Emission, Path, Tuning
from sdr_detect.simulate.place import place

HIGH = Converter("high", 15.45e9, "high", 13e9, 15e9)
LOW = Converter("low", 12.8e9, "low", 13e9, 15e9)
WIDTH_S = 40e-6  # spectrum below -80 dB beyond 50 kHz


def gaussian(start_s: float, rate_hz: float, carrier: Carrier, skew_hz: float = 0.0) -> Emission:
    count = round(400e-6 * rate_hz)

    def synthesise() -> ComplexArray:
        t = np.arange(count) / rate_hz - 200e-6
        return np.asarray(np.exp(-((t / WIDTH_S) ** 2) + 2j * np.pi * skew_hz * t), np.complex64)

    return Emission(start_s, rate_hz, count, synthesise, carrier, 0.0, rate_hz / 2)


@given(
    start_s=st.floats(-1e-3, 700.0),
    rate_hz=st.sampled_from([0.5e6, 1.234567e6, 60e6]),
    fs=st.sampled_from([2.4e6, 1.92e6, 2.400009e6, 20e6]),
    offset_hz=st.floats(-6e5, 6e5),
    doppler_hz=st.floats(-2e5, 2e5),
    rate_hz_per_s=st.floats(-5e3, 5e3),
)
def test_fractional_start_offset_and_chirp(
    start_s: float,
    rate_hz: float,
    fs: float,
    offset_hz: float,
    doppler_hz: float,
    rate_hz_per_s: float,
) -> None:
    carrier = Carrier("offset", offset_hz, doppler_hz, rate_hz_per_s, ref_s=start_s)
    placed = place([gaussian(start_s, rate_hz, carrier)], Tuning(FrequencyPlan(), 1e9, fs), 1.0)[0]
    assert placed is not None
    first, got = placed
    since = (first + np.arange(len(got))) / fs - start_s
    expected = np.exp(-(((since - 200e-6) / WIDTH_S) ** 2))
    assert np.max(np.abs(np.abs(got) - expected)) < 2e-3
    # Phase relative to the middle: free of the phase at time zero.
    inside = expected > 0.1
    phase = np.unwrap(np.angle(got[inside]))
    t = since[inside]
    model = 2 * np.pi * ((offset_hz + doppler_hz) * t + rate_hz_per_s / 2 * t**2)
    difference = phase - model
    assert np.ptp(difference) < 5e-3


def test_pieces_with_one_reference_continue_in_phase() -> None:
    tuning = Tuning(FrequencyPlan(), 1e9, 2.4e6)
    total = np.zeros(12_000, np.complex64)
    for piece in range(50):
        emission = Emission(
            (piece - 5) * 1e-4 / 0.9,
            0.9e6,
            100,
            lambda: np.ones(100, np.complex64),
            Carrier("offset", 3e5, 1e3, 4e6),
            0.0,
            0.2e6,
        )
        placed = place([emission], tuning, 1.0)[0]
        assert placed is not None
        first, got = placed
        low, high = max(first, 0), min(first + len(got), len(total))
        if low < high:
            total[low:high] += got[low - first : high - first]
    inner = total[500:9000]
    t = np.arange(500, 9000) / 2.4e6
    expected = np.exp(2j * np.pi * (3.01e5 * t + 2e6 * t**2))
    assert np.max(np.abs(inner - expected)) < 2e-3


def test_emissions_placed_together_are_those_placed_alone() -> None:
    """Each at its own place, though they are transformed side by side."""
    tuning = Tuning(FrequencyPlan(), 1e9, 2.4e6)
    carriers = [Carrier("offset", f, 0.0, rate) for f, rate in ((-5e5, 0), (5e8, 0), (3e5, 4e3))]
    several = [
        gaussian(start_s, rate_hz, carriers[k % 3])
        for k, start_s in enumerate((0.1, 0.1001, 0.2, 5.0, 0.3, 0.31234))
        for rate_hz in (0.5e6, 60e6)
    ]
    together = place(several, tuning, 1.0)
    alone = [place([emission], tuning, 1.0)[0] for emission in several]
    assert (
        [p is None for p in together]
        == [p is None for p in alone]
        == [False, False, True, True, False, False] * 2
    )
    for one, other in zip(together, alone, strict=True):
        if one is not None and other is not None:
            assert one[0] == other[0]
            assert np.max(np.abs(one[1] - other[1])) < 1e-6


def test_level_is_cn_times_noise_density() -> None:
    emission = gaussian(0.0, 1e6, Carrier("offset", 0.0))
    placed = place([emission], Tuning(FrequencyPlan(), 1e9, 2.4e6), 4e-6)[0]
    assert placed is not None
    assert math.isclose(np.max(np.abs(placed[1])), 2e-3, rel_tol=1e-3)


def peak_hz(path: Path, center_hz: float, plan: FrequencyPlan, lo_error_hz: float) -> float:
    tuning = Tuning(plan, 14.2e9, 2.4e6, lo_error_hz)
    placed = place([gaussian(0.0, 1e6, Carrier(path, center_hz), skew_hz=1e5)], tuning, 1.0)[0]
    assert placed is not None
    spectrum = np.abs(np.fft.fft(placed[1], 1 << 16))
    return float(np.fft.fftfreq(1 << 16, 1 / 2.4e6)[int(np.argmax(spectrum))])


def test_where_each_path_appears() -> None:
    low, high = FrequencyPlan(LOW), FrequencyPlan(HIGH)
    step = 40.0
    # On air at +200 kHz, its own peak 100 kHz higher; LO 50 kHz high.
    assert abs(peak_hz("rf", 14.2002e9, low, 50e3) - 250e3) < step
    assert abs(peak_hz("rf", 14.2002e9, high, 50e3) - 250e3) < step
    # Image of a low-side LO: 2·12.8 - 14.2 = 11.4 GHz, mirrored.
    assert abs(peak_hz("image", 11.4e9, low, 50e3) - (50e3 - 100e3)) < step
    # Ingress at IF 1400.3 MHz: 14.2003 GHz below, 15.45 - 1.2503 = 14.1997 GHz above.
    assert abs(peak_hz("if", 1.4003e9, low, 50e3) - 400e3) < step
    assert abs(peak_hz("if", 1.2503e9, high, 50e3) - (-300e3 - 100e3)) < step
    assert abs(peak_hz("offset", -5e5, high, 50e3) + 400e3) < step


def test_what_lies_outside_the_slice_is_never_made() -> None:
    def refuse() -> ComplexArray:
        raise AssertionError("made")

    emission = Emission(0.0, 1e6, 100, refuse, Carrier("offset", 2e6), 0.0, 5e5)
    assert place([emission], Tuning(FrequencyPlan(), 1e9, 2.4e6), 1.0) == [None]
