"""The policy of the verdict, on tracks made up for it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdr_detect.events import Verdict, to_json
from sdr_detect.features.folded import FoldedGrid
from sdr_detect.features.grid import GridResult
from sdr_detect.features.lag import LagPeak
from sdr_detect.judge import judge
from sdr_detect.model import Flag, Span, Track
from sdr_detect.profiles.match import weigh_all
from sdr_detect.profiles.measured import Measured
from sdr_detect.reasons import Judged, Watch
from sdr_detect.scan.book import Intercept
from sdr_detect.settings import VerdictSettings
from tests.core.streams import KU_HZ, all_profiles

UPLINK = (KU_HZ - 1e6, KU_HZ + 1e6)
LEAKED = (935e6, 936e6)

PREAMBLE, SYMBOL, FRAME = ("head", 2.1333333e-6), ("burst", 17.0666667e-6), 4 / 3 * 1e-3
DOWNLINK_SYMBOL = ("stream", 4.2666667e-6)

#: A burst track as a terminal's would be measured.
BURSTS: dict[str, float | bool | None] = {
    "burst_duration_min_s": 0.84e-3,
    "burst_duration_median_s": 0.84e-3,
    "burst_duration_max_s": 0.84e-3,
    "pulse_width_s": 0.8e-3,
    "duty_cycle": 0.08,
    "continuous": False,
    "tone": False,
    "fills_slice": True,
    "bandwidth_hz": None,
}


#: Correlations of a terminal: 0.64 of the signal in the preamble, 48 of 1072
#: samples in the payload.
STRENGTHS = {"head": 0.55, "burst": 0.04, "stream": 0.05}


@dataclass(frozen=True)
class Made(Measured):
    """A measurement whose lags and grids are simply stated."""

    repeats: tuple[tuple[str, float], ...] = ()
    grids: tuple[float, ...] = ()
    pfa: float = 1e-20
    strengths: Mapping[str, float] = field(default_factory=dict)
    signal_share: float = 0.9
    spacings: Mapping[int, int] = field(default_factory=lambda: {6: 20, 8: 19})
    missed: float | None = None

    def lag(self, where: str, lag_s: float, tolerance: float) -> LagPeak | None:
        if self.missed is not None and (where != "head" or lag_s < 1e-6):
            return None  # all that folding looks at in so narrow a slice
        found = any(w == where and abs(x - lag_s) < tolerance * lag_s for w, x in self.repeats)
        strength = self.strengths.get(where, STRENGTHS[where]) if found else 0.0
        pfa = self.pfa if found else 1.0
        return LagPeak(lag_s, 1e-9, strength, pfa, self.signal_share, self.missed)

    def grid(self, period_s: float) -> GridResult | None:
        found = any(abs(period_s - g) < 1e-3 * g for g in self.grids)
        return GridResult(period_s, 40, 40, self.pfa if found else 1.0, 1.0, dict(self.spacings))


def judged(
    *repeats: tuple[str, float],
    grids: tuple[float, ...] = (),
    rf: tuple[float, float] | None = UPLINK,
    at_input: tuple[float, float] | None = None,
    pfa: float = 1e-20,
    kind: str = "burst",
    snr_db: float = 10.0,
    count: int = 40,
    strengths: Mapping[str, float] | None = None,
    signal_share: float = 0.9,
    spacings: Mapping[int, int] | None = None,
    folded: FoldedGrid | None = None,
    missed: float | None = None,
    **features: Any,
) -> Judged:
    """A track weighed against every profile, as the pipeline hands it on."""
    measured = Made(
        rf,
        at_input or rf,
        {**BURSTS, **features},
        repeats=repeats,
        grids=grids,
        pfa=pfa,
        strengths=strengths or {},
        signal_share=signal_share,
        spacings=spacings or {6: 20, 8: 19},
        folded=folded,
        missed=missed,
    )
    weighed = weigh_all(all_profiles(), measured)
    lower, upper = rf or (-1e6, 1e6)
    track = Track(
        1,
        kind,
        Span(0, 2_400_000),
        lower,
        upper,
        count,
        0.08,
        None,
        snr_db,
        1e-30,
        None,
        dict(measured.features),
        tuple(w.match() for w in weighed[:3]),
        frozenset() if rf else frozenset({Flag.RF_UNKNOWN}),
    )
    return Judged(track, weighed)


def watch(**changes: Any) -> Watch:
    """Ten good seconds in a terminal channel."""
    good = Watch(10.0, 0.0, -10.0, Intercept(0.2, "terminal"))
    return replace(good, **changes)


def verdict(*tracks: Judged, over: Watch | None = None, **settings_: Any) -> Verdict:
    return judge(tracks, over or watch(), all_profiles(), VerdictSettings(**settings_))


def test_nothing_seen_is_not_detected_with_its_two_numbers() -> None:
    said = verdict()
    assert said.verdict == "not_detected"
    assert said.system is None
    assert said.detection_limit_db == -10.0
    assert said.poi is not None
    assert 0 < said.poi < 1
    assert said.confidence <= said.poi


def test_preamble_and_symbol_carry_a_verdict() -> None:
    said = verdict(judged(PREAMBLE, SYMBOL, grids=(FRAME,)))
    assert (said.verdict, said.system) == ("detected", "starlink")
    assert said.confidence >= 0.9
    assert 0 < said.pfa <= 1e-6
    text = " ".join(said.reasons)
    assert "2.133" in text
    assert "17.067" in text


def test_preamble_and_grid_carry_a_verdict() -> None:
    assert verdict(judged(PREAMBLE, grids=(FRAME,))).verdict == "detected"


@pytest.mark.parametrize("spacings", [{1: 39}, {2: 20, 3: 19}])
def test_a_grid_at_other_spacings_is_no_structure_of_a_terminal(spacings: dict[int, int]) -> None:
    """A downlink's frames follow each other; its sequence once passed for the preamble."""
    assert verdict(judged(PREAMBLE, grids=(FRAME,), spacings=spacings)).verdict != "detected"
    assert verdict(judged(PREAMBLE, grids=(FRAME,), spacings={6: 39})).verdict == "detected"


