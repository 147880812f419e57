"""Positions of what the report of a case draws: levels, and when it was recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sdr_detect.evidence.attribution import ROLES
from sdr_detect.evidence.coverage import stretch, told
from sdr_detect.model import NS_PER_S
from sdr_detect.sinks import wording

#: Where the drawing's scale begins and how long it is, of 700 units.
LEFT, WIDTH = 190.0, 470.0
ROW = 26
#: Between marks of time, in seconds; the first of which no more than these fit.
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)
_MARKS = 6
_DAY_S = 86_400
#: A short recording within a long visit is still to be seen.
_LEAST_WIDTH = 3.0


def levels(recordings: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Levels and limits of all recordings; None with nothing to draw."""
    values = [
        value
        for one in recordings
        for value in (one["level_db"], one["limit_db"])
        if value is not None
    ]
    if not values:
        return None
    low, high = 5 * (min(values) // 5 - 1), 5 * (max(values) // 5 + 2)

    def across(value: float) -> float:
        return round(float(LEFT + WIDTH * (value - low) / (high - low)), 1)

    rows = []
    for place, one in enumerate(recordings):
        level, limit, doubt = one["level_db"], one["limit_db"], one["uncertainty_db"] or 0.0
        rows.append(
            {
                "y": 24 + ROW * place,
                "id": one["id"],
                "role": one["role"].replace("_", " "),
                "level": None if level is None else across(level),
                "from": None if level is None else across(level - doubt),
                "to": None if level is None else across(level + doubt),
                "limit": None if limit is None else across(limit),
            }
        )
    ticks = [(across(value), int(value)) for value in range(int(low), int(high) + 1, 5)]
    return {"rows": rows, "ticks": ticks, "height": ROW * len(rows) + 50}


def times(recordings: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """When recordings were made, one row a purpose; None when no time is known."""
    known = [
        (one, when)
        for one in recordings
        if (when := stretch(one["start_ns"], one["duration_s"])) is not None
    ]
    if not known:
        return None
    first = min(when[0] for _, when in known)
    last = max(first + 1, *(when[1] for _, when in known))

    def across(time_ns: float) -> float:
        return round(LEFT + WIDTH * (time_ns - first) / (last - first), 1)

    rows: list[dict[str, Any]] = []
    for role in ROLES:
        bars = [
            {
                "x": across(start),
                "width": max(_LEAST_WIDTH, round(across(stop) - across(start), 1)),
                "word": one["verdict"],
                "id": one["id"],
            }
            for one, (start, stop) in known
            if one["role"] == role
        ]
        if bars:
            name = role.replace("_", " ")
            rows.append({"y": 10 + ROW * len(rows), "role": name, "bars": bars})
    ticks = [(across(at), text) for at, text in _marks(first, last)]
    silence = [one for one in recordings if one["role"] == "silence"]
    return {
        "rows": rows,
        "ticks": ticks,
        "height": ROW * len(rows) + 50,
        "date": wording.utc(first)[:10],
        "silence": told([stretch(one["start_ns"], one["duration_s"]) for one in silence])
        if silence
        else None,
        "missing": len(recordings) - len(known),
    }


def _marks(first_ns: int, last_ns: int) -> list[tuple[int, str]]:
    """Round times between two, with what is written there."""
    span_s = (last_ns - first_ns) / NS_PER_S
    days_s = _DAY_S * math.ceil(span_s / _MARKS / _DAY_S)
    step_s = next((step for step in _STEPS_S if span_s / step <= _MARKS), days_s)
    step_ns = round(step_s * NS_PER_S)
    shown = slice(0, 10) if step_s >= _DAY_S else slice(11, 19 if step_s >= 1 else 21)
    start = -(-first_ns // step_ns) * step_ns
    return [(at, wording.utc(at)[shown]) for at in range(start, last_ns + 1, step_ns)]
