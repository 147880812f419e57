"""How long messages were under way, told from the clocks of two hosts that may differ."""

from __future__ import annotations

from sdr_detect.model import NS_PER_S

#: The most by which two free-running clocks drift apart.
_DRIFT = 200e-6

#: A backlog is dropped much faster than it grows. What is still late after this
#: long is late because the way became longer, or the sender's clock stood still
#: while its host slept: dropping does not help.
_HELPS_WITHIN_NS = 2 * NS_PER_S


class Lateness:
    """Tells messages that waited too long from those that only come a long way.

    Receiver's clock less sender's is an unknown offset plus the time under way.
    Its minimum is the offset plus the shortest way; what a message exceeds that by
    is how long it waited. The minimum may rise with the drift of the clocks.

    Parameters
    ----------
    limit_s : float
        Waiting that is too long.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_ns = round(limit_s * NS_PER_S)
        self._least_ns: float | None = None
        self._last_ns = 0
        self._late_since_ns: int | None = None

    def too_late(self, sent_ns: int, now_ns: int) -> bool:
        """Whether a message should be dropped to catch up.

        Parameters
        ----------
        sent_ns, now_ns : int
            Monotonic clocks of the sender when it sent, and of this host.
        """
        delay_ns = now_ns - sent_ns
        if self._least_ns is None:
            self._least_ns = delay_ns
        risen_ns = self._least_ns + (now_ns - self._last_ns) * _DRIFT
        self._least_ns = min(delay_ns, risen_ns)
        self._last_ns = now_ns
        if delay_ns - self._least_ns <= self._limit_ns:
            self._late_since_ns = None
            return False
        if self._late_since_ns is None:
            self._late_since_ns = now_ns
        if now_ns - self._late_since_ns <= _HELPS_WITHIN_NS:
            return True
        self._least_ns, self._late_since_ns = delay_ns, None
        return False
