"""Whether the stated detection limit holds: the share found of terminals that lie at it."""

from __future__ import annotations

from dataclasses import dataclass

from sdr_detect.score.job import Job, Plan, Result, Results, make_jobs
from sdr_detect.score.ladder import grouped
from sdr_detect.score.listen import at_levels, hear, hear_each, make_scene
from sdr_detect.score.scenes import Mapped, clean_receiver, jittered_terminal, scene
from sdr_detect.score.statistics import clopper_pearson
from sdr_detect.score.table import Table, duration, interval, number, text
from sdr_detect.simulate.render import blocks

NAME = "limit"

#: What a limit promises.
PD = 0.9

#: Levels heard beside the limit, dB: how fast the share falls below it.
STEPS_DB = (-1.0, 0.0, 1.0)

#: Rate, duration, trials full and quick. 400 tell a share of 0.9 to 0.03.
_CASES: tuple[tuple[float, float, int, int], ...] = (
    (2.4e6, 0.1, 400, 0),
    (2.4e6, 0.3, 400, 0),
    (2.4e6, 1.0, 400, 8),
    (20e6, 0.1, 400, 0),
)


@dataclass(frozen=True, slots=True)
class Case:
    """The terminal that the limit is stated for, heard for so long."""

    name: str
    scene: Mapped
    duration_s: float


def _case(rate_hz: float, duration_s: float) -> Case:
    # Bursts of 0.84 ms, 12 ms apart in the mean, as `intercept` assumes.
    terminal = jittered_terminal(burst_symbols=[47], frames=list(range(5, 14)))
    name = f"{rate_hz / 1e6:g} Msps, {duration(duration_s)}"
    return Case(name, scene(name, duration_s, clean_receiver(rate_hz), terminal), duration_s)


def jobs(plan: Plan) -> list[Job]:
    """Every rate and duration."""
    made: list[Job] = []
    for rate_hz, duration_s, full, quick in _CASES:
        case = _case(rate_hz, duration_s)
        cost_s = duration_s * rate_hz / 2.4e6
        made += make_jobs(plan, NAME, case.name, case, plan.count(full, quick), cost_s)
    return made


def run(job: Job) -> Result:
    """Hear the noise alone, then the same noise with terminals at and beside its limit."""
    case: Case = job.case
    bare = {**case.scene, "emitter": []}
    verdict = hear(blocks(make_scene(bare, job.seed))).verdict
    assert verdict is not None
    limit_db = verdict.detection_limit_db
    if limit_db is None:
        raise ValueError(f"{case.name}: no limit is stated for noise alone")
    levels = [limit_db + step for step in STEPS_DB]
    heard = hear_each(at_levels(case.scene, job.seed, levels), len(levels))
    return {
        "limit_db": limit_db,
        "found": [one.named("starlink") for one in heard],
        "claims": [claim for one in heard for claim in one.claim("starlink")],
    }


def tables(plan: Plan, results: Results) -> list[Table]:
    """The share found at the limit, with its interval."""
    rows = []
    for case, found in grouped(results):
        hits = [sum(r["found"][k] for r in found) for k in range(len(STEPS_DB))]
        lower, upper = clopper_pearson(hits[1], len(found))
        rows.append(
            {
                "case": case.name,
                "trials": len(found),
                "limit_db": round(sum(r["limit_db"] for r in found) / len(found), 2),
                "pd": hits[1] / len(found),
                "pd_interval": [lower, upper],
                "pd_below": hits[0] / len(found),
                "pd_above": hits[2] / len(found),
                # A limit that is too careful breaks no promise.
                "held": upper >= PD,
            }
        )
    notes = [
        f"Found: the verdict is `detected` with the right system; {PD:g} is promised. Terminals "
        "send 0.84 ms every 12 ms in the mean and fill the slice.",
        "`held` is no only where the interval excludes what is promised.",
    ]
    if plan.quick:
        notes.append("Quick run: 1 s only, with few trials.")
    return [Table(NAME, "Share found of terminals at the stated limit", _COLUMNS, tuple(rows),
                  tuple(notes))]  # fmt: skip


_COLUMNS = (
    text("terminal", "case"),
    number("trials", "trials", "d"),
    number("stated limit (dB)", "limit_db"),
    number("found at it", "pd", ".3f"),
    interval("95 %", "pd_interval", ".3f"),
    number("1 dB below", "pd_below", ".3f"),
    number("1 dB above", "pd_above", ".3f"),
    text("held", "held"),
)
