"""Bad data is an event or a flag, never an exception; bad arguments are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sdr_detect.config import build
from sdr_detect.dsp.layout import make_layout
from sdr_detect.errors import ConfigError
from sdr_detect.events import Incident, Verdict
from sdr_detect.model import ComplexArray, Flag, IQBlock, Notice, Span, StreamInfo
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import FrameSettings, Settings
from tests.core.streams import (
    KU_HZ,
    all_profiles,
    as_json,
    bursts,
    cut_stream,
    events,
    noise,
    one_block,
    rendered,
    stream_info,
)

INFO = stream_info(1e6, usable_hz=1e6)


def incidents(samples: ComplexArray, reason: str, info: StreamInfo = INFO) -> list[Incident]:
    found = events(one_block(samples, info), None, ())
    return [e for e in found if isinstance(e, Incident) and e.reason == reason]


def verdict(stream: list[IQBlock]) -> Verdict:
    last = events(stream)[-1]
    assert isinstance(last, Verdict)
    return last


def all_numbers(value: Any) -> list[float]:
    """Every number within a JSON value."""
    if isinstance(value, dict):
        return [n for item in value.values() for n in all_numbers(item)]
    if isinstance(value, list):
        return [n for item in value for n in all_numbers(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, complex(0, np.nan), 3e38])
@pytest.mark.parametrize("at", [0, 150_000, 349_999])
def test_one_sample_that_is_no_number_is_told_and_costs_its_frames(value: complex, at: int) -> None:
    samples = noise(350_000, 1)
    samples[at] = value
    found = incidents(samples, "non_finite")
    assert len(found) == 1
    assert found[0].span.start_sample <= at < found[0].span.stop_sample
    assert found[0].span.sample_count < 100
    said = verdict(one_block(samples, INFO))
    assert said.verdict == "not_detected"
    assert 0 < said.blind_s < 1e-4
    assert said.analysed_s == pytest.approx(0.35, rel=0.01)
    lines = as_json(events(one_block(samples, INFO)))
    assert all(math.isfinite(n) for n in all_numbers(lines))


def test_nan_just_behind_a_dwell_is_told_once() -> None:
    # It lies in one dwell's lookahead and in the next dwell itself.
    layout = make_layout(INFO, FrameSettings())
    samples = noise(3 * layout.dwell_samples, 2)
    samples[layout.dwell_samples + 5] = np.nan
    assert len(incidents(samples, "non_finite")) == 1


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_nothing_but_worthless_samples_is_inconclusive(value: float) -> None:
    samples = np.full(300_000, value, np.complex64)
    found = events(one_block(samples, INFO))
    assert not [line for line in as_json(found) if line["type"] in ("burst", "track")]
    said = found[-1]
    assert isinstance(said, Verdict)
    assert said.verdict == "inconclusive"
    assert said.analysed_s == 0
    assert said.blind_s == pytest.approx(0.3, rel=0.01)
    assert said.detection_limit_db is None


def test_a_constant_or_a_pure_tone_without_noise_is_survived() -> None:
    turn = np.exp(2j * np.pi * 0.1234 * np.arange(300_000)).astype(np.complex64)
    for samples in (np.ones(300_000, np.complex64), turn):
        assert verdict(one_block(samples, INFO)).verdict != "detected"


def test_zeros_in_the_middle_are_a_gap_in_the_right_place() -> None:
    samples = noise(350_000, 3)
    samples[120_000:140_000] = 0
    found = incidents(samples, "exact_zeros")
    assert len(found) == 1
    assert abs(found[0].span.start_sample - 120_000) < 64
    assert abs(found[0].span.stop_sample - 140_000) < 64
    assert bursts(one_block(samples, INFO)) == []
    assert verdict(one_block(samples, INFO)).blind_s == pytest.approx(0.02, rel=0.01)


def test_single_zeros_are_samples_like_others() -> None:
    # An 8-bit receiver with little gain gives many of them.
    samples = np.round(noise(350_000, 4) * 0.7).astype(np.complex64)
    assert np.mean(samples == 0) > 0.2
    assert incidents(samples, "exact_zeros") == []


def test_saturation_is_an_overload_and_flags_its_burst() -> None:
    info = stream_info(1e6, usable_hz=1e6, clip_level=1.0)
    samples = noise(350_000, 5, power=0.01)
    samples[200_000:201_000] *= 30
    samples.real = np.clip(samples.real, -1, 1)
    samples.imag = np.clip(samples.imag, -1, 1)
    found = incidents(samples, "clipping", info)
    assert len(found) == 1
    assert abs(found[0].span.start_sample - 200_000) < 64
    (burst,) = bursts(one_block(samples, info))
    assert Flag.CLIPPED in burst.flags
    # Without a known full scale nothing can be said of saturation.
    assert incidents(samples, "clipping", INFO) == []


@pytest.mark.parametrize("count", [40_000, 350_000])
def test_lasting_saturation_makes_blind(count: int) -> None:
    info = stream_info(1e6, usable_hz=1e6, clip_level=1.0)
    samples = noise(count, 6, power=30.0)
    samples.real = np.clip(samples.real, -1, 1)
    samples.imag = np.clip(samples.imag, -1, 1)
    said = verdict(one_block(samples, info))
    assert said.verdict == "inconclusive"
    assert said.blind_s == pytest.approx(count / 1e6, rel=0.01)


def test_a_burst_next_to_a_gap_is_flagged() -> None:
    samples = noise(350_000, 7)
    samples[200_000:202_000] *= 10
    (burst,) = bursts(cut_stream(INFO, samples, [(202_000, 203_000)], []))
    assert Flag.GAP in burst.flags
    assert abs(burst.span.start_sample - 200_000) <= 16
    assert burst.span.stop_sample <= 202_100


@pytest.mark.parametrize("lost", [1, 1000, 99_999, 100_000, 10_000_000_000])
def test_gaps_of_any_length_are_told_and_counted(lost: int) -> None:
    total = 250_000
    stream = [
        IQBlock(INFO, 0, noise(total, 8)),
        IQBlock(INFO, total + lost, noise(total, 9), lost),
    ]
    found = events(stream)
    gaps = as_json(found, "gap")
    assert [(g["start_sample"], g["sample_count"]) for g in gaps] == [(total, lost)]
    said = found[-1]
    assert isinstance(said, Verdict)
    assert said.blind_s == pytest.approx(lost / 1e6, rel=1e-3)
    assert said.analysed_s == pytest.approx(0.5, rel=0.01)
    assert as_json(found, "burst") == []


def test_overlapping_blocks_are_refused() -> None:
    pipeline = Pipeline(())
    pipeline.process(IQBlock(INFO, 0, noise(1000, 1)))
    with pytest.raises(ValueError, match="overlap"):
        pipeline.process(IQBlock(INFO, 999, noise(1000, 1)))


def test_a_finished_pipeline_takes_no_block() -> None:
    pipeline = Pipeline(())
    pipeline.finish()
    with pytest.raises(ValueError, match="finished"):
        pipeline.process(IQBlock(INFO, 0, noise(1000, 1)))


def test_a_pipeline_finishes_only_once() -> None:
    pipeline = Pipeline(())
    pipeline.finish()
    with pytest.raises(ValueError, match="finish"):
        pipeline.finish()


def test_no_block_at_all_is_inconclusive() -> None:
    said = verdict([])
    assert said.verdict == "inconclusive"
    assert said.reasons


@pytest.mark.parametrize("count", [0, 1, 100, 4000])
def test_tiny_recordings_are_inconclusive(count: int) -> None:
    found = events(one_block(noise(count, 1), INFO))
    assert as_json(found, "burst") == []
    said = found[-1]
    assert isinstance(said, Verdict)
    assert said.verdict == "inconclusive"
    assert said.analysed_s <= count / 1e6
    assert said.blind_s == 0


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_recordings_of_one_frame_and_of_one_dwell(more: int) -> None:
    layout = make_layout(INFO, FrameSettings())
    for size in (layout.nfft, layout.dwell_samples, layout.dwell_samples + layout.lookahead):
        said = verdict(one_block(noise(size + more, 2), INFO))
        assert said.analysed_s <= (size + more) / 1e6
        assert said.analysed_s >= 0.95 * (size - layout.nfft) / 1e6
        assert said.blind_s == 0


@pytest.mark.parametrize("rate_hz", [8e3, 48e3, 250e3, 500e6])
def test_extreme_rates_are_survived(rate_hz: float) -> None:
    count = min(round(0.3 * rate_hz), 6_000_000)
    info = StreamInfo("test", rate_hz, KU_HZ, usable_hz=0.8 * rate_hz)
    samples = noise(count, 3)
    samples[count // 2 : count // 2 + max(400, round(0.8e-3 * rate_hz))] *= 10
    found = events(one_block(samples, info))
    assert as_json(found)[-1]["type"] == "verdict"
    assert as_json(found)[-1]["verdict"] != "detected"
    starts = [b["start_sample"] for b in as_json(found, "burst")]
    assert len(starts) == 1
    assert abs(starts[0] - count // 2) < max(64, 3e-6 * rate_hz)


def test_a_retune_starts_anew_and_the_index_goes_on() -> None:
    second = replace(INFO, center_hz=KU_HZ + 50e6)
    third = replace(INFO, gain_db=20.0)
    stream = []
    for k, info in enumerate((INFO, second, third)):
        samples = noise(250_000, k, power=10.0**k)
        samples[100_000:101_000] *= 10
        stream.append(IQBlock(info, k * 250_000, samples))
    found = events(stream)
    lines = as_json(found)
    starts = [b["start_sample"] for b in lines if b["type"] == "burst"]
    assert np.allclose(starts, [100_000, 350_000, 600_000], atol=16)
    centres = [(b["freq_lower_hz"] + b["freq_upper_hz"]) / 2 for b in as_json(found, "burst")]
    assert np.allclose(centres, [KU_HZ, KU_HZ + 50e6, KU_HZ], atol=30e3)
    tracks = as_json(found, "track")
    assert len({t["id"] for t in tracks}) == len(tracks) == 3
    said = found[-1]
    assert isinstance(said, Verdict)
    assert said.analysed_s == pytest.approx(0.75, rel=0.01)


def test_a_retune_after_a_loss_tells_the_loss_once() -> None:
    second = replace(INFO, center_hz=KU_HZ + 50e6)
    stream = [
        IQBlock(INFO, 0, noise(250_000, 1)),
        IQBlock(second, 260_000, noise(250_000, 2), 10_000),
    ]
    found = events(stream)
    assert [g["sample_count"] for g in as_json(found, "gap")] == [10_000]
    assert as_json(found)[-1]["blind_s"] == pytest.approx(0.01)


def test_level_of_the_recording_does_not_matter() -> None:
    samples = noise(350_000, 11)
    samples[200_000:200_840] *= 4
    reference = bursts(one_block(samples, INFO))
    assert len(reference) == 1
    for scale in (1e-12, 1e-4, 1e4, 1e12):
        (burst,) = bursts(one_block(samples * np.float32(scale), INFO))
        assert burst.span == reference[0].span
        assert burst.detection.snr_db == pytest.approx(reference[0].detection.snr_db, abs=0.05)
        expected_db = reference[0].power_dbfs + 20 * np.log10(scale)
        assert burst.power_dbfs == pytest.approx(expected_db, abs=0.05)


def test_snapshot_is_there_at_any_time() -> None:
    pipeline = Pipeline(all_profiles())
    assert pipeline.snapshot().next_sample == 0
    pipeline.process(IQBlock(INFO, 0, noise(250_000, 1)))
    now = pipeline.snapshot()
    assert now.next_sample == 250_000
    assert now.frame is not None
    assert 0 < now.analysed_s <= 0.25
    last = pipeline.finish()[-1]
    assert pipeline.snapshot().analysed_s == pytest.approx(0.25, rel=0.01)
    assert pipeline.snapshot().verdict == last


def test_a_verdict_can_be_had_before_the_end() -> None:
    stream = rendered({"kind": "starlink_uplink", "cn_db": 12.0}, duration_s=0.4)
    pipeline = Pipeline(all_profiles())
    assert pipeline.snapshot().verdict.verdict == "inconclusive"
    said = []
    for block in stream:
        pipeline.process(block)
        said.append(pipeline.snapshot().verdict)
    last = pipeline.finish()[-1]
    assert isinstance(last, Verdict)
    assert (said[-1].verdict, said[-1].system) == (last.verdict, last.system)
    assert last.verdict == "detected"
    assert events(stream)[-1] == last  # looking changed nothing


@pytest.mark.parametrize("subbands", [3, 12, 63])
def test_sub_bands_that_no_box_covers_are_refused(subbands: int) -> None:
    with pytest.raises(ConfigError, match="power of two"):
        build(FrameSettings, {"subbands": subbands})


@pytest.mark.parametrize("subbands", [1, 2, 64])
def test_every_power_of_two_is_watched(subbands: int) -> None:
    pipeline = Pipeline((), Settings(frames=FrameSettings(subbands=subbands)))
    info = StreamInfo("noise", 2.4e6)
    pipeline.process(IQBlock(info, 0, noise(300_000, 5)))
    assert isinstance(pipeline.finish()[-1], Verdict)


def squelched(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
    """A gate that opens for a tenth of the time, in units of a converter's steps."""
    open_ = np.arange(count) % 200 < 20
    return np.where(open_, noise(count, 1, 32768.0**2), 0).astype(np.complex64)


