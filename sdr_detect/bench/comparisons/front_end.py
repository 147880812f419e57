"""The front end in one: bytes to spectra without DC, band power and envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.bench.comparisons.envelope import CELL
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

#: Bands across the slice. The lowest bin (half the sample rate) is in none.
BANDS = 16
WIDTH = NFFT // BANDS
STARTS = 1 + WIDTH * np.arange(BANDS)

#: Frames that numpy transforms together, and that are checked together.
BATCH_FRAMES = 16
CHECKED_FRAMES = 256


def _weights() -> NDArray[np.float32]:
    """Weight of each bin in its band's power: none at DC, which the Hann window widens."""
    weights = np.full(NFFT, 1 / WIDTH, np.float32)
    weights[0] = 0
    weights[HOP - 1 : HOP + 2] = 0
    return weights


def _ours(sample: Sample) -> Work:
    from pathlib import Path

    from sdr_detect.dsp.dwell import DwellBuffer, RawDwell
    from sdr_detect.dsp.layout import make_layout
    from sdr_detect.dsp.stft import Analyser
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.formats.raw import open_file
    from sdr_detect.model import StreamInfo
    from sdr_detect.settings import FrameSettings

    spec = RawSpec(datatype=sample.datatype, sample_rate_hz=sample.rate_hz)
    with open_file(Path(sample.path), spec) as recording:
        info = recording.info
    settings = FrameSettings(frame_s=NFFT / sample.rate_hz, subbands=BANDS)
    layout = make_layout(info, settings)
    analyser = Analyser(layout)
    counts = np.append(WIDTH * np.ones(BANDS - 1), WIDTH - 1).repeat(WIDTH)

    class Sums:
        """What is kept of each dwell."""

        def __init__(self) -> None:
            self.psd, self.frames = np.zeros(NFFT), 0
            self.bands: list[NDArray[np.float32]] = []
            self.cells: list[NDArray[np.float32]] = []
            self.floors: list[NDArray[np.float32]] = []

        def add(self, raw: RawDwell, info: StreamInfo) -> None:
            dwell = analyser.analyse(raw, info)
            whole = dwell.analysed_frames
            self.psd += dwell.power[:whole].sum(axis=0)
            self.frames += whole
            self.bands.append(dwell.energy[:whole].copy())
            self.cells.append(dwell.fine_power)
            self.floors.append(dwell.floor)

    def work() -> Arrays:
        buffer, sums = DwellBuffer(layout), Sums()
        with open_file(Path(sample.path), spec) as recording:
            for block in recording.blocks():
                for raw in buffer.push(block):
                    sums.add(raw, info)
        for raw in buffer.flush():
            sums.add(raw, info)
        # Each bin over its quiet level, which takes DC out as well.
        weights = np.zeros((len(sums.floors), NFFT))
        weights[:, 1:] = 1 / (np.array(sums.floors, np.float64)[:, 1:] * counts[: NFFT - 1])
        return {
            "psd": sums.psd / sums.frames,
            "bands": np.concatenate(sums.bands),
            "cells": np.concatenate(sums.cells)[: sample.count // CELL],
            "weights": weights,
            "dwell_frames": np.array(layout.frames),
        }

    return work


def _gnuradio(sample: Sample) -> Work:
    from gnuradio import blocks, fft, gr

    weights = _weights()

    def work() -> Arrays:
        top = gr.top_block()
        convert = blocks.interleaved_char_to_complex(False, 128.0)
        cells = blocks.vector_sink_f()
        top.connect(blocks.file_source(gr.sizeof_char, sample.path, False), convert)
        top.connect(convert, blocks.complex_to_mag_squared(1), blocks.integrate_ff(CELL), cells)
        psds, bands = [], []
        for offset in (0, HOP):
            power = blocks.complex_to_mag_squared(NFFT)
            psds.append(blocks.vector_sink_f(NFFT))
            bands.append(blocks.vector_sink_f())
            top.connect(
                convert,
                blocks.skiphead(gr.sizeof_gr_complex, offset),
                blocks.stream_to_vector(gr.sizeof_gr_complex, NFFT),
                fft.fft_vcc(NFFT, True, hann(), True, 1),
                power,
            )
            top.connect(power, blocks.integrate_ff(GROUP, NFFT), psds[-1])
            # From bin 1 on: the lowest bin of the next frame ends a band, with no weight.
            top.connect(
                power,
                blocks.multiply_const_vff(weights),
                blocks.vector_to_stream(gr.sizeof_float, NFFT),
                blocks.skiphead(gr.sizeof_float, 1),
                blocks.integrate_ff(WIDTH),
                bands[-1],
            )
        top.run()
        frames = 2 * (sample.count // NFFT)
        energy = np.full((frames, BANDS), np.nan, np.float32)
        for chain, sink in enumerate(bands):
            values = np.array(sink.data(), np.float32)
            part = np.full(frames // 2 * BANDS, np.nan, np.float32)
            part[: len(values)] = values
            energy[chain::2] = part.reshape(-1, BANDS)
        sums = np.concatenate([np.array(sink.data(), np.float32) for sink in psds])
        return _result(
            sums.reshape(-1, NFFT).mean(axis=0, dtype=np.float64) / GROUP,
            energy,
            np.array(cells.data(), np.float32) / np.float32(CELL),
        )

    return work


def _numpy(sample: Sample) -> Work:
    import scipy.fft

    window, weights = hann().astype(np.float32), _weights()

    def work() -> Arrays:
        iq = sample.read()
        frames = np.lib.stride_tricks.sliding_window_view(iq, NFFT)[::HOP]
        total, bands = np.zeros(NFFT), []
        for first in range(0, len(frames), BATCH_FRAMES):
            spectra = scipy.fft.fft(frames[first : first + BATCH_FRAMES] * window, axis=1)
            power = np.fft.fftshift(spectra.real**2 + spectra.imag**2, axes=1)
            total += power.sum(axis=0)
            bands.append(np.add.reduceat(power * weights, STARTS, axis=1))
        whole = iq[: len(iq) // CELL * CELL]
        cells = (whole.real**2 + whole.imag**2).reshape(-1, CELL).mean(axis=1)
        return _result(total / len(frames), np.concatenate(bands), cells)

    return work


def _scipy_stft(sample: Sample) -> Work:
    import scipy.signal

    stft = scipy.signal.ShortTimeFFT(
        hann(), HOP, fs=1.0, fft_mode="centered", mfft=NFFT, scale_to=None
    )
    count = (sample.count - NFFT) // HOP + 1
    weights = _weights()[:, None]

    def work() -> Arrays:
        iq = sample.read()
        power = stft.spectrogram(iq, p0=1, p1=count + 1)
        bands = np.add.reduceat(power * weights, STARTS, axis=0).T
        whole = iq[: len(iq) // CELL * CELL]
        cells = (whole.real**2 + whole.imag**2).reshape(-1, CELL).mean(axis=1)
        return _result(power.mean(axis=1), bands, cells)

    return work


def _result(psd: NDArray[Any], bands: NDArray[Any], cells: NDArray[Any]) -> Arrays:
    return {
        "psd": psd,
        "bands": bands,
        "cells": cells,
        "weights": _weights()[None],
        "dwell_frames": np.array(len(bands)),
    }


def _error(sample: Sample, found: Mapping[str, NDArray[Any]]) -> float:
    """Largest relative difference of the spectrum, the bands (by their own weights), the cells."""
    iq = sample.read()
    window = hann()
    frames = np.lib.stride_tricks.sliding_window_view(iq, NFFT)[::HOP]
    bands = found["bands"]
    # Two chains of GNU Radio each wait for a bin that never comes.
    if bands.shape != (len(frames), BANDS) or np.count_nonzero(np.isnan(bands)) > 2:
        return float("inf")
    weights = found["weights"][np.arange(len(frames)) // int(found["dwell_frames"])]
    total, worst = np.zeros(NFFT), 0.0
    for first in range(0, len(frames), CHECKED_FRAMES):
        some = slice(first, first + CHECKED_FRAMES)
        spectra = np.fft.fft(frames[some].astype(np.complex128) * window, axis=1)
        power = np.fft.fftshift(np.abs(spectra) ** 2, axes=1)
        total += power.sum(axis=0)
        expected = np.add.reduceat(power * weights[some], STARTS, axis=1)
        part = np.where(np.isnan(bands[some]), expected, bands[some])
        worst = max(worst, relative(part, expected))
    whole = iq[: len(iq) // CELL * CELL].astype(np.complex128)
    cells = (whole.real**2 + whole.imag**2).reshape(-1, CELL).mean(axis=1)
    return max(worst, relative(found["psd"], total / len(frames)), relative(found["cells"], cells))


COMPARISONS = (
    Comparison(
        "front-end",
        "bytes, DC, PSD 4096 at 50 %, band power, envelope",
        "busy",
        "cs8",
        1e-3,
        _error,
        (
            Contender("sdr-detect", "ours", "sdr_detect", _ours),
            fft_limit(),
            Contender("GNU Radio", "peer", "gnuradio", _gnuradio),
            Contender("numpy + scipy.fft", "peer", "scipy", _numpy),
            Contender("scipy ShortTimeFFT", "peer", "scipy", _scipy_stft),
        ),
        "From a cs8 file to the mean spectrum, the power of 16 bands in every frame and the energy "
        "of cells of 512 samples. DC goes by the bins' weights: ours are one over each bin's quiet "
        "level, which it also finds, beside clipped and missing samples; the peers are given "
        "theirs. Checked: every value, relative.",
    ),
)
