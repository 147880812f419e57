"""Which recordings are meant: folders, patterns and files, each recording once."""

from __future__ import annotations

import codecs
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdr_detect.errors import ConfigError, FormatError
from sdr_detect.formats import raw
from sdr_detect.formats.find import HEAD_BYTES, identify

_META, _DATA = ".sigmf-meta", ".sigmf-data"

#: Control characters that occur in text.
_IN_TEXT = frozenset("\t\n\r\f\x1b")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be a recording.

    Parameters
    ----------
    path : Path
        Absolute.
    size : int
        Bytes of the file the samples lie in, as far as names tell; 0 if unknown.
    skipped : str or None
        Why it is none.
    unreadable : str or None
        Why it cannot even be looked at.
    """

    path: Path
    size: int = 0
    skipped: str | None = None
    unreadable: str | None = None


def gather(inputs: Sequence[str], out: Path) -> list[Candidate]:
    """Everything that ``inputs`` name, sorted by path.

    Of a SigMF pair the metadata stand for both. A folder is searched to its
    bottom, without hidden files and ``out``; text in it is skipped unless it is
    a recording's metadata. What is named itself, or by a pattern, is never skipped.

    Raises
    ------
    ConfigError
        A pattern matches no file.
    """
    found: dict[Path, Candidate] = {}
    for item in inputs:
        for candidate in _of(item, out):
            known = found.get(candidate.path)
            if known is None or known.skipped is not None:
                found[candidate.path] = candidate
    return [found[path] for path in sorted(found)]


def _of(item: str, out: Path) -> Iterator[Candidate]:
    path = Path(item)
    if path.is_dir():
        yield from _in_folder(path.absolute(), out.absolute())
    elif path.exists() or not glob.has_magic(item):
        yield _candidate(path)
    else:
        names = glob.glob(item, recursive=True)  # noqa: PTH207 - Path's takes no absolute pattern
        files = [path for path in map(Path, names) if not path.is_dir()]
        if not files:
            raise ConfigError(f"no file matches {item!r}; check the pattern, or give a folder")
        yield from map(_candidate, files)


def _in_folder(top: Path, out: Path) -> Iterator[Candidate]:
    refused: list[OSError] = []
    for folder, below, names in os.walk(top, onerror=refused.append):
        here = Path(folder)
        below[:] = [name for name in below if not name.startswith(".") and here / name != out]
        for name in names:
            if not name.startswith("."):
                candidate = _candidate(here / name)
                yield candidate if candidate.unreadable else _skip_text(candidate)
    for exc in refused:
        yield Candidate(
            Path(str(exc.filename)), unreadable=f"{exc.filename}: cannot be read ({exc.strerror})"
        )


def _candidate(path: Path) -> Candidate:
    """The file that stands for a recording."""
    path = _metadata(Path(os.path.abspath(path)))  # noqa: PTH100 - without following links
    try:
        str(path).encode()
    except UnicodeEncodeError:
        name = os.fsencode(path).decode("utf-8", "backslashreplace")
        return Candidate(Path(name), unreadable=f"{name}: its name is not UTF-8; rename it")
    return Candidate(path, _size(path))


def _metadata(path: Path) -> Path:
    """Of a SigMF pair the metadata, whichever of it was named."""
    if path.name.endswith(_DATA):
        meta = path.with_name(path.name.removesuffix(_DATA) + _META)
    else:
        meta = path.with_name(path.name + _META)
        if path.exists():
            return path
    return meta if meta.exists() else path


def _size(path: Path) -> int:
    data = path.with_name(path.name.removesuffix(_META) + _DATA)
    file = data if path.name.endswith(_META) and data.exists() else path
    try:
        return file.stat().st_size
    except OSError:  # analysing it tells why
        return 0


def _skip_text(candidate: Candidate) -> Candidate:
    try:
        if identify(candidate.path).NAME != raw.NAME:
            return candidate
        with candidate.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (FormatError, OSError):  # analysing it tells why
        return candidate
    if not _is_text(head):
        return candidate
    return replace(candidate, skipped="is text; name the file itself if it holds samples")


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # it may be cut in a character
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in _IN_TEXT for char in text)
