"""Numbers as people type them: 2.4M, 14.2225 GHz, 14 222.5. Pure."""

from __future__ import annotations

import math
import re

_SCALES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_FORM = re.compile(r"([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([kKMG]?)\s*(?:Hz|sps|S/s|samples/s)?")


def hertz(text: str, unit_hz: float = 1.0) -> float | None:
    """A frequency or rate in Hz; None where the text is no number.

    Parameters
    ----------
    text : str
        With or without a unit; spaces between thousands and a comma for the point are read.
    unit_hz : float
        What a number without a letter counts, unless it is written with an exponent.
    """
    plain = re.sub(r"(?<=\d)[\s\u202f_](?=\d)", "", text.strip()).replace(",", ".")
    found = _FORM.fullmatch(plain)
    if found is None:
        return None
    digits, letter = found.groups()
    try:
        value = float(digits)
    except ValueError:
        return None
    bare = not letter and "hz" not in plain.lower() and "e" not in digits.lower()
    value *= unit_hz if bare else _SCALES[letter]
    return value if math.isfinite(value) else None
