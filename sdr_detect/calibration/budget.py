"""Uncertainty budgets after ISO/IEC Guide 98-3 (GUM)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: Coverage factor of every expanded uncertainty: about 95 % for a normal law.
COVERAGE_FACTOR = 2.0

#: A relative uncertainty of a power in decibels, and back.
DB_PER_NEPER = 10 / math.log(10)


@dataclass(frozen=True, slots=True)
class Term:
    """One input of a result.

    Parameters
    ----------
    name : str
    value, uncertainty : float
        Estimate and standard uncertainty, in ``unit``.
    unit : str
    sensitivity : float
        Change of the result for one unit of change of this input.
    kind : {"A", "B"}
        From statistics of what was recorded, or from elsewhere.
    note : str
        Method or source.
    """

    name: str
    value: float
    uncertainty: float
    unit: str = "dB"
    sensitivity: float = 1.0
    kind: Literal["A", "B"] = "B"
    note: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.sensitivity)):
            raise ValueError(f"{self.name}: {self.value!r} x {self.sensitivity!r} is not finite")
        if not (math.isfinite(self.uncertainty) and self.uncertainty >= 0):
            raise ValueError(f"{self.name}: uncertainty {self.uncertainty!r} is no such thing")

    @property
    def contribution(self) -> float:
        """Its share of the standard uncertainty, in the result's unit."""
        return abs(self.sensitivity) * self.uncertainty


@dataclass(frozen=True, slots=True)
class Budget:
    """A result with all that it rests on; the inputs are taken as independent."""

    quantity: str
    unit: str
    value: float
    terms: tuple[Term, ...]

    @property
    def standard(self) -> float:
        """Combined standard uncertainty: root of the sum of squared contributions."""
        return math.sqrt(sum(term.contribution**2 for term in self.terms))

    @property
    def expanded(self) -> float:
        """Expanded uncertainty, k = 2."""
        return COVERAGE_FACTOR * self.standard

    def followed_by(self, quantity: str, unit: str, terms: Sequence[Term]) -> Budget:
        """A further result: this one and more terms, summed."""
        added = sum(term.sensitivity * term.value for term in terms)
        return Budget(quantity, unit, self.value + added, (*self.terms, *terms))


def summed(quantity: str, unit: str, terms: Sequence[Term]) -> Budget:
    """A result that is the sum of its terms, each times its sensitivity."""
    return Budget(quantity, unit, 0.0, ()).followed_by(quantity, unit, terms)
