"""Tables and sentences on a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sdr_detect.commands._text import plain
from sdr_detect.events import Event, Incident, OccupancyEvent, TrackEvent, Verdict
from sdr_detect.model import FLAG_MEANING, Flag
from sdr_detect.sinks import wording

if TYPE_CHECKING:
    from sdr_detect.analysis import Facts
    from sdr_detect.calibration.levels import Levels
    from sdr_detect.sinks.collect import Collector

_STYLE = {"detected": "bold red", "not_detected": "bold green", "inconclusive": "bold yellow"}

#: Tracks shown in a table; JSON and reports have them all.
_TRACKS = 20
_ALTERNATIVES = 3
_INCIDENTS = 12
_PERIODS = 24

#: Width of what goes into a file or a pipe, which has none of its own.
_PIPE_WIDTH = 140


def console() -> Console:
    """The console on stdout; as wide as a table needs where nobody can widen it."""
    return Console(
        width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, soft_wrap=False
    )


def recording(
    facts: Facts, found: Collector, verdict: Verdict, levels: Levels | None = None
) -> RenderableType:
    """One analysed recording, verdict last."""
    parts: list[RenderableType] = [Text(plain(facts.path), style="bold"), _facts(facts)]
    if found.tracks:
        parts.append(tracks(found.tracks, found.track_count, levels))
    parts += [_indented(wording.occupancy(period)) for period in found.periods[:_PERIODS]]
    if len(found.periods) > _PERIODS:
        parts.append(_indented(f"and {len(found.periods) - _PERIODS} more periods (see --json)"))
    parts += [_indented(line) for line in incident_lines(found)]
    return Group(*parts, verdict_text(verdict), Text())


def _facts(facts: Facts) -> Text:
    info = facts.info
    told = [
        facts.format,
        f"{wording.hertz(info.sample_rate_hz)} rate",
        "RF unknown" if info.center_hz is None else f"RF {wording.hertz(info.center_hz)}",
        *([] if facts.duration_s is None else [wording.seconds(facts.duration_s)]),
        f"start {wording.start_time(info)}",
    ]
    return Text("  " + plain(" · ".join(told)))


def tracks(
    events: Sequence[TrackEvent], count: int, levels: Levels | None = None
) -> RenderableType:
    """The tracks, best match first; ``count`` of them there were."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("track", "kind", "frequencies"):
        table.add_column(name, no_wrap=True)
    for name in ("bursts", "duty", "period", "C/N", "level"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("best match", overflow="fold")
    ordered = wording.by_score(events)
    for event in ordered[:_TRACKS]:
        track = event.track
        table.add_row(
            f"T{track.id}",
            track.kind,
            wording.frequency_range(track),
            str(track.burst_count),
            wording.UNKNOWN if track.duty_cycle is None else wording.percent(track.duty_cycle),
            wording.seconds(track.burst_period_s),
            wording.level(track),
            wording.power(event, levels),
            wording.match_text(wording.best_match(track)),
        )
    parts: list[RenderableType] = [table]
    if count > _TRACKS:
        parts.append(Text(f"and {count - _TRACKS} more tracks (see --json)"))
    parts += [Text(line, style="dim") for line in _flag_lines(events)]
    return Padding(Group(*parts), (1, 0, 1, 2), expand=False)


def _flag_lines(events: Sequence[TrackEvent]) -> Iterator[str]:
    for flag in Flag:
        marked = [f"T{event.track.id}" for event in events if flag in event.track.flags]
        if marked:
            names = ", ".join(marked[:8]) + (" …" if len(marked) > 8 else "")
            yield f"{names}: {FLAG_MEANING[flag]}"


def incident_lines(found: Collector) -> Iterator[str]:
    """Incidents, alike ones counted together."""
    alike = Counter((i.kind, i.reason, i.detail) for i in found.incidents)
    shown = list(alike.items())[:_INCIDENTS]
    for (kind, reason, detail), count in shown:
        times = "" if count == 1 else f" ({count} times)"
        yield plain(f"{kind}: {reason}{times}{': ' if detail else ''}{detail}")
    more = found.incident_count - sum(count for _, count in shown)
    if more:
        yield f"and {more} more incidents (see --json)"


def event_line(event: Event) -> str | None:
    """A track or an incident in one line; None for what comes too often, and the verdict."""
    match event:
        case TrackEvent():
            track = event.track
            start = wording.seconds(event.info.seconds(track.span.start_sample))
            best = wording.match_text(wording.best_match(track))
            return (
                f"track T{track.id} from {start}: {wording.frequency_range(track)}, "
                f"{track.burst_count} bursts, {wording.level(track)}, best match {best}"
            )
        case OccupancyEvent():
            return wording.occupancy(event)
        case Incident(reason="retune"):
            return None  # as many as there are stops; the table at the end sums them up
        case Incident():
            return f"{event.kind} at sample {event.span.start_sample}: " + plain(
                ": ".join(filter(None, (event.reason, event.detail)))
            )
        case _:
            return None


def verdict_text(verdict: Verdict) -> RenderableType:
    """The verdict in plain words, with reasons and figures."""
    # The headline of an inconclusive verdict is its first reason.
    reasons = verdict.reasons[1 if verdict.verdict == "inconclusive" else 0 :]
    lines = [
        *(plain(wording.because(reason)) for reason in reasons),
        *(
            f"also weighed: {plain(wording.alternative(other))}"
            for other in verdict.alternatives[:_ALTERNATIVES]
        ),
        *(f"{name}: {value}" for name, value in wording.facts(verdict)),
    ]
    return Group(
        Text(plain(wording.headline(verdict)), style=_STYLE[verdict.verdict]),
        *map(_indented, lines),
    )


def _indented(line: str) -> Padding:
    return Padding(Text(line), (0, 0, 0, 2), expand=False)
