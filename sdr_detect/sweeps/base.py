"""What every power sweep is, and the row that its three writers share.

``date, time, Hz low, Hz high, Hz step, samples, dB, dB, …``: one row for each
piece of spectrum, in the order it was measured.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import FormatError, unreadable

#: Values kept: 128 MiB. An hour of hackrf_sweep over 500 MHz at 100 kHz is 18 million.
MAX_VALUES = 1 << 25

#: A longer line is no row: 2^20 bins of five characters are less.
MAX_LINE_BYTES = 8 << 20

#: Bad lines named; the others are counted.
MAX_NAMED = 10

#: Columns before the powers.
HEAD = 6

#: What power can be, in dB of whatever the writer's reference is.
LIMIT_DB = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One piece of spectrum.

    Parameters
    ----------
    time_s : float
        Seconds since 1970 by the writer's clock, whose time zone the file does not tell.
    low_hz : float
        Lower edge of the first bin.
    step_hz : float
    power_db : (n,) float32
        NaN where the writer had nothing.
    """

    time_s: float
    low_hz: float
    step_hz: float
    power_db: NDArray[np.float32]


@dataclass(slots=True, eq=False)
class PowerSweeps:
    """Rows of a file, and what was wrong with it.

    ``bad_lines`` names the first few, ``bad_count`` counts them all; ``capped`` is
    the line at which the limit on memory was reached, None when all was read.
    """

    path: Path
    format: str
    rows: list[Row] = field(default_factory=list)
    values: int = 0
    bad_lines: list[str] = field(default_factory=list)
    bad_count: int = 0
    capped: int | None = None

    def refuse(self, line: int, reason: str) -> None:
        """Count a bad line."""
        self.bad_count += 1
        if len(self.bad_lines) < MAX_NAMED:
            self.bad_lines.append(f"line {line}: {reason}")


def read_rows(path: Path, name: str, *, repeats_last: bool = False) -> PowerSweeps:
    """Read a file of rows.

    Parameters
    ----------
    path : Path
    name : str
        Format.
    repeats_last : bool
        Whether the writer may give the last bin twice.

    Raises
    ------
    FormatError
        It cannot be read, or has no good row.
    """
    found = PowerSweeps(path, name)
    try:
        with path.open("rb") as file:
            _read_all(file, found, repeats_last=repeats_last)
    except OSError as exc:
        raise unreadable(exc, path) from exc
    if not found.rows:
        why = f"; {found.bad_lines[0]}" if found.bad_lines else ""
        raise FormatError(f"holds no row of a power sweep{why}", path=path)
    return found


def _read_all(file: BinaryIO, found: PowerSweeps, *, repeats_last: bool) -> None:
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            found.refuse(number, f"longer than {MAX_LINE_BYTES} bytes")
            while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                pass
            continue
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        try:
            row = parse_row(line, repeats_last=repeats_last)
        except ValueError as exc:
            found.refuse(number, str(exc))
            continue
        if found.values + row.power_db.size > MAX_VALUES:
            found.capped = number
            return
        found.rows.append(row)
        found.values += row.power_db.size


def parse_row(line: bytes, *, repeats_last: bool = False) -> Row:
    """One row.

    Raises
    ------
    ValueError
        It is none; the message says what is wrong with it.
    """
    try:
        words = line.decode("ascii").split(",")
    except UnicodeDecodeError:
        raise ValueError("not plain text") from None
    if len(words) <= HEAD:
        raise ValueError(f"{len(words)} columns, fewer than {HEAD + 1}")
    time_s = _time(words[0].strip(), words[1].strip())
    low, high, step, _ = (_number(word) for word in words[2:HEAD])
    if not (0 <= low < high <= 1e12 and 0 < step <= high - low + step / 2):
        raise ValueError(f"frequencies {low:g} to {high:g} Hz in steps of {step:g} Hz")
    power = np.array([_power(word) for word in words[HEAD:]])
    expected = (high - low) / step
    if repeats_last and power.size > expected + 0.5 and power[-1:] == power[-2:-1]:
        power = power[:-1]
    if abs(power.size - expected) > max(1.0, 0.01 * expected):
        raise ValueError(f"{power.size} powers where {expected:.0f} belong: cut off or damaged")
    power[~(np.abs(power) <= LIMIT_DB)] = np.nan
    return Row(time_s, low, step, power.astype(np.float32))


def looks_like(head: bytes) -> list[bytes] | None:
    """The first row's words; None when the first line is no row."""
    lines = (line for line in head.splitlines() if line.strip() and not line.startswith(b"#"))
    first = next(lines, b"")
    words = [word.strip() for word in first.split(b",")]
    try:
        _time(words[0].decode("ascii"), words[1].decode("ascii"))
        for word in words[2:HEAD]:
            _number(word.decode("ascii"))
    except (ValueError, IndexError):
        return None
    return words if len(words) > HEAD else None


def _time(date: str, clock: str) -> float:
    try:
        stamp = datetime.datetime.fromisoformat(f"{date}T{clock}")
    except ValueError:
        raise ValueError(f"no date and time: {date[:20]!r}, {clock[:20]!r}") from None
    return stamp.replace(tzinfo=datetime.UTC).timestamp()


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"no number: {word.strip()[:20]!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"no finite number: {word.strip()[:20]!r}")
    return value


def _power(word: str) -> float:
    """A power; what a failed retune leaves (nan, -inf) is none."""
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"no power: {word.strip()[:20]!r}") from None