def test_frames_that_follow_each_other_speak_for_a_downlink_rather_than_a_terminal() -> None:
    alone = judged(grids=(FRAME,), spacings={1: 39}, signal_share=0.3, duty_cycle=0.6)
    assert odds(alone)["starlink_downlink"] > odds(alone)["starlink_uplink"]


def odds(one: Judged) -> dict[str, float]:
    return {w.profile.id: w.log_odds for w in one.weighed}


def fold(every: bool | None, missed: float, duty: float | None, **changes: Any) -> Judged:
    """What folding shows where no preamble stands out."""
    grid = FoldedGrid(FRAME, 1e-12, "energy", every)
    made = judged(kind="fold", folded=grid, missed=missed, duty_cycle=duty, **changes)
    return replace(made, track=replace(made.track, burst_count=0))


def test_every_frame_speaks_for_a_downlink_and_few_frames_for_a_terminal() -> None:
    unknown, every, few = (odds(fold(e, 0.5, None)) for e in (None, True, False))
    assert every["starlink_uplink"] < unknown["starlink_uplink"] == few["starlink_uplink"]
    assert few["starlink_downlink"] < unknown["starlink_downlink"] == every["starlink_downlink"]


def test_a_preamble_counts_against_by_the_deviations_it_is_missed() -> None:
    found = [odds(fold(None, missed, None))["starlink_uplink"] for missed in (0.0, 2.0, 4.0, 20.0)]
    assert found[0] - found[1] == pytest.approx(2.0)
    assert found[0] - found[2] == pytest.approx(8.0)
    assert found[0] - found[3] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("missed", "duty", "word"),
    [
        (0.5, 0.1, "inconclusive"),
        (3.0, 0.1, "inconclusive"),
        (5.0, 0.1, "not_detected"),
        (1.0, 0.4, "inconclusive"),
        (3.0, 0.4, "not_detected"),
    ],
)
def test_what_keeps_the_frame_is_a_downlink_once_a_terminal_is_ruled_out(
    missed: float, duty: float, word: str
) -> None:
    said = verdict(fold(True, missed, duty, burst_duration_median_s=duty * FRAME))
    assert said.verdict == word


