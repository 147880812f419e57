"""What a window shows of a running watch, as two-part messages for any transport.

Part one is ``b"view "`` and a JSON header; part two raw little-endian float32,
empty but for spectra. Four kinds: ``row`` (spectra), ``state`` (verdict so far,
tracks, health), ``finds`` (bursts and incidents as they come), ``end``.

Nothing here opens a socket or reads a clock. What comes from outside is not
trusted: sizes are capped, every field is checked, unknown fields are refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from sdr_detect.config import Strict
from sdr_detect.errors import FormatError
from sdr_detect.model import FloatArray

VERSION = 1
TOPIC = b"view "

MAX_BINS = 8192
MAX_TRACKS = 64
MAX_BURSTS = 256
MAX_NOTES = 32
MAX_CHANNELS = 64
MAX_TEXTS = 32
MAX_HEADER_BYTES = 1 << 19
MAX_MESSAGE_BYTES = MAX_HEADER_BYTES + 3 * 4 * MAX_BINS
#: Longest text of a reason or a detail.
MAX_TEXT = 2000

Buffer = bytes | memoryview


class _Part(Strict):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Instant = Annotated[int, Field(ge=0, lt=1 << 63)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Name = Annotated[str, Field(max_length=500)]
_Text = Annotated[str, Field(max_length=MAX_TEXT)]
_Texts = Annotated[tuple[_Text, ...], Field(max_length=MAX_TEXTS, strict=False)]


class Stamp(_Part):
    """Run of the publisher, number of the message in it, and its clocks on sending."""

    session: Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]
    seq: _Count
    mono_ns: _Count
    utc_ns: _Count


class Tuning(_Part):
    """Where the receiver listens, and through what.

    ``rf_lower_hz`` and ``rf_upper_hz`` are the range its converter is specified for.
    """

    stream_id: _Name
    sample_rate_hz: Annotated[float, Field(gt=0, le=1e11)]
    center_hz: float | None
    usable_hz: float | None
    if_center_hz: float | None
    converter: _Name
    inverted: bool
    rf_lower_hz: float
    rf_upper_hz: float
    gain_db: float | None
    dbm_offset_db: float | None
    time_error_ns: _Count | None


class RowHead(_Part):
    """What a row of spectra covers.

    ``threshold_db`` is how far above the noise reference the *peak* trace of noise
    alone rises in one row of a thousand; ``rise_db`` how far the strongest frame's
    power lies above the reference, over all bins.
    """

    tuning: Tuning
    first_sample: _Count
    stop_sample: _Count
    stop_ns: _Instant | None
    frames: Annotated[int, Field(ge=1, lt=1 << 31)]
    bins: Annotated[int, Field(ge=2, le=MAX_BINS)]
    rbw_hz: Annotated[float, Field(gt=0)]
    has_floor: bool
    threshold_db: float | None
    rise_db: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Spectra over all frames of a short interval.

    Parameters
    ----------
    head : RowHead
    peak, mean : (bins,) float32
        Largest and mean power per bin in ascending RF, linear; a full-scale tone is 1.
    floor : (bins,) float32 or None
        The detector's noise reference in the same scale; None until it has one.
    """

    head: RowHead
    peak: FloatArray
    mean: FloatArray
    floor: FloatArray | None


class Alternative(_Part):
    """Another explanation that was weighed."""

    system: _Name
    profile: _Name
    score: float | None
    why: _Text


class VerdictPart(_Part):
    """The verdict as it would be if the watch ended now, or at its end.

    ``eirp_limit_dbm`` is the detection limit where the receiver is calibrated and
    the distance known, ``eirp_expanded_db`` its uncertainty (k = 2). ``rules`` names
    the program that judged, with its version.
    """

    verdict: Literal["detected", "not_detected", "inconclusive"]
    system: _Name | None
    confidence: _Share | None
    pfa: _Share
    detection_limit_db: float | None
    eirp_limit_dbm: float | None = None
    eirp_expanded_db: float | None = None
    poi: _Share | None
    analysed_s: Annotated[float, Field(ge=0)]
    blind_s: Annotated[float, Field(ge=0)]
    reasons: _Texts
    alternatives: Annotated[tuple[Alternative, ...], Field(max_length=MAX_TEXTS, strict=False)]
    rules: _Name | None = None


