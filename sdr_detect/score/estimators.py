"""Errors of what is measured on an emission, against bounds where a formula exists."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.limits import chirp_sigma_hz_per_s, period_sigma, quantisation_s
from sdr_detect.score.listen import Heard, hear, make_scene
from sdr_detect.score.scenes import (
    Between,
    Mapped,
    clean_receiver,
    grid_terminal,
    jittered_terminal,
    scene,
)
from sdr_detect.score.statistics import clopper_pearson, quantile, quantile_interval
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.simulate.render import Truth, blocks, truth
from sdr_detect.simulate.scene import Scene
from sdr_detect.simulate.waveforms.starlink_uplink import FRAME_S

NAME = "estimators"

#: A burst found within this of a true start is that burst.
_SAME_BURST_S = 30e-6

#: A period further than this from the frame's is another one.
_SAME_PERIOD = 200e-6

#: What bounds a start from below: it is told as a sample.
_SAMPLE = "sample/√12"

#: A symbol rate further off than this is another line.
_SAME_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Case:
    """One quantity in one scene.

    ``measure`` names the function that yields its errors, ``bound`` the least
    standard deviation that can be had, ``target`` what the absolute error is to
    keep in 90 % of the cases; all in ``unit``.
    """

    name: str
    scene: Mapped
    measure: str
    unit: str
    bound: float | None
    bound_name: str
    target: float | None


def cases() -> list[tuple[Case, int, int, float]]:
    """Every case with its trials, full and quick, and its cost in seconds of a core."""
    return [
        (_starts(2.4e6, 0.5, 5.0), 20, 3, 0.3),
        (_starts(20e6, 0.25, 1.0), 10, 0, 1.5),
        (_period("grid", 5.0), 6, 0, 20.0),
        (_period("grid", -12.0), 6, 0, 20.0),
        (_period("jittered", 5.0), 6, 0, 10.0),
        (_vsat("symbol rate", 3.0), 20, 3, 0.4),
        (_vsat("symbol rate", 10.0), 20, 0, 0.4),
        (_vsat("width", 3.0), 20, 3, 0.4),
        (_vsat("width", 10.0), 20, 0, 0.4),
        (_drift(), 20, 3, 0.3),
    ]


def _starts(rate_hz: float, duration_s: float, target_us: float) -> Case:
    terminal = jittered_terminal(cn_db=5.0)
    name = f"burst start, {rate_hz / 1e6:g} Msps, 5 dB"
    data = scene(name, duration_s, clean_receiver(rate_hz), terminal)
    return Case(name, data, "start", "µs", quantisation_s(1 / rate_hz) * 1e6, _SAMPLE, target_us)


def _period(kind: str, cn_db: float) -> Case:
    make = grid_terminal if kind == "grid" else jittered_terminal
    duration_s = 15.0
    name = f"period of the grid, 15 s, {kind}, {cn_db:g} dB"
    rate_hz = 2.4e6
    data = scene(name, duration_s, clean_receiver(rate_hz), make(cn_db=cn_db))
    frames = 1.0 if kind == "grid" else 9.5
    bursts = round(duration_s / (frames * FRAME_S))
    # Below 0 dB the starts of single bursts are not known to a sample.
    bound = period_sigma(quantisation_s(1 / rate_hz), bursts, duration_s) * 1e6
    known = cn_db > 0
    return Case(name, data, "period", "ppm", bound if known else None, "starts to a sample", 1.0)


def _vsat(measure: str, cn_db: float) -> Case:
    carrier = {
        "kind": "vsat_scpc",
        "offset_hz": Between(-5e5, 5e5),
        "symbol_rate_hz": Between(2e5, 6e5),
        "roll_off": Between(0.15, 0.35),
        "cn_db": cn_db,
    }
    name = f"VSAT {measure}, 0.5 s, {cn_db:g} dB"
    data = scene(name, 0.5, clean_receiver(2.4e6), carrier)
    if measure == "symbol rate":
        target = 0.3 if cn_db == 3.0 else None
        return Case(name, data, "symbol_rate", "ppm", None, "", target)
    return Case(name, data, "width", "%", None, "", None)


def _drift() -> Case:
    cn_db, rate_hz, duration_s = -20.0, 2.4e6, 1.0
    tone = {
        "kind": "tone",
        "offset_hz": Between(-5e5, 5e5),
        "cn_db": cn_db,
        "doppler_rate_hz_per_s": Between(-3000.0, 3000.0),
    }
    name = f"drift of a tone, 1 s, {cn_db:g} dB over 2.4 MHz"
    data = scene(name, duration_s, clean_receiver(rate_hz), tone)
    bound = chirp_sigma_hz_per_s(cn_db, rate_hz, duration_s)
    return Case(name, data, "drift", "Hz/s", bound, "Cramér-Rao", None)


def jobs(plan: Plan) -> list[Job]:
    """Every case."""
    made: list[Job] = []
    for case, full, quick, cost in cases():
        made += make_jobs(plan, NAME, case.name, case, plan.count(full, quick), cost)
    return made


def run(job: Job) -> Result:
    """Errors on one stream, in the case's unit; ``looked_for`` of them there could be."""
    case: Case = job.case
    heard_scene = make_scene(case.scene, job.seed)
    heard = hear(blocks(heard_scene))
    errors, looked_for = _MEASURES[case.measure](heard_scene, heard)
    system = "vsat" if case.measure in ("symbol_rate", "width") else "starlink"
    present = None if case.measure == "drift" else system
    return {"errors": errors, "looked_for": looked_for, "claims": heard.claim(present)}