def test_a_preamble_in_every_frame_at_a_terminals_duty_carries_a_verdict() -> None:
    made = judged(
        PREAMBLE,
        kind="fold",
        folded=FoldedGrid(FRAME, 1e-12, "energy", True),
        duty_cycle=0.1,
        signal_share=0.3,
    )
    assert verdict(made).verdict == "detected"


@pytest.mark.parametrize(("doubt", "told"), [(50e3, None), (100.0, False), (None, False)])
def test_a_number_within_its_doubt_of_a_limit_says_nothing(
    doubt: float | None, told: bool | None
) -> None:
    # The drift of a faint carrier is known to tens of kilohertz a second only.
    carrier = judged(
        kind="carrier",
        continuous=True,
        doppler_rate_hz_per_s=-21e3,
        doppler_rate_hz_per_s_doubt=doubt,
    )
    vsat = next(w for w in carrier.weighed if w.profile.id == "vsat_scpc")
    (drift,) = [
        f for f in vsat.findings if getattr(f.claim, "feature", "") == "doppler_rate_hz_per_s"
    ]
    assert drift.met is told


@pytest.mark.parametrize("repeats", [(), (("head", 3.3e-6),)])
def test_grid_alone_never_carries_a_verdict(repeats: tuple[tuple[str, float], ...]) -> None:
    for duty, duration in itertools.product((0.01, 0.08, 0.15), (3e-5, 2e-4, 0.84e-3)):
        features: dict[str, Any] = {"duty_cycle": duty, "burst_duration_median_s": duration}
        said = verdict(judged(*repeats, grids=(FRAME,), **features))
        assert said.verdict != "detected"
        assert said.system is None


def test_a_single_lag_never_carries_a_verdict() -> None:
    assert verdict(judged(PREAMBLE)).verdict == "inconclusive"
    assert verdict(judged(SYMBOL)).verdict == "inconclusive"


def test_a_cyclic_prefix_correlates_weakly_and_an_echo_does_not() -> None:
    said = verdict(judged(SYMBOL, grids=(FRAME,), signal_share=0.3, strengths={"burst": 0.04}))
    assert said.verdict == "detected"
    said = verdict(judged(SYMBOL, grids=(FRAME,), signal_share=0.3, strengths={"burst": 0.38}))
    assert said.verdict != "detected"


def test_strong_copies_correlate_as_copies_do() -> None:
    assert verdict(judged(PREAMBLE, grids=(FRAME,))).verdict == "detected"
    said = verdict(judged(PREAMBLE, grids=(FRAME,), strengths={"head": 0.2}))
    assert said.verdict != "detected"


def test_a_strong_burst_without_a_preamble_is_no_terminal() -> None:
    assert verdict(judged(SYMBOL, grids=(FRAME,))).verdict != "detected"


def test_weak_significance_carries_no_verdict() -> None:
    said = verdict(judged(PREAMBLE, SYMBOL, pfa=5e-6))
    assert said.verdict == "inconclusive"
    assert verdict(judged(PREAMBLE, SYMBOL, pfa=5e-6), max_pfa=1e-5).verdict == "detected"


def test_out_of_the_band_there_is_no_terminal() -> None:
    outside = (10.9e9, 10.902e9)
    said = verdict(
        judged(PREAMBLE, SYMBOL, grids=(FRAME,), rf=outside),
        over=watch(intercept=Intercept(0.0, "terminal")),
    )
    assert said.verdict != "detected"


def test_unknown_frequency_is_inconclusive_and_says_what_to_do() -> None:
    said = verdict(judged(PREAMBLE, SYMBOL, grids=(FRAME,), rf=None), over=watch(intercept=None))
    assert said.verdict == "inconclusive"
    assert "--rf" in " ".join(said.reasons)
    assert said.poi is None


def test_unknown_frequency_and_nothing_seen_has_no_probability_of_intercept() -> None:
    said = verdict(over=watch(intercept=None))
    assert said.poi is None
    assert said.verdict in ("not_detected", "inconclusive")