class TrackPart(_Part):
    """A track that is followed, with its best match."""

    id: _Count
    kind: _Name
    start_sample: _Count
    stop_sample: _Count
    start_ns: _Instant | None
    freq_lower_hz: float
    freq_upper_hz: float
    burst_count: _Count
    duty_cycle: float | None
    burst_period_s: float | None
    snr_db: float | None
    profile: _Name | None
    system: _Name | None
    role: _Name | None
    score: float | None
    reasons: _Texts
    against: _Texts
    flags: Annotated[tuple[_Name, ...], Field(max_length=MAX_TEXTS, strict=False)]


class ChannelPart(_Part):
    """What one channel of the plan got of the watch.

    ``poi`` is the chance that a terminal that hops over all channels was met in it;
    ``last_seen_s`` when something like a terminal was last seen there.
    """

    number: _Count
    freq_lower_hz: float
    freq_upper_hz: float
    watched_s: Annotated[float, Field(ge=0)]
    visits: _Count = 0
    revisit_s: float | None = None
    poi: _Share
    last_seen_s: float | None


class SweepPart(_Part):
    """A receiver that is led from stop to stop, in which order, and how often it was moved."""

    strategy: _Name
    stops: _Count
    dwell_s: Annotated[float, Field(ge=0)] | None
    moves: _Count
    lower_hz: float
    upper_hz: float


class RecorderPart(_Part):
    """What a person lets record: what is kept of the past, and the file.

    ``path`` is the file that is written, or the last that was; ``failure`` why it
    ended by itself. ``disk_free_bytes`` is of the disk that it goes to.
    """

    recording: bool
    kept_s: Annotated[float, Field(ge=0)]
    bytes_per_s: Annotated[float, Field(ge=0)]
    disk_free_bytes: _Count
    path: _Text | None
    data_bytes: _Count
    files: _Count
    failure: _Text | None


class HealthPart(_Part):
    """How the receiver is. Shares are of the last second, counts of the whole watch."""

    receiving: bool
    lost_reason: _Text | None
    rate_hz: Annotated[float, Field(ge=0)] | None
    sample_count: _Count
    lost_count: _Count
    gap_count: _Count
    clipped_share: _Share | None
    level_dbfs: float | None


class State(_Part):
    """Everything a window shows beside spectra.

    Verdict and tracks stand on what came before ``judged_sample``.
    """

    utc_ns: _Instant | None
    next_sample: _Count
    judged_sample: _Count
    burst_count: _Count
    track_count: _Count
    final: bool
    verdict: VerdictPart
    tracks: Annotated[tuple[TrackPart, ...], Field(max_length=MAX_TRACKS, strict=False)]
    channels: Annotated[tuple[ChannelPart, ...], Field(max_length=MAX_CHANNELS, strict=False)]
    health: HealthPart
    sweep: SweepPart | None = None
    recorder: RecorderPart | None = None


class BurstPart(_Part):
    """One burst: a box in the waterfall."""

    start_sample: _Count
    stop_sample: _Count
    freq_lower_hz: float
    freq_upper_hz: float
    snr_db: float | None


class NotePart(_Part):
    """An incident."""

    kind: Literal["gap", "overload", "health"]
    start_sample: _Count
    stop_sample: _Count
    reason: _Name
    detail: _Text


