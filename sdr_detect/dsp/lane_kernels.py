"""Compiled steps of `sdr_detect.dsp.lane_fft`.

Eight frames lie in the eight lanes of a vector. Work memory holds, for each point of
the transform, a row of eight real and eight imaginary parts: a line of the cache, so
that points a power of two apart, which fall on the same place in the cache, are each
fetched once a step. The steps are written as vector operations of the compiler's own
language (LLVM), eight lanes wide whatever the processor has: left to its vectoriser
they were half as fast or, for one size or the other, not vectorised at all.

All of it is in this one file: numba takes what it compiled from disk until the file
of the function itself changes, whatever that calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sdr_detect.model import FloatArray

Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Window; twiddle factors of all steps; radix, rows between the points of a
#: transform, and first twiddle factor of each step; rows that the last step starts
#: from, in ascending order of their lowest frequency.
Plan = tuple[FloatArray, FloatArray, Whole, Whole]

#: Values in a row: eight real parts, eight imaginary ones.
ROW = 16

#: Values between those at work and those that the processor is told to fetch: eight
#: frames side by side are more streams than it foresees by itself.
AHEAD = 8192

#: Frames whose powers are summed in single precision before they go to double.
SINGLE_SUM = 64

#: Sums may be taken in any order, products rounded together with them. What is not
#: finite comes through: displays look for it.
_FAST = ("contract", "nsz", "reassoc")

_INDEX = ir.IntType(64)
_LANE = ir.FloatType()
_FOUR = ir.VectorType(_LANE, 4)
_EIGHT = ir.VectorType(_LANE, 8)


@dataclass(frozen=True, slots=True)
class _Points:
    """Complex values in eight lanes, while code is made."""

    make: Any
    re: Any
    im: Any

    def __add__(self, other: _Points) -> _Points:
        add = self.make.fadd
        return _Points(
            self.make, add(self.re, other.re, flags=_FAST), add(self.im, other.im, flags=_FAST)
        )

    def __sub__(self, other: _Points) -> _Points:
        sub = self.make.fsub
        return _Points(
            self.make, sub(self.re, other.re, flags=_FAST), sub(self.im, other.im, flags=_FAST)
        )

    def times(self, re: Any, im: Any) -> _Points:
        """Times re + i im, the same in all lanes."""
        rr, ri = self._product(self.re, re), self._product(self.im, im)
        mi, mr = self._product(self.re, im), self._product(self.im, re)
        return _Points(
            self.make,
            self.make.fsub(rr, ri, flags=_FAST),
            self.make.fadd(mi, mr, flags=_FAST),
        )

    def turned(self, eighths: int) -> _Points:
        """Times exp(-2πi eighths / 8), for 0 to 3."""
        if eighths % 2:
            half = _constant(np.sqrt(0.5))
            turned = self + _Points(self.make, self.im, self.make.fneg(self.re))
            turned = _Points(
                self.make, self._product(turned.re, half), self._product(turned.im, half)
            )
            return turned.turned(eighths - 1)
        if eighths == 2:
            return _Points(self.make, self.im, self.make.fneg(self.re))
        return self

    def power(self) -> Any:
        """|z|² of every lane."""
        squares = self._product(self.re, self.re), self._product(self.im, self.im)
        return self.make.fadd(*squares, flags=_FAST)

    def _product(self, a: Any, b: Any) -> Any:
        return self.make.fmul(a, b, flags=_FAST)


def _inline(code: Any) -> Any:
    """Makes ``code`` callable from compiled functions; numba's own decorator has no types."""
    return intrinsic(code)


def _constant(value: float) -> Any:
    return ir.Constant(_EIGHT, [ir.Constant(_LANE, float(np.float32(value)))] * 8)


