"""Stored bytes to samples, against struct and exact fractions."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import datatype, scaling
from sdr_detect.datatype import BATCH_SAMPLES, parse_datatype, to_complex64

#: name -> (struct code, bits, unsigned); the byte order comes from the name.
INTEGERS = {
    "cu8": ("B", 8, True),
    "cs8": ("b", 8, False),
    "cu16": ("H", 16, True),
    "cs16": ("h", 16, False),
    "cs16_be": ("h", 16, False),
    "cu16_be": ("H", 16, True),
    "cs32": ("i", 32, False),
    "cu32": ("I", 32, True),
    "cs32_be": ("i", 32, False),
    "cu32_be": ("I", 32, True),
}


def convert(name: str, raw: bytes) -> np.ndarray[tuple[int], np.dtype[np.complex64]]:
    datatype = parse_datatype(name)
    out = np.full(len(raw) // datatype.sample_bytes, np.nan, np.complex64)
    to_complex64(np.frombuffer(raw, np.uint8), datatype, out)
    return out


def expected(codes: list[int], bits: int, unsigned: bool) -> list[float]:
    half = Fraction(2) ** (bits - 1)
    offset = half - Fraction(1, 2) if unsigned else 0
    return [float(np.float32(float((code - offset) / half))) for code in codes]


@pytest.mark.parametrize("name", INTEGERS)
@given(data=st.data())
def test_integers_scale_to_full_scale_one(name: str, data: st.DataObject) -> None:
    code, bits, unsigned = INTEGERS[name]
    lowest = 0 if unsigned else -(2 ** (bits - 1))
    codes = data.draw(
        st.lists(st.integers(lowest, lowest + 2**bits - 1), min_size=2, max_size=20).filter(
            lambda values: len(values) % 2 == 0
        )
    )
    order = ">" if name.endswith("_be") else "<"
    got = convert(name, struct.pack(f"{order}{len(codes)}{code}", *codes)).view(np.float32)
    assert got.tolist() == expected(codes, bits, unsigned)


def test_every_byte_code() -> None:
    raw = bytes(range(256))
    assert convert("cu8", raw).view(np.float32).tolist() == [(x - 127.5) / 128 for x in raw]
    signed = [x - 256 if x > 127 else x for x in raw]
    assert convert("cs8", raw).view(np.float32).tolist() == [x / 128 for x in signed]


@pytest.mark.parametrize("name", ["cs8", "cu8", "cs16"])
def test_compiled_and_plain_agree_in_every_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = np.arange(1 << 16, dtype="<u2").view(np.uint8).tobytes()
    calls = []
    kernel = scaling._scaled
    monkeypatch.setattr(scaling, "_scaled", lambda *args: (calls.append(1), kernel(*args)))
    compiled = convert(name, raw)
    assert calls
    monkeypatch.setattr(datatype, "COMPILED", ())
    plain = convert(name, raw)
    assert compiled.tobytes() == plain.tobytes()


def test_codes_at_an_odd_address_are_read_all_the_same() -> None:
    raw = np.arange(9, dtype=np.uint8)[1:]
    out = np.empty(2, np.complex64)
    to_complex64(raw, parse_datatype("cs16"), out)
    assert (out.view(np.float32) * 32768).tolist() == [0x0201, 0x0403, 0x0605, 0x0807]


def test_who_hands_codes_on_loads_no_compiler() -> None:
    code = (
        "import sys, numpy as np, sdr_detect.datatype as d\n"
        "raw, out = np.zeros(4, np.uint8), np.empty(2, np.complex64)\n"
        "d.to_complex64(raw, d.parse_datatype('cs8'), out)\n"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("name", "order"), [("cs24", "little"), ("cs24_be", "big")])
def test_three_byte_codes(name: str, order: str) -> None:
    codes = [0, 1, -1, 2**23 - 1, -(2**23), 123456]
    raw = b"".join(code.to_bytes(3, order, signed=True) for code in codes)  # type: ignore[arg-type]
    assert convert(name, raw).view(np.float32).tolist() == expected(codes, 24, False)


@pytest.mark.parametrize(
    ("name", "form"), [("cf32", "<f"), ("cf32_be", ">f"), ("cf64", "<d"), ("cf64_be", ">d")]
)
def test_floats_keep_their_scale(name: str, form: str) -> None:
    values = [0.0, -0.5, 32767.0, 1e-20, math.inf, -math.inf]
    raw = b"".join(struct.pack(form, value) for value in values)
    assert convert(name, raw).view(np.float32).tolist() == [float(np.float32(v)) for v in values]
    assert np.isnan(convert(name, struct.pack(f"{form[0]}2{form[1]}", math.nan, 1)).real).all()


def test_double_beyond_single_becomes_infinite_without_warning() -> None:
    assert np.isinf(convert("cf64", struct.pack("<2d", 1e300, 0)).real).all()


def test_weak_signal_on_32_bit_offset_is_kept() -> None:
    middle = 2**31
    got = convert("cu32", struct.pack("<4I", middle, middle + 1, middle - 2, middle - 1))
    assert got.view(np.float32).tolist() == [x / 2**32 for x in (1, 3, -3, -1)]


@pytest.mark.parametrize("name", ["cu8", "cs16", "cs24", "cf64"])
def test_batches_join_seamlessly(name: str) -> None:
    count = 2 * BATCH_SAMPLES + 7
    size = parse_datatype(name).sample_bytes
    raw = np.random.default_rng(2).integers(0, 120, count * size, np.uint8).tobytes()
    whole = convert(name, raw)
    parts = [convert(name, raw[k * size : (k + 1000) * size]) for k in range(0, count, 1000)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("cs8", -128, 127), ("cs16", -32768, 32767), ("cs32", -(2**31), 2**31 - 1)],
)
def test_both_rails_reach_the_clip_level(name: str, lowest: int, highest: int) -> None:
    datatype = parse_datatype(name)
    level = datatype.clip_level
    assert level is not None
    size = datatype.bits // 8
    rails = [code.to_bytes(size, "little", signed=True) for code in (lowest, highest)]
    inside = (int(highest * 0.98)).to_bytes(size, "little", signed=True)
    got = np.abs(convert(name, b"".join([*rails, inside, inside])).view(np.float32))
    assert (got >= np.float32(level)).tolist() == [True, True, False, False]


def test_offset_binary_rails_reach_the_clip_level() -> None:
    level = parse_datatype("cu8").clip_level
    got = np.abs(convert("cu8", bytes([0, 255, 1, 254])).view(np.float32))
    assert level is not None
    assert (got >= np.float32(level)).tolist() == [True, True, False, False]
    assert parse_datatype("cf32").clip_level is None


@pytest.mark.parametrize(
    ("text", "name", "sigmf", "size"),
    [
        ("cu8", "cu8", "cu8", 2),
        ("CI8", "cs8", "ci8", 2),
        ("ci16_le", "cs16", "ci16_le", 4),
        ("cs16_be", "cs16_be", "ci16_be", 4),
        ("cf32", "cf32", "cf32_le", 8),
        ("cf64_be", "cf64_be", "cf64_be", 16),
        ("cs24", "cs24", "ci24_le", 6),
        ("cu8_be", "cu8", "cu8", 2),
    ],
)
def test_names(text: str, name: str, sigmf: str, size: int) -> None:
    datatype = parse_datatype(text)
    assert (datatype.name, datatype.sigmf_name, datatype.sample_bytes) == (name, sigmf, size)


@pytest.mark.parametrize("text", ["", "cs12", "rf32_le", "u8", "cf32_me", "cu24", "complex64"])
def test_unknown_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not known; use one of cu8, cs8, cs16"):
        parse_datatype(text)


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="5 bytes are not 2 samples of 2 bytes"):
        to_complex64(np.zeros(5, np.uint8), parse_datatype("cs8"), np.empty(2, np.complex64))
