"""Pd against C/N by time and sample rate, for a terminal on the grid and a jittered one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sdr_detect.dsp.layout import make_layout
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import (
    PFAS,
    Climb,
    climb,
    crossing_column,
    crossing_fields,
    curve,
    grouped,
    met,
    requirement,
    rungs_above,
    verdict_requirement,
)
from sdr_detect.score.listen import TERMINAL_KINDS, make_scene
from sdr_detect.score.scenes import (
    Mapped,
    clean_receiver,
    duty,
    grid_terminal,
    jittered_terminal,
    scene,
)
from sdr_detect.score.table import Table, duration, number, text
from sdr_detect.settings import FrameSettings
from sdr_detect.simulate.render import stream_info

NAME = "sensitivity"

RATES_HZ = (1.875e6, 2.4e6, 15e6, 20e6)

#: Durations with the trials of the full run, at rates below and above 10 Msps,
#: and of the quick run, which hears 2.4 Msps only. 15 s are capped: one trial at
#: 20 Msps takes minutes of a core.
_TRIALS: dict[float, tuple[int, int, int]] = {
    0.01: (60, 60, 0),
    0.1: (50, 40, 10),
    1.0: (20, 14, 3),
    15.0: (6, 3, 0),
}

#: Rungs above the matched burst's requirement at Pfa 1e-6, dB: dense where the
#: target of 2 dB lies, far enough for the verdict.
_STEPS_DB = (-2, -1, 0, 1, 2, 3, 4, 6, 8, 11, 14, 18)
_LONG_STEPS_DB = (-1, 0, 1, 2, 3, 5, 8, 12, 16)
_QUICK_STEPS_DB = {
    "grid": (-1, 0, 1, 2, 3, 5, 8, 12),
    "jittered": (1, 3, 5, 6, 7, 8, 11, 15),
}

#: Seconds of a core for a second of signal at one rung, per hertz of rate, and
#: for its rendering.
_COST_RUNG = 3e-8
_COST_RENDER = 0.8

#: Targets: (kind, rate, duration, pfa) to C/N in dB.
TARGETS_DB: dict[tuple[str, float, float, float], float] = {
    ("grid", 2.4e6, 1.0, 1e-6): -17.0,
    ("grid", 20e6, 1.0, 1e-6): -21.0,
    ("grid", 2.4e6, 0.1, 1e-6): -12.0,
    ("grid", 20e6, 0.1, 1e-6): -16.5,
    ("grid", 2.4e6, 15.0, 1e-6): -22.5,
    ("grid", 20e6, 15.0, 1e-6): -27.0,
    ("jittered", 2.4e6, 1.0, 1e-6): -8.0,
    ("jittered", 20e6, 1.0, 1e-6): -13.0,
}

#: Distance to the matched burst that the grid terminal is to keep, dB.
TARGET_DISTANCE_DB = 2.0

_TERMINALS = {"grid": grid_terminal, "jittered": jittered_terminal}


def case(kind: str, rate_hz: float, duration_s: float, quick: bool = False) -> Climb:
    """One terminal heard for one duration at one rate."""
    terminal: Mapped = _TERMINALS[kind]()
    data = scene(f"{kind} terminal", duration_s, clean_receiver(rate_hz), terminal)
    width_hz = used_hz(data)
    found = Climb(
        f"{kind} {duration(duration_s)} {rate_hz / 1e6:g} Msps",
        data,
        (),
        TERMINAL_KINDS,
        "starlink",
        duty(terminal),
        width_hz,
    )
    long = duration_s > 5
    steps = _QUICK_STEPS_DB[kind] if quick else _LONG_STEPS_DB if long else _STEPS_DB
    ladder = rungs_above(found.limit_db(PFAS[1]), steps)
    return replace(found, cn_db=ladder)


def used_hz(data: Mapped) -> float:
    """Bandwidth that the detectors watch: the B of the limits."""
    return make_layout(stream_info(make_scene(data, 0)), FrameSettings()).used_hz


def jobs(plan: Plan) -> list[Job]:
    """Every kind, duration and rate."""
    made: list[Job] = []
    for kind in _TERMINALS:
        for duration_s, (slow, fast, quick) in _TRIALS.items():
            for rate_hz in RATES_HZ:
                trials = plan.count(slow if rate_hz < 10e6 else fast, _quick(rate_hz, quick))
                if trials:
                    one = case(kind, rate_hz, duration_s, plan.quick)
                    cost = duration_s * (_COST_RENDER + rate_hz * _COST_RUNG * len(one.cn_db))
                    made += make_jobs(plan, NAME, one.name, one, trials, cost)
    return made


def _quick(rate_hz: float, trials: int) -> int:
    return trials if rate_hz == 2.4e6 else 0


def run(job: Job) -> Result:
    """Hear one trial at every rung."""
    return climb(job)


def tables(plan: Plan, results: Results) -> list[Table]:
    """C/N at Pd 0.9 beside the limits."""
    rows = []
    for one, found in grouped(results):
        points = curve(one, found)
        rows += [_row(one, found, pfa, points) for pfa in PFAS]
    return [Table(NAME, _TITLE, _COLUMNS, tuple(rows), _notes(plan))]


def _row(
    one: Climb, found: list[Result], pfa: float, points: list[dict[str, Any]]
) -> dict[str, Any]:
    kind = one.name.split()[0]
    rate_hz = float(one.scene["receiver"]["sample_rate_hz"])
    needed, verdict = requirement(one, found, pfa), verdict_requirement(one, found)
    limit, radiometer = one.limit_db(pfa), one.radiometer_db(pfa)
    target = TARGETS_DB.get((kind, rate_hz, one.duration_s, pfa))
    near = kind == "grid" and pfa == PFAS[1] and rate_hz in (2.4e6, 20e6)
    return {
        "case": one.name,
        "terminal": kind,
        "sample_rate_hz": rate_hz,
        "duration_s": one.duration_s,
        "duty": round(one.duty, 5),
        "bandwidth_hz": one.bandwidth_hz,
        "pfa": pfa,
        "trials": len(found),
        **crossing_fields("cn_db", needed),
        "limit_db": round(limit, 2),
        "radiometer_db": round(radiometer, 2),
        "to_limit_db": _minus(needed.cn_db, limit),
        "to_radiometer_db": _minus(needed.cn_db, radiometer),
        "target_db": target,
        "target_met": met(target, needed),
        "distance_target_met": met(limit + TARGET_DISTANCE_DB, needed) if near else None,
        **crossing_fields("verdict_cn_db", verdict),
        "curve": points if pfa == PFAS[0] else [],
    }


def _minus(cn_db: float | None, reference_db: float) -> float | None:
    return None if cn_db is None else round(cn_db - reference_db, 2)


_TITLE = "Sensitivity: C/N in the slice, while on, at which Pd is 0.9 (dB, 95 % interval)"

_COLUMNS = (
    text("scene", "case"),
    number("Pfa", "pfa", ".0e"),
    number("trials", "trials", "d"),
    crossing_column("C/N needed", "cn_db"),
    number("limit", "limit_db"),
    number("dist.", "to_limit_db", "+.1f"),
    number("radiometer", "radiometer_db"),
    number("dist.", "to_radiometer_db", "+.1f"),
    number("target", "target_db"),
    text("met", "target_met"),
    text("≤ 2 dB", "distance_target_met"),
    crossing_column("for `detected`", "verdict_cn_db"),
)


def _notes(plan: Plan) -> tuple[str, ...]:
    notes = [
        "C/N needed: smallest pfa over burst, fold, preamble and activity tracks at or below Pfa; "
        "the last column asks for the verdict `detected` with the right system.",
        "The limits are for the terminal's mean duty; trials that hold fewer bursts need more. "
        "They assume known noise, and the first one known timing too.",
        "Clocks of the frame grid are off by up to ±20 ppm, Doppler by up to ±50 kHz.",
        "`> x`: not reached on the highest rung; `< x`: reached on the lowest; `lost > x`: "
        "missed again by stronger signals. A question mark: the interval spans the target. "
        "`≤ 2 dB`: from the matched limit.",
    ]
    if plan.quick:
        notes.append("Quick run: 2.4 Msps, 0.1 s and 1 s only, with few trials.")
    else:
        slow, fast, _ = _TRIALS[15.0]
        notes.append(
            f"15 s is capped at {slow} trials, {fast} at 15 and 20 Msps, for time: "
            "read its interval, not its value."
        )
    return tuple(notes)
