"""Bursts: energy that rises above its own quiet time and falls again.

Cells above threshold (`sdr_detect.detect.energy`) are joined to regions; a
region is a burst. The quiet frames that remain then give a better noise
reference, and the test is done once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdr_detect.detect.energy import EnergyTest, Exceedances
from sdr_detect.detect.regions import (
    WIDE_GAP_RATIO,
    Region,
    find_regions,
    going_on,
    shifted,
    union,
)
from sdr_detect.dsp.edges import Extent, burst_edges, equivalent_width, mean_power
from sdr_detect.dsp.layout import FINE_PER_HOP, Layout
from sdr_detect.dsp.occupancy import occupied
from sdr_detect.dsp.stft import QUIET_DOUBT, Dwell
from sdr_detect.features.lag import BurstLags, LagMeter
from sdr_detect.model import Burst, Detection, Flag, Span, StreamInfo
from sdr_detect.settings import BurstSettings

#: Share of a dwell that must stay quiet to renew the noise reference from it.
QUIET_SHARE = 0.15

#: A reference that moved by less leaves the test as it was.
RENEWED_DB = 0.3

#: Share of a region's frames that must stand out by themselves to call it strong.
STRONG_SHARE = 0.25


@dataclass(slots=True, eq=False)
class Candidate:
    """A region, in absolute frames, that may go on in the next dwell."""

    region: Region
    start_sample: int
    stop_sample: int
    excess: NDArray[np.float64]
    floor: NDArray[np.float64]
    frames: int
    pulse_width_s: float
    flags: set[Flag] = field(default_factory=set)
    lags: BurstLags | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A finished burst and what its waveform showed."""

    burst: Burst
    lags: BurstLags | None


