"""Time from the start of a stream to the first track that is worth a look."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdr_detect.events import TrackEvent
from sdr_detect.pipeline import Pipeline
from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import known_profiles, make_scene, smallest_pfa
from sdr_detect.score.scenes import Mapped, clean_receiver, grid_terminal, scene
from sdr_detect.score.statistics import quantile, quantile_interval
from sdr_detect.score.table import Table, interval, number, text
from sdr_detect.simulate.render import blocks

NAME = "latency"

#: Chance from which a track counts as found.
_PFA = 1e-6

#: Blocks fed between two looks: a fraction of a dwell.
_BLOCKS_A_DWELL = 10

#: Rate, C/N, target of the 90 % quantile (s), stream length (s), trials full and quick.
_CASES: tuple[tuple[float, float, float, float, int, int], ...] = (
    (2.4e6, 0.0, 0.2, 3.0, 40, 8),
    (2.4e6, -12.0, 2.0, 3.0, 40, 4),
    (20e6, 0.0, 0.1, 1.0, 20, 0),
    (20e6, -12.0, 0.3, 1.0, 20, 0),
)


@dataclass(frozen=True, slots=True)
class Case:
    """An always-on terminal at one rate and level, listened to for so long at most."""

    name: str
    scene: Mapped
    rate_hz: float
    cn_db: float
    target_s: float
    longest_s: float


def _case(rate_hz: float, cn_db: float, target_s: float, longest_s: float) -> Case:
    name = f"{rate_hz / 1e6:g} Msps, {cn_db:g} dB"
    data = scene(name, longest_s, clean_receiver(rate_hz), grid_terminal(cn_db=cn_db))
    return Case(name, data, rate_hz, cn_db, target_s, longest_s)


def jobs(plan: Plan) -> list[Job]:
    """Every rate and level."""
    made: list[Job] = []
    for rate_hz, cn_db, target_s, longest_s, full, quick in _CASES:
        case = _case(rate_hz, cn_db, target_s, longest_s)
        trials = plan.count(full, quick)
        made += make_jobs(plan, NAME, case.name, case, trials, longest_s * rate_hz * 1e-7)
    return made


def run(job: Job) -> Result:
    """Look after every dwell; stop at the first track."""
    case: Case = job.case
    pipeline = Pipeline(known_profiles())
    size = max(1, round(0.1 * case.rate_hz / _BLOCKS_A_DWELL))
    dwells = 0
    for block in blocks(make_scene(case.scene, job.seed), block_samples=size):
        closed = [e.track for e in pipeline.process(block) if isinstance(e, TrackEvent)]
        snapshot = pipeline.snapshot()
        if snapshot.counters["dwells"] == dwells:
            continue
        dwells = snapshot.counters["dwells"]
        if smallest_pfa([*closed, *snapshot.tracks]) <= _PFA:
            return {"first_s": block.stop_sample / case.rate_hz, "claims": []}
    return {"first_s": None, "claims": []}


def tables(plan: Plan, results: Results) -> list[Table]:
    """Median and 90 % quantile."""
    rows = []
    for case, found in grouped(results):
        times = [math.inf if r["first_s"] is None else float(r["first_s"]) for r in found]
        p90 = quantile(times, 0.9)
        rows.append(
            {
                "case": case.name,
                "sample_rate_hz": case.rate_hz,
                "cn_db": case.cn_db,
                "trials": len(times),
                "not_found": sum(math.isinf(t) for t in times),
                "longest_s": case.longest_s,
                "median_s": quantile(times, 0.5),
                "median_s_interval": quantile_interval(times, 0.5),
                "p90_s": p90,
                "p90_s_interval": quantile_interval(times, 0.9),
                "target_s": case.target_s,
                "target_met": p90 is not None and p90 <= case.target_s,
            }
        )
    notes = [
        f"Terminal on the grid, on from the start; found at the first dwell after which a track "
        f"states a pfa of {_PFA:g} or less. Times are stream time: what the pipeline must have "
        "heard, the dwell's lookahead included.",
        "A dash: not within the stream's length, or too few trials for a bound. The dwell of "
        "0.1 s is the shortest time there can be.",
    ]
    if plan.quick:
        notes.append("Quick run: 2.4 Msps only, few trials.")
    return [Table(NAME, "Time to the first detection (s)", _COLUMNS, tuple(rows), tuple(notes))]


_COLUMNS = (
    text("terminal", "case"),
    number("trials", "trials", "d"),
    number("not found", "not_found", "d"),
    number("within", "longest_s", ".0f"),
    number("median", "median_s", ".2f"),
    interval("95 %", "median_s_interval", ".2f"),
    number("90 %", "p90_s", ".2f"),
    interval("95 %", "p90_s_interval", ".2f"),
    number("target", "target_s", ".1f"),
    text("met", "target_met"),
)
