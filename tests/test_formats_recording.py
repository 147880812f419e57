"""What every recording does: streaming, random access, gaps, frequencies."""

from __future__ import annotations

import hashlib
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import FormatError, TruncatedError
from sdr_detect.formats.base import Capture, RawSpec, Recording
from sdr_detect.formats.find import all_formats, open_recording
from sdr_detect.formats.store import ArrayStore, FileRange, PackedStore
from sdr_detect.model import StreamInfo
from sdr_detect.plan import Converter, FrequencyPlan
from sdr_detect.rawblock import decoded
from tests.recording_files import noise_codes

SPEC = RawSpec("cs8", 1e6, rf_hz=12e9)
HIGH = FrequencyPlan(Converter("high", 15e9, "high", 13e9, 14.5e9))


def raw_file(folder: Path, codes: np.ndarray[Any, Any]) -> Path:
    path = folder / "any.bin"
    codes.tofile(path)
    return path


def make(lengths: list[tuple[int, int]]) -> tuple[Recording, np.ndarray[Any, Any]]:
    """A recording of (lost, present) stretches, and its samples with 0 in the gaps."""
    total = sum(count for _, count in lengths)
    stored = np.arange(1, total + 1).astype(np.complex64)
    info = StreamInfo("made", 1000.0)
    captures, position, used, whole = [], 0, 0, []
    for lost, count in lengths:
        captures.append(Capture(position + lost, count, info, lost, used))
        whole += [np.zeros(lost, np.complex64), stored[used : used + count]]
        position += lost + count
        used += count
    made = Recording(path=Path("made"), kind="made", store=ArrayStore(stored), captures=captures)
    return made, np.concatenate(whole)


stretches = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), min_size=1, max_size=5).map(
    lambda items: [(0, items[0][1]), *items[1:]]
)


@given(stretches, st.integers(1, 70), st.data())
def test_blocks_however_cut_are_the_same_samples(
    lengths: list[tuple[int, int]], size: int, data: st.DataObject
) -> None:
    recording, whole = make(lengths)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    out = np.zeros(len(whole), np.complex64)
    position = start
    for block in recording.blocks(size, start, stop):
        assert block.first_sample == position + block.lost_before
        assert 0 < block.sample_count <= size
        samples = decoded(block).samples
        assert not samples.flags.writeable
        out[block.first_sample : block.stop_sample] = samples
        position = block.stop_sample
    assert position <= stop
    np.testing.assert_array_equal(out[start:stop], whole[start:stop])
    np.testing.assert_array_equal(recording.read(start, stop - start), whole[start:stop])


def test_counts_know_of_the_gaps() -> None:
    recording, whole = make([(0, 5), (20, 7), (0, 3)])
    assert (recording.sample_count, recording.stop_sample) == (15, 35)
    assert recording.duration_s == 0.035
    assert [b.lost_before for b in recording.blocks(4)] == [0, 0, 20, 0, 0]
    assert [b.lost_before for b in recording.blocks(100, 15)] == [10, 0]
    assert len(whole) == 35


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (4, 3), (0, 36), (36, 36)])
def test_ranges_outside_are_refused(start: int, stop: int) -> None:
    recording, _ = make([(0, 5), (20, 7), (0, 3)])
    with pytest.raises(ValueError, match=r"not within \[0, 35\)"):
        recording.blocks(10, start, stop)
    with pytest.raises(ValueError, match=r"not within \[0, 35\)"):
        recording.read(start, stop - start)


def test_block_length_must_be_positive() -> None:
    with pytest.raises(ValueError, match="block length 0"):
        make([(0, 5)])[0].blocks(0)


def test_raw_file_is_read_as_stated(tmp_path: Path) -> None:
    codes = noise_codes("<i2", 5000)
    path = raw_file(tmp_path, codes)
    spec = RawSpec("cs16", 2e6, rf_hz=14.1e9, start_ns=1_700_000_000_000_000_000)
    with open_recording(path, spec) as recording:
        assert recording.format == "raw/cs16"
        assert recording.sample_count == 5000
        assert recording.notes == ()
        info = recording.info
        assert (info.sample_rate_hz, info.center_hz) == (2e6, 14.1e9)
        assert info.time_ns(2) == 1_700_000_000_000_001_000
        assert info.clip_level == 32767 / 32768
        want = codes[0::2] / 32768 + 1j * (codes[1::2] / 32768)
        np.testing.assert_array_equal(recording.read(0, 5000), want.astype(np.complex64))
        assert recording.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
        assert recording.verify() is None


def test_kept_blocks_are_not_overwritten(tmp_path: Path) -> None:
    with open_recording(raw_file(tmp_path, noise_codes("i1", 3000)), SPEC) as recording:
        kept = list(recording.blocks(700))
        samples = [decoded(block).samples for block in kept]
        np.testing.assert_array_equal(np.concatenate(samples), recording.read(0, 3000))


def test_close_twice(tmp_path: Path) -> None:
    recording = open_recording(raw_file(tmp_path, noise_codes("i1", 10)), SPEC)
    recording.close()
    recording.close()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that cannot be read")
