"""One file that holds a case: what was recorded, what follows from it, and a seal.

Members lie in the order of writing: recordings, what else belongs to the case, the
results computed from the recordings *as they lie in the package*, the custody log, the
report, the manifest and its signature. A package of any size is written in constant
memory; the same inputs, the time of signing among them, give the same bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sdr_detect.analysis import Analysis
from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import signing, software
from sdr_detect.evidence.canonical import START, canonical, sha256
from sdr_detect.evidence.inside import Packed
from sdr_detect.evidence.results import Results, Steering, tests_within
from sdr_detect.evidence.zipwrite import ZipWriter

FORMAT = "sdr-detect package 1"

MANIFEST, SIGNATURE, TIMESTAMP = "manifest.json", "signature.json", "timestamp.tsr"
CONFIGURATION, RECORDINGS = "configuration.json", "recordings.json"
CASE, CUSTODY, RESULTS, REPORT = "case.json", "custody.jsonl", "results.json", "report.html"


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """A recording on this machine: samples, and SigMF metadata if it has them.

    ``expected`` maps file names to the SHA-256 they had when they were attached.
    """

    id: str
    role: str
    data: Path
    meta: Path | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)

    def packed(self) -> Packed:
        """Where it lies in a package."""
        folder = f"recordings/{self.id}"
        meta = None if self.meta is None else f"{folder}/{plain(self.meta.name)}"
        return Packed(self.id, self.role, f"{folder}/{plain(self.data.name)}", meta, self.stated)


@dataclass(frozen=True, slots=True)
class Attached:
    """Another file of the case, and the SHA-256 it had when it was attached."""

    member: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All that goes into a package.

    Parameters
    ----------
    case : mapping
        What the case is: for ``case.json``.
    custody : sequence of mapping
        Its chained log.
    recordings, attached
        Its files.
    steering : Steering
    """

    case: Mapping[str, Any]
    custody: Sequence[Mapping[str, Any]]
    recordings: Sequence[RecordingFiles]
    attached: Sequence[Attached]
    steering: Steering


#: Makes the report from the results and each recording's analysis.
MakeReport = Callable[[dict[str, Any], Sequence[tuple[Packed, Analysis]]], bytes]


def seal(
    path: Path,
    contents: Contents,
    key: Ed25519PrivateKey,
    signed_utc: str,
    *,
    make_report: MakeReport | None = None,
    stop: threading.Event | None = None,
) -> str:
    """Write a sealed package; its manifest's SHA-256, by which it is named.

    Raises
    ------
    SinkError
        The file is there, or the disk takes no more: nothing is left then.
    EvidenceError
        A file is not what was attached, or a recording cannot be analysed.
    """
    with ZipWriter(path) as out:
        packed = [_add_recording(out, files) for files in contents.recordings]
        for file in contents.attached:
            _add_file(out, file.member, file.path, file.sha256)
        out.add(CASE, canonical(contents.case))
        out.add(CONFIGURATION, canonical(contents.steering.to_json()))
        out.add(RECORDINGS, canonical([_listed(one) for one in packed]))
        out.add("software.json", canonical(software.describe()))
        results, analyses = _analyse(out, contents.steering, packed, stop, make_report is not None)
        out.add(RESULTS, canonical(results))
        out.add(CUSTODY, b"".join(canonical(entry) + b"\n" for entry in contents.custody))
        if make_report is not None:
            out.add(REPORT, make_report(results, analyses))
        manifest = _manifest(out, contents)
        out.add(MANIFEST, manifest)
        name = sha256(manifest)
        out.add(SIGNATURE, signing.sign(key, name, signed_utc))
        out.finish()
    return name


def _listed(packed: Packed) -> dict[str, Any]:
    return {**asdict(packed), "stated": dict(packed.stated)}


def _add_recording(out: ZipWriter, files: RecordingFiles) -> Packed:
    packed = files.packed()
    _add_file(out, packed.data, files.data, files.expected.get(files.data.name))
    if files.meta is not None and packed.meta is not None:
        _add_file(out, packed.meta, files.meta, files.expected.get(files.meta.name))
    return packed


def _add_file(out: ZipWriter, member: str, path: Path, expected: str | None) -> None:
    out.copy(member, path)
    if expected is not None and out.digests[member] != expected:
        raise EvidenceError(
            f"{path} has changed since it was attached: its SHA-256 was {expected} and is "
            f"{out.digests[member]}; attach what it is now, with a note that says why"
        )


def _analyse(
    out: ZipWriter,
    steering: Steering,
    packed: Sequence[Packed],
    stop: threading.Event | None,
    keep: bool,
) -> tuple[dict[str, Any], list[tuple[Packed, Analysis]]]:
    """Analyse the recordings where they already lie in the unfinished package."""
    members = {member.name: member for member in out.members}
    results = Results(steering)
    kept: list[tuple[Packed, Analysis]] = []

    def watch(one: Packed, result: Analysis) -> None:
        kept.append((one, result))

    for one in packed:
        watcher = watch if keep else None
        with results.analysed(out.part, members, one, watch=watcher, stop=stop) as events:
            out.stream(events_member(one), _chunks(events))
    return results.to_json(tests_within(out.part, members)), kept


def events_member(packed: Packed) -> str:
    """The member with a recording's events."""
    return f"events/{packed.id}.jsonl"


def _chunks(file: BinaryIO) -> Any:
    return iter(lambda: file.read(1 << 20), b"")


def _manifest(out: ZipWriter, contents: Contents) -> bytes:
    head = contents.custody[-1]["sha256"] if contents.custody else START
    return canonical(
        {
            "format": FORMAT,
            "custody_head": head,
            "members": [
                {"name": m.name, "size": m.size, "sha256": out.digests[m.name]} for m in out.members
            ],
        }
    )


def plain(name: str) -> str:
    """A file's name with what a member's name may not have replaced."""
    text = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return text.lstrip(".")[-100:] or "file"
