"""Bursts and the preamble that folding finds in them: one emission, or two."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sdr_detect.detect.joined import joined
from sdr_detect.features.lag import LagPeak
from sdr_detect.model import Span, StreamInfo, Track
from sdr_detect.profiles.measured import Measured

FRAME_S = 4 / 3000
INFO = StreamInfo("t", 2.4e6, 14.2e9)
WIDE = (14.199e9, 14.201e9)
STARTS = tuple(0.2e-3 + n * FRAME_S for n in (1, 7, 14, 22, 31, 40))


class _Lags:
    """One repetition, or none."""

    def __init__(self, pfa: float | None) -> None:
        self._peaks = [] if pfa is None else [LagPeak(2.133e-6, 1e-9, 0.5, pfa)]

    def test(self, lag_s: float, tolerance: float) -> LagPeak | None:
        return None

    test_comb = test

    def peaks(self, pfa: float) -> list[LagPeak]:
        return [p for p in self._peaks if p.pfa < pfa]


def track(kind: str, edges: tuple[float, float] = WIDE, phase_s: float | None = None) -> Track:
    features: dict[str, object] = {} if phase_s is None else {"fold_phase_s": phase_s}
    return Track(
        1, kind, Span(0, 240_000), *edges, 0, None, None, 3.0, 1e-9, None, features, (), frozenset()
    )  # fmt: skip


def bursts(starts_s: Sequence[float], own: _Lags) -> tuple[Track, Measured]:
    return track("burst"), Measured(WIDE, WIDE, {}, tuple(starts_s), {"head": own})


def preamble(
    phase_s: float, edges: tuple[float, float] = WIDE
) -> tuple[tuple[Track, Measured], _Lags]:
    lags = _Lags(1e-14)
    return (track("preamble", edges, phase_s), Measured(edges, edges, {}, (), {"head": lags})), lags


def test_bursts_in_phase_have_their_preambles_repetition() -> None:
    head, lags = preamble(0.19e-3)
    found = joined([bursts(STARTS, _Lags(None)), head], INFO)
    assert found[0][1].lags["head"] is lags
    assert found[0][1].folded is None  # they keep the grid by themselves
    own = _Lags(1e-7)
    assert joined([bursts(STARTS, own), head], INFO)[0][1].lags["head"] is own


def test_bursts_that_are_placed_badly_have_its_grid_too() -> None:
    rough = [s + e for s, e in zip(STARTS, (-50e-6, 45e-6, -30e-6, 55e-6, 40e-6, 0), strict=True)]
    head, lags = preamble(0.2e-3)
    found = joined([bursts(rough, _Lags(None)), head], INFO)[0][1]
    assert found.lags["head"] is lags
    assert found.folded is not None
    assert found.folded.pfa == pytest.approx(0.09**6, rel=0.01)
    assert "6 of 6" in found.folded.detail


@pytest.mark.parametrize(
    ("phase_s", "edges", "starts"),
    [
        (0.5e-3, WIDE, STARTS),
        (0.2e-3, (14.3e9, 14.302e9), STARTS),
        (0.2e-3, WIDE, STARTS[:3]),
        (0.2e-3, WIDE, tuple(0.2e-3 + n * 1e-3 for n in range(40))),
        (0.2e-3, WIDE, tuple(0.2e-3 + n * FRAME_S / 2 for n in range(40))),
    ],
    ids=["another phase", "another band", "too few", "radar of 1000 Hz", "radar of 1500 Hz"],
)
def test_two_emissions_stay_two(
    phase_s: float, edges: tuple[float, float], starts: tuple[float, ...]
) -> None:
    own = _Lags(None)
    found = joined([bursts(starts, own), preamble(phase_s, edges)[0]], INFO)[0][1]
    assert found.lags["head"] is own
    assert found.folded is None
