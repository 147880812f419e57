"""From the recordings of a case to its one conclusion.

A recording says whether something transmitted. Whose it is, only a comparison says:
towards the vessel against away from it and towards its neighbours, several times in
turn, or before, during and after a witnessed power cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sdr_detect.analysis import Analysis
from sdr_detect.events import TrackEvent
from sdr_detect.evidence.comparison import Comparison
from sdr_detect.evidence.coverage import stretch, told
from sdr_detect.evidence.quantities import COVERAGE, level_uncertainty_db
from sdr_detect.legs import COVERED, POINTING_DB, STEADY_DB, covered, noise_doubt
from sdr_detect.settings import Settings
from sdr_detect.sinks import wording
from sdr_detect.steps import REPEAT_DB

#: What a recording of a case was made for.
ROLES = {
    "on_target": "antenna towards the vessel",
    "off_target": "antenna away from every vessel",
    "neighbour": "antenna towards a neighbouring vessel or berth",
    "power_off": "antenna towards the vessel, its supply witnessed to be cut",
    "check": "check source, before or after",
    "control": "terminal known to transmit: the receiver hears it",
    "silence": "near the terminal, said to be silent",
}

Conclusion = Literal[
    "detected_attributed", "detected_not_attributed", "not_detected", "inconclusive"
]

#: How much stronger an emission must be towards the vessel, beyond the uncertainty:
#: four times the power. Reflections at a quay can turn a smaller difference round.
CONTRAST_DB = 6.0

#: Turns towards the vessel and away from it: with fewer, a terminal that falls silent
#: by itself looks like one that was turned away from.
TURNS = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """What one recording of a case says.

    ``level_db`` is the C/N of the strongest emission consistent with a terminal, with
    its expanded uncertainty (k = 2), and ``band_hz`` its edges; ``bound_db`` what could
    have been there unnoticed or, if something was noticed, how strong it was at most.
    ``slice_hz`` are the edges of what was listened to, ``noise_db`` is the noise density
    in dBFS/Hz at ``gain_db``. None is not known.
    """

    id: str
    role: str
    start_ns: int | None
    duration_s: float | None
    verdict: str
    system: str | None
    level_db: float | None
    uncertainty_db: float | None
    bound_db: float | None
    limit_db: float | None
    poi: float | None
    analysed_s: float
    blind_s: float
    reasons: tuple[str, ...]
    band_hz: tuple[float, float] | None = None
    slice_hz: tuple[float, float] | None = None
    noise_db: float | None = None
    gain_db: float | None = None

    def noise_change_db(self, other: Heard) -> float | None:
        """Noise of another recording over this one's; None where the gain differs."""
        if self.noise_db is None or other.noise_db is None or self.gain_db != other.gain_db:
            return None
        return other.noise_db - self.noise_db


@dataclass(frozen=True, slots=True)
class Concluded:
    """The conclusion of a case, in the fixed words, with what it rests on."""

    verdict: Conclusion
    sentence: str
    grounds: tuple[str, ...]
    contrast_db: float | None = None
    uncertainty_db: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "grounds": list(self.grounds),
            "contrast_db": self.contrast_db,
            "expanded_uncertainty_db": self.uncertainty_db,
            "required_contrast_db": CONTRAST_DB,
        }


def heard(identifier: str, role: str, result: Analysis, settings: Settings) -> Heard:
    """Reduce an analysis to what the comparison needs."""
    verdict = result.verdict
    terminals = [event for event in result.found.tracks if _resembles(event)]
    best = max(terminals, key=lambda event: event.track.snr_db, default=None)
    level = uncertainty = None
    if best is not None:
        level = round(best.track.snr_db, 2)
        uncertainty = level_uncertainty_db(best, settings)
    limit = verdict.detection_limit_db
    info = result.facts.info
    half_hz = (verdict.bandwidth_hz or info.sample_rate_hz) / 2
    bounds = [value for value in (limit, level) if value is not None]
    return Heard(
        id=identifier,
        role=role,
        start_ns=info.start_ns,
        duration_s=result.facts.duration_s,
        verdict=verdict.verdict,
        system=verdict.system,
        level_db=level,
        uncertainty_db=uncertainty,
        bound_db=None if limit is None else round(max(bounds), 2),
        limit_db=limit,
        poi=verdict.poi,
        analysed_s=verdict.analysed_s,
        blind_s=verdict.blind_s,
        reasons=verdict.reasons,
        band_hz=None if best is None else (best.track.freq_lower_hz, best.track.freq_upper_hz),
        slice_hz=None
        if info.center_hz is None
        else (info.center_hz - half_hz, info.center_hz + half_hz),
        noise_db=verdict.noise_dbfs_per_hz,
        gain_db=info.gain_db,
    )


def _resembles(event: TrackEvent) -> bool:
    best = wording.best_match(event.track)
    return best is not None and best.role == "user_terminal" and best.score >= 0.5


