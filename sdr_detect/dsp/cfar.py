"""Thresholds at a constant false-alarm rate for averaged, overlapped spectra.

The power of one bin of windowed Gaussian noise is exponential. The mean over
``bins`` x ``frames`` of them is close to Gamma distributed; neighbours are
correlated by the window and by the overlap, which leaves fewer degrees of
freedom than cells. With the window w, the hop H and

    c(m, j) = |sum_n w[n] w[n - mH] exp(-2 pi i j n / N)|² / (sum_n w²)²

the correlation of the powers m frames and j bins apart, the mean of K frames
and B bins has the shape (one over its relative variance; half its degrees of
freedom)

    K B / sum_m sum_j (1 - |m|/K) (1 - |j|/B) c(m, j)

(Welch 1967 for j = 0; Harris 1978 for the window's correlations). For Hann at
half overlap K frames count as 0.95 K and neighbouring bins of an average
correlate with 0.46 and 0.04.

Correlated exponentials sum to something more skewed than that Gamma variable:
with C their matrix of correlations, the third cumulant is 2 tr C³, not
2 (tr C²)² / tr C. Thresholds here are those of a Gamma variable moved and scaled
to have the right three moments (Pearson's type III): without it the false alarms
of 32 Hann frames are too many by 6, 11 and 23 % at 1e-3, 1e-4 and 1e-5.

A cell is divided by a reference that is no better known than its own cells
make it: the ratio of two Gamma means of shapes a and b is F distributed with
(2a, 2b) degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammainc, gammainccinv, gammaln, ndtri

from sdr_detect.model import FloatArray

#: Correlations below this add nothing to a sum of a few terms.
LEAST_CORRELATION = 1e-4

#: Nodes and weights of the quadrature; the integrand is smooth on the scale of
#: a sigma, and the interval some twenty of them long.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(128)

#: Beyond this shape a Gamma law is a normal one.
LARGEST_SHAPE = 1e9

#: Secant steps at most; four are enough.
SECANTS = 20


@dataclass(frozen=True, slots=True)
class Spread:
    """Law of a mean of noise powers, whose expectation is one.

    Parameters
    ----------
    shape : float
        One over its variance: the shape of the Gamma law of the same variance.
    skew : float
        Its skewness over that of this Gamma law.
    """

    shape: float
    skew: float = 1.0


class WelchFreedom:
    """Degrees of freedom of the means of one window's frames.

    Parameters
    ----------
    window : (nfft,) float
    hop : int
        Samples from one frame to the next.
    """

    def __init__(self, window: FloatArray | NDArray[np.float64], hop: int) -> None:
        w = np.asarray(window, np.float64)
        lags = range(-(-w.size // hop))
        products = [w * _delayed(w, lag * hop) for lag in lags]
        table = np.abs(np.fft.fft(products, axis=1)) ** 2 / np.sum(w**2) ** 2
        half = table[:, : w.size // 2]
        reach = int(np.flatnonzero(half.max(axis=0) > LEAST_CORRELATION)[-1]) + 1
        #: (lags, reach) correlation of powers that many frames and bins apart.
        self.correlation: NDArray[np.float64] = half[:, :reach]
        self._terms: list[list[float]] = self.correlation.tolist()
        self._along = 0.0, 1.0
        self._across: dict[float, float] = {}

    def shape(self, bins: float, frames: float) -> float:
        """Gamma shape of the mean over ``bins`` x ``frames`` adjoining cells."""
        # A few terms, asked for a hundred times in each search.
        total = 0.0
        for lag, row in enumerate(self._terms):
            along = max(0.0, 1 - lag / max(frames, 1)) * (2 if lag else 1)
            for offset, term in enumerate(row):
                across = max(0.0, 1 - offset / max(bins, 1)) * (2 if offset else 1)
                total += along * across * term
        return bins * frames / total

    def spread(self, bins: float, frames: float) -> Spread:
        """Law of that mean. Both directions' skewness is taken as that of many cells."""
        if self._along[0] != frames:
            self._along = frames, _excess_skew(self.correlation[:, 0], frames)
        if bins not in self._across:  # as many as there are bins
            self._across[bins] = _excess_skew(self.correlation[0], bins) if bins > 1 else 1.0
        return Spread(self.shape(bins, frames), self._along[1] * self._across[bins])

    def median_shape(self, bins: float, frames: float) -> float:
        """The same for the *median* over many ``bins`` of means over ``frames``.

        Signs of two Gaussian variables with correlation r correlate with
        (2/pi) asin r, and the median of independent ones varies by pi/2 more
        than their mean.
        """
        lags, offsets = self.correlation.shape
        along = _doubled(lags) * np.maximum(0, 1 - np.arange(lags) / max(frames, 1))
        apart = along @ self.correlation
        signs = 2 / np.pi * np.arcsin(apart / apart[0])
        across = _doubled(offsets) * np.maximum(0, 1 - np.arange(offsets) / max(bins, 1))
        return float(self.shape(1, frames) * bins / (np.pi / 2 * (signs @ across)))


