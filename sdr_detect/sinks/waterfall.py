"""The picture of a power sweep: largest power by frequency and time."""

from __future__ import annotations

import datetime
import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Pixels at most along either axis; maxima are kept, never means.
PIXELS = 1000


def pooled(power: NDArray[np.float32], pixels: int = PIXELS) -> NDArray[np.float32]:
    """Largest value of each tile; NaN only where there is nothing."""
    for axis in (0, 1):
        step = -(-power.shape[axis] // pixels)
        if step > 1:
            power = np.fmax.reduceat(power, np.arange(0, power.shape[axis], step), axis=axis)
    return power


def render(
    power: NDArray[np.float32],
    freq_hz: NDArray[np.float64],
    time_s: NDArray[np.float64],
    title: str,
) -> bytes:
    """A PNG.

    Parameters
    ----------
    power : (sweeps, bins) float32
        Linear.
    freq_hz : (bins,)
    time_s : (sweeps,)
        Seconds since 1970 by the writer's clock.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with np.errstate(divide="ignore", invalid="ignore"):
        level_db = 10 * np.log10(pooled(power))
    seen = level_db[np.isfinite(level_db)]
    low, high = (-120.0, 0.0) if seen.size == 0 else np.percentile(seen, (10, 99.9))
    figure = Figure(figsize=(13, 8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    elapsed_s = float(time_s[-1] - time_s[0]) or 1.0
    image = axes.imshow(
        level_db,
        origin="upper",
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        vmin=low,
        vmax=max(high, low + 6),
        extent=(freq_hz[0] / 1e6, freq_hz[-1] / 1e6, elapsed_s, 0.0),
    )
    axes.set_facecolor("0.5")
    began = datetime.datetime.fromtimestamp(time_s[0], datetime.UTC)
    axes.set_ylabel(f"seconds since {began:%Y-%m-%d %H:%M:%S} by the writer's clock")
    axes.set_xlabel("frequency [MHz]")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.set_title(title, parse_math=False)
    figure.colorbar(image, label="largest power in each pixel [dB of the writer's reference]")
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(png, format="png", metadata={"Software": "sdr-detect"})
    return png.getvalue()
