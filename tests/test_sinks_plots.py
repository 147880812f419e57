"""Pictures: what was found can be seen, and no name breaks them."""

from __future__ import annotations

import functools
import io
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from sdr_detect.errors import SinkError
from sdr_detect.events import BurstEvent, TrackEvent, Verdict
from sdr_detect.model import Burst, Detection, Flag, IQBlock, Match, Span, StreamInfo, Track
from sdr_detect.sinks import plots
from sdr_detect.sinks.collect import Collector
from sdr_detect.sinks.spectrogram import Spectrogram, SpectrogramTap

INFO = StreamInfo("test", 2.4e6, 14.2e9, start_ns=1_700_000_000_000_000_000, clip_level=1.0)
VERDICT = Verdict("not_detected", None, 0.9, 1.0, -9.0, 0.5, 1.0, 0.0, ("nothing",))
COUNT = 2_400_000


@functools.cache
def picture(*bursts: tuple[int, int], info: StreamInfo = INFO) -> Spectrogram:
    rng = np.random.default_rng(3)
    samples = 1e-3 * (rng.standard_normal(COUNT) + 1j * rng.standard_normal(COUNT))
    for start, count in bursts:
        samples[start : start + count] += 0.1 * np.exp(0.6j * np.pi * np.arange(count))
    tap = SpectrogramTap(COUNT)
    tap.take(IQBlock(info, 0, samples.astype(np.complex64)))
    made = tap.result()
    assert made is not None
    return made


def found(*, tracks: int = 1, bursts: int = 3, info: StreamInfo = INFO) -> Collector:
    collector = Collector()
    for number in range(bursts):
        span = Span(number * 10_000, number * 10_000 + 200)
        region = Detection(span, 14.1995e9, 14.2005e9, 10.0, 1e-9)
        collector.write(BurstEvent(Burst(region, -20.0), info))
    for number in range(tracks):
        match = Match(f"profile_{number}", "vsat", "user_terminal", 0.1 * number, True)
        track = Track(
            number, "burst", Span(0, COUNT), 14.1995e9, 14.2005e9, 3, 0.1, None, 10.0, 1e-9, None,
            {}, (match,), frozenset({Flag.EDGE}),
        )  # fmt: skip
        collector.write(TrackEvent(track, info))
    collector.write(VERDICT)
    return collector


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    assert png.startswith(b"\x89PNG")
    image: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = matplotlib.image.imread(
        io.BytesIO(png)
    )
    return image


def yellow(image: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
    """Pixels in the brightest colour of the map, beside the colour bar."""
    area = image[:, :1250]
    return int(((area[..., 0] > 0.8) & (area[..., 1] > 0.8) & (area[..., 2] < 0.35)).sum())


def test_a_burst_of_54_microseconds_in_a_second_is_visible() -> None:
    quiet = plots.render(picture(), Collector(), "quiet")
    burst = plots.render(picture((1_000_000, 129)), Collector(), "burst")
    assert yellow(pixels(burst)) > yellow(pixels(quiet)) >= 0


def test_many_tracks_and_bursts_stay_one_screen() -> None:
    png = plots.render(picture(), found(tracks=plots.TRACKS + 5, bursts=5_000), "x")
    assert pixels(png).shape == (900, 1400, 4)
    assert len(png) < 3_000_000


@pytest.mark.parametrize(
    "name", ["$\\frac{1$ a_b^{", "录音\u202egnp.exe", "x" * 400 + "\nline", ""]
)
def test_no_name_breaks_it(name: str) -> None:
    plots.render(picture(), found(), name)


def test_unknown_frequency_and_time() -> None:
    info = replace(INFO, center_hz=None, start_ns=None, clip_level=None)
    plots.render(picture(info=info), found(info=info), "x")


def test_silence_and_gaps() -> None:
    tap = SpectrogramTap()
    zeros = np.zeros(512 * 100, np.complex64)
    tap.take(IQBlock(INFO, 0, zeros))
    tap.take(IQBlock(INFO, 512 * 300, zeros, lost_before=512 * 200))
    made = tap.result()
    assert made is not None
    plots.render(made, Collector(), "zeros")


def test_the_same_picture_every_time() -> None:
    assert plots.render(picture(), found(), "x") == plots.render(picture(), found(), "x")


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        plots.save(tmp_path / "absent" / "x.png", b"")


def test_energy_that_only_folding_shows_is_drawn() -> None:
    without, collector = found(tracks=6, bursts=0), found(tracks=5, bursts=0)
    profile = [0.0] * 40 + [0.02] * 20 + [0.0] * 40
    features = {
        "fold_profile": profile, "fold_phase_s": 40 * 13.3e-6, "burst_duration_median_s": 0.27e-3
    }  # fmt: skip
    plain = without.tracks[-1]
    folded = replace(plain.track, kind="fold", features=features)
    collector.write(TrackEvent(folded, INFO))
    drawn = pixels(plots.render(picture(), collector, "weak.sigmf-meta"))
    bare = pixels(plots.render(picture(), without, "weak.sigmf-meta"))
    # The curve is blue, in the lower right, where nothing else is.
    area = (slice(790, 870), slice(760, 1270))

    def blue(image: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
        part = image[area]
        return int(((part[..., 2] > 0.6) & (part[..., 0] < 0.3)).sum())

    assert blue(drawn) > 100
    assert blue(bare) == 0
