"""Repetition within single frames, folded at the frame rate.

A preamble of equal copies correlates at the copies' length. One frame of 27 µs
holds it whole; its lag product is taken from the frame's own whitened spectrum
(Wiener-Khinchin), so that neither the receiver's filter nor a steady carrier
correlates by itself, and any lag can be asked for. The product's phase is set by
the carrier offset times the lag, which no clock moves by much in 15 s: products
add up coherently over all frames of one phase. The sequence, level and carrier
need not be known, and a slice outside the terminal's allocation, which shows the
preamble alone, serves as well as one inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.fold import FoldPlan, fold_spectra
from sdr_detect.dsp.layout import Layout
from sdr_detect.dsp.order import medians
from sdr_detect.dsp.runs import runs
from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.fold_powers import lag_powers
from sdr_detect.features.lag import RESOLVED_SAMPLES, LagPeak
from sdr_detect.model import ComplexArray, FloatArray

#: Copies of the uplink preamble at 60 and at 62.5 Msps, the downlink's, and
#: whole fractions of the first, which a shorter sequence repeats after too.
CLAIMED_S = (2.1333333e-6, 2.048e-6, 1.0666667e-6, 0.7111111e-6, 0.5333333e-6)

#: Those that make a preamble of a terminal.
UPLINK = (0, 1)

#: Lags at which no preamble repeats, even in a slice of 2 MHz, which tells two
#: lags apart from 0.5 µs on: what correlates there as well is narrow in band.
CONTROL_S = (1.5e-6, 2.85e-6, 3.2e-6, 3.55e-6)

#: Twice the uplink's lags: its 8.4 copies repeat there as well, nearly as much; the
#: downlink's sequence, which repeats after the first lag too, is over by then.
TWICE_S = tuple(2 * CLAIMED_S[k] for k in UPLINK)

#: Part of the repetition that is asked for after twice the lag; the uplink shows
#: 0.8 of it (5.4 - 1 of 8.4 copies, to 6.4 - 1).
LEAST_TWICE = 0.4
TWICE_SIGMAS = 1.0

#: Frames count as they are, and by the probability that a burst begins there:
#: the first is better where every period holds a burst, the second where few do.
SETS = 2

#: A frame's power, over the noise level, is taken to be no less.
LEAST_POWER = 0.3

#: Frames, at least, that a median is taken over. Its error is common to all phases, and
#: goes with what else is: it is left only where dwells of a window weigh unlike.
SOME = 512

#: Frames transformed together: few enough for the library's routine for small matrices.
BATCH = 64

#: A preamble of 17.9 µs reaches into up to three frames.
WIDTHS = (1, 2, 3)

#: Row of the unweighted frames at the greatest width.
PLAIN = SETS * (len(WIDTHS) - 1)

#: A claimed lag must stand out this much (in power) above the control lags.
ABOVE_CONTROLS = 2.0

#: Doubt, in deviations, that is allowed for: of too much repetition for its energy,
#: and of too little, where a downlink is what else it could be.
ENERGY_SIGMAS = 2.0
SHARE_SIGMAS = 1.0

#: Quantile of the energy over phases that is taken for silence: a downlink's
#: frames may be full for most of their time.
QUIET = 0.1

#: Correlation of a preamble over the energy of the frames that hold it. Of the
#: uplink's 8.4 copies the first is inverted, 0.64; the frames hold some of what
#: follows too, the more the more they are. The downlink's sequence of 4.4 µs makes
#: less than 0.2, and with noise up to 0.29.
LEAST_SHARES = (0.35, 0.3, 0.3)
LEAST_SHARE = min(LEAST_SHARES)
MOST_SHARE = 0.85

#: What a downlink's sequence makes, and the deviations by which a preamble must
#: exceed it where all periods count alike, or are, as a downlink's frames are.
DOWNLINK_SHARE = 0.2
PLAIN_SIGMAS = 4.0

#: A larger share of a frame's power is not told from all of it: 30 dB.
MOST_POWER_SHARE = 0.999

#: Error stated for a lag, relative: the distance of the control lags.
RESOLUTION = 0.06


class FrameLags:
    """Takes the lag products of frames at one sample rate."""

    def __init__(self, layout: Layout) -> None:
        shortest: float = RESOLVED_SAMPLES / layout.sample_rate_hz
        self.lags_s = [lag for lag in (*CLAIMED_S, *CONTROL_S, *TWICE_S) if lag >= shortest]
        if any(CLAIMED_S[k] not in self.lags_s for k in UPLINK):
            self.lags_s = []
        angle = 2 * np.pi * layout.offsets_hz[:, None] * np.array(self.lags_s)
        # Cosine and sine of every lag, and a column that adds up the power.
        turns = np.exp(1j * angle).astype(np.complex64).view(np.float32)
        self._turns = np.append(turns, np.ones((layout.nfft, 1), np.float32), axis=1)

    def folded(
        self, dwell: Dwell, weight: FloatArray, ok: NDArray[np.bool_], plan: FoldPlan
    ) -> ComplexArray:
        """Lag products of frames, and their energies, weighted and summed by phase.

        The products of all frames of a phase are those of their summed spectra.

        Parameters
        ----------
        weight : (frames,) float32
            Probability that a burst begins at the frame: the frames between
            bursts hold nothing but noise.
        ok : (frames,) bool
            Frames that count.
        plan : FoldPlan
            Of one rate.

        Returns
        -------
        (bins, SETS, lags + 2) complex64
            Once as they are and once weighted: correlations divided by the
            frame's own power, so that strong frames do not outweigh the rest,
            less what correlates all the time; the share of the power above the
            noise level; last the weight and, as imaginary part, its square.
            No lags where the slice is too narrow to resolve the uplink's
            preamble and its controls.
        """
        layout, count = dwell.layout, len(self.lags_s)
        found = np.zeros((plan.size, SETS, count + 2), np.complex64)
        used = (layout.subband >= 0) & (dwell.floor > 0)
        if not (count and ok.any() and used.any()):
            return found
        white = np.zeros(layout.nfft, np.float32)
        np.divide(1.0 / np.count_nonzero(used), dwell.floor, out=white, where=used)
        sums = np.zeros((plan.size, SETS, layout.nfft), np.float32)
        scalars = np.zeros((plan.size, SETS, 3), np.float32)
        (phase,), (step,) = plan.phases(dwell.first_sample)
        fold_spectra(dwell.power, white, weight, LEAST_POWER, runs(ok), phase, step, sums, scalars)
        middle = self._middle(dwell, white)
        both = sums.reshape(-1, layout.nfft) @ self._turns[:, :-1]
        both = both.reshape(plan.size, SETS, -1) - scalars[..., :1] * middle[:-1]
        found[..., :count] = both.view(np.complex64)
        found[..., -2] = scalars[..., 2] - scalars[..., 0] * middle[-1]
        found[..., -1] = scalars[..., 0] + 1j * scalars[..., 1]
        return found

    def _middle(self, dwell: Dwell, white: FloatArray) -> FloatArray:
        """Median of the frames' products and of their share of power: what is there all the time.

        (2 lags + 1,), real and imaginary parts.
        """
        frames = np.flatnonzero(dwell.frame_ok)
        frames = frames[:: max(1, frames.size // SOME)]
        turns = white[:, None] * self._turns
        found = np.empty((frames.size, turns.shape[1]), np.float32)
        for at in range(0, frames.size, BATCH):
            rows = slice(at, at + BATCH)
            np.matmul(dwell.power[frames[rows]], turns, out=found[rows])
        share = 1 / np.maximum(found[:, -1:], np.float32(LEAST_POWER))
        found *= share
        found[:, -1:] = 1 - share
        middle: FloatArray = medians(found, axis=0)
        return middle


@dataclass(frozen=True, slots=True)
class PreambleHit:
    """A lag that repeats at one phase: its index, first bin, row of the search, power, chance.

    ``excess`` is the energy of its frames above the noise level, relative to it.
    """

    lag: int
    start: int
    row: int
    power: float
    chance: float
    excess: float


class FoldedLags:
    """Lag products of a window, by phase; answers like a `LagSum` of a few phases.

    Parameters
    ----------
    sums : (bins, SETS, lags + 2) complex128
        As `FrameLags.folded` makes them.
    lags_s : sequence of float
        The claimed ones first.
    """

    def __init__(self, sums: NDArray[np.complex128], lags_s: Sequence[float]) -> None:
        self._lags_s = np.asarray(lags_s)
        self._claimed = int(np.count_nonzero(np.isin(self._lags_s, CLAIMED_S)))
        self._controls = slice(self._claimed, len(self._lags_s) - len(TWICE_S))
        # Rows: every width of both sets.
        rows, shape = SETS * len(WIDTHS), (len(sums), len(self._lags_s))
        self._power, self._mean = np.empty((rows, *shape)), np.empty((rows, *shape))
        self._energy, self._doubt = np.empty((rows, len(sums))), np.empty((rows, len(sums)))
        found = self._power, self._mean, self._energy, self._doubt
        lag_powers(sums, np.array(WIDTHS), QUIET, *found)
        self._near = np.arange(len(sums))
        self._every = False

    def at(self, first_bin: int, bins: int, *, every: bool) -> FoldedLags:
        """The same, to be asked about ``bins`` phases from ``first_bin`` on.

        ``every`` tells that something begins there in every frame.
        """
        near = copy(self)
        near._every = every
        near._near = np.arange(first_bin, first_bin + bins) % self._power.shape[1]
        return near

    def search(self) -> PreambleHit | None:
        """The most significant repetition of an uplink preamble."""
        hits = [self._best(k) for k in UPLINK if k < self._claimed]
        return min(hits, key=lambda hit: hit.chance) if hits else None

    def test(self, lag_s: float, tolerance: float) -> LagPeak | None:
        """As `test_comb`: a frame holds no more than the preamble."""
        return self.test_comb(lag_s, tolerance)

    def test_comb(self, lag_s: float, tolerance: float) -> LagPeak | None:
        """Whether frames at these phases repeat after a claimed lag.

        None for a lag that was not looked at.
        """
        off = np.abs(self._lags_s[: self._claimed] - lag_s)
        if not off.size or off.min() > tolerance * lag_s:
            return None
        return self._peak(int(np.argmin(off)))

    def peaks(self, pfa: float) -> list[LagPeak]:
        """Claimed lags that repeat, most significant first."""
        found = [self._peak(k) for k in range(self._claimed)]
        return sorted((p for p in found if p.pfa < pfa), key=lambda p: p.pfa)

    def _best(self, lag: int) -> PreambleHit:
        power = self._power[:, self._near, lag]
        row, column = np.unravel_index(int(np.argmax(power)), power.shape)
        start = int(self._near[column])
        top = float(power[row, column])
        tests = self._near.size * len(self._power) * len(UPLINK)
        chance = min(1.0, tests * float(np.exp(-top)))
        if not self._possible(int(row), start, lag):
            chance = 1.0
        # Energies are shares of the frames' power: 1 - 1 / (1 + excess).
        share = min(float(self._energy[row, start]), MOST_POWER_SHARE)
        return PreambleHit(lag, start, int(row), top, chance, share / (1 - share))

    def _possible(self, row: int, start: int, lag: int) -> bool:
        """Whether a preamble can look so.

        It does not correlate at other lags, as what is narrow in band does. Its
        product cannot exceed its share of the energy (Cauchy and Schwarz) as
        that of a short sequence inside a steady signal does; nor be much less,
        as that of a downlink's short sequence before its payload is. It goes on
        after twice the lag.
        """
        sigma = self._doubt[row, start]
        energy, mean = self._energy[row, start], self._mean[row, start, lag]
        beside = self._power[row, start, self._controls].max(initial=0.0)
        if self._power[row, start, lag] < ABOVE_CONTROLS * beside:
            return False
        beside = self._mean[row, start, self._controls].max(initial=0.0)
        if mean**2 < ABOVE_CONTROLS * beside**2:
            return False
        if lag in UPLINK:
            twice = self._mean[row, start, len(self._lags_s) - len(TWICE_S) + UPLINK.index(lag)]
            if twice + TWICE_SIGMAS * sigma < LEAST_TWICE * (mean - TWICE_SIGMAS * sigma):
                return False
        if (
            self._every or row % SETS == 0
        ) and mean - DOWNLINK_SHARE * energy < PLAIN_SIGMAS * sigma:
            return False
        doubt = SHARE_SIGMAS * sigma
        if mean + doubt < LEAST_SHARES[row // SETS] * (energy - doubt):
            return False
        doubt = ENERGY_SIGMAS * sigma
        return bool(mean - doubt <= MOST_SHARE * (energy + doubt))

    def _missed(self, lag: int) -> float | None:
        """Deviations by which a preamble is missed where energy rises; None where none does."""
        energy, doubt = self._energy[PLAIN, self._near], self._doubt[PLAIN, self._near]
        # Frames that a burst fills in part hold a part of what they show at most.
        risen = energy > max(energy.max() / 2, 0.0)
        if not risen.any():
            return None
        lacking = LEAST_SHARE * energy - self._mean[PLAIN, self._near, lag]
        # The energy's error is that of the product, of which it is a share.
        sigma = doubt * np.sqrt(1 + LEAST_SHARE**2)
        return max(0.0, float((lacking / sigma)[risen].min()))

    def _peak(self, lag: int) -> LagPeak:
        """The lag is not measured, only looked at: its resolution is its error.

        The share of signal is not known, frames without a burst dilute it.
        """
        hit = self._best(lag)
        strength = float(min(1.0, self._mean[hit.row, hit.start, lag]))
        lag_s = float(self._lags_s[lag])
        return LagPeak(lag_s, RESOLUTION * lag_s, strength, hit.chance, 0.0, self._missed(lag))
