"""SigMF: metadata and data side by side, or together in a tar archive.

``core:frequency`` is RF. The extension fields ``sdrdetect:if_frequency`` and
``sdrdetect:converter`` (in a capture or in ``global``) give the centre by IF
instead; samples of an inverting converter are then conjugated, unless
``sdrdetect:inverted`` says whether the stored spectrum is upside down.
"""

from __future__ import annotations

import itertools
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sdr_detect.errors import FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats.base import Capture, RawSpec, Recording
from sdr_detect.formats.sigmf_meta import MAX_META_BYTES, Metadata, Segment, parse_metadata
from sdr_detect.formats.stated import check_type, settle_center, settle_rate
from sdr_detect.formats.store import FileRange, PackedStore
from sdr_detect.model import NS_PER_S, StreamInfo

NAME = "sigmf"
ORDER = 10

_META, _DATA = ".sigmf-meta", ".sigmf-data"
_KEYS = (b'"global"', b'"captures"', b'"core:', b'"collection"')
_MAX_MEMBERS = 10_000
#: A name in the same folder: no separator of any system, no control character.
_PLAIN_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}")

#: Without ``core:global_index``, a start time this much later than the samples
#: before it account for is a gap; less is the rounding of time stamps.
_GAP_NS = 1_000_000

#: Captures whose clocks agree to this are of one clock.
_ROUNDING_NS = 1_000


@dataclass(frozen=True, slots=True)
class _Parts:
    """Where one recording's two halves lie."""

    meta_path: Path
    meta: bytes
    data: FileRange | None


def sniff(path: Path, head: bytes) -> bool:
    """A JSON object with SigMF keys, a tar archive, or the partner of metadata.

    The extension only tells which metadata belong to it; what they say is
    checked all the same.
    """
    if head[257:262] == b"ustar" or path.name.endswith((_META, ".sigmf-collection")):
        return bool(head) or path.exists()
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return any(key in head for key in _KEYS)
    return _partner(path) is not None


def _partner(path: Path) -> Path | None:
    """The metadata of a data file, or of a name without extension."""
    if path.name.endswith(_DATA):
        meta = path.with_name(path.name.removesuffix(_DATA) + _META)
    elif not path.exists():
        meta = path.with_name(path.name + _META)
    else:
        return None
    return meta if meta.is_file() else None


def open_file(path: Path, spec: RawSpec) -> Recording:
    """Open a pair or an archive.

    Raises
    ------
    FormatError
        Metadata or data are missing, damaged or contradict each other.
    UnsupportedError
        Real samples, several channels, a collection or metadata only.
    TruncatedError
        The data end before a capture that the metadata list.
    """
    parts = _archive_parts(path) if _is_tar(path) else _pair_parts(_partner(path) or path)
    meta = parse_metadata(parts.meta_path, parts.meta)
    data = parts.data if parts.data is not None else _data_file(parts.meta_path, meta)
    return _recording(path, meta, data, spec)


def open_range(path: Path, text: bytes, data: FileRange, spec: RawSpec) -> Recording:
    """Open metadata that were read and data that lie within a larger file.

    ``path`` only names the recording. Raises as `open_file`.
    """
    return _recording(path, parse_metadata(path, text), data, spec, whole=data)


def _recording(
    path: Path, meta: Metadata, data: FileRange, spec: RawSpec, whole: FileRange | None = None
) -> Recording:
    check_type(path, spec, meta.datatype, "a SigMF recording")

    notes = list(meta.notes)
    count = _stored_count(data, meta, notes)
    captures = _captures(path, meta, spec, count, notes)
    headers = [
        (s.sample_start - meta.offset, s.header_bytes) for s in meta.segments if s.header_bytes
    ]
    store = PackedStore(
        data.path, meta.datatype, offset=data.offset, sample_count=count, headers=headers
    )
    return Recording(
        path=path,
        kind=f"{NAME}/{meta.datatype.sigmf_name}",
        store=store,
        captures=captures,
        notes=notes,
        data=data,
        sha512=meta.sha512,
        whole=whole,
    )


def archived_metadata(path: Path) -> bytes:
    """The text of the metadata inside an archive.

    Raises
    ------
    FormatError
        It is damaged, or holds several recordings.
    """
    return _archive_parts(path).meta


