"""Folding at the frame rate: against references, on noise, on terminals and on their doubles."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from sdr_detect.dsp.fold import COMPETITORS, CONTROLS, FRAME_RATE_HZ, FoldPlan, make_plan
from sdr_detect.dsp.layout import make_layout
from sdr_detect.features.fold_lags import FoldedLags
from sdr_detect.features.fold_search import FRAME_CORRELATION, best_box, box_widths
from sdr_detect.features.folded import Folder, FoldWindow
from sdr_detect.model import IQBlock
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import FoldSettings, FrameSettings, Settings, VerdictSettings
from tests.core.streams import (
    all_profiles,
    as_json,
    dwells,
    events,
    noise,
    one_block,
    rendered,
    stream_info,
)

#: Chance that an honest detector fails a test of its stated chance.
DOUBT = 1e-3

#: Beside the gap in the middle of channel 3.
PARKED_HZ = 14.2155e9

#: Folds of any significance make a track.
OPEN = Settings(fold=FoldSettings(pfa=0.5))

GRID = {"kind": "starlink_uplink", "frames": [1], "burst_symbols": [7]}
JITTERED = {
    "kind": "starlink_uplink",
    "frames": list(range(5, 15)),
    "burst_symbols": [3, 9, 21, 47],
    "duty_limit": 0.13,
}


def parked(*emitters: dict[str, Any], duration_s: float, seed: int = 7) -> list[IQBlock]:
    return rendered(*emitters, duration_s=duration_s, seed=seed, rf_center_hz=PARKED_HZ)


def folds(stream: list[IQBlock], chosen: Settings | None = None) -> list[dict[str, Any]]:
    tracks = as_json(events(stream, chosen), "track")
    return [track for track in tracks if track["kind"] in ("fold", "preamble")]


def gated(count: int, rate_hz: float, period_s: float, on_s: float, snr_db: float) -> NDArray[Any]:
    """Noise, and in it a burst of noise every period."""
    samples = noise(count, 11)
    burst = noise(count, 12, 10 ** (snr_db / 10))
    phase = np.mod(np.arange(count) / rate_hz + 0.2e-3, period_s)
    return samples + np.where(phase < on_s, burst, 0)


@given(
    frames=st.integers(1, 400),
    first=st.integers(0, 10**12),
    ratio=st.floats(0.05, 5.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_fold_equals_a_plain_sum_by_phase(frames: int, first: int, ratio: float, seed: int) -> None:
    plan = make_plan(make_layout(stream_info(), FrameSettings()), (1.0, ratio))
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((frames, 3)).astype(np.float32)
    ok = rng.random(frames) < 0.8
    sums, counts = plan.fold(first, values, ok)
    starts = first + np.arange(frames) * plan.hop
    for low, high, period in zip(plan.offsets[:-1], plan.offsets[1:], plan.periods, strict=True):
        bins = int(high - low)
        phase = np.mod(starts / period, 1.0) * bins
        # A frame on the edge of a bin may fall to either side.
        sure = np.abs(phase - np.rint(phase)) > 1e-3
        if not sure.all():
            continue
        index = np.minimum(phase.astype(int), bins - 1)[ok]
        assert np.array_equal(counts[low:high], np.bincount(index, minlength=bins))
        for column in range(3):
            expected = np.bincount(index, values[ok, column].astype(float), bins)
            assert sums[low:high, column] == pytest.approx(expected, abs=1e-4)


def test_no_control_rate_is_near_a_ratio_of_small_numbers() -> None:
    simple = {p / q for p, q in itertools.product(range(1, 9), range(1, 9))}
    for control in CONTROLS:
        assert min(abs(control - ratio) for ratio in simple) > 2e-3
        # Nor on a harmonic of the mains, as close as a tenth of a second tells.
        rate_hz = control * FRAME_RATE_HZ
        assert abs(rate_hz / 50 - round(rate_hz / 50)) * 50 > 0.5
    assert not set(CONTROLS) & set(COMPETITORS)


@pytest.mark.parametrize(("bins", "frames"), [(100, 75), (104, 750)])
def test_boxes_of_noise_are_no_rarer_than_stated(bins: int, frames: int) -> None:
    rng = np.random.default_rng(bins)
    shape, trials = 27.0, 4000
    chances = []
    for _ in range(trials):
        sums = rng.gamma(shape * frames, 1 / shape, bins) - frames
        # Bins are independent here; real neighbours are alike.
        spread = np.array([1 / shape / (1 + 2 * FRAME_CORRELATION), 2 / np.sqrt(shape)])
        counts = np.full(bins, float(frames))
        chances.append(best_box(sums, counts, spread, box_widths(bins, 4)).chance)
    for level in (0.1, 0.01, 0.001):
        seen = np.count_nonzero(np.array(chances) < level)
        assert seen <= binom.isf(DOUBT, trials, level), (level, seen)
    # Nor much more often than seen: a bound that never alarms is worth nothing.
    assert np.count_nonzero(np.array(chances) < 0.1) >= 0.02 * trials


def windows_of_noise(rate_hz: float, count: int, size: int) -> list[FoldWindow]:
    info = stream_info(rate_hz)
    layout = make_layout(info, FrameSettings())
    folder = Folder(layout)
    samples = noise((count * size) * layout.dwell_samples + layout.lookahead, 31)
    folded = [folder.fold(dwell) for dwell in dwells(samples, info)]
    groups = zip(*[iter(folded)] * size, strict=False)
    return [FoldWindow(group, folder) for group in groups]


@pytest.mark.parametrize(("rate_hz", "count", "size"), [(2.4e6, 60, 1), (2.4e6, 15, 4)])
def test_folds_of_receiver_noise_are_no_rarer_than_stated(
    rate_hz: float, count: int, size: int
) -> None:
    energies, preambles = [], []
    lags_s = Folder(make_layout(stream_info(rate_hz), FrameSettings())).lags.lags_s
    for window in windows_of_noise(rate_hz, count, size):
        hit = window.search(1.0)
        energies.append(1.0 if hit is None else hit.chance)
        lags = FoldedLags(window.aligned("lags", 0.0).astype(np.complex128), lags_s)
        found = lags.search()
        preambles.append(1.0 if found is None else found.chance)
    for chances in (energies, preambles):
        for level in (0.2, 0.05):
            seen = np.count_nonzero(np.array(chances) < level)
            assert seen <= binom.isf(DOUBT, count, level), (level, seen)


@pytest.mark.parametrize(
    ("terminal", "duration_s", "cn_db"),
    [(GRID, 0.1, -11.0), (GRID, 1.0, -16.0), (JITTERED, 1.0, -8.5)],
)
def test_a_terminal_far_below_the_noise_keeps_the_frame(
    terminal: dict[str, Any], duration_s: float, cn_db: float
) -> None:
    found = folds(parked({**terminal, "cn_db": cn_db}, duration_s=duration_s))
    assert found
    assert min(track["pfa"] for track in found) < 1e-6


def test_energy_that_keeps_the_frame_speaks_for_a_terminal() -> None:
    (track,) = folds(parked({**GRID, "cn_db": -14.0}, duration_s=0.5))
    best = track["matches"][0]
    assert best["profile"] == "starlink_uplink"
    assert any("phases of 1.333 ms" in reason for reason in best["reasons"])


def test_energy_and_preamble_together_are_detected() -> None:
    said = as_json(events(parked({**GRID, "cn_db": -9.0}, duration_s=1.0)))
    tracks = [line for line in said if line["type"] == "track"]
    assert [track["kind"] for track in tracks] == ["fold"]
    assert {round(lag["lag_s"] * 1e9) for lag in tracks[0]["features"]["head_lags"]} & {2133, 2048}
    assert (said[-1]["verdict"], said[-1]["system"]) == ("detected", "starlink")


def test_energy_alone_is_inconclusive_and_says_why() -> None:
    """Noise gated at the frame rate: a terminal's timing, not its preamble."""
    samples = gated(2_400_000, 2.4e6, 1 / FRAME_RATE_HZ, 0.13e-3, -10.0)
    said = as_json(events(one_block(samples.astype(np.complex64))))[-1]
    assert said["verdict"] == "inconclusive"
    assert "resembles" in said["reasons"][0] or "keeps a phase" in said["reasons"][0]