class BurstDetector:
    """Finds bursts dwell by dwell; one that reaches a dwell's end is held open."""

    def __init__(self, layout: Layout, settings: BurstSettings, meter: LagMeter, lag_limit: int):
        self._layout = layout
        self._settings = settings
        self._meter = meter
        self._lag_limit = lag_limit
        self._energy = EnergyTest(layout, settings)
        self._used = layout.subband >= 0
        self._ends = np.flatnonzero(self._used)[[0, -1]].tolist()
        self._gap = round(settings.longest_gap_s * layout.sample_rate_hz / layout.hop)
        self._open: list[Candidate] = []
        self.dropped = 0

    def mark(self, dwell: Dwell) -> Exceedances:
        """Cells above threshold; renews the dwell's noise reference, marks its active frames.

        Depends on this dwell alone.
        """
        found = self._energy.find(dwell)
        active = found.any_frame
        quiet = dwell.frame_ok & ~active
        enough = quiet.sum() > QUIET_SHARE * max(1, dwell.analysed_frames)
        renew = enough and bool(active.any())
        if renew and dwell.renew_reference(quiet) > RENEWED_DB:
            found = self._energy.find(dwell)
            active = found.any_frame
        dwell.active = active
        dwell.smallest_excess = found.smallest_excess
        return found

    def update(self, dwell: Dwell, found: Exceedances) -> list[Sighting]:
        """Bursts that have ended within this dwell, from what `mark` found in it."""
        self._meter.begin_dwell()
        return self._finish(self._join_open(self._regions(dwell, found), dwell), dwell.info)

    def finish(self, info: StreamInfo) -> list[Sighting]:
        """Bursts still open at the end of the stream."""
        rest, self._open = self._open, []
        for candidate in rest:
            candidate.flags.add(Flag.TRUNCATED)
        return self._finish(rest, info)

    def _regions(self, dwell: Dwell, found: Exceedances) -> list[Candidate]:
        if not dwell.active.any():
            return []
        regions = find_regions(found, self._settings.close_frames, self._gap)
        limit = self._settings.max_per_dwell
        self.dropped += max(0, len(regions) - limit)
        candidates = self._candidates(dwell, found, regions[:limit])
        some = candidates[: self._lag_limit]
        first = dwell.first_sample
        spans = [(c.start_sample - first, c.stop_sample - first) for c in some]
        lags = self._meter.bursts(dwell.iq, spans, dwell.floor)
        for candidate, of_burst in zip(some, lags, strict=True):
            candidate.lags = of_burst
        return candidates

    def _candidates(
        self, dwell: Dwell, found: Exceedances, regions: list[Region]
    ) -> list[Candidate]:
        layout = self._layout
        extents = [
            Extent(*_strong_ends(found.short, region), _bins_of(region, layout))
            for region in regions
        ]
        floor = dwell.floor.astype(np.float64)
        candidates = []
        edges = burst_edges(dwell, extents)
        for region, extent, (start, stop) in zip(regions, extents, edges, strict=True):
            frames = extent.last - extent.first
            power = mean_power(dwell.power, extent.first, extent.last)
            candidate = Candidate(
                shifted(region, dwell.first_sample // layout.hop),
                dwell.first_sample + start,
                dwell.first_sample + stop,
                np.where(extent.bins, power - floor, 0.0) * frames,
                floor * frames,
                frames,
                _pulse_width_s(dwell, start, stop),
            )
            self._flag(candidate, dwell, extent.first, extent.last)
            candidates.append(candidate)
        return candidates

    def _flag(self, candidate: Candidate, dwell: Dwell, first: int, last: int) -> None:
        near = slice(max(0, first - 2), last + 2)
        fine = slice(near.start * FINE_PER_HOP, near.stop * FINE_PER_HOP)
        if not dwell.frame_ok[near].all():
            candidate.flags.add(Flag.GAP)
        if dwell.non_finite[fine].any():
            candidate.flags.add(Flag.NON_FINITE)
        if dwell.overload[fine].any():
            candidate.flags.add(Flag.CLIPPED)

    def _join_open(self, found: list[Candidate], dwell: Dwell) -> list[Candidate]:
        """Join regions to those left open, and keep open what may still go on."""
        close = self._settings.close_frames
        held = list(self._open)
        rows = np.empty((len(held) + len(found), len(Region._fields)), np.int64)
        for row, candidate in zip(rows, held, strict=False):
            row[:] = candidate.region
        for candidate in found:
            known = rows[: len(held)]
            goes_on = going_on(known, candidate.region, close, self._gap)
            mates = [c for c, mate in zip(held, goes_on, strict=True) if mate]
            if mates:
                held = [c for c, mate in zip(held, goes_on, strict=True) if not mate]
                known[: len(held)] = known[~goes_on]
            held.append(_absorb([*mates, candidate]))
            rows[len(held) - 1] = held[-1].region
        hop = self._layout.hop
        longest = self._settings.max_burst_s * self._layout.sample_rate_hz / hop
        end = dwell.first_sample // hop + self._layout.frames
        closed = []
        self._open = []
        for candidate in held:
            frames = candidate.region.last - candidate.region.first
            if frames > longest:
                candidate.flags.add(Flag.TRUNCATED)
            if frames > longest or end - candidate.region.last > self._reach(candidate):
                closed.append(candidate)
            else:
                self._open.append(candidate)
        return closed

    def _reach(self, candidate: Candidate) -> int:
        """Silence, in frames, after which nothing can go on with this burst."""
        piece = WIDE_GAP_RATIO * candidate.region.piece
        allowed = min(piece, self._gap) if candidate.region.wide else self._gap
        return max(self._settings.close_frames + 1, int(allowed))

    def _finish(self, candidates: list[Candidate], info: StreamInfo) -> list[Sighting]:
        candidates.sort(key=lambda c: (c.start_sample, c.region.low, c.stop_sample))
        return [Sighting(self._burst(c, info), c.lags) for c in candidates]

    def _burst(self, candidate: Candidate, info: StreamInfo) -> Burst:
        layout = self._layout
        used = self._used
        excess = candidate.excess / candidate.frames
        floor = candidate.floor / candidate.frames
        low, high = occupied(excess, floor, candidate.frames, used, QUIET_DOUBT)
        inside = slice(low, high + 1)
        signal = float(np.maximum(excess[inside], 0).sum())
        # Mean of the ratios, not ratio of the sums: one steady carrier inside
        # the band must not hide how far the burst rose above everything else.
        known = used[inside] & (floor[inside] > 0)
        ratio = excess[inside][known] / floor[inside][known]
        density = float(ratio.mean()) if ratio.size else 0.0
        flags = set(candidate.flags)
        first, last = self._ends
        margin = max(2, layout.nfft // 64)
        if low <= first + margin or high >= last - margin:
            flags.add(Flag.EDGE)
        if info.center_hz is None:
            flags.add(Flag.RF_UNKNOWN)
        centre = info.center_hz or 0.0
        span = Span(candidate.start_sample, candidate.stop_sample)
        tiny = np.finfo(np.float64).tiny
        return Burst(
            Detection(
                span,
                centre + float(layout.offsets_hz[low] - layout.bin_hz / 2),
                centre + float(layout.offsets_hz[high] + layout.bin_hz / 2),
                10 * float(np.log10(max(density, 1e-9))),
                self._settings.pfa,
            ),
            10 * float(np.log10(max(signal, tiny) / layout.nfft)),
            {
                "peak_hz": centre + float(layout.offsets_hz[low + int(np.argmax(excess[inside]))]),
                "duration_s": span.sample_count / layout.sample_rate_hz,
                "pulse_width_s": candidate.pulse_width_s,
            },
            frozenset(flags),
        )


def _bins_of(region: Region, layout: Layout) -> NDArray[np.bool_]:
    """Bins of its sub-bands and of one beside: what else is on the air stays out."""
    subband = layout.subband
    bins: NDArray[np.bool_] = (
        (subband >= 0) & (subband >= region.low - 1) & (subband <= region.high)
    )
    return bins


def _strong_ends(short: NDArray[np.bool_], region: Region) -> tuple[int, int, bool]:
    """Trim a region to its first and last strong frame, if many of them are strong.

    The longer tests reach past the ends of what they find.
    """
    rows = np.flatnonzero(short[region.first : region.last])
    if rows.size < STRONG_SHARE * (region.last - region.first):
        return region.first, region.last, False
    return region.first + int(rows[0]), region.first + int(rows[-1]) + 1, True


def _pulse_width_s(dwell: Dwell, start: int, stop: int) -> float:
    """Equivalent width (Σp)²/Σp² of the fine envelope: short for a radar pulse."""
    fine = dwell.layout.fine
    inner = dwell.fine_power[max(0, start // fine - 2) : stop // fine + 3]
    width = equivalent_width(inner, dwell.quiet_power)
    if width <= 0:
        return (stop - start) / dwell.layout.sample_rate_hz
    return width * fine / dwell.layout.sample_rate_hz


def _absorb(pieces: list[Candidate]) -> Candidate:
    """One candidate out of several; the first keeps its waveform products."""
    if len(pieces) == 1:
        return pieces[0]
    pieces.sort(key=lambda c: c.start_sample)
    whole = pieces[0]
    whole.region = union([c.region for c in pieces])
    for piece in pieces[1:]:
        whole.stop_sample = max(whole.stop_sample, piece.stop_sample)
        whole.excess = whole.excess + piece.excess
        whole.floor = whole.floor + piece.floor
        whole.frames += piece.frames
        whole.pulse_width_s += piece.pulse_width_s
        whole.flags |= piece.flags
    return whole
