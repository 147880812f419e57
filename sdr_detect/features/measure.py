"""Figures of one emission in a stretch of samples and a range of frequencies.

Every figure comes with its standard error or with a flag that says why there is
none. Pure: the command line, the desktop window and reports call it alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.dsp.autocorr import PASSBAND
from sdr_detect.dsp.bandwidth import (
    Excess,
    Width,
    decibel,
    occupied_width,
    smoothed,
    x_db_width,
)
from sdr_detect.dsp.welch import Spectrum, welch
from sdr_detect.features.on_times import OnTimes, find_on_times
from sdr_detect.model import ComplexArray, Flag, StreamInfo

Floats = NDArray[np.float64]

#: Bins across the selection, where time allows; fewer than the second tell no shape.
BINS = 1024
LEAST_BINS = 16

#: Frames that an average should have, and a noise reference must have.
FRAMES = 256
LEAST_FRAMES = 32

#: Relative error of a noise reference all bins share: from quiet times of the same
#: stretch (drift of the gain), and from frequencies beside it (ripple, 0.25 dB).
QUIET_ERROR = 0.01
BESIDE_ERROR = 0.06

#: Below this many bins a width is the resolution's, not the emission's.
NARROW_BINS = 6

#: Share of saturated samples above which nothing is a measurement any more.
CLIP_SHARE = 1e-3

#: Samples filtered together, and how many inverse bandwidths of them ring at either end.
PEAK_SAMPLES = 1 << 18
RINGING = 64

#: Below this C/N noise raises the peak by more than a tenth of a decibel or so.
PEAK_CN_DB = 20.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Frequencies relative to the slice's centre, and methods.

    ``beta`` is the share of power outside the occupied bandwidth, half on each side.
    """

    low_hz: float
    high_hz: float
    beta: float = 0.01
    x_db: float = 26.0

    def __post_init__(self) -> None:
        if not self.low_hz < self.high_hz:
            raise ValueError(f"{self.low_hz!r} Hz is not below {self.high_hz!r} Hz")
        if not 0 < self.beta < 0.5:
            raise ValueError(f"beta {self.beta!r} is not within 0..0.5; the usual is 0.01")
        if not 0 < self.x_db <= 80:
            raise ValueError(f"x {self.x_db!r} dB is not within 0..80; the usual is 26")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number, its standard error, and the doubt that travels with it.

    ``value`` is None when the method was refused; ``note`` then says what it needs.
    """

    value: float | None
    sigma: float | None = None
    flag: Flag | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The figure as JSON."""
        return {"value": self.value, "sigma": self.sigma, "flag": self.flag, "note": self.note}


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, and how.

    ``noise_from`` is ``given``, ``quiet_time``, ``beside`` or ``unknown``. Frequencies
    are relative to the slice's centre.
    """

    low_hz: float
    high_hz: float
    noise_from: str
    noise_dbfs_per_hz: float | None
    resolution_hz: float
    averages: float
    occupied_hz: tuple[float, float] | None
    figures: dict[str, Figure]


def measure(
    iq: ComplexArray,
    info: StreamInfo,
    selection: Selection,
    present: NDArray[np.bool_],
    noise: ComplexArray | None = None,
) -> Measurement | None:
    """Measure one emission.

    Parameters
    ----------
    iq : (n,) complex64
        The stretch, missing samples zero.
    info : StreamInfo
    selection : Selection
        Clipped to the passband of the receiver.
    present : (n,) bool
        Samples that are real.
    noise : (m,) complex64, optional
        A stretch without the emission, at the same frequency and gain.

    Returns
    -------
    Measurement or None
        None when too few samples are present for any spectrum.

    Raises
    ------
    ValueError
        The selection lies outside the passband, or is too narrow for the stretch.
    """
    half = (info.usable_hz or info.sample_rate_hz) / 2
    low, high = max(selection.low_hz, -half), min(selection.high_hz, half)
    if low >= high:
        raise ValueError(
            f"{selection.low_hz:+.0f} to {selection.high_hz:+.0f} Hz from the centre is outside "
            f"the receiver's passband of ±{half:.0f} Hz"
        )
    times = find_on_times(iq, info.sample_rate_hz, (low, high), half, present)
    if times is None:
        return None
    nfft = _frame_length(info.sample_rate_hz, high - low, times)
    on = welch(iq, info.sample_rate_hz, nfft, times.on)
    if on is None:
        return None
    taken = _Reference.choose(on, iq, info.sample_rate_hz, (low, high), half, times, noise)
    first_hz, last_hz = _passband(on if taken.floor is None else taken.floor, half)
    limits = (low <= first_hz, high >= last_hz)
    low, high = max(low, first_hz), min(high, last_hz)
    inside = (on.offsets_hz >= low) & (on.offsets_hz <= high)
    if np.count_nonzero(inside) < LEAST_BINS:
        raise ValueError(
            f"{high - low:.0f} Hz are {np.count_nonzero(inside)} bins of {on.bin_hz:.0f} Hz, "
            f"which tell no shape: the emission is on for "
            f"{times.longest_run / info.sample_rate_hz:.3g} s at a time; take at least "
            f"{LEAST_BINS * on.bin_hz:.0f} Hz, or more bursts"
        )
    peak = _peak(iq, info.sample_rate_hz, (low, high), times.on)
    figures = {"duty": _duty(times, taken.source)}
    occupied: Width | None = None
    if taken.noise is None:
        figures.update(_without_noise(on, inside))
    else:
        excess = Excess(
            on.offsets_hz[inside],
            on.power[inside] - taken.noise[inside],
            taken.noise[inside],
            math.sqrt(1 / on.averages + 1 / taken.averages),
            taken.systematic,
        )
        occupied = occupied_width(excess, selection.beta, floor_db=selection.x_db)
        figures.update(_levels(excess, on))
        figures["occupied_bandwidth_hz"] = _width(occupied, excess, limits)
        figures["x_db_bandwidth_hz"] = _width(x_db_width(excess, selection.x_db), excess, limits)
    figures.update(_peaks(peak, on, inside, figures["cn_db"].value))
    figures["channel_power_dbm"] = _calibrated(figures["channel_power_dbfs"], info)
    if _clipped(iq[times.on], info):
        occupied = None
        figures = {name: _doubted(name, figure) for name, figure in figures.items()}
    edges = None
    if occupied is not None and occupied.lower_hz is not None and occupied.upper_hz is not None:
        edges = occupied.lower_hz, occupied.upper_hz
    level = None if taken.noise is None else float(taken.noise[inside].mean()) / on.bin_hz
    return Measurement(
        low,
        high,
        taken.source,
        None if level is None else decibel(level),
        on.resolution_hz,
        on.averages,
        edges,
        figures,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """Noise of every bin, and where it comes from."""

    source: str
    noise: Floats | None
    averages: float
    systematic: float
    floor: Spectrum | None = None

    @classmethod
    def choose(
        cls,
        on: Spectrum,
        iq: ComplexArray,
        rate_hz: float,
        band_hz: tuple[float, float],
        half_hz: float,
        times: OnTimes,
        given: ComplexArray | None,
    ) -> _Reference:
        """A given stretch, else quiet times of this one, else frequencies beside."""
        nfft = on.offsets_hz.size
        if given is not None:
            quiet = welch(given, rate_hz, nfft, np.ones(given.size, np.bool_))
            source = "given"
        else:
            quiet = welch(iq, rate_hz, nfft, times.off) if times.pauses else None
            source = "quiet_time"
        if quiet is not None and quiet.frames >= LEAST_FRAMES:
            return cls(source, quiet.power, quiet.averages, QUIET_ERROR, quiet)
        low, high = band_hz
        guard = 2 * on.bin_hz
        beside = (np.abs(on.offsets_hz) <= half_hz) & (
            (on.offsets_hz < low - guard) | (on.offsets_hz > high + guard)
        )
        count = int(np.count_nonzero(beside))
        if count < LEAST_BINS or not times.beside:
            return cls("unknown", None, 1.0, 0.0)
        level = float(np.median(on.power[beside])) / (1 - 1 / (3 * on.averages))
        return cls("beside", np.full(nfft, level), on.averages * count / 2, BESIDE_ERROR)


def _frame_length(rate_hz: float, width_hz: float, times: OnTimes) -> int:
    """A power of two that resolves the selection, and fits the emission many times."""
    wanted = rate_hz * BINS / width_hz
    fits = min(times.longest_run / 2, np.count_nonzero(times.on) / (FRAMES / 2))
    return 1 << max(5, int(math.log2(max(32.0, min(wanted, fits)))))


def _passband(spectrum: Spectrum, half_hz: float) -> tuple[float, float]:
    """Where the receiver passes signals: beyond, its filter ends every emission.

    From either end the spectrum is followed inwards until it has risen to half of
    its median.
    """
    offsets = spectrum.offsets_hz
    usable = np.abs(offsets) <= half_hz
    level = smoothed(spectrum.power)
    passed = np.flatnonzero(usable & (level >= PASSBAND * np.median(level[usable])))
    return float(offsets[passed[0]]), float(offsets[passed[-1]])


def _clipped(iq: ComplexArray, info: StreamInfo) -> bool:
    if info.clip_level is None:
        return False
    full = np.maximum(np.abs(iq.real), np.abs(iq.imag)) >= info.clip_level
    return float(np.mean(full)) > CLIP_SHARE


def _doubted(name: str, figure: Figure) -> Figure:
    """A figure of an overloaded receiver: levels are lower bounds, widths nobody's."""
    if figure.value is None:
        return figure
    if name.endswith("bandwidth_hz"):
        return Figure(None, None, Flag.CLIPPED, "the receiver was overloaded: reduce gain")
    return Figure(figure.value, None, Flag.CLIPPED, "the receiver was overloaded: a lower bound")


