"""The plan of a sweep, from what the user asks for and what the receiver is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sdr_detect.model import StreamInfo
    from sdr_detect.scan.plan import IfRange, Receiver, Stop
    from sdr_detect.scan.strategy import Strategy
    from sdr_detect.scan.terminal import TerminalModel

#: Part of the sample rate that is taken for usable while there is no receiver to ask.
_USABLE = 0.8

#: From a channel's occupied part to its edge.
GUARD_HZ = 1.25e6

#: From one reassignment to the next.
SLOT_S = 15.0


class StrategyName(StrEnum):
    """How the stops follow each other."""

    park = "park"
    scan = "scan"
    comb = "comb"
    adaptive = "adaptive"
    hop = "hop"


@dataclass(frozen=True, slots=True)
class MadePlan:
    """Stops, and what led to them."""

    name: str
    stops: tuple[Stop, ...]
    receiver: Receiver
    model: TerminalModel
    left_out: int

    def start(self) -> Strategy:
        """A strategy at its beginning."""
        from sdr_detect.scan.strategy import Adaptive, Cycle, Hop

        if self.name == "hop":
            return Hop(self.stops, self.receiver.settle_s)
        return Adaptive(self.stops) if self.name == "adaptive" else Cycle(self.stops)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for."""

    strategy: StrategyName
    system: str
    rf_ranges: tuple[str, ...]
    dwell_s: float
    avoid: tuple[str, ...]
    settle_s: float

    def made(self, receiver: Receiver) -> MadePlan:
        """The stops for a receiver.

        Raises
        ------
        typer.BadParameter
            Nothing of it can be received.
        """
        from sdr_detect.plan import FrequencyPlan
        from sdr_detect.scan.plan import comb_stops, price, scan_stops

        model = self._model()
        bands, ranges = self._bands(model), self._if_ranges()
        if self.strategy is StrategyName.scan:
            everywhere = replace(receiver, plan=FrequencyPlan())
            stops = scan_stops(bands, model.channels_hz, receiver, self.dwell_s, ranges)
            wanted = len(scan_stops(bands, model.channels_hz, everywhere, self.dwell_s))
        else:
            asked = {
                number
                for number, (low, high) in enumerate(model.channels_hz)
                if any(low < band[1] and band[0] < high for band in bands)
            }
            combed = comb_stops(model.channels_hz, receiver, self._stay_s(len(asked)), ranges)
            stops, wanted = [stop for stop in combed if stop.channel in asked], len(asked)
        if self.strategy is StrategyName.park and stops:
            best = min(stops, key=lambda stop: price(stop.rf_hz, receiver, ranges))
            stops, wanted = [replace(best, dwell_s=math.inf)], 1
        if not stops:
            raise typer.BadParameter(
                "no stop is left: the converter does not reach the band, or all is avoided"
            )
        return MadePlan(self.strategy.value, tuple(stops), receiver, model, wanted - len(stops))

    def _stay_s(self, count: int) -> float:
        """As asked; hopping shares a slot whatever was asked."""
        if self.strategy is not StrategyName.hop:
            return self.dwell_s
        return SLOT_S / max(1, count) - self.settle_s

    def _model(self) -> TerminalModel:
        from sdr_detect.catalog import profiles
        from sdr_detect.scan.terminal import terminal_model

        known = [p for p in profiles() if p.role == "user_terminal" and p.receivable]
        models = (terminal_model(p) for p in known if p.system == self.system)
        model = next((m for m in models if m is not None), None)
        if model is None:
            names = ", ".join(sorted({p.system for p in known}))
            raise typer.BadParameter(f"no channels of {self.system!r} are known; known: {names}")
        return model

    def _bands(self, model: TerminalModel) -> list[tuple[float, float]]:
        """What the user asked for, or all of the terminal's band."""
        whole = (model.channels_hz[0][0] - GUARD_HZ, model.channels_hz[-1][1] + GUARD_HZ)
        bands = [_range(text, "--rf-range") for text in self.rf_ranges] or [whole]
        if not any(low < whole[1] and whole[0] < high for low, high in bands):
            raise typer.BadParameter(f"--rf-range meets no channel of {self.system}")
        return bands

    def _if_ranges(self) -> list[IfRange]:
        """Shipped ones at a price, the user's forbidden."""
        from sdr_detect.catalog import ingress_ranges
        from sdr_detect.scan.plan import IfRange

        shipped = [
            IfRange(r.lower_hz, r.upper_hz, -1.0 if r.quiet else 1.0) for r in ingress_ranges()
        ]
        own = (_range(text, "--avoid") for text in self.avoid)
        return [*shipped, *(IfRange(low, high, 100.0, strict=True) for low, high in own)]


def _range(text: str, option: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        found = float(low), float(high)
    except ValueError:
        found = (0.0, 0.0)
    if not 0 <= found[0] < found[1] < 1e11:
        raise typer.BadParameter(f"{option} {text}: write LOWER:UPPER in Hz, as 14.0e9:14.25e9")
    return found


def assumed(rate_hz: float | None, converter: str | None, settle_s: float) -> Receiver:
    """The receiver of a plan without one."""
    from sdr_detect.catalog import converter as find_converter
    from sdr_detect.plan import FrequencyPlan
    from sdr_detect.scan.plan import Receiver

    plan = FrequencyPlan() if converter is None else FrequencyPlan(find_converter(converter))
    rate_hz = rate_hz or 2.4e6
    try:
        return Receiver(rate_hz, _USABLE * rate_hz, plan, settle_s)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def receiver_of(info: StreamInfo, settle_s: float) -> Receiver:
    from sdr_detect.scan.plan import Receiver

    usable_hz = info.usable_hz or _USABLE * info.sample_rate_hz
    return Receiver(info.sample_rate_hz, usable_hz, info.plan, settle_s)
