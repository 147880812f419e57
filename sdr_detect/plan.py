"""Frequencies: RF on air and IF at the receiver, joined by a named converter.

Nothing here reads a file; `sdr_detect.catalog` loads the converters shipped as
data in ``sdr_detect/converters/*.toml``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

#: Frequencies are kept on a grid of 2**-16 Hz (15 µHz). A float64 holds every
#: grid point below 137 GHz exactly, so adding or subtracting an LO is exact and
#: RF -> IF -> RF returns the same number, bit for bit.
GRID_HZ = 2.0**-16

#: Above this a grid point no longer fits a float64.
MAX_HZ = 2.0**37

Side = Literal["low", "high", "none"]


def on_grid(frequency_hz: float) -> float:
    """Nearest frequency on the 2**-16 Hz grid.

    Raises
    ------
    ValueError
        Not finite, or beyond ±137 GHz.
    """
    if not math.isfinite(frequency_hz) or abs(frequency_hz) >= MAX_HZ:
        raise ValueError(f"frequency {frequency_hz!r} Hz is outside ±{MAX_HZ:.3e} Hz")
    return round(frequency_hz / GRID_HZ) * GRID_HZ


@dataclass(frozen=True, slots=True)
class Converter:
    """A block downconverter.

    Parameters
    ----------
    name : str
        How commands name it, for example ``"ku-12.80"``.
    lo_hz : float
        Nominal local-oscillator frequency; 0 for ``side="none"``.
    side : {"low", "high", "none"}
        Where the LO lies: below the RF (``IF = RF - LO``), above it
        (``IF = LO - RF``: the spectrum arrives inverted), or no converter.
    rf_lower_hz, rf_upper_hz : float
        RF range it is specified for.
    source : str
        Where the figures come from.
    """

    name: str
    lo_hz: float
    side: Side
    rf_lower_hz: float
    rf_upper_hz: float
    source: str = ""

    def __post_init__(self) -> None:
        if self.side not in ("low", "high", "none"):
            raise ValueError(f"converter {self.name!r}: side {self.side!r} is not low, high, none")
        if (self.side == "none") != (self.lo_hz == 0):
            raise ValueError(f"converter {self.name!r}: an LO of 0 Hz goes with side 'none' only")
        if not 0 <= self.rf_lower_hz < self.rf_upper_hz < MAX_HZ:
            raise ValueError(f"converter {self.name!r}: RF range must be ascending and positive")
        if on_grid(self.lo_hz) != self.lo_hz or self.lo_hz < 0:
            raise ValueError(f"converter {self.name!r}: LO {self.lo_hz} Hz is not on the grid")

    @property
    def inverted(self) -> bool:
        """Whether rising RF is falling IF (LO above the RF)."""
        return self.side == "high"


#: No converter: RF and IF are the same.
DIRECT = Converter("none", 0.0, "none", 0.0, MAX_HZ / 2, "identity")


@dataclass(frozen=True, slots=True)
class FrequencyPlan:
    """RF ↔ IF through one converter with a known LO error.

    Parameters
    ----------
    converter : Converter
    lo_error_ppm : float
        Measured LO error, parts per million of ``converter.lo_hz``; positive
        when the real LO is higher than nominal. The resulting LO is kept on
        the frequency grid so that the round trip stays exact.
    """

    converter: Converter = DIRECT
    lo_error_ppm: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.lo_error_ppm) or abs(self.lo_error_ppm) > 1000:
            raise ValueError(f"LO error {self.lo_error_ppm!r} ppm is outside ±1000 ppm")

    @property
    def lo_hz(self) -> float:
        """LO as it really is: nominal with its error, on the grid."""
        return on_grid(self.converter.lo_hz * (1 + self.lo_error_ppm * 1e-6))

    @property
    def inverted(self) -> bool:
        """Whether rising RF is falling IF."""
        return self.converter.inverted

    def if_from_rf(self, rf_hz: float) -> float:
        """IF at which the receiver finds ``rf_hz``. Exact on the grid."""
        rf_hz = on_grid(rf_hz)
        return self.lo_hz - rf_hz if self.inverted else rf_hz - self.lo_hz

    def rf_from_if(self, if_hz: float) -> float:
        """RF that the receiver finds at ``if_hz``. Exact on the grid."""
        if_hz = on_grid(if_hz)
        return self.lo_hz - if_hz if self.inverted else self.lo_hz + if_hz

    def image_rf_hz(self, rf_hz: float) -> float | None:
        """RF on the other side of the LO that lands on the same IF.

        None without a converter.
        """
        if self.converter.side == "none":
            return None
        return 2 * self.lo_hz - on_grid(rf_hz)

    def covers(self, rf_hz: float) -> bool:
        """Whether the converter is specified at this RF."""
        return self.converter.rf_lower_hz <= rf_hz <= self.converter.rf_upper_hz

    def with_lo_error(self, lo_error_ppm: float) -> FrequencyPlan:
        """The same plan with another LO error."""
        return replace(self, lo_error_ppm=lo_error_ppm)