def _start_errors(of: Scene, heard: Heard) -> tuple[list[float], int]:
    """Each true burst against the nearest start that was reported."""
    rate_hz = of.receiver.sample_rate_hz
    true = [start_s for start_s in (_start_s(item, rate_hz) for item in truth(of)) if start_s > 0]
    told = np.array([burst.span.start_sample / rate_hz for burst in heard.bursts])
    if not told.size:
        return [], len(true)
    errors = [float(told[np.argmin(np.abs(told - start_s))] - start_s) for start_s in true]
    return [e * 1e6 for e in errors if abs(e) < _SAME_BURST_S], len(true)


def _start_s(item: Truth, rate_hz: float) -> float:
    """True start, not rounded to a sample."""
    start_s = item.facts.get("start_s")
    return float(start_s) if start_s is not None else item.start_sample / rate_hz


def _period_errors(of: Scene, heard: Heard) -> tuple[list[float], int]:
    """The first frame period told, bursts before folds."""
    frame_s = FRAME_S * (1 + 1e-6 * float(getattr(of.emitter[0], "grid_drift_ppm", 0.0)))
    for track in sorted(heard.tracks, key=lambda t: (t.kind == "fold", t.pfa, t.id)):
        period_s = track.features.get("frame_period_s")
        if period_s is None:
            continue
        error = float(period_s) / frame_s - 1
        if abs(error) < _SAME_PERIOD:
            return [error * 1e6], 1
    return [], 1


def _symbol_rate_errors(of: Scene, heard: Heard) -> tuple[list[float], int]:
    errors = _carrier_errors(of, heard, "symbol_rate_hz", "symbol_rate_hz")
    return [e * 1e6 for e in errors if abs(e) < _SAME_RATE], 1


def _width_errors(of: Scene, heard: Heard) -> tuple[list[float], int]:
    """The half-power width of a root raised cosine is its symbol rate."""
    return [e * 100 for e in _carrier_errors(of, heard, "bandwidth_3db_hz", "symbol_rate_hz")], 1


def _carrier_errors(of: Scene, heard: Heard, feature: str, true: str) -> list[float]:
    value = _best_feature(heard, "carrier", feature)
    return [] if value is None else [value / float(getattr(of.emitter[0], true)) - 1]


def _drift_errors(of: Scene, heard: Heard) -> tuple[list[float], int]:
    value = _best_feature(heard, "tone", "doppler_rate_hz_per_s")
    return ([] if value is None else [value - of.emitter[0].doppler_rate_hz_per_s]), 1


def _best_feature(heard: Heard, kind: str, feature: str) -> float | None:
    """The feature on the strongest track of a kind that has it."""
    tracks = [t for t in heard.tracks if t.kind == kind and t.features.get(feature) is not None]
    if not tracks:
        return None
    return float(max(tracks, key=lambda t: (t.snr_db, -t.id)).features[feature])


_MEASURES: dict[str, Callable[[Scene, Heard], tuple[list[float], int]]] = {
    "start": _start_errors,
    "period": _period_errors,
    "symbol_rate": _symbol_rate_errors,
    "width": _width_errors,
    "drift": _drift_errors,
}


def tables(plan: Plan, results: Results) -> list[Table]:
    """Error statistics."""
    rows = tuple(_row(case, found) for case, found in grouped(results))
    notes = [
        "Burst starts and drifts are errors of single estimates; `found` is the share of true "
        f"bursts (within {_SAME_BURST_S * 1e6:.0f} µs), or of scenes, that yielded one. "
        "Target: for the 90 % quantile of the absolute error.",
        "Bounds: a change point told as a sample (there is no Cramér-Rao bound for it); "
        "a line fitted through such starts; Cramér-Rao for a tone's chirp rate. No closed "
        "form is used for symbol rate and width.",
        "Width: half-power width against the symbol rate; a root raised cosine has them equal.",
    ]
    if plan.quick:
        notes.append("Quick run: no period (15 s), nothing at 20 Msps, few trials.")
    return [Table(NAME, "Errors of estimates", _COLUMNS, rows, tuple(notes))]


def _row(case: Case, found: Sequence[Result]) -> dict[str, Any]:
    errors = [e for r in found for e in r["errors"]]
    looked_for = sum(r["looked_for"] for r in found)
    sizes = [abs(e) for e in errors]
    p90 = quantile(sizes, 0.9) if sizes else None
    return {
        "quantity": case.name,
        "unit": case.unit,
        "trials": len(found),
        "looked_for": looked_for,
        "estimates": len(errors),
        "found": len(errors) / looked_for,
        "found_interval": list(clopper_pearson(len(errors), looked_for)),
        "bias": float(np.mean(errors)) if errors else None,
        "rms": math.sqrt(sum(e * e for e in errors) / len(errors)) if errors else None,
        "median_error": quantile(sizes, 0.5) if sizes else None,
        "p90_error": p90,
        "p90_error_interval": quantile_interval(sizes, 0.9) if sizes else (None, None),
        "bound": case.bound,
        "bound_name": case.bound_name,
        "target": case.target,
        "target_met": None if case.target is None else p90 is not None and p90 <= case.target,
    }


_COLUMNS = (
    text("quantity", "quantity"),
    text("unit", "unit"),
    number("trials", "trials", "d"),
    number("estimates", "estimates", "d"),
    number("found", "found", ".0%"),
    number("bias", "bias", "+.3g"),
    number("rms", "rms", ".3g"),
    number("median", "median_error", ".3g"),
    number("90 %", "p90_error", ".3g"),
    interval("95 %", "p90_error_interval", ".3g"),
    number("bound", "bound", ".2g"),
    text("is", "bound_name"),
    number("target", "target", "g"),
    text("met", "target_met"),
)