@pytest.mark.parametrize("rate_hz", [500.0, 1000.0, 1500.0, 1125.0, 600.0, 50.0])
def test_a_train_at_a_competing_rate_keeps_no_frame(rate_hz: float) -> None:
    samples = gated(1_200_000, 2.4e6, 1 / rate_hz, 0.1 / rate_hz if rate_hz > 100 else 0.8e-3, -6.0)
    assert folds(one_block(samples.astype(np.complex64))) == []


def test_bursts_at_random_times_keep_no_frame() -> None:
    random = {**JITTERED, "grid_aligned": False, "cn_db": 3.0}
    for seed in (1, 2):
        for track in folds(parked(random, duration_s=1.0, seed=seed)):
            reasons = [r for match in track["matches"] for r in match["reasons"]]
            assert not any("phases of 1.333 ms" in reason for reason in reasons)


@pytest.mark.parametrize("cn_db", [6.0, 12.0, 30.0])
def test_a_radar_at_the_frame_rate_is_no_terminal(cn_db: float) -> None:
    radar = {
        "kind": "marine_radar",
        "offset_hz": 1e5,
        "cn_db": cn_db,
        "pulse_s": 1e-6,
        "prf_hz": 750.2,
        "side_lobe_db": 0.0,
    }
    said = as_json(events(parked(radar, duration_s=2.0)))
    assert said[-1]["verdict"] != "detected"
    kept = [t for t in said if t["type"] == "track" and t["kind"] == "fold"]
    for match in (m for track in kept for m in track["matches"]):
        assert not any("phases of 1.333 ms" in reason for reason in match["reasons"])


