"""Averaged power spectra: Hann, 4096 points, half overlapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.work import (
    GROUP,
    HOP,
    NFFT,
    Arrays,
    Comparison,
    Contender,
    Sample,
    Work,
    fft_limit,
    hann,
    relative,
)

#: Frames transformed together by ours.
BATCH_FRAMES = 16


def _ours(sample: Sample) -> Work:
    from sdr_detect.dsp.lane_fft import LaneFFT

    fft = LaneFFT(hann().astype(np.float32))

    def work() -> Arrays:
        total, count = np.zeros(NFFT), 0
        for piece in sample.pieces(BATCH_FRAMES * HOP, before=HOP):
            starts = HOP * np.arange(len(piece) // HOP - 1)
            fft.add(piece, starts, total)
            count += starts.size
        return {"psd": np.fft.ifftshift(total) / count}

    return work


def _gnuradio(sample: Sample) -> Work:
    from gnuradio import blocks, fft, gr

    def work() -> Arrays:
        top = gr.top_block()
        source = blocks.file_source(gr.sizeof_gr_complex, sample.path, False)
        sinks = []
        for offset in (0, HOP):
            sinks.append(blocks.vector_sink_f(NFFT))
            top.connect(
                source,
                blocks.skiphead(gr.sizeof_gr_complex, offset),
                blocks.stream_to_vector(gr.sizeof_gr_complex, NFFT),
                fft.fft_vcc(NFFT, True, hann(), False, 1),
                blocks.complex_to_mag_squared(NFFT),
                blocks.integrate_ff(GROUP, NFFT),
                sinks[-1],
            )
        top.run()
        sums = np.concatenate([np.array(sink.data(), np.float32) for sink in sinks])
        return {"psd": sums.reshape(-1, NFFT).mean(axis=0, dtype=np.float64) / GROUP}

    return work


def _scipy_welch(sample: Sample) -> Work:
    import scipy.signal

    def work() -> Arrays:
        _, psd = scipy.signal.welch(
            sample.read(),
            window="hann",
            nperseg=NFFT,
            noverlap=HOP,
            detrend=False,
            return_onesided=False,
        )
        return {"psd": psd}

    return work


def _scipy_stft(sample: Sample) -> Work:
    import scipy.signal

    stft = scipy.signal.ShortTimeFFT(
        hann(), HOP, fs=1.0, fft_mode="twosided", mfft=NFFT, scale_to=None
    )
    frames = (sample.count - NFFT) // HOP + 1

    def work() -> Arrays:
        # Its frame 1 is the first that lies wholly in the signal.
        return {"psd": stft.spectrogram(sample.read(), p0=1, p1=frames + 1).mean(axis=1)}

    return work


def _matplotlib(sample: Sample) -> Work:
    from matplotlib import mlab

    window = np.hanning(NFFT + 1)[:-1]

    def work() -> Arrays:
        psd, _ = mlab.psd(
            sample.read(), NFFT=NFFT, Fs=1.0, window=window, noverlap=HOP, sides="twosided"
        )
        return {"psd": np.fft.ifftshift(psd)}

    return work


def _numpy(sample: Sample) -> Work:
    window = hann().astype(np.float32)

    def work() -> Arrays:
        iq = sample.read()
        total, starts = np.zeros(NFFT), range(0, len(iq) - NFFT + 1, HOP)
        for start in starts:
            spectrum = np.fft.fft(iq[start : start + NFFT] * window)
            total += spectrum.real**2 + spectrum.imag**2
        return {"psd": total / len(starts)}

    return work


def _error(sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
    iq, window = sample.read(), hann()
    total, starts = np.zeros(NFFT), range(0, len(iq) - NFFT + 1, HOP)
    for start in starts:
        total += np.abs(np.fft.fft(iq[start : start + NFFT].astype(np.complex128) * window)) ** 2
    return relative(found["psd"], total / len(starts))


COMPARISONS = (
    Comparison(
        "psd",
        "Hann, FFT 4096, averaged, 50 % overlap",
        "busy",
        "cf32",
        1e-4,
        _error,
        (
            Contender("sdr-detect", "ours", "sdr_detect", _ours),
            fft_limit(),
            Contender("GNU Radio", "peer", "gnuradio", _gnuradio),
            Contender("scipy.signal.welch", "peer", "scipy", _scipy_welch),
            Contender("scipy ShortTimeFFT", "peer", "scipy", _scipy_stft),
            Contender("matplotlib.mlab.psd", "peer", "matplotlib", _matplotlib),
            Contender("numpy", "peer", "numpy", _numpy),
        ),
        "From a cf32 file to one spectrum; checked: every bin, relative.",
    ),
)
