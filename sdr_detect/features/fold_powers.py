"""Lag products by phase: how far each stands out of what all phases share."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.dsp.order import middle_of


@njit(cache=True, nogil=True, error_model="numpy")
def lag_powers(
    sums: NDArray[np.complex128],
    widths: NDArray[np.int64],
    quiet: float,
    power: NDArray[np.float64],
    mean: NDArray[np.float64],
    energy: NDArray[np.float64],
    doubt: NDArray[np.float64],
) -> None:
    """Products of runs of phase bins, around the period, and what noise makes of them.

    Emitters that keep another rate (a GSM slot, messages) come at every phase
    alike: the median over phases is taken out, as no burst's. What is left at
    the median phase is noise, with whatever makes frames alike.

    Parameters
    ----------
    sums : (bins, sets, lags + 2) complex128
        Products summed by phase; the energies; weights, with their squares as
        imaginary part.
    widths : (n,) int64
        Bins of a run. Rows of the results are the sets for each width.
    quiet : float
        Quantile of the energy over phases that is taken for silence.
    power : (rows, bins, lags) float64
        Overwritten: |product|², 1 on average in noise.
    mean : (rows, bins, lags) float64
        Overwritten: mean |product| of a frame.
    energy : (rows, bins) float64
        Overwritten: mean energy of a frame, above silence.
    doubt : (rows, bins) float64
        Overwritten: what noise makes of ``mean``, for all lags alike.
    """
    bins, sets, columns = sums.shape
    lags = columns - 2
    weight, squares, line = np.empty(bins), np.empty(bins), np.empty(bins)
    real, imag = np.empty((lags, bins)), np.empty((lags, bins))
    total, keys = np.empty(columns, np.complex128), np.empty(bins, np.int32)
    for row in range(widths.size * sets):
        for b in range(bins):
            total[:] = sums[b, row % sets]
            for k in range(1, widths[row // sets]):
                total += sums[(b + k) % bins, row % sets]
            weight[b] = max(total[-1].real, 1e-9)
            squares[b] = max(total[-1].imag, 1e-18)
            over = 1 / weight[b]
            energy[row, b] = total[-2].real * over
            for c in range(lags):
                real[c, b] = total[c].real * over
                imag[c, b] = total[c].imag * over
        energy[row] -= np.quantile(energy[row], quiet)
        noise = 0.0
        for c in range(lags):
            steady = middle_of(real[c], keys), middle_of(imag[c], keys)
            for b in range(bins):
                square = (real[c, b] - steady[0]) ** 2 + (imag[c, b] - steady[1]) ** 2
                mean[row, b, c] = np.sqrt(square)
                line[b] = square * weight[b] ** 2 / squares[b]
            variance = middle_of(line, keys) / np.log(2)
            noise += variance / lags
            for b in range(bins):
                power[row, b, c] = line[b] / max(variance, 1e-30)
        for b in range(bins):
            doubt[row, b] = np.sqrt(noise * squares[b]) / weight[b]
