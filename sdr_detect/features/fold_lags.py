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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.stft import Dwell
from sdr_detect.features.fold_search import FRAME_CORRELATION
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

#: Nothing longer than this (in deviations) enters from one frame.
CLIP = 3.5

#: Frames, at least, that a median is taken over: an error of 3 % is no matter.
SOME = 2048

#: A preamble of 17.9 µs reaches into up to three frames.
WIDTHS = (1, 2, 3)

#: A claimed lag must stand out this much (in power) above the control lags.
ABOVE_CONTROLS = 2.0

#: Doubt about the energy, in deviations, that is allowed for.
ENERGY_SIGMAS = 2.0

#: Error stated for a lag, relative: the distance of the control lags.
RESOLUTION = 0.06


class FrameLags:
    """Takes the lag products of frames at one sample rate."""

    def __init__(self, sample_rate_hz: float) -> None:
        shortest: float = RESOLVED_SAMPLES / sample_rate_hz
        self.lags_s = [lag for lag in (*CLAIMED_S, *CONTROL_S) if lag >= shortest]
        self._turns: FloatArray | None = None
        if any(CLAIMED_S[k] not in self.lags_s for k in UPLINK):
            self.lags_s = []

    def of(self, dwell: Dwell) -> tuple[ComplexArray, NDArray[np.float64]]:
        """Lag products of every frame.

        Returns
        -------
        products : (frames, lags) complex64
            In units of their own deviation, mean removed and clipped; zero for
            frames that are not whole. No lags where the slice is too narrow to
            resolve the uplink's preamble and its controls.
        sigma : (lags,) float64
            That deviation as a correlation: divided by the noise power.
        """
        layout = dwell.layout
        if self._turns is None:
            angle = 2 * np.pi * layout.offsets_hz[:, None] * np.array(self.lags_s)
            self._turns = np.concatenate((np.cos(angle), np.sin(angle)), axis=1).astype(np.float32)
        used = (layout.subband >= 0) & (dwell.floor > 0)
        weight = np.zeros(layout.nfft, np.float32)
        np.divide(1.0 / max(1, int(used.sum())), dwell.floor, out=weight, where=used)
        both = dwell.power @ (weight[:, None] * self._turns)
        count = len(self.lags_s)
        products = np.empty((layout.frames, count), np.complex64)
        products.real, products.imag = both[:, :count], both[:, count:]
        ok = dwell.frame_ok
        if not (count and ok.any()):
            return np.zeros_like(products), np.ones(count)
        products -= _middle(products[ok])
        # The median knows nothing of the few frames that hold a burst.
        power = products.real**2 + products.imag**2
        middle = np.median(power[ok][:: max(1, len(power) // SOME)], axis=0)
        sigma = np.sqrt(np.maximum(middle.astype(np.float64) / np.log(2), 1e-30))
        limit = np.float32(CLIP) / np.sqrt(np.maximum(power, np.float32(1e-30)))
        products *= np.minimum((1 / sigma).astype(np.float32), limit)
        products[~ok] = 0
        return products, sigma


def _middle(products: ComplexArray) -> ComplexArray:
    """Median of real and imaginary part: what correlates all the time."""
    some = products[:: max(1, len(products) // SOME)]
    middle: ComplexArray = (
        np.median(some.real, axis=0) + 1j * np.median(some.imag, axis=0)
    ).astype(np.complex64)
    return middle


@dataclass(frozen=True, slots=True)
class PreambleHit:
    """A lag that repeats at one phase: its index, first bin and width, power, chance."""

    lag: int
    start: int
    width: int
    power: float
    chance: float


class FoldedLags:
    """Lag products of a window, by phase; answers like a `LagSum` of a few phases.

    Parameters
    ----------
    sums : (bins, lags) complex128
        Of products in units of their deviation.
    counts : (bins,) float64
        Frames in each bin.
    sigma : (lags,) float64
        Deviation of one product as a correlation.
    energy : (bins,) float64
        Sum of the energies above the noise level.
    variance : float
        Of one frame's energy.
    lags_s : sequence of float
        The claimed ones first.
    """

    def __init__(
        self,
        sums: NDArray[np.complex128],
        counts: NDArray[np.float64],
        sigma: NDArray[np.float64],
        energy: NDArray[np.float64],
        variance: float,
        lags_s: Sequence[float],
    ) -> None:
        self._lags_s = np.asarray(lags_s)
        self._claimed = int(np.count_nonzero(np.isin(self._lags_s, CLAIMED_S)))
        self._variance = variance
        counts = np.stack([_running(counts, width) for width in WIDTHS])
        self._counts = np.maximum(counts, 1.0)
        # The energy's mean is zero with the bursts in it: count from the quiet phases.
        level = energy / np.maximum(counts[0], 1.0)
        quiet = np.mean(np.sort(level)[: max(1, level.size // 4)])
        excess = np.stack([_running(energy, width) for width in WIDTHS])
        self._excess = excess / self._counts - quiet
        total = np.abs(np.stack([_running(sums, width) for width in WIDTHS]))
        self._mean = total * sigma / self._counts[..., None]
        self._sigma = sigma
        power = total**2 / self._counts[..., None]
        # The median over phases is noise, with whatever makes frames alike.
        noise = np.median(power, axis=1, keepdims=True) / np.log(2)
        expected = 1 + 2 * (1 - 1 / np.array(WIDTHS)) * FRAME_CORRELATION
        self._power = power / np.maximum(noise, expected[:, None, None])
        self._near = np.arange(counts.shape[1])

    def at(self, first_bin: int, bins: int) -> FoldedLags:
        """The same, to be asked about ``bins`` phases from ``first_bin`` on."""
        near = copy(self)
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
        chance = min(1.0, self._near.size * len(WIDTHS) * len(UPLINK) * float(np.exp(-top)))
        if not self._possible(int(row), start, lag):
            chance = 1.0
        return PreambleHit(lag, start, WIDTHS[row], top, chance)

    def _possible(self, row: int, start: int, lag: int) -> bool:
        """Whether a preamble can look so: energy enough, and no correlation elsewhere.

        The product of a burst with itself cannot exceed its energy (Cauchy and
        Schwarz); a short sequence inside a steady signal, as in a downlink's
        frame, correlates without a rise of the energy.
        """
        beside = float(self._power[row, start, self._claimed :].max(initial=0.0))
        if self._power[row, start, lag] < ABOVE_CONTROLS * beside:
            return False
        doubt = np.sqrt((self._variance + self._sigma[lag] ** 2) / self._counts[row, start])
        return bool(self._mean[row, start, lag] <= self._excess[row, start] + ENERGY_SIGMAS * doubt)

    def _peak(self, lag: int) -> LagPeak:
        """The lag is not measured, only looked at: its resolution is its error.

        Frames without a burst dilute both correlation and energy, so the share
        of signal is not known.
        """
        hit = self._best(lag)
        row = WIDTHS.index(hit.width)
        level = 1 + max(0.0, float(self._excess[row, hit.start]))
        strength = float(min(1.0, self._mean[row, hit.start, lag] / level))
        lag_s = float(self._lags_s[lag])
        return LagPeak(lag_s, RESOLUTION * lag_s, strength, hit.chance, 0.0)


def _running(values: NDArray[Any], width: int) -> NDArray[Any]:
    """Sum over ``width`` bins from each on, around the period."""
    total = values.copy()
    for k in range(1, width):
        total += np.roll(values, -k, axis=0)
    return total
