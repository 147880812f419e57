"""Wide carriers against the noise off target, and what noise does there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from sdr_detect.calibration.reference import QuietSum, repeated
from sdr_detect.catalog import profiles
from sdr_detect.detect.contrast import LEAST_FRAMES
from sdr_detect.detect.contrast_search import (
    ContrastTest,
    Rise,
    deviations,
    quiet_parts,
    variance,
)
from sdr_detect.dsp.dwell import DwellBuffer
from sdr_detect.dsp.layout import make_layout
from sdr_detect.dsp.stft import Analyser, Dwell
from sdr_detect.errors import CalibrationError
from sdr_detect.events import Event, Incident, TrackEvent, Verdict
from sdr_detect.model import IQBlock, NoiseReference, Track
from sdr_detect.pipeline import Pipeline
from sdr_detect.settings import Settings
from sdr_detect.simulate.render import blocks
from sdr_detect.simulate.scene import parse_scene

RATE_HZ = 2.4e6
KU_HZ = 14.2225e9
NEPER_DB = 10 / np.log(10)


def stream(seed: int, duration_s: float, *emitters: dict[str, Any]) -> list[IQBlock]:
    """A receiver with a slope of 6 dB and a standing wave of 1 dB."""
    receiver = {
        "sample_rate_hz": RATE_HZ, "rf_center_hz": KU_HZ, "datatype": "cf32_le",
        "filter": {"slope_db": 6.0, "ripple_db": 1.0},
    }  # fmt: skip
    scene = {"title": "t", "seed": seed, "duration_s": duration_s}
    return list(
        blocks(parse_scene({"scene": scene, "receiver": receiver, "emitter": list(emitters)}))
    )


def dwells(of: list[IQBlock]) -> Iterator[Dwell]:
    layout = make_layout(of[0].info, Settings().frames)
    buffer, analyser = DwellBuffer(layout, 0), Analyser(layout)
    for block in of:
        for raw in buffer.push(block):
            yield analyser.analyse(raw, block.info)


def quiet(seed: int, duration_s: float = 0.6) -> QuietSum:
    found = QuietSum()
    for dwell in dwells(stream(seed, duration_s)):
        found.observe(dwell)
    return found


@pytest.fixture(scope="module")
def reference() -> NoiseReference:
    made = repeated([quiet(101), quiet(102)], 0.01, 0.2)
    power = tuple(10 ** (db / 10) for db in made.power_dbfs)
    return NoiseReference(power, made.frames, made.shape_db / NEPER_DB, made.level_db / NEPER_DB)


def vsat(symbol_rate_hz: float, cn_db: float) -> dict[str, Any]:
    return {
        "kind": "vsat_scpc", "rf_hz": KU_HZ + 1e5, "symbol_rate_hz": symbol_rate_hz,
        "cn_db": cn_db,
    }  # fmt: skip


def heard(
    of: list[IQBlock], reference: NoiseReference | None, gain: float = 1.0
) -> tuple[list[Event], list[Track]]:
    pipeline = Pipeline(profiles())
    events: list[Event] = []
    for block in of:
        info = replace(block.info, reference=reference)
        samples = block.samples * np.float32(gain)
        events += pipeline.process(replace(block, info=info, samples=samples))
    events += pipeline.finish()
    tracks = [e.track for e in events if isinstance(e, TrackEvent)]
    return events, [t for t in tracks if t.kind == "contrast"]


def looked_for(reference: NoiseReference, dwell: Dwell, pfa: float) -> list[Rise]:
    """What one dwell shows."""
    used = dwell.layout.subband >= 0
    used[dwell.layout.nfft // 2 - 1 : dwell.layout.nfft // 2 + 2] = False
    rows = quiet_parts(dwell)
    frames = sum(count for count, _ in rows)
    mean = np.sum([count * row for count, row in rows], axis=0) / frames
    return ContrastTest(reference, used).find(mean, frames, pfa)


def test_a_wide_weak_carrier_shows_in_a_tenth_of_a_second(reference: NoiseReference) -> None:
    """0.5 MBd at -12.5 dB under a chance of 1e-6, in 0.1 s."""
    for seed in range(1, 7):
        dwell = next(dwells(stream(seed, 0.13, vsat(0.5e6, -12.5))))
        assert len(looked_for(reference, dwell, 1e-6)) == 1


def test_a_wide_weak_carrier_is_followed(reference: NoiseReference) -> None:
    scene = stream(1, 0.4, vsat(0.5e6, -12.5))
    _, found = heard(scene, reference)
    assert [t.pfa < 1e-9 for t in found] == [True]
    assert found[0].freq_lower_hz == pytest.approx(KU_HZ - 0.15e6, abs=0.15e6)
    assert found[0].freq_upper_hz == pytest.approx(KU_HZ + 0.35e6, abs=0.15e6)
    assert found[0].snr_db == pytest.approx(-12.5, abs=1.5)
    assert heard(scene, None)[1] == []


def test_a_carrier_of_half_the_slice_is_named_by_its_clock(reference: NoiseReference) -> None:
    scene = stream(7, 0.4, vsat(1.2e6, 3.0))
    events, found = heard(scene, reference)
    verdict = events[-1]
    assert isinstance(verdict, Verdict)
    assert (verdict.verdict, verdict.system) == ("detected", "vsat")
    assert [t.features["continuous"] for t in found] == [True]
    assert found[0].features["symbol_rate_hz"] == pytest.approx(1.2e6, abs=5)
    assert found[0].features["symbol_rate_per_bandwidth"] == pytest.approx(1, abs=0.1)
    assert found[0].snr_db == pytest.approx(3, abs=0.5)


def test_what_fills_the_slice_is_told_by_level_as_far_as_gain_is_known(
    reference: NoiseReference,
) -> None:
    full = stream(8, 0.2, vsat(6e6, 3.0))
    events, found = heard(full, reference)
    assert [t.features["fills_slice"] for t in found] == [True]
    assert found[0].snr_db == pytest.approx(3, abs=0.5)
    verdict = events[-1]
    assert isinstance(verdict, Verdict)
    assert verdict.verdict == "inconclusive"
    assert any("was not there off target" in reason for reason in verdict.reasons)
    blank = stream(9, 0.2)
    for gain_db in (-0.4, 0.4):
        assert heard(blank, reference, 10 ** (gain_db / 20))[1] == []
    events, found = heard(blank, reference, 10 ** (-3 / 20))
    assert found == []
    told = [e.detail for e in events if isinstance(e, Incident) and e.reason == "reference_level"]
    assert len(told) == 1
    assert "3.0 dB below" in told[0]


def test_noise_shows_a_contrast_no_more_often_than_stated(reference: NoiseReference) -> None:
    """Thermal noise alone is left to doubt here; 0.1 of chance in each of 100 windows."""
    thermal = replace(reference, shape=0.0)
    windows = hits = 0
    for dwell in dwells(stream(31, 10.0)):
        windows += 1
        hits += bool(looked_for(thermal, dwell, 0.1))
    assert windows >= 99
    assert hits <= binom.ppf(0.999, windows, 0.1)
    assert hits >= 1


@pytest.mark.parametrize("bins", [1, 2, 4, 60])
def test_half_overlapped_hann_frames_know_so_much(bins: int) -> None:
    """Squared correlation of all pairs of cells, from the window itself."""
    window = np.hanning(257)[:-1]
    window /= np.sqrt(np.sum(window**2))
    hop = window.size // 2
    apart = np.arange(1 - bins, bins)
    in_frame, frame_on = (
        np.abs(np.fft.fft(window * shifted)[apart]) ** 2
        for shifted in (window, np.concatenate((window[hop:], np.zeros(hop))))
    )
    expected = float(np.sum((bins - np.abs(apart)) * (in_frame + 2 * frame_on))) / bins**2
    assert variance(bins) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("bins", [4, 60])
@pytest.mark.parametrize("chance", [1e-2, 1e-3])
def test_noise_rises_as_often_as_stated(bins: int, chance: float) -> None:
    """The shortest window against a reference of four: where a normal law tells most wrongly."""
    rng = np.random.default_rng(7)
    shapes = LEAST_FRAMES / variance(bins), 4 * LEAST_FRAMES / variance(bins)
    now, before = (rng.gamma(shape, 1 / shape, 400_000) for shape in shapes)
    z = deviations(now / before, np.array(sum(1 / shape for shape in shapes)))
    assert np.mean(ndtr(-z) < chance) == pytest.approx(chance, rel=0.15)


def test_a_carrier_that_is_seen_by_itself_is_told_once(reference: NoiseReference) -> None:
    tone = {"kind": "tone", "rf_hz": KU_HZ - 3e5, "cn_db": 10.0}
    events, found = heard(stream(11, 0.3, tone), reference)
    assert found == []
    assert [e.track.kind for e in events if isinstance(e, TrackEvent)] == ["tone"]


def test_a_passband_of_a_few_bins_is_left_alone(reference: NoiseReference) -> None:
    narrow = [replace(block, info=replace(block.info, usable_hz=2e5)) for block in stream(12, 0.2)]
    assert heard(narrow, reference)[1] == []


def test_a_reference_needs_what_repeats() -> None:
    first = quiet(21)
    with pytest.raises(CalibrationError, match="one recording does not tell"):
        repeated([first], 0.01, 0.2)
    with pytest.raises(CalibrationError, match="too little quiet time"):
        repeated([first, QuietSum()], 0.01, 0.2)
    other = QuietSum()
    for dwell in dwells(stream(22, 0.6)):
        dwell.power *= np.float32(1.1)
        other.observe(dwell)
    made = repeated([first, other], 0.01, 0.05)
    assert made.level_db == pytest.approx(NEPER_DB * 0.1 / 1.05 / np.sqrt(2) * np.sqrt(1.5), 0.1)
    assert made.shape_db < 0.03
