"""What a plan will be worth: probability of intercept over time, revisit, blind share, limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdr_detect.detect.energy import EnergyTest
from sdr_detect.dsp.layout import make_layout
from sdr_detect.intercept import detection_limit_db
from sdr_detect.model import StreamInfo
from sdr_detect.scan.meet import Meetings
from sdr_detect.scan.plan import Receiver
from sdr_detect.scan.strategy import SLOT_S, Moment, Strategy
from sdr_detect.scan.terminal import TerminalModel
from sdr_detect.settings import Settings


@dataclass(frozen=True, slots=True)
class Forecast:
    """Figures of a plan.

    Parameters
    ----------
    poi : tuple of (float, float)
        Seconds of watching, and the probability of intercept by then.
    revisit_s : float or None
        Mean time from one stay in a channel to the next; None when none is left.
    settling_share : float
        Part of the time in which nothing is heard: the receiver settles.
    blind_share : float
        Part of the time in which a channel, on average, is not heard.
    limit_db : float or None
        C/N from which a terminal heard in one stay is found with Pd 0.9.
    """

    poi: tuple[tuple[float, float], ...]
    revisit_s: float | None
    settling_share: float
    blind_share: float
    limit_db: float | None


def forecast(
    strategy: Strategy,
    receiver: Receiver,
    model: TerminalModel,
    times_s: Sequence[float],
    settings: Settings,
) -> Forecast:
    """Follow a plan, at its own pace, to the last of ``times_s``."""
    meetings, marks = Meetings(model), sorted(times_s)
    poi: list[tuple[float, float]] = []
    now_s = heard_s = listened_s = shortest_s = 0.0
    last: float | None = None
    arrivals: dict[int, list[float]] = {}
    shortest_s = math.inf
    while now_s < marks[-1]:
        stop = strategy.next(Moment(now_s))
        if last is not None and stop.rf_hz != last:
            now_s += receiver.settle_s
        touched = model.touched(*receiver.slice_hz(stop.rf_hz))
        if stop.rf_hz != last:
            for channel in touched:
                arrivals.setdefault(channel, []).append(now_s)
        end_s = min(now_s + stop.dwell_s, marks[-1])
        shortest_s = min(shortest_s, stop.dwell_s)
        for edge_s in [*(m for m in marks if now_s < m < end_s), end_s]:
            meetings.watch(now_s, edge_s, touched)
            listened_s += edge_s - now_s
            heard_s += (edge_s - now_s) * len(touched)
            now_s = edge_s
            poi += _reached(meetings, marks, len(poi), now_s)
        last = stop.rf_hz
    poi += _reached(meetings, marks, len(poi), now_s)
    gaps = [(t[-1] - t[0]) / (len(t) - 1) for t in arrivals.values() if len(t) > 1]
    return Forecast(
        poi=tuple(poi),
        revisit_s=sum(gaps) / len(gaps) if gaps else None,
        settling_share=1 - listened_s / now_s,
        blind_share=1 - heard_s / now_s / len(model.channels_hz),
        limit_db=stay_limit_db(min(shortest_s, SLOT_S), receiver, settings),
    )


def _reached(
    meetings: Meetings, marks: Sequence[float], done: int, now_s: float
) -> list[tuple[float, float]]:
    passed = [m for m in marks[done:] if m <= now_s + 1e-9]
    return [(m, max(0.0, 1 - meetings.missed()[0])) for m in passed]


def stay_limit_db(dwell_s: float, receiver: Receiver, settings: Settings) -> float | None:
    """C/N from which a terminal is found in one stay, in thermal noise."""
    info = StreamInfo("plan", receiver.sample_rate_hz, usable_hz=receiver.usable_hz)
    layout = make_layout(info, settings.frames)
    thermal = EnergyTest(layout, settings.burst).least_excess
    return detection_limit_db(dwell_s, layout.used_hz, thermal, thermal)
