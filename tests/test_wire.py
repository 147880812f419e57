"""Messages: what goes in comes out, and nothing foreign gets in."""

from __future__ import annotations

import ipaddress
import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import wire
from sdr_detect.datatype import Datatype
from sdr_detect.errors import ConfigError, FormatError
from sdr_detect.model import IQBlock, Notice, StreamInfo
from sdr_detect.plan import Converter, FrequencyPlan
from sdr_detect.rawblock import CF32, RawBlock, stored

STAMP = wire.Stamp("0123abcd", 7, 2, 11, 1_700_000_000_000_000_001, wire.Delivery.WAITS)
KU = Converter("ku-12.80", 12.8e9, "low", 13.75e9, 14.5e9, "a data sheet")


def block(**changes: Any) -> RawBlock:
    fields: dict[str, Any] = {
        "info": StreamInfo("slice one", 20e6, 14.0205e9, start_ns=5, plan=FrequencyPlan(KU, 1.5)),
        "first_sample": 1000,
        "samples": np.array([1 + 2j, -0.5 + 0.25j], np.complex64),
        "lost_before": 10,
    }
    return stored(IQBlock(**(fields | changes)))


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


datatypes = st.sampled_from([Datatype("u", 8), Datatype("i", 8), Datatype("i", 16, True), CF32])
notices_of = st.lists(
    st.builds(Notice, st.from_regex(r"[a-z_]{1,40}", fullmatch=True), st.text(max_size=50)),
    max_size=3,
).map(tuple)


@given(
    infos,
    st.binary(max_size=400),
    st.integers(0, 2**60),
    st.integers(0, 5),
    datatypes,
    notices_of,
    st.booleans(),
)
def test_round_trip_is_exact(
    info: StreamInfo,
    raw: bytes,
    first: int,
    lost: int,
    datatype: Datatype,
    notices: tuple[Notice, ...],
    mirrored: bool,
) -> None:
    size = datatype.sample_bytes
    codes = np.frombuffer(raw[: len(raw) // size * size], np.uint8)
    sent = RawBlock(info, first + lost, codes, datatype, lost, notices, mirrored)
    message = wire.decode(wire.encode_block(sent, STAMP))
    assert message.stamp == STAMP
    assert message.block is not None
    got = message.block
    assert (got.info, got.datatype, got.notices) == (info, datatype, notices)
    assert (got.first_sample, got.lost_before, got.mirrored) == (first + lost, lost, mirrored)
    assert got.raw.tobytes() == codes.tobytes()


def test_floats_are_bare_little_endian_and_upright() -> None:
    # GNU Radio plays the second part as it is.
    head, payload = wire.encode_floats(block(), STAMP)
    assert head.startswith(b"cf32/slice_one {")
    assert bytes(payload) == struct.pack("<4f", 1, 2, -0.5, 0.25)
    codes = np.array([255, 0], np.uint8)
    mirrored = RawBlock(block().info, 0, codes, Datatype("u", 8), mirrored=True)
    _, payload = wire.encode_floats(mirrored, STAMP)
    assert struct.unpack("<2f", payload) == (127.5 / 128, 127.5 / 128)


def test_more_notices_than_fit_are_counted() -> None:
    told = tuple(Notice("driver", "x" * 3000) for _ in range(40))
    message = wire.decode(wire.encode_block(replace(block(), notices=told), STAMP))
    assert message.block is not None
    notices = message.block.notices
    assert len(notices) == wire.MAX_NOTICES
    assert notices[-1] == Notice("notices_capped", "25 more")
    assert notices[0].detail == "x" * (wire.MAX_DETAIL - 1) + "…"


def test_topic_has_no_blank() -> None:
    assert wire.topic("my file/ä.cs8") == b"iq/my_file_.cs8 "


def test_end_of_stream() -> None:
    message = wire.decode(wire.encode_end("slice one", STAMP))
    assert message.block is None
    assert message.stamp.seq == 7


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"version": 1}, "version"),
        ({"kind": "text"}, "kind"),
        ({"session": "../x"}, "session"),
        ({"seq": -1}, "seq"),
        ({"seq": "7"}, "seq"),
        ({"first_sample": 1.5}, "first_sample"),
        ({"first_sample": 3}, "lost"),
        ({"lost_before": 2**63}, "lost_before"),
        ({"count": 3}, "bytes"),
        ({"count": wire.MAX_SAMPLES + 1}, "count"),
        ({"datatype": "cf8"}, "datatype"),
        ({"datatype": "ci8"}, "bytes"),
        ({"notices": [{"reason": "X"}]}, "notices"),
        ({"mirrored": 1}, "mirrored"),
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
    assert message.block is None or message.block.raw.tobytes() == payload[:cut]


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


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_other_address_needs_keys(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    host = str(address) if address.version == 4 else f"[{address}]"
    endpoint = f"tcp://{host}:{port}"
    wire.check_endpoint(endpoint, keyed=True)
    if not address.is_loopback:
        with pytest.raises(ConfigError, match="keys new NAME"):
            wire.check_endpoint(endpoint)
