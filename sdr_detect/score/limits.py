"""What theory allows: the best any detector or estimator could do in a scene.

All C/N are linear inside and dB at the edges, and mean the ratio of power
densities while the signal is on. A stretch of T seconds and B hertz holds T·B
independent complex samples; the power of each, in units of the noise, is
exponential: 1 in noise, 1 + C/N with a Gaussian signal (OFDM through a slice).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaincc, gammainccinv, gammaincinv, ndtri

#: Points of the numerical integration over the energy while on. The error of
#: the chance falls with their square and is far below one trial's worth.
_POINTS = 4001

#: C/N between which a radiometer's requirement is sought, dB.
_WIDEST_DB = (-60.0, 60.0)

_DB_PER_NEPER = 10 / math.log(10)


def matched_burst_db(
    duration_s: float, duty: float, bandwidth_hz: float, pfa: float, pd: float = 0.9
) -> float:
    """C/N that energy needs when burst timing and noise level are both known.

    The sum over the N = T·d·B samples of the on-time is Gamma(N) in noise and
    (1 + C/N)·Gamma(N) with a signal, so the requirement is a ratio of two
    quantiles (Urkowitz 1967, with a Gaussian in place of a fixed signal; it is
    the likelihood-ratio test of that case). No detector that does not know the
    waveform does better.

    Parameters
    ----------
    duration_s, bandwidth_hz : float
    duty : float
        Share of the time the signal is on, 0 to 1.
    pfa, pd : float

    Returns
    -------
    float
        dB.
    """
    samples = duration_s * duty * bandwidth_hz
    ratio = gammainccinv(samples, pfa) / gammainccinv(samples, pd)
    return 10 * math.log10(ratio - 1)


def radiometer_db(
    duration_s: float, duty: float, bandwidth_hz: float, pfa: float, pd: float = 0.9
) -> float:
    """C/N that the mean power over all of the time needs when the noise is known exactly.

    In noise the sum over N = T·B samples is Gamma(N); with a signal it is
    (1 + C/N)·Gamma(N·d) + Gamma(N·(1 - d)), integrated here over the first
    term. Any doubt about the noise level comes on top and does not average out
    (Tandra and Sahai 2008).

    Parameters and result as `matched_burst_db`.
    """
    if duty >= 1:
        return matched_burst_db(duration_s, 1.0, bandwidth_hz, pfa, pd)
    samples = duration_s * bandwidth_hz
    threshold = float(gammainccinv(samples, pfa))
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    on = gammaincinv(samples * duty, shares)

    def excess(cn_db: float) -> float:
        rest = threshold - (1 + 10 ** (cn_db / 10)) * on
        return float(np.mean(gammaincc(samples * (1 - duty), np.maximum(rest, 0.0)))) - pd

    return float(brentq(excess, *_WIDEST_DB, xtol=1e-4))


def slope_db(pfa: float, pd: float = 0.9) -> float:
    """Standard deviation, in dB, of the C/N at which single trials become detections.

    For an energy detector Pd = Φ(√N·C/N - z(Pfa)); seen over dB around the
    requirement √N·C/N = z(Pfa) + z(Pd) this is a normal law of that width.
    """
    return _DB_PER_NEPER / float(ndtri(1 - pfa) + ndtri(pd))


def quantisation_s(step_s: float) -> float:
    """Standard deviation of a time that is known to one step only: step/√12."""
    return step_s / math.sqrt(12)


def period_sigma(start_sigma_s: float, bursts: int, duration_s: float) -> float:
    """Relative error of a period fitted to burst starts.

    Least squares through ``bursts`` equidistant starts with independent errors
    gives σ·√(12/n)/T; for normal errors this is the Cramér-Rao bound (Kay 1993,
    example 3.7, for the slope of a line).
    """
    return start_sigma_s * math.sqrt(12 / bursts) / duration_s


def chirp_sigma_hz_per_s(cn_db: float, rate_hz: float, duration_s: float) -> float:
    """Cramér-Rao bound of the rate of change of a tone's frequency.

    For phase π·r·t² and N samples of SNR s, σ(r) = √(90 / (s·N))/(π·T²)
    (Djurić and Kay 1990). ``cn_db`` is over ``rate_hz``.
    """
    samples = rate_hz * duration_s
    return math.sqrt(90 / (10 ** (cn_db / 10) * samples)) / (math.pi * duration_s**2)
