"""What the samples themselves say about a recording, and what speaks against it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.runs import runs
from sdr_detect.formats.base import Recording
from sdr_detect.formats.store import PackedStore
from sdr_detect.formats.weigh import FIT, UNFIT, weigh_range

#: Pieces spread over a long recording, and samples in each.
PIECES, PIECE_SAMPLES = 64, 1 << 15

HISTOGRAM_BINS = 32

#: Levels farther from full scale than this cannot be measured in single precision.
_SANE_DB = 250.0

#: From this share on, clipped samples are worth telling.
_CLIPPED = 1e-3
#: From this many exact zeros in a row on, the receiver was mute.
_ZERO_RUN = 256


@dataclass(frozen=True, slots=True)
class Evidence:
    """Numbers measured on the samples, and suspicions with their reasons.

    Parameters
    ----------
    examined : int
        Samples looked at: all, or pieces spread over the recording.
    rms_dbfs, peak : float or None
        dB relative to 1 (integers: full scale); largest |I| or |Q|. None when
        there is no finite sample, or (rms) when all are 0.
    clipped_fraction : float or None
        Samples at or beyond the rail; None for floats, which have none.
    zero_fraction : float
        Samples that are exactly 0.
    longest_zero_run : int
        Samples, within one piece.
    dc_i, dc_q : float
        Mean of I and Q relative to the rms.
    imbalance_db : float or None
        Power of I over power of Q, without DC; None when one is constant.
    correlation : float
        Between I and Q, without DC.
    noncircularity : float
        ``|E z²| / E |z|²`` without DC: 0 for what a receiver delivers of noise
        and modulated carriers, 1 for one real signal.
    non_finite : int
        Samples with NaN or an infinity.
    levels : int
        Different values of I and Q, counted up to 4096.
    histogram : tuple of int
        I and Q values in equal bins.
    histogram_edge : float
        The bins reach from ``-histogram_edge`` to ``+histogram_edge``.
    suspicions : tuple of str
        Everything that speaks against the recording.
    unfit : tuple of str
        Those of them by which the samples are no receiver's IQ as they are
        read: absence of a signal in them means nothing.
    """

    examined: int
    rms_dbfs: float | None
    peak: float | None
    clipped_fraction: float | None
    zero_fraction: float
    longest_zero_run: int
    dc_i: float
    dc_q: float
    imbalance_db: float | None
    correlation: float
    noncircularity: float
    non_finite: int
    levels: int
    histogram: tuple[int, ...]
    histogram_edge: float
    suspicions: tuple[str, ...]
    unfit: tuple[str, ...]


def examine(recording: Recording) -> Evidence:
    """Examine the whole of a short recording, or pieces spread over a long one.

    Raises
    ------
    FormatError
        The file cannot be read where it should.
    """
    pieces = [recording.read(start, count) for start, count in _spread(recording)]
    samples = np.concatenate(pieces)
    with np.errstate(invalid="ignore"):  # signalling NaN
        zeros = [piece == 0 for piece in pieces]
    finite = samples[np.isfinite(samples)]
    parts = finite.view(np.float32).reshape(-1, 2).astype(np.float64)
    clip = recording.info.clip_level
    peak = float(np.abs(parts).max()) if len(parts) else None
    edge = 1.0 if clip is not None else peak or 1.0
    evidence = Evidence(
        examined=len(samples),
        peak=peak,
        clipped_fraction=_clipped(parts, clip),
        zero_fraction=sum(int(z.sum()) for z in zeros) / len(samples),
        longest_zero_run=max(map(_longest_run, zeros)),
        non_finite=len(samples) - len(finite),
        levels=min(len(np.unique(parts[: 1 << 18])), 4096),
        histogram=tuple(
            int(n) for n in np.histogram(parts, bins=HISTOGRAM_BINS, range=(-edge, edge))[0]
        ),
        histogram_edge=edge,
        suspicions=(),
        unfit=(),
        **_moments(parts),
    )
    unfit = (*_type_suspicions(recording), *_signal_suspicions(evidence))
    return replace(
        evidence, suspicions=(*unfit, *_level_suspicions(evidence, parts, clip)), unfit=unfit
    )


def _spread(recording: Recording) -> Iterator[tuple[int, int]]:
    """Stretches of present samples: every one, or `PIECES` of them at equal distances."""
    total = recording.sample_count
    step = max(PIECE_SAMPLES, total // PIECES)
    seen = 0  # present samples before this capture
    for capture in recording.captures:
        wanted = -(-seen // step) * step - seen if step > PIECE_SAMPLES else 0
        while wanted < capture.sample_count:
            count = min(PIECE_SAMPLES, capture.sample_count - wanted)
            yield capture.first_sample + wanted, count
            wanted += step
        seen += capture.sample_count


class _Moments(TypedDict):
    rms_dbfs: float | None
    dc_i: float
    dc_q: float
    imbalance_db: float | None
    correlation: float
    noncircularity: float


def _moments(parts: NDArray[np.float64]) -> _Moments:
    """First and second moments of I and Q."""
    found: _Moments = {
        "rms_dbfs": None,
        "dc_i": 0.0,
        "dc_q": 0.0,
        "imbalance_db": None,
        "correlation": 0.0,
        "noncircularity": 0.0,
    }
    # Column by column: sums over a row of two are the slowest that numpy knows.
    i, q = (np.ascontiguousarray(column) for column in parts.T)
    power = float(np.mean(i**2 + q**2)) if len(parts) else 0.0
    if power == 0:
        return found
    rms = math.sqrt(power)
    dc_i, dc_q = float(i.mean()), float(q.mean())
    i, q = i - dc_i, q - dc_q
    i_power, q_power, cross = (float(np.mean(a * b)) for a, b in ((i, i), (q, q), (i, q)))
    found["rms_dbfs"] = 20 * math.log10(rms)
    found["dc_i"], found["dc_q"] = dc_i / rms, dc_q / rms
    if i_power > 0 and q_power > 0:
        found["imbalance_db"] = 10 * math.log10(i_power / q_power)
        found["correlation"] = cross / math.sqrt(i_power * q_power)
    if i_power + q_power > 0:
        found["noncircularity"] = math.hypot(i_power - q_power, 2 * cross) / (i_power + q_power)
    return found


def _clipped(parts: NDArray[np.float64], clip: float | None) -> float | None:
    if clip is None or not len(parts):
        return None
    at_rail = np.abs(parts) >= np.float32(clip)
    return float(np.mean(at_rail[:, 0] | at_rail[:, 1]))


def _longest_run(mask: NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    edges = runs(mask)
    return int((edges[:, 1] - edges[:, 0]).max(initial=0))


def _type_suspicions(recording: Recording) -> Iterator[str]:
    """Whether the bytes contradict the sample type they are read as."""
    store = recording.store
    if not isinstance(store, PackedStore) or store.extent is None:
        return
    candidates = weigh_range(store.extent)
    own = next((c for c in candidates if c.datatype == store.datatype.name), None)
    if own is not None and own.weight < UNFIT and candidates[0].weight >= FIT:
        yield (
            f"read as {own.datatype}, but the bytes look like {candidates[0].datatype}: "
            f"{candidates[0].reason}"
        )


def _signal_suspicions(evidence: Evidence) -> Iterator[str]:
    """Whether this is a receiver's IQ at all."""
    if evidence.peak is None:
        yield "no sample is a finite number: the sample type is wrong, or the file is damaged"
    elif evidence.zero_fraction == 1:
        yield "every sample examined is 0: nothing was received"
    elif evidence.rms_dbfs is not None and abs(evidence.rms_dbfs) > _SANE_DB:
        yield (
            f"the level is {evidence.rms_dbfs:.0f} dB relative to 1, which no receiver delivers: "
            "the sample type is wrong, or the samples must be scaled to within ±250 dB"
        )
    elif evidence.imbalance_db is None:
        yield "I, Q or both never change: real samples, or a dead channel of the receiver"
    elif evidence.noncircularity > 0.5:
        yield (
            f"I and Q move together (noncircularity {evidence.noncircularity:.2f}, correlation "
            f"{evidence.correlation:.2f}): two sound channels or a real signal, not IQ"
        )