@pytest.mark.parametrize(("blind_s", "word"), [(9.0, "not_detected"), (11.0, "inconclusive")])
def test_blind_for_too_long_is_inconclusive(blind_s: float, word: str) -> None:
    said = verdict(over=watch(blind_s=blind_s))
    assert said.verdict == word
    assert ("blind" in said.reasons[0]) == (word == "inconclusive")


def test_blindness_does_not_undo_a_detection() -> None:
    said = verdict(judged(PREAMBLE, SYMBOL), over=watch(blind_s=100.0))
    assert (said.verdict, said.blind_s) == ("detected", 100.0)


def test_too_short_is_inconclusive() -> None:
    said = verdict(over=watch(analysed_s=0.01))
    assert said.verdict == "inconclusive"
    assert "10.0 ms" in said.reasons[0]


def test_no_terminal_band_covered_is_inconclusive() -> None:
    nowhere = watch(intercept=Intercept(0.0, "terminal"))
    said = verdict(over=nowhere)
    assert (said.verdict, said.poi) == ("inconclusive", 0)
    assert "is the converter stated" in said.reasons[0]
    # Before what was seen there.
    assert verdict(judged(grids=(FRAME,)), over=nowhere).reasons[0] == said.reasons[0]


def test_too_small_a_probability_of_intercept_is_inconclusive_on_request() -> None:
    poi = verdict().poi
    assert poi is not None
    assert verdict(min_poi=poi * 0.99).verdict == "not_detected"
    said = verdict(min_poi=poi * 1.01)
    assert said.verdict == "inconclusive"
    assert "probability of intercept" in said.reasons[0]


def test_a_strong_downlink_is_not_a_terminal() -> None:
    down = judged(
        DOWNLINK_SYMBOL,
        rf=(11.8e9, 11.802e9),
        kind="stream",
        continuous=True,
        duty_cycle=None,
        burst_duration_median_s=None,
        burst_duration_min_s=None,
        burst_duration_max_s=None,
        pulse_width_s=None,
        snr_db=20.0,
    )
    assert down.best is not None
    assert down.best.profile.role == "downlink"
    said = verdict(down)
    assert said.verdict == "not_detected"
    assert any("downlink" in reason for reason in said.reasons)
    assert any(a.profile == "starlink_downlink" for a in said.alternatives)


def test_a_downlink_through_the_image_is_not_a_terminal() -> None:
    # It appears inside the terminals' band; its symbol gives it away.
    down = judged(
        DOWNLINK_SYMBOL,
        ("burst", 4.2666667e-6),
        ("head", 0.5333333e-6),
        grids=(FRAME,),
        duty_cycle=0.9,
        burst_duration_median_s=1.32e-3,
    )
    assert verdict(down).verdict != "detected"


def test_leaked_gsm_is_not_a_terminal() -> None:
    gsm = judged(
        rf=UPLINK,
        at_input=LEAKED,
        grids=(4.61538462e-3,),
        symbol_rate_hz=270_833.0,
        bandwidth_hz=200e3,
        fills_slice=False,
        burst_duration_min_s=0.56e-3,
        burst_duration_median_s=0.56e-3,
        burst_duration_max_s=0.56e-3,
    )
    said = verdict(gsm)
    assert said.verdict == "not_detected"
    assert any(a.profile == "gsm" for a in said.alternatives)


def test_a_terminal_beside_strong_ingress_is_still_detected() -> None:
    gsm = judged(
        at_input=LEAKED,
        grids=(4.61538462e-3,),
        symbol_rate_hz=270_833.0,
        bandwidth_hz=200e3,
        fills_slice=False,
        snr_db=50.0,
    )
    assert verdict(gsm, judged(PREAMBLE, SYMBOL)).verdict == "detected"


