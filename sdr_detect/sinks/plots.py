"""The picture of a recording: spectrogram with boxes, and the level along time."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdr_detect.dsp.fold import FRAME_RATE_HZ
from sdr_detect.events import TrackEvent
from sdr_detect.model import Track
from sdr_detect.sinks import wording
from sdr_detect.sinks.collect import Collector
from sdr_detect.sinks.spectrogram import Spectrogram
from sdr_detect.sinks.whole_file import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Columns drawn: fewer than the axis has pixels, so that none is skipped.
COLUMNS = 1000
#: Tracks named in the legend, and boxes drawn; a picture with more is unreadable.
TRACKS = 6
BOXES = 400

#: Lines of the legend beside which the folded energy has room, and where.
FOLD_ROWS = 6
FOLD_PLACE = (0.56, 0.3, 0.43, 0.52)

#: Light colours that differ from viridis and, by lightness too, from each other.
TRACK_COLOURS = ("#ff4d4d", "#ffffff", "#ff9ff3", "#ffb000", "#8be9fd", "#c0c0c0")
OTHER_COLOUR = "#9a9a9a"


@dataclass(frozen=True, slots=True)
class _Axes:
    """Units of the picture: seconds or milliseconds, megahertz of RF or of offset."""

    time_scale: float
    time_label: str
    frequency_offset_hz: float
    frequency_label: str


def render(picture: Spectrogram, found: Collector, name: str) -> bytes:
    """A PNG of ``picture`` with what was ``found`` in it, headed by the verdict."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = picture.pooled(COLUMNS)
    axes = _axes(shown)
    figure = Figure(figsize=(14, 9), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    folded = _folded(found)
    listed = min(len(found.tracks), TRACKS) + (len(found.tracks) > TRACKS) or 1
    listed = max(listed, 0 if folded is None else FOLD_ROWS)
    rows = figure.subplots(
        3,
        2,
        height_ratios=(12, 4, 0.5 * listed),
        width_ratios=(60, 1),
        squeeze=False,
        sharex="col",
    )
    (main, bar), (level, unused), (legend, unused_too) = rows
    for blank in (unused, unused_too, legend):
        blank.set_axis_off()
    title = name if found.verdict is None else f"{name}\n{wording.headline(found.verdict)}"
    figure.suptitle(
        "\n".join(textwrap.fill(line, 120) for line in title.splitlines()),
        fontsize=13,
        parse_math=False,
    )
    colours = _colours(found.tracks)
    image = _draw_power(main, shown, axes)
    figure.colorbar(image, cax=bar, label=f"largest power per bin [{_level_unit(shown)}]")
    _draw_boxes(main, shown, found, colours, axes)
    _draw_level(level, shown, axes)
    _draw_legend(legend, found, colours, listed)
    if folded is not None:
        _draw_fold(legend.inset_axes(FOLD_PLACE), folded, colours.get(folded.id, OTHER_COLOUR))
    figure.text(0.995, 0.003, _caption(shown), ha="right", va="bottom", fontsize=8, color="0.35")
    png = io.BytesIO()
    with warnings.catch_warnings():
        # A file name in a script the font lacks shows boxes: no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(png, format="png", metadata={"Software": "sdr-detect"})
    return png.getvalue()


def save(path: Path, png: bytes) -> None:
    """Write a picture.

    Raises
    ------
    SinkError
        The file cannot be written.
    """
    write_whole(path, png)


def _axes(picture: Spectrogram) -> _Axes:
    info = picture.info
    duration_s = len(picture.peak) * picture.column_samples / info.sample_rate_hz
    scale, unit = (1.0, "s") if duration_s >= 2 else (1e3, "ms")
    start = "the recording's start" if info.start_ns is None else wording.start_time(info)
    known = info.center_hz is not None
    return _Axes(
        time_scale=scale,
        time_label=f"time since {start} [{unit}]",
        frequency_offset_hz=info.center_hz or 0.0,
        frequency_label="RF [MHz]" if known else "offset from the (unknown) centre [MHz]",
    )


def _draw_power(main: Axes, picture: Spectrogram, axes: _Axes) -> Any:
    info = picture.info
    with np.errstate(divide="ignore"):
        level_db = 10 * np.log10(picture.power.T)
    seen = level_db[np.isfinite(level_db)]
    # The floor sits in the dark, and one loud pixel does not darken the rest.
    low, high = (-120.0, 0.0) if seen.size == 0 else np.percentile(seen, (30, 99.95))
    start_s, stop_s = _time_range(picture)
    half = info.sample_rate_hz / 2
    image = main.imshow(
        level_db,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        vmin=low,
        vmax=max(high, low + 12),
        extent=(
            start_s * axes.time_scale,
            stop_s * axes.time_scale,
            (axes.frequency_offset_hz - half) / 1e6,
            (axes.frequency_offset_hz + half) / 1e6,
        ),
    )
    main.set_facecolor("0.5")  # shows where there are no samples
    main.set_ylabel(axes.frequency_label)
    main.ticklabel_format(axis="y", useOffset=False)
    main.tick_params(labelbottom=False)
    return image


def _time_range(picture: Spectrogram) -> tuple[float, float]:
    stop = picture.first_sample + len(picture.peak) * picture.column_samples
    return picture.info.seconds(picture.first_sample), picture.info.seconds(stop)


def _draw_boxes(
    main: Axes, picture: Spectrogram, found: Collector, colours: dict[int, str], axes: _Axes
) -> None:
    """Boxes around the strongest bursts, in the colour of their track; tracks by their number."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    start_s, stop_s = _time_range(picture)
    narrowest = (stop_s - start_s) * axes.time_scale / 500  # still visible on the screen
    strongest = sorted(found.bursts, key=lambda event: -event.burst.detection.snr_db)[:BOXES]
    grouped: dict[str, list[Rectangle]] = {}
    for event in strongest:
        span, region = event.burst.span, event.burst.detection
        left = event.info.seconds(span.start_sample) * axes.time_scale
        width = event.info.seconds(span.sample_count) * axes.time_scale
        widened = max(width, narrowest)
        owner = found.track_of(event)
        colour = OTHER_COLOUR if owner is None else colours.get(owner, OTHER_COLOUR)
        box = Rectangle(
            (left - (widened - width) / 2, region.freq_lower_hz / 1e6),
            widened,
            (region.freq_upper_hz - region.freq_lower_hz) / 1e6,
        )
        grouped.setdefault(colour, []).append(box)
    for colour, boxes in grouped.items():
        main.add_collection(
            PatchCollection(boxes, facecolor="none", edgecolor=colour, linewidth=0.9)
        )
    for track in found.tracks:
        _draw_track(main, track, colours, axes)


def _draw_track(main: Axes, event: TrackEvent, colours: dict[int, str], axes: _Axes) -> None:
    track = event.track
    if track.id not in colours:
        return
    left = event.info.seconds(track.span.start_sample) * axes.time_scale
    right = event.info.seconds(track.span.stop_sample) * axes.time_scale
    for edge_hz in (track.freq_lower_hz, track.freq_upper_hz):
        main.plot(
            (left, right), (edge_hz / 1e6,) * 2, color=colours[track.id], lw=0.8, ls=(0, (6, 4))
        )
    main.annotate(
        f"T{track.id}",
        (left, track.freq_upper_hz / 1e6),
        xytext=(3, -3),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=10,
        fontweight="bold",
        color="black",
        bbox={"facecolor": colours[track.id], "edgecolor": "black", "pad": 1.5, "lw": 0.5},
    )


def _draw_level(level: Axes, picture: Spectrogram, axes: _Axes) -> None:
    start_s, stop_s = _time_range(picture)
    edges = np.linspace(start_s, stop_s, len(picture.peak) + 1) * axes.time_scale
    with np.errstate(divide="ignore"):
        peak_db, mean_db = 10 * np.log10(picture.peak), 10 * np.log10(picture.mean)
    peak_db[np.isinf(peak_db)], mean_db[np.isinf(mean_db)] = np.nan, np.nan
    level.stairs(peak_db, edges, baseline=None, color="#b2182b", lw=0.8, label="strongest frame")
    level.stairs(mean_db, edges, baseline=None, color="#2166ac", lw=0.8, label="mean")
    level.set_xlim(edges[0], edges[-1])
    level.set_ylabel(f"level [{_level_unit(picture)}]")
    level.set_xlabel(axes.time_label)
    level.tick_params(labelbottom=True)
    level.grid(alpha=0.3)
    level.legend(loc="upper right", fontsize=8, ncols=2, framealpha=0.8)


def _draw_legend(panel: Axes, found: Collector, colours: dict[int, str], rows: int) -> None:
    ordered = wording.by_score(found.tracks)
    style: dict[str, Any] = {
        "transform": panel.transAxes,
        "va": "center",
        "fontsize": 9,
        "parse_math": False,
    }
    for row, event in enumerate(ordered[:TRACKS]):
        track, y = event.track, 1 - (row + 0.5) / rows
        frame = {"facecolor": colours[track.id], "edgecolor": "black", "pad": 1.2, "lw": 0.5}
        panel.text(0.0, y, f" T{track.id} ", fontweight="bold", bbox=frame, **style)
        text = (
            f"{wording.frequency_range(track)} · {track.kind} · {track.burst_count} bursts · "
            f"C/N {wording.level(track)} · best match "
            f"{wording.match_text(wording.best_match(track))}"
        )
        panel.text(0.045, y, text, **style)
    if len(ordered) > TRACKS:
        panel.text(0.0, 0.5 / rows, f"and {len(ordered) - TRACKS} more tracks", **style)
    if not ordered:
        panel.text(0.0, 0.5, "no tracks", **style)


def _folded(found: Collector) -> Track | None:
    """The best explained track that only folding shows."""
    ordered = (event.track for event in wording.by_score(found.tracks))
    return next((track for track in ordered if track.features.get("fold_profile")), None)


def _draw_fold(panel: Axes, track: Track, colour: str) -> None:
    """Energy by phase of the frame: what the spectrogram is too noisy to show."""
    profile = np.asarray(track.features["fold_profile"], float) * 100
    frame_ms = 1e3 / FRAME_RATE_HZ
    edges = np.linspace(0, frame_ms, profile.size + 1)
    begin_ms = 1e3 * track.features["fold_phase_s"]
    stop_ms = begin_ms + 1e3 * track.features["burst_duration_median_s"]
    for turn_ms in (0.0, -frame_ms):
        panel.axvspan(
            max(0.0, begin_ms + turn_ms),
            max(0.0, min(frame_ms, stop_ms + turn_ms)),
            color=colour if colour != "#ffffff" else OTHER_COLOUR,
            alpha=0.35,
        )
    panel.stairs(profile - profile.min(), edges, color="tab:blue")
    panel.set_xlim(0, frame_ms)
    panel.tick_params(labelsize=8)
    panel.set_title(
        f"T{track.id}: mean level above the quietest phase [%] by time in the "
        f"{frame_ms:.3f} ms frame",
        fontsize=9,
    )
    panel.grid(alpha=0.3)


def _colours(tracks: Sequence[TrackEvent]) -> dict[int, str]:
    named = wording.by_score(tracks)[:TRACKS]
    return {event.track.id: colour for event, colour in zip(named, TRACK_COLOURS, strict=False)}


def _level_unit(picture: Spectrogram) -> str:
    """Float recordings have no full scale."""
    return "dB re 1 unit" if picture.info.clip_level is None else "dBFS"


def _caption(picture: Spectrogram) -> str:
    info = picture.info
    column = wording.seconds(picture.column_samples / info.sample_rate_hz)
    frame = wording.seconds(picture.frame_samples / info.sample_rate_hz)
    width = wording.hertz(info.sample_rate_hz / picture.frame_samples)
    how = f"each column the maximum over all {frame} frames in {column}"
    blank = "; grey: no samples" if np.isnan(picture.peak).any() else ""
    note = "; samples of another tuning follow and are not drawn" if picture.retuned else ""
    return f"{how}; bins of {width}{blank}{note}"
