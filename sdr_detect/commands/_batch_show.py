"""What a batch says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sdr_detect.commands._text import plain

#: Recordings listed of each kind; the tables have them all.
_LISTED = 20

#: Letters of a reason that is told here.
_REASON = 140

_WORDS = ("detected", "inconclusive", "not_detected", "rejected", "skipped", "pending")


def summary(results: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Counts, what needs a look first, and every reject with its reason."""
    words = Counter(_word(row) for row in results)
    counts = ", ".join(f"{words[word]} {word.replace('_', ' ')}" for word in _WORDS if words[word])
    parts: list[RenderableType] = [
        Text(f"{len(results)} files: {counts}" if results else "no files", style="bold")
    ]
    to_see = [row for row in results if _word(row) in ("detected", "inconclusive")]
    if to_see:
        parts.append(_findings(sorted(to_see, key=_rank)))
    refused = [row for row in results if _word(row) == "rejected"]
    parts += [Text(plain(f"rejected: {row['reason']}")) for row in refused[:_LISTED]]
    parts += _more(refused, "rejected")
    return Group(*parts)


def _word(row: Mapping[str, Any]) -> str:
    return str(row.get("verdict") or row["status"])


def _rank(row: Mapping[str, Any]) -> tuple[bool, float]:
    return row["verdict"] != "detected", -row["confidence"]


def _findings(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("verdict", no_wrap=True)
    table.add_column("recording", overflow="fold", ratio=1)
    table.add_column("why", overflow="fold", ratio=1)
    for row in rows[:_LISTED]:
        detected = row["verdict"] == "detected"
        why = f"{row['system']}, {row['confidence']:.0%}" if detected else _short(row["reasons"])
        table.add_row(row["verdict"], Text(plain(row["path"])), Text(plain(why)))
    return Group(Text(), table, *_more(rows, "to be looked at"), Text())


def _short(reasons: Sequence[str]) -> str:
    first = reasons[0] if reasons else ""
    return first if len(first) <= _REASON else first[:_REASON].rstrip() + "…"


def _more(rows: Sequence[Any], what: str) -> list[Text]:
    left = len(rows) - _LISTED
    return [Text(f"and {left} more {what}, see results.csv")] if left > 0 else []