def test_a_downlink_at_low_load_is_no_terminal() -> None:
    image = {
        "kind": "starlink_downlink", "rf_hz": 11.3825e9, "image": True, "load": 0.3, "cn_db": 8.0
    }  # fmt: skip
    for seed in (103,):
        stream = rendered(
            image, duration_s=1.0, seed=seed, rf_center_hz=PARKED_HZ, converter="ku-12.80"
        )
        assert as_json(events(stream))[-1]["verdict"] != "detected"


@pytest.mark.parametrize("cn_db", [-2.0, 12.0])
def test_ingress_that_comes_at_every_phase_hides_no_preamble(cn_db: float) -> None:
    # A phone's slots correlate at every lag, as all that is narrow does.
    phone = {"kind": "gsm", "offset_hz": 3e5, "cn_db": 12.0, "slots": [3]}
    said = as_json(events(parked({**GRID, "cn_db": cn_db}, phone, duration_s=0.3)))
    assert (said[-1]["verdict"], said[-1]["system"]) == ("detected", "starlink")


def test_a_constant_product_at_all_phases_is_taken_out() -> None:
    rng = np.random.default_rng(3)
    lags_s = (2.1333333e-6, 2.048e-6, 1.5e-6, 2.85e-6, 3.2e-6, 3.55e-6, 4.2666667e-6, 4.096e-6)
    sums = np.zeros((100, 2, len(lags_s) + 2), complex)
    deviation = np.sqrt(75 / 2)
    sums[..., :-2] = deviation * 0.2 * (rng.normal(size=(100, 2, len(lags_s), 2)) @ (1, 1j))
    sums[..., -1] = 75 * (1 + 1j)
    sums[40, :, 0] += 75 * 0.5
    sums[40, :, 6] += 75 * 0.4  # the preamble goes on after twice the lag
    sums[40, :, -2] += 75 * 0.9
    plain = FoldedLags(sums, lags_s).search()
    assert plain is not None
    assert (plain.start, plain.lag) == (40, 0)
    assert plain.chance < 1e-6
    # 0.9 of the power of those frames is signal; beside them there is none.
    assert 10 * np.log10(plain.excess) == pytest.approx(10 * np.log10(9), abs=0.1)
    beside = sums.copy()
    beside[..., :-2] += 75 * 0.3 * np.exp(2j * np.pi * 3e5 * np.array(lags_s))
    found = FoldedLags(beside, lags_s).search()
    assert found is not None
    assert (found.start, found.lag) == (40, 0)
    assert found.chance == pytest.approx(plain.chance, rel=1e-6)


def test_a_sequence_that_is_over_after_twice_the_lag_is_no_preamble() -> None:
    rng = np.random.default_rng(5)
    lags_s = (2.1333333e-6, 2.048e-6, 1.5e-6, 2.85e-6, 3.2e-6, 3.55e-6, 4.2666667e-6, 4.096e-6)
    sums = np.zeros((100, 2, len(lags_s) + 2), complex)
    sums[..., :-2] = 1.2 * (rng.normal(size=(100, 2, len(lags_s), 2)) @ (1, 1j))
    sums[..., -1] = 75 * (1 + 1j)
    sums[40, :, 0] += 75 * 0.5
    sums[40, :, -2] += 75 * 0.9
    short = FoldedLags(sums, lags_s).search()
    sums[40, :, 6] += 75 * 0.4
    whole = FoldedLags(sums, lags_s).search()
    assert short is not None
    assert whole is not None
    assert (short.chance, whole.start) == (1.0, 40)
    assert whole.chance < 1e-6


@pytest.mark.parametrize("cn_db", [3.0, 8.0])
def test_preambles_alone_are_detected(cn_db: float) -> None:
    # The payload lies outside the slice.
    alone = {**JITTERED, "carriers": [63], "first_carrier": 200, "cn_db": cn_db}
    said = as_json(events(parked(alone, duration_s=1.5)))
    assert (said[-1]["verdict"], said[-1]["system"]) == ("detected", "starlink")


