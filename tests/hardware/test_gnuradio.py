"""GNU Radio's messages: every kind of tag, every kind of damage."""

from __future__ import annotations

import logging
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdr_detect_hardware import _gnuradio
from sdr_detect_hardware._gnuradio_source import Assembler

from sdr_detect.errors import ConfigError, FormatError, SourceLost
from sdr_detect.formats.base import RawSpec
from sdr_detect.model import Notice
from sdr_detect.plan import Converter, FrequencyPlan
from sdr_detect.rawblock import RawBlock
from tests.gnuradio_bytes import NIL, double, symbol, tag, tagged

SPEC = RawSpec(sample_rate_hz=2.4e6, rf_hz=1.45e9)
PLACE = "tcp://127.0.0.1:1"
NOW_NS = 1_700_000_000_000_000_000
HIGH_LO = Converter("high", 15e9, "high", 13.75e9, 14.5e9, "a data sheet")

#: Tags of all types, written by GNU Radio 3.10.5 itself.
RECORDED = bytes.fromhex(
    "f05f01fecf0100000000000b00000000000000c0d401000000000002000772785f667265710441d59b4fa00000000200"
    "03737263c0d401000000000002000772785f726174650441424f8000000000020003737263c0d4010000000000020007"
    "72785f74696d650c000000020b0000000000000011043fd0000000000000020003737263c5d401000000000002000464"
    "696374090702000162000907020001610d000001000000000006020003737263c6d40100000000000200037665630800"
    "00000303ffffffff03ffffffff03ffffffff020003737263c7d4010000000000020001750a080000000301003f800000"
    "4000000040400000020003737263c8d401000000000002000463706c78053ff000000000000040000000000000000200"
    "03737263c9d40100000000000200036e696c06020003737263cad40100000000000200036336340a0b0000000201003f"
    "f0000000000000400000000000000040080000000000000000000000000000020003737263cbd401000000000002000"
    "275380a000000000201000102020003737263ccd40100000000000200046c6973740703000000010703000000020701"
    "06020003737263"
)


def read(body: bytes) -> _gnuradio.Piece:
    return _gnuradio.read_header(memoryview(body))


def samples(count: int, start: int = 0) -> bytes:
    return np.arange(start, start + count, dtype=np.float32).astype("<c8").tobytes()


def test_what_gnuradio_wrote() -> None:
    piece = read(RECORDED + samples(3))
    assert piece.offset == 118_782
    assert piece.settings == {"rx_freq": 1.45e9, "rx_rate": 2.4e6}
    assert bytes(piece.samples) == samples(3)


def test_the_stand_in_writes_what_gnuradio_writes() -> None:
    origin = symbol("src")
    begun = [
        tag(0x1D4C0, "rx_freq", double(1.45e9), origin),
        tag(0x1D4C0, "rx_rate", double(2.4e6), origin),
    ]
    body = tagged(118_782, b"", *begun)
    # Header and tags but for the count of tags, which is smaller here.
    assert RECORDED[:11] == body[:11]
    assert RECORDED[19 : len(body)] == body[19:]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"\x03" + struct.pack(">i", -5), -5),
        (b"\x0b" + struct.pack(">Q", 2**63), 2**63),
        (b"\x0d" + struct.pack(">q", -(2**40)), -(2**40)),
        (double(0.5), 0.5),
        (b"\x00", None),
        (NIL, None),
        (symbol("x"), None),
    ],
)
def test_numbers(value: bytes, number: float | None) -> None:
    expected = {} if number is None else {"n": number}
    assert read(tagged(0, b"", tag(0, "n", value))).settings == expected


values = st.recursive(
    st.sampled_from([b"\x00", b"\x01", NIL, b"\x05" + bytes(16)])
    | st.floats().map(double)
    | st.text(max_size=5).map(lambda text: b"\x02" + _sized(">H", text.encode()))
    | st.tuples(st.sampled_from(list(enumerate(_gnuradio._ELEMENT_BYTES))), st.integers(0, 3)).map(
        lambda t: bytes([10, t[0][0]]) + struct.pack(">I", t[1]) + b"\1\0" + bytes(t[0][1] * t[1])
    ),
    lambda inner: (
        st.tuples(st.sampled_from([b"\x07", b"\x09"]), inner, inner).map(b"".join)
        | st.tuples(st.sampled_from([b"\x08", b"\x0c"]), st.lists(inner, max_size=4)).map(
            lambda t: t[0] + struct.pack(">I", len(t[1])) + b"".join(t[1])
        )
    ),
)


def _sized(form: str, text: bytes) -> bytes:
    return struct.pack(form, len(text)) + text


@given(st.lists(values, max_size=6), st.integers(0, 2**63 - 1), st.binary(max_size=40), st.data())
def test_any_tags_are_passed_over(
    tags: list[bytes], offset: int, payload: bytes, data: st.DataObject
) -> None:
    body = tagged(offset, payload, *(tag(offset, "x", value, value) for value in tags))
    piece = read(body)
    assert (piece.offset, bytes(piece.samples)) == (offset, payload)
    with pytest.raises(FormatError, match="cut off"):
        read(body[: data.draw(st.integers(0, len(body) - len(payload) - 1))])


