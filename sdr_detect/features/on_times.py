"""When an emission is on: from its power along time, within its own band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sdr_detect.dsp.cfar import WelchFreedom, mean_threshold
from sdr_detect.dsp.runs import runs
from sdr_detect.dsp.stft import quiet_floor
from sdr_detect.model import ComplexArray

Floats = NDArray[np.float64]

#: Length of a frame where the band is wide: half of the shortest burst (54 µs).
FRAME_S = 26.7e-6

#: Bins that a band should have.
BAND_BINS = 4

#: Gamma shape of the smoothed band power: noise stays within 3 dB of its mean.
LEAST_SHAPE = 60.0

#: Frames over which band power is smoothed, and how many standard deviations the
#: midway level is to lie from both sides.
SMOOTH_FRAMES = (1, 3, 5, 9, 17, 33, 65)
CLEAR = 4.0

#: Chance that noise makes one frame look on.
PFA = 1e-9

#: A band that is quiet by this much more than what lies beside holds a carrier.
CONTINUOUS = 10**0.1

#: Bins beside the band that tell the noise.
BESIDE_BINS = 8

#: Frames looked at for the quiet level.
FLOOR_FRAMES = 4096

BATCH = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class OnTimes:
    """Samples at which an emission is on, and surely off.

    Parameters
    ----------
    on, off : (n,) bool
    duty, duty_sigma : float
        Share of the present time that it is on.
    pauses : bool
        Its pauses tell the noise.
    beside : bool
        What lies beside it in frequency tells the noise.
    clear : bool
        Times on and off are told apart by more than the noise's scatter.
    longest_run : int
        Samples of the longest time on.
    """

    on: NDArray[np.bool_]
    off: NDArray[np.bool_]
    duty: float
    duty_sigma: float
    pauses: bool
    beside: bool
    clear: bool
    longest_run: int


def find_on_times(
    iq: ComplexArray,
    rate_hz: float,
    band_hz: tuple[float, float],
    half_hz: float,
    present: NDArray[np.bool_],
) -> OnTimes | None:
    """Times on and off of what lies in a band; None with too few samples.

    What never rises above the noise counts as on all the time, so that its power
    can be bounded.

    Parameters
    ----------
    iq : (n,) complex64
    band_hz : (low, high)
        Relative to the centre.
    half_hz : float
        Half of the receiver's passband.
    present : (n,) bool
    """
    width = band_hz[1] - band_hz[0]
    wanted = max(FRAME_S * rate_hz, BAND_BINS * rate_hz / width)
    nfft = 1 << max(5, round(np.log2(min(wanted, max(32, iq.size / 64)))))
    hop = nfft // 2
    offsets = (np.arange(nfft) - hop) * (rate_hz / nfft)
    inside = (offsets >= band_hz[0]) & (offsets <= band_hz[1])
    if not inside.any():
        inside[np.argmin(np.abs(offsets - sum(band_hz) / 2))] = True
    power, floor, ok = _frames(iq, nfft, inside, present)
    if floor is None:
        return None
    guard = 2 * rate_hz / nfft
    outside = (np.abs(offsets) <= half_hz) & (
        (offsets < band_hz[0] - guard) | (offsets > band_hz[1] + guard)
    )
    bins = int(np.count_nonzero(inside))
    quiet, beside = float(floor[inside].sum()), bool(np.count_nonzero(outside) >= BESIDE_BINS)
    level = bins * float(np.median(floor[outside])) if beside else 0.0
    pauses = not beside or quiet <= CONTINUOUS * level
    reference = quiet if pauses else level
    freedom = WelchFreedom(np.hanning(nfft + 1)[:-1], hop)
    shapes = {frames: freedom.shape(bins, frames) for frames in SMOOTH_FRAMES}
    frames = next((k for k, shape in shapes.items() if shape >= LEAST_SHAPE), SMOOTH_FRAMES[-1])
    smooth = uniform_filter1d(power, frames)
    threshold = reference * mean_threshold(PFA, freedom.spread(float(bins), frames))
    on = ok & (smooth > threshold)
    found = bool(on.any())
    # What is on for most of the time has its level in the middle of all.
    strong = float(np.median(smooth[on if pauses and found else ok]))
    apart = (strong - reference) / 2 / max(strong, 1e-300)
    frames = next((k for k, s in shapes.items() if k >= frames and apart >= CLEAR / s**0.5), 0)
    clear = found and frames > 0
    if clear:
        # Midway between noise and emission a smoothed edge stands where it was.
        smooth = uniform_filter1d(power, frames)
        on = ok & (smooth > (reference + strong) / 2)
    if not found or not (clear or pauses):
        on = ok
    off = ok & ~uniform_filter1d(on.astype(np.float32), max(frames, 1) + 4).astype(bool)
    return _times(on, off, ok, hop, iq.size, (pauses and found, beside, clear))


def _times(
    on: NDArray[np.bool_],
    off: NDArray[np.bool_],
    ok: NDArray[np.bool_],
    hop: int,
    size: int,
    marks: tuple[bool, bool, bool],
) -> OnTimes:
    lasting = runs(on)
    duty = float(on.sum() / ok.sum())
    sigma = np.sqrt(2 * len(lasting) / 12) / float(ok.sum())
    longest = int((lasting[:, 1] - lasting[:, 0]).max()) * hop
    return OnTimes(
        _samples(on, hop, size),
        _samples(off, hop, size),
        duty,
        float(sigma) if duty < 1 else 0.0,
        *marks,
        longest,
    )


def _samples(frames: NDArray[np.bool_], hop: int, size: int) -> NDArray[np.bool_]:
    """Samples around the middle of marked frames."""
    marked = np.zeros(size, np.bool_)
    spread = np.repeat(frames, hop)
    first = hop // 2
    marked[first : first + spread.size] = spread[: size - first]
    return marked


def _frames(
    iq: ComplexArray, nfft: int, inside: NDArray[np.bool_], present: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.float32] | None, NDArray[np.bool_]]:
    """Band power of each frame, quiet level of each bin, and frames without a missing sample."""
    hop = nfft // 2
    count = max(0, (iq.size - nfft) // hop + 1)
    missing = np.concatenate(([0], np.cumsum(~present)))
    start = np.arange(count) * hop
    ok = np.asarray(missing[start + nfft] == missing[start])
    if np.count_nonzero(ok) < 16:
        return np.zeros(count), None, ok
    taper = np.hanning(nfft + 1)[:-1].astype(np.float32)
    power = np.empty(count)
    kept: list[NDArray[np.float32]] = []
    step = max(1, count // FLOOR_FRAMES)
    views = np.lib.stride_tricks.sliding_window_view(iq, nfft)[::hop]
    for first in range(0, count, max(1, BATCH // nfft)):
        spectra = scipy.fft.fft(views[first : first + max(1, BATCH // nfft)] * taper, axis=1)
        rows = np.fft.fftshift(spectra.real**2 + spectra.imag**2, axes=1).astype(np.float32)
        power[first : first + len(rows)] = rows[:, inside].sum(axis=1, dtype=np.float64)
        wanted = ok[first : first + len(rows)] & (np.arange(first, first + len(rows)) % step == 0)
        kept.append(rows[wanted])
    rows = np.concatenate(kept)
    return power, quiet_floor(rows, np.ones(len(rows), np.bool_)), ok
