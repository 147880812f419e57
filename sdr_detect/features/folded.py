"""A window of folded dwells, and what repeats at the frame rate in it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.fold import COMPETITORS, CONTROLS, FRAME_RATE_HZ, make_plan, shifted_sum
from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.pulses import pulsed_frames
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.fold_lags import FrameLags
from sdr_detect.features.fold_period import FoldPeriod, fold_period
from sdr_detect.features.fold_search import (
    Box,
    best_box,
    best_of_columns,
    box_widths,
    highest_of_each,
    unsteadiness,
)
from sdr_detect.features.fold_values import FoldValues, clipped_energy, moments
from sdr_detect.features.frame_share import every_frame, on_doubt, on_part
from sdr_detect.model import ComplexArray, FloatArray

#: Clock errors of receiver and terminal together, and the change of the path to
#: a satellite that a terminal's timing may follow: ±20 ppm (orbital speed over c).
DRIFT_PPM = 25.0

#: Bins that a box may slip over a window between two trial drifts.
DRIFT_STEP_BINS = 2.0

#: The best wrong rate may reach this part of the deviation at the right one.
CONTROL_SHARE = 0.75

#: Noise alone reaches this deviation at some wrong rate: it says nothing.
CONTROL_NOISE = 4.5

#: Rates this far beside the frame's are compared over a window of so many
#: dwells, less over longer ones; one explains it when it does so much better.
NEARBY_PPM = 1000.0
NEARBY_DWELLS = 5
NEARBY_SHARE = 1.1

#: A grid counts as kept when bursts at random times do so this rarely.
GRID_PFA = 1e-4

#: Shortest burst with a payload, 3 symbols (Jiao 2026): what is shorter is a
#: preamble alone, or a radar's pulse.
SHORTEST_BURST_S = 53.6e-6

#: A pulse fills the frames of two bins, the shortest burst those of four.
PULSE_SHARE = 0.7

#: Bins looked at before and behind the box for that.
BESIDE = 2


@dataclass(frozen=True, slots=True, eq=False)
class DwellFold:
    """One dwell, folded.

    Parameters
    ----------
    first_sample : int
    sums : (bins, COLUMNS) float32
        Values (`sdr_detect.features.fold_values`) by phase at the frame rate.
    subbands : (bins, subbands) float32
        Energies of the sub-bands, likewise.
    counts : (bins,) float32
    others : (size, COLUMNS) float32
        As ``sums``, at control and competing rates.
    other_counts : (size,) float32
    moments : (2, COLUMNS) float64
        Variance and skewness of one frame's value.
    lags : (bins, SETS, lags + 2) complex64
        Lag products of single frames (`FrameLags.folded`), likewise.
    """

    first_sample: int
    sums: FloatArray
    subbands: FloatArray
    counts: FloatArray
    others: FloatArray
    other_counts: FloatArray
    moments: NDArray[np.float64]
    lags: ComplexArray


@dataclass(frozen=True, slots=True, eq=False)
class FoldHit:
    """What repeats at the frame rate in one window.

    ``chance`` is that of noise alone; that of the box, that of bursts at random
    times. ``peak_share`` is the part of the excess that two neighbouring bins
    hold. ``drift_ppm`` is a trial value, ``period`` what the moving phase tells,
    if it does. ``control_z`` is the largest deviation at a wrong rate, ``rival``
    the competing rate, relative to the frame rate, that explains the window better,
    if one does. ``subband_excess`` is (subbands,), with the deviation of noise.
    ``on_share`` is the part of the frame that is on, with its error, and
    ``every_frame`` whether it is on in every frame: None where that is not told.
    """

    chance: float
    box: Box
    peak_share: float
    profile: NDArray[np.float64]
    drift_ppm: float
    period: FoldPeriod | None
    control_z: float
    rival: float | None
    subband_excess: NDArray[np.float64]
    subband_sigma: float
    on_share: float
    on_doubt: float
    every_frame: bool | None

    @property
    def is_pulse(self) -> bool:
        """Whether it is shorter than any burst: a preamble alone, or a radar's pulse."""
        return self.peak_share > PULSE_SHARE

    @property
    def steady(self) -> bool:
        """Whether it keeps the frame rate, and neither a wrong nor a competing one."""
        quiet = self.control_z < max(CONTROL_NOISE, CONTROL_SHARE * self.box.z)
        return quiet and self.rival is None


