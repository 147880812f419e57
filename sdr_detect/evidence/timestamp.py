"""Time stamps of a third party (RFC 3161) on a package's signature, checked offline.

Only what such a token needs is read of ASN.1: definite lengths, a few levels, every
length checked against what is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from sdr_detect.errors import EvidenceError

#: Tokens have some kilobytes, with their certificates.
MAX_TOKEN_BYTES = 1 << 20

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OID, _TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x18
_CONTEXT_0 = 0xA0

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SHA256 = bytes.fromhex("608648016503040201")
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    _SHA256: hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}
_MAX_CHAIN = 6


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token that holds: when, and by whom.

    ``trusted`` tells whether a certificate that was given vouches for the signer's.
    """

    at_utc: str
    authority: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class _Element:
    """One DER element: its tag, its content, and all of it."""

    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> list[_Element]:
        """The elements inside."""
        return _elements(self.content)


def _elements(data: bytes) -> list[_Element]:
    found, place = [], 0
    while place < len(data):
        if len(data) - place < 2:
            raise EvidenceError("is no DER: it ends within an element")
        tag, length, start = data[place], data[place + 1], place + 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or start + size > len(data):
                raise EvidenceError("is no DER: a length is damaged")
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        stop = start + length
        if stop > len(data):
            raise EvidenceError("is no DER: an element is longer than what is there")
        found.append(_Element(tag, data[start:stop], data[place:stop]))
        place = stop
    return found


def request(signature_member: bytes) -> bytes:
    """A time-stamp request (``.tsq``) for a package, asking for the certificate."""
    digest = hashlib.sha256(signature_member).digest()
    algorithm = _der(_SEQUENCE, _der(_OID, _SHA256) + b"\x05\x00")
    imprint = _der(_SEQUENCE, algorithm + _der(_OCTETS, digest))
    return _der(_SEQUENCE, _der(_INTEGER, b"\x01") + imprint + b"\x01\x01\xff")


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 0x80  # requests are short
    return bytes((tag, len(content))) + content


def check(token: bytes, signature_member: bytes, trusted: Sequence[x509.Certificate] = ()) -> Stamp:
    """Check a response or a bare token against a package's signature.

    Raises
    ------
    EvidenceError
        It is damaged, stamps something else, or its signature does not hold.
    """
    try:
        signed = _signed_data(token)
        info, certificates, signer = _split(signed)
        _check_imprint(info, signature_member)
        at = _time(info)
        own = _own_certificate(signer, certificates)
        if not own.not_valid_before_utc <= at <= own.not_valid_after_utc:
            raise EvidenceError("was made when the certificate of its signer was not valid")
        _check_signer(signer, info, own)
    except (IndexError, ValueError, TypeError) as exc:
        raise EvidenceError(f"is no time stamp as RFC 3161 has them ({exc})") from exc
    name = own.subject.rfc4514_string()
    return Stamp(f"{at:%Y-%m-%dT%H:%M:%SZ}", name, _vouched(own, certificates, trusted))


def _signed_data(token: bytes) -> _Element:
    (outer,) = _elements(token)
    parts = outer.parts()
    if parts[0].tag == _SEQUENCE:  # a response: status, then the token
        if parts[0].parts()[0].content not in (b"\x00", b"\x01"):
            raise EvidenceError("is a refusal of the authority, not a time stamp")
        parts = parts[1].parts()
    if parts[0].content != _SIGNED_DATA:
        raise EvidenceError("is not signed data")
    return parts[1].parts()[0]


def _split(signed: _Element) -> tuple[bytes, list[x509.Certificate], _Element]:
    """What is stamped, the certificates that came along, and the one signer."""
    parts = signed.parts()
    kind, wrapped = parts[2].parts()[:2]
    if kind.content != _TST_INFO:
        raise EvidenceError("holds something else than a time stamp")
    info = wrapped.parts()[0].content
    certificates = [
        x509.load_der_x509_certificate(element.whole)
        for part in parts[3:-1]
        if part.tag == _CONTEXT_0
        for element in part.parts()
        if element.tag == _SEQUENCE
    ]
    signers = parts[-1].parts()
    if len(signers) != 1:
        raise EvidenceError(f"has {len(signers)} signers; a time stamp has one")
    return info, certificates, signers[0]


def _check_imprint(info: bytes, signature_member: bytes) -> None:
    algorithm, digest = _elements(info)[0].parts()[2].parts()[:2]
    kind = _HASHES.get(algorithm.parts()[0].content)
    if kind is None:
        raise EvidenceError("uses a digest that is not SHA-256, SHA-384 or SHA-512")
    if hashlib.new(kind.name, signature_member).digest() != digest.content:
        raise EvidenceError("was made for another package, or the signature was changed since")


def _time(info: bytes) -> datetime:
    element = _elements(info)[0].parts()[4]
    if element.tag != _TIME:
        raise EvidenceError("tells no time")
    text = element.content.decode("ascii").partition(".")[0].removesuffix("Z")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _own_certificate(
    signer: _Element, certificates: Sequence[x509.Certificate]
) -> x509.Certificate:
    issuer, serial = signer.parts()[1].parts()[:2]
    number = int.from_bytes(serial.content, "big", signed=True)
    for one in certificates:
        if one.serial_number == number and one.issuer.public_bytes() == issuer.whole:
            return one
    raise EvidenceError("comes without the certificate of its signer; ask the authority for it")


def _check_signer(signer: _Element, info: bytes, own: x509.Certificate) -> None:
    parts = signer.parts()
    digest = _HASHES.get(parts[2].parts()[0].content)
    attributes = parts[3]
    if digest is None or attributes.tag != _CONTEXT_0:
        raise EvidenceError("is signed in a way that is not read")
    wanted = hashlib.new(digest.name, info).digest()
    stated = [
        element.parts()[1].parts()[0].content
        for element in attributes.parts()
        if element.parts()[0].content == _MESSAGE_DIGEST
    ]
    if stated != [wanted]:
        raise EvidenceError("its content was changed")
    usage = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if x509.oid.ExtendedKeyUsageOID.TIME_STAMPING not in usage:
        raise EvidenceError("is signed with a certificate that is not for time stamps")
    # What is signed is the set of attributes under its own tag.
    said = bytes((_SET,)) + attributes.whole[1:]
    try:
        _verify(own, parts[5].content, said, digest)
    except InvalidSignature as exc:
        raise EvidenceError("its signature does not hold: it was changed") from exc


def _verify(
    own: x509.Certificate, signature: bytes, said: bytes, digest: hashes.HashAlgorithm
) -> None:
    key = own.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, said, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, said, ec.ECDSA(digest))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, said)
    else:
        raise EvidenceError("is signed with a kind of key that is not read")


def _vouched(
    own: x509.Certificate,
    along: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
) -> bool:
    """Whether a trusted certificate is the signer's, or issued it through those that came along."""
    current = own
    for _ in range(_MAX_CHAIN):
        if current in trusted or any(_issued(current, by) for by in trusted):
            return True
        above = next((by for by in along if by != current and _issued(current, by)), None)
        if above is None:
            return False
        current = above
    return False


def _issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
