"""Which of a file's named arrays are the samples. Never a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdr_detect.errors import FormatError, UnsupportedError

_PAIRS = (
    ("i", "q"),
    ("re", "im"),
    ("real", "imag"),
    ("idata", "qdata"),
    ("i_data", "q_data"),
    ("inphase", "quadrature"),
)
_RATE_NAMES = ("fs", "sample_rate", "samplerate", "samp_rate", "sampling_rate", "sample_rate_hz")


@dataclass(frozen=True, slots=True)
class Variable:
    """A numeric vector of a file."""

    name: str
    length: int
    is_complex: bool
    type_name: str

    def __str__(self) -> str:
        return (
            f"{self.name} ({'complex ' if self.is_complex else ''}{self.type_name}, {self.length})"
        )


def pick_samples(path: Path, variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """The one complex vector, or the one pair of I and Q.

    Raises
    ------
    UnsupportedError
        There is neither.
    FormatError
        There are several, or I and Q differ in length or type.
    """
    vectors = [v for v in variables if v.length > 1]
    listed = ", ".join(str(v) for v in vectors[:8]) or "none"
    whole = [v for v in vectors if v.is_complex]
    if len(whole) == 1:
        return (whole[0],)
    if whole:
        raise FormatError(
            f"holds several complex vectors ({listed}); save the one to analyse alone", path=path
        )
    by_name = {v.name.lower(): v for v in vectors}
    pairs = [(by_name[i], by_name[q]) for i, q in _PAIRS if i in by_name and q in by_name]
    if len(pairs) != 1:
        raise UnsupportedError(
            f"holds no complex vector and no single pair of vectors I and Q; vectors: {listed}",
            path=path,
        )
    (i, q) = pairs[0]
    if (i.length, i.type_name) != (q.length, q.type_name):
        raise FormatError(f"{i} and {q} differ in length or type", path=path)
    return (i, q)


def pick_rate(path: Path, scalars: Mapping[str, float], notes: list[str]) -> float | None:
    """The sample rate that a scalar states, said aloud in a note.

    Raises
    ------
    FormatError
        Two scalars contradict each other.
    """
    found = {name: value for name, value in scalars.items() if name.lower() in _RATE_NAMES}
    values = set(found.values())
    if not values:
        return None
    if len(values) > 1 or not math.isfinite(next(iter(values))):
        text = ", ".join(f"{name} = {value:.12g}" for name, value in found.items())
        raise FormatError(f"states no single sample rate ({text}); give --rate HZ", path=path)
    name, rate = next(iter(found.items()))
    notes.append(f"the variable {name} = {rate:.12g} is taken as the sample rate in Hz")
    return rate
