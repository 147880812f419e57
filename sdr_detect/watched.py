"""What was listened to: stays of the receiver, and what each channel got of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Ends that are closer than this are one instant: far below a sample.
SAME_S = 1e-9


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay at one frequency, or several of them joined.

    Parameters
    ----------
    start_s, stop_s : float
        Seconds since sample 0; of the first and of the last when joined.
    lower_hz, upper_hz : float
        RF range that was listened to.
    analysed_s : float
        What could be used of it: gaps, losses and overload are left out.
    visits : int
        Stays joined here.
    """

    start_s: float
    stop_s: float
    lower_hz: float
    upper_hz: float
    analysed_s: float
    visits: int = 1

    @property
    def range_hz(self) -> tuple[float, float]:
        """RF range that was listened to."""
        return self.lower_hz, self.upper_hz

    def follows(self, other: Stay) -> bool:
        """Whether it goes on, in the same range, where ``other`` ended."""
        return self.range_hz == other.range_hz and abs(self.start_s - other.stop_s) <= SAME_S

    def parts(self) -> Iterator[Stay]:
        """The stays joined here, spread evenly: where exactly they were is not kept."""
        if self.visits == 1:
            yield self
            return
        each_s = self.analysed_s / self.visits
        step_s = (self.stop_s - self.start_s - each_s) / (self.visits - 1)
        for k in range(self.visits):
            start_s = self.start_s + k * step_s
            yield Stay(start_s, start_s + each_s, self.lower_hz, self.upper_hz, each_s)


@dataclass(frozen=True, slots=True)
class ChannelWatch:
    """What one channel got of a watch.

    Parameters
    ----------
    number : int
        From 1, in ascending frequency.
    lower_hz, upper_hz : float
        Edges of a full transmission.
    watched_s : float
        Time analysed in it.
    visits : int
    revisit_s : float or None
        Mean time from one visit's start to the next; None with fewer than two.
    blind_s : float
        Time of the watch in which it was not listened to.
    longest_blind_s : float
        The longest such stretch.
    poi : float
        Chance that a terminal that hops over all channels was met in this one.
    last_seen_s : float or None
        When something consistent with a terminal was last seen in it.
    """

    number: int
    lower_hz: float
    upper_hz: float
    watched_s: float
    visits: int
    revisit_s: float | None
    blind_s: float
    longest_blind_s: float
    poi: float
    last_seen_s: float | None
