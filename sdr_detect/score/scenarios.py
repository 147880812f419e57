"""Special cases of 0.1 s: impaired receivers, other duties, the preamble alone, no grid, VSAT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sdr_detect.score.emitters import INGRESS
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import (
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
from sdr_detect.score.listen import TERMINAL_KINDS
from sdr_detect.score.scenes import (
    Mapped,
    clean_receiver,
    duty,
    eight_bit_receiver,
    grid_terminal,
    impaired_receiver,
    scene,
)
from sdr_detect.score.sensitivity import used_hz
from sdr_detect.score.table import Table, number, text

NAME = "scenarios"

_DURATION_S = 0.1
_STEPS_DB = (-1, 0, 1, 2, 3, 4, 6, 8, 11, 14, 18)
_TRIALS = 30

#: The VSAT carrier of the row: half a megabaud.
_SYMBOL_RATE_HZ = 0.5e6

#: Row, Pfa and target in dB.
TARGETS_DB: dict[str, tuple[float, float]] = {
    "D1 impaired, 2.4 Msps": (1e-6, -11.5),
    "D2 impaired, 20 Msps": (1e-6, -16.0),
    "D4 duty 5 %, 2.4 Msps": (1e-3, -11.5),
    "D4 duty 15 %, 2.4 Msps": (1e-3, -13.5),
    "D5 preamble only, 2.4 Msps": (1e-3, -9.5),
    "D6 no grid, 2.4 Msps": (1e-3, -8.0),
    "D6 no grid, 20 Msps": (1e-3, -12.0),
    "D7 VSAT 0.5 Mbaud, 2.4 Msps": (1e-6, -12.5),
    "D8 DME, ADS-B and GSM beside it, 2.4 Msps": (1e-3, -8.0),
}

#: Rows of the quick run.
_QUICK = ("D1 impaired, 2.4 Msps",)
_QUICK_TRIALS = 2


def cases() -> list[Climb]:
    """All rows."""
    preamble_only = grid_terminal(carriers=[63], first_carrier=200)
    beside = [
        {**INGRESS[key], "cn_db": level}
        for key, level in (("DME", 15.0), ("ADS-B", 15.0), ("GSM phone", 10.0))
    ]
    folded = frozenset({"fold", "preamble"})
    return [
        _terminal("D1 impaired, 2.4 Msps", impaired_receiver(2.4e6), grid_terminal()),
        _terminal("D2 impaired, 20 Msps", impaired_receiver(20e6), grid_terminal()),
        _terminal("D4 duty 5 %, 2.4 Msps", clean_receiver(2.4e6), grid_terminal(4)),
        _terminal("D4 duty 15 %, 2.4 Msps", clean_receiver(2.4e6), grid_terminal(11)),
        _terminal(
            "D5 preamble only, 2.4 Msps", clean_receiver(2.4e6), preamble_only, symbols_heard=1
        ),
        _terminal("D6 no grid, 2.4 Msps", clean_receiver(2.4e6), grid_terminal(grid_aligned=False)),
        _terminal("D6 no grid, 20 Msps", clean_receiver(20e6), grid_terminal(grid_aligned=False)),
        _vsat("D7 VSAT 0.5 Mbaud, 2.4 Msps"),
        _terminal(
            "D8 DME, ADS-B and GSM beside it, 2.4 Msps",
            eight_bit_receiver(2.4e6),
            grid_terminal(),
            beside=beside,
            kinds=folded,
        ),
    ]


def _terminal(
    name: str,
    receiver: Mapped,
    terminal: Mapped,
    *,
    symbols_heard: int | None = None,
    beside: Sequence[Mapped] = (),
    kinds: frozenset[str] = TERMINAL_KINDS,
) -> Climb:
    data = scene(name, _DURATION_S, receiver, terminal, *beside)
    return _laddered(name, data, kinds, "starlink", duty(terminal, symbols_heard), used_hz(data))


def _vsat(name: str) -> Climb:
    carrier = {
        "kind": "vsat_scpc",
        "offset_hz": 3e5,
        "symbol_rate_hz": _SYMBOL_RATE_HZ,
        "roll_off": 0.25,
    }
    data = scene(name, _DURATION_S, clean_receiver(2.4e6), carrier)
    return _laddered(name, data, frozenset({"carrier"}), "vsat", 1.0, _SYMBOL_RATE_HZ)


def _laddered(
    name: str, data: Mapped, kinds: frozenset[str], system: str, on: float, width_hz: float
) -> Climb:
    bare = Climb(name, data, (), kinds, system, on, width_hz)
    return replace(bare, cn_db=rungs_above(bare.limit_db(TARGETS_DB[name][0]), _STEPS_DB))


def jobs(plan: Plan) -> list[Job]:
    """Every row."""
    made: list[Job] = []
    for one in cases():
        trials = plan.count(_TRIALS, _QUICK_TRIALS if one.name in _QUICK else 0)
        cost = 1.5 if "2.4" in one.name else 5.0
        made += make_jobs(plan, NAME, one.name, one, trials, cost)
    return made


def run(job: Job) -> Result:
    """Hear one trial at every rung."""
    return climb(job)


def tables(plan: Plan, results: Results) -> list[Table]:
    """C/N at Pd 0.9 beside the targets of the design study."""
    rows = tuple(_row(one, found) for one, found in grouped(results))
    notes = [
        "C/N in the slice while on; for VSAT over its symbol rate, found by a carrier track.",
        "D8 counts fold and preamble tracks only: bursts of the ingress are tracks too. "
        "Its aircraft are 15 dB above the noise, its phone 10 dB.",
        "D5: the payload lies outside the slice, which hears one symbol of seven.",
    ]
    if plan.quick:
        notes.append("Quick run: D1 only.")
    return [Table(NAME, _TITLE, _COLUMNS, rows, tuple(notes))]


def _row(one: Climb, found: list[Result]) -> dict[str, Any]:
    pfa, target = TARGETS_DB[one.name]
    needed, verdict = requirement(one, found, pfa), verdict_requirement(one, found)
    limit = one.limit_db(pfa)
    return {
        "case": one.name,
        "pfa": pfa,
        "trials": len(found),
        **crossing_fields("cn_db", needed),
        "limit_db": round(limit, 2),
        "to_limit_db": None if needed.cn_db is None else round(needed.cn_db - limit, 2),
        "target_db": target,
        "target_met": met(target, needed),
        **crossing_fields("verdict_cn_db", verdict),
        "curve": curve(one, found),
    }


_TITLE = "Special cases, 0.1 s: C/N at which Pd is 0.9 (dB, 95 % interval)"

_COLUMNS = (
    text("scene", "case"),
    number("Pfa", "pfa", ".0e"),
    number("trials", "trials", "d"),
    crossing_column("C/N needed", "cn_db"),
    number("limit", "limit_db"),
    number("dist.", "to_limit_db", "+.1f"),
    number("target", "target_db"),
    text("met", "target_met"),
    crossing_column("for `detected`", "verdict_cn_db"),
)
