"""Level against antenna heading, as seen from above: north up, clockwise."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np

from sdr_detect.features.heading_fit import Compared, HeadingBin, Lobe, lobe_level


def render(
    bins: Sequence[HeadingBin], lobe: Lobe, compared: Sequence[Compared], title: str
) -> bytes:
    """A PNG: levels with their errors, the fitted lobe, the strongest heading and bearings."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(projection="polar")
    axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    at = np.radians([b.heading_deg for b in bins])
    level = np.array([b.excess for b in bins])
    error = np.array([b.sigma for b in bins])
    axes.errorbar(at, level, yerr=error, fmt="o", color="#2166ac", label="level above noise")
    top = float((level + error).max(initial=0.0)) or 1.0
    if lobe.curve is not None and lobe.heading_deg is not None and lobe.sigma_deg is not None:
        around = np.linspace(0, 360, 721)
        axes.plot(np.radians(around), lobe_level(lobe.curve, around), color="0.4", label="fit")
        label = f"strongest {lobe.heading_deg:.1f}° ± {lobe.sigma_deg:.1f}°"
        axes.plot([np.radians(lobe.heading_deg)] * 2, (0, top), color="#b2182b", label=label)
    for number, other in enumerate(compared):
        label = f"{other.name} {other.bearing_deg:g}°: {other.answer}"
        place = [np.radians(other.bearing_deg)] * 2
        axes.plot(place, (0, top), ls="--", color=f"C{2 + number % 8}", label=label)
    axes.set_rlim(min(0.0, float((level - error).min(initial=0.0))), 1.05 * top)  # type: ignore[attr-defined]
    axes.set_title(
        title + ("" if not lobe.reason else f"\nnot determined: {lobe.reason}"), parse_math=False
    )
    legend = axes.legend(loc="lower left", fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(png, format="png", metadata={"Software": "sdr-detect"})
    return png.getvalue()
