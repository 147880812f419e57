"""When a watch that goes on is looked at, and what is then worth telling.

A terminal that transmits for days makes one track, which ends after days: an
alert must not wait for it. Looks fall on the ends of dwells, so that the same
stream gives the same alerts however it is cut.
"""

from __future__ import annotations

from sdr_detect.epoch import Epoch
from sdr_detect.events import Incident, Verdict
from sdr_detect.model import Span

#: Looks become rarer by this part of the time watched, but no rarer than `RAREST_S`.
_SLOWER, RAREST_S = 0.05, 10.0


class Lookout:
    """Decides when to look, and remembers what was told.

    Parameters
    ----------
    first_s : float
        Time between the first looks; 0 for none at all.
    """

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self._watched_s = 0.0
        self._next_s = first_s
        self._seen = (0, 0)
        self._told: str | None = None

    def due(self, epoch_number: int, epoch: Epoch) -> bool:
        """Whether to look, after a dwell."""
        at = (epoch_number, epoch.dwells)
        if self._first_s <= 0 or at == self._seen or not epoch.dwells:
            return False
        self._seen = at
        self._watched_s += epoch.info.seconds(epoch.layout.dwell_samples)
        if self._watched_s < self._next_s:
            return False
        step_s = max(self._first_s, min(_SLOWER * self._watched_s, RAREST_S))
        self._next_s = self._watched_s + step_s
        return True

    def news(self, verdict: Verdict, sample: int) -> list[Incident]:
        """What has changed since it was last told."""
        system = verdict.system if verdict.verdict == "detected" else None
        if system is not None:  # whether it still holds is less urgent
            self._next_s = self._watched_s + RAREST_S
        if system == self._told:
            return []
        self._told = system
        span = Span(max(sample - 1, 0), max(sample, 1))
        if system is None:
            text = f"the verdict so far is no longer detected: {verdict.verdict}"
            return [Incident("health", span, "alert_withdrawn", text)]
        text = f"detected so far: {system}; {verdict.reasons[0]}"
        return [Incident("health", span, "alert", text)]
