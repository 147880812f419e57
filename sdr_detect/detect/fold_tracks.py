"""What was found by folding, gathered over windows and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdr_detect.detect.base import Setup
from sdr_detect.detect.measuring import Features, measured, public_features, stated_pfa
from sdr_detect.dsp.fold import FRAME_RATE_HZ
from sdr_detect.features.fold_lags import FoldedLags, PreambleHit
from sdr_detect.features.folded import DRIFT_PPM, FoldHit, FoldWindow, grid_of
from sdr_detect.model import Flag, Span, Track
from sdr_detect.profiles.measured import Measured

#: Dwells to a window. Shorter ones find what is on for a moment.
SCALES = (1, 10, 150)

#: Share of the chance allowed that the energy gets; the preamble, which is
#: there mostly to confirm, gets the rest.
ENERGY_SHARE = 0.8

#: A preamble begins within this many bins of the energy's box.
NEAR_BINS = 3

#: A sub-band belongs to the emission unless its excess lies this many
#: deviations below half of the mean.
LACKING_SIGMAS = 3.0

#: So much of the slice is filled by what is wider than the slice.
FILLED_SHARE = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class FoldSighting:
    """One window in which something keeps a phase of the frame.

    ``phase`` is the bin where it begins, at the window's middle. ``hit`` is
    None where only the preamble was seen, ``preamble`` where only the energy
    was, ``lags`` where the slice is too narrow for them.
    """

    scale: int
    first_sample: int
    stop_sample: int
    phase: int
    hit: FoldHit | None
    preamble: PreambleHit | None
    lags: FoldedLags | None

    @property
    def width(self) -> int:
        """Bins that the energy fills; 1 for a preamble alone."""
        return 1 if self.hit is None else self.hit.box.width

    @property
    def excess(self) -> float:
        """Energy above the noise level, relative to it, averaged over all frames of the phase."""
        if self.hit is not None:
            return self.hit.box.excess
        return 0.0 if self.preamble is None else self.preamble.excess

    @property
    def chance(self) -> float:
        """That noise shows the more significant of the two in one such window."""
        chances = [1.0]
        if self.hit is not None:
            chances.append(self.hit.chance / ENERGY_SHARE)
        if self.preamble is not None:
            chances.append(self.preamble.chance / (1 - ENERGY_SHARE))
        return min(chances)


def sightings(
    window: FoldWindow,
    scale: int,
    hit: FoldHit | None,
    lags: FoldedLags | None,
    preamble: PreambleHit | None,
) -> list[FoldSighting]:
    """One sighting if energy and preamble begin together, else one of each."""
    span = window.first_sample, window.stop_sample
    found = []
    if hit is not None:
        first = hit.box.start - NEAR_BINS
        every = hit.every_frame is True
        near = None if lags is None else lags.at(first, 2 * NEAR_BINS + 1, every=every)
        together = preamble is not None and (preamble.start - first) % window.bins <= 2 * NEAR_BINS
        mate = preamble if together else None
        found.append(FoldSighting(scale, *span, hit.box.start, hit, mate, near))
        if together:
            return found
    if preamble is not None and lags is not None:
        found.append(FoldSighting(scale, *span, preamble.start, None, preamble, lags))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class FoldTrack:
    """Sightings at one phase; the most significant of each scale is kept.

    A track is numbered when its last window is closed; until then ``id`` is 0.
    """

    id: int
    best: Mapping[int, FoldSighting]
    first_sample: int
    stop_sample: int
    count: int
    latest: FoldSighting

    def goes_on_with(self, sighting: FoldSighting, bins: int, hop: int) -> bool:
        """Whether a clock within `DRIFT_PPM` could bring it to the sighting's phase."""
        middles = [(s.first_sample + s.stop_sample) / 2 for s in (self.latest, sighting)]
        slip = DRIFT_PPM * 1e-6 * abs(middles[1] - middles[0]) / hop
        off = abs((self.latest.phase - sighting.phase + bins // 2) % bins - bins // 2)
        # A long weak burst is placed to a part of its own length.
        loose = max(NEAR_BINS, self.latest.width // 2, sighting.width // 2)
        return off <= loose + slip

    def joined(self, sighting: FoldSighting) -> FoldTrack:
        """The track with one more sighting."""
        known = self.best.get(sighting.scale)
        best = dict(self.best)
        if known is None or sighting.chance < known.chance:
            best[sighting.scale] = sighting
        return replace(
            self,
            best=best,
            first_sample=min(self.first_sample, sighting.first_sample),
            stop_sample=max(self.stop_sample, sighting.stop_sample),
            count=self.count + 1,
            latest=sighting,
        )


def new_track(sighting: FoldSighting) -> FoldTrack:
    """A track of one sighting."""
    return FoldTrack(
        0,
        {sighting.scale: sighting},
        sighting.first_sample,
        sighting.stop_sample,
        1,
        sighting,
    )


def chance_weight(searched: int) -> float:
    """By how much so many windows of one scale raise the chance of each.

    Every scale has the same share, whatever its number of windows.
    """
    return float(len(SCALES) * searched)


def measure_fold(
    track: FoldTrack, setup: Setup, searched: Mapping[int, int]
) -> tuple[Track, Measured]:
    """The track as events and profiles see it.

    Its chance counts every window searched so far: each scale had its share.
    """
    weights = {scale: chance_weight(max(1, count)) for scale, count in searched.items()}
    best = min(track.best.values(), key=lambda s: s.chance * weights[s.scale])
    pfa = min(1.0, best.chance * weights[best.scale])
    info, layout = setup.info, setup.layout
    hit = best.hit
    bin_s = layout.hop / layout.sample_rate_hz
    band = _band(hit, layout.subband_edges, layout.offsets_hz, layout.bin_hz)
    features = _features(best, bin_s) | _period(track)
    features["fills_slice"] = band is None
    edges = band or (-layout.used_hz / 2, layout.used_hz / 2)
    features["bandwidth_hz"] = None if band is None else edges[1] - edges[0]
    centre = info.center_hz or 0.0
    band_hz = centre + edges[0], centre + edges[1]
    lags = {} if best.lags is None else {"head": best.lags}
    flags = {Flag.EDGE} if band is None else set()
    flags |= {Flag.RF_UNKNOWN} if info.center_hz is None else set()
    public = Track(
        track.id,
        "preamble" if hit is None else "fold",
        Span(track.first_sample, track.stop_sample),
        *band_hz,
        0,
        None,
        None,
        10 * float(np.log10(max(best.excess, 1e-9))),
        stated_pfa(pfa),
        None,
        {
            **public_features(features, lags, setup.settings.lag.pfa),
            "windows": track.count,
            "fold_profile": None if hit is None else [round(float(x), 5) for x in hit.profile],
        },
        (),
        frozenset(flags),
    )
    grid = None
    if hit is not None:
        chance = hit.box.chance * weights[best.scale]
        grid = grid_of(hit, chance, preamble=best.preamble is not None)
    return public, replace(measured(info, band_hz, features, (), lags), folded=grid)


def _features(best: FoldSighting, bin_s: float) -> Features:
    hit = best.hit
    width_s = None if hit is None else hit.box.width * bin_s
    return {
        "burst_duration_median_s": width_s,
        "burst_duration_sigma_s": None if hit is None else bin_s,
        "fold_phase_s": best.phase * bin_s,
        "fold_z": None if hit is None else hit.box.z,
        "fold_control_z": None if hit is None else hit.control_z,
        "fold_rival": None if hit is None else hit.rival,
        "frame_share": None if hit is None else hit.on_share,
        "every_frame": None if hit is None else hit.every_frame,
        **_duty(hit),
        "continuous": False,
        "tone": False,
    }


def _duty(hit: FoldHit | None) -> Features:
    """Part of the time that is on, where every frame is known to be alike."""
    if hit is None or not hit.every_frame:
        return {"duty_cycle": None, "duty_cycle_doubt": None}
    return {"duty_cycle": hit.on_share, "duty_cycle_doubt": hit.on_doubt}


def _period(track: FoldTrack) -> Features:
    """Period by the window that tells it best, and its drift from the nominal frame."""
    hits = [s.hit for s in track.best.values() if s.hit is not None]
    told = [hit.period for hit in hits if hit.period is not None]
    best = min(told, key=lambda period: period.sigma_s, default=None)
    if best is None:
        return dict.fromkeys(("fold_drift_ppm", "frame_period_s", "frame_period_sigma_s"))
    return {
        "fold_drift_ppm": 1e6 * (best.period_s * FRAME_RATE_HZ - 1),
        "frame_period_s": best.period_s,
        "frame_period_sigma_s": best.sigma_s,
    }


def _band(
    hit: FoldHit | None,
    edges: NDArray[np.int64],
    offsets_hz: NDArray[np.float64],
    bin_hz: float,
) -> tuple[float, float] | None:
    """Offsets of the outermost sub-bands that take part; None if it fills the slice."""
    if hit is None:
        return None
    excess = hit.subband_excess
    mean = float(np.sort(excess)[excess.size // 2 :].mean())
    part = excess > mean / 2 - LACKING_SIGMAS * hit.subband_sigma
    if part.mean() > FILLED_SHARE or not part.any():
        return None
    first, last = np.flatnonzero(part)[[0, -1]]
    low, high = int(edges[first]), int(edges[last + 1]) - 1
    return float(offsets_hz[low]) - bin_hz / 2, float(offsets_hz[high]) + bin_hz / 2
