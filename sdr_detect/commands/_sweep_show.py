"""A plan and its result as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sdr_detect.scan.forecast import Forecast
from sdr_detect.scan.plan import Receiver, Stop
from sdr_detect.sinks import wording
from sdr_detect.watched import ChannelWatch

#: Stops listed; a scan has hundreds.
_LISTED = 16


def plan(
    strategy: str, stops: Sequence[Stop], receiver: Receiver, told: Forecast, left_out: int
) -> RenderableType:
    """Stops and what they are worth."""
    table = _table("stop", "RF", "IF", "dwell")
    for number, stop in enumerate(stops[:_LISTED], start=1):
        name = str(number) if stop.channel is None else f"{number} (ch {stop.channel + 1})"
        if_hz = receiver.plan.if_from_rf(stop.rf_hz)
        table.add_row(
            name,
            wording.hertz(stop.rf_hz),
            wording.hertz(if_hz),
            "" if stop.dwell_s == float("inf") else wording.seconds(stop.dwell_s),
        )
    more = len(stops) - _LISTED
    limit = "none" if told.limit_db is None else f"C/N {told.limit_db:+.1f} dB"
    lines = [
        f"revisit {wording.seconds(told.revisit_s)} · settling {told.settling_share:.1%} of the "
        f"time · a channel is blind for {told.blind_share:.1%} of it",
        f"found in one stay, with probability 0.9: {limit}",
        "probability of intercept: "
        + ", ".join(f"{wording.percent(p)} in {t:g} s" for t, p in told.poi),
    ]
    if more > 0:
        lines.insert(0, f"and {more} more stops")
    if left_out:
        lines.insert(0, f"{left_out} stops left out: out of the converter's range, or avoided")
    title = f"{strategy}: {len(stops)} stops of {wording.hertz(receiver.usable_hz)}"
    return Group(Text(title, style="bold"), table, *(Text(f"  {line}") for line in lines), Text())


def channels(watched: Sequence[ChannelWatch]) -> RenderableType:
    """What each channel got."""
    table = _table(
        "channel", "RF", "watched", "visits", "revisit", "blind", "longest", "PoI", "seen"
    )
    for one in watched:
        table.add_row(
            str(one.number),
            f"{one.lower_hz / 1e9:.4f}–{one.upper_hz / 1e9:.4f} GHz",
            wording.seconds(one.watched_s),
            str(one.visits),
            wording.seconds(one.revisit_s),
            wording.seconds(one.blind_s),
            wording.seconds(one.longest_blind_s),
            wording.percent(one.poi),
            "never" if one.last_seen_s is None else f"at {wording.seconds(one.last_seen_s)}",
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table
