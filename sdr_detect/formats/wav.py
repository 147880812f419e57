"""WAV with I and Q as left and right: RIFF, RF64 and BW64.

Chunk layout after EBU Tech 3306 (RF64/BW64, sizes in ``ds64``) and the
SpectraVue user guide (``auxi``: start and stop time as SYSTEMTIME, then the
centre frequency as uint32 Hz); SDR-Console writes ``auxi`` as UTF-16 XML.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from sdr_detect.datatype import Datatype
from sdr_detect.errors import FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats.base import RawSpec, Recording
from sdr_detect.formats.stated import check_type, one_capture
from sdr_detect.formats.store import FileRange, PackedStore
from sdr_detect.model import NS_PER_S

NAME = "wav"
ORDER = 20

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZE = 0xFFFFFFFF
_MAX_CHUNKS = 1000
_MAX_AUXI_BYTES = 1 << 16
#: Rates at which a sound card records as well as a receiver.
_AUDIO_RATES_HZ = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000)


@dataclass(frozen=True, slots=True)
class _Form:
    """The ``fmt `` chunk."""

    tag: int
    channels: int
    rate_hz: int
    bits: int
    frame_bytes: int


@dataclass(slots=True)
class _Chunks:
    form: _Form | None = None
    data: FileRange | None = None
    auxi: bytes = b""


def sniff(_path: Path, head: bytes) -> bool:
    """``RIFF``, ``RF64`` or ``BW64`` with the form type ``WAVE``."""
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def open_file(path: Path, spec: RawSpec) -> Recording:
    """Open a two-channel WAV file.

    Raises
    ------
    TruncatedError
        It ends inside its headers.
    UnsupportedError
        Not two channels, or a compressed coding.
    FormatError
        A header field is impossible, or the rate is missing.
    """
    notes: list[str] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        chunks = _read_chunks(path, file, size, notes)
    if chunks.form is None or chunks.data is None:
        missing = "fmt" if chunks.form is None else "data"
        raise TruncatedError(f"ends before its {missing} chunk", path=path, byte=size)
    form, data = chunks.form, chunks.data
    datatype = _datatype(path, form)
    check_type(path, spec, datatype, "a WAV file")
    assert data.size is not None
    count, rest = divmod(data.size, datatype.sample_bytes)
    if count == 0:
        raise FormatError("its data chunk holds no sample", path=path, byte=data.offset)
    if rest:
        notes.append(f"{rest} bytes at the end are no whole sample and are ignored")
    center_hz, start_ns = _auxi(chunks.auxi, notes)
    if not chunks.auxi and form.rate_hz in _AUDIO_RATES_HZ:
        notes.append(
            f"two channels at {form.rate_hz} Hz without an auxi chunk: nothing in the header "
            "tells IQ from stereo sound; see the evidence"
        )
    capture = one_capture(
        path,
        spec,
        notes,
        sample_count=count,
        clip_level=datatype.clip_level,
        rate_hz=float(form.rate_hz),
        center_hz=center_hz,
        start_ns=start_ns,
    )
    coding = "float" if form.tag == _FLOAT else "pcm"
    return Recording(
        path=path,
        kind=f"{NAME}/{coding}{form.bits}",
        store=PackedStore(path, datatype, offset=data.offset, sample_count=count),
        captures=[capture],
        notes=notes,
    )


def _read_chunks(path: Path, file: BinaryIO, size: int, notes: list[str]) -> _Chunks:
    """Walk the chunks; the sizes of RF64 come from ``ds64``."""
    found, long_data = _Chunks(), None
    position = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            break
        name, length = struct.unpack("<4sI", header)
        body = position + 8
        if not name.isascii() or not name.decode().isprintable():
            notes.append(
                f"{size - position} bytes from byte {position} on are no chunk and are left out; "
                "a recorder that passed 4 GiB wraps its sizes"
            )
            break
        if name == b"data":
            found.data, length = _data_range(path, body, length, long_data, size, notes)
        elif name == b"ds64":
            long_data = struct.unpack("<Q", _exactly(path, file, 24)[8:16])[0]
        elif name == b"fmt ":
            found.form = _form(_exactly(path, file, min(length, 40)), path, body)
        elif name == b"auxi":
            found.auxi = _exactly(path, file, min(length, _MAX_AUXI_BYTES))
        position = body + length + (length & 1)
    return found


def _exactly(path: Path, file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise TruncatedError("ends inside a header chunk", path=path, byte=file.tell())
    return data


def _data_range(
    path: Path, body: int, length: int, long_data: int | None, size: int, notes: list[str]
) -> tuple[FileRange, int]:
    """What of the data chunk is there; a recorder cut off never wrote its size."""
    there = size - body
    if long_data is not None and length == _UNKNOWN_SIZE:
        length = long_data
    if length in (0, _UNKNOWN_SIZE) and there > 0:
        notes.append(
            f"the header leaves the length open; the {there} bytes up to the end are taken"
        )
        length = there
    elif length > there:
        notes.append(
            f"the header promises {length} bytes of samples, {there} are there: "
            "the file was cut off"
        )
        length = there
    return FileRange(path, body, length), length


def _form(data: bytes, path: Path, byte: int) -> _Form:
    if len(data) < 16:
        raise TruncatedError(f"its fmt chunk has {len(data)} bytes, not 16", path=path, byte=byte)
    tag, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", data)
    if tag == _EXTENSIBLE and len(data) >= 26:
        tag = struct.unpack_from("<H", data, 24)[0]  # first field of the sub-format GUID
    return _Form(tag, channels, rate, bits, frame)


def _datatype(path: Path, form: _Form) -> Datatype:
    if form.channels == 1:
        raise UnsupportedError(
            "has one channel: sound, or real samples, not IQ; IQ needs I and Q as two channels",
            path=path,
        )
    if form.channels != 2:
        raise UnsupportedError(f"has {form.channels} channels, not I and Q", path=path)
    known = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
    if form.bits not in known.get(form.tag, ()):
        raise UnsupportedError(
            f"coding {form.tag:#x} of {form.bits} bits is not read; convert it to PCM of 8, 16, "
            "24 or 32 bits or to float",
            path=path,
        )
    if form.frame_bytes != 2 * form.bits // 8:
        raise FormatError(
            f"its header contradicts itself: 2 channels of {form.bits} bits are not "
            f"{form.frame_bytes} bytes",
            path=path,
        )
    if form.tag == _FLOAT:
        return Datatype("f", form.bits)
    # By definition of WAV, 8-bit codes are offset binary and all others signed.
    return Datatype("u" if form.bits == 8 else "i", form.bits)


def _auxi(data: bytes, notes: list[str]) -> tuple[float | None, int | None]:
    """Centre and start time of the SDR's own chunk."""
    if not data:
        return None, None
    if b"<\x00" in data[:8] or data.lstrip().startswith(b"<"):
        center_hz, start_ns = _auxi_xml(data)
    else:
        center_hz, start_ns = _auxi_binary(data)
    if center_hz is None:
        notes.append("its auxi chunk states no centre frequency")
    else:
        notes.append(
            f"the centre {center_hz:.12g} Hz is what the receiver program was set to (auxi "
            "chunk); with a converter before the receiver give --if and --converter"
        )
    return center_hz, start_ns


def _auxi_binary(data: bytes) -> tuple[float | None, int | None]:
    if len(data) < 36:
        return None, None
    year, month, _, day, hour, minute, second, milli = struct.unpack_from("<8H", data)
    center_hz = float(struct.unpack_from("<I", data, 32)[0])
    try:
        when = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return center_hz or None, None
    return center_hz or None, int(when.timestamp()) * NS_PER_S + milli * 1_000_000


def _auxi_xml(data: bytes) -> tuple[float | None, int | None]:
    """Two attributes by pattern: hostile XML is never handed to a parser."""
    text = data.decode("utf-16-le" if b"\x00" in data[:8] else "utf-8", errors="replace")
    center = re.search(r'\bRadioCenterFreq="(\d{1,12})"', text)
    start = re.search(r'\bUTCSeconds="(\d{1,11})"', text)
    return (
        float(center[1]) if center else None,
        int(start[1]) * NS_PER_S if start else None,
    )
