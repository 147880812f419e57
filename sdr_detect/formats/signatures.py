"""Files that are certainly no recording, by their signature.

Only signatures of four bytes and more, or with a checked structure: shorter
ones occur by chance at the start of raw samples.
"""

from __future__ import annotations

from pathlib import Path

from sdr_detect.errors import UnsupportedError

_UNPACK = "unpack it first"
_NO_IQ = "it holds no IQ"

_SIGNATURES = (
    (b"\x1f\x8b\x08\x00", "a gzip file", _UNPACK),
    (b"\x1f\x8b\x08\x08", "a gzip file", _UNPACK),
    (b"BZh91AY&SY", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", _UNPACK),
    (b"PK\x03\x04", "a zip file", _UNPACK),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _NO_IQ),
    (b"%PDF-", "a PDF document", _NO_IQ),
    (b"\x7fELF", "a program", _NO_IQ),
    (b"fLaC", "a FLAC file", "convert it to WAV first, if it holds I and Q as two channels"),
    (b"OggS", "an Ogg file", _NO_IQ),
)


def refuse_foreign(path: Path) -> None:
    """Refuse a file that is certainly something else.

    Raises
    ------
    UnsupportedError
        Names what it is and what to do.
    """
    with path.open("rb") as file:
        head = file.read(16)
    for signature, kind, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise UnsupportedError(f"is {kind}, not samples; {remedy}", path=path, byte=0)
