"""What is measured on the samples, against numbers known beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.evidence import PIECE_SAMPLES, PIECES, Evidence, examine
from sdr_detect.formats.find import open_recording
from tests.recording_files import chunk, noise_codes, wav, wav_format, write_sigmf


def evidence_of(folder: Path, data: bytes, sample_type: str) -> Evidence:
    path = folder / "x.bin"
    path.write_bytes(data)
    with open_recording(path, RawSpec(sample_type, 1e6)) as recording:
        return examine(recording)


def floats(samples: np.ndarray[Any, Any]) -> bytes:
    return samples.astype("<c8").tobytes()


def noise(count: int = 50_000, seed: int = 5) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.5**0.5, (count, 2)) @ np.array([1, 1j])


def test_clean_noise_raises_no_suspicion(tmp_path: Path) -> None:
    got = evidence_of(tmp_path, floats(noise()), "cf32")
    assert got.suspicions == ()
    assert got.examined == 50_000
    assert got.rms_dbfs == pytest.approx(0, abs=0.05)
    assert got.clipped_fraction is None
    assert abs(got.correlation) < 0.02
    assert got.noncircularity < 0.02
    assert sum(got.histogram) == 100_000
    assert got.peak == pytest.approx(got.histogram_edge)


def test_amplitude_is_not_assumed(tmp_path: Path) -> None:
    got = evidence_of(tmp_path, floats(3000 * noise()), "cf32")
    assert got.rms_dbfs == pytest.approx(20 * np.log10(3000), abs=0.05)
    assert got.suspicions == ()


def test_dc_and_imbalance(tmp_path: Path) -> None:
    samples = noise()
    samples = 2 * samples.real + 1j * samples.imag + 3 - 4j
    got = evidence_of(tmp_path, floats(samples), "cf32")
    rms = np.sqrt(2 + 0.5 + 25)
    assert got.dc_i == pytest.approx(3 / rms, rel=0.01)
    assert got.dc_q == pytest.approx(-4 / rms, rel=0.01)
    assert got.imbalance_db == pytest.approx(6.02, abs=0.1)
    assert got.noncircularity == pytest.approx(3 / 5, abs=0.02)


def test_clipping_share(tmp_path: Path) -> None:
    codes = noise_codes("i1", 10_000).reshape(-1, 2)
    codes = np.clip(codes, -100, 100)
    codes[:300, 0] = 127
    codes[300:500, 1] = -128
    got = evidence_of(tmp_path, codes.tobytes(), "cs8")
    assert got.clipped_fraction == 0.05
    assert got.suspicions == ("5 % of the samples are clipped: overload",)


def test_clipping_below_full_scale(tmp_path: Path) -> None:
    """A 12-bit converter that ran into its rails, stored as 16 bits."""
    codes = np.clip(noise_codes("<i2", 50_000), -4000, 4000)
    got = evidence_of(tmp_path, codes.tobytes(), "cs16")
    assert got.clipped_fraction == 0
    assert len(got.suspicions) == 1
    assert "lie exactly on the largest one, 0.12207" in got.suspicions[0]


def test_zeros_are_counted(tmp_path: Path) -> None:
    samples = noise()
    samples[1000:1700] = 0
    samples[3000] = 0
    got = evidence_of(tmp_path, floats(samples), "cf32")
    assert got.zero_fraction == 701 / 50_000
    assert got.longest_zero_run == 700
    assert got.suspicions == (
        "up to 700 exact zeros in a row: a muted receiver, a squelch or lost data",
    )


def test_non_finite_samples_do_not_spoil_the_rest(tmp_path: Path) -> None:
    samples = noise().astype(np.complex64)
    parts = samples.view(np.float32)
    parts[10], parts[21], parts[400] = np.nan, np.inf, -np.inf
    parts[402:403].view(np.uint32)[:] = 0x7F800001  # signalling NaN
    got = evidence_of(tmp_path, samples.tobytes(), "cf32")
    assert got.non_finite == 4
    assert got.rms_dbfs == pytest.approx(0, abs=0.05)
    assert got.suspicions == ("4 samples (0.008 %) are NaN or infinite",)


@pytest.mark.parametrize(
    ("samples", "suspicion"),
    [
        (np.zeros(20_000), "every sample examined is 0"),
        (np.full(20_000, 0.5 - 0.5j), "I, Q or both never change"),
        (noise(20_000).real, "I, Q or both never change"),
        (noise(20_000).real * (1 + 1j), "two sound channels or a real signal, not IQ"),
        (np.full(20_000, np.nan), "no sample is a finite number"),
    ],
)
def test_what_is_no_reception(
    tmp_path: Path, samples: np.ndarray[Any, Any], suspicion: str
) -> None:
    got = evidence_of(tmp_path, floats(samples), "cf32")
    assert any(suspicion in text for text in got.suspicions), got.suspicions


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("u1", "cs8"),
        ("i1", "cu8"),
        ("<i2", "cs8"),
        ("<i2", "cs16_be"),
        (">i2", "cs16"),
        ("<f4", "cu8"),
        ("<f4", "cs16"),
        ("i1", "cs16"),
        ("u1", "cf32"),
        ("<f8", "cf32"),
    ],
)
def test_wrong_sample_type_is_suspected_with_the_reason(
    tmp_path: Path, written: str, stated: str
) -> None:
    names = {"u1": "cu8", "i1": "cs8", "<i2": "cs16", ">i2": "cs16_be", "<f4": "cf32"}
    truth = names.get(written, "cf64")
    got = evidence_of(tmp_path, noise_codes(written, 20_000).tobytes(), stated)
    assert got.suspicions[0].startswith(f"read as {stated}, but the bytes look like {truth}: "), (
        got.suspicions
    )


@pytest.mark.parametrize(
    ("written", "name"),
    [("u1", "cu8"), ("i1", "cs8"), ("<i2", "cs16"), (">i2", "cs16_be"), ("<f8", "cf64")],
)
def test_right_sample_type_is_not_suspected(tmp_path: Path, written: str, name: str) -> None:
    got = evidence_of(tmp_path, noise_codes(written, 20_000).tobytes(), name)
    assert got.suspicions == ()


def test_few_levels(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(-1, 2, 40_000).astype("i1")
    got = evidence_of(tmp_path, codes.tobytes(), "cs8")
    assert got.levels == 3
    assert "only 3 different levels" in got.suspicions[-1]


def test_stereo_sound_is_suspected(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    voice = np.convolve(rng.normal(size=40_000), np.ones(20) / 20, "same")
    left_right = np.stack([voice, 0.8 * voice + 0.1 * rng.normal(size=40_000)], axis=1)
    data = (8000 * left_right).astype("<i2").tobytes()
    path = tmp_path / "a.wav"
    path.write_bytes(wav(wav_format(2, 48_000, 16), chunk(b"data", data)))
    with open_recording(path) as recording:
        assert any("two sound channels" in text for text in examine(recording).suspicions)


def test_long_recordings_are_sampled_evenly(tmp_path: Path) -> None:
    """Zero but for its last twentieth: pieces over the whole length see it."""
    path = tmp_path / "long.bin"
    total = 40 * PIECES * PIECE_SAMPLES
    with path.open("wb") as file:
        file.truncate(total * 2)
        file.seek(total * 2 * 19 // 20)
        block = noise_codes("i1", 1 << 20).tobytes()
        while file.tell() < 2 * total:
            file.write(block[: 2 * total - file.tell()])
    with open_recording(path, RawSpec("cs8", 1e6)) as recording:
        got = examine(recording)
    assert got.examined == PIECES * PIECE_SAMPLES
    assert got.zero_fraction == pytest.approx(0.95, abs=0.02)


def test_gaps_are_not_counted_as_zeros(tmp_path: Path) -> None:
    captures = [
        {"core:sample_start": 0, "core:global_index": 0},
        {"core:sample_start": 5000, "core:global_index": 10**12},
    ]
    data = noise_codes("u1", 10_000).tobytes()
    meta = write_sigmf(tmp_path, data, top={"core:datatype": "cu8"}, captures=captures)
    with open_recording(meta) as recording:
        got = examine(recording)
    assert (got.examined, got.longest_zero_run) == (10_000, 0)