class Folder:
    """Folds the dwells of one layout."""

    def __init__(self, layout: Layout) -> None:
        self.plan = make_plan(layout, (1.0,))
        self.others = make_plan(layout, (*CONTROLS, *COMPETITORS))
        self.values = FoldValues(layout)
        self.lags = FrameLags(layout)
        self.dwell_samples = layout.dwell_samples
        self.sample_rate_hz = layout.sample_rate_hz
        bin_s = layout.hop / layout.sample_rate_hz
        self.least_width = max(2, round(SHORTEST_BURST_S / bin_s))

    def fold(self, dwell: Dwell) -> DwellFold:
        """Fold one dwell."""
        first = dwell.first_sample
        ok = dwell.frame_ok & ~pulsed_frames(dwell)
        energy = clipped_energy(dwell, ok)
        values = self.values.of(energy, ok)
        sums, counts = self.plan.fold(first, values, ok)
        others, other_counts = self.others.fold(first, values, ok)
        return DwellFold(
            first,
            sums,
            self.plan.fold(first, energy, ok)[0],
            counts,
            others,
            other_counts,
            moments(values, ok),
            self.lags.folded(dwell, self.values.weight(values), ok, self.plan),
        )


class FoldWindow:
    """Sums of a run of dwells, aligned for any drift."""

    def __init__(self, dwells: Sequence[DwellFold], folder: Folder) -> None:
        self.dwells = dwells
        self._plan = folder.plan
        self._others = folder.others
        self._values = folder.values
        self._burst_frames = folder.values.burst_frames
        self._sparse = np.array(self._burst_frames) > 0
        self._trials = np.array(folder.values.trials)
        self._least = folder.least_width
        self._dwell_samples = folder.dwell_samples
        self._sample_rate_hz = folder.sample_rate_hz
        self.first_sample = dwells[0].first_sample
        self.stop_sample = dwells[-1].first_sample + folder.dwell_samples
        self._starts = np.array([dwell.first_sample for dwell in dwells], np.float64)
        self._stacked: dict[tuple[str, int | None], NDArray[Any]] = {}

    @property
    def bins(self) -> int:
        """Phase bins of the frame."""
        return self._plan.size

    def drifts_ppm(self) -> NDArray[np.float64]:
        """Trial drifts of this window."""
        span = self.stop_sample - self.first_sample
        slip = DRIFT_PPM * 1e-6 * span / self._plan.hop
        steps = int(np.ceil(slip / DRIFT_STEP_BINS)) if slip > DRIFT_STEP_BINS / 2 else 0
        return np.linspace(-DRIFT_PPM, DRIFT_PPM, 2 * steps + 1) if steps else np.zeros(1)

    def aligned(self, name: str, drift_ppm: float, column: int | None = None) -> NDArray[Any]:
        """Sum over dwells of a profile named as in `DwellFold`, drift taken out.

        Of one ``column`` only, if it is named. The phase is that of the
        window's middle.
        """
        if len(self.dwells) == 1:
            alone: NDArray[Any] = getattr(self.dwells[0], name)
            return alone if column is None else alone[:, column]
        parts = self._parts(name, column)
        middle = (self.first_sample + self.stop_sample) / 2
        ahead = self._starts + self._dwell_samples / 2 - middle
        shifts = np.rint(drift_ppm * 1e-6 * ahead / self._plan.hop).astype(np.int64)
        total = shifted_sum(parts.view(np.float32).reshape(*parts.shape[:2], -1), shifts)
        return total.view(parts.dtype).reshape(parts.shape[1:])

    def _parts(self, name: str, column: int | None) -> NDArray[Any]:
        """That profile of every dwell, (dwells, bins, ...), contiguous."""
        key = name, column
        if key not in self._stacked:
            parts = [getattr(dwell, name) for dwell in self.dwells]
            if column is not None:
                parts = [part[:, column] for part in parts]
            self._stacked[key] = np.stack(parts)
        return self._stacked[key]

    def search(self, budget: float) -> FoldHit | None:
        """What keeps the frame rate; None when noise does so oftener than ``budget``."""
        drifts = self.drifts_ppm()
        noise = self._noise(in_noise=True)
        found = [(self._best(noise, d, drifts.size), float(d)) for d in drifts]
        # Chances of strong emissions underflow alike.
        (box, _), drift_ppm = min(found, key=lambda one: (one[0][0].chance, -one[0][0].z))
        if box.chance > budget:
            return None
        return self._confirm(box.chance, drift_ppm, drifts.size)

    def _best(self, noise: NDArray[np.float64], drift_ppm: float, trials: int) -> tuple[Box, int]:
        """Least likely box over all columns, and its column."""
        return best_of_columns(
            self.aligned("sums", drift_ppm),
            self.aligned("counts", drift_ppm),
            noise,
            self._sparse,
            box_widths(self.bins, self._least),
            self._trials * trials,
        )

    def _noise(self, *, in_noise: bool) -> NDArray[np.float64]:
        """Variance and skewness of each column; with bursts at random times unless ``in_noise``.

        Interference that comes and goes makes neighbouring frames alike; how
        much more the profiles at wrong rates vary than single frames tell is
        then charged to every frame.
        """
        seen = self._moments
        noise = self._values.in_noise(seen) if in_noise else seen.copy()
        noise[0] *= self._unsteady
        return noise

    @functools.cached_property
    def _moments(self) -> NDArray[np.float64]:
        """Those of single frames, over all dwells."""
        found: NDArray[np.float64] = np.mean([d.moments for d in self.dwells], axis=0)
        return found

    @functools.cached_property
    def _unsteady(self) -> NDArray[np.float64]:
        """`unsteadiness` at the control rates, over all dwells."""
        edges = self._others.offsets[: len(CONTROLS) + 1]
        sums = functools.reduce(np.add, (d.others[: edges[-1]] for d in self.dwells))
        counts = functools.reduce(np.add, (d.other_counts[: edges[-1]] for d in self.dwells))
        found: NDArray[np.float64] = unsteadiness(sums, counts, edges, self._moments[0])
        return found

    def _confirm(self, chance: float, drift_ppm: float, trials: int) -> FoldHit:
        """Compare with bursts at random times, wrong and competing rates; measure the sub-bands."""
        noise = self._noise(in_noise=False)
        box, column = self._best(noise, drift_ppm, trials)
        variance, frames = float(noise[0, column]), self._burst_frames[column]
        sums = np.array([d.others[:, column] for d in self.dwells], np.float64).sum(axis=0)
        counts = np.array([d.other_counts for d in self.dwells], np.float64).sum(axis=0)
        least = 0 if frames else self._least
        reached = highest_of_each(sums, counts, self._others.offsets, variance, least).tolist()
        rivals = zip(COMPETITORS.items(), reached[len(CONTROLS) :], strict=True)
        better = (ratio for (ratio, share), z in rivals if z > max(share * box.z, CONTROL_NOISE))
        period = self._period(column, drift_ppm, variance, box.z)
        box = replace(box, width=frames or box.width)
        excess, sigma = self._subbands(box, drift_ppm)
        profile = self._profile(drift_ppm)
        return FoldHit(
            chance,
            replace(box, excess=float(excess.mean())),
            _peak_share(box, profile),
            profile,
            drift_ppm,
            period,
            max(reached[: len(CONTROLS)]),
            next(better, None) or self._nearby(box.z, noise[:, 0]),
            excess,
            sigma,
            *self._shares(profile, drift_ppm, noise[0]),
        )

    def _shares(
        self, profile: NDArray[np.float64], drift_ppm: float, variance: NDArray[np.float64]
    ) -> tuple[float, float, bool | None]:
        """Part of the frame that is on, its error, and whether it is on in every frame."""
        start, width = on_part(profile)
        counts = np.maximum(self.aligned("counts", drift_ppm).astype(np.float64), 1.0)
        doubt = on_doubt(profile, start, width, float(np.sqrt(variance[0] / counts.mean())))
        fitting = [k for k, n in enumerate(self._burst_frames) if 0 < n <= width]
        if not fitting:
            return width / self.bins, doubt, None
        column = max(fitting, key=lambda k: self._burst_frames[k])
        odds = self.aligned("sums", drift_ppm, column).astype(np.float64) / counts
        every = every_frame(
            (profile - profile.mean()) / np.sqrt(variance[0]),
            odds - odds.mean(),
            start,
            self._burst_frames[column],
            float(np.sqrt(variance[column] / counts.mean())),
        )
        return width / self.bins, doubt, every

    def _nearby(self, z: float, noise: NDArray[np.float64]) -> float | None:
        """A rate beside the frame's, relative to it, that explains the window better.

        A radar at 750.2 Hz slips through the frame in a few seconds and fills a
        box as long as a burst; at its own rate it is a pulse.
        """
        span = self.stop_sample - self.first_sample
        reach_ppm = NEARBY_PPM / len(self.dwells) * NEARBY_DWELLS
        slip = reach_ppm * 1e-6 * span / self._plan.hop
        if len(self.dwells) < NEARBY_DWELLS or slip < DRIFT_STEP_BINS:
            return None
        trial = np.linspace(-reach_ppm, reach_ppm, 2 * int(slip / DRIFT_STEP_BINS) + 1)
        trial = trial[np.abs(trial) > 2 * DRIFT_PPM]
        best = 0.0, 0.0
        for drift in trial:
            sums = self.aligned("sums", drift, 0).astype(np.float64)
            counts = self.aligned("counts", drift).astype(np.float64)
            found = best_box(sums, counts, noise, box_widths(self.bins, self._least))
            best = max(best, (found.z, float(drift)))
        return 1 + 1e-6 * best[1] if best[0] > NEARBY_SHARE * z else None

    def _period(
        self, column: int, drift_ppm: float, variance: float, z: float
    ) -> FoldPeriod | None:
        """Period from the phases of parts of the window; None where they tell nothing new."""
        profiles = np.stack([d.sums[:, column] for d in self.dwells]).astype(np.float64)
        starts = np.array([d.first_sample - self.first_sample for d in self.dwells])
        times_s = (starts + self._dwell_samples / 2) / self._sample_rate_hz
        frames = float(np.mean([d.counts.mean() for d in self.dwells]))
        nominal_s = 1 / FRAME_RATE_HZ
        found = fold_period(profiles, times_s, variance * frames, nominal_s, 1e-6 * drift_ppm, z)
        # That it lies somewhere within the trials was known before.
        known_s = 1e-6 * DRIFT_PPM / np.sqrt(3) * nominal_s
        return found if found is not None and found.sigma_s < known_s else None

    def _profile(self, drift_ppm: float) -> NDArray[np.float64]:
        """Mean energy of the slice in each phase bin, above the mean of all."""
        counts = self.aligned("counts", drift_ppm).astype(np.float64)
        level: NDArray[np.float64] = self.aligned("sums", drift_ppm, 0) / np.maximum(counts, 1.0)
        return level

    def _subbands(self, box: Box, drift_ppm: float) -> tuple[NDArray[np.float64], float]:
        """Excess inside the box above that outside it, per sub-band."""
        sums = self.aligned("subbands", drift_ppm).astype(np.float64)
        counts = self.aligned("counts", drift_ppm).astype(np.float64)
        inside = np.zeros(self.bins, np.bool_)
        inside[np.arange(box.start, box.start + box.width) % self.bins] = True
        within = sums[inside].sum(axis=0) / counts[inside].sum()
        without = sums[~inside].sum(axis=0) / counts[~inside].sum()
        variance = float(self._moments[0, 0])
        sigma = np.sqrt(variance * sums.shape[1] / counts[inside].sum())
        return within - without, float(sigma)


