"""Checks a package offline: nothing in it is executed, inflated or extracted."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.x509 import Certificate

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import signing, timestamp
from sdr_detect.evidence.canonical import START, broken_links, canonical, sha256
from sdr_detect.evidence.package import CUSTODY, FORMAT, MANIFEST, SIGNATURE, TIMESTAMP
from sdr_detect.evidence.ziplayout import Layout, Member, pieces, read_layout

#: Lists and logs that are read whole; what is longer was not written by this program.
MAX_JSON_BYTES = 256 << 20
_MAX_SIGNATURE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Verification:
    """What a check has shown.

    Attributes
    ----------
    findings : list of Finding
        Everything that is wrong; empty when the package is as it was sealed.
    checked : list of str
        What was found in order, in words.
    manifest_sha256 : str
        By which the package is named.
    signer : Signature or None
        Who sealed it, as the package says.
    key_given : bool
        Whether the signature was compared with a key from elsewhere.
    stamp : Stamp or None
        The time stamp, if there is one and it holds.
    """

    path: Path
    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    manifest_sha256: str = ""
    signer: signing.Signature | None = None
    key_given: bool = False
    stamp: timestamp.Stamp | None = None
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def fault(self, where: str, what: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(where, what))

    def meaning(self) -> tuple[str, ...]:
        """What the result proves and what it does not, in words."""
        if not self.ok or self.signer is None:
            return (
                "The package is not as it was sealed, or was never sealed: rely on nothing in it.",
            )
        said = (
            "Nothing in the package has changed since it was sealed with the key of fingerprint "
            f"{signing.fingerprint(self.signer.key)}."
        )
        whose = (
            "That is the key you gave: its owner sealed the package."
            if self.key_given
            else "Whose key that is the package cannot prove: anybody can make a key. Compare "
            "the fingerprint with the one its owner gave you by another way, or use --key."
        )
        by = ""
        if self.stamp is not None:
            by = f"A time stamp says that it was sealed before {self.stamp.at_utc}. " + (
                "A certificate you gave vouches for it. "
                if self.stamp.trusted
                else f"Whether {self.stamp.authority} is to be trusted is yours to decide; "
                "--tsa checks it. "
            )
        when = by + (
            f"The time of sealing, {self.signer.signed_utc}, is the signer's own statement. "
            "That the recordings were made as the case says rests on its custody log and on "
            "those who wrote it."
        )
        return said, whose, when


def verify(
    path: Path, key: bytes | None = None, authorities: Sequence[Certificate] = ()
) -> Verification:
    """Check structure, contents, signature, chain and time stamp.

    Parameters
    ----------
    path : Path
    key : bytes, optional
        Raw public key of the expected signer; without it, the one in the package.
    authorities : sequence of Certificate
        Certificates of authorities whose time stamps are trusted.

    Raises
    ------
    EvidenceError
        The file cannot be read at all.
    """
    result = Verification(path, key_given=key is not None)
    try:
        with path.open("rb") as file:
            layout = read_layout(file)
            for where, what in layout.faults:
                result.fault(where, what)
            if layout.members:
                _check_contents(file, layout, key, authorities, result)
    except OSError as exc:
        raise EvidenceError(f"{path} cannot be read: {exc.strerror}") from exc
    return result


def _check_contents(
    file: BinaryIO,
    layout: Layout,
    key: bytes | None,
    authorities: Sequence[Certificate],
    result: Verification,
) -> None:
    members = {member.name: member for member in layout.members}
    text = _read(file, members, MANIFEST, result)
    manifest = _parse(text, MANIFEST, result)
    _check_signature(file, members, text, key, result)
    if manifest is None or any(finding.where == MANIFEST for finding in result.findings):
        return  # what is not the signed list accuses nobody
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        result.fault(MANIFEST, f"is not of the format this version reads, {FORMAT!r}")
        return
    listed = _listed(manifest, result)
    _check_names(layout, listed, result)
    before = len(result.findings)
    for member in layout.members:
        if member.name in listed:
            _check_member(file, member, listed[member.name], result)
    if len(result.findings) == before:
        total = sum(member.size for member in layout.members)
        result.checked.append(f"{len(listed)} members, {total} bytes: SHA-256 as in the manifest")
    _check_custody(file, members, manifest, result)
    _check_stamp(file, members, authorities, result)
    result.members = members


def _read(
    file: BinaryIO, members: Mapping[str, Member], name: str, result: Verification
) -> bytes | None:
    member = members.get(name)
    if member is None:
        result.fault(name, "is missing")
        return None
    if member.size > MAX_JSON_BYTES:
        result.fault(name, f"has {member.size} bytes; at most {MAX_JSON_BYTES} are read")
        return None
    content = b"".join(pieces(file, member))
    if zlib.crc32(content) != member.crc:
        result.fault(name, "does not agree with its checksum: it was changed")
        return None
    return content


def _parse(text: bytes | None, name: str, result: Verification) -> Any:
    if text is None:
        return None
    try:
        document = json.loads(text)
        if canonical(document) == text:
            return document
    except (ValueError, RecursionError):
        pass
    result.fault(name, "is not JSON as this program writes it: it was changed")
    return None


def _check_signature(
    file: BinaryIO,
    members: Mapping[str, Member],
    manifest: bytes | None,
    key: bytes | None,
    result: Verification,
) -> None:
    member = members.get(SIGNATURE)
    if member is not None and member.size > _MAX_SIGNATURE_BYTES:
        result.fault(SIGNATURE, f"has {member.size} bytes: no signature")
        return
    document = _parse(_read(file, members, SIGNATURE, result), SIGNATURE, result)
    if document is None:
        return
    try:
        found = signing.parse(document)
    except EvidenceError as exc:
        result.fault(SIGNATURE, str(exc))
        return
    result.signer = found
    result.manifest_sha256 = found.manifest_sha256
    if not signing.holds(found, found.key):
        result.fault(SIGNATURE, "does not agree with the key in it: it was changed")
        return
    if key is not None and found.key != key:
        result.fault(
            SIGNATURE,
            f"was made with another key, {signing.fingerprint(found.key)}, than the one given, "
            f"{signing.fingerprint(key)}",
        )
        return
    if manifest is not None and sha256(manifest) != found.manifest_sha256:
        result.fault(MANIFEST, "is not the one that was signed: it was changed")
        return
    result.checked.append(f"signature: Ed25519, key {signing.fingerprint(found.key)}")


def _listed(manifest: dict[str, Any], result: Verification) -> dict[str, tuple[int, str]]:
    try:
        return {
            str(entry["name"]): (int(entry["size"]), str(entry["sha256"]))
            for entry in manifest["members"]
        }
    except (KeyError, TypeError, ValueError):
        result.fault(MANIFEST, "its list of members is damaged")
        return {}


def _check_names(
    layout: Layout, listed: Mapping[str, tuple[int, str]], result: Verification
) -> None:
    names = [member.name for member in layout.members]
    closing = [MANIFEST, SIGNATURE]
    if TIMESTAMP in names:
        closing.append(TIMESTAMP)
    for name in listed:
        if name not in names:
            result.fault(name, "is in the manifest and missing from the archive")
    for name in names:
        if name not in listed and name not in closing:
            result.fault(name, "was added: the manifest does not know it")
    expected = [*listed, *closing]
    if sorted(names) == sorted(expected) and names != expected:
        result.fault("archive", "its members are not in the order of the manifest")


def _check_member(
    file: BinaryIO, member: Member, listed: tuple[int, str], result: Verification
) -> None:
    size, expected = listed
    if member.size != size:
        result.fault(member.name, f"has {member.size} bytes; {size} were sealed")
        return
    digest, crc = hashlib.sha256(), 0
    for piece in pieces(file, member):
        digest.update(piece)
        crc = zlib.crc32(piece, crc)
    if crc != member.crc and digest.hexdigest() == expected:
        result.fault(member.name, "its checksum was changed, its content was not")
    if digest.hexdigest() != expected:
        result.fault(
            member.name, f"was changed: its SHA-256 is {digest.hexdigest()}, sealed was {expected}"
        )


def _check_stamp(
    file: BinaryIO,
    members: Mapping[str, Member],
    authorities: Sequence[Certificate],
    result: Verification,
) -> None:
    """A time stamp is optional; one that is there must hold."""
    member, signature = members.get(TIMESTAMP), members.get(SIGNATURE)
    if member is None or signature is None:
        return
    if member.size > timestamp.MAX_TOKEN_BYTES:
        result.fault(TIMESTAMP, f"has {member.size} bytes: no time stamp")
        return
    token = _read(file, members, TIMESTAMP, result)
    if token is None:
        return
    try:
        stamp = timestamp.check(token, b"".join(pieces(file, signature)), authorities)
    except EvidenceError as exc:
        result.fault(TIMESTAMP, str(exc))
        return
    if authorities and not stamp.trusted:
        result.fault(TIMESTAMP, f"is of {stamp.authority}, which no given certificate vouches for")
        return
    result.stamp = stamp
    result.checked.append(f"time stamp: {stamp.at_utc} by {stamp.authority}")


def _check_custody(
    file: BinaryIO, members: Mapping[str, Member], manifest: dict[str, Any], result: Verification
) -> None:
    text = _read(file, members, CUSTODY, result)
    if text is None:
        return
    records = list(_records(text, result))
    faults = broken_links(records)
    head = str(records[-1].get("sha256")) if records else START
    if head != manifest.get("custody_head"):
        faults.append("does not end with the record that the manifest names")
    for what in faults:
        result.fault(CUSTODY, what)
    if not faults:
        result.checked.append(f"custody log: {len(records)} records, chain unbroken")


def _records(text: bytes, result: Verification) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        record = _parse(line, CUSTODY, result)
        if isinstance(record, dict):
            yield record
        elif record is not None:
            result.fault(CUSTODY, f"line {number} is no record")


def read_json(result: Verification, name: str) -> Any:
    """A JSON member of a package that was found in order.

    Raises
    ------
    EvidenceError
        It is not there, or damaged.
    """
    with result.path.open("rb") as file:
        document = _parse(_read(file, result.members, name, result), name, result)
    if document is None:
        raise EvidenceError(f"{result.path}: {name} cannot be read")
    return document


def read_member(result: Verification, name: str) -> bytes:
    """A member of a package that was found in order, whole.

    Raises
    ------
    EvidenceError
        It is not there.
    """
    with result.path.open("rb") as file:
        content = _read(file, result.members, name, result)
    if content is None:
        raise EvidenceError(f"{result.path}: {name} cannot be read")
    return content
