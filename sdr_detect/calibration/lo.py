"""The error of a converter's LO from known frequencies, and whether the spectrum is upright.

A carrier of RF f arrives at IF = s (f - LO), with s = -1 behind a high-side LO. The
tuner moves IF to the slice, upright (b = +1) or, with I and Q swapped, mirrored.
Of the four cases each implies an LO for each carrier; the true case implies the
same for all of them, and one near a converter's nominal LO.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sdr_detect.calibration.budget import Budget, Term
from sdr_detect.errors import CalibrationError
from sdr_detect.plan import Converter, FrequencyPlan

#: How far an LO may be off where no data sheet says it (universal LNB: 5 MHz).
TOLERANCE_HZ = 5e6

#: How far the LO may wander between two recordings, and how much better than the
#: others one case must fit to be told from them.
_WANDER_HZ = 100e3
_CLEARLY = 4.0

Orientation = Literal["upright", "mirrored", "not checked"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A carrier of known frequency, and where a recording shows it.

    Parameters
    ----------
    known_hz, known_sigma_hz : float
        On air, with standard uncertainty.
    center_hz : float
        RF of the slice's centre by the plan that was believed.
    offset_hz, offset_sigma_hz : float
        From the centre, rising with RF as that plan has it.
    """

    known_hz: float
    known_sigma_hz: float
    center_hz: float
    offset_hz: float
    offset_sigma_hz: float


@dataclass(frozen=True, slots=True)
class Case:
    """One way the spectrum may lie, and the LO that each sighting then implies."""

    side: Literal["low", "high"]
    mirrored: bool
    lo_hz: tuple[float, ...]

    @property
    def mean_hz(self) -> float:
        """Mean of the implied LOs."""
        return sum(self.lo_hz) / len(self.lo_hz)

    @property
    def spread_hz(self) -> float:
        """Largest minus smallest."""
        return max(self.lo_hz) - min(self.lo_hz)


@dataclass(frozen=True, slots=True)
class LoEstimate:
    """The LO as it is.

    Parameters
    ----------
    error_ppm : Budget
        Of the converter's nominal LO.
    orientation : {"upright", "mirrored", "not checked"}
        Whether more than one frequency or tuning proved how the spectrum lies.
    """

    error_ppm: Budget
    orientation: Orientation

    @property
    def remark(self) -> str:
        """What was proved of the orientation."""
        if self.orientation == "not checked":
            return (
                "whether the spectrum is upright was not checked: that takes a second known "
                "frequency, or a second tuning of the receiver"
            )
        return "the spectrum lies as the converter's file says"


def estimate_lo(
    sightings: Sequence[Sighting],
    plan: FrequencyPlan,
    others: Iterable[tuple[Converter, float]] = (),
    *,
    tolerance_hz: float = TOLERANCE_HZ,
    clock_ppm: float = 0.0,
    image: bool = False,
) -> LoEstimate:
    """LO error from one sighting or more.

    Parameters
    ----------
    sightings : sequence of Sighting
    plan : FrequencyPlan
        That the sightings' centres rest on.
    others : iterable of (Converter, float)
        Converters that it may be instead, and how far their LOs may be off.
    tolerance_hz : float
        How far the stated converter's LO may be off.
    clock_ppm : float
        Standard uncertainty of the receiver's own clock: it shifts the IF.
    image : bool
        The carriers are known to arrive through the converter's image, from the other
        side of the LO: a satellite's, where the input is not filtered.

    Raises
    ------
    CalibrationError
        The sightings do not fit the stated converter; the message names the case,
        and the converter, that they fit.
    """
    converter = plan.converter
    if converter.side == "none":
        raise CalibrationError(
            "no converter is stated, so there is no LO to calibrate: name it with --converter; a "
            "receiver's own crystal is corrected by its driver (?ppm=)"
        )
    cases = _cases(sightings, plan)
    side = converter.side if not image else ("high" if converter.side == "low" else "low")
    stated = next(c for c in cases if c.side == side and not c.mirrored)
    fits = abs(stated.mean_hz - converter.lo_hz) <= tolerance_hz
    # A converter of another LO may fit as well; that is no doubt about this one.
    near = [c for c in cases if c is stated or abs(c.mean_hz - converter.lo_hz) <= tolerance_hz]
    orientation = _orientation(stated, cases, near)
    if not fits or orientation == "mirrored":
        raise CalibrationError(
            _misfit(stated, cases, converter, tolerance_hz, () if image else others)
        )
    budget = _budget(sightings, plan, stated, clock_ppm)
    return LoEstimate(budget, orientation)