@given(st.data())
def test_damaged_bytes_raise_nothing_but_format_errors(data: st.DataObject) -> None:
    damaged = bytearray(RECORDED + samples(2))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        piece = read(bytes(damaged))
    except FormatError:
        return
    assert len(piece.samples) < len(damaged)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\x07" * 1_000_000, "longer than"),
        (b"\x08\xff\xff\xff\xff" * 200_000, "longer than"),
        (b"\x0a\x0b\xff\xff\xff\xff\x01\x00", "cut off"),
        (b"\x0a\x0c", "unknown type 0x0c"),
        (b"\x0a\xff", "unknown type 0xff"),
        (b"\x3b", "unknown type 0x3b"),
        (b"\x02\xff\xff", "cut off"),
    ],
)
def test_bombs(value: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read(tagged(0, b"", tag(0, "x", value)))


@pytest.mark.parametrize("head", [(0x5FF1, 1, 0, 0), (0x5FF0, 2, 0, 0), (0x5FF0, 1, 2**63, 0)])
def test_other_headers(head: tuple[int, ...]) -> None:
    with pytest.raises(FormatError, match="the header begins with"):
        read(struct.pack("<HBQQ", *head))


def test_more_tags_than_there_are() -> None:
    with pytest.raises(FormatError, match="cut off"):
        read(struct.pack("<HBQQ", 0x5FF0, 1, 0, 2**64 - 1))


def place(block: RawBlock) -> tuple[int, int, bytes]:
    return block.first_sample, block.lost_before, block.raw.tobytes()


def test_numbered_samples_show_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    made = Assembler(PLACE, SPEC)
    first = made.block([tagged(24_000, samples(10))], NOW_NS)
    assert place(first) == (24_000, 0, samples(10))
    assert first.info.start_ns == NOW_NS - 10_004_167
    assert first.info.time_error_ns is None
    assert place(made.block([tagged(24_010, samples(5))], 0)) == (24_010, 0, samples(5))
    third = made.block([tagged(25_000, samples(5))], 0)
    assert place(third) == (25_000, 985, samples(5))
    assert third.info == first.info
    assert "985 samples lost" in caplog.text
    assert not [*first.notices, *third.notices]


def test_bare_samples_count_from_0_and_say_so_once() -> None:
    made = Assembler(PLACE, SPEC)
    first, second = (made.block([b"a key", samples(4)], NOW_NS) for _ in range(2))
    assert [place(first)[:2], place(second)[:2]] == [(0, 0), (4, 0)]
    assert [n.reason for n in first.notices] == ["losses_unseen"]
    assert second.notices == ()


def test_samples_that_look_like_a_header_later_are_samples() -> None:
    made = Assembler(PLACE, SPEC)
    made.block([samples(2)], NOW_NS)
    body = struct.pack("<HB5x", 0x5FF0, 1) + samples(1)
    assert place(made.block([body], NOW_NS)) == (2, 0, body)


@pytest.mark.parametrize(
    ("second", "error", "said"),
    [
        ([tagged(0, samples(10))], SourceLost, "started again"),
        ([tagged(95, samples(10))], SourceLost, "started again"),
        ([tagged(105, samples(10))], FormatError, "one complex sample"),
        ([samples(10)], FormatError, "the header begins"),
        ([tagged(110, b"123")], FormatError, "no whole number of cf32"),
        ([b"k", tagged(110, samples(1))], FormatError, "two streams"),
        ([b"", b"", b""], FormatError, "3 parts"),
        ([], FormatError, "0 parts"),
    ],
)
def test_what_a_flowgraph_may_not_do(second: list[bytes], error: type, said: str) -> None:
    made = Assembler(PLACE, SPEC)
    made.block([tagged(100, samples(10))], NOW_NS)
    with pytest.raises(error, match=said):
        made.block(second, NOW_NS)


def test_tags_that_contradict_are_told_once() -> None:
    made = Assembler(PLACE, SPEC)

    def notices(first: int, **settings: float) -> tuple[Notice, ...]:
        tags = (tag(first, name, double(value)) for name, value in settings.items())
        return made.block([tagged(first, samples(1), *tags)], NOW_NS).notices

    assert notices(0, rx_freq=1.45e9 + 100, rx_rate=2.4e6 + 1) == ()
    wrong = notices(1, rx_freq=1.46e9, rx_rate=1.2e6)
    assert [n.reason for n in wrong] == ["settings_differ"] * 2
    assert "1460000000 Hz in GNU Radio, and 1450000000 Hz is stated" in wrong[1].detail
    assert notices(2, rx_freq=1.46e9, rx_rate=1.2e6) == ()
    assert len(notices(3, rx_freq=float("nan"))) == 1


def test_integers_and_an_inverting_converter() -> None:
    plan = FrequencyPlan(HIGH_LO)
    made = Assembler(PLACE, RawSpec("cu8", 2.4e6, if_hz=0.75e9, plan=plan))
    block = made.block([tagged(0, b"\xff\x00", tag(0, "rx_freq", double(0.75e9)))], NOW_NS)
    assert (block.info.center_hz, block.mirrored, block.notices) == (14.25e9, True, ())
    assert block.info.clip_level == 127.5 / 128
    assert block.decode().samples[0] == np.complex64(127.5 / 128 * (1 + 1j))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sample_rate_hz": None}, "give --rate"),
        ({"rf_hz": None}, "give --rf"),
        ({"datatype": "cf64"}, "GNU Radio sends cf32"),
        ({"datatype": "cs24"}, "GNU Radio sends cf32"),
    ],
)
def test_nothing_is_guessed(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Assembler(PLACE, replace(SPEC, **changes))