def conclude(results: Iterable[Heard], tests: Sequence[Comparison] = ()) -> Concluded:
    """The conclusion over all recordings of a case.

    Tests that were made besides are named. One that speaks against the vessel as the
    source forbids to attribute anything to it; one that speaks for it replaces nothing.
    """
    concluded = _conclude(list(results))
    said = tuple(test.sentence() for test in tests)
    if concluded.verdict == "detected_attributed" and any(t.attributed is False for t in tests):
        sentence = concluded.sentence.replace("attributed to this vessel", "not attributed")
        return replace(
            concluded,
            verdict="detected_not_attributed",
            sentence=sentence,
            grounds=(*said, *concluded.grounds),
        )
    return replace(concluded, grounds=(*concluded.grounds, *said))


def _conclude(found: Sequence[Heard]) -> Concluded:
    aimed = [one for one in found if one.role in ("on_target", "silence")]
    if not aimed:
        return _inconclusive("no recording towards the vessel is in the case")
    detected = [one for one in aimed if one.verdict == "detected"]
    if detected:
        return _detected(detected, found)
    if open_ := [one for one in aimed if one.verdict != "not_detected"]:
        return _inconclusive(*(f"{one.id}: {_first(one)}" for one in open_))
    if any(one.role == "silence" for one in aimed):
        return _silence(aimed, found)
    return _not_detected(aimed)


def _detected(on: Sequence[Heard], found: Sequence[Heard]) -> Concluded:
    what = _what(on)
    contrast = _contrast(on, [one for one in found if one.role in ("off_target", "neighbour")])
    cut = _contrast(on, [one for one in found if one.role == "power_off"])
    doubts = _pointing_doubts(on, found, contrast)
    if not doubts and contrast is not None:
        return Concluded(
            "detected_attributed",
            f"Detected, attributed to this vessel: {what}",
            (
                f"at least {contrast[0]:.1f} dB stronger towards the vessel than away from it and "
                f"towards its neighbours (expanded uncertainty {contrast[1]:.1f} dB, k = 2; "
                f"required {CONTRAST_DB:g} dB beyond it)",
                f"{len(on)} recordings towards the vessel, in turn with others",
            ),
            *contrast,
        )
    power_doubts = _power_doubts(on, found, cut)
    if not power_doubts and cut is not None:
        return Concluded(
            "detected_attributed",
            f"Detected, attributed to this vessel: {what}",
            (
                f"at least {cut[0]:.1f} dB weaker while the vessel's supply to it was cut, and "
                f"there before and after (expanded uncertainty {cut[1]:.1f} dB, k = 2)",
            ),
            *cut,
        )
    return Concluded(
        "detected_not_attributed",
        f"Detected, not attributed: {what}",
        (*doubts, *power_doubts),
        *(contrast or (None, None)),
    )


def _what(on: Sequence[Heard]) -> str:
    systems = sorted({one.system or "unknown" for one in on})
    return "an emission consistent with " + " and ".join(map(wording.terminal, systems))


def _contrast(on: Sequence[Heard], off: Sequence[Heard]) -> tuple[float, float] | None:
    """Least difference of levels and its expanded uncertainty; None when not known."""
    levels = [(one.level_db, one.uncertainty_db) for one in on]
    bounds = [one.bound_db for one in off]
    if not off or None in bounds or any(None in pair for pair in levels):
        return None
    weakest, doubt = min((level, u) for level, u in levels if level is not None and u is not None)
    strongest = max((one for one in off), key=lambda one: one.bound_db or 0.0)
    assert strongest.bound_db is not None
    # A limit has no uncertainty of measurement; a level that was measured has.
    other = strongest.uncertainty_db or 0.0 if strongest.bound_db == strongest.level_db else 0.0
    spread = math.hypot(doubt, other, COVERAGE * REPEAT_DB)
    # Levels are relative to the noise: where that has risen, as much more would be missed.
    changes = [a.noise_change_db(b) for a in on for b in off]
    risen = max((change for change in changes if change is not None), default=0.0)
    return round(weakest - strongest.bound_db - max(0.0, risen), 2), round(spread, 2)


def _leg_doubts(on: Sequence[Heard], off: Sequence[Heard], least_db: float) -> Iterable[str]:
    """Why what is not seen in ``off`` may be there all the same."""
    for leg in off:
        bands = [one.band_hz for one in on if one.band_hz is not None]
        heard = leg.slice_hz
        if heard is None or any(covered(band, heard) < COVERED for band in bands):
            yield (
                f"{leg.id} was not recorded at the frequencies of {on[0].id} ({_ghz(heard)} "
                f"against {_ghz(on[0].slice_hz)}): it cannot tell what is not there; record both "
                "at one frequency"
            )
            continue
        for one in on:
            change_db = one.noise_change_db(leg)
            if change_db is not None and (
                doubt := noise_doubt(one.id, leg.id, change_db, least_db)
            ):
                yield doubt
                break


