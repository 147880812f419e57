"""Steady carriers and tones inside the slice.

Each bin's *quiet level over time* is compared with the quiet levels beside it,
at every dyadic width. The reference is taken on both sides and the higher one
counts, so that the slope of a filter is no carrier; wide carriers must stand
out of ripple as well. A signal that fills the slice has no beside and is not
seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.special import gammainccinv

from sdr_detect.detect.energy import freedom
from sdr_detect.dsp.occupancy import occupied
from sdr_detect.dsp.stft import Dwell, quiet_floor
from sdr_detect.features.symbol_rate import SymbolRate
from sdr_detect.model import ComplexArray, Flag, FloatArray, StreamInfo
from sdr_detect.settings import CarrierSettings

#: Frames looked at in each dwell: enough for a quantile, cheap at any rate.
FRAMES = 64

#: The 0.3 quantile of exponential variables varies as the mean of this many fewer.
QUANTILE_LOSS = 3.35

#: Main lobe of the Hann window at -6 dB is two bins; a tone is no wider.
TONE_BINS = 3

#: Frames that do not overlap, at least, before a quantile over time means anything.
LEAST_FRAMES = 24

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

#: Tones this far below the strongest one are the receiver's own spurs.
SPUR_DB = 20.0

#: So many lines, so many of their distances multiples of one: a comb.
COMB_LINES = 5
COMB_SHARE = 0.75

#: Dwells of a window whose spectra are kept, and points of a drift line.
MAX_PARTS = 32
MAX_POINTS = 4096

#: An IQ image lies at the mirrored frequency at least this far down.
IMAGE_DB = 12.0


@dataclass(slots=True, eq=False)
class CarrierTrack:
    """Running state of one carrier."""

    id: int
    offset_hz: float
    lower_hz: float
    upper_hz: float
    first_sample: int
    stop_sample: int
    tone: bool
    cn_db: float
    half_power_hz: float
    times_s: list[float] = field(default_factory=list)
    offsets_hz: list[float] = field(default_factory=list)
    windows: int = 0
    pfa: float = 1.0
    symbols: SymbolRate | None = None
    flags: set[Flag] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Found:
    low: int
    high: int
    offset_hz: float
    cn_db: float
    level_db: float
    tone: bool
    half_power_bins: int
    comb: bool = False


class CarrierDetector:
    """Averages quiet spectra over a window, finds carriers, follows them."""

    def __init__(self, info: StreamInfo, settings: CarrierSettings, first_id: int) -> None:
        self._info = info
        self._settings = settings
        rate = info.sample_rate_hz
        self._nfft = 1 << int(np.clip(round(np.log2(rate / settings.resolution_hz)), 8, 12))
        window = np.hanning(self._nfft + 1)[:-1]
        self._window = (window / np.sqrt(np.sum(window**2))).astype(np.float32)
        self._sum = np.zeros(self._nfft)
        self._dwells = 0
        self._frames = 0
        self._started_at = 0
        self._next_id = first_id
        self._parts: list[tuple[float, FloatArray]] = []
        self._latest: FloatArray = np.empty((0, self._nfft), np.float32)
        self.tracks: list[CarrierTrack] = []
        self.overflow = 0
        self.spurs = 0

    @property
    def resolution_hz(self) -> float:
        """Distance of two bins."""
        return self._info.sample_rate_hz / self._nfft

    def update(self, dwell: Dwell) -> None:
        """Add a dwell; evaluate when a window is full."""
        if not self._dwells:
            self._started_at = dwell.first_sample
        power = self._spectra(dwell)
        floor = quiet_floor(power, np.ones(len(power), bool)) if len(power) else None
        if floor is None:
            return
        self._latest = power
        if len(self._parts) < MAX_PARTS:
            middle = dwell.first_sample + dwell.layout.dwell_samples / 2
            self._parts.append((middle / self._info.sample_rate_hz, floor))
        self._sum += floor
        self._dwells += 1
        self._frames += len(power)
        stop = dwell.first_sample + dwell.layout.dwell_samples
        if (stop - self._started_at) / self._info.sample_rate_hz >= self._settings.window_s:
            self._evaluate(dwell.iq, stop)

    def finish(self, iq: ComplexArray, stop_sample: int) -> None:
        """Evaluate what a short recording left."""
        if self._dwells:
            self._evaluate(iq, stop_sample)

    def _spectra(self, dwell: Dwell) -> FloatArray:
        """(frames, nfft) powers, ascending frequency, of frames without a fault."""
        nfft = self._nfft
        hop = dwell.layout.hop
        bad = np.concatenate(([0], np.cumsum(~dwell.frame_ok)))
        # The last frame that starts inside reaches one hop further.
        need = max(1, nfft // hop - 1)
        first = np.arange(max(0, dwell.layout.frames - need + 1))
        whole = first[bad[first + need] == bad[first]]
        if whole.size * hop < LEAST_FRAMES * nfft:
            return np.empty((0, nfft), np.float32)
        starts = whole[np.unique(np.linspace(0, whole.size - 1, FRAMES).astype(int))] * hop
        frames = np.stack([dwell.iq[s : s + nfft] * self._window for s in starts])
        spectra = scipy.fft.fftshift(scipy.fft.fft(frames, axis=1, overwrite_x=True), axes=1)
        power: FloatArray = spectra.real**2 + spectra.imag**2
        return power

    def _evaluate(self, iq: ComplexArray, stop_sample: int) -> None:
        level = self._sum / self._dwells
        found = find_carriers(level, self._frames, self._settings, self._info)
        found = [c for c in drop_images(found, level.size) if is_steady(self._latest, c)]
        found = join_comb(found)
        strongest = max((c.level_db for c in found), default=0.0)
        real = [c for c in found if not c.tone or c.level_db > strongest - SPUR_DB]
        self.spurs += len(found) - len(real)
        for carrier in real:
            track = self._follow(carrier, stop_sample)
            if track is None:
                continue
            for seconds, floor in self._parts:
                if len(track.times_s) < MAX_POINTS:
                    track.times_s.append(seconds)
                    track.offsets_hz.append(_centroid_hz(floor, carrier, self.resolution_hz))
            if track.symbols is not None:
                track.symbols.add(iq)
        self._parts.clear()
        self._sum[:] = 0
        self._dwells = self._frames = 0

    def _follow(self, found: _Found, stop_sample: int) -> CarrierTrack | None:
        info, step = self._info, self.resolution_hz
        centre = info.center_hz or 0.0
        low = centre + (found.low - self._nfft // 2 - 0.5) * step
        high = centre + (found.high - self._nfft // 2 + 0.5) * step
        near = 3 * step + 0.25 * (high - low)
        track = next(
            (
                t
                for t in self.tracks
                if abs(t.offset_hz - found.offset_hz) < near and t.tone == found.tone
            ),
            None,
        )
        if track is None:
            if len(self.tracks) >= self._settings.max_carriers:
                self.overflow += 1
                return None
            track = CarrierTrack(
                self._next_id,
                found.offset_hz,
                low,
                high,
                self._started_at,
                stop_sample,
                found.tone,
                found.cn_db,
                found.half_power_bins * step,
            )
            if not (found.tone or found.comb):
                track.symbols = SymbolRate(
                    info.sample_rate_hz, low - centre, high - centre, track.half_power_hz
                )
            self._next_id += 1
            self.tracks.append(track)
            if found.low <= 2 or found.high >= self._nfft - 3:
                track.flags.add(Flag.EDGE)
            if info.center_hz is None:
                track.flags.add(Flag.RF_UNKNOWN)
        track.windows += 1
        track.offset_hz = found.offset_hz
        track.lower_hz += (low - track.lower_hz) / track.windows
        track.upper_hz += (high - track.upper_hz) / track.windows
        track.cn_db += (found.cn_db - track.cn_db) / track.windows
        track.stop_sample = stop_sample
        track.pfa = self._settings.pfa**track.windows
        return track


def find_carriers(
    level: NDArray[np.float64], frames: int, settings: CarrierSettings, info: StreamInfo
) -> list[_Found]:
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


def _is_sharp(level: NDArray[np.float64], found: _Found) -> bool:
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
) -> _Found:
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
    return _Found(
        first,
        last,
        (centroid - level.size // 2) * step_hz,
        10 * float(np.log10(max(float(strong.mean()) / noise, 1e-9))),
        10 * float(np.log10(max(float(strong.sum()), 1e-30))),
        bool(narrow),
        _half_power_bins(excess[first : last + 1]),
    )


def _centroid_hz(floor: FloatArray, found: _Found, step_hz: float) -> float:
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


def is_steady(power: FloatArray, found: _Found) -> bool:
    """Whether the level in the carrier's band stays the same over (frames, nfft)."""
    if not len(power):
        return False
    level = power[:, found.low : found.high + 1].mean(axis=1, dtype=np.float64)
    low, middle, high = np.quantile(level, (0.1, 0.5, 0.9))
    spread = (high - low) / 2.563 / middle
    return bool(spread < STEADY + 2 / np.sqrt(freedom(found.high - found.low + 1, 1)))


def join_comb(found: list[_Found]) -> list[_Found]:
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


def drop_images(found: list[_Found], nfft: int) -> list[_Found]:
    """Leave out mirror images of stronger carriers (IQ imbalance)."""

    def is_image(one: _Found) -> bool:
        return any(
            other.level_db > one.level_db + IMAGE_DB
            and abs(nfft - other.high - one.low) <= 2 + (one.high - one.low) // 4
            and abs(nfft - other.low - one.high) <= 2 + (one.high - one.low) // 4
            for other in found
        )

    return [one for one in found if not is_image(one)]
