"""A calibration as TOML text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdr_detect.calibration.schema import Calibration
from sdr_detect.config import build, read_toml
from sdr_detect.errors import CalibrationError


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file.

    Raises
    ------
    CalibrationError
        It cannot be read, or states what it must not; the message names the key.
    """
    return build(
        Calibration, read_toml(path, error=CalibrationError), file=path, error=CalibrationError
    )


def calibration_toml(calibration: Calibration) -> str:
    """The file's text; `read_calibration` gives the same calibration back."""
    data = calibration.model_dump(mode="json", exclude_none=True)
    return "\n".join(_table(data, ())) + "\n"


def _table(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    if path:
        yield f"\n[{'.'.join(path)}]"
    for key, value in data.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_value(value)}"
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _table(value, (*path, key))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the one character that JSON leaves bare.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