def _cases(sightings: Sequence[Sighting], plan: FrequencyPlan) -> list[Case]:
    cases = []
    sides: tuple[Literal["low", "high"], ...] = ("low", "high")
    for side, mirrored in itertools.product(sides, (False, True)):
        implied = []
        for sighting in sightings:
            tuned_hz = plan.if_from_rf(sighting.center_hz)
            above_hz = -sighting.offset_hz if plan.inverted else sighting.offset_hz
            if_hz = tuned_hz + (-above_hz if mirrored else above_hz)
            implied.append(
                sighting.known_hz - if_hz if side == "low" else sighting.known_hz + if_hz
            )
        cases.append(Case(side, mirrored, tuple(implied)))
    return cases


def _orientation(stated: Case, cases: Sequence[Case], near: Sequence[Case]) -> Orientation:
    """Whether several sightings agree, and would not in any other case with an LO near."""
    if len(stated.lo_hz) < 2:
        return "not checked"
    best = min(cases, key=lambda case: case.spread_hz)
    if stated.spread_hz <= _WANDER_HZ:
        least_hz = _CLEARLY * max(stated.spread_hz, 1.0)
        told = all(c is stated or c.spread_hz > least_hz for c in near)
        return "upright" if told else "not checked"
    if _CLEARLY * best.spread_hz < stated.spread_hz:
        return "mirrored"
    raise CalibrationError(
        f"the known frequencies imply LOs {stated.spread_hz / 1e3:.1f} kHz apart, and no "
        "orientation of the spectrum joins them: are they the carriers meant?"
    )


def _misfit(
    stated: Case,
    cases: Sequence[Case],
    converter: Converter,
    tolerance_hz: float,
    others: Iterable[tuple[Converter, float]],
) -> str:
    error_hz = stated.mean_hz - converter.lo_hz
    if stated.spread_hz > _WANDER_HZ:
        text = f"behind {converter.name} the spectrum would be upside down"
    else:
        text = (
            f"behind {converter.name} the LO would be {error_hz / 1e6:+.3f} MHz off, "
            f"{tolerance_hz / 1e6:g} MHz are allowed"
        )
    found = []
    for other, reach_hz in others:
        for case in cases:
            off_hz = case.mean_hz - other.lo_hz
            agrees = case.side == other.side and case.spread_hz <= _WANDER_HZ
            if not agrees or abs(off_hz) > reach_hz:
                continue
            if other.name == converter.name and not case.mirrored:
                continue
            swapped = ", with I and Q swapped in the receiver" if case.mirrored else ""
            found.append(f"{other.name} (LO {off_hz / 1e3:+.1f} kHz off{swapped})")
    if not found:
        return f"{text}; no known converter fits either: check the carrier's frequency and --if"
    return f"{text}; what was recorded fits {' or '.join(found)}: name that converter"


def _budget(
    sightings: Sequence[Sighting], plan: FrequencyPlan, case: Case, clock_ppm: float
) -> Budget:
    nominal_hz = plan.converter.lo_hz
    count = len(sightings)
    ppm = 1e6 / nominal_hz
    terms = []
    for number, s in enumerate(sightings, 1):
        name = "" if count == 1 else f" {number}"
        terms += [
            Term(f"known frequency{name}", s.known_hz, s.known_sigma_hz, "Hz", ppm / count),
            Term(f"measured offset{name}", s.offset_hz, s.offset_sigma_hz, "Hz", -ppm / count,
                 "A"),
        ]  # fmt: skip
    if_hz = abs(plan.if_from_rf(sightings[0].center_hz))
    terms.append(
        Term("receiver's clock", 0.0, clock_ppm, "ppm", if_hz / nominal_hz, note="over the IF")
    )
    if count > 1:
        # Uniform between what they imply: the LO moved while they were recorded.
        wander = case.spread_hz / math.sqrt(12)
        terms.append(Term("wander between them", 0.0, wander, "Hz", ppm, "A"))
    return Budget("LO error", "ppm", (case.mean_hz - nominal_hz) * ppm, tuple(terms))


def lo_drift(
    measured: tuple[float, float], known_hz_per_s: float, *, image: bool = False
) -> tuple[float, float]:
    """Drift of the LO, Hz/s, with its standard uncertainty, from that of a known carrier.

    Parameters
    ----------
    measured : (float, float)
        Drift of the carrier, rising with RF, and its standard uncertainty.
    known_hz_per_s : float
        What it does on air; 0 for a steady one.
    image : bool
        It arrives through the converter's image.

    Raises
    ------
    CalibrationError
        It drifts as fast as known, the other way: the spectrum is upside down.
    """
    seen, sigma = measured
    wanted = -known_hz_per_s if image else known_hz_per_s
    off, mirrored = abs(seen - wanted), abs(seen + wanted)
    if abs(wanted) > 10 * sigma and _CLEARLY * mirrored < off:
        raise CalibrationError(
            f"the carrier drifts by {seen:+.4g} Hz/s, {wanted:+.4g} Hz/s are known: the spectrum "
            "is upside down; the converter's file states the wrong side, or I and Q are swapped"
        )
    return (seen - wanted if image else wanted - seen), sigma
