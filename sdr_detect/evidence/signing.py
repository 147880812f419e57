"""Ed25519 keys that seal packages, and the check of a signature."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sdr_detect.errors import ConfigError, EvidenceError, SinkError
from sdr_detect.evidence.canonical import canonical, sha256

#: Begins what is signed, so that no other use of the key yields the same bytes.
_PURPOSE = "sdr-detect sealed package"
#: A PEM key has a few hundred bytes, a list of certificates some hundred thousand.
_MAX_KEY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature member says; ``key`` is the raw public key in it."""

    key: bytes
    manifest_sha256: str
    signed_utc: str
    signature: bytes


def fingerprint(key: bytes) -> str:
    """SHA-256 of a raw public key, in groups that can be read out."""
    digest = sha256(key)
    return " ".join(digest[at : at + 8] for at in range(0, 64, 8))


def new_pair(folder: Path, name: str) -> tuple[Path, Path, str]:
    """Make a key pair.

    Returns
    -------
    public, secret : Path
        ``NAME.seal.pub`` and ``NAME.seal``, the latter readable by its owner only.
    fingerprint : str

    Raises
    ------
    SinkError
        One of the files exists, or cannot be written.
    """
    secret, public = folder / f"{name}.seal", folder / f"{name}.seal.pub"
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _create(secret, 0o600, private_pem)
        try:
            _create(public, 0o644, public_pem)
        except OSError:
            secret.unlink()
            raise
    except FileExistsError as exc:
        raise SinkError(f"{exc.filename} exists, and keys are never replaced") from exc
    except OSError as exc:
        raise SinkError(f"{exc.filename or folder} cannot be written: {exc.strerror}") from exc
    return public, secret, fingerprint(raw_public(key.public_key()))


def _create(path: Path, mode: int, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> Ed25519PrivateKey:
    """The key of a secret file.

    Raises
    ------
    ConfigError
        It cannot be read, is no Ed25519 key, or others may read it.
    """
    text = _read(path)
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(
            f"others may read this secret key (mode {path.stat().st_mode & 0o777:o}); "
            f"run chmod 600, and make a new key if somebody may have copied it",
            file=path,
        )
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(
            "is no secret key without a passphrase; make one with 'sdr-detect case key NAME'",
            file=path,
        ) from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("is a key of another kind than Ed25519", file=path)
    return key


def read_public(path: Path) -> bytes:
    """The raw public key of a PEM file.

    Raises
    ------
    ConfigError
        It cannot be read or is no Ed25519 public key.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ConfigError(
            "is no public key; give the NAME.seal.pub of the sealer", file=path
        ) from exc
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError("is a key of another kind than Ed25519", file=path)
    return raw_public(key)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file.

    Raises
    ------
    ConfigError
        It cannot be read or holds none.
    """
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as exc:
        raise ConfigError("holds no certificate in PEM", file=path) from exc


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY_BYTES)
    except OSError as exc:
        raise ConfigError(f"cannot be read ({exc.strerror}); check the path", file=path) from exc


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def sign(key: Ed25519PrivateKey, manifest_sha256: str, signed_utc: str) -> bytes:
    """The signature member: canonical JSON. The same inputs give the same bytes."""
    said = _statement(manifest_sha256, signed_utc)
    return canonical(
        {
            **said,
            "algorithm": "Ed25519",
            "public_key": _text(raw_public(key.public_key())),
            "signature": _text(key.sign(canonical(said))),
        }
    )


def parse(document: Any) -> Signature:
    """Read a signature member.

    Raises
    ------
    EvidenceError
        It is none.
    """
    try:
        found = Signature(
            base64.b64decode(document["public_key"], validate=True),
            str(document["manifest_sha256"]),
            str(document["signed_utc"]),
            base64.b64decode(document["signature"], validate=True),
        )
        known = document["algorithm"] == "Ed25519" and document["purpose"] == _PURPOSE
    except (KeyError, TypeError, ValueError, binascii.Error) as exc:
        raise EvidenceError(f"is no signature of a package ({exc!r})") from exc
    if not known or len(found.key) != 32:
        raise EvidenceError("is no Ed25519 signature of a package")
    return found


def holds(found: Signature, key: bytes) -> bool:
    """Whether the signature was made with the secret half of ``key``."""
    said = canonical(_statement(found.manifest_sha256, found.signed_utc))
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(found.signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True


def _statement(manifest_sha256: str, signed_utc: str) -> dict[str, str]:
    return {"purpose": _PURPOSE, "manifest_sha256": manifest_sha256, "signed_utc": signed_utc}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