def _levels(excess: Excess, on: Spectrum) -> dict[str, Figure]:
    total, bins = excess.total, excess.power.size
    own = float((excess.power + excess.noise).sum()) / math.sqrt(on.averages * bins / 2)
    error = math.hypot(excess.error(bins), own)
    cn = excess.cn_db
    if total < 2 * error:
        limit = decibel(max(total, 0.0) + 2 * error)
        note = f"not above the noise: below {limit:.1f} dBFS at 95 %"
        nothing = Figure(None, None, Flag.LOW_CN, note)
        return {"channel_power_dbfs": nothing, "cn_db": nothing}
    sigma_db = 10 / math.log(10) * error / total
    return {
        "channel_power_dbfs": Figure(decibel(total), sigma_db),
        "cn_db": Figure(cn, math.hypot(sigma_db, 10 / math.log(10) * excess.systematic)),
    }


def _without_noise(on: Spectrum, inside: NDArray[np.bool_]) -> dict[str, Figure]:
    note = "no quiet time and nothing beside the selection tells the noise: give a noise stretch"
    power = decibel(float(on.power[inside].sum()))
    unknown = Figure(None, None, Flag.NOISE_UNKNOWN, note)
    return {
        "channel_power_dbfs": Figure(power, None, Flag.NOISE_UNKNOWN, "noise included: " + note),
        "cn_db": unknown,
        "occupied_bandwidth_hz": unknown,
        "x_db_bandwidth_hz": unknown,
    }


