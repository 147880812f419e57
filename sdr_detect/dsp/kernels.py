"""Compiled inner loops. Each has a plain numpy reference in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.model import ComplexArray, FloatArray

#: |x|² beyond which single precision cannot hold a spectrum's power, and below
#: which it loses digits. 300 dB either side of one: no receiver delivers either.
LARGEST_POWER = np.float32(1e30)
SMALLEST_POWER = np.float32(1e-30)

#: Boxes whose sums are taken at a time.
PIECE = 2048


# Sums may be taken in any order, but NaN must stay NaN: it is looked for.
@njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def cell_statistics(
    iq: ComplexArray, cell: int, clip_level: float
) -> tuple[FloatArray, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Energy and faults of consecutive cells of ``cell`` samples.

    Samples that are not finite are replaced by zero *in place*: one NaN would
    poison every bin of its frame. So are those above `LARGEST_POWER`; those
    below `SMALLEST_POWER` count as zero.

    Returns
    -------
    energy : (cells,) float32
        Sum of |x|².
    clipped, bad, zeros : (cells,) int32
        Samples at or above ``clip_level`` (never, if it is not positive), not
        finite or too large, zero or as good as that.
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
        part = iq[c * cell : (c + 1) * cell]
        for k in range(cell):
            re = part[k].real
            im = part[k].imag
            power = re * re + im * im
            total += power
            n_zero += power < SMALLEST_POWER
            n_clip += (abs(re) >= limit) | (abs(im) >= limit)
        if not total < LARGEST_POWER:
            # NaN too. Rare: find the samples, then count again.
            total = np.float32(0)
            n_clip = n_zero = 0
            for k in range(cell):
                re = part[k].real
                im = part[k].imag
                power = re * re + im * im
                if not power < LARGEST_POWER:
                    part[k] = 0
                    n_bad += 1
                    continue
                total += power
                n_zero += power < SMALLEST_POWER
                n_clip += (abs(re) >= limit) | (abs(im) >= limit)
        energy[c] = total
        clipped[c] = n_clip
        bad[c] = n_bad
        zeros[c] = n_zero
    return energy, clipped, bad, zeros


@njit(cache=True, nogil=True, fastmath=True)
def sum_of_relative(power: FloatArray) -> NDArray[np.float64]:
    """Sum of (blocks, bins) power spectra, each over its own mean: (bins,).

    Each block counts the same: one strong burst must not stand for the rest.
    """
    blocks, bins = power.shape
    total = np.zeros(bins)
    for b in range(blocks):
        row = power[b]
        level = np.float64(0)
        for k in range(bins):
            level += row[k]
        if level > 0:
            share = bins / level
            for k in range(bins):
                total[k] += row[k] * share
    return total


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
            bins = power[f, edges[s] : edges[s + 1]]
            weight = inverse_floor[edges[s] : edges[s + 1]]
            total = np.float32(0)
            for k in range(bins.size):
                total += bins[k] * weight[k]
            out[f, s] = total


@njit(cache=True, nogil=True)
def along_time(energy: FloatArray, frame_ok: NDArray[np.bool_]) -> FloatArray:
    """Energy with the sub-bands first, (subbands, frames); 1 in frames that are not ok."""
    frames, subbands = energy.shape
    out = np.empty((subbands, frames), np.float32)
    for f in range(frames):
        for s in range(subbands):
            out[s, f] = energy[f, s] if frame_ok[f] else np.float32(1)
    return out


@njit(cache=True, nogil=True)
def block_excess(level: FloatArray, frame_ok: NDArray[np.bool_], frames: int) -> FloatArray:
    """Mean above 1 of each block of ``frames`` values, of the blocks that are all ok."""
    found, count = np.empty(level.size // frames, np.float32), 0
    for first in range(0, found.size * frames, frames):
        total, whole = 0.0, True
        for f in range(first, first + frames):
            total += level[f]
            whole &= frame_ok[f]
        found[count] = total / frames - 1
        count += whole
    return found[:count]


@njit(cache=True, nogil=True)
def paint_exceedances(
    energy: FloatArray,
    width: int,
    frames: int,
    threshold: float,
    mask: NDArray[np.bool_],
) -> bool:
    """Mark every cell of a ``frames`` x ``width`` box whose mean is above threshold.

    What is marked is explained: its energy is put down to 1, that of noise. Boxes are
    ``width`` sub-bands wide on the dyadic grid and slide along time by a single frame.

    Parameters
    ----------
    energy, mask : (subbands, rows)
    frames : int
        A power of two.

    Returns
    -------
    bool
        Whether there is any such box.
    """
    subbands, rows = energy.shape
    need = np.float32(threshold * width * frames)
    found = False
    if rows < frames:
        return found
    line, spare = np.empty(rows, np.float32), np.empty(rows, np.float32)
    for s in range(0, subbands - width + 1, width):
        part = energy[s : s + width]
        # Mostly there is none: seen piece by piece, in the cache's innermost part.
        for first in range(0, rows - frames + 1, PIECE):
            last = min(first + PIECE + frames - 1, rows)
            if _any_above(_box_sums(part, first, last, frames, line, spare), need):
                found = True
                sums = _box_sums(part, 0, rows, frames, line, spare)
                _mark_runs(sums, need, frames, mask[s : s + width], part)
                break
    return found


@njit(cache=True, nogil=True)
def _box_sums(
    energy: FloatArray, first: int, last: int, frames: int, line: FloatArray, spare: FloatArray
) -> Any:
    """Sums over all sub-bands and over ``frames`` from each on, in either of the two lines."""
    count, length = last - first, 1
    sums, other = line[:count], spare
    _copy(energy[0][first:last], sums)
    for w in range(1, len(energy)):
        _add(energy[w][first:last], sums)
    while length < frames:
        count -= length
        later = other[:count]
        _add_later(sums, length, later)
        sums, other = later, sums
        length *= 2
    return sums


# Loops over whole lines, each by itself: only so are they done a vector at a time.
@njit(cache=True, nogil=True)
def _copy(values: FloatArray, line: FloatArray) -> None:
    for f in range(line.size):
        line[f] = values[f]


@njit(cache=True, nogil=True)
def _add(values: FloatArray, line: FloatArray) -> None:
    for f in range(line.size):
        line[f] += values[f]


@njit(cache=True, nogil=True)
def _add_later(sums: FloatArray, step: int, out: FloatArray) -> None:
    """Sums twice as long as ``sums``, which are ``step`` long."""
    later = sums[step:]
    for f in range(out.size):
        out[f] = sums[f] + later[f]


@njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def _any_above(sums: FloatArray, need: Any) -> bool:
    # Counted in single precision, which is as wide as a value.
    count = np.float32(0)
    for f in range(sums.size):
        count += np.float32(1) if sums[f] > need else np.float32(0)
    return bool(count > 0)


@njit(cache=True, nogil=True)
def _mark_runs(
    sums: FloatArray, need: Any, frames: int, mask: NDArray[np.bool_], energy: FloatArray
) -> None:
    """Mark, in (width, rows) ``mask``, the ``frames`` rows of every sum above ``need``."""
    f = 0
    while f < sums.size:
        first = f
        while f < sums.size and sums[f] > need:
            f += 1
        if f == first:
            f += 1
            continue
        for w in range(len(mask)):
            for k in range(first, f + frames - 1):
                mask[w, k] = True
                energy[w, k] = 1
