"""Blocks of IQ as two-part messages, for any transport that keeps parts apart.

Part one is a topic and a JSON header, ``b"iq/<id> {...}"``; part two the samples
in the bytes they came in. Under ``cf32/<id>`` the same blocks are offered as
complex floats: GNU Radio's ``zeromq.sub_source(key="cf32/<id>")`` drops part one
and plays part two, which is why there are two parts.

Nothing here opens a socket or reads a clock. What comes from the network is not
trusted: sizes are capped, every field is checked, unknown fields are refused.
"""

from __future__ import annotations

import enum
import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from sdr_detect.config import Strict
from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import ConfigError, FormatError
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.plan import Converter, FrequencyPlan, Side
from sdr_detect.rawblock import RawBlock, stored

VERSION = 2

#: What every topic starts with; subscribe to this to get all streams.
TOPIC_PREFIX = b"iq/"
#: The same as complex floats, for other programs.
FLOAT_PREFIX = b"cf32/"

#: 128 MiB of complex64, 0.8 s at 20 Msps; a larger message is no block of ours.
MAX_SAMPLES = 1 << 24
MAX_HEADER_BYTES = 1 << 16
MAX_NOTICES = 16
MAX_DETAIL = 2000
MAX_MESSAGE_BYTES = MAX_SAMPLES * 8

Buffer = bytes | memoryview


class Delivery(enum.StrEnum):
    """What the publisher does when a receiver is too slow."""

    #: A replay: it waits, nothing is lost.
    WAITS = "waits"
    #: A live receiver: samples are lost, and the next block names how many.
    LOSSY = "lossy"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the sender knows about one message.

    Parameters
    ----------
    session : str
        Random name of this run of the publisher: a restart is visible.
    seq : int
        Number of the message in the session, from 0.
    epoch : int
        Counts changes of the stream's `StreamInfo` (retune, gain).
    mono_ns, utc_ns : int
        Clocks of the sending host when the block was handed over: host
        arrival, late by up to the length of one transfer.
    delivery : Delivery
    """

    session: str
    seq: int
    epoch: int
    mono_ns: int
    utc_ns: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message.

    Parameters
    ----------
    stamp : Stamp
    block : RawBlock or None
        None at the end of the stream.
    cause : str or None
        Why it ended, when it was not meant to.
    """

    stamp: Stamp
    block: RawBlock | None
    cause: str | None = None


class _WireModel(Strict):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Text = Annotated[str, Field(max_length=500)]


class _ConverterPart(_WireModel):
    name: _Text
    lo_hz: float
    side: Side
    rf_lower_hz: float
    rf_upper_hz: float
    source: Annotated[str, Field(max_length=4000)]
    lo_error_ppm: float


class _InfoPart(_WireModel):
    stream_id: _Text
    sample_rate_hz: float
    center_hz: float | None
    usable_hz: float | None
    start_ns: int | None
    time_error_ns: int | None
    clip_level: float | None
    gain_db: float | None
    dbm_offset_db: float | None
    converter: _ConverterPart


class _NoticePart(_WireModel):
    reason: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    detail: Annotated[str, Field(max_length=MAX_DETAIL)]


class _Header(_WireModel):
    version: Literal[2]
    kind: Literal["data", "end"]
    session: Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]
    seq: _Count
    epoch: _Count
    mono_ns: _Count
    utc_ns: _Count
    delivery: Literal["waits", "lossy"]
    first_sample: _Count = 0
    lost_before: _Count = 0
    count: Annotated[int, Field(ge=0, le=MAX_SAMPLES)] = 0
    datatype: Annotated[str, Field(pattern=r"^c(f32|[iu](8|16|32))(_le|_be)?$")] = "cf32_le"
    mirrored: bool = False
    notices: Annotated[tuple[_NoticePart, ...], Field(max_length=MAX_NOTICES, strict=False)] = ()
    info: _InfoPart | None = None
    cause: Annotated[str, Field(max_length=MAX_DETAIL)] | None = None


def topic(stream_id: str, prefix: bytes = TOPIC_PREFIX) -> bytes:
    """Topic of a stream: printable ASCII without blanks, ending in one."""
    return prefix + re.sub(r"[^A-Za-z0-9._-]+", "_", stream_id).encode()[:100] + b" "


def encode_block(block: RawBlock, stamp: Stamp) -> tuple[bytes, memoryview]:
    """Header and samples of one block; the samples are not copied.

    Raises
    ------
    ValueError
        The block holds more than `MAX_SAMPLES` samples.
    """
    return _encode(block, stamp, TOPIC_PREFIX)


def encode_floats(block: RawBlock, stamp: Stamp) -> tuple[bytes, memoryview]:
    """The same block as upright complex floats, under its own topic."""
    return _encode(stored(block.decode()), stamp, FLOAT_PREFIX)


def _encode(block: RawBlock, stamp: Stamp, prefix: bytes) -> tuple[bytes, memoryview]:
    if block.sample_count > MAX_SAMPLES:
        raise ValueError(f"a block of {block.sample_count} samples exceeds {MAX_SAMPLES}; cut it")
    header = _stamp_fields(stamp) | {
        "kind": "data",
        "first_sample": block.first_sample,
        "lost_before": block.lost_before,
        "count": block.sample_count,
        "datatype": block.datatype.sigmf_name,
        "mirrored": block.mirrored,
        "notices": [asdict(notice) for notice in _capped(block.notices)],
        "info": _info_fields(block.info),
    }
    return _head(block.info.stream_id, header, prefix), block.raw.data


