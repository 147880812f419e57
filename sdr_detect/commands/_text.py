"""Text for a terminal that others wrote: file names, metadata, streams."""

from __future__ import annotations

import sys


def plain(text: str) -> str:
    """Text from a file, without the control characters that could steer a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def complain(error: Exception) -> None:
    """One line on stderr."""
    print(f"sdr-detect: error: {plain(str(error))}", file=sys.stderr)
