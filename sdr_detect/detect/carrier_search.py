"""Carriers in one averaged spectrum.

Two looks. *Strong* ones stand out of the median of the bins beside them, at
every dyadic width; both sides are references and the higher one counts, so
that the slope of a filter is no carrier. Wide ones must stand out of ripple as
well and fall off sharply. *Weak* ones, which ripple would hide, are sought in
what the fitted passband leaves (`detect/carrier_weak.py`). A signal that fills
the slice has no beside and is not seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, minimum_filter1d, uniform_filter1d

from sdr_detect.detect.carrier_weak import Box, find_weak
from sdr_detect.dsp.cfar import WelchFreedom, greatest_of_threshold, ratio_threshold
from sdr_detect.dsp.occupancy import occupied
from sdr_detect.model import FloatArray, StreamInfo
from sdr_detect.settings import CarrierSettings

#: Main lobe of the Hann window at -6 dB is two bins; a tone is no wider.
TONE_BINS = 3

#: A bump as wide as this share of the slice is told from the shape of a filter
#: only when it stands out by so much.
FILTER_SHARE = 0.06
FILTER_EXCESS_DB = 3.0

#: Beyond the edge of a carrier, by this part of its width, no more than this
#: part of its excess is left; the hump of a filter falls more gently.
SKIRT = 0.35
SKIRT_LEFT = 0.35

#: Narrower carriers than this have no measurable skirt.
SKIRT_BINS = 12

#: Above this C/N a carrier that is no tone shows whole and needs no fit.
CLEAR_DB = 6.0

#: Part of the stated passband, and of the sample rate where none is stated, in
#: which weak carriers are sought: where its edge falls off no polynomial follows.
USED_SHARE = 0.95
ASSUMED_SHARE = 0.75

#: Bins on each side that make the reference of a narrow window.
LEAST_REACH = 24

#: Blocks of a reference from which its median is bounded.
BLOCKS = 8

#: So many lines, so many of their distances multiples of one: a comb.
COMB_LINES = 5
COMB_SHARE = 0.75

#: An IQ image lies at the mirrored frequency at least this far down.
IMAGE_DB = 12.0


#: Bins that must be watched for one to stand out of the others.
LEAST_WATCHED = 24


@dataclass(frozen=True, slots=True)
class CarrierLine:
    """One carrier of a spectrum: bins [low, high], both inside, and its centre.

    ``half_power_bins`` is its -3 dB width; ``comb`` marks several lines at a
    regular distance that were joined to one.
    """

    low: int
    high: int
    offset_hz: float
    cn_db: float
    level_db: float
    tone: bool
    half_power_bins: int
    comb: bool = False


def find_carriers(
    level: NDArray[np.float64],
    frames: int,
    freedom: WelchFreedom,
    settings: CarrierSettings,
    info: StreamInfo,
) -> list[CarrierLine]:
    """Carriers in the mean power of ``frames`` quiet frames.

    Each of the two looks may be wrong with half of ``settings.pfa``; within a
    look it is shared out evenly over its widths and bins.
    """
    nfft = level.size
    usable = (info.usable_hz or info.sample_rate_hz) / info.sample_rate_hz
    edge = max(1, round((1 - usable) * nfft / 2))
    if nfft - 2 * edge < LEAST_WATCHED:
        return []  # a passband of a few bins has no beside
    # The receiver's own DC offset is no carrier.
    level = level.copy()
    level[nfft // 2 - 1 : nfft // 2 + 2] = np.median(level[nfft // 2 - 8 : nfft // 2 + 9])
    mask = _strong(level, frames, freedom, settings, edge)
    step_hz = info.sample_rate_hz / nfft
    averages = freedom.shape(1, frames)
    strong = [_measure(level, low, high, averages, step_hz) for low, high in _runs(mask)]
    used = np.zeros(nfft, bool)
    inner = round((1 - usable * (USED_SHARE if info.usable_hz else ASSUMED_SHARE)) * nfft / 2)
    used[inner : nfft - inner] = True
    used[nfft // 2 - 1 : nfft // 2 + 2] = False
    for one in strong:
        # A wide carrier of little contrast shows in pieces: it is left to the fit.
        if _is_clear(one):
            margin = 3 + round(SKIRT * (one.high - one.low + 1))
            used[max(0, one.low - margin) : one.high + margin + 1] = False
    weak = [_line_of(b, nfft, step_hz) for b in find_weak(level, used, frames, freedom, settings)]
    strong = [m for m in strong if _is_sharp(level, m)]
    return _widest(strong, [m for m in weak if _is_whole(m, inner, nfft) or _alone(m, strong)])


def _is_whole(one: CarrierLine, inner: int, nfft: int) -> bool:
    """Whether both edges were seen: one that lies where the bins in use end was not."""
    return one.low > inner and one.high < nfft - inner - 1


def _alone(one: CarrierLine, others: list[CarrierLine]) -> bool:
    """Whether a line overlaps none of the others."""
    return all(o.high < one.low or one.high < o.low for o in others)


def _widest(strong: list[CarrierLine], weak: list[CarrierLine]) -> list[CarrierLine]:
    """Of lines that overlap between the looks, those that are not the narrower ones."""

    def yields(one: CarrierLine, others: list[CarrierLine], wins_tie: bool) -> bool:
        return any(
            other.low <= one.high
            and one.low <= other.high
            and (other.high - other.low) - (one.high - one.low) >= wins_tie
            for other in others
        )

    # A skirt is no carrier of its own beside the tone that it belongs to.
    clear = [m for m in strong if _is_clear(m)]
    weak = [m for m in weak if _alone(m, clear)]
    return [m for m in strong if _is_clear(m) or not yields(m, weak, True)] + [
        m for m in weak if not yields(m, strong, False)
    ]


def _is_clear(one: CarrierLine) -> bool:
    """Whether a line stands so clear that nothing wider explains it."""
    return one.tone or one.cn_db > CLEAR_DB


def strong_widths(nfft: int) -> list[int]:
    """Dyadic widths whose references lie inside the slice on both sides."""
    return [1 << k for k in range((nfft // 8).bit_length())]


def _strong(
    level: NDArray[np.float64],
    frames: int,
    freedom: WelchFreedom,
    settings: CarrierSettings,
    edge: int,
) -> NDArray[np.bool_]:
    """(nfft,) bins of windows that stand out of both their sides."""
    nfft = level.size
    mask = np.zeros(nfft, bool)
    rest = level.copy()
    widths = strong_widths(nfft)
    pfa = settings.pfa / 2 / (len(widths) * (nfft - 2 * edge))
    # The median of Gamma variables lies below their mean.
    low_by = 1 - 1 / (3 * freedom.shape(1, frames))
    for width in widths:
        reach = _reach(width)
        cell, side = freedom.spread(width, frames), freedom.median_shape(reach, frames)
        least = 1.0
        if width > TONE_BINS:
            wide = width > FILTER_SHARE * nfft
            least = 10 ** ((FILTER_EXCESS_DB if wide else settings.min_excess_db) / 10)
        threshold = least
        if ratio_threshold(pfa, cell, side) / low_by > least:  # never below that of both sides
            threshold = max(least, greatest_of_threshold(pfa, cell, side) / low_by)
        smooth = uniform_filter1d(rest, width, mode="nearest")
        may = smooth > threshold * _least_beside(rest, width)
        may[:edge] = may[nfft - edge :] = False
        at = np.flatnonzero(may)
        half = width // 2
        for hit in at[smooth[at] > threshold * _beside(rest, width, at)]:
            mask[max(0, hit - half) : hit + width - half] = True
        # What a narrow window explains must not be smeared over a wide one.
        at = np.flatnonzero(mask)
        rest[at] = np.minimum(rest[at], _beside(rest, width, at))
    return mask


def _line_of(box: Box, nfft: int, step_hz: float) -> CarrierLine:
    width = box.high - box.low + 1
    return CarrierLine(
        box.low,
        box.high,
        ((box.low + box.high) / 2 - nfft // 2) * step_hz,
        10 * float(np.log10(box.height)),
        10 * float(np.log10(box.height * box.base * width)),
        False,
        width,
    )


def _is_sharp(level: NDArray[np.float64], found: CarrierLine) -> bool:
    """Whether the level falls to that of the surroundings close to both edges."""
    width = found.high - found.low + 1
    if width < SKIRT_BINS:
        return True
    reach = max(3, round(SKIRT * width))
    inside = float(np.median(level[found.low : found.high + 1]))
    noise = inside / (1 + 10 ** (found.cn_db / 10))
    for start, stop in (
        (found.low - 2 * reach, found.low - reach),
        (found.high + reach, found.high + 2 * reach),
    ):
        if start < 0 or stop > level.size:
            continue
        left = float(np.median(level[start:stop])) - noise
        if left > SKIRT_LEFT * (inside - noise):
            return False
    return True


def _beside(level: NDArray[np.float64], width: int, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Higher of the medians on the two sides of windows of ``width`` bins around ``at``."""
    reach, last = _reach(width), level.size - 1
    if not at.size:
        return np.empty(0)
    middles = np.clip(np.add.outer((-_shift(width), _shift(width)), at), 0, last)
    if 4 * at.size > level.size:
        medians = median_filter(level, reach, mode="nearest")[middles]
    else:
        around = np.add.outer(middles, np.arange(-(reach // 2), reach // 2 + 1))
        medians = np.median(level[np.clip(around, 0, last)], axis=-1)
    higher: NDArray[np.float64] = np.maximum(medians[0], medians[1])
    return higher


def _least_beside(level: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Bound below `_beside` of every bin, for a small part of the work.

    A reference holds several whole blocks; where in each so many bins reach a level
    that together they are more than half of the reference, its median does too.
    """
    reach, shift, size = _reach(width), _shift(width), level.size
    block = reach // BLOCKS
    whole = (reach - block + 1) // block
    rank = block - -(-(reach // 2 + 1) // whole)
    # Beyond the ends the last values go on.
    blocks = -(-(size + reach) // block)
    filled = level[np.clip(np.arange(blocks * block) - reach // 2, 0, size - 1)]
    ranked = np.partition(filled.reshape(blocks, block), rank, axis=1)[:, rank]
    # The blocks that a window which starts in the first of them can touch.
    touched = (reach + block - 2) // block + 1
    bound = minimum_filter1d(ranked, touched, mode="nearest", origin=-(touched // 2))
    first = np.arange(size)
    left = bound[np.maximum(first - shift, 0) // block]
    right = bound[np.minimum(first + shift, size - 1) // block]
    sides: NDArray[np.float64] = np.maximum(left, right)
    return sides


def _shift(width: int) -> int:
    """Bins from the middle of a window to the middle of its references."""
    return width + 3 + _reach(width) // 2


def _reach(width: int) -> int:
    """Bins of each reference: as many as leave its error below the window's own."""
    return max(LEAST_REACH, 2 * width) | 1


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) bins of runs, runs closer than three bins joined."""
    at = np.flatnonzero(mask)
    if not at.size:
        return []
    breaks = np.flatnonzero(np.diff(at) > 3)
    first = np.concatenate(([at[0]], at[breaks + 1]))
    last = np.concatenate((at[breaks], [at[-1]]))
    return [(int(a), int(b)) for a, b in zip(first, last, strict=True)]


def _measure(
    level: NDArray[np.float64], low: int, high: int, averages: float, step_hz: float
) -> CarrierLine:
    reach = max(8, high - low + 1)
    left = level[max(0, low - 3 - reach) : max(1, low - 3)]
    right = level[min(level.size - 1, high + 4) : high + 4 + reach]
    noise = float(np.median(np.concatenate((left, right))))
    floor = np.full(level.size, noise)
    inside = np.zeros(level.size, bool)
    inside[max(0, low - 1) : high + 2] = True
    excess = np.where(inside, level - noise, 0.0)
    first, last = occupied(excess, floor, averages, inside)
    strong = np.maximum(excess[first : last + 1], 0)
    weight = strong / max(float(strong.sum()), np.finfo(np.float64).tiny)
    centroid = float(np.sum(weight * np.arange(first, last + 1)))
    narrow = np.count_nonzero(excess > 0.25 * excess.max()) <= TONE_BINS
    return CarrierLine(
        first,
        last,
        (centroid - level.size // 2) * step_hz,
        10 * float(np.log10(max(float(strong.mean()) / noise, 1e-9))),
        10 * float(np.log10(max(float(strong.sum()), 1e-30))),
        bool(narrow),
        _half_power_bins(excess[first : last + 1]),
    )


def centroid_hz(floor: FloatArray, found: CarrierLine, step_hz: float) -> float:
    """Centre of gravity of the carrier within one dwell."""
    low, high = max(0, found.low - 2), min(floor.size, found.high + 3)
    part = floor[low:high].astype(np.float64)
    weight = np.maximum(part - min(part[0], part[-1]), 0)
    total = float(weight.sum())
    if total <= 0:
        return found.offset_hz
    return (float(np.sum(weight * np.arange(low, high))) / total - floor.size // 2) * step_hz


def _half_power_bins(excess: NDArray[np.float64]) -> int:
    """Bins between the -3 dB points.

    A root-raised-cosine carrier is at half power half a symbol rate from its
    centre, whatever its roll-off.
    """
    smooth = uniform_filter1d(excess, max(1, excess.size // 12), mode="constant")
    top = float(np.median(np.sort(smooth)[-max(1, excess.size // 2) :]))
    above = np.flatnonzero(smooth > top / 2)
    return int(above[-1] - above[0] + 1) if above.size else excess.size


def join_comb(found: list[CarrierLine]) -> list[CarrierLine]:
    """Join lines at a regular distance to the one emission they belong to.

    Pilots of LTE stand 45 kHz apart, a keyed oscillator's harmonics at its
    rate; each line by itself would look like a narrow carrier.
    """
    if len(found) < COMB_LINES:
        return found
    ordered = sorted(found, key=lambda c: c.offset_hz)
    gaps = np.diff([c.offset_hz for c in ordered])
    step = float(np.median(gaps))
    off = np.abs(gaps / step - np.rint(gaps / step))
    if np.mean((off < 0.1) & (np.rint(gaps / step) > 0)) < COMB_SHARE:
        return found
    strongest = max(ordered, key=lambda c: c.level_db)
    whole = replace(
        strongest,
        low=ordered[0].low,
        high=ordered[-1].high,
        offset_hz=(ordered[0].offset_hz + ordered[-1].offset_hz) / 2,
        tone=False,
        half_power_bins=ordered[-1].high - ordered[0].low + 1,
        comb=True,
    )
    return [whole]


def drop_images(found: list[CarrierLine], nfft: int) -> list[CarrierLine]:
    """Leave out mirror images of stronger carriers (IQ imbalance)."""

    def is_image(one: CarrierLine) -> bool:
        return any(
            other.level_db > one.level_db + IMAGE_DB
            and abs(nfft - other.high - one.low) <= 2 + (one.high - one.low) // 4
            and abs(nfft - other.low - one.high) <= 2 + (one.high - one.low) // 4
            for other in found
        )

    return [one for one in found if not is_image(one)]
