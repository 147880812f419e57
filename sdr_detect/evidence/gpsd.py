"""The position that gpsd has, with what it says of its error."""

from __future__ import annotations

import json
import socket
import time
from datetime import datetime
from typing import Any

from sdr_detect.errors import SourceLost, SourceNotFound

PORT = 2947
_MAX_LINE = 1 << 16
_NO_FIX = 1


def position(host: str = "localhost", port: int = PORT, wait_s: float = 10.0) -> dict[str, Any]:
    """Wait for a fix.

    Returns
    -------
    dict
        ``latitude_deg``, ``longitude_deg``, ``error_m`` (horizontal, as gpsd estimates it,
        or None), ``mode`` (2 or 3 dimensions), ``fix_utc``, ``age_s`` and ``source``.

    Raises
    ------
    SourceNotFound
        Nobody answers there.
    SourceLost
        It ended, or had no fix in time.
    """
    uri = f"gpsd://{host}:{port}"
    try:
        link = socket.create_connection((host, port), timeout=wait_s)
    except OSError as exc:
        raise SourceNotFound(f"gpsd does not answer ({exc}); is it running?", uri=uri) from exc
    with link, link.makefile("rb") as lines:
        link.sendall(b'?WATCH={"enable":true,"json":true};\n')
        stop = time.monotonic() + wait_s
        try:
            while time.monotonic() < stop and (line := lines.readline(_MAX_LINE)):
                if (found := _fix(line, uri)) is not None:
                    return found
        except OSError as exc:
            raise SourceLost(f"gpsd ended or has no fix ({exc})", uri=uri) from exc
    raise SourceLost(f"no fix within {wait_s:g} s; the antenna needs a view of the sky", uri=uri)


def _fix(line: bytes, uri: str) -> dict[str, Any] | None:
    try:
        report = json.loads(line)
    except ValueError:
        return None
    if not isinstance(report, dict) or report.get("class") != "TPV":
        return None
    latitude, longitude = report.get("lat"), report.get("lon")
    if report.get("mode", 0) <= _NO_FIX or not all(
        isinstance(value, (int, float)) for value in (latitude, longitude)
    ):
        return None
    stated = report.get("time")
    return {
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "error_m": report.get("eph"),
        "mode": report["mode"],
        "fix_utc": stated,
        "age_s": _age_s(stated),
        "source": uri,
    }


def _age_s(stated: Any) -> float | None:
    """By this machine's clock, so that a wrong one shows too."""
    try:
        then = datetime.fromisoformat(str(stated))
        return round(time.time() - then.timestamp(), 3)
    except ValueError:
        return None
