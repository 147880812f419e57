"""From power at the antenna's port to flux density and to EIRP, and what that means.

Free space: the wave spreads over a sphere and nothing shadows, reflects or absorbs.
On a quay superstructures may take or add 20 dB; that is no part of any uncertainty
here, and is said beside every figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdr_detect.calibration.budget import DB_PER_NEPER, Budget, Term, summed
from sdr_detect.calibration.schema import Antenna
from sdr_detect.events import PhysicalLimit, Stated
from sdr_detect.scan.terminal import CHANNEL_HZ

SPEED_OF_LIGHT_M_PER_S = 299_792_458.0

#: Standard uncertainty of the C/N at which Pd is 0.9: what the scorecard measures
#: stays within 0.5 dB of what is stated.
LIMIT_MODEL_DB = 0.5

#: Standard uncertainty of a noise density that a session measures on itself: a
#: quantile of 256 frames a dwell (0.1 dB), and a passband that is not flat.
SESSION_NOISE_DB = 0.3

#: What a terminal's antenna may send towards the horizon; no mask was read.
HORIZON_GAINS_DBI = (0.0, -10.0, -20.0)

#: Stated beside every EIRP.
ASSUMPTIONS = (
    "free space: no shadowing, reflection or absorption (a ship's superstructure: ±20 dB)",
    "the emission is evenly spread over a channel of 62.5 MHz and fills the slice while it is on",
    "bursts of 0.84 ms every 12 ms in the mean, in channels that were watched",
)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the vessel is seen from.

    Parameters
    ----------
    frequency_hz : float
    distance_m : float or None
    distance_uncertainty_m : float
        Standard uncertainty.
    pointing_error_deg : float
        Standard deviation of the antenna's direction, on either axis.
    """

    frequency_hz: float
    distance_m: float | None = None
    distance_uncertainty_m: float = 0.0
    pointing_error_deg: float = 0.0


def free_space_db(distance_m: float, frequency_hz: float) -> float:
    """Free-space loss between isotropic antennas."""
    return 20 * math.log10(4 * math.pi * distance_m * frequency_hz / SPEED_OF_LIGHT_M_PER_S)


def antenna_terms(antenna: Antenna, pointing_error_deg: float = 0.0) -> list[Term]:
    """What has to be added to a level at the port to get that before the antenna.

    Off the axis a pattern falls by 12 (θ/θ3)² dB within its main lobe. For a direction
    that is off by σ on either axis the mean of that is 24 (σ/θ3)², its standard
    deviation the same.
    """
    terms = [
        Term("antenna gain", antenna.gain_dbi.value, antenna.gain_dbi.uncertainty, "dBi", -1.0,
             note=antenna.gain_dbi.method)
    ]  # fmt: skip
    loss = antenna.polarisation_loss_db
    if loss is not None:
        terms.append(Term("polarisation", loss.value, loss.uncertainty, note=loss.method))
    if antenna.beamwidth_deg is not None and pointing_error_deg > 0:
        off_db = 24 * (pointing_error_deg / antenna.beamwidth_deg.value) ** 2
        terms.append(Term("pointing", off_db, off_db, note="mean loss within the main lobe"))
    return terms


def pfd_terms(antenna: Antenna, geometry: Geometry) -> list[Term]:
    """From dBm at the port to dBW/m²: the antenna, and the aperture of an isotropic one."""
    wavelength_m = SPEED_OF_LIGHT_M_PER_S / geometry.frequency_hz
    isotropic_db = 10 * math.log10(wavelength_m**2 / (4 * math.pi))
    return [
        Term("dBm to dBW", -30.0, 0.0),
        *antenna_terms(antenna, geometry.pointing_error_deg),
        Term("isotropic aperture", isotropic_db, 0.0, "dBm²", -1.0),
    ]


def eirp_terms(antenna: Antenna, geometry: Geometry) -> list[Term]:
    """From dBm at the port to dBm EIRP at the distance, which must be known."""
    distance_m = geometry.distance_m
    if distance_m is None:
        raise ValueError("an EIRP needs a distance")
    loss_db = free_space_db(distance_m, geometry.frequency_hz)
    doubt_db = 2 * DB_PER_NEPER * geometry.distance_uncertainty_m / distance_m
    return [
        *antenna_terms(antenna, geometry.pointing_error_deg),
        Term("free-space loss", loss_db, doubt_db, note=f"over {distance_m:g} m"),
    ]


