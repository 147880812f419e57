"""What detectors share when they turn their state into tracks."""

from __future__ import annotations

from collections.abc import Mapping

from sdr_detect.features.lag import LagPeak, LagSum
from sdr_detect.model import StreamInfo
from sdr_detect.profiles.measured import Measured

#: No chance smaller than this is stated: nothing here was ever tested that far.
SMALLEST_PFA = 1e-12

#: Name with unit to number or flag; None where it could not be measured.
Features = dict[str, float | bool | None]


def measured(
    info: StreamInfo,
    band_hz: tuple[float, float],
    features: Features,
    starts_s: tuple[float, ...] = (),
    lags: Mapping[str, LagSum] | None = None,
) -> Measured:
    """The track as claims see it; without a centre frequency it has no band."""
    if info.center_hz is None:
        return Measured(None, None, features, starts_s, lags or {})
    low, high = sorted(info.plan.if_from_rf(edge) for edge in band_hz)
    return Measured(band_hz, (low, high), features, starts_s, lags or {})


def stated_pfa(chance: float) -> float:
    """A chance as it goes into events: computed tails underflow, and zero is no chance."""
    return min(1.0, max(SMALLEST_PFA, chance))


def public_features(
    features: Features, lags: Mapping[str, LagSum], pfa: float
) -> dict[str, object]:
    """The features as they go into events, with the lags that stand out."""
    shown: dict[str, object] = dict(features)
    for where, total in lags.items():
        shown[f"{where}_lags"] = [_peak_json(p) for p in total.peaks(pfa)]
    return shown


def _peak_json(peak: LagPeak) -> dict[str, float]:
    return {
        "lag_s": peak.lag_s,
        "sigma_s": peak.sigma_s,
        "strength": round(peak.strength, 5),
        "pfa": stated_pfa(peak.pfa),
    }
