"""Asking for a time stamp of a package, and joining the answer to it."""

from __future__ import annotations

from pathlib import Path

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import timestamp
from sdr_detect.evidence.package import SIGNATURE, TIMESTAMP
from sdr_detect.evidence.verify import verify
from sdr_detect.evidence.ziplayout import pieces, read_layout
from sdr_detect.evidence.zipwrite import append
from sdr_detect.sinks.whole_file import write_whole


def write_request(package: Path, out: Path) -> None:
    """Write the request for a package that is in order.

    Raises
    ------
    EvidenceError
        The package is not as it was sealed.
    SinkError
        The request cannot be written.
    """
    write_whole(out, timestamp.request(_signature(package)))


def add_token(package: Path, token: Path, out: Path) -> timestamp.Stamp:
    """Copy a package with the authority's answer as its last member.

    Raises
    ------
    EvidenceError
        The package is not in order or has a time stamp; the answer does not fit it.
    SinkError
        ``out`` exists, or the disk takes no more.
    """
    signature = _signature(package)
    try:
        with token.open("rb") as file:
            content = file.read(timestamp.MAX_TOKEN_BYTES)
    except OSError as exc:
        raise EvidenceError(f"{token} cannot be read: {exc.strerror}") from exc
    try:
        stamp = timestamp.check(content, signature)
    except EvidenceError as exc:
        raise EvidenceError(f"{token} {exc}") from exc
    with package.open("rb") as file:
        layout = read_layout(file)
    append(package, layout, out, TIMESTAMP, content)
    return stamp


def _signature(package: Path) -> bytes:
    result = verify(package)
    if not result.ok:
        raise EvidenceError(f"{package} is not as it was sealed: {result.findings[0]}")
    if TIMESTAMP in result.members:
        raise EvidenceError(f"{package} has a time stamp already")
    with package.open("rb") as file:
        return b"".join(pieces(file, result.members[SIGNATURE]))
