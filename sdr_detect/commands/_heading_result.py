"""The answer of ``sdr-detect heading``: computed, as JSON, as tables, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdr_detect.features.heading_fit import Compared, HeadingBin, Lobe
    from sdr_detect.features.sub_band_levels import SubBandLevels
    from sdr_detect.pointing.timeline import HeadingTimeline
    from sdr_detect.sinks.collect import Collector

#: Said with every result.
STATEMENT = (
    "One station: this is the direction in which the antenna heard most. It is no location, and "
    "a reflection points at what reflects."
)

#: Share of the headings at which single bursts must be seen for their level to be used.
_BURSTS_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Result:
    """What came out."""

    name: str
    band_hz: tuple[float, float] | None
    track: int | None
    level: str
    bins: list[HeadingBin]
    lobe: Lobe
    compared: list[Compared]
    pointing_sigma_deg: float
    notes: list[str]

    def record(self) -> dict[str, Any]:
        """The JSON object."""
        from dataclasses import asdict

        return {
            "type": "heading",
            "path": self.name,
            "track": self.track,
            "freq_lower_hz": None if self.band_hz is None else self.band_hz[0],
            "freq_upper_hz": None if self.band_hz is None else self.band_hz[1],
            "level": self.level,
            "bins": [asdict(b) for b in self.bins],
            "strongest_deg": self.lobe.heading_deg,
            "sigma_deg": self.lobe.sigma_deg,
            "lobe_width_deg": self.lobe.width_deg,
            "not_determined": self.lobe.reason or None,
            "pointing_sigma_deg": self.pointing_sigma_deg,
            "bearings": [asdict(c) for c in self.compared],
            "notes": self.notes,
            "statement": STATEMENT,
        }

    def show(self) -> None:
        """Tables on the terminal."""
        import math

        from rich.table import Table
        from rich.text import Text

        from sdr_detect.commands._show import console
        from sdr_detect.commands._text import plain

        out = console()
        table = Table("heading", "C/N", "level", "±", "dwells", box=None, header_style="bold")
        for one in self.bins:
            cn = f"{10 * math.log10(one.excess):.1f} dB" if one.excess > one.sigma else "–"
            figures = (f"{one.excess:.3g}", f"{one.sigma:.2g}", str(one.count))
            table.add_row(f"{one.heading_deg:.1f}°", cn, *figures)
        out.print(f"{plain(self.name)}: level above noise, {self.level}", markup=False)
        out.print(table)
        lobe = self.lobe
        answer = (
            f"not determined: {lobe.reason}"
            if lobe.heading_deg is None
            else f"strongest at {lobe.heading_deg:.1f}° ± {lobe.sigma_deg:.1f}° (and ± "
            f"{self.pointing_sigma_deg:g}° of the headings themselves), lobe {lobe.width_deg:.0f}°"
        )
        out.print(Text(answer, style="bold"))
        for other in self.compared:
            off = (
                ""
                if other.off_deg is None
                else f", {other.off_deg:+.1f}°, {other.sigmas:.1f} sigma"
            )
            line = f"{other.name} at {other.bearing_deg:g}°: {other.answer}{off}"
            out.print(plain(line), markup=False)
        for note in (*self.notes, STATEMENT):
            out.print(note, markup=False)

    def plot(self, folder: Path, *, quiet: bool) -> None:
        """The polar picture."""
        from sdr_detect.commands._output import picture_name
        from sdr_detect.sinks import polar
        from sdr_detect.sinks.whole_file import write_whole

        path = folder / picture_name(self.name)
        path = path.with_stem(path.stem + "-heading")
        write_whole(path, polar.render(self.bins, self.lobe, self.compared, self.name))
        if not quiet:
            print(f"wrote {path}")


def conclude(
    name: str,
    heard: tuple[SubBandLevels, HeadingTimeline, Collector],
    band_hz: tuple[float, float] | None,
    bearings: Sequence[tuple[str, float]],
    degrees: tuple[float, float],
) -> Result:
    """Levels of a band at the headings, the lobe, and the bearings beside it.

    Parameters
    ----------
    heard : tuple
        Levels, headings, and what the pipeline found.
    band_hz : (low, high) or None
        None takes the track most like a terminal's.
    degrees : (bin, pointing)
        Width of a bin, and standard error of headings and bearings.
    """
    from sdr_detect.features.heading_fit import compare, fit_lobe, into_bins

    levels, timeline, found = heard
    bin_deg, pointing_deg = degrees
    track = None if band_hz is not None else _suspicious(found)
    if track is not None:
        band_hz = track[1:]
    mean, on = (levels.of(band_hz, while_on=flag) for flag in (False, True))
    at = timeline.over(mean.start_s, mean.stop_s)
    bins, burst_bins = (into_bins(at, part.excess, bin_deg) for part in (mean, on))
    while_on = bool(bins) and len(burst_bins) >= _BURSTS_SHARE * len(bins)
    if while_on:
        bins = burst_bins
    lobe = fit_lobe(bins)
    notes = []
    if levels.other:
        notes.append(f"{levels.other} dwells of another tuning were left out")
    if levels.capped:
        notes.append(f"{levels.capped} dwells beyond the limit on memory were left out")
    return Result(
        name,
        band_hz,
        None if track is None else track[0],
        "while bursts are on" if while_on else "mean over all time",
        bins,
        lobe,
        [compare(lobe, vessel, deg, pointing_deg) for vessel, deg in bearings],
        pointing_deg,
        notes,
    )


def _suspicious(found: Collector) -> tuple[int, float, float] | None:
    """The track most like a terminal's, else the strongest; its number and edges."""
    from sdr_detect.model import Track

    def order(track: Track) -> tuple[float, float]:
        scores = [m.score for m in track.matches if m.role == "user_terminal"]
        return max(scores, default=0.0), track.snr_db

    tracks = [event.track for event in found.tracks]
    if not tracks:
        return None
    best = max(tracks, key=order)
    return best.id, best.freq_lower_hz, best.freq_upper_hz
