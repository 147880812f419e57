"""Lags at which a waveform repeats itself, summed over bursts.

A preamble made of equal copies correlates at the copies' length, a cyclic
prefix at the useful symbol's length; neither needs the sequence, the noise
level or the carrier frequency to be known. A nearby burst is too short to be
sure in a narrow slice, so products are summed coherently over a dwell (the
phase is set by the carrier offset, which a tenth of a second hardly moves) and
non-coherently over dwells. In noise the sum of D dwells is Gamma(D, 1) at
every lag; what departs from that over a whole neighbourhood of lags (filter
shape, an unresolved carrier) is measured there and divided out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter
from scipy.special import gammaincc, gammainccinv

from sdr_detect.dsp.autocorr import (
    OVERSAMPLING,
    Correlation,
    Correlator,
    LagGrid,
    correlate_heads,
)
from sdr_detect.model import ComplexArray, FloatArray
from sdr_detect.settings import LagSettings

#: Cyclic prefixes are looked for beyond this width's reciprocal.
SMOOTH_HZ = 400e3

#: Shortest lag that a slice resolves, in samples.
RESOLVED_SAMPLES = 3.5

#: Around a stated lag this part of it is searched for a higher crest.
AROUND = 0.06

#: Copies that really are this long correlate at their length about as strongly
#: as at any multiple of it.
FUNDAMENTAL = 0.6

#: Fewer samples hold no preamble.
LEAST_HEAD = 24

#: Peaks kept for the record.
MAX_PEAKS = 8


@dataclass(frozen=True, slots=True)
class LagPeak:
    """One lag that noise does not explain.

    ``strength`` is the mean normalised correlation, 0 to 1; ``pfa`` the
    probability that noise shows such a peak anywhere on the grid;
    ``signal_share`` the part of the correlated power that was signal, S/(S+N),
    which bounds the strength. ``missed`` tells by how many deviations it falls
    short of the least that copies of this length would show; None where that is
    not known.
    """

    lag_s: float
    sigma_s: float
    strength: float
    pfa: float
    signal_share: float = 1.0
    missed: float | None = None


#: Statistic and degrees of freedom at every lag, and the lags that can be used.
_Statistic = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


class LagSum:
    """Lag products of a track, summed burst by burst.

    State is four arrays of the grid's size, whatever the track's length.
    ``alike`` tells that the bursts may all carry the same content, as heads do.
    """

    def __init__(self, grid: LagGrid, min_lag_s: float, *, alike: bool) -> None:
        self._grid = grid
        self._alike = alike
        # Closer than this the slice's own bandwidth correlates neighbours.
        self._min = max(
            round(RESOLVED_SAMPLES * OVERSAMPLING), int(np.ceil(min_lag_s / grid.step_s))
        )
        self._products = np.zeros(grid.size, complex)
        self._pairs = np.zeros(grid.size)
        self._power = np.zeros(grid.size)
        self._strength = np.zeros(grid.size)
        self._all_pairs = np.zeros(grid.size)
        self._cached: tuple[int, _Statistic] | None = None
        self._signal_share = 0.0
        self.dwells = 0
        self.members = 0

    def add(self, correlation: Correlation, signal_share: float = 1.0) -> None:
        """Add one burst of the current dwell, of which that share was signal."""
        self._signal_share += signal_share
        self._products += correlation.products
        self._pairs += correlation.pairs
        self.members += 1

    def close_dwell(self) -> None:
        """The next burst belongs to another dwell."""
        if not self._pairs[0]:
            return
        held = np.maximum(self._pairs, 1.0)
        self._power += np.abs(self._products) ** 2 / held
        self._strength += np.abs(self._products)
        self._all_pairs += self._pairs
        self.dwells += 1
        self._products[:] = 0
        self._pairs[:] = 0

    def peaks(self, pfa: float) -> list[LagPeak]:
        """Lags that repeat, most significant first."""
        power, dof, valid = self._statistic()
        if valid.size < 8:
            return []
        lags = self._grid.lags_s
        inner = valid[(valid > 0) & (valid < power.size - 1)]
        crests = inner[(power[inner] >= power[inner - 1]) & (power[inner] > power[inner + 1])]
        crests = crests[gammaincc(dof[crests], power[crests]) * valid.size < pfa]
        highest = crests[np.argsort(-power[crests], kind="stable")][:MAX_PEAKS]
        return [self._peak(int(at), power, dof, lags, valid.size) for at in highest]

    def test(self, lag_s: float, tolerance: float) -> LagPeak | None:
        """Whether the waveform repeats after one stated lag.

        The highest crest around the lag must lie within ``tolerance``
        (relative) and three times its own error: the side lobe of a neighbour
        does not count. ``pfa`` counts only the lags searched. None where the
        lag cannot be measured.
        """
        power, dof, valid = self._statistic()
        lags = self._grid.lags_s
        reach = max(AROUND * lag_s, 2.5 * OVERSAMPLING * self._grid.step_s)
        near = valid[np.abs(lags[valid] - lag_s) <= reach] if valid.size else valid
        near = near[(near > 0) & (near < power.size - 1)]
        if not near.size:
            return None
        at = int(near[np.argmax(power[near])])
        peak = self._peak(at, power, dof, lags, near.size)
        crest = power[at] >= power[at - 1] and power[at] >= power[at + 1]
        if not crest or abs(peak.lag_s - lag_s) > tolerance * lag_s + 3 * peak.sigma_s:
            return replace(peak, pfa=1.0)
        return peak

    def test_comb(self, lag_s: float, tolerance: float) -> LagPeak | None:
        """Whether the waveform consists of equal copies ``lag_s`` long.

        Copies correlate at every multiple of their length. The statistic at
        the multiples on the grid is added up, which gives more evidence than
        the first alone and places the length as finely as the last multiple
        does. None where fewer than two multiples can be measured.
        """
        power, dof, valid = self._statistic()
        if not valid.size:
            return None
        step, lags = self._grid.step_s, self._grid.lags_s
        first, last = lags[valid[0]], lags[valid[-1]]
        count = int(last / (lag_s * (1 + AROUND)))
        if count < 2 or lag_s * (1 - AROUND) < first:
            return None
        trial = np.arange(lag_s * (1 - AROUND), lag_s * (1 + AROUND), step / (2 * count))
        multiples = np.arange(1, count + 1)[:, None] * trial
        total = np.interp(multiples, lags, power).sum(axis=0)
        freedom = np.interp(multiples, lags, dof).sum(axis=0)
        at = int(np.argmax(total))
        tests = max(1.0, 2 * AROUND * lag_s * count / step)
        pfa = float(min(1.0, gammaincc(freedom[at], total[at]) * tests))
        held = np.maximum(self._all_pairs, 1.0)
        strengths = np.interp(multiples[:, at], lags, self._strength / held)
        strength = float(strengths[0])
        fundamental = strength > FUNDAMENTAL * float(strengths.max())
        # Each multiple places the length; the error of the sum is that of the
        # longest, shared by all.
        sigma_s = 0.5 / self._grid.sample_rate_hz / np.sqrt(max(total[at], 1.0)) / count
        share = self._signal_share / max(1, self.members)
        peak = LagPeak(float(trial[at]), float(sigma_s), strength, pfa, share)
        edge = at in (0, trial.size - 1)
        if (
            edge
            or not fundamental
            or abs(peak.lag_s - lag_s) > tolerance * lag_s + 3 * sigma_s + step / (2 * count)
        ):
            return replace(peak, pfa=1.0)
        return peak

    def _statistic(self) -> _Statistic:
        """The statistic of all closed dwells; every claim asks for it."""
        if self._cached is None or self._cached[0] != self.dwells:
            self._cached = (self.dwells, self._evaluate())
        return self._cached[1]

    def _evaluate(self) -> _Statistic:
        """Gamma(dof, 1) in noise, scaled by the surroundings' own level; dof; valid lags."""
        usable = self._all_pairs > 0
        usable[: self._min] = False
        valid = np.flatnonzero(usable)
        power = np.zeros_like(self._power)
        dof = np.ones_like(self._power)
        if not self.dwells or valid.size < 8:
            return power, dof, valid[:0]
        width = min(valid.size // 2 * 2 - 1, max(31, valid.size // 8) | 1)
        # A low quantile: the peaks themselves fill much of a short grid.
        around = percentile_filter(self._power[valid], 30, width, mode="nearest")
        around /= gammainccinv(self.dwells, 0.7)
        excess = np.maximum(around, 1.0)
        if self._alike:
            # Random content that is the same in every burst averages to the
            # number of bursts at every lag; to more only if narrow in band.
            most = max(1.0, self.members / self.dwells)
            excess = np.where(excess < 3 * most, np.minimum(excess, most), excess)
        power[valid] = self._power[valid] / excess
        # Bursts that always begin alike repeat their own side lobes: dwells
        # that only repeat each other are no independent evidence.
        dof[valid] = np.maximum(1.0, self.dwells / excess)
        power[valid] *= dof[valid] / self.dwells
        return power, dof, valid

    def _peak(
        self,
        at: int,
        power: NDArray[np.float64],
        dof: NDArray[np.float64],
        lags: NDArray[np.float64],
        tests: int,
    ) -> LagPeak:
        left, mid, right = np.sqrt(power[at - 1 : at + 2])
        curve = left - 2 * mid + right
        shift = 0.5 * (left - right) / curve if curve < 0 else 0.0
        # Width of the correlation peak is the reciprocal bandwidth; its error
        # falls with the square root of the significance.
        sigma_s = 0.5 / self._grid.sample_rate_hz / np.sqrt(max(power[at], 1.0))
        return LagPeak(
            float(lags[at] + shift * self._grid.step_s),
            float(sigma_s),
            float(self._strength[at] / max(self._all_pairs[at], 1.0)),
            float(min(1.0, gammaincc(dof[at], power[at]) * tests)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class BurstLags:
    """Lag products of one burst: its head (preamble) and its body.

    ``head_share`` is the part of the head's power that stands above the noise;
    ``body_iq`` a copy of the body's samples.
    """

    head: Correlation
    head_share: float
    body: Correlation | None
    body_iq: ComplexArray | None


class LagMeter:
    """Cuts heads and bodies out of a dwell and correlates them."""

    def __init__(self, sample_rate_hz: float, settings: LagSettings) -> None:
        self._settings = settings
        self._rate = sample_rate_hz
        self.head_grid = LagGrid(sample_rate_hz, settings.head_max_lag_s)
        self.body_grid = LagGrid(sample_rate_hz, settings.max_lag_s)
        longest = settings.max_lag_s * sample_rate_hz
        self._body_left = settings.body_samples_per_dwell
        block = max(64, 1 << max(0, int(np.ceil(np.log2(2 * longest)))))
        self._correlate = Correlator(self.body_grid, block, SMOOTH_HZ)

    @property
    def resolves_head(self) -> bool:
        """Whether a head holds enough samples to correlate."""
        return self._settings.head_s * self._rate >= LEAST_HEAD

    def new_head_sum(self) -> LagSum:
        """An empty sum for heads."""
        return LagSum(self.head_grid, self._settings.min_lag_s, alike=True)

    def new_body_sum(self) -> LagSum:
        """An empty sum for bodies or for the stream."""
        return LagSum(self.body_grid, 1 / SMOOTH_HZ, alike=False)

    def begin_dwell(self) -> None:
        """Allow the samples of another dwell."""
        self._body_left = self._settings.body_samples_per_dwell

    def burst(self, iq: ComplexArray, start: int, stop: int, shape: FloatArray) -> BurstLags | None:
        """Correlate the burst at samples [start, stop) of ``iq``."""
        return self.bursts(iq, [(start, stop)], shape)[0]

    def bursts(
        self, iq: ComplexArray, spans: Sequence[tuple[int, int]], shape: FloatArray
    ) -> list[BurstLags | None]:
        """Correlate the bursts at samples [start, stop) of ``iq``.

        None for those whose head is too short, or missing.
        """
        found: list[BurstLags | None] = [None] * len(spans)
        if not self.resolves_head:
            return found
        heads = [self._head(iq, start) for start, _ in spans]
        noise = float(shape.mean(dtype=np.float64))
        # All heads have one length, but for those cut off by the end.
        for size in sorted({head.size for head in heads if head.size >= LEAST_HEAD}):
            alike = [k for k, head in enumerate(heads) if head.size == size and head.any()]
            if not alike:
                continue
            together = np.stack([heads[k] for k in alike])
            sums = correlate_heads(together, self.head_grid, shape)
            powers = np.mean(together.real**2 + together.imag**2, axis=1)
            for k, head, power in zip(alike, sums, powers, strict=True):
                found[k] = BurstLags(head, max(0.0, 1 - noise / float(power)), None, None)
        self._add_bodies(found, iq, spans)
        return found

    def _head(self, iq: ComplexArray, start: int) -> ComplexArray:
        first = max(0, start - round(1e-6 * self._rate))
        return iq[first : first + round(self._settings.head_s * self._rate)]

    def _add_bodies(
        self, found: list[BurstLags | None], iq: ComplexArray, spans: Sequence[tuple[int, int]]
    ) -> None:
        """The bodies' products as well, while the dwell's samples last."""
        longest = round(self._settings.burst_s * self._rate)
        bodies = {}
        for k, (start, stop) in enumerate(spans):
            body = iq[start : min(stop, start + longest)]
            enough = body.size >= 2 * self._settings.max_lag_s * self._rate
            if found[k] is not None and enough and self._body_left > 0:
                self._body_left -= body.size
                bodies[k] = body
        products = self._correlate(list(bodies.values()))
        for (k, body), of_body in zip(bodies.items(), products, strict=True):
            of_head = found[k]
            if of_head is not None:
                found[k] = replace(of_head, body=of_body, body_iq=body.copy())

    def stretch(self, iq: ComplexArray) -> ComplexArray:
        """The part of the stream that `stream` correlates."""
        longest = round(self._settings.stream_s * self._rate)
        return iq[: min(longest, self._settings.body_samples_per_dwell)]

    def stream(self, iq: ComplexArray) -> Correlation | None:
        """Correlate a stretch of the stream itself."""
        stretch = self.stretch(iq)
        if stretch.size < 4 * self._settings.max_lag_s * self._rate or not stretch.any():
            return None
        return self._correlate([stretch])[0]
