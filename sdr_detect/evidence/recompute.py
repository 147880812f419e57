"""All numbers of a package again, from the raw samples in it."""

from __future__ import annotations

import itertools
import json
import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sdr_detect.errors import EvidenceError
from sdr_detect.evidence import software
from sdr_detect.evidence.inside import Packed
from sdr_detect.evidence.package import CONFIGURATION, RECORDINGS, RESULTS, events_member
from sdr_detect.evidence.results import Results, Steering, recordings_from_json, tests_within
from sdr_detect.evidence.verify import Verification, read_json
from sdr_detect.evidence.ziplayout import Member

#: What another build, library or processor may change of a number: rounding in sums of
#: many samples, far below every stated uncertainty.
RELATIVE = 1e-3
#: The same near 0, by the end of a number's name; of levels, and of what is a difference
#: between two larger numbers.
ABSOLUTE = {
    "_db": 0.05,
    "_z": 0.01,
    "_ppm": 1e-4,
    "_hz": 0.01,
    "_hz_per_s": 1.0,
    "fold_profile": 1e-4,
}
#: Quantities, whose unit stands beside the value.
ABSOLUTE_BY_UNIT = {"dB": 0.05, "Hz": 0.01}
#: Chances are compared by their exponent.
DECADES = 0.1
#: Differences that are listed; more are only counted.
LISTED = 200

_NUMBER = re.compile(r"([-+−]?\d+(?:\.(\d+))?)(e[-+]?\d+)?")
_PLACE = re.compile(r"\[\d+\]$")


@dataclass(slots=True)
class Recomputed:
    """What came out differently.

    Attributes
    ----------
    same_build : bool
        Whether every byte had to agree; otherwise the tolerance held.
    compared : int
        Lines and values looked at.
    differences : list of str
        The first `LISTED` of them.
    difference_count : int
    """

    same_build: bool
    compared: int = 0
    difference_count: int = 0
    differences: list[str] = field(default_factory=list)

    def differ(self, where: str, sealed: Any, now: Any) -> None:
        """Note one difference."""
        self.difference_count += 1
        if len(self.differences) < LISTED:
            self.differences.append(f"{where}: sealed {sealed!r}, now {now!r}")


def recompute(result: Verification, *, stop: threading.Event | None = None) -> Recomputed:
    """Analyse every recording of a verified package again and compare.

    Raises
    ------
    EvidenceError
        A recording or the configuration cannot be read.
    """
    steering = Steering.from_json(read_json(result, CONFIGURATION))
    recordings = recordings_from_json(read_json(result, RECORDINGS))
    found = Recomputed(_same_build(read_json(result, "software.json")))
    if missing := _missing(result, recordings):
        raise EvidenceError(f"{result.path}: recordings name members that are not there: {missing}")
    results = Results(steering)
    for packed in recordings:
        name = events_member(packed)
        with (
            results.analysed(result.path, result.members, packed, stop=stop) as now,
            result.path.open("rb") as file,
        ):
            _compare_lines(name, _lines(file, result.members[name]), now, found)
    tests = tests_within(result.path, result.members)
    _compare(RESULTS, read_json(result, RESULTS), _plain(results.to_json(tests)), found)
    return found


def _missing(result: Verification, recordings: Sequence[Packed]) -> str:
    wanted = [name for one in recordings for name in (one.data, one.meta, events_member(one))]
    return ", ".join(str(name) for name in wanted if name and name not in result.members)


def _same_build(sealed: Any) -> bool:
    """Whether program, libraries and processor are those of the sealing."""
    return bool(sealed == software.describe())


def _lines(file: BinaryIO, member: Member) -> Iterator[bytes]:
    file.seek(member.start)
    left = member.size
    while left > 0:
        line = file.readline(left)
        left -= len(line)
        yield line


def _compare_lines(name: str, sealed: Iterator[bytes], now: BinaryIO, found: Recomputed) -> None:
    pairs = itertools.zip_longest(sealed, now)
    for number, (old, new) in enumerate(pairs, 1):
        where = f"{name} line {number}"
        if old is None or new is None:
            found.compared += 1
            found.differ(where, _word(old), _word(new))
        elif old == new:
            found.compared += 1
        else:
            _compare(where, _object(old), json.loads(new), found)


def _object(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return _word(line)


def _word(line: bytes | None) -> str:
    return "nothing" if line is None else line.decode(errors="replace").strip()[:200]


def _plain(document: Any) -> Any:
    """Through JSON, as the sealed one went."""
    return json.loads(json.dumps(document))


def _compare(where: str, sealed: Any, now: Any, found: Recomputed, unit: str | None = None) -> None:
    if isinstance(sealed, dict) and isinstance(now, dict):
        for key in sorted({*sealed, *now}):
            if key == "version" and not found.same_build:
                continue
            _compare(f"{where}.{key}", sealed.get(key), now.get(key), found, now.get("unit"))
    elif isinstance(sealed, list) and isinstance(now, list) and len(sealed) == len(now):
        for place, (old, new) in enumerate(zip(sealed, now, strict=True)):
            _compare(f"{where}[{place}]", old, new, found)
    else:
        found.compared += 1
        if not (sealed == now if found.same_build else _close(sealed, now, where, unit)):
            found.differ(where, sealed, now)


def _close(sealed: Any, now: Any, where: str, unit: str | None) -> bool:
    if isinstance(sealed, str) and isinstance(now, str):
        return _same_words(sealed, now)
    numbers = (int, float)
    if isinstance(sealed, bool) or not (isinstance(sealed, numbers) and isinstance(now, numbers)):
        return bool(sealed == now)
    if where.endswith("pfa") and sealed > 0 and now > 0:
        return abs(math.log10(sealed) - math.log10(now)) <= DECADES
    try:
        return math.isclose(sealed, now, rel_tol=RELATIVE, abs_tol=_near_zero(where, unit))
    except OverflowError:  # a whole number that no float holds
        return False


def _near_zero(where: str, unit: str | None) -> float:
    """What a number may differ by, however small it is."""
    name = _PLACE.sub("", where)
    if unit is not None and name.endswith((".value", ".expanded_uncertainty")):
        return ABSOLUTE_BY_UNIT.get(unit, 0.0)
    return max((some for end, some in ABSOLUTE.items() if name.endswith(end)), default=0.0)


def _same_words(sealed: str, now: str) -> bool:
    """Whether two texts differ in figures only, and those by their last digit at most."""
    if _NUMBER.sub("#", sealed) != _NUMBER.sub("#", now):
        return False
    for old, new in zip(_NUMBER.finditer(sealed), _NUMBER.finditer(now), strict=True):
        a, b = (float(one[0].replace("−", "-")) for one in (old, new))
        # A whole number may be a count, and counts are equal.
        last = float(f"1e{int((new[3] or 'e0')[1:]) - len(new[2])}") if new[2] else 0.0
        if not math.isclose(a, b, rel_tol=RELATIVE if new[2] else 0.0, abs_tol=1.01 * last):
            return False
    return True
