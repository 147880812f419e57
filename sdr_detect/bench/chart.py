"""The bar chart of a run, as PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sdr_detect.bench.results import Bench, Compared, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours that stay apart in print and for the colour-blind (Okabe and Ito 2008).
_COLOURS = {"ours": "#d55e00", "peer": "#0072b2", "limit": "#999999"}

_BAR_INCH = 0.27
_COLUMNS = 2


def render(result: Bench) -> bytes:
    """Bars of every comparison, longest the fastest; the limit in grey."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = result.comparisons
    lines = -(-len(shown) // _COLUMNS)
    heights = [
        1.0 + _BAR_INCH * max(len(c.rows) for c in shown[line * _COLUMNS :][:_COLUMNS])
        for line in range(lines)
    ]
    figure = Figure(figsize=(13, 0.6 + sum(heights)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, _COLUMNS, squeeze=False, height_ratios=heights).ravel()
    for ax, compared in zip(axes, shown, strict=False):
        _bars(ax, compared)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    figure.suptitle(
        f"Million samples per second of one core ({result.processor_model}), median of "
        f"{result.repeats}\n×: how many times as fast sdr-detect is; dotted: sample rate",
        fontsize=10,
    )
    out = io.BytesIO()
    # The version of the library in the file would make equal pictures differ.
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _bars(ax: Axes, compared: Compared) -> None:
    rows = compared.rows[::-1]
    speeds = [row.msps_per_cpu_s or 0.0 for row in rows]
    ax.barh(range(len(rows)), speeds, color=[_COLOURS[row.kind] for row in rows], height=0.7)
    top = max([*speeds, 1.0])
    for place, (row, speed) in enumerate(zip(rows, speeds, strict=True)):
        ax.text(speed + 0.01 * top, place, _label(row), va="center", fontsize=8)
    real = compared.sample_rate_hz / 1e6
    if compared.times_real_time is not None and compared.name.startswith("pipeline"):
        ax.axvline(real, color="0.3", lw=0.8, ls=":")
    ax.set_yticks(range(len(rows)), [row.contender for row in rows], fontsize=8)
    ax.set_xlim(0, 1.3 * top)
    ax.set_title(compared.title, fontsize=9, loc="left")
    ax.tick_params(axis="x", labelsize=7)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _label(row: Row) -> str:
    if row.msps_per_cpu_s is None:
        return {"absent": "not installed"}.get(row.state, row.state)
    if row.kind == "ours" or row.ours_over_this is None:
        return f"{row.msps_per_cpu_s:.0f}"
    return f"{row.msps_per_cpu_s:.0f}   ×{row.ours_over_this:.1f}"
