"""Uncertainty budgets on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from sdr_detect.commands._text import plain

if TYPE_CHECKING:
    from sdr_detect.calibration.budget import Budget


def budget_table(budget: Budget) -> Table:
    """Result with expanded uncertainty, then what it rests on, largest share first."""
    result = f"{budget.value:.3f} ± {budget.expanded:.3f} {budget.unit} (k = 2)"
    table = Table(
        "input", "value", "u", "unit", "type", f"share ({budget.unit})", "from",
        title=f"{budget.quantity}: {result}",
        title_justify="left", title_style="bold", box=None, pad_edge=False,
    )  # fmt: skip
    for term in sorted(budget.terms, key=lambda term: -term.contribution):
        cells = (
            term.name, f"{term.value:.6g}", f"{term.uncertainty:.3g}", term.unit, term.kind,
            f"{term.contribution:.3g}", term.note,
        )  # fmt: skip
        table.add_row(*(Text(plain(cell)) for cell in cells))
    return table
