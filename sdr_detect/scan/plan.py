"""Which frequencies to stop at: from a band, a channel plan and a receiver to a list of stops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdr_detect.plan import FrequencyPlan

#: The payload leaves this much of a channel empty around its centre.
GAP_HZ = 1e6

#: Room between that gap and the slice, and the raster on which a place is sought.
MARGIN_HZ = 0.5e6
RASTER_HZ = 0.5e6


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a plan needs of a receiver.

    Parameters
    ----------
    sample_rate_hz, usable_hz : float
        Rate, and the width around the centre that its filter passes.
    plan : FrequencyPlan
        The converter before it.
    settle_s : float
        Lost at each retune.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    sample_rate_hz: float
    usable_hz: float
    plan: FrequencyPlan
    settle_s: float

    def __post_init__(self) -> None:
        if not 0 < self.usable_hz <= self.sample_rate_hz:
            raise ValueError(f"usable {self.usable_hz:g} Hz is not within (0, rate]")
        if not 0 <= self.settle_s < 60:
            raise ValueError(f"settling for {self.settle_s:g} s is not within 0..60 s")

    def slice_hz(self, rf_hz: float) -> tuple[float, float]:
        """RF range that it hears."""
        return rf_hz - self.usable_hz / 2, rf_hz + self.usable_hz / 2

    def reaches(self, rf_hz: float) -> bool:
        """Whether the converter is specified for the whole slice."""
        return all(self.plan.covers(edge) for edge in self.slice_hz(rf_hz))


@dataclass(frozen=True, slots=True)
class Stop:
    """A frequency to stay at. ``channel`` counts from 0; None outside all of them."""

    rf_hz: float
    dwell_s: float
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class IfRange:
    """IF range with its price: positive where emitters leak in, negative where it is quiet.

    ``strict`` ones are left out of a scan.
    """

    lower_hz: float
    upper_hz: float
    price: float
    strict: bool = False

    def share(self, low_hz: float, high_hz: float) -> float:
        """Part of a slice that lies in it."""
        overlap = min(high_hz, self.upper_hz) - max(low_hz, self.lower_hz)
        return max(0.0, overlap) / (high_hz - low_hz)


def comb_stops(
    channels_hz: Sequence[tuple[float, float]],
    receiver: Receiver,
    dwell_s: float,
    ranges: Sequence[IfRange] = (),
) -> list[Stop]:
    """One slice in each channel that the converter reaches.

    It lies beside the empty centre of the channel, where leaks cost least and, at
    the same price, as near to the centre as possible. A slice wider than half a
    channel lies in the middle.
    """
    stops = []
    for number, (low, high) in enumerate(channels_hz):
        middle, half = (low + high) / 2, receiver.usable_hz / 2
        nearest = GAP_HZ / 2 + MARGIN_HZ + half
        farthest = (high - low) / 2 - half
        beside = np.arange(math.ceil(nearest / RASTER_HZ) * RASTER_HZ, farthest, RASTER_HZ)
        offsets = [float(x) for d in beside for x in (d, -d)] or [0.0]
        reached = [middle + x for x in offsets if receiver.reaches(middle + x)]
        if reached:
            best = min(reached, key=lambda rf: (round(price(rf, receiver, ranges), 6),))
            stops.append(Stop(best, dwell_s, number))
    return stops


def scan_stops(
    bands_hz: Sequence[tuple[float, float]],
    channels_hz: Sequence[tuple[float, float]],
    receiver: Receiver,
    dwell_s: float,
    ranges: Sequence[IfRange] = (),
) -> list[Stop]:
    """Slices side by side over the bands; out of reach, or strictly avoided, left out."""
    stops = []
    for low, high in bands_hz:
        count = max(1, math.ceil((high - low) / receiver.usable_hz - 1e-9))
        for k in range(count):
            rf_hz = low + (k + 0.5) * (high - low) / count
            if receiver.reaches(rf_hz) and not _forbidden(rf_hz, receiver, ranges):
                inside = (i for i, (a, b) in enumerate(channels_hz) if a <= rf_hz <= b)
                stops.append(Stop(rf_hz, dwell_s, next(inside, None)))
    return stops


def price(rf_hz: float, receiver: Receiver, ranges: Sequence[IfRange]) -> float:
    """What leaks cost at a stop."""
    low, high = _at_if(rf_hz, receiver)
    return sum(r.price * r.share(low, high) for r in ranges)


def _forbidden(rf_hz: float, receiver: Receiver, ranges: Sequence[IfRange]) -> bool:
    low, high = _at_if(rf_hz, receiver)
    return any(r.strict and r.share(low, high) > 0.5 for r in ranges)


def _at_if(rf_hz: float, receiver: Receiver) -> tuple[float, float]:
    edges = [receiver.plan.if_from_rf(edge) for edge in receiver.slice_hz(rf_hz)]
    return min(edges), max(edges)