def test_a_stationary_carrier_with_its_symbol_rate_is_a_vsat() -> None:
    carrier = judged(
        kind="carrier",
        continuous=True,
        fills_slice=False,
        duty_cycle=1.0,
        burst_duration_median_s=None,
        burst_duration_min_s=None,
        burst_duration_max_s=None,
        pulse_width_s=None,
        bandwidth_hz=600e3,
        symbol_rate_hz=500e3,
        symbol_rate_hz_pfa=1e-12,
        symbol_rate_per_bandwidth=1.0,
        doppler_rate_hz_per_s=1.0,
        count=0,
    )
    said = verdict(carrier)
    assert (said.verdict, said.system) == ("detected", "vsat")


def test_what_cannot_be_received_is_always_named() -> None:
    for tracks in ((), (judged(PREAMBLE, SYMBOL),), (judged(grids=(FRAME,)),)):
        said = verdict(*tracks)
        leo = next(a for a in said.alternatives if a.profile == "amazon_leo_uplink")
        assert "not excluded" in leo.why
        assert leo.score == 0


LAGS = [PREAMBLE, SYMBOL, DOWNLINK_SYMBOL, ("head", 0.5333333e-6), ("burst", 66.6666667e-6)]


@st.composite
def any_track(draw: st.DrawFn) -> Judged:
    """A track of any kind whatever."""
    return judged(
        *draw(st.lists(st.sampled_from(LAGS), max_size=3)),
        grids=tuple(draw(st.lists(st.sampled_from([FRAME, 4.61538462e-3, 1e-3]), max_size=2))),
        rf=draw(st.sampled_from([UPLINK, LEAKED, (11.8e9, 11.9e9), None])),
        at_input=draw(st.sampled_from([None, LEAKED])),
        pfa=draw(st.sampled_from([0.0, 1e-300, 1e-7, 1e-5, 0.5])),
        kind=draw(st.sampled_from(["burst", "carrier", "tone", "stream"])),
        count=draw(st.integers(0, 50)),
        snr_db=draw(st.floats(-20, 60)),
        tone=draw(st.booleans()),
        continuous=draw(st.booleans()),
        fills_slice=draw(st.booleans()),
        duty_cycle=draw(st.sampled_from([None, 0.001, 0.1, 0.9])),
        bandwidth_hz=draw(st.sampled_from([None, 1e4, 2e5, 6e7])),
        symbol_rate_hz=draw(st.sampled_from([None, 2.7e5, 5e5])),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    tracks=st.lists(any_track(), max_size=4),
    rf=st.sampled_from([UPLINK, LEAKED, None]),
    watched_s=st.floats(0, 1e5),
    blind_s=st.floats(0, 1e5),
    limit_db=st.sampled_from([None, -20.0, 5.0]),
)
def test_every_verdict_is_sound(
    tracks: list[Judged],
    rf: tuple[float, float] | None,
    watched_s: float,
    blind_s: float,
    limit_db: float | None,
) -> None:
    met = None if rf is None else Intercept(0.2 if rf == UPLINK else 0.0, "terminal")
    over = Watch(watched_s, blind_s, limit_db, met)
    said = verdict(*tracks, over=over)
    assert said.reasons
    assert all(said.reasons)
    assert 0 <= said.confidence <= 1
    assert 0 < said.pfa <= 1
    assert (said.system is not None) == (said.verdict == "detected")
    assert (said.poi is None) == (rf is None)
    assert any(a.system == "amazon_leo" for a in said.alternatives)
    assert to_json(said)["reasons"] == list(said.reasons)
    if said.verdict == "detected":
        # Never without two structural claims of a terminal whose band is known.
        assert any(
            w.profile.role == "user_terminal"
            and w.profile.system == said.system
            and w.grounded
            and len(w.structural_met) >= 2
            and j.track.flags == frozenset()
            for j in tracks
            for w in j.weighed
        )
    if said.verdict == "not_detected":
        assert watched_s >= VerdictSettings().min_analysed_s
        assert blind_s <= 0.5 * (watched_s + blind_s)


def test_the_order_of_tracks_changes_no_verdict() -> None:
    tracks = [judged(PREAMBLE, SYMBOL), judged(grids=(FRAME,)), judged(at_input=LEAKED)]
    said = {verdict(*order).verdict for order in itertools.permutations(tracks)}
    assert said == {"detected"}