def _peak_share(box: Box, profile: NDArray[np.float64]) -> float:
    """Part of the excess in and around the box that its best two bins hold."""
    around = np.arange(box.start - BESIDE, box.start + box.width + BESIDE)
    if around.size >= profile.size:
        return 0.0
    outside = np.delete(profile, around % profile.size)
    excess = np.take(profile, around, mode="wrap") - outside.mean()
    return float((excess[1:] + excess[:-1]).max() / max(excess.sum(), 1e-30))


@dataclass(frozen=True, slots=True)
class FoldedGrid:
    """That something keeps the frame rate, for a profile's grid claim.

    ``every`` tells whether it is there in every frame; None where it cannot be told.
    """

    period_s: float
    pfa: float
    detail: str
    every: bool | None = None


def grid_of(hit: FoldHit, pfa: float, *, preamble: bool = False) -> FoldedGrid | None:
    """What a steady hit tells of the grid.

    ``pfa`` is the chance that bursts at random times do as well. None where
    that is too likely, and for pulses, as a radar may keep any rate, unless
    they begin with what repeats as a ``preamble``.
    """
    if pfa >= GRID_PFA or (hit.is_pulse and not preamble):
        return None
    period_s = 1 / FRAME_RATE_HZ
    seen = (
        f"energy {hit.box.z:.1f} deviations above that at other phases of "
        f"{period_s * 1e3:.3f} ms, {max(0.0, hit.control_z):.1f} at most at wrong rates"
    )
    return FoldedGrid(period_s, pfa, seen, hit.every_frame)
