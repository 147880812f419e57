"""What a power sweep shows: channels that stay, channels that come and go, raised blocks.

Sweeps have been averaged or thinned by whoever wrote them: a terminal's burst of
54 µs to 1.3 ms is gone in an average over a second, and met by chance in a single
transform. Nothing here is evidence of a terminal; it says where to record IQ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.special import gammainccinv, gammaincinv, polygamma

from sdr_detect.dsp.runs import runs
from sdr_detect.errors import FormatError
from sdr_detect.features.sweep_edges import Points, SweepBlock, find_blocks
from sdr_detect.plan import FrequencyPlan
from sdr_detect.sweeps.base import MAX_VALUES, PowerSweeps, Row

Floats = NDArray[np.float32]

#: Said with every review.
STATEMENT = (
    "A power sweep cannot confirm a terminal: its bursts of 54 µs to 1.3 ms are averaged away or "
    "met by chance. Record IQ where something comes and goes, and analyse that."
)

#: Two steps are the same to within this.
STEP_TOLERANCE = 0.01

#: Sweeps needed to tell what comes and goes.
LEAST_SWEEPS = 8

#: Quantile over time that is the quiet level of a bin.
QUIET = 0.3

#: Relative error of that quantile of exponential values, times the root of their
#: number; and how many standard errors are allowed for.
QUIET_ERROR = 1.8
QUIET_SIGMAS = 4.0

#: Chance that noise alone marks anything in a whole file.
PFA = 1e-2

#: What averages cannot tell from drift, and from ripple of the passband.
LEAST_BURST_DB = 1.0
LEAST_STEADY_DB = 3.0

#: Width of the running median over frequency, in bins and as a share of all.
AROUND_BINS = 31
AROUND_SHARE = 0.03

#: Gamma shapes within which the writer's averaging lies.
SHAPES = (0.5, 1e4)

#: Marked bins this close are one channel.
JOIN_BINS = 2

#: Points of a piece of spectrum in the search for blocks, and of all pieces.
PIECE_POINTS = 16
MAX_POINTS = 4096

#: Spread of the level from piece to piece; the search finds a larger one by itself.
PIECE_DB = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """All sweeps side by side.

    Parameters
    ----------
    freq_hz : (bins,) float64
        Bin centres, ascending.
    time_s : (sweeps,) float64
        Start of each sweep.
    power : (sweeps, bins) float32
        Linear; NaN where nothing was measured.
    piece : (bins,) int64
        Number of the row that a bin comes from, -1 for none.
    """

    freq_hz: NDArray[np.float64]
    time_s: NDArray[np.float64]
    power: Floats
    piece: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Channel:
    """Neighbouring bins with energy.

    ``kind`` is ``persistent`` or ``bursty``; ``share`` the part of the sweeps in
    which its busiest bin stood above the noise.
    """

    kind: str
    freq_lower_hz: float
    freq_upper_hz: float
    share: float
    peak_db: float
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """What there is to see."""

    grid: Grid
    channels: tuple[Channel, ...]
    blocks: tuple[SweepBlock, ...]
    notes: tuple[str, ...]


def assemble(sweeps: PowerSweeps) -> Grid:
    """Put rows on one grid; a frequency that comes again begins a new sweep.

    Raises
    ------
    FormatError
        The rows are too far apart for one picture.
    """
    step = float(np.median([row.step_hz for row in sweeps.rows]))
    rows = [r for r in sweeps.rows if abs(r.step_hz - step) <= STEP_TOLERANCE * step]
    other = len(sweeps.rows) - len(rows)
    if other:
        sweeps.bad_count += other
        sweeps.bad_lines.append(f"{other} rows of another bin width than {step:g} Hz")
    low = min(row.low_hz for row in rows)
    bins = max(_at(row, low, step) + row.power_db.size for row in rows)
    starts = _starts(rows)
    if bins * len(starts) > MAX_VALUES:
        raise FormatError(
            f"{len(starts)} sweeps over {bins} bins, more than {MAX_VALUES} values; split the file "
            "by time or by band",
            path=sweeps.path,
        )
    power = np.full((len(starts), bins), np.nan, np.float32)
    piece = np.full(bins, -1, np.int64)
    number = {row_low: k for k, row_low in enumerate(sorted({row.low_hz for row in rows}))}
    sweep = -1
    for k, row in enumerate(rows):
        sweep += k in starts
        part = slice(_at(row, low, step), _at(row, low, step) + row.power_db.size)
        power[sweep, part] = 10 ** (row.power_db / 10)
        piece[part] = number[row.low_hz]
    freq_hz = low + (np.arange(bins, dtype=np.float64) + 0.5) * step
    times = np.array([rows[k].time_s for k in sorted(starts)])
    return Grid(freq_hz, times, power, piece)


def review(sweeps: PowerSweeps, plan: FrequencyPlan) -> Review:
    """Everything there is to see in a file.

    Parameters
    ----------
    sweeps : PowerSweeps
    plan : FrequencyPlan
        From the file's frequencies to those on air.

    Raises
    ------
    FormatError
        As for `assemble`.
    """
    grid = on_air(assemble(sweeps), plan)
    count = len(grid.time_s)
    seen = np.isfinite(grid.power)
    used = seen.sum(axis=0) >= LEAST_SWEEPS
    if not used.any():
        note = f"{count} sweeps, fewer than {LEAST_SWEEPS} of any bin: nothing can be told of time"
        return Review(grid, (), (), (note,))
    power = np.where(seen, grid.power, np.nan)[:, used]
    shape = _shape(power)
    quiet = np.nanquantile(power, QUIET, axis=0) / (gammaincinv(shape, QUIET) / shape)
    quiet = np.maximum(quiet, np.finfo(np.float32).tiny)
    tests = PFA / power.size
    least = max(10 ** (LEAST_BURST_DB / 10), float(gammainccinv(shape, tests)) / shape)
    # The quiet level of a bin is no better known than its few sweeps make it.
    least *= 1 + QUIET_SIGMAS * QUIET_ERROR / np.sqrt(count * max(1.0, shape))
    busy = np.nan_to_num(power) > quiet * least
    around = max(AROUND_BINS, round(AROUND_SHARE * quiet.size)) | 1
    base = median_filter(quiet, min(around, max(1, quiet.size)), mode="nearest")
    over = 10 ** (LEAST_STEADY_DB / 10) * (1 + 5 * 2 / np.sqrt(shape * count))
    steady = quiet > base * over
    freq_hz = grid.freq_hz[used]
    channels = [
        *_channels(
            "persistent", steady, power, base, np.nan_to_num(power) > base * over, grid, freq_hz
        ),
        *_channels("bursty", busy.any(axis=0) & ~steady, power, quiet, busy, grid, freq_hz),
    ]
    blocks = _blocks(power, quiet, shape, freq_hz, grid.piece[used])
    return Review(grid, tuple(channels), blocks, ())


def on_air(grid: Grid, plan: FrequencyPlan) -> Grid:
    """The grid by RF; a converter above the signal turns it over."""
    freq_hz = np.array([plan.rf_from_if(f) for f in grid.freq_hz])
    if not plan.inverted:
        return replace(grid, freq_hz=freq_hz)
    return Grid(freq_hz[::-1].copy(), grid.time_s, grid.power[:, ::-1], grid.piece[::-1])


def _at(row: Row, low: float, step: float) -> int:
    return round((row.low_hz - low) / step)


def _starts(rows: list[Row]) -> set[int]:
    """Rows with which a sweep begins."""
    starts, heard = {0}, set[float]()
    for k, row in enumerate(rows):
        if row.low_hz in heard:
            starts.add(k)
            heard = set()
        heard.add(row.low_hz)
    return starts


def _shape(power: Floats) -> float:
    """Averages behind each value, from the scatter of the typical bin in dB.

    The logarithm of a Gamma variable has the variance of the trigamma function.
    """
    logs = np.log(np.maximum(power, np.finfo(np.float32).tiny))
    variance = float(np.median(np.nanvar(logs, axis=0, ddof=1)))
    low, high = SHAPES
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if polygamma(1, middle) > variance else (low, middle)
    return float(low)


def _channels(
    kind: str,
    marked: NDArray[np.bool_],
    power: Floats,
    level: NDArray[np.floating],
    busy: NDArray[np.bool_],
    grid: Grid,
    freq_hz: NDArray[np.float64],
) -> list[Channel]:
    joined = marked.copy()
    for start, stop in runs(~marked):
        if start > 0 and stop < marked.size and stop - start <= JOIN_BINS:
            joined[start:stop] = True
    half = float(grid.freq_hz[1] - grid.freq_hz[0]) / 2 if grid.freq_hz.size > 1 else 0.0
    found = []
    for start, stop in runs(joined):
        part = slice(start, stop)
        ratio = np.nanmax(power[:, part] / level[part])
        when = np.flatnonzero(busy[:, part].any(axis=1))
        first, last = (when[0], when[-1]) if when.size else (0, len(grid.time_s) - 1)
        found.append(
            Channel(
                kind,
                float(freq_hz[start]) - half,
                float(freq_hz[stop - 1]) + half,
                float(busy[:, part].mean(axis=0).max()),
                10 * float(np.log10(ratio)),
                float(grid.time_s[first]),
                float(grid.time_s[last]),
            )
        )
    return found


def _blocks(
    power: Floats,
    quiet: NDArray[np.floating],
    shape: float,
    freq_hz: NDArray[np.float64],
    piece: NDArray[np.int64],
) -> tuple[SweepBlock, ...]:
    """Blocks of raised mean power over several pieces: a channel wider than the receiver."""
    excess = np.nanmean(power, axis=0) / quiet - 1
    pieces = np.unique(piece)
    if pieces.size < 2:
        return ()
    each = max(1, min(PIECE_POINTS, MAX_POINTS // pieces.size))
    columns: list[tuple[float, float, float, int]] = []
    for number, wanted in enumerate(pieces):
        for part in np.array_split(np.flatnonzero(piece == wanted), each):
            if part.size:
                sigma = 2 / np.sqrt(shape * len(power) * part.size)
                columns.append((freq_hz[part].mean(), excess[part].mean(), sigma, number))
    freq, height, error, stop = (np.array(column) for column in zip(*columns, strict=True))
    order = np.argsort(freq, kind="stable")
    points = Points(freq[order], height[order], error[order], stop[order].astype(np.int64))
    return tuple(find_blocks(points, 10 ** (PIECE_DB / 10) - 1, 1e-3))