def _is_tar(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(262)[257:] == b"ustar"


def _pair_parts(meta_path: Path) -> _Parts:
    with meta_path.open("rb") as file:
        return _Parts(meta_path, file.read(MAX_META_BYTES + 1), None)


def _data_file(meta_path: Path, meta: Metadata) -> FileRange:
    name = meta.dataset
    if name is None:
        name = meta_path.name.removesuffix(_META) + _DATA
    elif not _PLAIN_NAME.fullmatch(name) or not name.strip("."):
        raise FormatError(
            f"global: core:dataset {name[:60]!r} must be a name in the same folder", path=meta_path
        )
    data = meta_path.with_name(name)
    if not data.is_file():
        raise FormatError(f"its data file {data.name} is missing beside it", path=meta_path)
    return FileRange(data, 0, data.stat().st_size)


def _archive_parts(path: Path) -> _Parts:
    """Both halves inside an uncompressed tar, read in place."""
    members: list[tarfile.TarInfo] = []
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                _check_member(path, member)
                members.append(member)
                if len(members) > _MAX_MEMBERS:
                    raise FormatError(f"holds over {_MAX_MEMBERS} members", path=path)
            metas = [m for m in members if m.name.endswith(_META)]
            if len(metas) != 1:
                names = ", ".join(m.name for m in metas[:5]) or "none"
                raise FormatError(
                    f"holds {len(metas)} SigMF recordings ({names}); "
                    "an archive of one is read: unpack it and give one of them",
                    path=path,
                )
            file = archive.extractfile(metas[0])
            assert file is not None  # _check_member lets files and folders pass only
            text = file.read(MAX_META_BYTES + 1)
    except (tarfile.TarError, ValueError) as exc:
        kind = TruncatedError if members else FormatError
        raise kind(f"is no whole tar archive ({exc})", path=path) from exc
    wanted = metas[0].name.removesuffix(_META) + _DATA
    data = next((m for m in members if m.name == wanted), None)
    if data is None:
        raise FormatError(f"holds no {wanted} beside {metas[0].name}", path=path)
    if data.offset_data + data.size > path.stat().st_size:
        raise TruncatedError(f"ends inside {wanted}", path=path)
    return _Parts(path, text, FileRange(path, data.offset_data, data.size))


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise FormatError(f"member {member.name[:60]!r} points out of the archive", path=path)
    if not (member.isfile() or member.isdir()) or member.issparse():
        raise UnsupportedError(
            f"member {member.name[:60]!r} is a link, device or sparse file", path=path
        )


def _stored_count(data: FileRange, meta: Metadata, notes: list[str]) -> int:
    assert data.size is not None
    if data.size == 0:
        raise FormatError("is empty: 0 bytes hold no samples", path=data.path, byte=0)
    foreign = meta.trailing_bytes + sum(s.header_bytes for s in meta.segments)
    count, rest = divmod(data.size - foreign, meta.datatype.sample_bytes)
    if count < 1:
        raise TruncatedError(
            f"{data.size} bytes, {foreign} of them headers, hold no {meta.datatype.name} sample",
            path=data.path,
        )
    if rest:
        notes.append(
            f"{rest} bytes at the end are no whole {meta.datatype.name} sample and are ignored: "
            "the file was cut off, or core:datatype is wrong"
        )
    if meta.annotated_stop - meta.offset > count:
        notes.append(
            f"annotations reach to sample {meta.annotated_stop}, the data end at "
            f"{meta.offset + count}: the data were cut off, or belong to other metadata"
        )
    return count


def _captures(
    path: Path, meta: Metadata, spec: RawSpec, count: int, notes: list[str]
) -> list[Capture]:
    rate = settle_rate(path, spec, meta.sample_rate_hz, notes)
    stated = _settle_center(path, meta, spec, notes)
    starts = [s.sample_start - meta.offset for s in meta.segments]
    _check_starts(path, starts, count)
    if starts[0] > 0:
        notes.append(f"{starts[0]} samples before the first capture have no metadata: left out")
    captures: list[Capture] = []
    previous: tuple[Capture, Segment] | None = None
    for segment, start, stop in zip(meta.segments, starts, [*starts[1:], count], strict=True):
        if start == stop:
            continue  # a retune right before another, or at the very end
        lost = 0 if previous is None else _lost(path, *previous, segment, rate, notes)
        first = 0 if previous is None else previous[0].stop_sample + lost
        info = StreamInfo(
            stream_id=path.name,
            sample_rate_hz=rate,
            center_hz=segment.center_hz if stated is None else stated,
            start_ns=_start_ns(segment, previous, first, rate, spec),
            clip_level=meta.datatype.clip_level,
            plan=segment.plan if spec.center_hz is None else spec.plan,
            **_receiver(segment, rate),
        )
        conjugate = segment.conjugate if spec.center_hz is None else spec.conjugate
        captures.append(Capture(first, stop - start, info, lost, start, conjugate))
        previous = captures[-1], segment
    return captures


def _settle_center(path: Path, meta: Metadata, spec: RawSpec, notes: list[str]) -> float | None:
    own = {segment.center_hz for segment in meta.segments}
    if spec.center_hz is not None and len(own) > 1:
        raise FormatError(
            f"its captures have {len(own)} different centre frequencies; "
            "one stated centre cannot replace them: leave --rf and --if out",
            path=path,
        )
    return settle_center(spec, next(iter(own)), notes) if spec.center_hz is not None else None


def _check_starts(path: Path, starts: list[int], count: int) -> None:
    if starts[0] < 0:
        raise FormatError("captures[0] starts before core:offset", path=path)
    for number, (before, start) in enumerate(itertools.pairwise(starts), 1):
        if start < before:
            raise FormatError(
                f"captures[{number}] starts at sample {start}, before captures[{number - 1}] at "
                f"{before}; captures must be in order",
                path=path,
            )
    if starts[-1] > count or starts[0] == count:
        raise TruncatedError(
            f"captures[{len(starts) - 1}] starts at sample {starts[-1]}, but the data end at "
            f"{count}: data are missing, or belong to other metadata",
            path=path,
        )


def _lost(
    path: Path, before: Capture, old: Segment, new: Segment, rate: float, notes: list[str]
) -> int:
    """Samples missing between two captures, by index or else by the clock."""
    if old.global_index is not None and new.global_index is not None:
        lost = new.global_index - old.global_index - before.sample_count
        if lost < 0:
            raise FormatError(
                f"core:global_index {new.global_index} lies {-lost} samples inside the capture "
                "before it; captures must not overlap",
                path=path,
            )
        return lost
    if old.start_ns is None or new.start_ns is None:
        return 0
    late_ns = new.start_ns - old.start_ns - round(before.sample_count * NS_PER_S / rate)
    if abs(late_ns) <= _GAP_NS:
        return 0
    where = f"the capture at stored sample {new.sample_start}"
    if late_ns < 0:
        notes.append(f"{where} starts {-late_ns / 1e9:.6g} s early by its core:datetime")
        return 0
    notes.append(f"{where} follows a gap of {late_ns / 1e9:.6g} s, by core:datetime alone")
    return round(late_ns * rate / NS_PER_S)


def _start_ns(
    segment: Segment,
    previous: tuple[Capture, Segment] | None,
    first: int,
    rate: float,
    spec: RawSpec,
) -> int | None:
    """UTC of stream sample 0, by this capture's own clock where it has one."""
    if spec.start_ns is not None:
        return spec.start_ns
    before_ns = None if previous is None else previous[0].info.start_ns
    if segment.start_ns is None:
        return before_ns
    start_ns = segment.start_ns - round(first * NS_PER_S / rate)
    # Rounding of a time written with nanoseconds is no other clock.
    same = before_ns is not None and abs(start_ns - before_ns) <= _ROUNDING_NS
    return before_ns if same else start_ns


def _receiver(segment: Segment, rate_hz: float) -> dict[str, Any]:
    """What the receiver was, but for a passband that another stated rate has made wrong."""
    usable_hz = segment.receiver.get("usable_hz", 0)
    return {k: v for k, v in segment.receiver.items() if k != "usable_hz" or usable_hz <= rate_hz}