def _ghz(slice_hz: tuple[float, float] | None) -> str:
    if slice_hz is None:
        return "unknown frequencies"
    return f"{slice_hz[0] / 1e9:.6f}-{slice_hz[1] / 1e9:.6f} GHz"


def _pointing_doubts(
    on: Sequence[Heard], found: Sequence[Heard], contrast: tuple[float, float] | None
) -> tuple[str, ...]:
    away = [one for one in found if one.role == "off_target"]
    near = [one for one in found if one.role == "neighbour"]
    doubts = [*_leg_doubts(on, [*away, *near], POINTING_DB)]
    if len(on) < TURNS or len(away) < TURNS:
        doubts.append(
            f"{len(on)} recordings with it towards the vessel and {len(away)} away from it; "
            f"{TURNS} of each are needed"
        )
    elif not _alternate(on, away):
        doubts.append("towards and away were not recorded in turn: it may have ended by itself")
    # Choosing those that show something would make a difference out of chance.
    if silent := [one.id for one in found if one.role == "on_target" and one not in on]:
        doubts.append(f"nothing was detected in {', '.join(silent)}, though towards the vessel")
    if len({one.system for one in on}) > 1:
        doubts.append("recordings towards the vessel are consistent with different systems")
    if not near:
        doubts.append("no recording towards a neighbour: another vessel is not excluded")
    if contrast is None:
        if away or near:
            doubts.append("levels or limits are not known, so nothing can be compared")
    elif contrast[0] - contrast[1] < CONTRAST_DB:
        doubts.append(
            f"{contrast[0]:.1f} dB between towards and away or a neighbour (expanded uncertainty "
            f"{contrast[1]:.1f} dB) is less than the {CONTRAST_DB:g} dB required beyond it"
        )
    return tuple(doubts)


def _power_doubts(
    on: Sequence[Heard], found: Sequence[Heard], cut: tuple[float, float] | None
) -> tuple[str, ...]:
    off = [one for one in found if one.role == "power_off"]
    if not off:
        return ()
    if doubts := tuple(_leg_doubts(on, off, STEADY_DB)):
        return doubts
    if cut is None or cut[0] - cut[1] < CONTRAST_DB:
        return ("the power cut made no difference that can be relied on",)
    if not _alternate(on, off, before_and_after=True):
        return ("not recorded before, during and after the power cut",)
    return ()


def _alternate(
    on: Sequence[Heard], off: Sequence[Heard], *, before_and_after: bool = False
) -> bool:
    """Whether an ``off`` lies between two ``on``; times must be known."""
    starts = [one.start_ns for one in on]
    if any(start is None for start in (*starts, *(one.start_ns for one in off))):
        return False
    times = [start for start in starts if start is not None]
    inside = [
        one for one in off if one.start_ns is not None and min(times) < one.start_ns < max(times)
    ]
    return len(inside) == len(off) if before_and_after else bool(inside)


def _silence(aimed: Sequence[Heard], found: Sequence[Heard]) -> Concluded:
    """Silence counts only where the same receiver is known to hear the terminal."""
    if not any(one.role == "control" and one.verdict == "detected" for one in found):
        return _inconclusive(
            "no positive control: nothing shows that this receiver would have heard the terminal"
        )
    concluded = _not_detected(aimed)
    if concluded.verdict != "not_detected":
        return concluded
    times = [stretch(one.start_ns, one.duration_s) for one in aimed]
    return replace(concluded, grounds=(*concluded.grounds, told(times)))


def _not_detected(aimed: Sequence[Heard]) -> Concluded:
    limits = [one.limit_db for one in aimed if one.limit_db is not None]
    chances = [one.poi for one in aimed if one.poi is not None]
    if len(limits) < len(aimed) or len(chances) < len(aimed):
        return _inconclusive("no detection limit or no probability of intercept can be stated")
    # The watches may lie in one slot of the schedule, so their chances are not multiplied.
    analysed = sum(one.analysed_s for one in aimed)
    blind = sum(one.blind_s for one in aimed)
    return Concluded(
        "not_detected",
        f"Not detected above limit L = C/N {max(limits):+.1f} dB with "
        f"PoI P = {wording.percent(max(chances))}",
        (
            f"{len(aimed)} recordings, {wording.seconds(analysed)} analysed, "
            f"{wording.seconds(blind)} blind",
            "a terminal that was silent, shadowed, weaker than the limit, or on other "
            "frequencies is not excluded",
        ),
    )


def _inconclusive(*why: str) -> Concluded:
    return Concluded("inconclusive", f"Inconclusive: {why[0]}", tuple(why))


def _first(one: Heard) -> str:
    return one.reasons[0] if one.reasons else "the data do not allow an answer"
