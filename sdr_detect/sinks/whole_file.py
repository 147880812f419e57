"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sdr_detect.errors import SinkError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; what stood there before stays until all of it is on the disk.

    A link stays one: what it names is written. A file keeps who may read it. A pipe or
    a device is written to.

    Raises
    ------
    SinkError
        It cannot be written, for example because the disk is full.
    """
    try:
        # Asked first: what a link to an open pipe leads to has no path.
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise SinkError(f"{path} cannot be written: it is a link that leads to itself")
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                if target.exists():  # before there is anything to read
                    shutil.copymode(target, part)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise SinkError(f"{path} cannot be written: {exc.strerror or exc}") from exc
