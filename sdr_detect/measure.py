"""From the running state of a track to the public `Track` and what claims ask for."""

from __future__ import annotations

import numpy as np

from sdr_detect.detect.carrier import CarrierTrack
from sdr_detect.detect.track import BurstTrack, chance_of
from sdr_detect.features.drift import drift_of
from sdr_detect.features.grid import common_period_s
from sdr_detect.features.lag import LagPeak, LagSum
from sdr_detect.model import Flag, Span, StreamInfo, Track
from sdr_detect.profiles.measured import Measured

#: Bursts that must reach the slice's edge, as a share, to call the band cut off.
EDGE_SHARE = 0.5

#: A drift counts when it is this many times its own error.
DRIFT_SIGMAS = 4.0


def measure_bursts(
    track: BurstTrack, info: StreamInfo, fine: int, cells: float, pfa: float, lag_pfa: float
) -> tuple[Track, Measured]:
    """Measure a burst track.

    Parameters
    ----------
    fine : int
        Resolution of burst edges in samples.
    cells : float
        Energy tests made so far, for the track's chance in noise.
    pfa, lag_pfa : float
        Of one energy test; for reporting a lag.
    """
    rate = info.sample_rate_hz
    starts_s = tuple(s / rate for s in track.starts)
    elapsed = track.span.sample_count
    cut_off = track.fills_slice or track.edge_count > EDGE_SHARE * track.count
    duty = track.on_samples / elapsed if track.count > 2 else None
    features: dict[str, float | bool | None] = {
        "burst_duration_min_s": min(track.durations_s),
        "burst_duration_median_s": float(np.median(track.durations_s)),
        "burst_duration_max_s": max(track.durations_s),
        "pulse_width_s": float(np.median(track.widths_s)),
        "duty_cycle": duty,
        "burst_period_s": common_period_s(starts_s, fine / rate),
        "bandwidth_hz": None if cut_off else track.upper_hz - track.lower_hz,
        "continuous": False,
        "tone": False,
        "fills_slice": track.fills_slice,
    }
    flags = frozenset(track.flags | ({Flag.EDGE} if cut_off else set()))
    lags = {"head": track.head, "burst": track.body}
    measured = Measured(
        _known(info, track.lower_hz, track.upper_hz),
        _at_input(info, track.lower_hz, track.upper_hz),
        features,
        starts_s,
        lags,
    )
    public = Track(
        track.id,
        "burst",
        track.span,
        track.lower_hz,
        track.upper_hz,
        track.count,
        duty,
        _number(features["burst_period_s"]),
        float(np.median(track.snr_db)),
        chance_of(track.count, cells, pfa),
        None,
        _public_features(features, lags, lag_pfa),
        (),
        flags,
    )
    return public, measured


def measure_carrier(track: CarrierTrack, info: StreamInfo) -> tuple[Track, Measured]:
    """Measure a steady carrier or tone."""
    drift = drift_of(track.times_s, track.offsets_hz)
    cut_off = Flag.EDGE in track.flags
    symbol = None if track.symbols is None else track.symbols.result()
    lined = symbol is not None and symbol.pfa < 1e-6
    features: dict[str, float | bool | None] = {
        "bandwidth_hz": None if cut_off else track.upper_hz - track.lower_hz,
        "symbol_rate_hz": symbol.symbol_rate_hz if symbol is not None and lined else None,
        "symbol_rate_hz_pfa": symbol.pfa if symbol is not None and lined else None,
        "bandwidth_3db_hz": None if cut_off else track.half_power_hz,
        "symbol_rate_per_bandwidth": symbol.symbol_rate_hz / track.half_power_hz
        if symbol is not None and lined and not cut_off
        else None,
        "doppler_rate_hz_per_s": None if drift is None else drift[0],
        "continuous": True,
        "tone": track.tone,
        "fills_slice": False,
        "drift_rising": None
        if drift is None or abs(drift[0]) < DRIFT_SIGMAS * drift[1]
        else drift[0] > 0,
    }
    measured = Measured(
        _known(info, track.lower_hz, track.upper_hz),
        _at_input(info, track.lower_hz, track.upper_hz),
        features,
    )
    public = Track(
        track.id,
        "tone" if track.tone else "carrier",
        Span(track.first_sample, track.stop_sample),
        track.lower_hz,
        track.upper_hz,
        0,
        1.0,
        None,
        track.cn_db,
        track.pfa,
        None if drift is None else drift[0],
        {
            **_public_features(features, {}, 0.0),
            "center_hz": (info.center_hz or 0.0) + track.offset_hz,
            "doppler_rate_sigma_hz_per_s": None if drift is None else drift[1],
        },
        (),
        frozenset(track.flags),
    )
    return public, measured


def measure_stream(
    track_id: int, total: LagSum, info: StreamInfo, span: Span, lag_pfa: float
) -> tuple[Track, Measured] | None:
    """Measure a continuous waveform that fills the slice; None if none repeats."""
    peaks = total.peaks(lag_pfa)
    if not peaks:
        return None
    half = (info.usable_hz or info.sample_rate_hz) / 2
    centre = info.center_hz or 0.0
    features: dict[str, float | bool | None] = {
        "continuous": True,
        "tone": False,
        "fills_slice": True,
        "bandwidth_hz": None,
    }
    lags = {"stream": total}
    flags = {Flag.EDGE} | ({Flag.RF_UNKNOWN} if info.center_hz is None else set())
    measured = Measured(
        _known(info, centre - half, centre + half),
        _at_input(info, centre - half, centre + half),
        features,
        (),
        lags,
    )
    # Correlated share of the power is a lower bound of S/(S+N).
    strength = min(0.999, max(p.strength for p in peaks))
    public = Track(
        track_id,
        "stream",
        span,
        centre - half,
        centre + half,
        0,
        None,
        None,
        10 * float(np.log10(strength / (1 - strength))),
        peaks[0].pfa,
        None,
        _public_features(features, lags, lag_pfa),
        (),
        frozenset(flags),
    )
    return public, measured


def _known(info: StreamInfo, low: float, high: float) -> tuple[float, float] | None:
    return None if info.center_hz is None else (low, high)


def _at_input(info: StreamInfo, low: float, high: float) -> tuple[float, float] | None:
    if info.center_hz is None:
        return None
    ends = sorted((info.plan.if_from_rf(low), info.plan.if_from_rf(high)))
    return ends[0], ends[1]


def _public_features(
    features: dict[str, float | bool | None], lags: dict[str, LagSum], pfa: float
) -> dict[str, object]:
    shown: dict[str, object] = dict(features)
    for where, total in lags.items():
        shown[f"{where}_lags"] = [_peak_json(p) for p in total.peaks(pfa)]
    return shown


def _peak_json(peak: LagPeak) -> dict[str, float]:
    return {
        "lag_s": peak.lag_s,
        "sigma_s": peak.sigma_s,
        "strength": round(peak.strength, 5),
        "pfa": peak.pfa,
    }


def _number(value: float | bool | None) -> float | None:
    return None if value is None or isinstance(value, bool) else value
