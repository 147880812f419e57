"""The frequency of a known carrier in a recording, followed over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sdr_detect.errors import CalibrationError
from sdr_detect.features.line import fit_line
from sdr_detect.model import ComplexArray

#: Where a carrier is known: its line, the middle between its half-power edges, or
#: one of them.
Place = Literal["peak", "centre", "lower-edge", "upper-edge"]

#: Pieces that a recording is looked at in; each at most so long.
PIECES = 64
PIECE_SAMPLES = 1 << 19

#: Coarse bins of the search for lines, about; pieces that must show the line.
_COARSE = 4096
_LEAST_PIECES = 8

#: A line stands out by so much of the median bin; it is sought again in each piece
#: within so much of where the whole shows it.
_LINE_DB = 12.0
_REACH_HZ = 3000.0

#: Rate of what is left around a line, over that reach.
_OVERSAMPLED = 10

#: What lies nearer to a stronger line is its own skirt.
_APART_HZ = 20e3

#: Bins of the spectrum that edges are read from.
_EDGE_BINS = 512

#: Reading this function hands out ``count`` samples from ``start``.
Reader = Callable[[int, int], ComplexArray]


@dataclass(frozen=True, slots=True)
class LineFrequency:
    """Frequency of a carrier relative to the slice's centre, at the recording's middle.

    Parameters
    ----------
    offset_hz, sigma_hz : float
        Estimate and standard uncertainty from the scatter between pieces.
    drift_hz_per_s, drift_sigma_hz_per_s : float
    middle_s : float
        Seconds from the first sample.
    pieces : int
        Pieces it rests on.
    level_db : float
        Over the median bin.
    """

    offset_hz: float
    sigma_hz: float
    drift_hz_per_s: float
    drift_sigma_hz_per_s: float
    middle_s: float
    pieces: int
    level_db: float


def line_frequencies(
    read: Reader, sample_count: int, sample_rate_hz: float, place: Place, wanted: int = 1
) -> list[LineFrequency]:
    """The ``wanted`` strongest carriers, strongest first.

    Parameters
    ----------
    read : callable
        ``read(start, count)`` returns samples.
    sample_count : int
    sample_rate_hz : float
    place : Place
        With edges or the centre one carrier is looked for.
    wanted : int

    Raises
    ------
    CalibrationError
        Too short, or fewer carriers than wanted stand out.
    """
    size = min(PIECE_SAMPLES, sample_count // PIECES)
    if size < _COARSE:
        raise CalibrationError(
            f"{sample_count} samples are too few: {PIECES * _COARSE} are needed; record longer"
        )
    starts = [round(k * (sample_count - size) / (PIECES - 1)) for k in range(PIECES)]
    pieces = [read(start, size) for start in starts]
    times = (np.array(starts) + size / 2) / sample_rate_hz
    if place != "peak":
        series = [_edges(piece, sample_rate_hz, place) for piece in pieces]
        return [_line(times, series, 0.0)]
    mean = np.mean([_coarse(piece) for piece in pieces], axis=0)
    found = _strongest(mean, sample_rate_hz, wanted)
    return [
        _line(times, [_peak(piece, sample_rate_hz, at_hz) for piece in pieces], level_db)
        for at_hz, level_db in found
    ]


def _line(
    times_s: NDArray[np.float64], offsets_hz: Sequence[float | None], level_db: float
) -> LineFrequency:
    seen = np.array([math.nan if o is None else o for o in offsets_hz])
    keep = np.isfinite(seen)
    if keep.sum() >= _LEAST_PIECES:
        # A straight line drawn by medians tells which pieces show something else.
        one, other = np.triu_indices(int(keep.sum()), 1)
        apart_s = times_s[keep][other] - times_s[keep][one]
        slope = float(np.median((seen[keep][other] - seen[keep][one]) / apart_s))
        bare = seen - slope * times_s
        bare -= np.median(bare[keep])
        spread = 1.4826 * float(np.median(np.abs(bare[keep])))
        keep &= np.abs(bare) <= max(6 * spread, 1e-3)
    if keep.sum() < _LEAST_PIECES:
        raise CalibrationError(
            f"the carrier is there in {int(keep.sum())} of {PIECES} pieces of the recording only: "
            "take a steady one, or record it stronger"
        )
    times, offsets = times_s[keep], seen[keep]
    fit = fit_line(times, offsets)
    scatter = math.sqrt(float(fit.residuals @ fit.residuals) / fit.freedom)
    return LineFrequency(
        float(offsets.mean()),
        scatter / math.sqrt(offsets.size),
        fit.slope,
        fit.sigma,
        float(times.mean()),
        int(offsets.size),
        level_db,
    )


def _coarse(piece: ComplexArray) -> NDArray[np.float64]:
    rows = piece[: piece.size // _COARSE * _COARSE].reshape(-1, _COARSE)
    spectrum = scipy.fft.fft(rows * np.hanning(_COARSE + 1)[:-1], axis=1)
    power: NDArray[np.float64] = scipy.fft.fftshift((np.abs(spectrum) ** 2).mean(axis=0))
    return power


def _strongest(mean: NDArray[np.float64], rate_hz: float, wanted: int) -> list[tuple[float, float]]:
    step_hz = rate_hz / _COARSE
    offsets = (np.arange(_COARSE) - _COARSE // 2) * step_hz
    left = mean.copy()
    left[np.abs(offsets) < 3 * step_hz] = 0  # the receiver's own DC
    level = float(np.median(mean))
    found: list[tuple[float, float]] = []
    for _ in range(wanted):
        at = int(np.argmax(left))
        over_db = 10 * math.log10(max(float(left[at]), 1e-300) / max(level, 1e-300))
        if over_db < _LINE_DB:
            raise CalibrationError(
                f"{len(found)} lines stand {_LINE_DB:g} dB out of the noise, {wanted} are needed: "
                "tune to the carrier, or use --at centre for one without a line"
            )
        found.append((float(offsets[at]), over_db))
        left[np.abs(offsets - offsets[at]) < max(_APART_HZ, 6 * step_hz)] = 0
    return found


def _peak(piece: ComplexArray, rate_hz: float, near_hz: float) -> float | None:
    """Frequency of the highest bin near a frequency, by a parabola through its logarithm.

    Mixed down and averaged to what is needed around it. Zero-padded Hann: the parabola
    is then right to 1e-3 of a bin.
    """
    reach_hz = max(_REACH_HZ, 3 * rate_hz / _COARSE)
    factor = max(1, int(rate_hz / (_OVERSAMPLED * reach_hz)))
    count = piece.size // factor
    turns = near_hz / rate_hz * np.arange(count * factor)
    mixed = piece[: count * factor] * np.exp(-2j * np.pi * turns)
    slow = mixed.reshape(count, factor).mean(axis=1) * np.hanning(count + 2)[1:-1]
    size = scipy.fft.next_fast_len(4 * count)
    step_hz = rate_hz / factor / size
    reach = round(reach_hz / step_hz)
    power = np.abs(scipy.fft.fft(slow, size)[np.arange(-reach, reach + 1)]) ** 2
    at = int(np.argmax(power))
    if at in (0, power.size - 1) or not power[at - 1 : at + 2].all():
        return None
    before, middle, after = np.log(power[at - 1 : at + 2])
    shift = 0.5 * (before - after) / (before - 2 * middle + after)
    return near_hz + float((at - reach + shift) * step_hz)


def _edges(piece: ComplexArray, rate_hz: float, place: Place) -> float | None:
    """Half-power edges of the strongest emission, between bins by a straight line."""
    rows = piece[: piece.size // _EDGE_BINS * _EDGE_BINS].reshape(-1, _EDGE_BINS)
    power = (np.abs(scipy.fft.fft(rows * np.hanning(_EDGE_BINS + 1)[:-1], axis=1)) ** 2).mean(0)
    power = scipy.fft.fftshift(power)
    smooth = np.convolve(power, np.full(5, 0.2), mode="same")
    floor = float(np.quantile(smooth, 0.1))
    top = float(np.quantile(smooth[smooth > (floor + float(smooth.max())) / 2], 0.5))
    half = floor + (top - floor) / 2
    above = smooth > half
    at = int(np.argmax(smooth))
    low, high = at, at
    while low > 0 and above[low - 1]:
        low -= 1
    while high < _EDGE_BINS - 1 and above[high + 1]:
        high += 1
    if top < 2 * floor or low < 3 or high > _EDGE_BINS - 4:
        return None
    step_hz = rate_hz / _EDGE_BINS
    lower = low - (smooth[low] - half) / (smooth[low] - smooth[low - 1])
    upper = high + (smooth[high] - half) / (smooth[high] - smooth[high + 1])
    places = {"lower-edge": lower, "upper-edge": upper, "centre": (lower + upper) / 2}
    return float((places[place] - _EDGE_BINS // 2) * step_hz)
