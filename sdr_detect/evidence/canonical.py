"""One way to write JSON, and records chained by their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

#: What the first record of a chain names as its predecessor.
START = "0" * 64


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8: equal values give equal bytes.

    Raises
    ------
    ValueError
        NaN or an infinity, which JSON has not.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8", "surrogatepass")


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def link(record: Mapping[str, Any], previous: str) -> dict[str, Any]:
    """The record with its predecessor's digest and its own."""
    body = {**record, "previous": previous}
    return {**body, "sha256": sha256(canonical(body))}


def broken_links(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a chain, in words; nothing if it is whole."""
    faults = []
    previous = START
    for number, record in enumerate(records, 1):
        body = {name: value for name, value in record.items() if name != "sha256"}
        if record.get("sha256") != sha256(canonical(body)):
            faults.append(f"record {number} does not agree with its own SHA-256: it was changed")
        if record.get("previous") != previous:
            faults.append(
                f"record {number} does not follow the one before it: records were removed, "
                "added or moved"
            )
        previous = str(record.get("sha256"))
    return faults
