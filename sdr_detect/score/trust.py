"""Whether `confidence` means what it says: all `detected` verdicts of the run, right or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdr_detect.score.job import Results
from sdr_detect.score.statistics import clopper_pearson, reliability
from sdr_detect.score.table import Table, interval, number, text

NAME = "trust"

#: Bins of the diagram; verdicts ask for 0.9 at least, so they are fine above.
_EDGES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)

#: From here on a verdict is confident, and this share of them may be wrong.
_CONFIDENT = 0.9
_TARGET = 0.05


def tables(results: Results) -> list[Table]:
    """The reliability diagram over every verdict that the other sections gave."""
    claims = [(float(c), bool(right)) for _, r in results for c, right in r["claims"]]
    bins, error = reliability(claims, _EDGES)
    rows = [_row(f"{b.lower:g} … {b.upper:g}", b.count, b.confidence, b.right) for b in bins]
    sure = [(c, right) for c, right in claims if c >= _CONFIDENT]
    if sure:
        mean = sum(c for c, _ in sure) / len(sure)
        rows.append(_row(f"≥ {_CONFIDENT:g}", len(sure), mean, sum(r for _, r in sure)))
    notes = (
        "Every `detected` of this run, rung by rung, with and without a terminal; right: a "
        "terminal of the named system was there. The shares depend on which scenes were run, "
        "and rungs of one trial share their noise, which makes the intervals too narrow.",
        "Expected calibration error "
        + ("not measured: no verdict was `detected`." if error is None else f"{error:.3f}.")
        + f" Target: at confidence {_CONFIDENT:g} or more at most {_TARGET:.0%} wrong"
        + _met(sure),
    )
    return [Table(NAME, "Confidence of `detected` verdicts", _COLUMNS, tuple(rows), notes)]


def _met(sure: Sequence[tuple[float, bool]]) -> str:
    if not sure:
        return " (not measured)."
    wrong = sum(not right for _, right in sure) / len(sure)
    return f": {'met' if wrong <= _TARGET else 'not met'}, {wrong:.1%} are."


def _row(name: str, count: int, confidence: float, right: int) -> dict[str, Any]:
    lower, upper = clopper_pearson(right, count)
    return {
        "confidence": name,
        "verdicts": count,
        "mean_confidence": confidence,
        "right": right / count,
        "right_interval": [lower, upper],
        "wrong": count - right,
    }


_COLUMNS = (
    text("confidence", "confidence"),
    number("verdicts", "verdicts", "d"),
    number("mean", "mean_confidence", ".3f"),
    number("right", "right", ".3f"),
    interval("95 %", "right_interval", ".3f"),
    number("wrong", "wrong", "d"),
)
