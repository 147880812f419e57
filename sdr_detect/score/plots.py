"""The curves of a card as PNG."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdr_detect.score.table import Row, Table, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours that stay apart in print and for the colour-blind (Okabe and Ito 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

#: Curves of a Pd picture: key of the point, and what it is.
_CURVES = (("pd_0.001", "Pfa 1e-3"), ("pd_1e-06", "Pfa 1e-6"), ("pd_verdict", "verdict"))
_STYLES = ("o-", "s--", "^-.")


def render(tables: Sequence[Table]) -> dict[str, bytes]:
    """PNG by name, for the tables that have a picture."""
    pictures: dict[str, bytes] = {}
    for table in tables:
        draw = _DRAWN.get(table.name)
        if draw is not None and table.rows:
            pictures |= draw(table)
    return pictures


def _figure(rows: int, columns: int, size: tuple[float, float] | None = None) -> tuple[Figure, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    usual = (1.5 + 4.5 * columns, 1.0 + 3.2 * rows)
    figure = Figure(figsize=size or usual, dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    # The version of the library in the file would make equal pictures differ.
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _sensitivity(table: Table) -> dict[str, bytes]:
    """Pd curves for each kind of terminal, and the requirement over time."""
    kinds = list(dict.fromkeys(str(row["terminal"]) for row in table.rows))
    pictures = {f"pd_{kind}": _pd_curves(table, kind) for kind in kinds}
    pictures["requirement"] = _requirements(table, kinds)
    return pictures


def _pd_curves(table: Table, kind: str) -> bytes:
    rows = [r for r in table.rows if r["terminal"] == kind]
    times = sorted({float(r["duration_s"]) for r in rows})
    rates = sorted({float(r["sample_rate_hz"]) for r in rows})
    figure, axes = _figure(len(rates), len(times))
    for line, rate_hz in enumerate(rates):
        for column, time_s in enumerate(times):
            own = [r for r in rows if r["sample_rate_hz"] == rate_hz and r["duration_s"] == time_s]
            ax = axes[line][column]
            if own:
                _pd_axes(ax, own, f"{duration(time_s)}, {rate_hz / 1e6:g} Msps")
            else:
                ax.set_axis_off()
    figure.suptitle(
        f"Pd against C/N, {kind} terminal\nshaded: 95 %; dotted: matched-burst limits at Pd 0.9",
        fontsize=10,
    )
    return _png(figure)


def _pd_axes(ax: Axes, rows: Sequence[Row], title: str) -> None:
    points = next(r["curve"] for r in rows if r["curve"])
    levels = [p["cn_db"] for p in points]
    for (key, label), colour, style in zip(_CURVES, _COLOURS, _STYLES, strict=False):
        bounds = [p[f"{key}_interval"] for p in points]
        ax.plot(levels, [p[key] for p in points], style, label=label, color=colour, ms=4, lw=1.2)
        ax.fill_between(
            levels, [b[0] for b in bounds], [b[1] for b in bounds], color=colour, alpha=0.12, lw=0
        )
    for row, colour in zip(rows, _COLOURS, strict=False):
        ax.axvline(row["limit_db"], color=colour, ls=":", lw=1.2)
    ax.set_xlim(min([levels[0], *(r["limit_db"] for r in rows)]) - 0.7, levels[-1] + 0.7)
    ax.axhline(0.9, color="0.7", lw=0.8, zorder=0)
    ax.set(title=f"{title}, {points[0]['trials']} trials", xlabel="C/N while on, dB", ylabel="Pd")
    ax.set_ylim(-0.03, 1.03)
    ax.legend(fontsize=7, loc="lower right")


def _requirements(table: Table, kinds: Sequence[str]) -> bytes:
    figure, axes = _figure(1, len(kinds))
    for ax, kind in zip(axes[0], kinds, strict=True):
        rows = [r for r in table.rows if r["terminal"] == kind and r["pfa"] == min(_pfas(table))]
        rates = sorted({float(r["sample_rate_hz"]) for r in rows})
        for rate_hz, colour in zip(rates, _COLOURS, strict=False):
            own = sorted(
                (r for r in rows if r["sample_rate_hz"] == rate_hz), key=lambda r: r["duration_s"]
            )
            _requirement_line(ax, own, f"{rate_hz / 1e6:g} Msps", colour)
        ax.set(
            title=f"{kind} terminal, Pfa {min(_pfas(table)):g}, Pd 0.9; dotted: limit",
            xlabel="time heard, s",
            ylabel="C/N needed, dB",
            xscale="log",
        )
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    return _png(figure)


def _requirement_line(ax: Axes, rows: Sequence[Row], label: str, colour: str) -> None:
    known = [r for r in rows if r["cn_db"] is not None]
    times = [r["duration_s"] for r in known]
    levels = [r["cn_db"] for r in known]
    below = [r["cn_db"] - r["cn_db_interval"][0] for r in known]
    above = [r["cn_db_interval"][1] - r["cn_db"] for r in known]
    ax.errorbar(times, levels, yerr=[below, above], color=colour, marker="o", ms=4, label=label)
    ax.plot([r["duration_s"] for r in rows], [r["limit_db"] for r in rows], color=colour, ls=":")


def _pfas(table: Table) -> list[float]:
    return sorted({float(row["pfa"]) for row in table.rows})


def _roc(table: Table) -> dict[str, bytes]:
    figure, axes = _figure(1, 1)
    ax = axes[0][0]
    for row, colour in zip(table.rows, _COLOURS, strict=False):
        # A straight line through ties: half of them count.
        ax.plot(
            [p[0] for p in row["curve"]],
            [p[1] for p in row["curve"]],
            color=colour,
            label=f"{row['kinds']}: AUC {row['auc']:.3f}",
        )
    ax.plot([0, 1], [0, 1], color="0.8", lw=0.8)
    ax.set(title="ROC: 0.1 s, -14 dB, 2.4 Msps", xlabel="share of blank", ylabel="share found")
    ax.legend(fontsize=8, loc="lower right")
    return {"roc": _png(figure)}


def _confusion(table: Table) -> dict[str, bytes]:
    names = sorted({label for row in table.rows for label in row["labels"]})
    if not names:
        return {}
    figure, axes = _figure(1, 1, (3 + 0.55 * len(names), 2.5 + 0.35 * len(table.rows)))
    ax = axes[0][0]
    shares = [[row["labels"].get(name, 0) / row["trials"] for name in names] for row in table.rows]
    ax.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    ax.set_yticks(range(len(table.rows)), [str(r["emitter"]) for r in table.rows], fontsize=8)
    for y, line in enumerate(shares):
        for x, share in enumerate(line):
            if share:
                colour = "white" if share > 0.6 else "black"
                ax.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=7, color=colour)
    figure.suptitle(
        "What emitters are called,\n3 dB above the level they are found at", fontsize=10
    )
    return {"confusion": _png(figure)}


def _trust(table: Table) -> dict[str, bytes]:
    figure, axes = _figure(1, 1)
    ax = axes[0][0]
    rows = table.rows[:-1]
    below = [r["right"] - r["right_interval"][0] for r in rows]
    above = [r["right_interval"][1] - r["right"] for r in rows]
    means = [r["mean_confidence"] for r in rows]
    ax.errorbar(
        means, [r["right"] for r in rows], yerr=[below, above], fmt="o", color=_COLOURS[0], ms=4
    )
    for number, row in enumerate(rows):
        ax.annotate(
            str(row["verdicts"]),
            (row["mean_confidence"], row["right"]),
            xytext=(-14, -11 if number % 2 else 5),
            textcoords="offset points",
            fontsize=7,
        )
    ax.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    ax.set(
        title="Reliability of `detected`; numbers: verdicts",
        xlabel="confidence",
        ylabel="share that was right",
        ylim=(min([0.5, *(r["right_interval"][0] for r in rows)]) - 0.03, 1.06),
        xlim=(min([0.85, *means]) - 0.02, 1.01),
    )
    return {"reliability": _png(figure)}


_DRAWN: dict[str, Callable[[Table], dict[str, bytes]]] = {
    "sensitivity": _sensitivity,
    "roc": _roc,
    "confusion": _confusion,
    "trust": _trust,
}
