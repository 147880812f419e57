"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from sdr_detect.errors import SinkError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; what stood there before stays until all of it is written.

    Raises
    ------
    SinkError
        It cannot be written, for example because the disk is full.
    """
    part = path.with_name(path.name + ".part")
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise SinkError(f"{path} cannot be written: {exc.strerror}") from exc