@dataclass(frozen=True, slots=True)
class Limits:
    """Smallest emission found with Pd 0.9, with budgets.

    ``dbm`` is at the port in ``bandwidth_hz``, ``pfd_dbw_m2`` in the same;
    ``eirp_dbm`` over the whole channel of ``channel_hz``.
    """

    cn_db: float
    bandwidth_hz: float
    dbm: Budget
    pfd_dbw_m2: Budget | None
    eirp_dbm: Budget | None
    channel_hz: float = CHANNEL_HZ

    @property
    def stated(self) -> PhysicalLimit:
        """As verdicts carry it."""
        return PhysicalLimit(
            _stated(self.dbm),
            None if self.pfd_dbw_m2 is None else _stated(self.pfd_dbw_m2),
            None if self.eirp_dbm is None else _stated(self.eirp_dbm),
            self.channel_hz,
        )


def _stated(budget: Budget) -> Stated:
    return Stated(budget.value, budget.expanded)


def limits(
    noise_dbm_per_hz: Budget,
    cn_db: float,
    bandwidth_hz: float,
    antenna: Antenna | None,
    geometry: Geometry | None,
) -> Limits:
    """The limit at the port, before the antenna, and at the terminal.

    Parameters
    ----------
    noise_dbm_per_hz : Budget
        Noise density at the antenna's port while it listened.
    cn_db, bandwidth_hz : float
        C/N found with Pd 0.9 (`intercept.detection_limit_db`), over that bandwidth.
    antenna : Antenna or None
    geometry : Geometry or None
        None where the frequency is not known.
    """
    dbm = noise_dbm_per_hz.followed_by(
        "limit at the port",
        "dBm",
        (
            Term("bandwidth", 10 * math.log10(bandwidth_hz), 0.0, "dBHz"),
            Term("C/N for Pd 0.9", cn_db, LIMIT_MODEL_DB, note="scorecard: stated and measured"),
        ),
    )
    if antenna is None or geometry is None:
        return Limits(cn_db, bandwidth_hz, dbm, None, None)
    pfd = dbm.followed_by("limit of flux density", "dBW/m²", pfd_terms(antenna, geometry))
    if geometry.distance_m is None:
        return Limits(cn_db, bandwidth_hz, dbm, pfd, None)
    whole_db = 10 * math.log10(CHANNEL_HZ / bandwidth_hz)
    spread = Term("slice to whole channel", whole_db, 0.0, note="evenly spread")
    eirp = dbm.followed_by(
        "limit of EIRP in the channel", "dBm", [*eirp_terms(antenna, geometry), spread]
    )
    return Limits(cn_db, bandwidth_hz, dbm, pfd, eirp)


def thermal_noise(
    noise_figure_db: Budget, antenna_k: float, antenna_uncertainty_k: float
) -> Budget:
    """Noise density at the port, dBm/Hz, of a receiver that was not heard yet.

    k (T_antenna + T_receiver), with T_receiver = 290 K (F - 1).
    """
    factor = 10 ** (noise_figure_db.value / 10)
    receiver_k = 290.0 * (factor - 1)
    system_k = antenna_k + receiver_k
    if system_k <= 0:
        raise ValueError(f"{antenna_k:g} K and a noise figure of {noise_figure_db.value:g} dB")
    value = 10 * math.log10(1.380649e-23 * system_k) + 30
    return Budget(
        "noise density",
        "dBm/Hz",
        value,
        (
            Term("noise figure", noise_figure_db.value, noise_figure_db.standard, "dB",
                 290.0 * factor / system_k),
            Term("antenna temperature", antenna_k, antenna_uncertainty_k, "K",
                 DB_PER_NEPER / system_k),
        ),
    )  # fmt: skip


def session_noise(noise_dbfs_per_hz: float, offset: Budget) -> Budget:
    """Noise density at the port, dBm/Hz, as a session measured it on itself."""
    term = Term("noise of the session", noise_dbfs_per_hz, SESSION_NOISE_DB, "dBFS/Hz", kind="A")
    return summed("noise density", "dBm/Hz", [term, *offset.terms])
