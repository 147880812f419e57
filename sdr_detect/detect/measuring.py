"""What detectors share when they turn their state into tracks."""

from __future__ import annotations

from collections.abc import Mapping

from sdr_detect.features.lag import LagPeak
from sdr_detect.features.ofdm import OfdmSum
from sdr_detect.model import StreamInfo
from sdr_detect.profiles.measured import Lags, Measured

#: No chance smaller than this is stated: nothing here was ever tested that far.
SMALLEST_PFA = 1e-12

#: What `ofdm_features` measures.
OFDM_FEATURES = (
    "useful_symbol_s",
    "useful_symbol_sigma_s",
    "ofdm_symbol_s",
    "ofdm_symbol_sigma_s",
    "ofdm_symbol_rate_hz",
    "extension_s",
    "extension_sigma_s",
    "ofdm_pfa",
)

#: Name with unit to number or flag; None where it could not be measured.
Features = dict[str, float | bool | None]


def measured(
    info: StreamInfo,
    band_hz: tuple[float, float],
    features: Features,
    starts_s: tuple[float, ...] = (),
    lags: Mapping[str, Lags] | None = None,
) -> Measured:
    """The track as claims see it; without a centre frequency it has no band."""
    if info.center_hz is None:
        return Measured(None, None, features, starts_s, lags or {})
    low, high = sorted(info.plan.if_from_rf(edge) for edge in band_hz)
    return Measured(band_hz, (low, high), features, starts_s, lags or {})


def stated_pfa(chance: float) -> float:
    """A chance as it goes into events: computed tails underflow, and zero is no chance."""
    return min(1.0, max(SMALLEST_PFA, chance))


def ofdm_features(total: OfdmSum, pfa: float) -> Features:
    """Symbol timing; None throughout where noise shows it more often than ``pfa``."""
    found = total.estimate()
    if found is None or found.pfa >= pfa:
        return dict.fromkeys(OFDM_FEATURES)
    values = (
        found.useful_symbol_s,
        found.useful_symbol_sigma_s,
        found.symbol_s,
        found.symbol_sigma_s,
        1 / found.symbol_s,
        found.extension_s,
        found.extension_sigma_s,
        stated_pfa(found.pfa),
    )
    return dict(zip(OFDM_FEATURES, values, strict=True))


def public_features(features: Features, lags: Mapping[str, Lags], pfa: float) -> dict[str, object]:
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