class Finds(_Part):
    """What was found since the last such message; the weakest may be left out."""

    bursts: Annotated[tuple[BurstPart, ...], Field(max_length=MAX_BURSTS, strict=False)]
    bursts_left_out: _Count
    notes: Annotated[tuple[NotePart, ...], Field(max_length=MAX_NOTES, strict=False)]
    notes_left_out: _Count


class End(_Part):
    """The watch is over."""

    cause: _Text | None


class _Header(_Part):
    version: Literal[1]
    stamp: Stamp
    row: RowHead | None = None
    state: State | None = None
    finds: Finds | None = None
    end: End | None = None


Body = Row | State | Finds | End


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message."""

    stamp: Stamp
    body: Body


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """The text, cut where a message ends it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def encode(body: Body, stamp: Stamp) -> tuple[bytes, bytes]:
    """Header and payload of one message.

    Raises
    ------
    ValueError
        The arrays of a row are not as its header says.
    """
    match body:
        case Row():
            return _head("row", body.head, stamp), _payload(body)
        case State():
            return _head("state", body, stamp), b""
        case Finds():
            return _head("finds", body, stamp), b""
        case End():
            return _head("end", body, stamp), b""


def _head(kind: str, part: _Part, stamp: Stamp) -> bytes:
    fields: dict[str, Any] = {
        "version": VERSION,
        "stamp": stamp.model_dump(mode="json"),
        kind: part.model_dump(mode="json"),
    }
    return TOPIC + json.dumps(fields, allow_nan=False, separators=(",", ":")).encode()


def _payload(row: Row) -> bytes:
    arrays = [row.peak, row.mean, *([] if row.floor is None else [row.floor])]
    wrong = [a.shape for a in arrays if a.shape != (row.head.bins,)]
    if wrong or row.head.has_floor != (row.floor is not None):
        raise ValueError(f"arrays {wrong} do not fit a header of {row.head.bins} bins")
    return b"".join(np.ascontiguousarray(a, "<f4").tobytes() for a in arrays)


def decode(parts: Sequence[Buffer]) -> Message:
    """One received message.

    Raises
    ------
    FormatError
        It is not a message of this version, or it contradicts itself.
    """
    if len(parts) != 2:
        raise FormatError(f"a message of {len(parts)} parts is no view of a watch; two are")
    head, payload = bytes(parts[0][: MAX_HEADER_BYTES + 1]), parts[1]
    if len(head) > MAX_HEADER_BYTES:
        raise FormatError(f"the header exceeds {MAX_HEADER_BYTES} bytes")
    if not head.startswith(TOPIC):
        raise FormatError(
            f"{head[:40]!r} does not start with {TOPIC!r}; subscribe to what 'monitor' publishes "
            "by --publish-view, not to the samples of 'capture'"
        )
    try:
        header = _Header.model_validate_json(head[len(TOPIC) :])
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "header"
        raise FormatError(f"{where}: {fault['msg']}; is the other program as new?") from exc
    bodies = [header.row, header.state, header.finds, header.end]
    held = [part for part in bodies if part is not None]
    if len(held) != 1:
        raise FormatError("the message holds not exactly one of row, state, finds and end")
    body = held[0]
    if isinstance(body, RowHead):
        return Message(header.stamp, _row(body, payload))
    if memoryview(payload).nbytes:
        raise FormatError("bytes follow a message that has none")
    return Message(header.stamp, body)


def _row(head: RowHead, payload: Buffer) -> Row:
    count = 3 if head.has_floor else 2
    size = memoryview(payload).nbytes
    if size != 4 * count * head.bins:
        raise FormatError(f"{size} bytes do not hold {count} spectra of {head.bins} bins")
    if head.stop_sample <= head.first_sample:
        raise FormatError(f"row [{head.first_sample}, {head.stop_sample}) is empty")
    values = np.frombuffer(payload, "<f4").reshape(count, head.bins).astype(np.float32)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise FormatError("a spectrum holds a power that is negative or not finite")
    return Row(head, values[0], values[1], values[2] if head.has_floor else None)
