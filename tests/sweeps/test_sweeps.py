"""Power sweeps of three programs: read, damaged, and what is seen in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.catalog import converter
from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.plan import FrequencyPlan
from sdr_detect.sinks.waterfall import pooled
from sdr_detect.sweeps import base
from sdr_detect.sweeps.base import parse_row
from sdr_detect.sweeps.find import read_sweeps
from sdr_detect.sweeps.review import STATEMENT, assemble, review
from tests.sweeps import writers

STEP_HZ = 5e6 / 44
BINS = 44 * 4 * 6
LOW_HZ = 1_200_000_000
DIRECT = FrequencyPlan()


def single_transforms(sweeps: int = 120, seed: int = 1) -> np.ndarray:
    """What one transform of noise leaves: exponential, with a sloping passband."""
    rng = np.random.default_rng(seed)
    slope = 1 + 0.3 * np.sin(np.arange(BINS) / 200)
    return rng.exponential(size=(sweeps, BINS)) * 1e-7 * slope


def averages(seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    power: np.ndarray = rng.gamma(500, 1 / 500, size=(40, 512)) * 1e-8
    return power


def db(power: np.ndarray) -> np.ndarray:
    return np.asarray(10 * np.log10(power))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sweep.csv"


def test_three_writers_are_told_apart_and_read_alike(file: Path) -> None:
    power = averages()
    texts = {
        "rtl_power": writers.rtl_power(db(power), LOW_HZ, 2000.0, 128),
        "soapy_power": writers.soapy_power(db(power), LOW_HZ, 2000.0, 128),
        "hackrf_sweep": writers.hackrf_sweep(db(single_transforms(3)), LOW_HZ, STEP_HZ),
    }
    for name, text in texts.items():
        file.write_text(text)
        found = read_sweeps(file)
        assert (found.format, found.bad_count, found.capped) == (name, 0, None)
        grid = assemble(found)
        wanted = single_transforms(3) if name == "hackrf_sweep" else power
        assert grid.power.shape == wanted.shape
        np.testing.assert_allclose(grid.power, wanted, rtol=2e-3)
        assert grid.freq_hz[0] == pytest.approx(LOW_HZ + (grid.freq_hz[1] - grid.freq_hz[0]) / 2)
    assert np.diff(grid.time_s) == pytest.approx(0.01, abs=1e-6)


def test_noise_alone_shows_nothing(file: Path) -> None:
    for text in (
        writers.hackrf_sweep(db(single_transforms()), LOW_HZ, STEP_HZ),
        writers.rtl_power(db(averages()), LOW_HZ, 2000.0, 128),
    ):
        file.write_text(text)
        seen = review(read_sweeps(file), DIRECT)
        assert (seen.channels, seen.blocks) == ((), ())


def test_what_stays_and_what_comes_and_goes(file: Path) -> None:
    power = single_transforms()
    power[:, 500:505] *= 15
    power[::20, 800:803] *= 300
    file.write_text(writers.hackrf_sweep(db(power), LOW_HZ, STEP_HZ))
    seen = review(read_sweeps(file), DIRECT)
    kinds = {channel.kind: channel for channel in seen.channels}
    assert set(kinds) == {"persistent", "bursty"}
    steady, bursty = kinds["persistent"], kinds["bursty"]
    assert steady.freq_lower_hz == pytest.approx(LOW_HZ + 500 * STEP_HZ, abs=STEP_HZ)
    assert steady.freq_upper_hz == pytest.approx(LOW_HZ + 505 * STEP_HZ, abs=STEP_HZ)
    assert bursty.freq_lower_hz == pytest.approx(LOW_HZ + 800 * STEP_HZ, abs=STEP_HZ)
    assert bursty.share == pytest.approx(0.05, abs=0.01)
    assert bursty.peak_db > 20


@pytest.mark.parametrize("name", ["ku-12.80", "ku-high"])
def test_a_channel_wider_than_the_pieces_is_a_hint(file: Path, name: str) -> None:
    power = single_transforms(400)
    freq = LOW_HZ + (np.arange(BINS) + 0.5) * STEP_HZ
    on = np.random.default_rng(4).random((400, 1)) < 0.25
    power = np.where((np.abs(freq - 1231.25e6) < 30e6) & on, 2 * power, power)
    file.write_text(writers.hackrf_sweep(db(power), LOW_HZ, STEP_HZ))
    if name == "ku-12.80":
        plan = FrequencyPlan(converter(name))
    else:  # one above the signal turns the spectrum over
        from sdr_detect.plan import Converter

        plan = FrequencyPlan(Converter(name, 15.2625e9, "high", 13.9e9, 14.6e9))
    (block,) = review(read_sweeps(file), plan).blocks
    assert block.center_hz == pytest.approx(14.03125e9, abs=3e6)
    assert block.width_hz == pytest.approx(60e6, abs=5e6)


def test_damage_is_named_and_counted_and_the_rest_is_read(file: Path) -> None:
    lines = writers.rtl_power(db(averages()), LOW_HZ, 2000.0, 128).splitlines()
    lines[3] = lines[3][:200]
    lines[7] = "\0\0\xff garbage"
    lines[9] = lines[9].replace("2026-03-04", "2026-13-04")
    lines[11] = lines[11].replace("2000.00", "-2000.00")
    lines[13] = lines[13].replace("-80.", "nan, #", 1)
    lines[15] = ",".join(["nan"] * 200)
    lines[17] = lines[17].replace(lines[17].split(", ")[8], "nan")
    file.write_text("\n".join(lines), encoding="latin-1")
    found = read_sweeps(file)
    assert found.bad_count == 6
    assert [line.partition(":")[0] for line in found.bad_lines] == [
        f"line {k}" for k in (4, 8, 10, 12, 14, 16)
    ]
    assert len(found.rows) == len(lines) - 6
    review(found, DIRECT)


@settings(max_examples=40)
@given(data=st.data())
def test_any_damage_yields_rows_or_a_clear_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = bytearray(writers.soapy_power(db(averages()[:9, :64]), LOW_HZ, 2e3, 32).encode())
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(list(b"\0,\n-.eE9#\xffn ")))
    file = tmp_path_factory.mktemp("fuzz") / "s.csv"
    file.write_bytes(bytes(text))
    try:
        seen = review(read_sweeps(file), DIRECT)
    except FormatError:
        return
    assert np.isfinite(seen.grid.freq_hz).all()


def test_limits_are_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(writers.rtl_power(db(averages()), LOW_HZ, 2000.0, 128))
    monkeypatch.setattr(base, "MAX_VALUES", 5000)
    found = read_sweeps(file)
    assert found.values <= 5000
    assert found.capped == 40
    monkeypatch.setattr(base, "MAX_LINE_BYTES", 300)
    with pytest.raises(FormatError, match="longer than 300 bytes"):
        read_sweeps(file)


def test_rows_far_apart_are_refused_rather_than_stored(file: Path) -> None:
    file.write_text(
        "2026-01-01, 00:00:00, 0, 10, 1, 1" + ", -50" * 10 + "\n"
        "2026-01-01, 00:00:00, 999999999990, 1000000000000, 1, 1" + ", -50" * 10 + "\n"
    )
    with pytest.raises(FormatError, match="split the file"):
        review(read_sweeps(file), DIRECT)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", FormatError),
        (b"SDRFF\x02" + bytes(60), UnsupportedError),
        (b"a,b,c\n1,2,3\n", FormatError),
        (bytes(1000), FormatError),
    ],
)
def test_other_files_are_refused(file: Path, content: bytes, error: type[FormatError]) -> None:
    file.write_bytes(content)
    with pytest.raises(error):
        read_sweeps(file)
    with pytest.raises(FormatError):
        read_sweeps(file.with_name("missing.csv"))


def test_a_row_of_each_writer() -> None:
    row = parse_row(b"2026-01-02, 03:04:05.600000, 5, 9, 2.00, 20, -1.00, -2.50\n")
    assert (row.low_hz, row.step_hz, list(row.power_db)) == (5, 2, [-1, -2.5])
    assert row.time_s % 60 == pytest.approx(5.6)
    twice = parse_row(b"2026-01-02, 03:04:05, 5, 9, 2, 20, -1, -2, -2\n", repeats_last=True)
    assert list(twice.power_db) == [-1, -2]
    holes = parse_row(b"2026-01-02, 03:04:05, 5, 9, 2, 20, -inf, nan\n")
    assert np.isnan(holes.power_db).all()


def test_pooling_keeps_every_maximum() -> None:
    power = np.full((2500, 1300), 1.0, np.float32)
    power[1234, 777] = 9
    power[:1000] = np.nan
    small = pooled(power, 1000)
    assert max(small.shape) <= 1000
    assert np.nanmax(small) == 9
    assert np.isnan(small[0, 0])


def test_the_command_never_detects(tmp_path: Path) -> None:
    power = single_transforms(40)
    power[::5, 800:803] *= 300
    file = tmp_path / "a.csv"
    file.write_text(writers.hackrf_sweep(db(power), LOW_HZ, STEP_HZ) + "broken\n")
    words = ["review", str(file), "--converter", "ku-12.80", "--plots", str(tmp_path / "out")]
    run = subprocess.run(
        [sys.executable, "-m", "sdr_detect", *words, "--json", str(tmp_path / "a.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "1 bad lines left out: line 961" in run.stdout
    assert "cannot confirm a terminal" in run.stdout
    assert (tmp_path / "out" / "a.csv.png").read_bytes().startswith(b"\x89PNG")
    line = json.loads((tmp_path / "a.json").read_text())
    assert line["statement"] == STATEMENT
    assert "detected" not in json.dumps(line)
    assert [c["kind"] for c in line["channels"]] == ["bursty"]
    assert line["freq_lower_hz"] > 13.9e9
