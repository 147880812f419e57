"""The picture: nothing short is lost, whatever the length and the cuts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.model import ComplexArray, IQBlock, StreamInfo
from sdr_detect.sinks import spectrogram as module
from sdr_detect.sinks.spectrogram import Spectrogram, SpectrogramTap, frame_length

INFO = StreamInfo("test", 1e6, 14e9)


def feed(tap: SpectrogramTap, samples: ComplexArray, cuts: Sequence[int] = ()) -> Spectrogram:
    edges = [0, *sorted(cuts), len(samples)]
    for start, stop in itertools.pairwise(edges):
        if stop > start:
            tap.take(IQBlock(INFO, start, samples[start:stop].copy()))
    picture = tap.result()
    assert picture is not None
    return picture


def noise(count: int, seed: int = 1) -> ComplexArray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(count) + 1j * rng.standard_normal(count)).astype(np.complex64)


def test_a_full_scale_tone_reads_one_at_its_frequency() -> None:
    bin_hz = INFO.sample_rate_hz / 512
    tone = np.exp(2j * np.pi * 37 * bin_hz / INFO.sample_rate_hz * np.arange(51_200))
    picture = feed(SpectrogramTap(), tone.astype(np.complex64))
    assert picture.power.shape == (100, 512)
    assert picture.power.argmax(axis=1).tolist() == [256 + 37] * 100
    assert picture.power[:, 256 + 37] == pytest.approx(1, abs=1e-4)
    assert picture.peak == pytest.approx(1, abs=1e-4)


def test_levels_agree_with_numpy() -> None:
    samples = noise(512 * 40)
    picture = feed(SpectrogramTap(), samples)
    frames = np.abs(samples.astype(complex).reshape(40, 512)) ** 2
    assert picture.mean == pytest.approx(frames.mean(axis=1), rel=1e-5)
    window = np.hanning(513)[:-1]
    spectra = np.fft.fftshift(np.fft.fft(samples.reshape(40, 512) * window / window.sum()), axes=1)
    assert picture.power == pytest.approx(np.abs(spectra) ** 2, rel=1e-3, abs=1e-9)


@given(st.lists(st.integers(0, 60_000), max_size=12))
def test_the_cuts_of_the_stream_do_not_show(cuts: list[int]) -> None:
    samples = noise(60_000)
    whole, cut = feed(SpectrogramTap(), samples), feed(SpectrogramTap(), samples, cuts)
    assert np.array_equal(whole.power, cut.power)
    assert np.array_equal(whole.peak, cut.peak)
    assert np.array_equal(whole.mean, cut.mean)


def test_one_short_burst_in_a_long_signal_keeps_its_height(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "COLUMNS", 64)
    samples = 1e-3 * noise(512 * 3000)
    at = 512 * 1234
    samples[at : at + 512] += np.exp(0.5j * np.pi * np.arange(512)).astype(np.complex64)
    picture = feed(SpectrogramTap(), samples)
    assert len(picture.power) <= 64
    column = at // picture.column_samples
    assert divmod(int(picture.power.argmax()), 512) == (column, 384)
    assert picture.power.max() == pytest.approx(1, abs=0.01)
    assert picture.peak[column] == pytest.approx(1, abs=0.01)
    small = picture.pooled(3)
    assert len(small.power) <= 3
    assert small.power.max() == picture.power.max()
    assert small.column_samples * len(small.peak) >= len(samples)


def test_memory_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COLUMNS", 64)
    tap = SpectrogramTap()
    samples = noise(1 << 16)
    for number in range(40):
        tap.take(IQBlock(INFO, number << 16, samples))
        assert tap._power.shape == (64, 512)
        assert len(tap._tail) < 512 * module.GROUP


def test_lost_samples_stay_blank() -> None:
    tap = SpectrogramTap()
    samples = noise(512 * 10)
    tap.take(IQBlock(INFO, 0, samples))
    tap.take(IQBlock(INFO, 512 * 30 + 100, samples, lost_before=512 * 20 + 100))
    picture = tap.result()
    assert picture is not None
    blank = np.isnan(picture.peak)
    # Frame 30 is not whole: its first 100 samples are missing.
    assert np.flatnonzero(blank).tolist() == list(range(10, 31))
    assert np.isnan(picture.power[blank]).all()
    assert np.isfinite(picture.power[~blank]).all()


def test_a_stream_that_begins_late_begins_at_its_first_sample() -> None:
    tap = SpectrogramTap()
    tap.take(IQBlock(INFO, 1_000_003, noise(512 * 3)))
    picture = tap.result()
    assert picture is not None
    assert picture.first_sample == 1_000_003
    assert np.isfinite(picture.peak).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_a_bad_sample_spoils_its_frame_alone(bad: float) -> None:
    samples = noise(512 * 8)
    samples[512 * 5 + 7] = bad
    picture = feed(SpectrogramTap(), samples)
    assert np.isfinite(picture.power).all()
    assert picture.power[5].max() == 0
    assert (picture.power[[0, 1, 2, 3, 4, 6, 7]].max(axis=1) > 0).all()


def test_another_tuning_is_left_out_and_told() -> None:
    tap = SpectrogramTap()
    tap.take(IQBlock(INFO, 0, noise(5120)))
    tap.take(IQBlock(replace(INFO, center_hz=14.1e9), 5120, noise(5120)))
    picture = tap.result()
    assert picture is not None
    assert picture.retuned
    assert len(picture.peak) == 10


def test_nothing_gives_no_picture() -> None:
    tap = SpectrogramTap()
    assert tap.result() is None
    tap.take(IQBlock(INFO, 0, noise(100)))
    assert tap.result() is None


def test_frames_suit_the_length() -> None:
    assert frame_length(None) == 512
    assert frame_length(100) == 64
    assert frame_length(128 * 512) == 128
    assert frame_length(10**9) == 512
