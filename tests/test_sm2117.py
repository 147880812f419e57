"""ITU-R SM.2117: samples and times come back as they went, and others' files are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.catalog import converter
from sdr_detect.datatype import TYPE_NAMES, parse_datatype, to_complex64, to_fixed_point
from sdr_detect.errors import FormatError, SinkError, UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.plan import FrequencyPlan
from sdr_detect.rawblock import decoded
from sdr_detect.sinks import sm2117

RECORDINGS = Path(__file__).parent.parent / "recordings"
START_NS = 1_777_882_530_123_456_789
EXACT = ["cs8", "cu8", "cs16", "cs16_be", "cu16", "cs24", "cs24_be", "cs32", "cf32", "cf32_be"]


def raw_file(folder: Path, datatype: str, count: int = 5000) -> Path:
    rng = np.random.default_rng(7)
    path = folder / f"x.{datatype}"
    if datatype.startswith("cf"):
        order = ">" if datatype.endswith("_be") else "<"
        path.write_bytes(rng.normal(size=2 * count).astype(f"{order}f4").tobytes())
    else:
        path.write_bytes(rng.bytes(count * parse_datatype(datatype).sample_bytes))
    return path


def exported(path: Path, spec: RawSpec, more: dict[str, Any] | None = None) -> Path:
    out = path.with_name(path.name + ".h5")
    with open_recording(path, spec) as recording:
        sm2117.write(recording, out, more or {})
    return out


@pytest.mark.parametrize("datatype", EXACT)
def test_samples_come_back_as_they_were(tmp_path: Path, datatype: str) -> None:
    path = raw_file(tmp_path, datatype)
    spec = RawSpec(datatype, 2.4e6, rf_hz=14.2225e9, start_ns=START_NS)
    out = exported(path, spec)
    with open_recording(path, spec) as one, open_recording(out) as other:
        np.testing.assert_array_equal(one.read(0, 5000), other.read(0, 5000))
        np.testing.assert_array_equal(one.read(4321, 77), other.read(4321, 77))
        for name in ("sample_rate_hz", "center_hz", "start_ns", "clip_level"):
            assert getattr(one.info, name) == getattr(other.info, name)
    with h5py.File(out) as file:
        stored = file["Dataset_0"]["Channel_0"]
        if datatype == "cs16":
            assert stored.tobytes() == path.read_bytes()
        assert file["Dataset_0"].attrs["Timestamp coarse (s)"] == START_NS // 10**9
        assert file["Dataset_0"].attrs["Timestamp fine (ns)"] == START_NS % 10**9


@given(st.sampled_from([n for n in EXACT if not n.startswith("cf")]), st.binary(min_size=8))
def test_codes_stand_for_the_same_numbers(name: str, data: bytes) -> None:
    datatype = parse_datatype(name)
    raw = np.frombuffer(data[: len(data) // datatype.sample_bytes * datatype.sample_bytes], "u1")
    want = np.empty(len(raw) // datatype.sample_bytes, np.complex64)
    to_complex64(raw, datatype, want)
    codes = to_fixed_point(raw, datatype)
    got = (codes / 2.0 ** (8 * codes.itemsize - 1)).astype(np.float32).view(np.complex64)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("datatype", ["cu32", "cf64"])
def test_what_would_be_rounded_is_refused(tmp_path: Path, datatype: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(1600))
    with pytest.raises(UnsupportedError, match="has more bits"):
        exported(path, RawSpec(datatype, 1e6))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x"]


def test_every_type_is_written_or_refused() -> None:
    known = {*EXACT, "cu32", "cf64"}
    assert set(TYPE_NAMES) <= known


def test_losses_stay_where_they_were(tmp_path: Path) -> None:
    path, out = RECORDINGS / "lost_samples_2m4.sigmf-meta", tmp_path / "lost.h5"
    with open_recording(path) as one:
        sm2117.write(one, out, {"User case": "2026-001"})
        assert len(one.captures) > 2
        with open_recording(out) as other:
            assert [(c.first_sample, c.sample_count, c.lost_before) for c in one.captures] == [
                (c.first_sample, c.sample_count, c.lost_before) for c in other.captures
            ]
            assert one.info.start_ns == other.info.start_ns
            for mine, theirs in zip(one.blocks(), other.blocks(), strict=True):
                np.testing.assert_array_equal(decoded(mine).samples, decoded(theirs).samples)
                assert mine.lost_before == theirs.lost_before
    with h5py.File(out) as file:
        assert file["Dataset_1"].attrs["User case"] == "2026-001"


def test_an_inverted_spectrum_is_put_right(tmp_path: Path) -> None:
    """A tone above the centre stays above it; the lowest code has no opposite and needs none."""
    path = tmp_path / "x.cs8"
    turns = np.exp(-2j * np.pi * np.arange(4096) / 16) * 127  # below the centre as stored
    pairs = np.rint(np.stack([turns.real, turns.imag], axis=1)).astype(np.int8)
    pairs[0] = -128
    path.write_bytes(pairs.tobytes())
    spec = RawSpec("cs8", 2e6, if_hz=1e9, plan=FrequencyPlan(converter("ku-15.45-high")))
    out = exported(path, spec)
    with open_recording(path, spec) as one, open_recording(out) as other:
        assert one.captures[0].conjugate
        assert one.info.center_hz == other.info.center_hz
        mine, theirs = one.read(0, 4096), other.read(0, 4096)
        np.testing.assert_array_equal(theirs, 1j * mine)
        assert np.argmax(np.abs(np.fft.fft(theirs))) == 4096 // 16


def test_a_file_of_the_public_library(tmp_path: Path) -> None:
    """As itusm2117 0.0.1 writes it, whose fine time is seconds since 1970."""
    path = tmp_path / "x.h5"
    part = [("Real", "f4"), ("Imag", "f4")]
    with h5py.File(path, "w") as file:
        made = file.create_group("a/b").create_dataset("Dataset_0", (100,), [("Channel_A", part)])
        made["Channel_A"] = [(n, -n) for n in range(100)]
        made.attrs["ITU-R data set class"] = "I/Q"
        made.attrs["Sampling frequency (Hz)"] = 1e6
        made.attrs["RF carrier frequency (Hz)"] = 0
        made.attrs["Timestamp coarse (s)"] = 1_600_000_000
        made.attrs["Timestamp fine (ns)"] = 1_600_000_000.25
    with open_recording(path) as recording:
        assert recording.format == "sm2117/cf32"
        assert recording.info.center_hz is None
        assert recording.info.start_ns == 1_600_000_000 * 10**9
        assert any("no part of a second" in note for note in recording.notes)
        np.testing.assert_array_equal(recording.read(0, 100), np.arange(100) * (1 - 1j))


def changed(path: Path, how: str) -> Path:
    out = exported(raw_file(path, "cs16"), RawSpec("cs16", 1e6))
    with h5py.File(out, "r+") as file:
        one = file["Dataset_0"]
        match how:
            case "rate":
                del one.attrs["Sampling frequency (Hz)"]
            case "text":
                one.attrs["Sampling frequency (Hz)"] = "fast"
            case "second":
                file.copy("Dataset_0", "Dataset_1")
            case "unordered":
                file.copy("Dataset_0", "Dataset_1")
                del file["Dataset_1"].attrs["User first sample"]
            case "channels":
                pair = [("Real", "<i2"), ("Imag", "<i2")]
                both = file.create_dataset("x", (5,), [("Channel_0", pair), ("Channel_1", pair)])
                both.attrs.update(one.attrs)
                del file["Dataset_0"]
            case "type":
                x = file.create_dataset("x", (5,), [("Channel_0", "<f8")])
                x.attrs.update(one.attrs)
                del file["Dataset_0"]
            case "origin":
                one.attrs["User original datatype"] = "cx9"
    return out


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("rate", "give --rate HZ"),
        ("text", "is 'fast', no number"),
        ("second", "begins at sample 0, before 5000"),
        ("unordered", "does not say how they follow"),
        ("channels", "has 2 channels"),
        ("type", "has samples of type"),
        ("origin", "sample type 'cx9' is not known"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, how: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        open_recording(changed(tmp_path, how))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = raw_file(tmp_path, "cs16")
    out = exported(path, RawSpec("cs16", 1e6))
    before = out.read_bytes()
    with pytest.raises(SinkError, match="choose another name"):
        exported(path, RawSpec("cs16", 1e6))
    assert out.read_bytes() == before
    out.unlink()
    exported(path, RawSpec("cs16", 1e6))
    assert out.read_bytes() == before  # the same bytes each time


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from sdr_detect.errors import SinkError
from sdr_detect.formats.find import open_recording
from sdr_detect.sinks import sm2117
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
source, out = Path(sys.argv[1]), Path(sys.argv[2])
for limit in (100, 3000, 100_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with open_recording(source) as recording:
            sm2117.write(recording, out, {})
    except SinkError as exc:
        print(exc)
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """It shows where the file is made, written, or only where it is closed."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, RECORDINGS / "blank_2m4.sigmf-meta", tmp_path / "x.h5"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.count("nothing was left") == 3
    assert list(tmp_path.iterdir()) == []
