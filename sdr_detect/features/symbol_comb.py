"""The comb of lines at the symbol rate of OFDM, at one lag.

The product of the samples with those one useful symbol later is on during each
symbol's cyclic extension and off otherwise, whatever part of the extension
stands before and after the symbol. Its spectrum has lines at k/T, each as
strong against noise as the lag's own peak; an extension of 1/32 has some twenty.
The slice's bandwidth must resolve the extension: their product is at least one.

Bursts start at any phase of a symbol: the powers of the lines are summed over
bursts, not the lines. In noise a line over B segments is Gamma(B, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter1d
from scipy.special import gammaincc, gammaincinv

from sdr_detect.dsp.cyclic import Whitened, lag_products, segment_spectra
from sdr_detect.features.lag import LagPeak

_Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: A segment is about this many useful symbols long, a burst of 0.84 ms. The
#: line's width, 1/64 of the symbol rate, still hides a clock 100 ppm off.
SEGMENT = 64

#: Fewer symbols do not show a rate.
FEWEST = 8

#: Lines are sampled this densely, in their own width.
DENSITY = 2

#: Shortest and longest extension looked for, as a share of the useful symbol:
#: what broadcast and mobile standards use is 1/64 to 1/4.
SHORTEST = 1 / 70
LONGEST = 0.27

#: Most lines of a comb.
MOST_LINES = 16

#: A box that is on for a share e of the time has lines that fall as sinc(k e);
#: beyond k e = 0.6 they have lost 6 dB.
WIDTH_IN_LINES = 0.6

#: Lines between those of a comb, as strong as this share of its own, belong to
#: a longer period: the lag was a fraction of the useful symbol.
BETWEEN = 0.5

#: Widths of a line within which a smeared one is looked at.
SMEARED = 8

#: A comb this much wider than its lines make it is smeared.
SHARP = 1.25

#: Ratios of such periods that are looked into.
PERIODS = (2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class OfdmEstimate:
    """Timing of an OFDM waveform. ``pfa``: chance that noise shows such a comb."""

    useful_symbol_s: float
    useful_symbol_sigma_s: float
    symbol_s: float
    symbol_sigma_s: float
    pfa: float

    @property
    def extension_s(self) -> float:
        """Cyclic prefix, postfix or both together."""
        return self.symbol_s - self.useful_symbol_s

    @property
    def extension_sigma_s(self) -> float:
        """Its error."""
        return float(np.hypot(self.symbol_sigma_s, self.useful_symbol_sigma_s))


class SymbolComb:
    """Spectrum of the lag products at one lag, summed over segments.

    Parameters
    ----------
    lag_s : float
        The useful symbol, if it is one.
    rate_hz : float
    """

    def __init__(self, lag_s: float, rate_hz: float) -> None:
        self.lag_s = lag_s
        self._rate = rate_hz
        self._lag = lag_s * rate_hz
        # Four cells to the period of the highest line lose 1 dB there.
        self._cell = max(1, int(self._lag / (4 * MOST_LINES)))
        wanted = round(DENSITY * SEGMENT * self._lag / self._cell)
        size = scipy.fft.next_fast_len(wanted, real=True)
        self._size = size
        self._step_hz = rate_hz / (self._cell * size)
        bins = min(size // 2, int((MOST_LINES + 1.5) / lag_s / self._step_hz))
        self._power = np.zeros(bins)
        self._squares = 0.0
        self._passband = 0.0
        self.segments = 0

    def add(self, bodies: list[Whitened]) -> None:
        """Add bodies between which the carrier's phase hardly moves."""
        runs = []
        for white in bodies:
            products = lag_products(white, self._lag, self._cell)
            if products.size * self._cell >= FEWEST * self._lag:
                runs.append((products, white.passband))
        mean = sum(complex(products.sum()) for products, _ in runs)
        turn = np.complex64(np.conj(mean) / abs(mean)) if mean else np.complex64(1)
        for products, passband in runs:
            count = max(1, round(products.size * self._cell / (SEGMENT * self._lag)))
            self._power += segment_spectra(
                (products * turn).real, count, self._size, self._power.size
            )
            length_s = products.size // count * self._cell / self._rate
            self._squares += count * length_s**2
            self._passband += count * passband
            self.segments += count

    def result(self, peak: LagPeak, tried: int) -> tuple[float, OfdmEstimate] | None:
        """Score and estimate of the best comb.

        None where the slice is too narrow to show an extension, where noise shows
        such a comb every time, where the best comb lies at the end of the range,
        and where it is part of a finer one.
        ``tried`` lags were looked into in all.
        """
        if not self.segments:
            return None
        bandwidth_hz = self._passband / self.segments * self._rate
        least = max(SHORTEST, 1 / (bandwidth_hz * peak.lag_s))
        if least >= LONGEST:
            return None
        normal = self._normalised()
        count = int(np.log((1 + LONGEST) / (1 + least)) * 2 * SEGMENT * MOST_LINES)
        trials = peak.lag_s * np.geomspace(1 + least, 1 + LONGEST, count)
        lines = self._lines(trials, peak.lag_s)
        score = self._score(normal, trials, lines)
        at = int(np.argmax(score))
        if at in (0, count - 1):
            return None
        best = int(lines[at])
        symbol_s = self._refine(normal, float(trials[at]), best)
        heights = normal(np.arange(1, best + 1) / symbol_s)
        if not self._plausible(normal, symbol_s, heights):
            return None
        chance = float(gammaincc(best * self.segments, heights.sum())) * count * tried
        if chance >= 1:
            return None
        middle_s, spread_s = self._spread(normal, symbol_s, heights)
        estimate = OfdmEstimate(
            peak.lag_s,
            peak.sigma_s,
            middle_s,
            float(np.hypot(spread_s, self._sigma_s(symbol_s, heights))),
            chance,
        )
        return float(score[at]), estimate

    def _lines(self, trials: NDArray[np.float64], lag_s: float) -> NDArray[np.int64]:
        """How many lines an extension of that length has."""
        share = 1 - lag_s / trials
        return np.clip(WIDTH_IN_LINES / share, 1, MOST_LINES).astype(np.int64)

    def _normalised(self) -> _Curve:
        """Power over the level around it, Gamma(segments, 1) in noise, at any frequency."""
        # Over the distance of two lines few bins belong to a line.
        width = 2 * DENSITY * SEGMENT
        blocks = self._power.size // width
        middles = width * (np.arange(blocks) + 0.5)
        levels = np.median(self._power[: blocks * width].reshape(blocks, width), axis=1)
        bins = np.arange(self._power.size)
        around = np.interp(bins, middles, levels) / gammaincinv(self.segments, 0.5)
        # Straight lines between bins would draw the crests to the bins.
        curve = spline_filter1d(self._power / np.maximum(around, np.finfo(float).tiny))
        step_hz = self._step_hz

        def at(freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
            places = (freq_hz / step_hz)[None]
            found: NDArray[np.float64] = map_coordinates(curve, places, prefilter=False)
            return found

        return at

    def _score(
        self, normal: _Curve, trials: NDArray[np.float64], lines: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Sum of each comb's lines as a normal deviate (Wilson and Hilferty 1931)."""
        orders = np.arange(1, int(lines.max()) + 1)
        heights = normal(orders / trials[:, None])
        total = np.where(orders <= lines[:, None], heights, 0).sum(axis=1)
        dof = lines * float(self.segments)
        deviate: NDArray[np.float64] = (np.cbrt(total / dof) - 1 + 1 / (9 * dof)) * 3 * np.sqrt(dof)
        return deviate

    def _refine(self, normal: _Curve, symbol_s: float, lines: int) -> float:
        """Vertex of the parabola through the comb's sum near its crest."""
        reach = 0.4 * self._width(symbol_s, lines)
        offsets = np.linspace(-reach, reach, 17)
        bend, slope, _ = np.polyfit(offsets, self._sums(normal, symbol_s, offsets, lines), 2)
        move = float(np.clip(-slope / (2 * bend), -reach, reach)) if bend < 0 else 0.0
        return symbol_s * (1 + move)

    def _spread(
        self, normal: _Curve, symbol_s: float, heights: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Symbol and its doubt where packets, each with its own phase, smear the lines.

        The rate of a smeared comb lies anywhere in the part above half its height.
        """
        lines = heights.size
        width = self._width(symbol_s, lines)
        # Farther out the next line of the comb comes in.
        offsets = np.linspace(-1, 1, 321) * min(SMEARED, 1 / (4 * lines * width))
        excess = self._sums(normal, symbol_s, offsets * width, lines) - lines * self.segments
        low, high = _half_height(offsets, excess)
        lobes = np.sinc(np.outer(offsets, np.arange(1, lines + 1) / lines)) ** 2
        sharp_low, sharp_high = _half_height(
            offsets, lobes @ np.maximum(heights - self.segments, 0)
        )
        if high - low <= SHARP * (sharp_high - sharp_low):
            return symbol_s, 0.0
        middle_s = symbol_s * (1 + width * (high + low) / 2)
        return middle_s, symbol_s * width * (high - low) / np.sqrt(12)

    def _width(self, symbol_s: float, lines: int) -> float:
        """Change of the symbol, as a share, that moves the last line by its width."""
        return symbol_s / (lines * float(np.sqrt(self._squares / self.segments)))

    def _sums(
        self,
        normal: _Curve,
        symbol_s: float,
        offsets: NDArray[np.float64],
        lines: int,
    ) -> NDArray[np.float64]:
        orders = np.arange(1, lines + 1)
        heights = normal(orders / (symbol_s * (1 + offsets[:, None])))
        total: NDArray[np.float64] = heights.sum(axis=1)
        return total

    def _plausible(self, normal: _Curve, symbol_s: float, heights: NDArray[np.float64]) -> bool:
        """Whether the comb starts at its first line and leaves nothing between."""
        level = float(self.segments)
        own = float(heights.mean()) - level
        noise = 3 * np.sqrt(level)
        if heights[0] - level < BETWEEN * own - noise:
            return False
        orders = np.arange(heights.size, dtype=np.float64)
        for period in PERIODS:
            for part in range(1, period):
                between = normal((orders + part / period) / symbol_s)
                if between.mean() - level > BETWEEN * own + noise / np.sqrt(heights.size):
                    return False
        return True

    def _sigma_s(self, symbol_s: float, heights: NDArray[np.float64]) -> float:
        """Cramér-Rao bound of each line's frequency (Rife and Boorstyn 1974), combined.

        A weak line loses more, by its signal over signal plus noise.
        """
        snr = np.maximum(heights / self.segments - 1, 0)
        orders = np.arange(1, heights.size + 1)
        information = float(np.sum(orders**2 * snr**2 / (1 + snr))) * self._squares
        if information <= 0:
            return symbol_s
        return float(symbol_s**2 * np.sqrt(6 / information) / (2 * np.pi))


def _half_height(offsets: NDArray[np.float64], profile: NDArray[np.float64]) -> tuple[float, float]:
    """First and last place that reaches half of the highest."""
    high = offsets[profile >= profile.max() / 2]
    return float(high[0]), float(high[-1])
