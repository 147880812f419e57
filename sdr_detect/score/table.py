"""A table of the scorecard: columns, rows, and what must be said about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

#: Shown where there is no number.
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and how a row fills it."""

    heading: str
    cell: Callable[[Row], str]
    right: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows hold JSON-ready numbers with units in their names; columns only show them.

    ``notes`` say what was not measured, and what a reader must know.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The rows and notes as one JSON object."""
        return {
            "name": self.name,
            "title": self.title,
            "rows": [dict(row) for row in self.rows],
            "notes": list(self.notes),
        }


def text(heading: str, key: str) -> Column:
    """A column of words."""
    return Column(heading, lambda row: _word(row[key]), right=False)


def number(heading: str, key: str, form: str = ".1f") -> Column:
    """A column of numbers."""
    return Column(heading, lambda row: shown(row[key], form).replace("e-0", "e-"))


def interval(heading: str, key: str, form: str = ".1f") -> Column:
    """A column of ``[lower, upper]`` intervals."""
    return Column(heading, lambda row: f"{shown(row[key][0], form)}…{shown(row[key][1], form)}")


def shown(value: float | None, form: str) -> str:
    """A number, or a dash."""
    return NOTHING if value is None else format(value, form)


def _word(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def duration(seconds: float) -> str:
    """10 ms, 100 ms, 1 s, 15 s."""
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1e3:g} ms"
