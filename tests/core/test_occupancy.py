"""Occupancy by periods: against known duty, and intervals that hold what they should."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from sdr_detect.events import Event, Incident, OccupancyEvent, to_json
from sdr_detect.features.blocking import Blocking, samples_needed, wilson
from sdr_detect.features.channel_occupancy import MAX_BANDS, OccupancyLog
from sdr_detect.model import Flag, IQBlock, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import OccupancySettings, Settings
from tests.core.streams import band_noise, cut_stream, dwells, events, noise, stream_info

WANTED = Settings(occupancy=OccupancySettings(enabled=True, integration_s=1.0))
RATE_HZ = 2.4e6


def periods(found: list[Event]) -> list[OccupancyEvent]:
    return [event for event in found if isinstance(event, OccupancyEvent)]


def keyed(seconds: float, seed: int = 1) -> np.ndarray:
    """20 ms on, 60 ms off, in the middle fifth of the slice; a carrier beside it."""
    count = int(seconds * RATE_HZ)
    on = (np.arange(count) // int(0.02 * RATE_HZ)) % 4 == 0
    burst = band_noise(count, seed + 1, -0.1, 0.1, 4.0) * on
    steady = band_noise(count, seed + 2, 0.25, 0.3, 2.0)
    return np.asarray(noise(count, seed) + burst + steady, np.complex64)


def test_channels_that_key_stay_and_are_free() -> None:
    found = periods(events([IQBlock(stream_info(), 0, keyed(1.05))], WANTED, ()))
    assert [event.complete for event in found] == [True, False]
    whole = found[0]
    assert (whole.start_s, whole.stop_s) == (0.0, 1.0)
    assert whole.observation_share == pytest.approx(1, abs=0.02)
    centre = stream_info().center_hz
    assert centre is not None
    for channel in whole.channels:
        low, high = ((f - centre) / RATE_HZ for f in (channel.freq_lower_hz, channel.freq_upper_hz))
        # A quarter of each 80 ms from 0 s on: 13 times in the first second.
        if low > -0.1 and high < 0.1:
            assert channel.fco == pytest.approx(0.26, abs=0.005)
            assert channel.lower < 0.25 < channel.upper
            assert channel.transmission_s == pytest.approx(0.02, rel=0.05)
            assert channel.transmissions == 13
            assert channel.accuracy is not None
            assert abs(channel.fco - 0.26) < channel.accuracy + 0.002
        elif low > 0.25 and high < 0.3:
            assert channel.fco == 1.0
        elif high < -0.12 or low > 0.33 or 0.12 < low < high < 0.24:
            # Switching splatters: a sample at an edge may be one too many.
            assert channel.fco < 0.002
    assert whole.fbo == pytest.approx(np.mean([c.fco for c in whole.channels]))
    assert whole.fbo_lower <= whole.fbo <= whole.fbo_upper


def test_cutting_the_stream_changes_nothing_and_blind_time_does_not_count() -> None:
    samples, info = keyed(1.5), stream_info()
    gaps = [(300_000, 1_100_000), (2_000_000, 2_050_000)]
    one = periods(events(cut_stream(info, samples, gaps, ()), WANTED, ()))
    other = periods(
        events(cut_stream(info, samples, gaps, range(0, 3_600_000, 77_777)), WANTED, ())
    )
    assert [to_json(e) for e in one] == [to_json(e) for e in other]
    assert one[0].observation_share == pytest.approx(1 - 850 / 2400, abs=0.02)
    assert one[0].revisit_s > one[0].sample_s
    busiest = max(c.fco for c in one[0].channels[4:9])
    assert busiest == pytest.approx(0.25, abs=0.05)


def test_json_is_whole_and_finite() -> None:
    found = periods(events([IQBlock(stream_info(), 0, keyed(0.3))], WANTED, ()))
    line = json.loads(json.dumps(to_json(found[-1]), allow_nan=False))
    assert line["type"] == "occupancy"
    assert line["complete"] is False
    assert len(line["channels"]) == 16


def test_off_unless_wanted_and_in_the_snapshot_when_it_is() -> None:
    block = IQBlock(stream_info(), 0, keyed(0.35))
    assert periods(events([block], Settings(), ())) == []
    pipeline = Pipeline((), WANTED)
    assert pipeline.snapshot().occupancy is None
    pipeline.process(block)
    shown = pipeline.snapshot().occupancy
    assert shown is not None
    assert shown.channels[6].fco > 0.1


def test_noise_alone_is_free() -> None:
    found = periods(events([IQBlock(stream_info(), 0, noise(2_400_000, 5))], WANTED, ()))
    assert max(channel.fco for channel in found[0].channels) < 1e-4
    assert found[0].channels[0].upper < 0.4


def test_overload_is_flagged_and_unknown_rf_too() -> None:
    info = stream_info(clip_level=2.0, center_hz=None)
    samples = noise(600_000, 1)
    samples[200_000:202_000] = 5
    found = periods(events([IQBlock(info, 0, samples)], WANTED, ()))
    assert found[0].flags == {Flag.CLIPPED, Flag.RF_UNKNOWN}


def test_bands_of_a_sweep_each_have_their_own() -> None:
    blocks, at = [], 0
    for k in range(4):
        info = stream_info(center_hz=14.1e9 + 2e6 * (k % 2))
        samples = keyed(0.2, k + 1)
        blocks.append(IQBlock(info, at, samples))
        at += samples.size
    found = periods(events(blocks, WANTED, ()))
    assert len(found) == 2
    assert found[0].freq_upper_hz < found[1].freq_upper_hz
    assert found[0].observation_share == pytest.approx(0.66, abs=0.1)


def test_the_number_of_bands_is_bounded() -> None:
    log = OccupancyLog(OccupancySettings(enabled=True, integration_s=3600))
    dwell = next(iter(dwells(noise(30_000, 1), StreamInfo("t", 1e5, 1e9))))
    for k in range(MAX_BANDS + 5):
        dwell.info = StreamInfo("t", 1e5, 1e9 + k * 1e6)
        log.observe(dwell)
    found = log.finish()
    assert len(periods(found)) == MAX_BANDS
    (told,) = (e for e in found if isinstance(e, Incident))
    assert told.reason == "occupancy_capped"


def test_it_is_cheap() -> None:
    info = stream_info(20e6)
    dwell = next(iter(dwells(noise(2_600_000, 1), info)))
    log = OccupancyLog(OccupancySettings())
    log.observe(dwell)
    costs = []
    for _ in range(20):
        began = time.process_time()
        log.observe(dwell)
        costs.append(time.process_time() - began)
    # Half of it is what a quiet machine needs; a busy one must not fail the test.
    assert min(costs) < 0.02 * dwell.layout.dwell_s


def test_intervals_of_correlated_traffic_hold_their_share() -> None:
    # A two-state Markov chain of known occupancy; means over blocks of 50 samples.
    rng = np.random.default_rng(3)
    on_off, off_on = 0.002, 0.0005
    true = off_on / (on_off + off_on)
    inside = naive = 0
    for _ in range(60):
        lengths = rng.geometric(np.where(np.arange(400) % 2, on_off, off_on))
        state = np.repeat(np.arange(400) % 2 == 1, lengths)[:100_000]
        blocks = Blocking(1)
        for part in state.reshape(-1, 50):
            blocks.add(50, np.array([float(part.sum())]))
        lower, upper = wilson(blocks.mean(0), blocks.independent(0))
        inside += lower <= true <= upper
        lower, upper = wilson(blocks.mean(0), state.size)
        naive += lower <= true <= upper
    assert inside >= 52
    assert naive < 25


def test_the_samples_that_a_share_needs() -> None:
    # SM.1880, Annex 2, tabulates independent samples for 10 % at 95 %.
    for share, wanted in ((0.1, 3461), (0.2, 1535), (0.5, 381)):
        assert samples_needed(share, 0.1) == pytest.approx(wanted, rel=0.02)
