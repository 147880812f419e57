"""What of a time was recorded, and what lies between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sdr_detect.model import NS_PER_S
from sdr_detect.sinks import wording

#: Recordings that follow each other closer than the clocks that date them can tell.
LEAST_NS = 10_000_000
_LISTED = 5

#: Start and end in nanoseconds of UTC.
Stretch = tuple[int, int]


def stretch(start_ns: int | None, duration_s: float | None) -> Stretch | None:
    """When something was recorded; None when that is not known."""
    if start_ns is None or duration_s is None:
        return None
    return start_ns, start_ns + round(duration_s * NS_PER_S)


def gaps(recorded: Iterable[Stretch]) -> list[Stretch]:
    """Times between the first start and the last end that no stretch covers."""
    found: list[Stretch] = []
    end: int | None = None
    for start, stop in sorted(recorded):
        if end is not None and start - end > LEAST_NS:
            found.append((end, start))
        end = stop if end is None else max(end, stop)
    return found


def told(recorded: Sequence[Stretch | None]) -> str:
    """From when to when was recorded, and every gap, in words."""
    known = [one for one in recorded if one is not None]
    if not known or len(known) < len(recorded):
        return "when it was recorded is not known for all of it: gaps cannot be told"
    start, stop = min(one[0] for one in known), max(one[1] for one in known)
    one_day = wording.utc(start)[:10] == wording.utc(stop)[:10]
    said = f"recorded from {_clock(start)} to {_clock(stop, short=one_day)} UTC"
    if not (open_ := gaps(known)):
        return f"{said} without a gap between recordings"
    lost_ns = sum(end - begin for begin, end in open_)
    each = ", ".join(
        f"{_clock(begin, short=one_day)} for {_length(end - begin)}"
        for begin, end in open_[:_LISTED]
    )
    more = f" and {len(open_) - _LISTED} more" if len(open_) > _LISTED else ""
    share = wording.percent(1 - lost_ns / (stop - start))
    return f"{said}, {share} of it; gaps, {_length(lost_ns)} in all: {each}{more}"


def _clock(time_ns: int, *, short: bool = False) -> str:
    return wording.utc(time_ns)[11 if short else 0 : 21]


def _length(time_ns: int) -> str:
    return wording.seconds(time_ns / NS_PER_S)
