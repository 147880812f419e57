"""From a case of a store to its sealed package."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdr_detect.analysis import Analysis
from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import signing
from sdr_detect.evidence.case import Attachment, Who
from sdr_detect.evidence.inside import Packed
from sdr_detect.evidence.package import Attached, Contents, RecordingFiles, plain, seal
from sdr_detect.evidence.results import COMPARISONS, Steering
from sdr_detect.report import case as case_report

if TYPE_CHECKING:
    from sdr_detect.evidence.store import CaseStore


def seal_case(
    store: CaseStore,
    case_id: str,
    who: Who,
    out: Path,
    key: Path,
    steering: Steering,
    *,
    stop: threading.Event | None = None,
) -> str:
    """Seal a case as it stands; the SHA-256 that names the package.

    The log has an entry before (``sealing``) and one after (``sealed``); the package
    holds the first.

    Raises
    ------
    EvidenceError
        A file has changed or gone, or the case has no recording.
    SinkError, ConfigError
        The package or the store cannot be written; the key cannot be read.
    """
    secret = signing.read_secret(key)
    fingerprint = signing.fingerprint(signing.raw_public(secret.public_key()))
    if not store.case(case_id).current("recording"):
        raise EvidenceError(f"case {case_id} has no recording; attach one first")
    case = store.add(case_id, who, "sealing", {"path": str(out), "key": fingerprint})
    custody = store.entries(case_id)
    signed_utc = str(custody[-1]["at_utc"])
    contents = Contents(
        case=case.to_json(),
        custody=custody,
        recordings=[_recording(one) for one in case.current("recording")],
        attached=[_attached(one) for one in case.current() if one.kind != "recording"],
        steering=steering,
    )

    def make_report(results: dict[str, Any], analyses: Sequence[tuple[Packed, Analysis]]) -> bytes:
        return case_report.render(
            case, custody, results, analyses, key=fingerprint, sealed_utc=signed_utc
        ).encode()

    name = seal(out, contents, secret, signed_utc, make_report=make_report, stop=stop)
    store.add(case_id, who, "sealed", {"path": str(out), "manifest_sha256": name})
    return name


def _recording(one: Attachment) -> RecordingFiles:
    paths = [Path(path) for path in one.files]
    meta = paths[1] if len(paths) > 1 else None
    expected = {Path(path).name: digest for path, (_, digest) in one.files.items()}
    return RecordingFiles(one.id, one.role or "", paths[0], meta, one.stated, expected)


def _attached(one: Attachment) -> Attached:
    ((path, (_, digest)),) = one.files.items()
    folder = COMPARISONS if one.kind == "comparison" else "attached/"
    return Attached(f"{folder}{one.id}/{plain(Path(path).name)}", Path(path), digest)
