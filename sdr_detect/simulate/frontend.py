"""What the receiver does to the signal: noise, filter, faults, converter codes.

`FrontEnd` is fed blocks of fixed size on an absolute grid and nothing of it
depends on how its output is cut up afterwards.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.phasor import turning
from sdr_detect.simulate.receiver import Datatype, Filter, Receiver

#: Half the length of the passband filter: the detail of its shape is about
#: sample_rate / 128.
HALF_TAPS = 64

#: Transform of the filter: its pieces are short, so that they stay at hand.
_SIZE = 2048

#: Seeds noise apart from every emitter (whose indices start at 0).
_NOISE_KEY = 2**31

#: Type, scale, offset and range of the codes of each integer type. A sample
#: decodes to ``(code - offset) / scale``; the mid-level of an offset-binary
#: converter lies between its two middle codes.
CODES: dict[str, tuple[type[np.generic], float, float, int, int]] = {
    "cu8": (np.uint8, 128.0, 127.5, 0, 255),
    "ci8": (np.int8, 128.0, 0.0, -128, 127),
    "ci16_le": (np.dtype("<i2").type, 32768.0, 0.0, -32768, 32767),
}


def passband(shape: Filter) -> ComplexArray:
    """Taps of the passband filter, centred, shape ``(2 * HALF_TAPS + 1,)``.

    Frequency-sampling design: the wanted gain on a fine grid, transformed and
    windowed.
    """
    f = fft.fftfreq(4096)  # cycles per sample
    power = 1 / (1 + (10**0.1 - 1) * (2 * np.abs(f) / shape.usable_fraction) ** (2 * shape.order))
    decibels = shape.slope_db * f
    decibels += shape.ripple_db * np.cos(2 * np.pi * shape.ripple_periods * f)
    response = fft.ifft(np.sqrt(power) * 10 ** (decibels / 20))
    taps = np.concatenate([response[-HALF_TAPS:], response[: HALF_TAPS + 1]])
    windowed: ComplexArray = (taps * np.kaiser(len(taps), 6.0)).astype(np.complex64)
    return windowed


def noise_block(receiver: Receiver, seed: int, number: int, size: int) -> ComplexArray:
    """White noise block ``number`` (from 0), ``(size,)``, before the filter."""
    sequence = np.random.SeedSequence(seed, spawn_key=(_NOISE_KEY, number))
    rng = np.random.Generator(np.random.SFC64(sequence))
    noise: ComplexArray = rng.standard_normal(2 * size, dtype=np.float32).view(np.complex64)
    noise *= np.float32(math.sqrt(receiver.noise_density * receiver.sample_rate_hz / 2))
    return noise


class FrontEnd:
    """Filter and faults of one receiver, in the order the signal meets them.

    Call with consecutive blocks; the output lags the input by
    `HALF_TAPS` samples.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        taps = passband(receiver.filter)
        self._response = fft.fft(taps, _SIZE)
        self._tail = np.zeros(len(taps) - 1, np.complex64)

    def process(self, first_sample: int, block: ComplexArray) -> ComplexArray:
        """Output for ``first_sample - HALF_TAPS`` and on, ``len(block)`` samples."""
        return self._faults(first_sample - HALF_TAPS, self._filtered(block))

    def _filtered(self, block: ComplexArray) -> ComplexArray:
        """Convolution in short pieces side by side (overlap-save)."""
        overlap = len(self._tail)
        step = _SIZE - overlap
        pieces = -(-len(block) // step)
        joined = np.zeros(overlap + pieces * step, np.complex64)
        joined[:overlap] = self._tail
        joined[overlap : overlap + len(block)] = block
        self._tail = joined[len(block) : len(block) + overlap].copy()
        spectra = fft.fft(sliding_window_view(joined, _SIZE)[::step])
        spectra *= self._response
        filtered = fft.ifft(spectra, overwrite_x=True)[:, overlap:]
        out: ComplexArray = filtered.reshape(-1)[: len(block)]
        return out

    def _faults(self, first_sample: int, x: ComplexArray) -> ComplexArray:
        receiver = self._receiver
        gain = self._gain(first_sample, len(x))
        if gain is not None:
            x *= gain
        for spur in receiver.spurs:
            turn = self._turning(spur.offset_hz, first_sample, len(x))
            turn *= np.float32(10 ** (spur.dbfs / 20))
            x += turn
        if receiver.iq_image_db is not None:
            phase = math.radians(receiver.iq_image_phase_deg)
            image = x.conj()
            image *= np.complex64(10 ** (receiver.iq_image_db / 20) * np.exp(1j * phase))
            x += image
        if receiver.dc_dbfs is not None:
            # 45 degrees: both branches of a receiver have an offset.
            x += np.complex64(10 ** (receiver.dc_dbfs / 20) * np.exp(0.25j * np.pi))
        return x

    def _turning(self, frequency_hz: float, first_sample: int, count: int) -> ComplexArray:
        step = frequency_hz / self._receiver.sample_rate_hz
        return turning(first_sample * step, step, count)

    def _gain(self, first_sample: int, count: int) -> NDArray[np.float32] | None:
        receiver = self._receiver
        if not (receiver.drift_db or receiver.hum or receiver.agc_steps):
            return None
        decibels = np.zeros(count, np.float32)
        if receiver.drift_db:
            turn = self._turning(1 / receiver.drift_period_s, first_sample, count)
            decibels += np.float32(receiver.drift_db / 2) * turn.imag
        for step in receiver.agc_steps:
            start = receiver.sample(step.time_s) - first_sample
            decibels[max(start, 0) :] += np.float32(step.gain_db)
        decibels *= np.float32(math.log(10) / 20)
        gain = np.exp(decibels, out=decibels)
        if receiver.hum:
            turn = self._turning(receiver.hum_hz, first_sample, count)
            gain *= 1 + np.float32(receiver.hum) * turn.imag
        return gain


def encode(samples: ComplexArray, datatype: Datatype) -> NDArray[np.generic]:
    """Converter codes, ``(2n,)`` I and Q alternating; beyond full scale it saturates."""
    flat = np.ascontiguousarray(samples).view(np.float32)
    if datatype == "cf32_le":
        return flat.astype("<f4")
    dtype, scale, offset, low, high = CODES[datatype]
    codes = np.rint(flat * np.float32(scale) + np.float32(offset))
    np.clip(codes, low, high, out=codes)
    coded: NDArray[np.generic] = codes.astype(dtype)
    return coded


def decode(codes: NDArray[np.generic], datatype: Datatype) -> ComplexArray:
    """Samples with full scale 1 from converter codes: the inverse of `encode`."""
    flat = codes.astype(np.float32)
    if datatype != "cf32_le":
        _, scale, offset, _, _ = CODES[datatype]
        flat -= np.float32(offset)
        flat /= np.float32(scale)
    samples: ComplexArray = flat.view(np.complex64)
    return samples


def clip_level(datatype: Datatype) -> float | None:
    """Largest magnitude of I or Q that the type holds on both sides."""
    if datatype == "cf32_le":
        return None
    _, scale, offset, _, high = CODES[datatype]
    return (high - offset) / scale