def test_what_the_disk_does_not_give() -> None:
    """The memory at address 0, which nobody may read, stands for a bad sector."""
    store = PackedStore(Path("/proc/self/mem"), parse_datatype("ci8"), offset=0, sample_count=100)
    with pytest.raises(FormatError, match=r"mem \(byte 20\): cannot be read \(Input/output error"):
        store.read_into(10, np.empty(50, np.complex64))
    with pytest.raises(FormatError, match=r"byte 0\): cannot be read .*; check the disk"):
        store.read_raw(0, 50)
    store.close()
    with pytest.raises(FormatError, match=r"mem: cannot be read \(Input/output error"):
        FileRange(Path("/proc/self/mem")).digest("sha256")


def test_file_shortened_while_open(tmp_path: Path) -> None:
    path = raw_file(tmp_path, noise_codes("i1", 1000))
    with open_recording(path, SPEC) as recording:
        os.truncate(path, 1000)
        assert len(recording.read(0, 500)) == 500
        with pytest.raises(TruncatedError, match="shortened while being read"):
            recording.read(400, 200)


def test_if_behind_an_inverting_converter_is_turned_upright(tmp_path: Path) -> None:
    rate, count = 1000.0, 1000
    tone = np.exp(2j * np.pi * 100 / rate * np.arange(count)).astype(np.complex64)
    path = raw_file(tmp_path, tone)
    with open_recording(path, RawSpec("cf32", rate, if_hz=1e9, plan=HIGH)) as recording:
        assert recording.info.center_hz == 14e9
        assert recording.info.if_center_hz == 1e9
        spectrum = np.fft.fft(recording.read(0, count))
    # 100 Hz above the IF is 100 Hz below the RF centre.
    assert np.fft.fftfreq(count, 1 / rate)[np.argmax(np.abs(spectrum))] == -100
    with open_recording(path, RawSpec("cf32", rate, rf_hz=14e9, plan=HIGH)) as recording:
        np.testing.assert_array_equal(recording.read(0, count), tone)
        assert any("taken as upright although high inverts" in n for n in recording.notes)
    with open_recording(path, RawSpec("cf32", rate, if_hz=3e9, plan=HIGH)) as recording:
        assert any("outside the range of high" in n for n in recording.notes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample_rate_hz": float("nan")}, "sample rate nan"),
        ({"sample_rate_hz": 0.0}, r"sample rate 0\.0"),
        ({"sample_rate_hz": 2e11}, "is not within"),
        ({"rf_hz": 1e9, "if_hz": 1e9}, "given twice"),
        ({"rf_hz": -1.0}, r"RF -1\.0 Hz"),
        ({"if_hz": float("inf")}, "IF inf Hz"),
        ({"if_hz": 16e9, "plan": HIGH}, "below zero; check --if and --converter"),
    ],
)
def test_impossible_statements(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RawSpec(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "flags"),
    [
        (RawSpec(), "give --format TYPE --rate HZ --rf HZ"),
        (RawSpec("cs8"), "give --rate HZ --rf HZ"),
        (RawSpec(sample_rate_hz=1e6, rf_hz=1e9), r"give --format TYPE \("),
    ],
)
def test_raw_file_names_the_missing_options(tmp_path: Path, spec: RawSpec, flags: str) -> None:
    path = raw_file(tmp_path, noise_codes("i1", 100)).rename(tmp_path / "iq_20Msps_14GHz.cs8")
    with pytest.raises(FormatError, match=flags):
        open_recording(path, spec)


def test_every_format_is_found() -> None:
    names = [module.NAME for module in all_formats()]
    assert set(names) >= {"sigmf", "wav", "npy", "mat", "hdf5", "raw"}
    assert names[-1] == "raw"


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 GB that take no space, with known samples in the middle."""
    path = tmp_path_factory.mktemp("huge") / "huge.bin"
    middle = 50 * 10**9
    try:
        with path.open("wb") as file:
            file.truncate(100 * 10**9)
            file.seek(middle)
            file.write(noise_codes("i1", 1000).tobytes())
    except OSError as exc:
        pytest.skip(f"the file system makes no 100 GB sparse file: {exc}")
    if path.stat().st_blocks * 512 > 10**9:
        path.unlink()
        pytest.skip("the file system has no sparse files")
    return path


def test_100_gigabytes_open_at_once(huge: Path) -> None:
    started = time.perf_counter()
    with open_recording(huge, SPEC) as recording:
        assert recording.sample_count == 50 * 10**9
        got = recording.read(25 * 10**9, 1000)
        elapsed = time.perf_counter() - started
    want = noise_codes("i1", 1000).reshape(-1, 2).astype(np.float32) / 128
    np.testing.assert_array_equal(got.view(np.float32).reshape(-1, 2), want)
    assert elapsed < 1


def test_streaming_takes_constant_memory(huge: Path) -> None:
    """Memory while streaming depends on the block, not on how much was read."""

    def peak(blocks: int) -> int:
        tracemalloc.start()
        with open_recording(huge, SPEC) as recording:
            stream = recording.blocks(1 << 16)
            for _ in range(blocks):
                next(stream)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(4), peak(400)
    assert many < few + (1 << 16)
    assert many < 8 * (1 << 16) * 8


def test_what_is_not_given_while_a_file_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = raw_file(tmp_path, noise_codes("i1", 10))

    def refused(*_of: object) -> Recording:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("sdr_detect.formats.raw.open_file", refused)
    with pytest.raises(FormatError, match=r"any.bin: cannot be read \(Input/output error\)"):
        open_recording(path, SPEC)
