"""Key pairs that encrypt the stream and say who may have it (ZeroMQ CURVE).

A pair is two files in ZeroMQ's certificate format: ``NAME.key`` with the public
key, which goes to the other side, and ``NAME.key_secret`` with both keys, which
stays where it was made and is for its owner's eyes only.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

from sdr_detect.errors import ConfigError, SinkError

#: A certificate has a few hundred bytes; what is far longer is none.
_MAX_FILE_BYTES = 1 << 16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_KEY_BYTES = 32

_PUBLIC = """#   ZeroMQ CURVE public certificate. Give it to the other side by a way that
#   nobody can change it on.

metadata
curve
    public-key = "{public}"
"""
_SECRET = """#   ZeroMQ CURVE SECRET certificate. It stays on this machine: give nobody
#   a copy, and leave its permissions as they are.

metadata
curve
    public-key = "{public}"
    secret-key = "{secret}"
"""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both keys of one side, each 40 characters of Z85."""

    public: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublisherKeys:
    """Who publishes, and who may subscribe: names by public key."""

    own: KeyPair
    allowed: Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class SubscriberKeys:
    """Who subscribes, and the public key that the publisher must prove to have."""

    own: KeyPair
    server: bytes


def write_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a key pair; the folder too, if it is not there.

    Returns
    -------
    public, secret : Path
        ``NAME.key`` and ``NAME.key_secret``, the latter readable by its owner only.

    Raises
    ------
    ConfigError
        The name is no plain file name.
    SinkError
        One of the files exists, or cannot be written; nothing is left then.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot name a key; use letters, digits, '.', '_' and '-', and --folder "
            "for the place"
        )
    public, secret = folder / f"{name}.key", folder / f"{name}.key_secret"
    keys = [key.decode() for key in zmq.curve_keypair()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(secret, 0o600, _SECRET.format(public=keys[0], secret=keys[1]))
        try:
            _create(public, 0o644, _PUBLIC.format(public=keys[0]))
        except OSError:
            secret.unlink()
            raise
    except FileExistsError as exc:
        raise SinkError(
            f"{exc.filename} exists, and keys are never replaced; choose another name, or remove "
            "both files of that pair first"
        ) from exc
    except OSError as exc:
        raise SinkError(
            f"{exc.filename or folder} cannot be written: {exc.strerror}; choose another --folder"
        ) from exc
    return public, secret


def _create(path: Path, mode: int, text: str) -> None:
    """Write a new file that has had its permissions since it was empty."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(text)
    except OSError as exc:
        path.unlink()
        raise OSError(exc.errno, exc.strerror, str(path)) from exc


def read_pair(path: Path) -> KeyPair:
    """The keys of a ``.key_secret`` file.

    Raises
    ------
    ConfigError
        It cannot be read, others than its owner can read it, or it holds no pair.
    """
    public, secret = _read(path)
    if secret is None:
        raise ConfigError("holds no secret key; name the .key_secret file of the pair", file=path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"others than its owner may use this secret key (mode {mode:04o}); run "
            f"'chmod 600 {path}', or make a new pair if somebody may have read it",
            file=path,
        )
    if zmq.curve_public(secret) != public:
        raise ConfigError("its two keys are no pair; make a new one", file=path)
    return KeyPair(public, secret)


def read_public(path: Path) -> bytes:
    """The key of a ``.key`` file.

    Raises
    ------
    ConfigError
        It cannot be read, holds no public key, or holds a secret one.
    """
    public, secret = _read(path)
    if secret is not None:
        raise ConfigError(
            "holds a secret key, which should never leave the machine where it was made; name the "
            ".key file of the pair",
            file=path,
        )
    return public


def read_allowed(folder: Path) -> dict[bytes, str]:
    """Public keys of all ``.key`` files of a folder, with the names of the files.

    Raises
    ------
    ConfigError
        It is no folder, holds no key, everybody may add one, or one of them is wrong.
    """
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".key")
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}; name a folder", file=folder) from exc
    if mode & 0o002:
        raise ConfigError(
            f"everybody on this machine may add a key here (mode {mode:04o}); run "
            f"'chmod o-w {folder}'",
            file=folder,
        )
    if not paths:
        raise ConfigError(
            "holds no .key file, so that nobody could subscribe; copy the NAME.key of every "
            "subscriber into it",
            file=folder,
        )
    return {read_public(path): path.stem for path in paths}


def _read(path: Path) -> tuple[bytes, bytes | None]:
    """Public and, if it is there, secret key of a certificate, both checked."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_FILE_BYTES:
            raise ConfigError("is no key file", file=path)
        public, secret = zmq.auth.load_certificate(path)
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", file=path) from exc
    except (IndexError, ValueError) as exc:
        raise ConfigError(
            "holds no public key; make key files with 'sdr-detect keys new NAME'", file=path
        ) from exc
    for name, key in (("public", public), ("secret", secret)):
        if key is not None and not _is_key(key):
            raise ConfigError(f"its {name} key is damaged; copy the file again", file=path)
    return public, secret


def _is_key(text: bytes) -> bool:
    if len(text) != _KEY_BYTES * 5 // 4:
        return False
    try:
        return z85.encode(z85.decode(text)) == text
    except (KeyError, struct.error):
        return False
