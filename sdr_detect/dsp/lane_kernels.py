"""Compiled steps of `sdr_detect.dsp.lane_fft`.

Work memory holds two planes, real and imaginary, of (nfft, 8 lanes) each. Sizes and
strides come as tuples' lengths (see there), so that every address but a loop's own
offset is known to the compiler.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import literal_unroll, njit
from numpy.typing import NDArray

from sdr_detect.model import FloatArray

Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]

#: A power of two, as a tuple's length.
Size = tuple[int, ...]

#: A step in the middle: distance of its rows, and its twiddle factors.
Stage = tuple[Size, FloatArray]

#: Window, nfft, radix and twiddle factors of the first step, the steps in the
#: middle, and the row that each bin is found in.
Plan = tuple[FloatArray, Size, Size, FloatArray, tuple[Stage, ...] | None, Whole]

#: Memory: frames as they are, in lanes (and as doubles), powers (and as doubles).
Work = tuple[FloatArray, FloatArray, Doubles, FloatArray, Doubles]

_Eight = tuple[float, float, float, float, float, float, float, float]

#: Frames whose powers are summed in single precision before they go to double.
SINGLE_SUM = 64

_HALF: Any = np.float32(np.sqrt(0.5))
_FAST = {"contract", "nsz", "reassoc", "nnan", "ninf"}


@njit(cache=True, nogil=True, fastmath=_FAST)
def _dft8(
    a0: float,
    a1: float,
    a2: float,
    a3: float,
    a4: float,
    a5: float,
    a6: float,
    a7: float,
    b0: float,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
    b5: float,
    b6: float,
    b7: float,
) -> tuple[_Eight, _Eight]:
    """Eight-point transform of a + ib."""
    c0, d0, e0, f0 = a0 + a4, b0 + b4, a0 - a4, b0 - b4
    c1, d1, e1, f1 = a1 + a5, b1 + b5, a1 - a5, b1 - b5
    c2, d2, e2, f2 = a2 + a6, b2 + b6, a2 - a6, b2 - b6
    c3, d3, e3, f3 = a3 + a7, b3 + b7, a3 - a7, b3 - b7
    # Odd outputs: turned by multiples of an eighth first.
    e1, f1 = (e1 + f1) * _HALF, (f1 - e1) * _HALF
    e2, f2 = f2, -e2
    e3, f3 = (f3 - e3) * _HALF, -(e3 + f3) * _HALF
    g0, h0, g1, h1 = c0 + c2, d0 + d2, c0 - c2, d0 - d2
    g2, h2, g3, h3 = c1 + c3, d1 + d3, c1 - c3, d1 - d3
    i0, j0, i1, j1 = e0 + e2, f0 + f2, e0 - e2, f0 - f2
    i2, j2, i3, j3 = e1 + e3, f1 + f3, e1 - e3, f1 - f3
    return (
        (g0 + g2, i0 + i2, g1 + h3, i1 + j3, g0 - g2, i0 - i2, g1 - h3, i1 - j3),
        (h0 + h2, j0 + j2, h1 - g3, j1 - i3, h0 - h2, j0 - j2, h1 + g3, j1 + i3),
    )


@njit(cache=True, nogil=True, fastmath=_FAST)
def _spread(side: FloatArray, window: FloatArray, bits: Size, x: FloatArray) -> None:
    """Windowed frames, one after the other in ``side``, into lanes."""
    size = 1 << len(bits)
    line = 2 * size
    plane = 8 * size
    for k in range(size):
        w = window[k]
        x[8 * k] = side[2 * k] * w
        x[8 * k + 1] = side[2 * k + line] * w
        x[8 * k + 2] = side[2 * k + 2 * line] * w
        x[8 * k + 3] = side[2 * k + 3 * line] * w
        x[8 * k + 4] = side[2 * k + 4 * line] * w
        x[8 * k + 5] = side[2 * k + 5 * line] * w
        x[8 * k + 6] = side[2 * k + 6 * line] * w
        x[8 * k + 7] = side[2 * k + 7 * line] * w
        x[plane + 8 * k] = side[2 * k + 1] * w
        x[plane + 8 * k + 1] = side[2 * k + 1 + line] * w
        x[plane + 8 * k + 2] = side[2 * k + 1 + 2 * line] * w
        x[plane + 8 * k + 3] = side[2 * k + 1 + 3 * line] * w
        x[plane + 8 * k + 4] = side[2 * k + 1 + 4 * line] * w
        x[plane + 8 * k + 5] = side[2 * k + 1 + 5 * line] * w
        x[plane + 8 * k + 6] = side[2 * k + 1 + 6 * line] * w
        x[plane + 8 * k + 7] = side[2 * k + 1 + 7 * line] * w


@njit(cache=True, nogil=True, fastmath=_FAST)
def _by_two(x: FloatArray, bits: Size, turns: FloatArray) -> None:
    """First step: halves."""
    size = 1 << len(bits)
    plane, half = 8 * size, 4 * size
    for j in range(size // 2):
        wr, wi = turns[j, 0], turns[j, 1]
        for at in range(8 * j, 8 * j + 8):
            r0, r1, i0, i1 = x[at], x[at + half], x[at + plane], x[at + plane + half]
            x[at] = r0 + r1
            x[at + plane] = i0 + i1
            dr, di = r0 - r1, i0 - i1
            x[at + half] = dr * wr - di * wi
            x[at + plane + half] = dr * wi + di * wr


@njit(cache=True, nogil=True, fastmath=_FAST)
def _by_four(x: FloatArray, bits: Size, turns: FloatArray) -> None:
    """First step: quarters."""
    size = 1 << len(bits)
    plane, step = 8 * size, 2 * size
    for j in range(size // 4):
        w1r, w1i, w2r, w2i, w3r, w3i = turns[j]
        for at in range(8 * j, 8 * j + 8):
            r0, r1, r2, r3 = x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]
            im = at + plane
            i0, i1, i2, i3 = x[im], x[im + step], x[im + 2 * step], x[im + 3 * step]
            ar, ai, br, bi = r0 + r2, i0 + i2, r0 - r2, i0 - i2
            cr, ci, dr, di = r1 + r3, i1 + i3, r1 - r3, i1 - i3
            x[at] = ar + cr
            x[im] = ai + ci
            pr, pi = br + di, bi - dr
            x[at + step] = pr * w1r - pi * w1i
            x[im + step] = pr * w1i + pi * w1r
            pr, pi = ar - cr, ai - ci
            x[at + 2 * step] = pr * w2r - pi * w2i
            x[im + 2 * step] = pr * w2i + pi * w2r
            pr, pi = br - di, bi + dr
            x[at + 3 * step] = pr * w3r - pi * w3i
            x[im + 3 * step] = pr * w3i + pi * w3r


@njit(cache=True, nogil=True, fastmath=_FAST)
def _by_eight(x: FloatArray, bits: Size, stride: Size, turns: FloatArray) -> None:
    """A step in the middle: eighths that lie 2**len(stride) rows apart."""
    plane = 8 << len(bits)
    rows = 1 << len(stride)
    s = 8 << len(stride)
    for block in range((1 << len(bits)) >> (len(stride) + 3)):
        for j in range(rows):
            w = turns[j]
            w1r, w1i, w2r, w2i, w3r, w3i, w4r, w4i = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            w5r, w5i, w6r, w6i, w7r, w7i = w[8], w[9], w[10], w[11], w[12], w[13]
            first = block * 8 * s + 8 * j
            for at in range(first, first + 8):
                im = at + plane
                r, i = _dft8(
                    x[at],
                    x[at + s],
                    x[at + 2 * s],
                    x[at + 3 * s],
                    x[at + 4 * s],
                    x[at + 5 * s],
                    x[at + 6 * s],
                    x[at + 7 * s],
                    x[im],
                    x[im + s],
                    x[im + 2 * s],
                    x[im + 3 * s],
                    x[im + 4 * s],
                    x[im + 5 * s],
                    x[im + 6 * s],
                    x[im + 7 * s],
                )
                x[at], x[im] = r[0], i[0]
                x[at + s] = r[1] * w1r - i[1] * w1i
                x[im + s] = r[1] * w1i + i[1] * w1r
                x[at + 2 * s] = r[2] * w2r - i[2] * w2i
                x[im + 2 * s] = r[2] * w2i + i[2] * w2r
                x[at + 3 * s] = r[3] * w3r - i[3] * w3i
                x[im + 3 * s] = r[3] * w3i + i[3] * w3r
                x[at + 4 * s] = r[4] * w4r - i[4] * w4i
                x[im + 4 * s] = r[4] * w4i + i[4] * w4r
                x[at + 5 * s] = r[5] * w5r - i[5] * w5i
                x[im + 5 * s] = r[5] * w5i + i[5] * w5r
                x[at + 6 * s] = r[6] * w6r - i[6] * w6i
                x[im + 6 * s] = r[6] * w6i + i[6] * w6r
                x[at + 7 * s] = r[7] * w7r - i[7] * w7i
                x[im + 7 * s] = r[7] * w7i + i[7] * w7r


@njit(cache=True, nogil=True, fastmath=_FAST)
def _last(x: FloatArray, bits: Size) -> None:
    """Last step: neighbours; their power is left in the first plane."""
    plane = 8 << len(bits)
    for block in range((1 << len(bits)) // 8):
        for at in range(64 * block, 64 * block + 8):
            im = at + plane
            r, i = _dft8(
                x[at],
                x[at + 8],
                x[at + 16],
                x[at + 24],
                x[at + 32],
                x[at + 40],
                x[at + 48],
                x[at + 56],
                x[im],
                x[im + 8],
                x[im + 16],
                x[im + 24],
                x[im + 32],
                x[im + 40],
                x[im + 48],
                x[im + 56],
            )
            x[at] = r[0] * r[0] + i[0] * i[0]
            x[at + 8] = r[1] * r[1] + i[1] * i[1]
            x[at + 16] = r[2] * r[2] + i[2] * i[2]
            x[at + 24] = r[3] * r[3] + i[3] * i[3]
            x[at + 32] = r[4] * r[4] + i[4] * i[4]
            x[at + 40] = r[5] * r[5] + i[5] * i[5]
            x[at + 48] = r[6] * r[6] + i[6] * i[6]
            x[at + 56] = r[7] * r[7] + i[7] * i[7]


@njit(cache=True, nogil=True)
def _sort(x: Doubles, places: Whole, power: Doubles) -> None:
    """Bring rows to ascending frequency, two lanes at a time."""
    for k in range(places.size):
        at = 4 * places[k]
        power[4 * k] = x[at]
        power[4 * k + 1] = x[at + 1]
        power[4 * k + 2] = x[at + 2]
        power[4 * k + 3] = x[at + 3]


@njit(cache=True, nogil=True)
def _middle(x: FloatArray, bits: Size, stages: tuple[Stage, ...] | None) -> None:
    """All steps by eight but the last; ``stages`` is None if there is none."""
    if stages is not None:
        for stage in literal_unroll(stages):
            _by_eight(x, bits, stage[0], stage[1])


@njit(cache=True, nogil=True)
def _transform(
    plan: Plan, side: FloatArray, x: FloatArray, x_pairs: Doubles, power_pairs: Doubles
) -> None:
    """Powers (nfft, 8) of the eight frames in ``side``."""
    window, bits, first, turns, stages, places = plan
    _spread(side, window, bits, x)
    if len(first) == 1:
        _by_two(x, bits, turns)
    elif len(first) == 2:
        _by_four(x, bits, turns)
    _middle(x, bits, stages)
    _last(x, bits)
    _sort(x_pairs, places, power_pairs)


@njit(cache=True, nogil=True)
def _gather(
    iq: FloatArray, starts: Whole, first: int, count: int, bits: Size, side: FloatArray
) -> None:
    """Copy up to eight frames; lanes without one hold what they held."""
    line = 2 << len(bits)
    for lane in range(count):
        # Slices, here and below: an offset of unknown sign is checked at each access.
        source = iq[2 * starts[first + lane] :]
        target = side[line * lane :]
        for k in range(line):
            target[k] = source[k]


@njit(cache=True, nogil=True)
def _lines(power: FloatArray, bits: Size, out: FloatArray) -> None:
    """From (nfft, 8) to the first eight rows of ``out``."""
    n = 1 << len(bits)
    for k in range(n):
        out[k] = power[8 * k]
        out[k + n] = power[8 * k + 1]
        out[k + 2 * n] = power[8 * k + 2]
        out[k + 3 * n] = power[8 * k + 3]
        out[k + 4 * n] = power[8 * k + 4]
        out[k + 5 * n] = power[8 * k + 5]
        out[k + 6 * n] = power[8 * k + 6]
        out[k + 7 * n] = power[8 * k + 7]


@njit(cache=True, nogil=True)
def rows(iq: FloatArray, starts: Whole, plan: Plan, work: Work, out: FloatArray) -> None:
    """|X|² of frames, one row of the flat ``out`` each."""
    bits = plan[1]
    size = 1 << len(bits)
    side, x, x_pairs, power, power_pairs = work
    for at in range(0, starts.size, 8):
        count = min(8, starts.size - at)
        _gather(iq, starts, at, count, bits, side)
        _transform(plan, side, x, x_pairs, power_pairs)
        if count == 8:
            _lines(power, bits, out[at * size :])
        else:
            for lane in range(count):
                for k in range(size):
                    out[(at + lane) * size + k] = power[8 * k + lane]


@njit(cache=True, nogil=True, fastmath=_FAST)
def at_bins(iq: FloatArray, starts: Whole, waves: FloatArray, values: FloatArray) -> None:
    """Values of frames at the frequencies of ``waves``, which hold the window too."""
    for f in range(starts.size):
        frame = iq[2 * starts[f] :]
        for wave in range(waves.shape[0]):
            cosine, sine = waves[wave, 0], waves[wave, 1]
            real = imag = np.float32(0)
            for k in range(cosine.size):
                re, im = frame[2 * k], frame[2 * k + 1]
                real += re * cosine[k] - im * sine[k]
                imag += re * sine[k] + im * cosine[k]
            values[f, wave, 0] = real
            values[f, wave, 1] = imag


@njit(cache=True, nogil=True, fastmath=_FAST)
def sums(iq: FloatArray, starts: Whole, plan: Plan, work: Work, total: Doubles) -> None:
    """Add |X|² over frames to ``total``."""
    bits = plan[1]
    size = 1 << len(bits)
    side, x, x_pairs, power, power_pairs = work
    held = np.zeros(8 * size, np.float32)
    since = 0
    for at in range(0, starts.size, 8):
        count = min(8, starts.size - at)
        _gather(iq, starts, at, count, bits, side)
        _transform(plan, side, x, x_pairs, power_pairs)
        if count == 8:
            for k in range(8 * size):
                held[k] += power[k]
        else:
            for k in range(size):
                for lane in range(count):
                    held[8 * k + lane] += power[8 * k + lane]
        since += count
        if since >= SINGLE_SUM or at + 8 >= starts.size:
            for k in range(size):
                part = np.float32(0)
                for lane in range(8):
                    part += held[8 * k + lane]
                total[k] += part
                held[8 * k : 8 * k + 8] = 0
            since = 0
