"""Messages: what goes in comes out, and nothing foreign gets in."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import wire
from sdr_detect.errors import ConfigError, FormatError
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.plan import Converter, FrequencyPlan

STAMP = wire.Stamp("0123abcd", 7, 2, 11, 1_700_000_000_000_000_001, wire.Delivery.WAITS)
KU = Converter("ku-12.80", 12.8e9, "low", 13.75e9, 14.5e9, "a data sheet")


def block(**changes: Any) -> IQBlock:
    fields: dict[str, Any] = {
        "info": StreamInfo("slice one", 20e6, 14.0205e9, start_ns=5, plan=FrequencyPlan(KU, 1.5)),
        "first_sample": 1000,
        "samples": np.array([1 + 2j, -0.5 + 0.25j], np.complex64),
        "lost_before": 10,
    }
    return IQBlock(**(fields | changes))


def header_of(head: bytes) -> dict[str, Any]:
    name, _, text = head.partition(b" ")
    assert name == b"iq/slice_one"
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def rebuilt(**changes: Any) -> list[bytes]:
    head, payload = wire.encode_block(block(), STAMP)
    fields = header_of(head) | changes
    return [b"iq/slice_one " + json.dumps(fields).encode(), bytes(payload)]


numbers = st.floats(-1e12, 1e12, allow_nan=False)
maybe = st.none() | numbers
infos = st.builds(
    StreamInfo,
    stream_id=st.text(max_size=40),
    sample_rate_hz=st.floats(1e-3, 1e10),
    center_hz=maybe,
    start_ns=st.none() | st.integers(-(2**62), 2**62),
    time_error_ns=st.none() | st.integers(0, 2**40),
    clip_level=maybe,
    gain_db=maybe,
    dbm_offset_db=maybe,
    plan=st.builds(FrequencyPlan, st.just(KU), st.floats(-1000, 1000)),
)


@given(infos, st.binary(max_size=400), st.integers(0, 2**60), st.integers(0, 5))
def test_round_trip_is_exact(info: StreamInfo, raw: bytes, first: int, lost: int) -> None:
    samples = np.frombuffer(raw[: len(raw) // 8 * 8], np.complex64)
    sent = IQBlock(info, first + lost, samples, lost)
    message = wire.decode(wire.encode_block(sent, STAMP))
    assert message.stamp == STAMP
    assert message.block is not None
    assert message.block.info == info
    assert (message.block.first_sample, message.block.lost_before) == (first + lost, lost)
    assert message.block.samples.tobytes() == samples.tobytes()


def test_second_part_is_bare_little_endian_floats() -> None:
    # GNU Radio plays the second part as it is.
    _, payload = wire.encode_block(block(), STAMP)
    assert bytes(payload) == struct.pack("<4f", 1, 2, -0.5, 0.25)


def test_topic_has_no_blank() -> None:
    assert wire.topic("my file/ä.cs8") == b"iq/my_file_.cs8 "


def test_end_of_stream() -> None:
    message = wire.decode(wire.encode_end("slice one", STAMP))
    assert message.block is None
    assert message.stamp.seq == 7


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"version": 2}, "version"),
        ({"kind": "text"}, "kind"),
        ({"session": "../x"}, "session"),
        ({"seq": -1}, "seq"),
        ({"seq": "7"}, "seq"),
        ({"first_sample": 1.5}, "first_sample"),
        ({"first_sample": 3}, "lost"),
        ({"lost_before": 2**63}, "lost_before"),
        ({"count": 3}, "bytes"),
        ({"count": wire.MAX_SAMPLES + 1}, "count"),
        ({"datatype": "ci8"}, "datatype"),
        ({"delivery": "maybe"}, "delivery"),
        ({"surprise": 1}, "surprise"),
        ({"info": None}, "info"),
        ({"info": {}}, "info"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(FormatError, match=named):
        wire.decode(rebuilt(**changes))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sample_rate_hz", 0),
        ("sample_rate_hz", -1.0),
        ("sample_rate_hz", 1e300),
        ("sample_rate_hz", "20e6"),
        ("center_hz", True),
        ("usable_hz", 1e12),
        ("start_ns", 0.5),
        ("stream_id", "x" * 501),
        ("converter", {"name": "ku"}),
        ("converter", None),
    ],
)
def test_a_wrong_stream_description_is_refused(key: str, value: object) -> None:
    fields = header_of(wire.encode_block(block(), STAMP)[0])
    with pytest.raises(FormatError):
        wire.decode(rebuilt(info=fields["info"] | {key: value}))


def test_not_a_number_is_refused() -> None:
    head, payload = rebuilt()
    with pytest.raises(FormatError):
        wire.decode([head.replace(b"20000000.0", b"NaN"), payload])


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"iq/x {}"],
        [b"iq/x {}", b"", b""],
        [b"", b""],
        [b"iq/x", b""],
        [b"other/x {}", b""],
        [b"iq/x []", b""],
        [b"iq/x \xff\xfe", b""],
        [b"iq/x " + b"[" * 60_000, b""],
        [b"iq/x " + b" " * wire.MAX_HEADER_BYTES, b""],
    ],
)
def test_foreign_messages_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(FormatError):
        wire.decode(parts)


@given(st.data())
def test_damaged_bytes_raise_nothing_but_format_errors(data: st.DataObject) -> None:
    head, payload = rebuilt()
    damaged = bytearray(head)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    try:
        message = wire.decode([bytes(damaged), payload[:cut]])
    except FormatError:
        return
    assert message.block is None or message.block.samples.tobytes() == payload[:cut]


def test_too_long_a_block_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_SAMPLES", 1)
    with pytest.raises(ValueError, match="exceeds 1"):
        wire.encode_block(block(), STAMP)


@pytest.mark.parametrize(
    "endpoint",
    ["ipc:///run/iq", "tcp://127.0.0.1:5555", "tcp://[::1]:*", "tcp://localhost:1"],
)
def test_endpoints_of_this_machine(endpoint: str) -> None:
    wire.check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://0.0.0.0:5555",
        "tcp://*:5555",
        "tcp://eth0:5555",
        "tcp://192.0.2.1:5555",
        "tcp://[::]:5555",
        "tcp://localhost.example:5555",
        "tcp://127.0.0.1.example:5555",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:http",
        "udp://127.0.0.1:5555",
        "ipc://",
        "5555",
    ],
)
def test_other_endpoints_are_refused(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="127"):
        wire.check_endpoint(endpoint)
