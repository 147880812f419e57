"""Headings along time: steps from one known heading to the next."""

from __future__ import annotations

import csv
import datetime
import math
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import FormatError

Floats = NDArray[np.float64]

#: Headings kept, and the longest table read.
MAX_POINTS = 1 << 20

#: A moving rotator is asked every second: between two answers it moves evenly.
STEADY_S = 2.5


class HeadingTimeline:
    """Headings by the time from which each holds; safe to fill from another thread.

    Parameters
    ----------
    moving : bool
        The headings are a rotator's: between two answers no more than `STEADY_S`
        apart they are interpolated, and beyond the last they are not known. Others
        hold until the next one.
    """

    def __init__(self, *, moving: bool = False) -> None:
        self._moving = moving
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._headings: list[float] = []
        self.dropped = 0

    def add(self, time_s: float, heading_deg: float | None) -> None:
        """From ``time_s`` on the antenna points there; None while it turns.

        Raises
        ------
        ValueError
            The heading is none, or time runs backwards.
        """
        heading = math.nan if heading_deg is None else checked(heading_deg)
        with self._lock:
            if self._times and time_s < self._times[-1]:
                raise ValueError(f"heading at {time_s:g} s comes after {self._times[-1]:g} s")
            if len(self._times) >= MAX_POINTS:
                self.dropped += 1
                return
            self._times.append(time_s)
            self._headings.append(heading)

    def __len__(self) -> int:
        return len(self._times)

    def over(self, start_s: Floats, stop_s: Floats) -> Floats:
        """Heading over each stretch, NaN where it is not known or changed by a step."""
        with self._lock:
            times, headings = np.array(self._times), np.array(self._headings)
        if not times.size:
            return np.full(start_s.shape, np.nan)
        return self._between(times, headings, start_s, stop_s)

    def _between(self, times: Floats, headings: Floats, start_s: Floats, stop_s: Floats) -> Floats:
        first = np.searchsorted(times, start_s, side="right") - 1
        if not self._moving:
            last = np.searchsorted(times, stop_s, side="left") - 1
            held = headings[np.maximum(first, 0)]
            return np.where((first >= 0) & (first == last), held, np.nan)
        following = np.minimum(first + 1, times.size - 1)
        before = np.maximum(first, 0)
        gap = times[following] - times[before]
        known = (first >= 0) & (gap > 0) & (gap <= STEADY_S)
        part = np.divide((start_s + stop_s) / 2 - times[before], gap, where=known, out=0 * start_s)
        turn = (headings[following] - headings[before] + 180) % 360 - 180
        return np.where(known, (headings[before] + part * turn) % 360, np.nan)


def checked(heading_deg: float) -> float:
    """A heading within 0..360.

    Raises
    ------
    ValueError
        It is not within -180..540; rotators may count beyond a full turn.
    """
    if not (math.isfinite(heading_deg) and -180 <= heading_deg <= 540):
        raise ValueError(f"heading {heading_deg!r}° is not within -180..540")
    return heading_deg % 360


def parse_typed(line: str) -> float | None:
    """``heading 123.5`` or a bare number; None for ``moving``.

    Raises
    ------
    ValueError
        It is neither.
    """
    words = line.split()
    if words == ["moving"]:
        return None
    if len(words) == 2 and words[0] == "heading":
        words = words[1:]
    try:
        (word,) = words
        return checked(float(word))
    except ValueError:
        raise ValueError(f"{line.strip()[:40]!r} is neither 'heading 123.5' nor 'moving'") from None


def read_table(path: Path, start_ns: int | None) -> HeadingTimeline:
    """A CSV of ``time,heading``: seconds since the first sample, or UTC as ISO 8601.

    An empty heading means that the antenna turns. A first line without numbers is
    taken as a title.

    Raises
    ------
    FormatError
        A line is wrong; it is named.
    """
    found = HeadingTimeline()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, words in enumerate(csv.reader(file), 1):
                if not words or words[0].startswith("#"):
                    continue
                try:
                    _add_row(found, words, start_ns)
                except ValueError as exc:
                    if number > 1:
                        raise FormatError(f"line {number}: {exc}", path=path) from exc
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise FormatError(f"cannot be read: {exc}", path=path) from exc
    if not len(found):
        raise FormatError("holds no heading; lines are time,heading", path=path)
    if found.dropped:
        raise FormatError(f"has more than {MAX_POINTS} headings", path=path)
    return found


def _add_row(found: HeadingTimeline, words: list[str], start_ns: int | None) -> None:
    if len(words) != 2:
        raise ValueError(f"{len(words)} columns; lines are time,heading")
    found.add(_seconds(words[0].strip(), start_ns), float(words[1]) if words[1].strip() else None)


def _seconds(word: str, start_ns: int | None) -> float:
    try:
        value = float(word)
    except ValueError:
        stamp = datetime.datetime.fromisoformat(word)
        if stamp.tzinfo is None:
            raise ValueError(f"time {word!r} has no zone; write 2026-03-04T05:06:07Z") from None
        if start_ns is None:
            raise ValueError("the recording's start is not known: give seconds") from None
        return stamp.timestamp() - start_ns / 1e9
    if not math.isfinite(value):
        raise ValueError(f"time {word!r} is not finite")
    return value
