"""Compiled inner loops. Each has a plain numpy reference in the tests."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.model import ComplexArray, FloatArray


@njit(cache=True, nogil=True)
def cell_statistics(
    iq: ComplexArray, cell: int, clip_level: float
) -> tuple[FloatArray, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Energy and faults of consecutive cells of ``cell`` samples.

    Samples that are not finite are replaced by zero *in place*: one NaN would
    poison every bin of its frame.

    Returns
    -------
    energy : (cells,) float32
        Sum of |x|².
    clipped, bad, zeros : (cells,) int32
        Samples at or above ``clip_level`` (never, if it is not positive), not
        finite, exactly zero.
    """
    cells = iq.size // cell
    energy = np.empty(cells, np.float32)
    clipped = np.zeros(cells, np.int32)
    bad = np.zeros(cells, np.int32)
    zeros = np.zeros(cells, np.int32)
    limit = np.float32(clip_level) if clip_level > 0 else np.float32(np.inf)
    for c in range(cells):
        total = np.float32(0)
        n_clip = n_bad = n_zero = 0
        for k in range(c * cell, (c + 1) * cell):
            re = iq[k].real
            im = iq[k].imag
            power = re * re + im * im
            if not np.isfinite(power):
                iq[k] = 0
                n_bad += 1
                continue
            total += power
            n_zero += power == 0
            n_clip += (abs(re) >= limit) | (abs(im) >= limit)
        energy[c] = total
        clipped[c] = n_clip
        bad[c] = n_bad
        zeros[c] = n_zero
    return energy, clipped, bad, zeros


@njit(cache=True, nogil=True)
def window_frames(
    iq: ComplexArray, first: int, hop: int, window: FloatArray, out: ComplexArray
) -> None:
    """Fill ``out`` (batch, nfft) with windowed frames from sample ``first`` on."""
    batch, nfft = out.shape
    for b in range(batch):
        start = first + b * hop
        for k in range(nfft):
            out[b, k] = iq[start + k] * window[k]


@njit(cache=True, nogil=True, fastmath=True)
def shifted_power(spectra: ComplexArray, out: FloatArray) -> None:
    """|X|² of (batch, nfft) spectra, bins reordered to ascending frequency."""
    batch, nfft = spectra.shape
    half = nfft // 2
    for b in range(batch):
        for k in range(half):
            x = spectra[b, k]
            out[b, k + half] = x.real * x.real + x.imag * x.imag
            y = spectra[b, k + half]
            out[b, k] = y.real * y.real + y.imag * y.imag


@njit(cache=True, nogil=True, fastmath=True)
def whitened_subbands(
    power: FloatArray, inverse_floor: FloatArray, edges: NDArray[np.int64], out: FloatArray
) -> None:
    """Sum power over its noise reference within each sub-band.

    Parameters
    ----------
    power : (frames, nfft) float32
    inverse_floor : (nfft,) float32
        One over the noise reference, divided by the bins used in the sub-band,
        so that noise alone averages 1; 0 for bins not used.
    edges : (subbands + 1,) int64
        First bin of each sub-band, and the end of the last.
    out : (frames, subbands) float32
        Overwritten.
    """
    for f in range(power.shape[0]):
        for s in range(out.shape[1]):
            total = np.float32(0)
            for k in range(edges[s], edges[s + 1]):
                total += power[f, k] * inverse_floor[k]
            out[f, s] = total


@njit(cache=True, nogil=True)
def paint_exceedances(
    energy: FloatArray,
    width: int,
    frames: int,
    threshold: float,
    mask: NDArray[np.bool_],
) -> None:
    """Mark every cell of a ``frames`` x ``width`` box whose mean is above threshold.

    Boxes are ``width`` sub-bands wide on the dyadic grid and slide along time
    by a single frame.
    """
    rows, subbands = energy.shape
    need = np.float32(threshold * width * frames)
    for s in range(0, subbands - width + 1, width):
        total = np.float64(0)
        for f in range(rows):
            for w in range(width):
                total += energy[f, s + w]
                if f >= frames:
                    total -= energy[f - frames, s + w]
            if f >= frames - 1 and total > need:
                for g in range(f - frames + 1, f + 1):
                    for w in range(width):
                        mask[g, s + w] = True