def _width(width: Width, excess: Excess, limits: tuple[bool, bool]) -> Figure:
    """A width, or why it was refused."""
    if width.reaches_edge:
        what = "capture" if any(limits) else "selection: widen it"
        note = f"the emission does not end inside the {what}"
        return Figure(None, None, Flag.EDGE, note)
    if width.hz is None:
        note = (
            f"needs a C/N of {width.required_cn_db:.1f} dB in the selection, has "
            f"{excess.cn_db:.1f} dB: average longer, select less, or come closer"
        )
        return Figure(None, None, Flag.LOW_CN, note)
    if width.hz < NARROW_BINS * excess.bin_hz:
        note = f"no wider than the resolution of {excess.bin_hz:.0f} Hz: an upper bound"
        return Figure(width.hz, width.sigma_hz, Flag.RESOLUTION, note)
    return Figure(width.hz, width.sigma_hz)


def _duty(times: OnTimes, source: str) -> Figure:
    if not times.pauses and source in ("given", "unknown"):
        note = "never pauses, or fills the slice"
        return Figure(None, None, Flag.NOISE_UNKNOWN, note)
    if not times.clear:
        note = "too weak to tell times on from times off"
        return Figure(times.duty if times.pauses else None, None, Flag.LOW_CN, note)
    return Figure(times.duty, times.duty_sigma)


def _peak(
    iq: ComplexArray, rate_hz: float, band_hz: tuple[float, float], on: NDArray[np.bool_]
) -> float:
    """Greatest |x|² within the band while on."""
    # A filter with sharp edges rings at the ends of what it is given.
    margin = min(
        PEAK_SAMPLES // 8, iq.size // 8, round(RINGING * rate_hz / (band_hz[1] - band_hz[0]))
    )
    greatest = 0.0
    for start in range(0, iq.size - 2 * margin, PEAK_SAMPLES - 2 * margin):
        part = iq[start : start + PEAK_SAMPLES]
        offsets = np.fft.fftfreq(part.size, 1 / rate_hz)
        spectrum = np.fft.fft(part)
        spectrum[(offsets < band_hz[0]) | (offsets > band_hz[1])] = 0
        inner = slice(margin, part.size - margin)
        power = np.abs(np.fft.ifft(spectrum)[inner]) ** 2
        lasting = on[start : start + PEAK_SAMPLES][inner]
        greatest = max(greatest, float(power[lasting].max(initial=0.0)))
    return greatest


def _peaks(
    peak: float, on: Spectrum, inside: NDArray[np.bool_], cn_db: float | None
) -> dict[str, Figure]:
    """Peak, mean while on, and their ratio; all as received, with the noise."""
    mean = float(on.power[inside].sum())
    weak = cn_db is None or cn_db < PEAK_CN_DB
    flag = Flag.LOW_CN if weak else None
    note = f"noise is in it: below a C/N of {PEAK_CN_DB:.0f} dB it raises the peak" if weak else ""
    sigma_db = 10 / math.log(10) / math.sqrt(on.averages * np.count_nonzero(inside) / 2)
    return {
        "rms_dbfs": Figure(decibel(mean), sigma_db, None, "mean power while on, noise included"),
        "peak_dbfs": Figure(decibel(peak), None, flag, note),
        "crest_db": Figure(decibel(peak / mean) if mean > 0 else None, None, flag, note),
    }


def _calibrated(power: Figure, info: StreamInfo) -> Figure:
    if info.dbm_offset_db is None:
        return Figure(None, None, Flag.UNCALIBRATED, "the receiver is not calibrated")
    if power.value is None:
        return power
    note = "without the calibration's own error"
    return Figure(power.value + info.dbm_offset_db, power.sigma, power.flag, note)
