"""What was measured on a track, in the form claims ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sdr_detect.features.folded import FoldedGrid
from sdr_detect.features.grid import GridResult, grid_test
from sdr_detect.features.lag import RESOLVED_SAMPLES, LagPeak

#: A repetition after one k-th of a lag explains the lag itself.
DIVISORS = (2, 3, 4, 5)

#: The shorter lag must be nearly as strong for that.
FUNDAMENTAL_STRENGTH = 0.7


class Lags(Protocol):
    """Repetitions within a waveform, to be asked for at stated lags."""

    def test(self, lag_s: float, tolerance: float) -> LagPeak | None:
        """The repetition at one lag; None where it cannot be measured."""
        ...

    def test_comb(self, lag_s: float, tolerance: float) -> LagPeak | None:
        """The same for copies of that length."""
        ...

    def peaks(self, pfa: float) -> list[LagPeak]:
        """Lags that repeat, most significant first."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One track, measured.

    Parameters
    ----------
    rf_range_hz, if_range_hz : (lower, upper) or None
        None when the centre frequency is not known.
    features : mapping
        Name (with unit) to number, flag or None where it could not be measured.
    starts_s : tuple of float
        Burst starts, for grids.
    lags : mapping
        ``"head"``, ``"burst"``, ``"stream"`` to the lag sums that exist.
    folded : FoldedGrid or None
        What folding tells of the grid, where single bursts were not seen.
    """

    rf_range_hz: tuple[float, float] | None
    if_range_hz: tuple[float, float] | None
    features: Mapping[str, float | bool | None]
    starts_s: tuple[float, ...] = ()
    lags: Mapping[str, Lags] = field(default_factory=dict)
    folded: FoldedGrid | None = None

    def lag(self, where: str, lag_s: float, tolerance: float) -> LagPeak | None:
        """The repetition at one lag; None where it cannot be measured.

        A head is a row of copies and correlates at every multiple. There, a
        whole fraction of the lag that is as strong takes its place: the
        downlink's 0.533 µs also repeats after 2.133 µs.
        """
        total = self.lags.get(where)
        width_hz = self.features.get("bandwidth_hz")
        if total is None or (width_hz is not None and width_hz * lag_s < RESOLVED_SAMPLES):
            # What is narrower than that is alike after any such time.
            return None
        if where != "head":
            return total.test(lag_s, tolerance)
        peak = total.test_comb(lag_s, tolerance)
        if peak is None:
            return None
        for divisor in DIVISORS:
            shorter = total.test_comb(lag_s / divisor, tolerance)
            if (
                shorter is not None
                and shorter.pfa < 1e-3
                and shorter.strength > FUNDAMENTAL_STRENGTH * peak.strength
            ):
                return LagPeak(peak.lag_s, peak.sigma_s, peak.strength, 1.0)
        return peak

    def grid(self, period_s: float) -> GridResult | None:
        """How well the starts keep a grid; None with too few of them."""
        return grid_test(self.starts_s, period_s)
