"""From an emission at its own rate to samples of the receiver.

The emission is a band-limited function of continuous time, given by its
samples. Its spectrum is cut to the slice, and the inverse transform is
evaluated at the receiver's sampling instants by a chirp-z transform (Bluestein
1970): any ratio of rates and any fractional start are exact, without a
rational resampler.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Emission, Tuning

#: The slice is cut off between these fractions of the sample rate. The taper
#: keeps the impulse response short; the receiver's own filter is steeper here.
_SLICE_TAPER = (0.46, 0.5)

#: Ringing kept on either side of an emission, in units of 1/taper width. The
#: response of a raised-cosine taper has fallen by more than 60 dB there.
_RINGING = 6.0


def place(
    emission: Emission, tuning: Tuning, noise_density: float
) -> tuple[int, ComplexArray] | None:
    """Samples an emission adds to the recording.

    Parameters
    ----------
    emission : Emission
    tuning : Tuning
    noise_density : float
        Receiver noise power per hertz, the reference of ``cn_db``.

    Returns
    -------
    (first_sample, samples) or None
        None when nothing of it falls into the slice. ``first_sample`` may be
        negative.
    """
    rate, fs = emission.rate_hz, tuning.sample_rate_hz
    f0, chirp = tuning.offset(emission.carrier)
    mid_s = (emission.start_s + emission.stop_s) / 2
    mid_hz = f0 + chirp * mid_s

    guard_s = _guard_s(emission, fs)
    size = fft.next_fast_len(emission.sample_count + 2 * math.ceil(guard_s * rate))
    step_hz = rate / size
    first_bin = max(math.ceil((-fs / 2 - mid_hz) / step_hz), -(size // 2))
    last_bin = min(math.floor((fs / 2 - mid_hz) / step_hz), (size - 1) // 2)
    if last_bin < first_bin:
        return None

    first = math.ceil((emission.start_s - guard_s) * fs)
    count = math.ceil((emission.sample_count / rate + 2 * guard_s) * fs) + 1
    spectrum = _cut_spectrum(emission, tuning, size, np.arange(first_bin, last_bin + 1), mid_hz)
    delay_s = first / fs - emission.start_s
    spectrum *= _phasor((first_bin + np.arange(len(spectrum))) * (step_hz * delay_s))
    samples = _sum_of_tones(spectrum, count, step_hz / fs)

    seconds = (first + np.arange(count)) / fs - mid_s
    cycles = (mid_hz + chirp / 2 * seconds) * seconds + (f0 + chirp / 2 * mid_s) * mid_s
    samples *= _phasor(cycles + first_bin * step_hz / fs * np.arange(count))
    samples *= np.float32(math.sqrt(noise_density * 10 ** (emission.cn_db / 10)) / size)
    return first, samples


def _guard_s(emission: Emission, fs: float) -> float:
    own_taper = (emission.rate_hz - emission.clean_hz) / 2
    slice_taper = (_SLICE_TAPER[1] - _SLICE_TAPER[0]) * fs
    return _RINGING / min(own_taper, slice_taper)


def _cut_spectrum(
    emission: Emission, tuning: Tuning, size: int, bins: NDArray[np.int64], mid_hz: float
) -> ComplexArray:
    x = emission.synthesise()
    if tuning.mirrored(emission.carrier.path):
        x = x.conj()
    spectrum: ComplexArray = fft.fft(x, size)[bins % size]
    own_hz = np.abs(bins) * (emission.rate_hz / size)
    seen_hz = np.abs(bins * (emission.rate_hz / size) + mid_hz)
    fs = tuning.sample_rate_hz
    spectrum *= _taper(own_hz, emission.clean_hz / 2, emission.rate_hz / 2)
    spectrum *= _taper(seen_hz, _SLICE_TAPER[0] * fs, _SLICE_TAPER[1] * fs)
    return spectrum


def _taper(
    frequency_hz: NDArray[np.float64], passes_hz: float, stops_hz: float
) -> NDArray[np.float32]:
    """Raised cosine: 1 up to ``passes_hz``, 0 from ``stops_hz``."""
    x = np.clip((frequency_hz - passes_hz) / (stops_hz - passes_hz), 0, 1)
    return ((1 + np.cos(np.pi * x)) / 2).astype(np.float32)


def _phasor(cycles: NDArray[np.floating[Any]]) -> ComplexArray:
    """exp(2πj·cycles); the whole turns go before single precision comes."""
    turn = (2 * np.pi * (cycles - np.rint(cycles))).astype(np.float32)
    out = np.empty(turn.shape, np.complex64)
    np.cos(turn, out=out.real)
    np.sin(turn, out=out.imag)
    return out


def _sum_of_tones(spectrum: ComplexArray, count: int, step: float) -> ComplexArray:
    """``y[m] = sum_i spectrum[i] exp(2πj i m step)`` for m < count."""
    chirp, kernel, size = _bluestein(len(spectrum), count, step)
    y = fft.ifft(fft.fft(spectrum * chirp[: len(spectrum)], size) * kernel)[:count]
    out: ComplexArray = y * chirp[:count]
    return out


@lru_cache(maxsize=8)
def _bluestein(tones: int, count: int, step: float) -> tuple[ComplexArray, ComplexArray, int]:
    """Chirp, transformed kernel and transform size.

    i·m = (i² + m² - (m-i)²)/2 turns the sum into a convolution.
    """
    size = fft.next_fast_len(tones + count - 1)
    i = np.arange(max(tones, count), dtype=np.float64)
    chirp = _phasor(i * i * (step / 2))
    kernel = np.zeros(size, np.complex64)
    kernel[:count] = chirp[:count].conj()
    kernel[size - tones + 1 :] = chirp[1:tones][::-1].conj()
    return chirp, fft.fft(kernel), size
