"""Carriers in one averaged spectrum.

Each bin's *quiet level over time* is compared with the quiet levels beside it,
at every dyadic width. The reference is taken on both sides and the higher one
counts, so that the slope of a filter is no carrier; wide carriers must stand
out of ripple as well and fall off sharply. A signal that fills the slice has
no beside and is not seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.special import gammainccinv

from sdr_detect.detect.energy import freedom
from sdr_detect.dsp.occupancy import occupied
from sdr_detect.model import FloatArray, StreamInfo
from sdr_detect.settings import CarrierSettings

#: The 0.3 quantile of exponential variables varies as the mean of this many fewer.
QUANTILE_LOSS = 3.35

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

#: A carrier is steady when its level varies by no more than this beyond what
#: its own bandwidth explains (relative standard deviation); keyed and bursty
#: emissions are left to the burst detector.
STEADY = 0.25

#: So many lines, so many of their distances multiples of one: a comb.
COMB_LINES = 5
COMB_SHARE = 0.75

#: An IQ image lies at the mirrored frequency at least this far down.
IMAGE_DB = 12.0


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
    level: NDArray[np.float64], frames: int, settings: CarrierSettings, info: StreamInfo
) -> list[CarrierLine]:
    """Carriers in a quiet spectrum averaged over ``frames`` frames."""
    nfft = level.size
    usable = (info.usable_hz or info.sample_rate_hz) / info.sample_rate_hz
    edge = max(1, round((1 - usable) * nfft / 2))
    # The receiver's own DC offset is no carrier.
    level = level.copy()
    level[nfft // 2 - 1 : nfft // 2 + 2] = np.median(level[nfft // 2 - 8 : nfft // 2 + 9])
    mask = np.zeros(nfft, bool)
    rest = level.copy()
    averages = frames / QUANTILE_LOSS
    width = 1
    # Both references must lie inside the slice.
    while width <= nfft // 8:
        shape = averages * freedom(width, 1)
        threshold = float(gammainccinv(shape, settings.pfa / nfft) / shape)
        if width > TONE_BINS:
            wide = width > FILTER_SHARE * nfft
            excess_db = FILTER_EXCESS_DB if wide else settings.min_excess_db
            threshold = max(threshold, 10 ** (excess_db / 10))
        smooth = uniform_filter1d(rest, width, mode="nearest")
        beside = _beside(rest, width)
        hit = smooth > threshold * 1.05 * beside
        hit[:edge] = hit[nfft - edge :] = False
        half = width // 2
        for at in np.flatnonzero(hit):
            mask[max(0, at - half) : at + width - half] = True
        # What a narrow window explains must not be smeared over a wide one.
        rest[mask] = np.minimum(rest[mask], beside[mask])
        width *= 2
    step_hz = info.sample_rate_hz / nfft
    measured = [_measure(level, low, high, averages, step_hz) for low, high in _runs(mask)]
    return [m for m in measured if _is_sharp(level, m)]


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


def _beside(level: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Higher of the medians on the two sides of a window of ``width`` bins."""
    reach = max(24, 2 * width) | 1
    guard = width + 3
    middle = median_filter(level, reach, mode="nearest")
    shift = guard + reach // 2
    padded = np.pad(middle, shift, mode="edge")
    sides: NDArray[np.float64] = np.maximum(padded[: level.size], padded[2 * shift :])
    return sides


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


def is_steady(power: FloatArray, found: CarrierLine) -> bool:
    """Whether the level in the carrier's band stays the same over (frames, nfft)."""
    if not len(power):
        return False
    level = power[:, found.low : found.high + 1].mean(axis=1, dtype=np.float64)
    low, middle, high = np.quantile(level, (0.1, 0.5, 0.9))
    spread = (high - low) / 2.563 / middle
    return bool(spread < STEADY + 2 / np.sqrt(freedom(found.high - found.low + 1, 1)))


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
