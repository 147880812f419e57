"""Steps of the receiver's gain within a dwell.

A step moves every bin by the same factor and stays; left alone it would look
like one long burst that fills the slice. It is measured on quiet levels, taken
out of the whitened energy, and reported: an emission wider than the slice and
longer than 30 ms would look the same, and no terminal sends one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.order import both_nth, median, medians
from sdr_detect.dsp.stft import QUIET_QUANTILE, Dwell

#: Quiet levels are taken over stretches this long.
STRETCH_S = 10e-3

#: Stretches that must agree before and after the step.
PERSIST = 3

#: This part of the step happens within one stretch; the rest is drift.
SHARP = 0.7

#: A gain moves every quantile alike, bursts that begin or end move the upper
#: ones most: this one may differ by so much of the step.
UPPER_QUANTILE = 0.8
UNLIKE = 0.25

#: Smallest step that is no noise, in dB, and how far sub-bands may differ.
SMALLEST_DB = 0.6
SPREAD_DB = 0.5


@dataclass(frozen=True, slots=True)
class GainStep:
    """The level rose (or fell) by ``step_db`` for good at ``sample``."""

    sample: int
    step_db: float


def remove_gain_steps(dwell: Dwell) -> list[GainStep]:
    """Find steps and divide them out of ``dwell.power``; whiten again if any.

    The dwell keeps the level it started with as its reference.
    """
    layout = dwell.layout
    per = max(16, round(STRETCH_S * layout.sample_rate_hz / layout.hop))
    count = layout.frames // per
    if count <= 2 * PERSIST:
        return []
    levels = _levels_db(dwell, per, count)
    # A step moves most sub-bands' quiet level as far; NaN says nothing.
    if median(np.ptp(levels[0], axis=0)) < SMALLEST_DB:
        return []
    steps: list[GainStep] = []
    factor = np.ones(layout.frames, np.float32)
    at = PERSIST
    while at < count - PERSIST:
        step = _step_db(levels, at)
        if step is None:
            at += 1
            continue
        frame = _sharpen(dwell, at * per, per, step)
        factor[frame:] *= np.float32(10 ** (-step / 10))
        steps.append(GainStep(dwell.first_sample + frame * layout.hop, step))
        at += PERSIST
    if steps:
        dwell.power *= factor[:, None]
        dwell.whiten()
    return steps


def _levels_db(dwell: Dwell, per: int, count: int) -> NDArray[np.float64]:
    """Quiet and upper level of each stretch and sub-band, (2, count, subbands), dB."""
    cut = dwell.energy[: count * per].reshape(count, per, -1)[:, :: max(1, per // 128)]
    ranks = int(QUIET_QUANTILE * cut.shape[1]), int(UPPER_QUANTILE * cut.shape[1])
    level = np.stack(both_nth(cut, ranks, 1)).astype(np.float64)
    ok = dwell.frame_ok[: count * per].reshape(count, per).mean(axis=1) > 0.9
    decibels: NDArray[np.float64] = 10 * np.log10(np.maximum(level, 1e-9))
    decibels[:, ~ok] = np.nan
    return decibels


def _step_db(levels: NDArray[np.float64], at: int) -> float | None:
    """Common step between the stretches before and after stretch ``at``, if there is one."""
    before, after = levels[:, at - PERSIST : at], levels[:, at + 1 : at + 1 + PERSIST]
    if np.isnan(before).any() or np.isnan(after).any():
        return None
    step, upper = after.mean(axis=1) - before.mean(axis=1)
    size = median(step)
    if abs(size) < SMALLEST_DB or abs(median(upper) - size) > UNLIKE * abs(size):
        return None
    spread = median(np.abs(step - size))
    drift = max(float(np.ptp(medians(part[0]))) for part in (before, after))
    edge = median(levels[0, at + 1] - levels[0, at - 1])
    if edge / size < SHARP or spread > SPREAD_DB or drift > 0.5 * abs(size):
        return None
    return size


def _sharpen(dwell: Dwell, frame: int, per: int, step_db: float) -> int:
    """Frame of the step: change point of the slice's mean energy from ``frame`` on."""
    low, high = frame - per, min(frame + 2 * per, dwell.layout.frames)
    level = dwell.energy[low:high].mean(axis=1, dtype=np.float64)
    base = float(np.median(level[: per // 4]))
    middle = base * (1 + 10 ** (step_db / 10)) / 2
    trend = np.cumsum(np.clip(level, 0, 4 * max(base, middle)) - middle)
    return low + 1 + int(np.argmin(trend) if step_db > 0 else np.argmax(trend))
