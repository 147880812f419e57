"""Compiled loops against plain numpy, and the scale of the short-time spectra."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sdr_detect.dsp import autocorr, edges
from sdr_detect.dsp.fold import central_moments, fold_frames, fold_spectra, shifted_sum
from sdr_detect.dsp.kernels import (
    PIECE,
    along_time,
    block_excess,
    cell_statistics,
    paint_exceedances,
    sum_of_relative,
    whitened_subbands,
)
from sdr_detect.dsp.passband import box_sums
from sdr_detect.dsp.runs import runs
from sdr_detect.features.fold_level import clipped, rises, running_level
from sdr_detect.features.fold_powers import lag_powers
from sdr_detect.features.fold_search import (
    FRAME_CORRELATION,
    box_widths,
    highest_box,
    highest_of_columns,
    unsteadiness,
)
from sdr_detect.model import FloatArray
from tests.core.streams import noise

REPEATABLE = settings(max_examples=40, deadline=None, derandomize=True)

#: Sums of a few hundred float32 terms in another order.
SUMMED = 2e-6

seeds = st.integers(0, 99)


@REPEATABLE
@given(cells=st.integers(0, 20), cell=st.integers(1, 200), rest=st.integers(0, 5), data=st.data())
def test_cell_statistics(cells: int, cell: int, rest: int, data: st.DataObject) -> None:
    iq = noise(cells * cell + min(rest, cell - 1), data.draw(st.integers(0, 99)))
    places = st.lists(st.integers(0, max(0, iq.size - 1)), max_size=8)
    bad_value = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 1j * np.nan, 1e30, 1e16]))
    bad, zero = (data.draw(places) if iq.size else [] for _ in range(2))
    iq[bad] = bad_value
    iq[zero] = data.draw(st.sampled_from([0, 1e-17]))
    clip_level = data.draw(st.sampled_from([0.0, 0.5, 1.5]))

    used = iq[: cells * cell].reshape(cells, cell).copy()
    with np.errstate(invalid="ignore", over="ignore"):
        power = used.real**2 + used.imag**2
        lost = ~(power < 1e30)
        clipped = (np.abs(used.real) >= clip_level) | (np.abs(used.imag) >= clip_level)
    clipped &= ~lost & (clip_level > 0)
    clean = np.where(lost, 0, used)

    energy, got_clipped, got_bad, got_zeros = cell_statistics(iq, cell, clip_level)
    assert np.allclose(energy, np.where(lost, 0, power).sum(axis=1), rtol=1e-4)
    assert np.array_equal(got_clipped, clipped.sum(axis=1))
    assert np.array_equal(got_bad, lost.sum(axis=1))
    assert np.array_equal(got_zeros, ((power < 1e-30) & ~lost).sum(axis=1))
    assert np.array_equal(iq[: cells * cell].reshape(cells, cell), clean)


@REPEATABLE
@given(batch=st.integers(1, 9), bins=st.integers(1, 70))
def test_sum_of_relative(batch: int, bins: int) -> None:
    power = np.abs(noise(batch * bins, batch).reshape(batch, bins)) ** 2
    power[0] = 0
    rest = power[1:]
    total = np.sum(rest / rest.mean(axis=1, keepdims=True), axis=0)
    assert np.allclose(sum_of_relative(power), total, rtol=SUMMED)


@REPEATABLE
@given(
    frames=st.integers(1, 20),
    widths=st.lists(st.integers(1, 12), min_size=1, max_size=16),
    edge=st.integers(0, 9),
)
def test_whitened_subbands(frames: int, widths: list[int], edge: int) -> None:
    edges = np.cumsum([edge, *widths])
    rng = np.random.default_rng(frames)
    power = rng.exponential(1.0, (frames, int(edges[-1]) + edge)).astype(np.float32)
    weight = rng.random(power.shape[1:], np.float32)
    out = np.full((frames, len(widths)), np.nan, np.float32)
    whitened_subbands(power, weight, edges, out)
    parts = [(power * weight)[:, a:b].sum(axis=1) for a, b in itertools.pairwise(edges)]
    assert np.allclose(out, np.stack(parts, axis=1), rtol=SUMMED)


def painted(
    energy: FloatArray, width: int, frames: int, threshold: float
) -> tuple[NDArray[np.bool_], bool]:
    """Cells of boxes whose mean is above threshold; whether any box is too close to call."""
    mask = np.zeros(energy.shape, bool)
    close = False
    for low in range(0, len(energy) - width + 1, width):
        for first in range(energy.shape[1] - frames + 1):
            box = slice(low, low + width), slice(first, first + frames)
            mean = energy[box].mean(dtype=np.float64)
            close |= bool(abs(mean - threshold) < 1e-5)
            if mean > threshold:
                mask[box] = True
    return mask, close


@REPEATABLE
@given(
    subbands=st.integers(1, 16),
    rows=st.integers(1, 60),
    log_width=st.integers(0, 4),
    log_frames=st.integers(0, 5),
    threshold=st.sampled_from([0.8, 1.2, 2.0]),
    seed=st.integers(0, 99),
)
def test_paint_exceedances(
    subbands: int, rows: int, log_width: int, log_frames: int, threshold: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    energy = rng.gamma(2.0, 0.5, (subbands, rows)).astype(np.float32)
    energy[:, rng.integers(rows)] *= 1e4  # a strong burst must not leave a residue
    width, frames = min(1 << log_width, subbands), 1 << log_frames
    expected, close = painted(energy, width, frames, threshold)
    mask, left = np.zeros(energy.shape, bool), energy.copy()
    found = paint_exceedances(left, width, frames, threshold, mask)
    assert close or (np.array_equal(mask, expected) and found == expected.any())
    assert np.array_equal(left, np.where(mask, np.float32(1), energy))


@pytest.mark.parametrize("at", [0, PIECE - 1, PIECE, PIECE + 7, 2 * PIECE + 49])
def test_boxes_of_a_long_dwell_reach_across_its_pieces(at: int) -> None:
    energy = np.ones((2, 2 * PIECE + 50), np.float32)
    energy[1, at] = 100
    mask = np.zeros(energy.shape, bool)
    assert paint_exceedances(energy, 2, 8, 2.0, mask)
    assert np.flatnonzero(mask[0]).tolist() == [
        f for f in range(at - 7, at + 8) if 0 <= f < mask.shape[1]
    ]
    assert np.array_equal(mask[0], mask[1])


@REPEATABLE
@given(rows=st.integers(1, 200), frames=st.integers(1, 32), seed=seeds)
def test_block_excess(rows: int, frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    level, ok = rng.random(rows).astype(np.float32), rng.random(rows) < 0.95
    whole = rows // frames * frames
    blocks = level[:whole].astype(float).reshape(-1, frames).mean(axis=1) - 1
    kept = ok[:whole].reshape(-1, frames).all(axis=1)
    assert np.allclose(block_excess(level, ok, frames), blocks[kept], rtol=1e-6)


@REPEATABLE
@given(frames=st.integers(1, 60), subbands=st.integers(1, 16), seed=seeds)
def test_along_time(frames: int, subbands: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    energy = rng.random((frames, subbands), np.float32)
    ok = rng.random(frames) < 0.8
    assert np.array_equal(along_time(energy, ok), np.where(ok, energy.T, 1))


@REPEATABLE
@given(
    frames=st.integers(1, 400),
    columns=st.integers(1, 12),
    bins=st.lists(st.integers(4, 120), min_size=1, max_size=4),
    share=st.sampled_from([0.3, 0.9, 1.0]),
    # Bins a frame: close to one as in use, and anything else.
    step=st.sampled_from([0.4, 0.99, 0.9984, 1.0, 1.003, 1.7, 2.5]),
    seed=st.integers(0, 99),
)
def test_fold_frames(
    frames: int, columns: int, bins: list[int], share: float, step: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((frames, columns)).astype(np.float32)
    ok = rng.random(frames) < share
    offsets = np.concatenate(([0], np.cumsum(bins)))
    size = np.array(bins)
    # Clear of the bins' edges, where rounding decides.
    phases = np.floor(rng.random(size.size) * size) + 0.0317
    steps = np.full(size.size, step) + 1e-5 * np.arange(size.size)
    expected = np.zeros((offsets[-1], columns))
    expected_counts = np.zeros(offsets[-1])
    for r, first in enumerate(offsets[:-1]):
        at = first + ((phases[r] + np.arange(frames) * steps[r]) % size[r]).astype(int)
        np.add.at(expected, at[ok], values[ok])
        np.add.at(expected_counts, at[ok], 1)
    sums = np.zeros(expected.shape, np.float32)
    counts = np.zeros(expected_counts.shape, np.float32)
    fold_frames(values, runs(ok), phases, steps, offsets, sums, counts)
    assert np.array_equal(counts, expected_counts)
    assert np.allclose(sums, expected, atol=1e-4)


@REPEATABLE
@given(count=st.integers(1, 9), bins=st.integers(1, 110), seed=st.integers(0, 99))
def test_shifted_sum(count: int, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(count, bins, 3)).astype(np.float32)
    shifts = rng.integers(-2 * bins, 2 * bins, count)
    turned = [np.roll(part, -shift, axis=0) for part, shift in zip(parts, shifts, strict=True)]
    assert np.allclose(shifted_sum(parts, shifts), np.sum(turned, axis=0), atol=1e-5)


@REPEATABLE
@given(frames=st.integers(2, 300), columns=st.integers(1, 9), seed=st.integers(0, 99))
def test_moments_of_columns(frames: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.exponential(1.0, (frames, columns)) + 5).astype(np.float32)
    ok = rng.random(frames) < 0.8
    ok[:2] = True
    some = values[ok].astype(np.float64)
    off = some - some.mean(axis=0)
    expected = np.stack([(off**2).mean(axis=0), (off**3).mean(axis=0)])
    assert np.allclose(central_moments(values, ok), expected, rtol=1e-9, atol=1e-9)


@REPEATABLE
@given(
    frames=st.integers(1, 400),
    bins=st.integers(4, 120),
    share=st.sampled_from([0.3, 0.9, 1.0]),
    step=st.sampled_from([0.99, 0.9984, 1.003]),
    seed=st.integers(0, 99),
)
def test_fold_spectra(frames: int, bins: int, share: float, step: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    power = rng.exponential(1.0, (frames, 32)).astype(np.float32)
    white = rng.random(32, np.float32) / 16
    weight = rng.random(frames, np.float32)
    ok = rng.random(frames) < share
    phase = rng.integers(bins) + 0.0317  # clear of the bins' edges
    at = ((phase + np.arange(frames) * step) % bins).astype(int)
    over = power.astype(np.float64) * white
    level = np.maximum(over.sum(axis=1), 0.9)
    expected, expected_scalars = np.zeros((bins, 2, 32)), np.zeros((bins, 2, 3))
    for k, w in enumerate((np.ones(frames), weight)):
        np.add.at(expected[:, k], at[ok], ((w / level)[:, None] * over)[ok])
        few = np.stack([w, w * w, w * (1 - 1 / level)], axis=1)
        np.add.at(expected_scalars[:, k], at[ok], few[ok])
    sums, scalars = np.zeros((bins, 2, 32), np.float32), np.zeros((bins, 2, 3), np.float32)
    fold_spectra(power, white, weight, 0.9, runs(ok), phase, step, sums, scalars)
    assert np.allclose(sums, expected, rtol=1e-5)
    assert np.allclose(scalars, expected_scalars, rtol=1e-5, atol=1e-5)


@REPEATABLE
@given(
    frames=st.integers(1, 300),
    columns=st.integers(1, 16),
    share=st.sampled_from([0.0, 0.05, 0.9, 1.0]),
    seed=st.integers(0, 99),
)
def test_clipped(frames: int, columns: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    energy = rng.exponential(size=(frames, columns)).astype(np.float32)
    ok = rng.random(frames) < share
    most = np.minimum(energy, np.float32(1.5))
    mean = most[ok].mean(axis=0, dtype=float) if ok.any() else 0.0
    assert np.allclose(clipped(energy, ok, 1.5), most - mean, atol=1e-6)


@REPEATABLE
@given(
    frames=st.integers(1, 300),
    around=st.integers(0, 300),
    share=st.sampled_from([0.05, 0.9, 1.0]),
    seed=st.integers(0, 99),
)
def test_running_level(frames: int, around: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    energy = (3 + rng.normal(size=frames)).astype(np.float32)
    ok = rng.random(frames) < share
    around = 2 * around + 1
    share_around = uniform_filter1d(ok.astype(float), around)
    mean = uniform_filter1d(np.where(ok, energy, 0).astype(float), around)
    rise = np.where(ok, energy - mean / np.maximum(share_around, 0.1), 0)
    level, whole = np.full(frames + 1, np.nan), np.full(frames + 1, -1)
    variance = running_level(energy, ok, around, level, whole)
    assert np.allclose(np.diff(level), rise)
    assert level[0] == 0
    assert whole.tolist() == [0, *np.cumsum(ok).tolist()]
    assert variance == pytest.approx(rise[ok].var() if ok.any() else 0, abs=1e-9)

    size = min(frames, 7)
    held = np.zeros(frames + 1 - size, bool)
    found = rises(level, whole, size, held)
    assert held.tolist() == [bool(ok[f : f + size].all()) for f in range(held.size)]
    assert np.allclose(found, (level[size:] - level[:-size])[held])


@REPEATABLE
@given(bins=st.integers(25, 110), lags=st.integers(1, 11), seed=st.integers(0, 99))
def test_lag_powers(bins: int, lags: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sums = rng.normal(size=(bins, 2, lags + 2, 2)) @ (1, 1j)
    sums[..., -1] = rng.uniform(1, 9, (bins, 2)) + 1j * rng.uniform(1, 9, (bins, 2))
    runs_ = [sum(np.roll(sums, -k, axis=0) for k in range(n)) for n in (1, 3)]
    total = np.concatenate(runs_, axis=1).swapaxes(0, 1)
    weight, squares = total[..., -1].real, total[..., -1].imag
    energy = total[..., -2].real / weight
    mean = total[..., :-2] / weight[..., None]
    mean -= (np.median(mean.real, axis=1) + 1j * np.median(mean.imag, axis=1))[:, None]
    power = np.abs(mean) ** 2 * (weight**2 / squares)[..., None]
    noise = np.median(power, axis=1) / np.log(2)
    found = [np.full(shape, np.nan) for shape in (mean.shape, mean.shape, *[weight.shape] * 2)]
    lag_powers(sums, np.array([1, 3]), 0.1, *found)
    # Medians to single precision of what they are taken of.
    assert np.allclose(found[0], power / noise[:, None], rtol=1e-5, atol=1e-5)
    assert np.allclose(found[1], np.abs(mean), rtol=1e-5, atol=1e-5)
    assert np.allclose(found[2], energy - np.quantile(energy, 0.1, axis=1)[:, None])
    assert np.allclose(found[3], np.sqrt(noise.mean(axis=1)[:, None] * squares) / weight)


@REPEATABLE
@given(bins=st.integers(4, 110), empty=st.floats(0, 0.6), seed=st.integers(0, 99))
def test_highest_box(bins: int, empty: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(9, bins) * (rng.random(bins) > empty).astype(np.float64)
    counts[0] += 1
    sums = rng.normal(0, np.sqrt(counts + 1e-9))
    widths = box_widths(bins, 2)
    best = -np.inf, 0, 0, 0.0, 0.0
    for width in widths.tolist():
        for start in range(bins):
            inside = np.isin(np.arange(bins), np.arange(start, start + width) % bins)
            held = counts[inside].sum()
            if held <= 0.5 * width * counts.mean():
                continue
            beside = max(1.0, counts[~inside].sum())
            excess = sums[inside].sum() / held - sums[~inside].sum() / beside
            alike = 1 + 2 * FRAME_CORRELATION * (1 - 1 / width)
            z = excess / np.sqrt(2.0 * alike * (1 / held + 1 / beside))
            if z > best[0] + 1e-9:
                best = z, start, width, excess, held
    start, width, z, excess, held = highest_box(sums, counts, 2.0, widths)
    assert (z, start, width, excess, held) == pytest.approx(best)


@REPEATABLE
@given(bins=st.integers(8, 110), columns=st.integers(1, 9), seed=st.integers(0, 99))
def test_boxes_and_spread_of_columns(bins: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(9, 3 * bins).astype(np.float32)
    sums = rng.normal(size=(3 * bins, columns)).astype(np.float32)
    variance = rng.uniform(1e-3, 2, columns)
    single, widths = rng.random(columns) < 0.5, box_widths(bins, 2)
    found = highest_of_columns(sums[:bins], counts[:bins], variance, single, widths)
    for c in range(columns):
        tried = np.ones(1, np.int64) if single[c] else widths
        line, held = sums[:bins, c].astype(float), counts[:bins].astype(float)
        assert found[:, c].tolist() == list(highest_box(line, held, variance[c], tried))

    squares = sums.astype(float) ** 2 / np.maximum(counts, 1)[:, None]
    spread = np.median(squares.reshape(3, bins, columns).mean(axis=1), axis=0) / variance
    got = unsteadiness(sums, counts, np.arange(4) * bins, variance)
    assert np.allclose(got, np.maximum(spread, 1))


@REPEATABLE
@given(size=st.integers(8, 300), columns=st.integers(2, 14), seed=st.integers(0, 99))
def test_box_sums(size: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    total = np.cumsum(rng.normal(0, 1, (size + 1, columns)), axis=0)
    low = rng.integers(0, size - 2, 50)
    stop = rng.integers(low + 1, size + 1)
    ring = (stop - low) * 6 // 100
    inner = total[stop - ring] - total[low + ring]
    middle = total[stop] - total[low]
    outer = total[np.minimum(stop + ring, size)] - total[np.maximum(low - ring, 0)]
    part = (inner + middle + outer) / 3
    norm = 5 / 9 * inner[:, 1] + middle[:, 1] / 3 + outer[:, 1] / 9
    expected = np.stack([part[:, 0], middle[:, 1], norm - (part[:, 2:] ** 2).sum(axis=1)])
    assert np.allclose(box_sums(total, low, stop, ring), expected)


@REPEATABLE
@given(cells=st.integers(1, 12), cell=st.integers(1, 70), at=st.integers(0, 12), seed=seeds)
def test_where_an_envelope_turns(cells: int, cell: int, at: int, seed: int) -> None:
    power = np.random.default_rng(seed).exponential(size=(cells, cell))
    power[: cells // 2] *= 3
    at = min(at, cells)
    trend = np.concatenate(([0.0], np.cumsum(power.mean(axis=1) - 2)))
    assert np.allclose(edges._trend(power, 2.0), trend, rtol=1e-12, atol=1e-12)
    near = power[max(0, at - 2) : at + 2].ravel() - 2
    running = np.concatenate(([0.0], np.cumsum(near)))
    first = max(0, at - 2) * cell
    assert edges._highest(power, 2.0, at, 1.0) == first + np.argmax(running)
    assert edges._highest(power, 2.0, at, -1.0) == first + np.argmin(running)

    fine = power.ravel().astype(np.float32)
    above = np.maximum(fine.astype(float) - 2, 0)
    width = above.sum() ** 2 / max(float((above**2).sum()), 1e-300)
    assert np.isclose(edges.equivalent_width(fine, 2.0), width, rtol=1e-12)


@REPEATABLE
@given(
    size=st.integers(8, 400), half=st.integers(1, 20), low=st.booleans(), seed=st.integers(0, 99)
)
def test_a_spectrum_over_its_surroundings(size: int, half: int, low: bool, seed: int) -> None:
    width = 2 * min(half, (size - 1) // 2) + 1

    def around(values: NDArray[np.float64]) -> NDArray[np.float64]:
        reach = range(-(width // 2), width // 2 + 1)
        mean: NDArray[np.float64] = np.mean([np.roll(values, -k) for k in reach], axis=0)
        return mean

    spectrum = np.random.default_rng(seed).exponential(size=size)
    spectrum[size // 2] = 50.0
    if low:  # beyond the passband
        spectrum[: size // 4] *= 1e-3
    inside = around(spectrum) > 0.5 * np.median(around(spectrum))
    share = np.maximum(around(inside.astype(float)), 1 / width)
    cut = np.minimum(spectrum, 6 * around(np.where(inside, spectrum, 0)) / share)
    ratio = np.minimum(cut / np.maximum(around(np.where(inside, cut, 0)) / share, 1e-300), 6)
    expected = np.where(inside, 1 + np.maximum(2 * share - 1, 0) * (ratio - 1), 1)
    found = autocorr._flatten(spectrum, width)
    assert np.allclose(found, expected, rtol=1e-9)
    assert np.array_equal(autocorr._flatten(np.zeros(size), width), np.ones(size))
