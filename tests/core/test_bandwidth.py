"""Bandwidth and power against signals whose spectrum is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdr_detect.dsp.bandwidth import Excess, occupied_width, x_db_width
from sdr_detect.dsp.welch import welch
from sdr_detect.features.measure import Measurement, Selection, measure
from sdr_detect.model import ComplexArray, Flag, StreamInfo
from tests.core.streams import band_noise, noise, stream_info

COUNT = 1 << 20
RATE_HZ = 2.4e6
INFO = stream_info()


def measured(
    samples: NDArray[np.complexfloating],
    low_hz: float,
    high_hz: float,
    info: StreamInfo = INFO,
    quiet: ComplexArray | None = None,
) -> Measurement:
    present = np.ones(samples.size, np.bool_)
    selection = Selection(low_hz, high_hz)
    found = measure(samples.astype(np.complex64), info, selection, present, quiet)
    assert found is not None
    return found


def bursts(size: int) -> NDArray[np.bool_]:
    on = np.zeros(size, np.bool_)
    for start in range(1000, size - 3000, 28_800):
        on[start : start + 2016] = True
    return on


def test_a_spectrum_adds_up_to_the_mean_power_and_states_its_averages() -> None:
    samples = noise(COUNT, 1, 3.0)
    found = welch(samples, RATE_HZ, 256, np.ones(COUNT, np.bool_))
    assert found is not None
    assert found.power.sum() == pytest.approx(np.mean(np.abs(samples) ** 2), rel=1e-3)
    assert found.averages == pytest.approx(found.frames * 0.95, rel=0.01)
    scatter = np.std(found.power) / np.mean(found.power)
    assert scatter == pytest.approx(found.averages**-0.5, rel=0.2)


def test_frames_lie_wholly_in_what_is_wanted() -> None:
    samples = np.zeros(10_000, np.complex64)
    samples[2000:3000] = 1
    wanted = samples.real > 0
    found = welch(samples, RATE_HZ, 64, wanted)
    assert found is not None
    assert found.frames == (1000 - 64) // 32 + 1
    assert found.power.sum() == pytest.approx(1, rel=1e-5)
    assert welch(samples, RATE_HZ, 2048, wanted) is None


def test_a_carrier_of_known_width_and_power() -> None:
    # White within 480 kHz: 99 % of the power fills 99 % of it.
    found = measured(noise(COUNT, 1) + band_noise(COUNT, 2, -0.1, 0.1, 100.0), -5e5, 5e5)
    width, power = found.figures["occupied_bandwidth_hz"], found.figures["channel_power_dbfs"]
    assert found.noise_from == "beside"
    assert width.value is not None
    assert width.sigma is not None
    assert abs(width.value - 0.99 * 480e3) < 3 * width.sigma + 500
    assert width.sigma < 2e3
    assert power.value == pytest.approx(20.0, abs=0.02)
    x_db = found.figures["x_db_bandwidth_hz"]
    assert x_db.value is not None
    assert x_db.sigma is not None
    assert abs(x_db.value - 480e3) < 2 * x_db.sigma
    assert found.figures["channel_power_dbm"].flag is Flag.UNCALIBRATED


def test_a_raised_cosine_spectrum() -> None:
    # Its 99 % bandwidth, by integration of the formula, is independent of our code.
    symbol_hz, roll_off = 300e3, 0.35
    freq = np.abs(np.fft.fftfreq(COUNT, 1 / RATE_HZ))
    edge = np.clip((freq - (1 - roll_off) * symbol_hz / 2) / (roll_off * symbol_hz), 0, 1)
    shape = np.cos(np.pi / 2 * edge) ** 2
    spectrum = np.fft.fft(noise(COUNT, 3).astype(complex)) * np.sqrt(shape)
    signal = np.fft.ifft(spectrum)
    signal *= 10 / np.sqrt(np.mean(np.abs(signal) ** 2))
    axis = np.linspace(0, 0.5 * (1 + roll_off) * symbol_hz, 200_001)
    density = np.interp(axis, np.sort(freq), shape[np.argsort(freq)])
    total = np.cumsum(density)
    expected = 2 * axis[np.searchsorted(total, 0.99 * total[-1])]
    width = measured(noise(COUNT, 4) + signal, -4e5, 4e5).figures["occupied_bandwidth_hz"]
    assert width.value == pytest.approx(expected, rel=0.01)


def test_bursts_are_measured_while_on() -> None:
    on = bursts(COUNT)
    found = measured(noise(COUNT, 1) + band_noise(COUNT, 2, -0.1, 0.1, 100.0) * on, -5e5, 5e5)
    assert found.noise_from == "quiet_time"
    assert found.figures["duty"].value == pytest.approx(on.mean(), rel=0.01)
    assert found.figures["channel_power_dbfs"].value == pytest.approx(20.0, abs=0.15)
    assert found.figures["occupied_bandwidth_hz"].value == pytest.approx(0.99 * 480e3, rel=0.01)


@pytest.mark.parametrize("usable_hz", [0.8 * RATE_HZ, None])
def test_what_is_wider_than_the_capture_has_no_bandwidth(usable_hz: float | None) -> None:
    # A receiver's filter ends every emission; that is not the emission's edge.
    samples = noise(COUNT, 1) + 5 * noise(COUNT, 2) * bursts(COUNT)
    spectrum = np.fft.fft(samples)
    spectrum[np.abs(np.fft.fftfreq(COUNT)) > 0.45] *= 0.01
    found = measured(np.fft.ifft(spectrum), -1.2e6, 1.2e6, stream_info(usable_hz=usable_hz))
    for name in ("occupied_bandwidth_hz", "x_db_bandwidth_hz"):
        assert found.figures[name].value is None
        assert found.figures[name].flag is Flag.EDGE
        assert "capture" in found.figures[name].note
    assert found.figures["cn_db"].value == pytest.approx(10 * np.log10(25), abs=0.2)


def test_a_selection_that_cuts_an_emission_is_refused() -> None:
    samples = noise(COUNT, 1) + band_noise(COUNT, 2, -0.1, 0.1, 100.0)
    width = measured(samples, -2e5, 2e5).figures["occupied_bandwidth_hz"]
    assert (width.value, width.flag) == (None, Flag.EDGE)
    assert "widen" in width.note


def test_too_weak_for_the_method_says_what_it_needs() -> None:
    samples = noise(COUNT, 1) + band_noise(COUNT, 2, -0.1, 0.1, 0.2)
    found = measured(samples, -5e5, 5e5)
    power = found.figures["channel_power_dbfs"]
    assert power.value is not None
    assert power.sigma is not None
    assert abs(power.value - 10 * np.log10(0.2)) < 3 * power.sigma
    width = found.figures["occupied_bandwidth_hz"]
    assert (width.value, width.flag) == (None, Flag.LOW_CN)
    assert "needs a C/N of" in width.note
    nothing = measured(noise(COUNT, 1), -2e5, 5e5).figures["channel_power_dbfs"]
    assert (nothing.value, nothing.flag) == (None, Flag.LOW_CN)


def test_a_given_noise_stretch_serves_a_signal_that_never_pauses() -> None:
    samples = noise(COUNT, 1) + noise(COUNT, 2, 4.0)
    unknown = measured(samples, -1.2e6, 1.2e6)
    assert unknown.noise_from == "unknown"
    assert unknown.figures["channel_power_dbfs"].flag is Flag.NOISE_UNKNOWN
    found = measured(samples, -1.2e6, 1.2e6, quiet=noise(COUNT, 9))
    assert found.noise_from == "given"
    assert found.figures["cn_db"].value == pytest.approx(6.02, abs=0.1)


def test_an_overloaded_receiver_yields_bounds_only() -> None:
    samples = noise(COUNT, 1, 1e-3) + band_noise(COUNT, 2, -0.1, 0.1, 1.0)
    clipped = np.clip(samples.real, -1, 1) + 1j * np.clip(samples.imag, -1, 1)
    info = stream_info(clip_level=1.0)
    found = measured(clipped, -5e5, 5e5, info)
    assert found.figures["channel_power_dbfs"].flag is Flag.CLIPPED
    assert found.figures["occupied_bandwidth_hz"].value is None
    assert found.occupied_hz is None


def test_calibration_adds_its_offset() -> None:
    samples = noise(COUNT, 1) + band_noise(COUNT, 2, -0.1, 0.1, 100.0)
    figures = measured(samples, -5e5, 5e5, stream_info(dbm_offset_db=-70.0)).figures
    assert figures["channel_power_dbm"].value == pytest.approx(-50.0, abs=0.02)


def test_a_tone_is_no_wider_than_the_resolution() -> None:
    tone = 10 * np.exp(2j * np.pi * 0.01 * np.arange(COUNT))
    found = measured(noise(COUNT, 1, 1e-2) + tone, -3e5, 3e5)
    assert found.figures["occupied_bandwidth_hz"].flag is Flag.RESOLUTION
    assert found.figures["channel_power_dbfs"].value == pytest.approx(20.0, abs=0.02)
    assert found.figures["crest_db"].value == pytest.approx(0.0, abs=0.3)


def test_missing_samples_are_left_out() -> None:
    samples = noise(COUNT, 1) + band_noise(COUNT, 2, -0.1, 0.1, 100.0)
    present = np.ones(COUNT, np.bool_)
    for start in range(0, COUNT, 100_000):
        samples[start : start + 30_000] = 0
        present[start : start + 30_000] = False
    found = measure(samples.astype(np.complex64), INFO, Selection(-5e5, 5e5), present)
    assert found is not None
    assert found.figures["channel_power_dbfs"].value == pytest.approx(20.0, abs=0.03)
    assert measure(samples, INFO, Selection(-5e5, 5e5), ~np.ones(COUNT, np.bool_)) is None


@settings(max_examples=40)
@given(
    low=st.integers(20, 200),
    width=st.integers(20, 250),
    beta=st.floats(0.005, 0.2),
    gain=st.floats(1e-6, 1e6),
)
def test_edges_do_not_depend_on_gain_and_widen_with_the_share(
    low: int, width: int, beta: float, gain: float
) -> None:
    power = np.zeros(512)
    power[low : low + width] = 1000.0
    freq = np.arange(512) * 1e3
    one = Excess(freq, power, np.ones(512), 0.01, 0.001)
    other = Excess(freq, gain * power, gain * np.ones(512), 0.01, 0.001)
    first, second = occupied_width(one, beta), occupied_width(other, beta)
    assert first.hz == pytest.approx((1 - beta) * width * 1e3, rel=1e-6)
    assert second.hz == pytest.approx(first.hz, rel=1e-6)
    wider = x_db_width(one, 40).hz
    assert wider is not None
    assert wider >= (x_db_width(one, 3).hz or 0) - 1e-3
