"""Sizes as users write them."""

from __future__ import annotations

import re

import typer

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Bytes of ``500M``, ``20GB`` (decimal, as disks are sold) or ``1Gi`` (binary).

    Raises
    ------
    typer.BadParameter
        It is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no size; write for example 500M, 20G or 1Gi")
    unit: int = (1024 if match[3] else 1000) ** _POWER[match[2].upper()]
    return round(float(match[1]) * unit)