def _capped(notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
    """At most `MAX_NOTICES`; the last one tells of those left out."""
    kept = tuple(Notice(n.reason, _shortened(n.detail)) for n in notices[:MAX_NOTICES])
    if len(notices) <= MAX_NOTICES:
        return kept
    return (*kept[:-1], Notice("notices_capped", f"{len(notices) - MAX_NOTICES + 1} more"))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"


def encode_end(stream_id: str, stamp: Stamp, cause: str | None = None) -> tuple[bytes, memoryview]:
    """The message that says no more blocks follow, and why when it was not meant to end."""
    said = None if cause is None else _shortened(cause)
    fields = _stamp_fields(stamp) | {"kind": "end", "cause": said}
    return _head(stream_id, fields), memoryview(b"")


def decode(parts: Sequence[Buffer]) -> Message:
    """One received message.

    Raises
    ------
    FormatError
        It is not a message of this version, or it contradicts itself.
    """
    if len(parts) != 2:
        raise FormatError(f"a message of {len(parts)} parts is no IQ block; two are expected")
    head, payload = bytes(parts[0][: MAX_HEADER_BYTES + 1]), parts[1]
    if len(head) > MAX_HEADER_BYTES:
        raise FormatError(f"the header exceeds {MAX_HEADER_BYTES} bytes")
    name, blank, text = head.partition(b" ")
    if not name.startswith(TOPIC_PREFIX) or not blank:
        raise FormatError(f"{head[:40]!r} does not start with {TOPIC_PREFIX!r} and a stream name")
    try:
        header = _Header.model_validate_json(text)
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "header"
        raise FormatError(f"{where}: {fault['msg']}; is this an sdr-detect publisher?") from exc
    stamp = Stamp(
        header.session,
        header.seq,
        header.epoch,
        header.mono_ns,
        header.utc_ns,
        Delivery(header.delivery),
    )
    if header.kind == "end":
        return Message(stamp, None, header.cause)
    return Message(stamp, _block(header, payload))


def _block(header: _Header, payload: Buffer) -> RawBlock:
    datatype = parse_datatype(header.datatype)
    size = memoryview(payload).nbytes
    if size != header.count * datatype.sample_bytes:
        raise FormatError(
            f"{size} bytes do not hold {header.count} {datatype.name} samples of "
            f"{datatype.sample_bytes} bytes each"
        )
    if header.info is None:
        raise FormatError("info: a data message must describe its stream")
    raw = np.frombuffer(payload, np.uint8)
    notices = tuple(Notice(part.reason, part.detail) for part in header.notices)
    try:
        return RawBlock(
            _info(header.info),
            header.first_sample,
            raw,
            datatype,
            header.lost_before,
            notices,
            header.mirrored,
        )
    except ValueError as exc:
        raise FormatError(f"the header contradicts itself: {exc}") from exc


def _head(stream_id: str, header: dict[str, Any], prefix: bytes = TOPIC_PREFIX) -> bytes:
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    return topic(stream_id, prefix) + text.encode()


def _stamp_fields(stamp: Stamp) -> dict[str, Any]:
    return {
        "version": VERSION,
        "session": stamp.session,
        "seq": stamp.seq,
        "epoch": stamp.epoch,
        "mono_ns": stamp.mono_ns,
        "utc_ns": stamp.utc_ns,
        "delivery": stamp.delivery.value,
    }


def _info_fields(info: StreamInfo) -> dict[str, Any]:
    converter = info.plan.converter
    return {
        "stream_id": info.stream_id,
        "sample_rate_hz": info.sample_rate_hz,
        "center_hz": info.center_hz,
        "usable_hz": info.usable_hz,
        "start_ns": info.start_ns,
        "time_error_ns": info.time_error_ns,
        "clip_level": info.clip_level,
        "gain_db": info.gain_db,
        "dbm_offset_db": info.dbm_offset_db,
        "converter": {
            "name": converter.name,
            "lo_hz": converter.lo_hz,
            "side": converter.side,
            "rf_lower_hz": converter.rf_lower_hz,
            "rf_upper_hz": converter.rf_upper_hz,
            "source": converter.source,
            "lo_error_ppm": info.plan.lo_error_ppm,
        },
    }


def _info(part: _InfoPart) -> StreamInfo:
    fields = part.model_dump(exclude={"converter"})
    sheet = part.converter
    converter = Converter(
        sheet.name, sheet.lo_hz, sheet.side, sheet.rf_lower_hz, sheet.rf_upper_hz, sheet.source
    )
    return StreamInfo(**fields, plan=FrequencyPlan(converter, sheet.lo_error_ppm))


def check_endpoint(endpoint: str, *, keyed: bool = False) -> None:
    """Refuse an endpoint that leaves this machine, unless keys protect the stream.

    Raises
    ------
    ConfigError
        It is malformed, or without keys neither ``ipc://`` nor TCP on the loopback.
    """
    transport, _, rest = endpoint.partition("://")
    if transport == "ipc" and rest:
        return
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    # ZeroMQ takes a port beyond 65535 modulo 65536.
    known = port == "*" or (port.isdecimal() and int(port) <= 65535)
    if transport != "tcp" or not host or not known:
        raise ConfigError(
            f"{endpoint!r} is no endpoint; write tcp://127.0.0.1:PORT or ipc:///path/of/socket"
        )
    if not keyed and not is_loopback(host):
        raise ConfigError(
            f"{endpoint} can be reached from other machines, and without keys the stream is "
            "neither encrypted nor authenticated; make a pair on each side with 'sdr-detect keys "
            "new NAME' and give them to 'capture' by --curve-key and --curve-allow, to 'monitor' "
            "by --curve-key and --curve-server; or stay here with tcp://127.0.0.1:PORT or ipc://"
        )


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this computer."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
