"""WAV with I and Q as two channels."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from sdr_detect.errors import FormatError, UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from tests.recording_files import auxi, chunk, noise_codes, wav, wav_format

#: bits, tag -> numpy type, scale, offset
CODINGS = {
    (8, 1): ("u1", 128.0, 127.5),
    (16, 1): ("<i2", 2.0**15, 0.0),
    (32, 1): ("<i4", 2.0**31, 0.0),
    (32, 3): ("<f4", 1.0, 0.0),
    (64, 3): ("<f8", 1.0, 0.0),
}


def put(folder: Path, data: bytes) -> Path:
    path = folder / "rec.wav"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("bits", "tag"), CODINGS)
@pytest.mark.parametrize("form", [b"RIFF", b"RF64", b"BW64"])
def test_codings(tmp_path: Path, bits: int, tag: int, form: bytes) -> None:
    dtype, scale, offset = CODINGS[bits, tag]
    codes = noise_codes(dtype, 101)
    data = codes.tobytes()
    sizes = b""
    if form != b"RIFF":
        sizes = chunk(b"ds64", struct.pack("<QQQI", 0, len(data), 101, 0))
    size = None if form == b"RIFF" else 0xFFFFFFFF
    after = chunk(b"LIST", b"INFO")
    file = wav(
        sizes,
        wav_format(2, 250_000, bits, tag=tag),
        chunk(b"data", data, size=size),
        after,
        form=form,
    )
    with open_recording(put(tmp_path, file)) as recording:
        assert recording.format == f"wav/{'float' if tag == 3 else 'pcm'}{bits}"
        assert recording.sample_count == 101
        assert recording.notes == ()
        assert recording.info.sample_rate_hz == 250_000
        got = recording.read(0, 101).view(np.float32)
    np.testing.assert_allclose(got, (codes - offset) / scale, rtol=1e-6, atol=1e-9)


def test_24_bits(tmp_path: Path) -> None:
    codes = [0, 1, -1, 8388607, -8388608, 256]
    data = b"".join(code.to_bytes(3, "little", signed=True) for code in codes)
    path = put(tmp_path, wav(wav_format(2, 250_000, 24), chunk(b"data", data)))
    with open_recording(path) as recording:
        got = recording.read(0, 3).view(np.float32)
    np.testing.assert_array_equal(got, np.float32(np.array(codes) / 2**23))


def test_extensible_form(tmp_path: Path) -> None:
    body = struct.pack("<HHIIHHHHIH", 0xFFFE, 2, 250_000, 2_000_000, 8, 32, 22, 32, 3, 3)
    fmt = chunk(b"fmt ", body + bytes(14))
    codes = noise_codes("<f4", 10)
    with open_recording(put(tmp_path, wav(fmt, chunk(b"data", codes.tobytes())))) as recording:
        assert recording.format == "wav/float32"


def test_auxi_gives_centre_and_time(tmp_path: Path) -> None:
    file = wav(wav_format(2, 48_000, 16), auxi(1_450_000_000), chunk(b"data", bytes(40)))
    path = put(tmp_path, file)
    with open_recording(path) as recording:
        assert recording.info.center_hz == 1.45e9
        # 2024-02-29 12:30:15.250 UTC, with an independent calendar.
        assert recording.info.start_ns == 1_709_209_815_250_000_000
        assert len(recording.notes) == 1
        assert "with a converter before the receiver give --if" in recording.notes[0]
    with open_recording(path, RawSpec(rf_hz=14.25e9)) as recording:
        assert recording.info.center_hz == 14.25e9
        assert any("replaced by the stated" in note for note in recording.notes)


def test_auxi_with_an_impossible_time_keeps_the_centre(tmp_path: Path) -> None:
    chunks = auxi(100_000_000, start=(0, 0, 0, 0, 0, 0, 0, 0)), chunk(b"data", bytes(40))
    with open_recording(put(tmp_path, wav(wav_format(2, 250_000, 16), *chunks))) as recording:
        assert (recording.info.center_hz, recording.info.start_ns) == (1e8, None)


def test_auxi_as_xml(tmp_path: Path) -> None:
    xml = (
        '<?xml version="1.0"?><SDR-XML-Root><Definition UTCSeconds="1709209815" '
        'RadioCenterFreq="1450000000" SampleRate="250000"></Definition></SDR-XML-Root>'
    )
    for data in (xml.encode("utf-16-le"), xml.encode()):
        file = wav(wav_format(2, 250_000, 16), chunk(b"auxi", data), chunk(b"data", bytes(40)))
        with open_recording(put(tmp_path, file)) as recording:
            assert recording.info.center_hz == 1.45e9
            assert recording.info.start_ns == 1_709_209_815 * 10**9


def test_auxi_without_a_centre(tmp_path: Path) -> None:
    for body in (b"\0\0", b"<x/>"):
        file = wav(wav_format(2, 250_000, 16), chunk(b"auxi", body), chunk(b"data", bytes(40)))
        with open_recording(put(tmp_path, file)) as recording:
            assert recording.info.center_hz is None
            assert recording.notes == ("its auxi chunk states no centre frequency",)


def test_sound_rate_without_auxi_is_doubted(tmp_path: Path) -> None:
    path = put(tmp_path, wav(wav_format(2, 48_000, 16), chunk(b"data", bytes(40))))
    with open_recording(path) as recording:
        assert "nothing in the header tells IQ from stereo sound" in recording.notes[0]


def test_stated_type_must_agree(tmp_path: Path) -> None:
    path = put(tmp_path, wav(wav_format(2, 250_000, 16), chunk(b"data", bytes(40))))
    with open_recording(path, RawSpec("cs16")) as recording:
        assert recording.sample_count == 10
    with pytest.raises(FormatError, match="--format cu8 is stated, but this is a WAV file of cs16"):
        open_recording(path, RawSpec("cu8"))
    with pytest.raises(FormatError, match="'cs13' is not known"):
        open_recording(path, RawSpec("cs13"))


@pytest.mark.parametrize(
    ("fmt", "message"),
    [
        (wav_format(1, 250_000, 16), "one channel: sound, or real samples, not IQ"),
        (wav_format(4, 250_000, 16), "4 channels"),
        (wav_format(2, 250_000, 16, tag=2), "coding 0x2 of 16 bits is not read"),
        (wav_format(2, 250_000, 12), "12 bits is not read"),
        (wav_format(2, 250_000, 16, tag=3), "coding 0x3 of 16 bits"),
    ],
)
def test_what_is_no_iq(tmp_path: Path, fmt: bytes, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        open_recording(put(tmp_path, wav(fmt, chunk(b"data", bytes(40)))))


def test_bytes_that_are_no_chunk_are_said(tmp_path: Path) -> None:
    file = wav(wav_format(2, 250_000, 16), chunk(b"data", bytes(40))) + b"\xff\xfe\x00\x01" * 30
    with open_recording(put(tmp_path, file)) as recording:
        assert recording.sample_count == 10
        assert "120 bytes from byte 84 on are no chunk" in recording.notes[0]
