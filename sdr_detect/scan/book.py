"""The account of a watch: its log, what each terminal's channels got, what was met where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdr_detect.profiles.schema import Profile
from sdr_detect.scan.log import DwellLog
from sdr_detect.scan.meet import Meetings
from sdr_detect.scan.terminal import TerminalModel, terminal_model
from sdr_detect.watched import ChannelWatch, Stay

#: The system that a probability of intercept is stated for, if its band was covered.
FIRST_SYSTEM = "starlink"

#: RF edges of something consistent with a terminal, and when it was last seen.
Sighting = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Intercept:
    """Probability of intercept and the terminal it is stated for."""

    poi: float
    name: str


class _Channel:
    """Sums of one channel."""

    def __init__(self) -> None:
        self.watched_s = 0.0
        self.visits = 0
        self.first_s: float | None = None
        self.visited_s = 0.0
        self.stop_s = 0.0
        self.longest_s = 0.0
        self.seen_s: float | None = None


class DwellBook:
    """Takes what was listened to, as it comes.

    Parameters
    ----------
    profiles : sequence of Profile
        Those of user terminals that can be received here have their channels kept.
    """

    def __init__(self, profiles: Sequence[Profile]) -> None:
        terminals = [p for p in profiles if p.role == "user_terminal" and p.receivable]
        terminals.sort(key=lambda p: (p.system != FIRST_SYSTEM, p.id))
        models = [m for m in map(terminal_model, terminals) if m is not None]
        #: One for each set of channels; the first to have it gives its name.
        unique: dict[tuple[tuple[float, float], ...], TerminalModel] = {}
        for model in models:
            unique.setdefault(model.channels_hz, model)
        self._meetings = [Meetings(model) for model in unique.values()]
        self._channels = [_Channel() for m in self._meetings[:1] for _ in m.model.channels_hz]
        self._log = DwellLog()
        self._range: tuple[float, float] | None = None
        self._ranges: list[tuple[float, float]] = []
        self._start_s: float | None = None
        self._stop_s = 0.0

    def watch(self, row: Stay) -> None:
        """Take a stretch that was listened to; they come in order of time."""
        self._log.add(row)
        length_s = row.stop_s - row.start_s
        share = row.analysed_s / length_s if length_s > 0 else 0.0
        for index, meetings in enumerate(self._meetings):
            touched = meetings.model.touched(*row.range_hz)
            meetings.watch(row.start_s, row.stop_s, touched, share)
            if index == 0:
                self._account(touched, row)
        self._range = row.range_hz
        if len(self._ranges) < 2 and row.range_hz not in self._ranges:
            self._ranges.append(row.range_hz)
        self._stop_s = row.stop_s
        if self._start_s is None:
            self._start_s = row.start_s

    def _account(self, touched: tuple[int, ...], row: Stay) -> None:
        for number in touched:
            channel = self._channels[number]
            if channel.first_s is None or row.range_hz != self._range:
                channel.visits += 1
                channel.visited_s = row.start_s
            began_s = row.start_s if self._start_s is None else self._start_s
            since_s = began_s if channel.first_s is None else channel.stop_s
            channel.longest_s = max(channel.longest_s, row.start_s - since_s)
            if channel.first_s is None:
                channel.first_s = row.start_s
            channel.watched_s += row.analysed_s
            channel.stop_s = row.stop_s

    def saw(self, sightings: Iterable[Sighting]) -> None:
        """Something consistent with a terminal was seen."""
        for number, at_s in self._seen(sightings).items():
            self._channels[number].seen_s = at_s

    def _seen(self, sightings: Iterable[Sighting]) -> dict[int, float]:
        """Latest time of each channel."""
        latest: dict[int, float] = {}
        for lower_hz, upper_hz, at_s in sightings:
            for meetings in self._meetings[:1]:
                for number in meetings.model.touched(lower_hz, upper_hz):
                    known = max(self._channels[number].seen_s or 0.0, latest.get(number, 0.0))
                    latest[number] = max(at_s, known)
        return latest

    @property
    def swept(self) -> bool:
        """Whether more than one frequency range was listened to."""
        return len(self._ranges) > 1

    @property
    def rows(self) -> tuple[Stay, ...]:
        """The log."""
        return self._log.rows

    def intercept(self) -> Intercept | None:
        """For the first system covered, Starlink before others; None without any RF."""
        if self._start_s is None:
            return None
        for meetings in self._meetings:
            missed, _ = meetings.missed()
            if missed < 1:
                return Intercept(min(1.0, max(0.0, 1 - missed)), meetings.model.name)
        return Intercept(0.0, "any known terminal")

    def channels(self, sightings: Iterable[Sighting] = ()) -> tuple[ChannelWatch, ...]:
        """The first system's channels; none before anything was listened to.

        ``sightings`` are those of now, which may not last.
        """
        if self._start_s is None or not self._meetings:
            return ()
        meetings = self._meetings[0]
        _, missed = meetings.missed()
        edges = meetings.model.channels_hz
        seen = self._seen(sightings)
        return tuple(
            self._told(number, edges[number], missed[number], seen.get(number))
            for number in range(len(edges))
        )

    def _told(
        self, number: int, edges: tuple[float, float], missed: float, seen_s: float | None
    ) -> ChannelWatch:
        channel, start_s = self._channels[number], self._start_s or 0.0
        total_s = self._stop_s - start_s
        revisit_s = None
        if channel.first_s is not None and channel.visits > 1:
            revisit_s = (channel.visited_s - channel.first_s) / (channel.visits - 1)
        since_s = start_s if channel.first_s is None else channel.stop_s
        return ChannelWatch(
            number=number + 1,
            lower_hz=edges[0],
            upper_hz=edges[1],
            watched_s=channel.watched_s,
            visits=channel.visits,
            revisit_s=revisit_s,
            blind_s=max(0.0, total_s - channel.watched_s),
            longest_blind_s=max(channel.longest_s, self._stop_s - since_s),
            poi=max(0.0, 1 - missed),
            last_seen_s=channel.seen_s if seen_s is None else seen_s,
        )
