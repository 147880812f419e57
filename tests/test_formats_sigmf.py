"""SigMF pairs and archives."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.catalog import converter
from sdr_detect.errors import ConfigError, FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from tests.recording_files import noise_codes, write_sigmf

#: SigMF name -> numpy type; scale and offset to full scale 1.
DATATYPES = {
    "cf64_le": ("<f8", 1.0, 0.0),
    "cf64_be": (">f8", 1.0, 0.0),
    "cf32_le": ("<f4", 1.0, 0.0),
    "cf32_be": (">f4", 1.0, 0.0),
    "ci32_le": ("<i4", 2.0**31, 0.0),
    "ci32_be": (">i4", 2.0**31, 0.0),
    "cu32_le": ("<u4", 2.0**31, 2.0**31 - 0.5),
    "cu32_be": (">u4", 2.0**31, 2.0**31 - 0.5),
    "ci16_le": ("<i2", 32768.0, 0.0),
    "ci16_be": (">i2", 32768.0, 0.0),
    "cu16_le": ("<u2", 32768.0, 32767.5),
    "cu16_be": (">u2", 32768.0, 32767.5),
    "ci8": ("i1", 128.0, 0.0),
    "cu8": ("u1", 128.0, 127.5),
}


@pytest.mark.parametrize("name", DATATYPES)
def test_every_datatype(tmp_path: Path, name: str) -> None:
    dtype, scale, offset = DATATYPES[name]
    codes = noise_codes(dtype, 1001)
    meta = write_sigmf(tmp_path, codes.tobytes(), top={"core:datatype": name})
    want = (codes.astype(np.float64) - offset) / scale
    with open_recording(meta) as recording:
        assert recording.format == f"sigmf/{name}"
        assert recording.notes == ()
        got = recording.read(0, 1001).view(np.float32)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["rec.sigmf-meta", "rec.sigmf-data", "rec"])
def test_opens_by_any_name(tmp_path: Path, name: str) -> None:
    write_sigmf(tmp_path, bytes(20))
    with open_recording(tmp_path / name) as recording:
        assert recording.sample_count == 10


def test_metadata_under_another_name_is_known_by_content(tmp_path: Path) -> None:
    meta = write_sigmf(tmp_path, bytes(20), top={"core:dataset": "rec.sigmf-data"})
    with open_recording(meta.rename(tmp_path / "other.json")) as recording:
        assert recording.sample_count == 10


def test_captures_gaps_and_times(tmp_path: Path) -> None:
    captures: list[dict[str, Any]] = [
        {
            "core:sample_start": 0,
            "core:global_index": 500,
            "core:frequency": 14.1e9,
            "core:datetime": "2024-02-29T12:00:00.000000001Z",
        },
        {"core:sample_start": 30, "core:global_index": 530, "core:frequency": 14.2e9},
        {
            "core:sample_start": 50,
            "core:global_index": 1550,
            "core:frequency": 14.3e9,
            "core:datetime": "2024-02-29T12:00:00.5Z",
        },
    ]
    meta = write_sigmf(tmp_path, noise_codes("i1", 100).tobytes(), captures=captures)
    with open_recording(meta) as recording:
        got = [
            (c.first_sample, c.sample_count, c.lost_before, c.stored_first, c.info.center_hz)
            for c in recording.captures
        ]
        assert got == [
            (0, 30, 0, 0, 14.1e9),
            (30, 20, 0, 30, 14.2e9),
            (1050, 50, 1000, 50, 14.3e9),
        ]
        first, second, third = (c.info for c in recording.captures)
        noon = 1_709_208_000_000_000_000
        assert first.time_ns(0) == noon + 1
        assert second.time_ns(30) == noon + 1 + 30_000  # no clock of its own: goes on
        assert third.time_ns(1050) == noon + 500_000_000
        assert [b.info.center_hz for b in recording.blocks()] == [14.1e9, 14.2e9, 14.3e9]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1000)), min_size=1, max_size=8))
def test_global_index_bookkeeping(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("gi")
    captures, stored, index = [], 0, 7
    spans = []
    for count, gap in runs:
        captures.append({"core:sample_start": stored, "core:global_index": index})
        spans.append((index - 7, count, stored))
        stored += count
        index += count + gap
    meta = write_sigmf(folder, noise_codes("i1", stored).tobytes(), captures=captures)
    with open_recording(meta) as recording:
        got = [(c.first_sample, c.sample_count, c.stored_first) for c in recording.captures]
        assert got == spans
        assert [c.lost_before for c in recording.captures] == [0, *(g for _, g in runs[:-1])]


def test_gap_by_clock_alone_is_said(tmp_path: Path) -> None:
    captures = [
        {"core:sample_start": 0, "core:datetime": "2024-01-01T00:00:00Z"},
        {"core:sample_start": 50, "core:datetime": "2024-01-01T00:00:02.00005Z"},
        {"core:sample_start": 60, "core:datetime": "2024-01-01T00:00:01Z"},
    ]
    meta = write_sigmf(tmp_path, bytes(200), captures=captures)
    with open_recording(meta) as recording:
        assert [c.lost_before for c in recording.captures] == [0, 2_000_000, 0]
        assert "gap of 2 s, by core:datetime alone" in recording.notes[0]
        assert "1.00006 s early" in recording.notes[1]


def test_offset_counts_from_the_first_sample_of_the_file(tmp_path: Path) -> None:
    captures = [{"core:sample_start": 1000}, {"core:sample_start": 1030}]
    meta = write_sigmf(tmp_path, bytes(200), top={"core:offset": 1000}, captures=captures)
    with open_recording(meta) as recording:
        assert [c.stored_first for c in recording.captures] == [0, 30]


def test_foreign_headers_and_trailer_are_stepped_over(tmp_path: Path) -> None:
    codes = noise_codes("i1", 50)
    raw = codes.tobytes()
    data = b"HEAD" + raw[:40] + b"SECOND!" + raw[40:] + b"END"
    captures = [
        {"core:sample_start": 0, "core:header_bytes": 4},
        {"core:sample_start": 20, "core:header_bytes": 7},
    ]
    meta = write_sigmf(tmp_path, data, top={"core:trailing_bytes": 3}, captures=captures)
    with open_recording(meta) as recording:
        assert recording.notes == ()
        got = recording.read(0, 50).view(np.float32)
    np.testing.assert_array_equal(got, codes.astype(np.float32) / 128)


def test_samples_without_metadata_are_left_out_and_said(tmp_path: Path) -> None:
    meta = write_sigmf(tmp_path, bytes(200), captures=[{"core:sample_start": 40}])
    with open_recording(meta) as recording:
        assert (recording.sample_count, recording.captures[0].stored_first) == (60, 40)
        assert any("40 samples before the first capture" in n for n in recording.notes)


def test_retune_without_samples_is_passed_over(tmp_path: Path) -> None:
    captures = [
        {"core:sample_start": n, "core:frequency": f} for n, f in ((0, 1e9), (40, 2e9), (40, 3e9))
    ]
    meta = write_sigmf(tmp_path, bytes(200), captures=[*captures, {"core:sample_start": 100}])
    with open_recording(meta) as recording:
        assert [c.info.center_hz for c in recording.captures] == [1e9, 3e9]


def test_no_captures_is_said(tmp_path: Path) -> None:
    with open_recording(write_sigmf(tmp_path, bytes(20), captures=[])) as recording:
        assert recording.info.center_hz is None
        assert any("list no capture" in note for note in recording.notes)


def tone() -> bytes:
    return bytes(np.exp(0.25j * np.pi * np.arange(64)).astype("<c8"))


@pytest.mark.parametrize(
    ("fields", "center", "conjugated"),
    [
        ({"core:frequency": 14.1e9}, 14.1e9, False),
        ({"core:frequency": 14.1e9, "sdrdetect:converter": "ku-15.45-high"}, 14.1e9, False),
        (
            {"sdrdetect:if_frequency": 1.35e9, "sdrdetect:converter": "ku-15.45-high"},
            14.1e9,
            True,
        ),
        (
            {
                "sdrdetect:if_frequency": 1.35e9,
                "sdrdetect:converter": "ku-15.45-high",
                "sdrdetect:inverted": False,
            },
            14.1e9,
            False,
        ),
        ({"core:frequency": 14.1e9, "sdrdetect:inverted": True}, 14.1e9, True),
        ({"sdrdetect:if_frequency": 1.3e9, "sdrdetect:converter": "ku-12.80"}, 14.1e9, False),
        ({}, None, False),
    ],
)
def test_rf_if_and_inversion(
    tmp_path: Path, fields: dict[str, Any], center: float | None, conjugated: bool
) -> None:
    captures = [{"core:sample_start": 0, **fields}]
    meta = write_sigmf(tmp_path, tone(), top={"core:datatype": "cf32_le"}, captures=captures)
    stored = np.frombuffer(tone(), np.complex64)
    with open_recording(meta) as recording:
        assert recording.info.center_hz == center
        np.testing.assert_array_equal(
            recording.read(0, 64), stored.conj() if conjugated else stored
        )
        assert recording.notes == ()


def test_converter_in_global_and_lo_error(tmp_path: Path) -> None:
    top = {"sdrdetect:converter": "ku-12.80", "sdrdetect:lo_error_ppm": 10}
    captures = [{"core:sample_start": 0, "sdrdetect:if_frequency": 1.3e9}]
    with open_recording(write_sigmf(tmp_path, bytes(20), top=top, captures=captures)) as recording:
        assert recording.info.plan.converter == converter("ku-12.80")
        assert recording.info.center_hz == pytest.approx(14.1e9 + 128e3)


def test_contradicting_frequencies_are_said(tmp_path: Path) -> None:
    fields = {
        "core:frequency": 12e9,
        "sdrdetect:if_frequency": 1.3e9,
        "sdrdetect:converter": "ku-12.80",
    }
    meta = write_sigmf(tmp_path, bytes(20), captures=[{"core:sample_start": 0, **fields}])
    with open_recording(meta) as recording:
        assert recording.info.center_hz == 14.1e9
        assert "contradicts" in recording.notes[0]


def test_unknown_converter(tmp_path: Path) -> None:
    meta = write_sigmf(tmp_path, bytes(20), top={"sdrdetect:converter": "ku-12.8"})
    with pytest.raises(ConfigError, match=r"ku-12\.8"):
        open_recording(meta)


def test_statements_fill_and_replace(tmp_path: Path) -> None:
    meta = write_sigmf(tmp_path, bytes(20))
    with open_recording(meta, RawSpec(rf_hz=14e9)) as recording:
        assert recording.info.center_hz == 14e9
        assert recording.notes == ()
    with open_recording(meta, RawSpec("cs8", sample_rate_hz=2e6)) as recording:
        assert recording.info.sample_rate_hz == 2e6
        assert "the file says 1000000 samples/s; the stated 2000000" in recording.notes[0]
    with pytest.raises(FormatError, match="--format cu8 is stated, but this is a SigMF recording"):
        open_recording(meta, RawSpec("cu8"))
    captures = [{"core:sample_start": n, "core:frequency": 1e9 * n} for n in (1, 2)]
    meta = write_sigmf(tmp_path, bytes(20), captures=captures)
    with pytest.raises(FormatError, match="2 different centre frequencies"):
        open_recording(meta, RawSpec(rf_hz=14e9))


def test_missing_rate_can_be_stated(tmp_path: Path) -> None:
    meta = write_sigmf(tmp_path, bytes(20), top={"core:sample_rate": None})
    with pytest.raises(FormatError, match="give --rate HZ"):
        open_recording(meta)
    with open_recording(meta, RawSpec(sample_rate_hz=5e6)) as recording:
        assert recording.info.sample_rate_hz == 5e6


def test_digest_of_the_metadata(tmp_path: Path) -> None:
    data = noise_codes("i1", 1000).tobytes()
    digest = hashlib.sha512(data).hexdigest()
    for stated, verdict in ((digest.upper(), True), ("0" * 128, False)):
        meta = write_sigmf(tmp_path, data, top={"core:sha512": stated})
        with open_recording(meta) as recording:
            assert recording.verify() is verdict
            assert recording.sha256() == hashlib.sha256(data).hexdigest()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_archive_is_read_in_place(tmp_path: Path) -> None:
    codes = noise_codes("i1", 1000)
    top = {"core:sha512": hashlib.sha512(codes.tobytes()).hexdigest()}
    meta = write_sigmf(tmp_path, codes.tobytes(), top=top).read_bytes()
    path = archive(
        tmp_path / "any.name",
        {"rec/rec.sigmf-meta": meta, "rec/rec.sigmf-data": codes.tobytes()},
    )
    with open_recording(path) as recording:
        got = recording.read(0, 1000).view(np.float32)
        assert recording.verify() is True
        assert recording.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(got, codes.astype(np.float32) / 128)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "any.name",
        "rec.sigmf-data",
        "rec.sigmf-meta",
    ]


def test_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rec.sigmf"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("rec.sigmf-data")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(UnsupportedError, match="is a link, device or sparse file"):
        open_recording(path)


def test_archive_cut_off(tmp_path: Path) -> None:
    meta = write_sigmf(tmp_path, bytes(50_000)).read_bytes()
    path = archive(tmp_path / "a", {"r.sigmf-meta": meta, "r.sigmf-data": bytes(50_000)})
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(TruncatedError):
        open_recording(path)


def test_data_outside_the_folder_are_refused(tmp_path: Path) -> None:
    for name in (
        "../x.bin",
        "/etc/passwd",
        "sub/x.bin",
        "..\\x.bin",
        "..",
        ".",
        "",
        "a\0b",
        300 * "x",
    ):
        meta = write_sigmf(tmp_path, bytes(20), top={"core:dataset": name})
        with pytest.raises(FormatError, match=r"same folder|missing beside it"):
            open_recording(meta)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ({"core:datatype": "rf32_le"}, "real samples"),
        ({"core:datatype": "ru8"}, "real samples"),
        ({"core:num_channels": 2}, "2 interleaved channels"),
        ({"core:metadata_only": True}, "metadata only"),
    ],
)
def test_what_holds_no_single_iq_stream(tmp_path: Path, top: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        open_recording(write_sigmf(tmp_path, bytes(20), top=top))


def test_collection_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sigmf-collection"
    path.write_text(json.dumps({"collection": {"core:version": "1.0.0"}}))
    with pytest.raises(UnsupportedError, match="collection"):
        open_recording(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    top=st.dictionaries(
        st.sampled_from(
            [
                "core:datatype",
                "core:sample_rate",
                "core:offset",
                "core:trailing_bytes",
                "core:num_channels",
                "core:dataset",
                "core:sha512",
                "core:metadata_only",
                "sdrdetect:lo_error_ppm",
                "sdrdetect:inverted",
            ]
        ),
        json_values,
    ),
    capture=st.dictionaries(
        st.sampled_from(
            [
                "core:sample_start",
                "core:global_index",
                "core:frequency",
                "core:datetime",
                "core:header_bytes",
                "sdrdetect:if_frequency",
                "sdrdetect:inverted",
            ]
        ),
        json_values | st.integers(-5, 60),
    ),
)
def test_hostile_metadata_open_or_fail_clearly(
    tmp_path_factory: pytest.TempPathFactory, top: dict[str, Any], capture: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    captures = [{"core:sample_start": 0}, capture]
    path = write_sigmf(folder, bytes(100), top=top, captures=captures)
    message = ""
    try:
        with open_recording(path) as opened:
            assert 0 < sum(b.sample_count for b in opened.blocks()) <= 50
    except FormatError as exc:
        message = str(exc)
    assert not message or str(folder) in message