def _transformed(points: list[_Points]) -> list[_Points]:
    """Discrete Fourier transform of two, four or eight points (decimation in frequency)."""
    n = len(points)
    if n == 1:
        return points
    pairs = list(zip(points[: n // 2], points[n // 2 :], strict=True))
    even = _transformed([a + b for a, b in pairs])
    odd = _transformed([(a - b).turned(k * (8 // n)) for k, (a, b) in enumerate(pairs)])
    return [found for both in zip(even, odd, strict=True) for found in both]


class _Code:
    """Makes loads, stores and shuffles of vectors."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.make = context, builder

    def data(self, kind: Any, array: Any) -> Any:
        """Where an array's values lie."""
        return self.context.make_array(kind)(self.context, self.make, array).data

    def index(self, value: int) -> Any:
        """An offset known when compiling."""
        return ir.Constant(_INDEX, value)

    def load(self, data: Any, at: Any, kind: Any = _EIGHT) -> Any:
        """A vector, or a value."""
        place = self.make.bitcast(self.make.gep(data, [at]), kind.as_pointer())
        return self.make.load(place, align=4)

    def store(self, data: Any, at: Any, vector: Any) -> None:
        """A vector."""
        place = self.make.bitcast(self.make.gep(data, [at]), vector.type.as_pointer())
        self.make.store(vector, place, align=4)

    def fetch(self, data: Any, at: Any) -> None:
        """Ask for a line that will be read soon; beyond an array's end nothing happens."""
        whole, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        place = self.make.bitcast(self.make.gep(data, [at]), byte)
        # To read, into the second cache, as data.
        options = [ir.Constant(whole, option) for option in (0, 2, 1)]
        asked = self.make.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        self.make.call(asked, [place, *options])

    def everywhere(self, value: Any) -> Any:
        """One value in all lanes."""
        nothing = ir.Constant(_EIGHT, ir.Undefined)
        first = self.make.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
        return self.shuffled(first, nothing, [0] * 8)

    def shuffled(self, a: Any, b: Any, lanes: Iterable[int]) -> Any:
        """Lanes of two vectors, counted through both."""
        picked = [ir.Constant(ir.IntType(32), lane) for lane in lanes]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(picked)), picked)
        return self.make.shuffle_vector(a, b, mask)

    def members(self, values: Any) -> list[Any]:
        """Of a tuple of one type."""
        return [self.make.extract_value(values, k) for k in range(values.type.count)]

    def points(self, data: Any, at: Any, step: Any, count: int) -> list[tuple[_Points, Any]]:
        """Points ``step`` values apart, and where they are."""
        found = []
        for _ in range(count):
            imag = self.make.add(at, self.index(8))
            found.append((_Points(self.make, self.load(data, at), self.load(data, imag)), at))
            at = self.make.add(at, step)
        return found

    def across(self, data: Any, rows: list[Any]) -> list[Any]:
        """Eight rows of eight values, transposed: each column as a vector.

        Halves of rows k and k + 4 are loaded into one vector; two rounds of
        shuffles within the halves do the rest.
        """
        columns: list[Any] = []
        for half in (0, 4):
            parts = [self.make.add(row, self.index(half)) for row in rows]
            pairs = [
                (self.load(data, parts[k], _FOUR), self.load(data, parts[k + 4], _FOUR))
                for k in range(4)
            ]
            u, v, w, x = (self.shuffled(a, b, range(8)) for a, b in pairs)
            for order in ((0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15)):
                uv, wx = self.shuffled(u, v, order), self.shuffled(w, x, order)
                columns.append(self.shuffled(uv, wx, (0, 1, 8, 9, 4, 5, 12, 13)))
                columns.append(self.shuffled(uv, wx, (2, 3, 10, 11, 6, 7, 14, 15)))
        return columns


@_inline
def _take(_typing: Any, iq: Any, lanes: Any, window: Any, k: Any, x: Any) -> Any:
    """Windowed samples k to k + 3 of eight frames, which start at values ``lanes``."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        of = _Code(context, builder)
        source, weights, target = (of.data(signature.args[n], args[n]) for n in (0, 2, 4))
        at = args[3]
        twice = builder.shl(at, of.index(1))
        rows = [builder.add(lane, twice) for lane in of.members(args[1])]
        to = builder.mul(at, of.index(ROW))
        for row in rows:
            of.fetch(source, builder.add(row, of.index(AHEAD)))
        for n, column in enumerate(of.across(source, rows)):
            weight = of.load(weights, builder.add(at, of.index(n // 2)), _LANE)
            part = builder.fmul(column, of.everywhere(weight), flags=_FAST)
            of.store(target, builder.add(to, of.index(8 * n)), part)
        return context.get_dummy_value()

    return types.void(iq, lanes, window, k, x), code


def _step(radix: int) -> Any:
    """A step of the transform: ``radix`` points, ``step`` values apart, in place."""

    @_inline
    def step_of_radix(_typing: Any, x: Any, at: Any, step: Any, turns: Any, first: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            of = _Code(context, builder)
            data, factors = (of.data(signature.args[n], args[n]) for n in (0, 3))
            points = of.points(data, args[1], args[2], radix)
            found = _transformed([point for point, _ in points])
            for n, (point, (_, place)) in enumerate(zip(found, points, strict=True)):
                if n:
                    where = [of.index(2 * n - 2), of.index(2 * n - 1)]
                    turn = [of.load(factors, builder.add(args[4], w), _LANE) for w in where]
                    point = point.times(*(of.everywhere(part) for part in turn))
                of.store(data, place, point.re)
                of.store(data, builder.add(place, of.index(8)), point.im)
            return context.get_dummy_value()

        return types.void(x, at, step, turns, first), code

    return step_of_radix


def _last(radix: int, adds: bool) -> Any:
    """The last step: powers of ``radix`` neighbours, written 64 values apart, or added."""

    @_inline
    def last_of_radix(_typing: Any, x: Any, at: Any, power: Any, to: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            of = _Code(context, builder)
            data, target = (of.data(signature.args[n], args[n]) for n in (0, 2))
            points = of.points(data, args[1], of.index(ROW), radix)
            for n, point in enumerate(_transformed([point for point, _ in points])):
                place, power = builder.add(args[3], of.index(64 * n)), point.power()
                if adds:
                    power = builder.fadd(of.load(target, place), power, flags=_FAST)
                of.store(target, place, power)
            return context.get_dummy_value()

        return types.void(x, at, power, to), code

    return last_of_radix


@_inline
def _give(_typing: Any, power: Any, row: Any, out: Any, at: Any, line: Any) -> Any:
    """Eight bins of eight lanes, from ``row`` on, to the eight lines of ``out``."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        of = _Code(context, builder)
        source, target = (of.data(signature.args[n], args[n]) for n in (0, 2))
        rows = [builder.add(args[1], of.index(8 * k)) for k in range(8)]
        to = args[3]
        for column in of.across(source, rows):
            of.store(target, to, column)
            to = builder.add(to, args[4])
        return context.get_dummy_value()

    return types.void(power, row, out, at, line), code


_by_two, _by_four, _by_eight = _step(2), _step(4), _step(8)
_last_four, _last_eight = _last(4, False), _last(8, False)
_add_four, _add_eight = _last(4, True), _last(8, True)


@njit(cache=True, nogil=True)
def _transform(iq: FloatArray, starts: Whole, first: int, plan: Plan, x: FloatArray) -> None:
    """All steps but the last for frames ``first`` to ``first + 7``; the last frame fills up."""
    window, turns, steps, _ = plan
    last = starts.size - 1
    lanes = (
        2 * starts[min(first, last)],
        2 * starts[min(first + 1, last)],
        2 * starts[min(first + 2, last)],
        2 * starts[min(first + 3, last)],
        2 * starts[min(first + 4, last)],
        2 * starts[min(first + 5, last)],
        2 * starts[min(first + 6, last)],
        2 * starts[min(first + 7, last)],
    )
    for k in range(0, window.size, 4):
        _take(iq, lanes, window, k, x)
    for number in range(len(steps)):
        radix, rows, offset = steps[number]
        for block in range(0, window.size, radix * rows):
            for j in range(rows):
                at, turn = ROW * (block + j), offset + 2 * (radix - 1) * j
                if radix == 8:
                    _by_eight(x, at, ROW * rows, turns, turn)
                elif radix == 4:
                    _by_four(x, at, ROW * rows, turns, turn)
                else:
                    _by_two(x, at, ROW * rows, turns, turn)


@njit(cache=True, nogil=True)
def _powers(plan: Plan, x: FloatArray, power: FloatArray, out: FloatArray) -> None:
    """The last step, into eight lines of ``out``, bins in ascending frequency."""
    window, _, _, blocks = plan
    radix = window.size // blocks.size
    for k in range(0, blocks.size, 8):
        for j in range(8):
            if radix == 8:
                _last_eight(x, ROW * blocks[k + j], power, 8 * j)
            else:
                _last_four(x, ROW * blocks[k + j], power, 8 * j)
        for q in range(radix):
            # The middle becomes the first: negative frequencies, in ascending order.
            place = (q + radix // 2) % radix * blocks.size + k
            _give(power, 64 * q, out, place, window.size)


@njit(cache=True, nogil=True)
def _hold(plan: Plan, x: FloatArray, held: FloatArray) -> None:
    """The last step, added to ``held``: 64 values for each run of eight bins and each q."""
    window, _, _, blocks = plan
    radix = window.size // blocks.size
    for k in range(0, blocks.size, 8):
        for j in range(8):
            if radix == 8:
                _add_eight(x, ROW * blocks[k + j], held, 8 * (radix * k + j))
            else:
                _add_four(x, ROW * blocks[k + j], held, 8 * (radix * k + j))


@njit(cache=True, nogil=True)
def _release(plan: Plan, held: FloatArray, lanes: int, total: Doubles) -> None:
    """Add what the first lanes hold to ``total``, and hold nothing."""
    window, _, _, blocks = plan
    radix = window.size // blocks.size
    for k in range(0, blocks.size, 8):
        for q in range(radix):
            place = (q + radix // 2) % radix * blocks.size + k
            for j in range(8):
                at = 8 * (radix * k + 8 * q + j)
                part = np.float32(0)
                for lane in range(lanes):
                    part += held[at + lane]
                total[place + j] += part
    held[:] = 0


@njit(cache=True, nogil=True)
def rows(
    iq: FloatArray,
    starts: Whole,
    plan: Plan,
    x: FloatArray,
    power: FloatArray,
    spare: FloatArray,
    out: FloatArray,
) -> None:
    """|X|² of frames, one row of the flat ``out`` each."""
    size = plan[0].size
    whole = starts.size - starts.size % 8
    for at in range(0, whole, 8):
        _transform(iq, starts, at, plan, x)
        _powers(plan, x, power, out[at * size :])
    if whole < starts.size:
        _transform(iq, starts, whole, plan, x)
        _powers(plan, x, power, spare)
        out[whole * size :] = spare[: (starts.size - whole) * size]


@njit(cache=True, nogil=True)
def _pick(plan: Plan, x: FloatArray, bins: Whole, lanes: int, values: FloatArray) -> None:
    """What the last step makes of single bins: complex values of the first lanes.

    Their phases are those at a frame's centre: half a turn for odd bins.
    """
    window, _, _, blocks = plan
    radix = window.size // blocks.size
    for n in range(bins.size):
        row = ROW * blocks[bins[n] % blocks.size]
        q = (bins[n] // blocks.size + radix // 2) % radix
        sign = -1 if bins[n] % 2 else 1
        values[:lanes, n] = 0
        for k in range(radix):
            angle = -2 * np.pi / radix * (k * q % radix)
            c, s = np.float32(sign * np.cos(angle)), np.float32(sign * np.sin(angle))
            for lane in range(lanes):
                re, im = x[row + ROW * k + lane], x[row + ROW * k + 8 + lane]
                values[lane, n, 0] += re * c - im * s
                values[lane, n, 1] += re * s + im * c


@njit(cache=True, nogil=True)
def sums(
    iq: FloatArray,
    starts: Whole,
    plan: Plan,
    x: FloatArray,
    held: FloatArray,
    total: Doubles,
    bins: Whole,
    values: FloatArray,
) -> None:
    """Add |X|² over frames to ``total``; ``held`` must be zero, and is again.

    ``values``, (frames, bins, 2), become those of the ``bins``.
    """
    since = 0
    whole = starts.size - starts.size % 8
    for at in range(0, whole, 8):
        _transform(iq, starts, at, plan, x)
        _hold(plan, x, held)
        if bins.size:
            _pick(plan, x, bins, 8, values[at:])
        since += 8
        if since >= SINGLE_SUM or at + 8 >= whole:
            _release(plan, held, 8, total)
            since = 0
    if whole < starts.size:
        _transform(iq, starts, whole, plan, x)
        _hold(plan, x, held)
        _pick(plan, x, bins, starts.size - whole, values[whole:])
        _release(plan, held, starts.size - whole, total)


@njit(cache=True, nogil=True, fastmath=set(_FAST))
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