def mean_threshold(pfa: float, cell: Spread) -> float:
    """Level that a mean of noise exceeds with chance ``pfa``, the noise being known."""
    shape = min(cell.shape / cell.skew**2, LARGEST_SHAPE)
    return 1 + (float(gammainccinv(shape, pfa)) / shape - 1) / cell.skew


def ratio_threshold(pfa: float, cell: Spread, reference: float) -> float:
    """Ratio of a mean to a reference of Gamma shape ``reference`` that noise exceeds so often."""
    shape = cell.shape / cell.skew**2
    share = float(betaincinv(reference, shape, pfa))
    return 1 + (reference * (1 - share) / (shape * share) - 1) / cell.skew


@lru_cache(maxsize=64)
def greatest_of_threshold(pfa: float, cell: Spread, side: float) -> float:
    """Ratio of a mean to the *greater* of two references of shape ``side`` each.

    The chance of exceeding t is the integral over the cell's value c of its
    density times P(side < c / t)². Solved for t by the secant rule on the root
    of its logarithm, which is nearly straight; a single side bounds t from above.
    """
    wanted = np.sqrt(-np.log(pfa))
    shape = cell.shape / cell.skew**2
    ratio = ratio_threshold(pfa, Spread(shape), side)
    before, value = 1.0, np.sqrt(-_greatest_of_chance(1.0, shape, side))
    for _ in range(SECANTS):
        at = np.sqrt(-_greatest_of_chance(ratio, shape, side))
        if abs(at - wanted) < 1e-4 * wanted:
            break
        step = (wanted - at) * (ratio - before) / (at - value)
        before, value, ratio = ratio, at, ratio + step
    return 1 + (float(ratio) - 1) / cell.skew


def _greatest_of_chance(ratio: float, cell: float, side: float) -> float:
    """Logarithm of the chance that a cell exceeds ``ratio`` times both references."""
    spread = ndtri(1 - 1e-12)
    low = max(1e-9, 1 - spread / np.sqrt(cell))
    top = ratio * (1 + spread / np.sqrt(side)) + (spread**2 + spread * np.sqrt(cell)) / cell
    value = low + (NODES + 1) / 2 * (top - low)
    density = cell * np.log(cell) - gammaln(cell) + (cell - 1) * np.log(value) - cell * value
    below = np.maximum(gammainc(side, side * value / ratio), np.finfo(np.float64).tiny)
    terms = density + 2 * np.log(below) + np.log(WEIGHTS * (top - low) / 2)
    largest = float(terms.max())
    return largest + float(np.log(np.sum(np.exp(terms - largest))))


def _excess_skew(correlation: NDArray[np.float64], count: float) -> float:
    """Skewness of a sum of equally correlated neighbours over that of the Gamma law.

    ``correlation`` holds the powers' correlations at 0, 1, 2, …: their roots are
    those of the amplitudes, whose sums of products around a triangle make tr C³.
    """
    reach = np.arange(correlation.size)
    amplitude = np.sqrt(correlation) * np.maximum(0, 1 - reach / max(count, 1))
    size = 4 * correlation.size + 4
    row = np.zeros(size)
    row[reach] = amplitude
    row[-reach[1:]] = amplitude[1:]
    eigenvalues = np.fft.fft(row).real
    second, third = np.mean(eigenvalues**2), np.mean(eigenvalues**3)
    return float(third / second**2)


def _delayed(w: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    out = np.zeros_like(w)
    out[samples:] = w[: w.size - samples]
    return out


def _doubled(count: int) -> NDArray[np.float64]:
    """Weights of a sum over 0, ±1, ±2, …: all but the first count twice."""
    weights = np.full(count, 2.0)
    weights[0] = 1.0
    return weights
