"""Each waveform against figures from standards and published measurements.

The expected numbers are written out here; none is taken from the generators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Emission
from sdr_detect.simulate.render import truth
from sdr_detect.simulate.scene import Scene
from sdr_detect.simulate.waveforms import waveforms

MakeScene = Callable[..., Scene]
Emitted = Callable[[Scene], list[Emission]]
Samples = Callable[..., ComplexArray]

#: One emitter of every kind, near the slice centre.
EVERY: dict[str, dict[str, Any]] = {
    "ads_b": {"offset_hz": 0.0, "messages_per_s": 2000.0},
    "dme": {"offset_hz": 1e5},
    "gsm": {"offset_hz": 1e5},
    "iridium_like": {"offset_hz": 0.0},
    "lte": {"offset_hz": 0.0, "load": 1.0},
    "marine_radar": {"offset_hz": 1e5, "first_look_s": 0.0},
    "nr": {"offset_hz": 0.0},
    "oneweb_like": {"offset_hz": 0.0, "activity": 1.0},
    "starlink_downlink": {"offset_hz": 0.0},
    "starlink_uplink": {"channel": 3},
    "tone": {"offset_hz": 1e5},
    "vsat_scpc": {"offset_hz": 1e5},
    "vsat_tdma": {"offset_hz": 1e5, "activity": 1.0},
}


def lag_correlation(x: ComplexArray, lag: int) -> complex:
    """Normalised autocorrelation at one lag."""
    a, b = x[:-lag].astype(np.complex128), x[lag:].astype(np.complex128)
    norm = np.sqrt(np.sum(np.abs(a) ** 2) * np.sum(np.abs(b) ** 2))
    return complex(np.vdot(a, b) / norm)


def bursts_in(envelope: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], envelope.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def test_every_kind_is_covered_here() -> None:
    assert set(EVERY) == set(waveforms())


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_emissions_are_ordered_finite_and_repeatable(
    kind: str, make_scene: MakeScene, emitted: Emitted
) -> None:
    scene = make_scene({"kind": kind, **EVERY[kind]}, scene={"duration_s": 0.05})
    found = emitted(scene)
    starts = [e.start_s for e in found]
    assert starts == sorted(starts)
    assert sum(e.note is not None for e in found) >= 1
    first = found[len(found) // 2]
    x = first.synthesise()
    assert x.dtype == np.complex64
    assert x.shape == (first.sample_count,)
    assert np.isfinite(x).all()
    assert np.array_equal(x, first.synthesise())
    other = emitted(
        make_scene({"kind": kind, **EVERY[kind]}, scene={"duration_s": 0.05, "seed": 8})
    )
    if kind != "tone":
        assert not np.array_equal(x, other[len(other) // 2].synthesise())


# ---------------------------------------------------------------- Starlink uplink


@pytest.fixture(scope="module")
def uplink(make_scene: MakeScene, emitted: Emitted) -> list[Emission]:
    emitter = {"kind": "starlink_uplink", "carriers": [504], "first_carrier": -500}
    return emitted(make_scene(emitter, scene={"duration_s": 0.2}))


def test_uplink_is_whole_symbols_of_17_867_us(uplink: list[Emission]) -> None:
    assert uplink[0].rate_hz == 60e6
    assert uplink[0].sample_count == 47 * 1072
    assert abs(uplink[0].sample_count / 60e6 - 0.84e-3) < 1e-6


def test_uplink_head_is_eight_copies_with_the_first_inverted(uplink: list[Emission]) -> None:
    head = uplink[0].synthesise()[24 : 24 + 1024].reshape(8, 128)
    products = [np.vdot(head[i], head[i + 1]) / np.vdot(head[i], head[i]) for i in range(7)]
    assert np.allclose(products, [-1, 1, 1, 1, 1, 1, 1], atol=1e-5)
    # The sequence itself does not repeat inside: no shorter lag.
    assert abs(lag_correlation(head[1], 64)) < 0.4


def test_uplink_head_fills_the_channel_and_payload_its_allocation(uplink: list[Emission]) -> None:
    x = uplink[0].synthesise()
    freq = np.fft.fftfreq(1024, 1 / 60e6)
    head = np.abs(np.fft.fft(x[24 : 24 + 1024])) ** 2
    body = np.abs(np.fft.fft(x[1072 + 24 : 1072 + 24 + 1024])) ** 2
    wide = head > head.max() * 1e-3
    assert freq[wide].min() < -28e6
    assert freq[wide].max() > 28e6
    used = body > body.max() * 1e-3
    assert int(used.sum()) == 504
    assert abs(freq[used].min() + 500 * 58_593.75) < 1
    assert not used[np.abs(freq) < 0.45e6].any()  # the gap of about 1 MHz
    inside = body[used].mean() * 1072 / 1024
    assert abs(10 * np.log10(inside / (head.sum() / 984))) < 0.5  # equal density


def test_uplink_payload_lag_is_17_067_us(uplink: list[Emission]) -> None:
    payload = uplink[0].synthesise()[1072:]
    peak = abs(lag_correlation(payload, 1024))
    assert abs(peak - 48 / 1072) < 0.02
    around = [abs(lag_correlation(payload, lag)) for lag in (960, 1000, 1050, 1100)]
    assert max(around) < peak / 2
    # Each symbol: 24 samples before are the tail, 24 behind are the start.
    symbol = payload[:1072]
    assert np.allclose(symbol[:24], symbol[1024:1048], atol=1e-2)
    assert np.allclose(symbol[24:48], symbol[1048:], atol=1e-2)


def test_uplink_bursts_lie_on_the_grid_within_the_duty_limit(uplink: list[Emission]) -> None:
    frames = np.diff([e.start_s for e in uplink]) / (4 / 3000)
    assert np.allclose(frames, np.rint(frames), atol=1e-6)
    assert set(np.rint(frames)) <= {5, 6, 7, 8, 12, 14}
    assert len(set(np.rint(frames))) > 2
    on_s = sum(e.sample_count / e.rate_hz for e in uplink[:-1])
    assert on_s / (uplink[-1].start_s - uplink[0].start_s) <= 0.11


def test_uplink_off_grid_has_no_phase(make_scene: MakeScene, emitted: Emitted) -> None:
    emitter = {"kind": "starlink_uplink", "grid_aligned": False}
    starts = np.array([e.start_s for e in emitted(make_scene(emitter, scene={"duration_s": 1.0}))])
    vector = np.exp(2j * np.pi * starts * 750).mean()
    assert abs(vector) < 3 / np.sqrt(len(starts))


def test_uplink_at_the_patent_rate(make_scene: MakeScene, emitted: Emitted) -> None:
    emitter = {"kind": "starlink_uplink", "sample_rate_hz": 62.5e6, "burst_symbols": [3]}
    burst = emitted(make_scene(emitter))[0]
    assert burst.rate_hz == 62.5e6
    assert burst.sample_count == 3 * 1072


def test_equal_power_raises_a_narrow_payload(make_scene: MakeScene, emitted: Emitted) -> None:
    emitter = {"kind": "starlink_uplink", "carriers": [63], "equal_power": True}
    x = emitted(make_scene(emitter))[0].synthesise()
    head, payload = np.mean(np.abs(x[:1072]) ** 2), np.mean(np.abs(x[1072:]) ** 2)
    assert abs(10 * np.log10(payload / head)) < 0.3


def test_uplink_changes_channel_and_level_at_the_15_s_instants(
    make_scene: MakeScene,
) -> None:
    emitter = {
        "kind": "starlink_uplink",
        "channel": 3,
        "hop_channels": [0, 1, 2, 4, 5, 6, 7],
        "slot_step_db": 20.0,
        "frames": [14],
        "doppler_hz": -20e3,
        "doppler_rate_hz_per_s": 3000.0,
    }
    wide = {"sample_rate_hz": 5e8, "rf_center_hz": 14.25e9}
    times = {"duration_s": 20.0, "start_utc": "2026-03-01T10:00:40Z"}
    found = list(truth(make_scene(emitter, scene=times, **wide)))
    before = [t for t in found if t.facts["start_s"] < 2.0]  # until 10:00:42
    second = [t for t in found if 2.0 <= t.facts["start_s"] < 17.0]
    third = [t for t in found if t.facts["start_s"] >= 17.0]  # from 10:00:57
    assert {t.facts["channel"] for t in before} == {3}
    assert {t.cn_db for t in before} == {10.0}
    for group in (second, third):
        assert len({t.facts["channel"] for t in group}) == 1
        assert len({t.cn_db for t in group}) == 1
        assert group[0].facts["channel"] != 3
        assert -10 <= group[0].cn_db < 10
        middle = [(t.freq_lower_hz + t.freq_upper_hz) / 2 for t in group]
        channel_hz = 14.03125e9 + 62.5e6 * group[0].facts["channel"]
        assert abs(middle[0] - channel_hz + 20e3) < 100  # Doppler starts anew
        seconds = group[-1].facts["start_s"] - group[0].facts["start_s"]
        assert abs((middle[-1] - middle[0]) / seconds - 3000) < 1
    assert second[0].cn_db != third[0].cn_db


def test_narrow_receiver_sees_both_uplink_lags(make_scene: MakeScene, samples: Samples) -> None:
    # 60/4 Msps: 2.133 and 17.067 us are 32 and 256 samples.
    scene = make_scene(
        {"kind": "starlink_uplink", "cn_db": 40.0, "grid_phase_s": 1e-4},
        sample_rate_hz=15e6,
        noise_dbfs=-60.0,
    )
    x = samples(scene)
    start = next(truth(scene)).start_sample
    head = x[start + 32 + 6 : start + 32 * 8 + 6]
    assert lag_correlation(head, 32).real > 0.98
    payload = x[start + 268 : start + 47 * 268]
    assert abs(lag_correlation(payload, 256)) > 0.035
    assert abs(lag_correlation(payload, 241)) < 0.02


# ------------------------------------------------------------------- other emitters


def test_downlink_frame_and_lags(make_scene: MakeScene, emitted: Emitted) -> None:
    scene = make_scene({"kind": "starlink_downlink", "offset_hz": 0.0}, sample_rate_hz=3e8)
    frames = emitted(scene)
    assert np.allclose(np.diff([f.start_s for f in frames]), 1 / 750)
    x = frames[0].synthesise()
    assert frames[0].rate_hz == 240e6
    head = x[32 : 32 + 1024].reshape(8, 128)
    assert np.allclose(head[0], -head[1], atol=1e-2)
    assert np.allclose(head[1], head[7], atol=1e-2)
    data = x[2 * 1056 : 200 * 1056]
    assert abs(abs(lag_correlation(data, 1024)) - 32 / 1056) < 0.01
    again = frames[1].synthesise()
    assert np.array_equal(x[: 2 * 1056], again[: 2 * 1056])
    assert not np.array_equal(x[2 * 1056 : 3 * 1056], again[2 * 1056 : 3 * 1056])


def test_downlink_cut_to_the_slice_matches_the_whole(
    make_scene: MakeScene, samples: Samples
) -> None:
    emitter = {"kind": "starlink_downlink", "offset_hz": 30e6, "cn_db": 40.0, "load": 1.0}
    x = samples(make_scene(emitter, noise_dbfs=-40.0))
    inside = np.abs(np.fft.fft(x)) ** 2
    freq = np.abs(np.fft.fftfreq(len(x), 1 / 2.4e6))
    power = inside[freq < 0.8e6].sum() / len(x) ** 2
    on = 302 * 4.4e-6 * 750
    assert abs(10 * np.log10(power / on / (1.6 / 2.4))) < 0.4


def test_lte_lag_frame_and_occupied_width(make_scene: MakeScene, emitted: Emitted) -> None:
    scene = make_scene({"kind": "lte", "offset_hz": 0.0, "load": 1.0}, sample_rate_hz=61.44e6)
    subframes = emitted(scene)
    x = np.concatenate([e.synthesise() for e in subframes[:12]])
    assert subframes[0].rate_hz == 30.72e6
    assert len(subframes[0].synthesise()) == 30720
    peak = lag_correlation(x, 2048)  # 66.67 us
    assert abs(abs(peak) - 144 / 2192) < 0.01
    spectrum = np.abs(np.fft.fft(x[: 30720 * 4])) ** 2
    freq = np.fft.fftfreq(30720 * 4, 1 / 30.72e6)
    share = spectrum[np.abs(freq) < 9.01e6].sum() / spectrum.sum()
    assert share > 0.995
    # Primary synchronisation: the last symbol of slot 0, the same 5 ms later.
    last = slice(30720 // 2 - 2048, 30720 // 2)
    a = np.fft.fftshift(np.fft.fft(subframes[0].synthesise()[last]))[1024 - 31 : 1024 + 32]
    b = np.fft.fftshift(np.fft.fft(subframes[5].synthesise()[last]))[1024 - 31 : 1024 + 32]
    assert abs(np.vdot(a, b)) / np.vdot(a, a).real > 0.999


def test_lte_unloaded_still_sends_reference_signals(
    make_scene: MakeScene, emitted: Emitted
) -> None:
    scene = make_scene({"kind": "lte", "offset_hz": 0.0, "load": 0.0}, sample_rate_hz=61.44e6)
    x = emitted(scene)[1].synthesise()
    power = np.abs(x) ** 2
    assert power[3000:3100].mean() < 1e-3 * power[:2000].mean()  # an empty data symbol
    slot = 15360 + 160
    assert power[slot : slot + 2048].mean() > 0.1 * power[:2000].mean()


def test_nr_lag_is_33_33_us_and_an_idle_cell_is_silent(
    make_scene: MakeScene, emitted: Emitted
) -> None:
    times = {"duration_s": 0.1}
    emitter = {"kind": "nr", "offset_hz": 0.0, "load": 1.0}
    slots = emitted(make_scene(emitter, sample_rate_hz=61.44e6, scene=times))
    x = np.concatenate([s.synthesise() for s in slots[1:12]])
    assert len(x) == 11 * 15360
    assert abs(abs(lag_correlation(x, 1024)) - 72 / 1096) < 0.01
    idle = emitted(make_scene({**emitter, "load": 0.0}, sample_rate_hz=61.44e6, scene=times))
    assert np.allclose(np.diff([s.start_s for s in idle]), 20e-3)
    on = bursts_in(np.convolve(np.abs(idle[0].synthesise()) ** 2, np.ones(64), "same") > 1e4)
    assert len(on) == 1
    assert abs((on[0][1] - on[0][0]) / 30.72e6 - 142.8e-6) < 4e-6  # four symbols


def test_ads_b_pulses(make_scene: MakeScene, emitted: Emitted) -> None:
    scene = make_scene(
        {"kind": "ads_b", "offset_hz": 0.0, "messages_per_s": 500.0, "long_fraction": 0.5},
        sample_rate_hz=50e6,
        scene={"duration_s": 0.2},
    )
    messages = emitted(scene)
    lengths = {round(m.sample_count / m.rate_hz * 1e6) for m in messages}
    assert lengths == {64, 120}
    message = next(m for m in messages if m.sample_count / m.rate_hz > 1e-4)
    on = np.abs(message.synthesise()) > 0
    us = [(a / message.rate_hz * 1e6, (b - a) / message.rate_hz * 1e6) for a, b in bursts_in(on)]
    assert [start for start, _ in us[:4]] == [0.0, 1.0, 3.5, 4.5]
    assert all(length in (0.5, 1.0) for _, length in us)
    bits = on[round(8e-6 * message.rate_hz) :].reshape(112, 2, -1)
    assert (bits.all(axis=2).sum(axis=1) == 1).all()  # one half of every microsecond
    gaps = np.diff([m.start_s for m in messages])
    assert 0.7 < gaps.std() / gaps.mean() < 1.4  # exponential


def test_dme_pairs(make_scene: MakeScene, emitted: Emitted) -> None:
    scene = make_scene({"kind": "dme", "offset_hz": 0.0}, scene={"duration_s": 0.5})
    pairs = emitted(scene)
    envelope = np.abs(pairs[3].synthesise())
    (a, b), (c, d) = bursts_in(envelope > envelope.max() / 2)
    us = 1e6 / pairs[3].rate_hz
    assert abs((b - a) * us - 3.5) <= us
    assert abs((c + d - a - b) / 2 * us - 12) <= us
    seconds = pairs[-1].start_s - pairs[0].start_s
    assert abs(len(pairs) / seconds - 2700) < 200
    assert min(np.diff([p.start_s for p in pairs])) >= 60e-6


def test_gsm_slot_frame_and_constant_envelope(make_scene: MakeScene, emitted: Emitted) -> None:
    scene = make_scene(
        {"kind": "gsm", "offset_hz": 0.0, "slots": [2, 3]}, scene={"duration_s": 0.1}
    )
    slots = emitted(scene)
    starts = np.array([s.start_s for s in slots])
    assert np.allclose(starts[1::2] - starts[::2], 576.923e-6, atol=1e-9)
    assert np.allclose(np.diff(starts[::2]), 4.61538e-3, atol=1e-7)
    envelope = np.abs(slots[0].synthesise())
    ((a, b),) = bursts_in(envelope > 0.999 * envelope.max())
    assert abs((b - a) / slots[0].rate_hz - 148 / 270_833.3) < 10e-6
    x = slots[0].synthesise()[a:b]
    turn = np.angle(x[8:] * x[:-8].conj()) / (np.pi / 2)
    assert np.abs(turn).max() < 1.01  # never more than a quarter turn a symbol
    assert np.abs(turn).max() > 0.95
    spectrum = np.sum([np.abs(np.fft.fft(s.synthesise())) ** 2 for s in slots], axis=0)
    freq = np.fft.fftfreq(slots[0].sample_count, 1 / slots[0].rate_hz)
    # GMSK at BT 0.3 holds 99 % of its power within about 0.91 symbol rates.
    assert 0.97 < spectrum[np.abs(freq) < 0.91 / 2 * 270_833].sum() / spectrum.sum() < 0.999
    assert spectrum[np.abs(freq) < 0.5 / 2 * 270_833].sum() / spectrum.sum() < 0.93


def test_iridium_bursts(make_scene: MakeScene, samples: Samples) -> None:
    emitter = {"kind": "iridium_like", "offset_hz": 0.0, "channels": 1, "cn_db": 50.0}
    scene = make_scene(emitter, sample_rate_hz=250e3, scene={"duration_s": 0.4})
    x = np.abs(samples(scene)) ** 2
    smooth = np.convolve(x, np.ones(50) / 50, "same")
    found = bursts_in(smooth > smooth.max() / 20)
    assert len(found) == 5
    assert np.allclose([(b - a) / 250e3 for a, b in found], 8.28e-3, atol=3e-4)
    assert np.allclose(np.diff([a for a, _ in found]) / 250e3, 90e-3, atol=1e-4)


def test_radar_pulses_and_scan(make_scene: MakeScene, emitted: Emitted) -> None:
    emitter = {
        "kind": "marine_radar",
        "offset_hz": 0.0,
        "prf_hz": 750.2,
        "pulse_s": 0.25e-6,
        "scan_s": 2.4,
        "beam_deg": 2.0,
        "first_look_s": 1.0,
        "cn_db": 30.0,
    }
    pulses = emitted(make_scene(emitter, scene={"duration_s": 4.0}))
    starts = np.array([p.start_s for p in pulses])
    level = np.array([p.cn_db for p in pulses])
    assert np.allclose(np.diff(starts), 1 / 750.2)
    assert abs(pulses[0].sample_count / pulses[0].rate_hz - 0.25e-6) < 1e-9
    strong = starts[level > 27]
    assert abs(strong.min() - 1.0 + 1.0 / 360 * 2.4) < 2e-3  # half a beam before the look
    second = starts[(level > 29.9) & (starts > 2.5)]
    assert abs(second.mean() - 3.4) < 2e-3
    assert level.min() == 30 - 28


def test_vsat_symbol_rate_and_roll_off(make_scene: MakeScene, samples: Samples) -> None:
    emitter = {
        "kind": "vsat_scpc",
        "offset_hz": 2e5,
        "symbol_rate_hz": 300e3,
        "roll_off": 0.2,
        "cn_db": 40.0,
    }
    scene = make_scene(emitter, noise_dbfs=-40.0, scene={"duration_s": 0.2})
    x = samples(scene) * np.exp(-2j * np.pi * 2e5 * np.arange(480_000) / 2.4e6)
    power = np.abs(x) ** 2
    line = np.abs(np.fft.rfft(power - power.mean()))
    freq = np.fft.rfftfreq(len(power), 1 / 2.4e6)
    around = (freq > 200e3) & (freq < 400e3)
    assert abs(freq[around][np.argmax(line[around])] - 300e3) < 5
    spectrum = np.abs(np.fft.fft(x)).reshape(-1, 500) ** 2
    density = spectrum.mean(axis=1)
    hz = np.arange(len(density)) * 2.4e6 / len(density)
    flat = density[hz < 100e3].mean()
    half = density[np.abs(hz - 150e3) < 3e3].mean()  # half the symbol rate: half the power
    assert abs(10 * np.log10(half / flat) + 3) < 0.4
    assert density[np.abs(hz - 200e3) < 10e3].mean() < flat * 1e-3
    # No seam: the envelope never falls silent between pieces.
    assert np.convolve(power, np.ones(64) / 64, "valid").min() > 0.1 * power.mean()


def test_vsat_bursts_hop_inside_their_group(make_scene: MakeScene, emitted: Emitted) -> None:
    emitter = {"kind": "vsat_tdma", "offset_hz": 0.0, "activity": 0.5}
    bursts = emitted(make_scene(emitter, scene={"duration_s": 2.0}))
    symbols = {b.note.facts["symbols"] for b in bursts if b.note}
    assert symbols == {536, 1868}
    assert {b.carrier.center_hz for b in bursts} == {-525e3, -175e3, 175e3, 525e3}
    durations = {round((b.note.stop_s - b.note.start_s) * 1e3, 2) for b in bursts if b.note}
    assert durations == {2.09, 7.30}


def test_oneweb_like_is_single_carrier_in_ofdm_symbols(
    make_scene: MakeScene, emitted: Emitted
) -> None:
    emitter = {"kind": "oneweb_like", "offset_hz": 0.0, "activity": 1.0, "carriers": 600}
    x = emitted(make_scene(emitter, sample_rate_hz=40e6))[0].synthesise()
    assert len(x) == 30720
    assert abs(abs(lag_correlation(x, 2048)) - 144 / 2192) < 0.02
    body = x[160 : 160 + 2048]
    points = np.fft.ifft(np.fft.fftshift(np.fft.fft(body))[724:1324])
    points /= np.sqrt(np.mean(np.abs(points) ** 2))
    assert np.allclose(np.abs(points), 1, atol=1e-3)  # QPSK after despreading


def test_tone_frequency_and_doppler(make_scene: MakeScene, samples: Samples) -> None:
    emitter = {
        "kind": "tone",
        "rf_hz": 14.2189e9,
        "cn_db": 40.0,
        "doppler_hz": 2e4,
        "doppler_rate_hz_per_s": -4e4,
    }
    scene = make_scene(emitter, scene={"duration_s": 0.5}, lo_error_hz=5e3, lo_drift_hz_per_s=1e4)
    x = samples(scene).astype(np.complex128)
    t = np.arange(len(x)) / 2.4e6
    phase = np.unwrap(np.angle(x))
    rate, offset, _ = np.polyfit(t, phase / (2 * np.pi), 2)
    assert abs(2 * rate - (-4e4 - 1e4)) < 1
    assert abs(offset - (1.5e5 + 2e4 - 5e3)) < 1
