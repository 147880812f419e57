"""Symbol, useful symbol and cyclic extension of an OFDM waveform, blindly.

The lag at which a waveform repeats (`sdr_detect.features.lag`) is the useful
symbol. It says neither how long the whole symbol is nor that there are symbols
at all: the copies of a preamble and pilots repeat too. Only a lag whose products
come and go at a rate that leaves room for an extension is one
(`sdr_detect.features.symbol_comb`).
"""

from __future__ import annotations

from sdr_detect.dsp.cyclic import whiten
from sdr_detect.features.lag import RESOLVED_SAMPLES, SMOOTH_HZ, LagPeak, LagSum
from sdr_detect.features.symbol_comb import SHORTEST, OfdmEstimate, SymbolComb
from sdr_detect.model import ComplexArray

#: A lag stands out when noise shows one in this share of tracks. The comb, which
#: decides, is the stronger evidence of the two.
GATE_PFA = 0.1

#: Lags that stand out looked into at a time.
CANDIDATES = 3

#: Bursts are there whether or not a lag stands out: where none does, the highest
#: crests are looked into, once so many bursts have been summed up.
WEAK_CANDIDATES = 6
WEAK_MEMBERS = 4

#: Samples held, and looked at, at a time: two bursts of 0.84 ms at 20 Msps.
HELD_SAMPLES = 32_768

#: A look is due when the evidence has grown by this part: nine looks in 3 s.
GROWTH = 1 / 3


class OfdmSum:
    """Symbol timing of a track, body by body.

    State is `HELD_SAMPLES` samples and a few spectra, whatever the track's
    length. Looks get rarer as evidence grows, so that their cost dies away.
    In a stream nothing is done before a lag stands out; ``gated`` tells that
    something else stood out, a burst, and that the highest lags are worth a look.
    """

    def __init__(self, rate_hz: float, lags: LagSum, *, gated: bool) -> None:
        self._rate = rate_hz
        self._lags = lags
        self._gated = gated
        self._held: list[ComplexArray] = []
        self._combs: list[SymbolComb] = []
        self._tried = 0
        self._next_look = 1

    def add(self, body: ComplexArray) -> None:
        """Hold one body of the current dwell; the newest are kept. Takes it over."""
        self._held.append(body[:HELD_SAMPLES])
        while sum(held.size for held in self._held) > HELD_SAMPLES:
            del self._held[0]

    def close_dwell(self) -> None:
        """Look at what is held, if a look is due. The dwell's lags must have been summed."""
        dwells = self._lags.dwells
        if not self._held or dwells < self._next_look:
            return
        self._next_look = dwells + 1 + int(GROWTH * dwells)
        combs = []
        for peak in self._candidates():
            comb = self._known(peak)
            self._tried += comb is None
            combs.append(comb or SymbolComb(peak.lag_s, self._rate))
        self._combs = combs
        if combs:
            bodies = [whiten(body, SMOOTH_HZ / self._rate) for body in self._held]
            for comb in combs:
                comb.add(bodies)
            self._held.clear()

    def estimate(self) -> OfdmEstimate | None:
        """The symbol timing, or None where no comb was found."""
        found = []
        for peak in self._candidates():
            comb = self._known(peak)
            result = None if comb is None else comb.result(peak, self._tried)
            if result is not None:
                found.append(result)
        return max(found, key=lambda r: r[0])[1] if found else None

    def _candidates(self) -> list[LagPeak]:
        """Lags that may be useful symbols; side lobes of a stronger one are none."""
        least = RESOLVED_SAMPLES / self._rate
        weak = self._gated and self._lags.members >= WEAK_MEMBERS
        peaks = self._lags.peaks(WEAK_CANDIDATES if weak else GATE_PFA)
        strong = [peak for peak in peaks if peak.pfa < GATE_PFA]
        chosen: list[LagPeak] = []
        for peak in strong or peaks:
            apart = max(least, SHORTEST * peak.lag_s)
            if all(abs(peak.lag_s - other.lag_s) > apart for other in chosen):
                chosen.append(peak)
        return chosen[: CANDIDATES if strong else WEAK_CANDIDATES]

    def _known(self, peak: LagPeak) -> SymbolComb | None:
        return next((c for c in self._combs if abs(c.lag_s - peak.lag_s) * self._rate < 0.5), None)