def test_a_strong_downlink_that_fills_most_of_each_frame_is_no_terminal() -> None:
    image = {
        "kind": "starlink_downlink", "rf_hz": 11.3825e9, "image": True, "load": 0.65, "cn_db": 24.0
    }  # fmt: skip
    stream = rendered(image, duration_s=0.5, seed=5, rf_center_hz=PARKED_HZ, converter="ku-12.80")
    tracks = [t for t in as_json(events(stream), "track") if t["kind"] == "fold"]
    assert tracks
    assert {t["matches"][0]["profile"] for t in tracks} <= {"starlink_downlink", "unknown"}


def test_a_drifting_clock_is_followed_over_fifteen_seconds() -> None:
    rate_hz, ppm = 1.0e6, 18.0
    samples = gated(15_000_000, rate_hz, (1 + ppm * 1e-6) / FRAME_RATE_HZ, 0.13e-3, -16.0)
    (track,) = folds(one_block(samples.astype(np.complex64), stream_info(rate_hz)))
    assert track["pfa"] < 1e-6
    assert track["features"]["fold_drift_ppm"] == pytest.approx(ppm, abs=8)


@pytest.mark.parametrize(
    "emitter",
    [
        {**JITTERED, "cn_db": -6.0},
        {"kind": "lte", "offset_hz": 1e6, "cn_db": 6.0, "bandwidth_mhz": 20, "load": 0.3},
        {
            "kind": "marine_radar", "offset_hz": 1e5, "cn_db": 12.0, "pulse_s": 1e-6,
            "prf_hz": 750.2, "side_lobe_db": 0.0,
        },
    ],
    ids=["terminal", "base station", "radar"],
)  # fmt: skip
def test_looking_on_changes_no_event(emitter: dict[str, Any]) -> None:
    stream = parked(emitter, duration_s=0.7)
    watched = Pipeline(all_profiles(), OPEN)
    found = []
    for block in stream:
        found += watched.process(block)
        watched.snapshot()
    found += watched.finish()
    assert as_json(found) == as_json(events(stream, OPEN))


def test_slow_streams_are_not_folded() -> None:
    assert folds(one_block(noise(800_000, 3), stream_info(100e3)), OPEN) == []


def test_a_watch_of_hours_is_allowed_its_share_of_a_days_false_alarms() -> None:
    chosen = VerdictSettings()
    assert chosen.allowed_pfa(0.1) == chosen.allowed_pfa(2.0) == chosen.max_pfa
    hour, day = chosen.allowed_pfa(3600.0), chosen.allowed_pfa(86400.0)
    assert chosen.max_pfa < hour < day <= 1e-2
    # Three kinds of detector, 24 hours: fewer than one false detection a day.
    assert 3 * 24 * hour < 1


def test_plan_covers_every_phase() -> None:
    layout = make_layout(stream_info(), FrameSettings())
    plan = make_plan(layout, (1.0, *CONTROLS))
    assert isinstance(plan, FoldPlan)
    ones = np.ones((layout.frames, 1), np.float32)
    sums, counts = plan.fold(0, ones, np.ones(layout.frames, bool))
    assert counts.min() > 0
    assert counts.sum() == layout.frames * len(plan.periods)
    assert sums[:, 0] == pytest.approx(counts)


def test_blind_time_closes_a_window_once() -> None:
    rate_hz = 1.0e6
    layout = make_layout(stream_info(rate_hz), FrameSettings())
    count = 9 * layout.dwell_samples
    samples = gated(count, rate_hz, 1 / FRAME_RATE_HZ, 0.13e-3, -8.0).astype(np.complex64)
    blind = np.concatenate((samples, np.zeros(40 * layout.dwell_samples, np.complex64)))
    found = [folds(one_block(s, stream_info(rate_hz)))[0] for s in (samples, blind)]
    # Of windows with the same dwells in them, one more scale is full.
    assert found[1]["features"]["windows"] <= found[0]["features"]["windows"] + 1
    assert found[0]["pfa"] == pytest.approx(found[1]["pfa"])


def test_a_fold_claims_no_band_that_was_not_watched() -> None:
    samples = gated(1_200_000, 2.4e6, 1 / FRAME_RATE_HZ, 0.13e-3, -8.0).astype(np.complex64)
    info = stream_info(usable_hz=1.6e6)
    (track,) = folds(one_block(samples, info))
    assert track["freq_upper_hz"] - track["freq_lower_hz"] <= 1.7e6