@pytest.mark.parametrize("usable_hz", [1.0, 20e3, 100e3, 300e3, 580e3])
def test_a_passband_of_few_bins_is_survived(usable_hz: float) -> None:
    said = as_json(events(one_block(noise(500_000, 2), stream_info(usable_hz=usable_hz))))
    assert said[-1]["verdict"] != "detected"


@pytest.mark.parametrize("turns", [0.0, 0.1, 0.25, -0.25])
def test_tones_and_direct_current_without_noise_are_survived(turns: float) -> None:
    samples = 0.5 * np.exp(2j * np.pi * turns * np.arange(2_400_000))
    said = as_json(events(one_block(samples.astype(np.complex64))))
    assert said[-1]["verdict"] != "detected"


def test_a_squelched_stream_is_survived() -> None:
    assert as_json(events(one_block(squelched(480_000))))[-1]["verdict"] != "detected"


def test_a_rate_of_a_kilohertz_is_survived() -> None:
    said = as_json(events(one_block(noise(5_000, 3), stream_info(1e3))))
    assert said[-1]["verdict"] == "inconclusive"


def test_a_tone_over_a_long_gap_costs_no_more_than_the_samples() -> None:
    """The search for its phase once spanned the gap."""
    count = 1_200_000
    tone = 0.3 * np.exp(2j * np.pi * 0.11 * np.arange(count))
    samples = (noise(count, 4, 4e-4) + tone).astype(np.complex64)
    info, later = stream_info(), 3600 * 2_400_000
    stream = [IQBlock(info, 0, samples), IQBlock(info, later, samples.copy(), later - count)]
    tones = [t for t in as_json(events(stream), "track") if t["kind"] == "tone"]
    assert tones


def test_what_the_receiver_tells_becomes_an_event_where_it_was_told() -> None:
    pipeline, info = Pipeline(()), stream_info()
    samples = noise(1000, 1)
    lost = Notice("source_lost", "unplugged")
    back = Notice("source_back", "after 3 s")
    told = pipeline.process(IQBlock(info, 0, samples))
    told += pipeline.process(IQBlock(info, 1000, samples[:0], 0, (lost,)))
    told += pipeline.process(IQBlock(info, 1500, samples, 500, (back,)))
    health = [event for event in told if isinstance(event, Incident) and event.kind == "health"]
    assert [(h.span, h.reason, h.detail) for h in health] == [
        (Span(1000, 1001), "source_lost", "unplugged"),
        (Span(1000, 1500), "source_back", "after 3 s"),
    ]
