"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from sdr_detect.errors import SinkError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; what stood there before stays until all of it is on the disk.

    A link stays one: what it names is written. A pipe or a device is written to.

    Raises
    ------
    SinkError
        It cannot be written, for example because the disk is full.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, RuntimeError) as exc:  # the latter: links in a circle
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise SinkError(f"{path} cannot be written: {reason}") from exc
