"""Room on a disk, and names on it."""

from __future__ import annotations

import itertools
import logging
import shutil
from pathlib import Path

_log = logging.getLogger(__name__)

#: A disk that lasts longer than a day needs no warning.
SHORT_S = 86_400


def tell_outlook(folder: Path, bytes_per_s: float) -> None:
    """Log how long a recording can go on; as a warning when that is within a day."""
    free = shutil.disk_usage(folder).free
    left_s = free / bytes_per_s
    level = logging.WARNING if left_s < SHORT_S else logging.INFO
    last = f"{left_s / 3600:.1f} h" if left_s >= 3600 else f"{left_s / 60:.1f} min"
    rate = bytes_per_s / 1e6
    _log.log(level, "%s: %.1f GB free last %s at %.1f MB/s", folder, free / 1e9, last, rate)


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there already."""
    folder = folder.resolve()
    return next(place for place in (folder, *folder.parents) if place.exists())


def recorded_bytes(folder: Path) -> int:
    """What the SigMF files in a folder occupy."""
    return sum(file.stat().st_size for file in folder.glob("*.sigmf-*"))


def free_name(path: Path) -> Path:
    """``NAME-0001.sigmf-meta`` or the first number after it that is free."""
    stem = path.name.removesuffix(path.suffix)
    for number in itertools.count(1):
        name = path.with_name(f"{stem}-{number:04}{path.suffix}")
        if not name.exists() and not name.with_suffix(".sigmf-data").exists():
            return name
    raise AssertionError  # the count has no end