def _level_suspicions(
    evidence: Evidence, parts: NDArray[np.float64], clip: float | None
) -> Iterator[str]:
    """Bad samples, overload, muting and wasted range."""
    if evidence.non_finite:
        share = 100 * evidence.non_finite / evidence.examined
        yield f"{evidence.non_finite} samples ({share:.3g} %) are NaN or infinite"
    if evidence.clipped_fraction is not None and evidence.clipped_fraction >= _CLIPPED:
        yield f"{100 * evidence.clipped_fraction:.2g} % of the samples are clipped: overload"
    elif evidence.peak and (piled := _piled_up(parts, evidence.peak)):
        yield (
            f"{piled} values lie exactly on the largest one, {evidence.peak:.6g}: the converter "
            "clipped there, before the samples were scaled"
        )
    if clip is not None and 1 < evidence.levels <= 8:
        yield f"only {evidence.levels} different levels: the gain was too low for weak signals"
    if evidence.zero_fraction < 1 and evidence.longest_zero_run >= _ZERO_RUN:
        yield (
            f"up to {evidence.longest_zero_run} exact zeros in a row: a muted receiver, a squelch "
            "or lost data"
        )


def _piled_up(parts: NDArray[np.float64], peak: float) -> int:
    """Values exactly at the peak, where they outnumber those just below it."""
    levels = np.abs(parts)
    at_peak = int(np.count_nonzero(levels == peak))
    below = int(np.count_nonzero((levels >= 0.9 * peak) & (levels < peak)))
    spread = float(np.sqrt((levels**2).mean())) < 0.9 * peak
    return at_peak if at_peak >= 20 and at_peak > below and spread else 0
