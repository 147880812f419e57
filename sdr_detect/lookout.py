"""When a watch that goes on is looked at, and what is then worth telling.

A terminal that transmits for days makes one track, which ends after days: an
alert must not wait for it. And a watch of weeks hears many vessels: each is told. Looks
fall on the ends of dwells, so that the same stream gives the same alerts however it is
cut.
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
        self._standing = False

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

    def news(self, verdict: Verdict, now: Verdict, sample: int) -> list[Incident]:
        """What has changed since it was last told.

        Parameters
        ----------
        verdict, now : Verdict
            On the whole watch, and on what is still heard.
        sample : int
            Where the stream stands.
        """
        system, heard = _system(verdict), _system(now)
        if heard is not None:  # whether it still holds is less urgent
            self._next_s = self._watched_s + RAREST_S
        changed, self._told = system != self._told, system
        if changed:
            self._standing = system is not None
            if system is None:
                text = f"the verdict so far is no longer detected: {verdict.verdict}"
                return [_incident("alert_withdrawn", text, sample)]
            text = f"detected so far: {system}; {verdict.reasons[0]}"
            return [_incident("alert", text, sample)]
        if system is None or self._standing == (heard is not None):
            return []
        self._standing = heard is not None
        if heard is None:
            text = "what was detected has not been heard for a while; the next one is told anew"
            return [_incident("alert_over", text, sample)]
        return [_incident("alert", f"detected again: {heard}; {now.reasons[0]}", sample)]


def _system(verdict: Verdict) -> str | None:
    return verdict.system if verdict.verdict == "detected" else None


def _incident(reason: str, text: str, sample: int) -> Incident:
    return Incident("health", Span(max(sample - 1, 0), max(sample, 1)), reason, text)
