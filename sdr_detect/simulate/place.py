"""From emissions at their own rates to samples of the receiver.

An emission is a band-limited function of continuous time, given by its
samples. Its spectrum is cut to the slice, and the inverse transform is
evaluated at the receiver's sampling instants by a chirp-z transform (Bluestein
1970): any ratio of rates and any fractional start are exact, without a
rational resampler. Emissions alike are placed together, a row each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sdr_detect.model import ComplexArray
from sdr_detect.simulate.emission import Emission, Tuning, synthesise
from sdr_detect.simulate.phasor import phasor, turning

#: The slice is cut off between these fractions of the sample rate. The taper
#: keeps the impulse response short; the receiver's own filter is steeper here.
_SLICE_TAPER = (0.46, 0.5)

#: Ringing kept on either side of an emission, in units of 1/taper width. The
#: response of a raised-cosine taper has fallen by more than 60 dB there.
_RINGING = 6.0

#: So many samples are transformed at once: what a processor core keeps at hand.
_AT_ONCE = 1 << 16

#: Emissions of fewer samples are summed, not transformed.
_FEW = 48

Placed = tuple[int, ComplexArray]


def place(
    emissions: Sequence[Emission], tuning: Tuning, noise_density: float
) -> list[Placed | None]:
    """Samples that emissions add to the recording.

    Parameters
    ----------
    emissions : sequence of Emission
    tuning : Tuning
    noise_density : float
        Receiver noise power per hertz, the reference of ``cn_db``.

    Returns
    -------
    list of (first_sample, samples) or None
        One for each emission; None when nothing of it falls into the slice.
        ``first_sample`` may be negative.
    """
    alike: dict[tuple[float, int, float, Any, bool, float], list[tuple[int, float]]] = {}
    for index, emission in enumerate(emissions):
        offset_hz, chirp = tuning.offset(emission.carrier)
        mirrored = tuning.mirrored(emission.carrier.path)
        rate, count, clean_hz = emission.rate_hz, emission.sample_count, emission.clean_hz
        key = (rate, count, clean_hz, emission.shape, mirrored, chirp)
        alike.setdefault(key, []).append((index, offset_hz))
    placed: list[Placed | None] = [None] * len(emissions)
    for key, members in alike.items():
        form = _Form(*key, tuning.sample_rate_hz)
        rows = max(_AT_ONCE // form.count, 1)
        for at in range(0, len(members), rows):
            indices, offsets_hz = zip(*members[at : at + rows], strict=True)
            chosen = [emissions[i] for i in indices]
            for i, made in _placed(form, chosen, np.array(offsets_hz), noise_density):
                placed[indices[i]] = made
    return placed


@dataclass(frozen=True)
class _Form:
    """What emissions have in common that are placed together."""

    rate_hz: float
    sample_count: int
    clean_hz: float
    shape: Any
    mirrored: bool
    chirp: float
    fs: float

    @cached_property
    def guard_s(self) -> float:
        """How long the ringing is kept on either side."""
        own_taper = (self.rate_hz - self.clean_hz) / 2
        slice_taper = (_SLICE_TAPER[1] - _SLICE_TAPER[0]) * self.fs
        return _RINGING / min(own_taper, slice_taper)

    @cached_property
    def size(self) -> int:
        """Of the transform of an emission with its ringing."""
        size: int = fft.next_fast_len(
            self.sample_count + 2 * math.ceil(self.guard_s * self.rate_hz)
        )
        return size

    @cached_property
    def count(self) -> int:
        """How many samples of the receiver that is."""
        length_s = self.sample_count / self.rate_hz + 2 * self.guard_s
        return math.ceil(length_s * self.fs) + 1

    @property
    def step_hz(self) -> float:
        """Between the lines of the transform."""
        return self.rate_hz / self.size


def _placed(
    form: _Form, emissions: list[Emission], f0: NDArray[np.float64], noise_density: float
) -> Iterator[tuple[int, Placed]]:
    """Those that reach the slice, by their number."""
    rate, fs, size, step_hz = form.rate_hz, form.fs, form.size, form.step_hz
    start_s = np.array([e.start_s for e in emissions])
    mid_hz = f0 + form.chirp * (start_s + form.sample_count / rate / 2)
    first_bin = np.maximum(np.ceil((-fs / 2 - mid_hz) / step_hz), -(size // 2))
    last_bin = np.minimum(np.floor((fs / 2 - mid_hz) / step_hz), (size - 1) // 2)
    seen = np.flatnonzero(last_bin >= first_bin)
    if not len(seen):
        return
    f0, start_s, mid_hz = f0[seen], start_s[seen], mid_hz[seen]
    first_bin = first_bin[seen].astype(np.int64)
    emissions = [emissions[i] for i in seen]
    tones = int((last_bin[seen] - first_bin).max()) + 1
    first = np.ceil((start_s - form.guard_s) * fs)
    spectra = _spectra(form, emissions, first_bin, tones)
    spectra *= _tapers(form, first_bin, mid_hz, tones)
    delay = step_hz * (first / fs - start_s)
    spectra *= turning(first_bin * delay, delay, tones)
    samples = _sum_of_tones(spectra, form.count, step_hz / fs)

    mid_s = start_s + form.sample_count / rate / 2
    since_s, half_chirp = first / fs - mid_s, form.chirp / 2
    cycles = (mid_hz + half_chirp * since_s) * since_s + (f0 + half_chirp * mid_s) * mid_s
    per_sample = (mid_hz + form.chirp * since_s + first_bin * step_hz) / fs
    samples *= turning(cycles, per_sample, form.count)
    if form.chirp:
        samples *= _chirp(half_chirp / fs**2, form.count)
    power = noise_density * 10 ** (np.array([e.cn_db for e in emissions]) / 10)
    samples *= (np.sqrt(power) / size).astype(np.float32)[:, None]
    for i, at, row in zip(seen, first, samples, strict=True):
        yield int(i), (int(at), row)


def _spectra(
    form: _Form, emissions: list[Emission], first_bin: NDArray[np.int64], tones: int
) -> ComplexArray:
    """Lines of the emissions' transforms from ``first_bin`` on, ``(n, tones)``."""
    spectra = np.empty((len(emissions), tones), np.complex64)
    rows = max(_AT_ONCE // form.size, 1)
    for at in range(0, len(emissions), rows):
        here = slice(at, at + rows)
        x = synthesise(emissions[here])
        if form.mirrored:
            x = np.conj(x, out=x)
        transform = _summed if form.sample_count <= _FEW else _transformed
        transform(x, form.size, first_bin[here], spectra[here])
    return spectra


def _summed(
    x: ComplexArray, size: int, first_bin: NDArray[np.int64], spectra: ComplexArray
) -> None:
    """Few samples: their sum at each line."""
    length, tones = x.shape[1], spectra.shape[1]
    turned = x * turning(0.0, -first_bin / size, length)
    lines = phasor(-np.outer(np.arange(length), np.arange(tones)) / size)
    np.einsum("ns,sk->nk", turned, lines, out=spectra)  # a product of matrices takes threads


def _transformed(
    x: ComplexArray, size: int, first_bin: NDArray[np.int64], spectra: ComplexArray
) -> None:
    """Lines of a transform.

    Of a long one a few are wanted: that is some short transforms, of every
    parts-th sample each, whose lines are added in their right phases.
    """
    tones = spectra.shape[1]
    parts = _parts(size, tones)
    padded = np.zeros((len(x), size), np.complex64)
    padded[:, : x.shape[1]] = x
    split = padded.reshape(len(x), size // parts, parts).transpose(0, 2, 1)
    for row, lines, first in zip(spectra, fft.fft(split), first_bin.tolist(), strict=True):
        at = first % lines.shape[1]
        wanted = lines[:, at : at + tones]
        if at + tones > lines.shape[1]:
            wanted = np.concatenate([wanted, lines[:, : at + tones - lines.shape[1]]], axis=1)
        if parts > 1:
            wanted = wanted * _part_phases(size, parts, first, tones)
        np.sum(wanted, axis=0, out=row)


@lru_cache(maxsize=64)
def _parts(size: int, tones: int) -> int:
    """The most parts of ``size`` that still hold all ``tones``; 1 where it is not worth it."""
    most = max(q for q in range(1, size // tones + 1) if size % q == 0)
    return most if most > 3 else 1


@lru_cache(maxsize=8)
def _part_phases(size: int, parts: int, first: int, tones: int) -> ComplexArray:
    """Phase of each part at each line, ``(parts, tones)``."""
    turns = np.outer(np.arange(parts), np.arange(first, first + tones)) % size
    return phasor(-turns / size)


def _tapers(
    form: _Form, first_bin: NDArray[np.int64], mid_hz: NDArray[np.float64], tones: int
) -> NDArray[np.float32]:
    """What the slice and the emission's own band let through, ``(n or 1, tones)``."""
    if np.ptp(mid_hz) == 0:  # all alike
        first_bin, mid_hz = first_bin[:1], mid_hz[:1]
    own_hz = (first_bin[:, None] + np.arange(tones)) * form.step_hz
    seen_hz = np.abs(own_hz + mid_hz[:, None])
    fs = form.fs
    tapers = _taper(seen_hz, _SLICE_TAPER[0] * fs, _SLICE_TAPER[1] * fs)
    own_hz = np.abs(own_hz)
    if own_hz.max() > form.clean_hz / 2:
        tapers *= _taper(own_hz, form.clean_hz / 2, form.rate_hz / 2)
    return tapers


def _taper(
    frequency_hz: NDArray[np.float64], passes_hz: float, stops_hz: float
) -> NDArray[np.float32]:
    """Raised cosine: 1 up to ``passes_hz``, 0 from ``stops_hz``."""
    x = np.clip((frequency_hz - passes_hz) / (stops_hz - passes_hz), 0, 1)
    taper: NDArray[np.float32] = np.cos((np.pi * x).astype(np.float32))
    taper += np.float32(1)
    taper /= np.float32(2)
    return taper


def _sum_of_tones(spectra: ComplexArray, count: int, step: float) -> ComplexArray:
    """``y[n, m] = sum_i spectra[n, i] exp(2πj i m step)`` for m < count."""
    period = round(1 / step)
    if math.isclose(period * step, 1.0, rel_tol=1e-12) and period >= spectra.shape[1]:
        whole = fft.ifft(spectra, period, norm="forward")
        repeated: ComplexArray = whole.take(np.arange(count), axis=1, mode="wrap")
        return repeated
    tones = spectra.shape[1]
    chirp, kernel, size = _bluestein(tones, count, step)
    y = fft.fft(spectra * chirp[:tones], size, overwrite_x=True)
    y *= kernel
    out: ComplexArray = fft.ifft(y, overwrite_x=True)[:, :count]
    out *= chirp[:count]
    return out


@lru_cache(maxsize=16)
def _chirp(rate: float, count: int) -> ComplexArray:
    """exp(2πj rate m²) for m < count."""
    m = np.arange(count, dtype=np.float64)
    return phasor(rate * m * m)


@lru_cache(maxsize=8)
def _bluestein(tones: int, count: int, step: float) -> tuple[ComplexArray, ComplexArray, int]:
    """Chirp, transformed kernel and transform size.

    i·m = (i² + m² - (m-i)²)/2 turns the sum into a convolution.
    """
    size = fft.next_fast_len(tones + count - 1)
    chirp = _chirp(step / 2, max(tones, count))
    kernel = np.zeros(size, np.complex64)
    kernel[:count] = chirp[:count].conj()
    kernel[size - tones + 1 :] = chirp[1:tones][::-1].conj()
    return chirp, fft.fft(kernel), size
