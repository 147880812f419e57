"""Stops of a plan, what follows what, and what a plan is worth."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.catalog import converter, ingress_ranges, profile
from sdr_detect.plan import FrequencyPlan
from sdr_detect.scan.forecast import forecast
from sdr_detect.scan.plan import IfRange, Receiver, Stop, comb_stops, scan_stops
from sdr_detect.scan.strategy import Adaptive, Cycle, Evidence, Hop, Moment
from sdr_detect.scan.terminal import TerminalModel, terminal_model
from sdr_detect.settings import Settings

FOUND = terminal_model(profile("starlink_uplink"))
assert FOUND is not None
TERMINAL: TerminalModel = FOUND
KU = FrequencyPlan(converter("ku-12.80"))
STICK = Receiver(2.4e6, 1.92e6, KU, 0.008)
WIDE = Receiver(20e6, 16e6, KU, 0.0025)
LEAKS = [IfRange(r.lower_hz, r.upper_hz, -1.0 if r.quiet else 1.0) for r in ingress_ranges()]
#: UTC :42 of some minute, a reassignment.
SLOT_NS = 1_777_882_542 * 10**9


@pytest.mark.parametrize("receiver", [STICK, WIDE])
def test_a_comb_has_a_slice_in_each_channel_beside_its_gap(receiver: Receiver) -> None:
    stops = comb_stops(TERMINAL.channels_hz, receiver, 0.1, LEAKS)
    assert [stop.channel for stop in stops] == list(range(8))
    for stop, (low, high) in zip(stops, TERMINAL.channels_hz, strict=True):
        edges = receiver.slice_hz(stop.rf_hz)
        assert low <= edges[0] < edges[1] <= high
        middle = (low + high) / 2
        assert min(abs(edge - middle) for edge in edges) >= 0.5e6
        assert not edges[0] < middle < edges[1]
        assert TERMINAL.touched(*edges) == (stop.channel,)


def test_channel_four_is_heard_where_emissions_are_prohibited() -> None:
    stop = comb_stops(TERMINAL.channels_hz, STICK, 0.1, LEAKS)[3]
    assert stop.rf_hz - 12.8e9 - 0.96e6 > 1400e6
    assert stop.rf_hz - 12.8e9 + 0.96e6 < 1427e6


def test_leaks_are_avoided_where_there_is_room() -> None:
    low, high = TERMINAL.channels_hz[0]
    middle_if = (low + high) / 2 - 12.8e9
    near = IfRange(middle_if - 10e6, middle_if + 10e6, 100.0, strict=True)
    stop = comb_stops(TERMINAL.channels_hz[:1], STICK, 0.1, [near])[0]
    assert abs(stop.rf_hz - (low + high) / 2) >= 10.96e6
    # Everywhere is as bad: near the centre after all.
    everywhere = IfRange(0, 2e9, 100.0, strict=True)
    stop = comb_stops(TERMINAL.channels_hz[:1], STICK, 0.1, [everywhere])[0]
    assert abs(stop.rf_hz - (low + high) / 2) == 2e6


def test_the_converter_bounds_a_plan() -> None:
    narrow = FrequencyPlan(replace(converter("ku-12.80"), rf_upper_hz=14.3e9))
    stops = comb_stops(TERMINAL.channels_hz, replace(STICK, plan=narrow), 0.1)
    assert [stop.channel for stop in stops] == [0, 1, 2, 3, 4]


@given(
    low=st.floats(14.0e9, 14.2e9),
    width=st.floats(1e6, 200e6),
    receiver=st.sampled_from([STICK, WIDE]),
)
def test_a_scan_leaves_no_hole(low: float, width: float, receiver: Receiver) -> None:
    stops = scan_stops([(low, low + width)], TERMINAL.channels_hz, receiver, 0.1)
    edges = [receiver.slice_hz(stop.rf_hz) for stop in stops]
    assert edges[0][0] <= low + 1e-3
    assert edges[-1][1] >= low + width - 1e-3
    assert all(b[0] <= a[1] + 1e-3 for a, b in itertools.pairwise(edges))


def test_a_scan_leaves_out_what_is_forbidden() -> None:
    free = scan_stops([(14.2e9, 14.25e9)], TERMINAL.channels_hz, STICK, 0.1, LEAKS)
    own = IfRange(1.41e9, 1.42e9, 100.0, strict=True)
    kept = scan_stops([(14.2e9, 14.25e9)], TERMINAL.channels_hz, STICK, 0.1, [own])
    assert {s.rf_hz for s in free} - {s.rf_hz for s in kept} == {
        s.rf_hz for s in free if 14.21e9 <= s.rf_hz <= 14.22e9
    }


STOPS = tuple(Stop(14e9 + k * 62.5e6, 0.1, k) for k in range(4))


def test_hop_fits_all_stops_between_reassignments() -> None:
    hop, now_ns, settle_s = Hop(STOPS, 0.01), SLOT_NS + 10**9, 0.01
    visits: dict[int, list[int]] = {}
    for _ in range(12):
        stop = hop.next(Moment(0.0, now_ns))
        start_ns, now_ns = now_ns + 10_000_000, now_ns + round((settle_s + stop.dwell_s) * 1e9)
        first, last = ((t - SLOT_NS) // (15 * 10**9) for t in (start_ns, now_ns - 1_000_000))
        assert first == last
        assert stop.channel is not None
        visits.setdefault(first, []).append(stop.channel)
    assert [sorted(channels) for channels in visits.values()] == [[0, 1, 2, 3]] * 3


def test_hop_without_a_clock_shares_a_slot() -> None:
    hop = Hop(STOPS, 0.01)
    stops = [hop.next(Moment(0.0)) for _ in range(4)]
    assert [s.channel for s in stops] == [0, 1, 2, 3]
    assert {s.dwell_s for s in stops} == {15 / 4 - 0.01}


def follow(strategy: Adaptive, count: int, start_s: float = 0.0) -> list[Stop]:
    stops, now_s = [], start_s
    for _ in range(count):
        stops.append(strategy.next(Moment(now_s)))
        now_s += stops[-1].dwell_s
    return stops


def test_adaptive_goes_round_while_nothing_is_seen() -> None:
    channels = [stop.channel for stop in follow(Adaptive(STOPS), 12)]
    assert channels == [0, 1, 2, 3] * 3


def test_adaptive_stays_longer_where_it_is_suspicious_and_leaves_again() -> None:
    adaptive = Adaptive(STOPS)
    now_s, stops = 0.3, follow(adaptive, 3)
    assert stops[-1].channel == 2
    low, high = STOPS[2].rf_hz - 1e6, STOPS[2].rf_hz + 1e6
    dwells = []
    for _ in range(3):
        adaptive.observe([Evidence(low, high, now_s, 5.0)])
        stop = adaptive.next(Moment(now_s))
        assert stop.channel == 2
        dwells.append(stop.dwell_s)
        now_s += stop.dwell_s
    assert dwells == pytest.approx([1.0, 10.0, 15.0])
    assert adaptive.chances[2] > 0.9
    # No news of it: it is silent, and the round goes on.
    later = follow(adaptive, 8, now_s)
    assert {stop.channel for stop in later} == {0, 1, 2, 3}
    assert all(stop.dwell_s == 0.1 for stop in later[1:])


def test_late_evidence_brings_it_back() -> None:
    adaptive = Adaptive(STOPS)
    follow(adaptive, 3)
    adaptive.observe([Evidence(STOPS[1].rf_hz - 1e6, STOPS[1].rf_hz + 1e6, 0.19, 5.0)])
    assert adaptive.next(Moment(0.3)).channel == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-3, 20)), max_size=30))
def test_chances_stay_chances(news: list[tuple[int, float]]) -> None:
    adaptive, now_s = Adaptive(STOPS), 0.0
    for where, odds in news:
        rf_hz = STOPS[where].rf_hz
        adaptive.observe([Evidence(rf_hz - 1e6, rf_hz + 1e6, now_s, odds)])
        now_s += adaptive.next(Moment(now_s)).dwell_s
        assert all(0 <= chance <= 1 for chance in adaptive.chances)
        assert sum(adaptive.chances) <= 1 + 1e-9


def test_a_forecast_tells_what_a_plan_is_worth() -> None:
    stops = comb_stops(TERMINAL.channels_hz, STICK, 0.1)
    comb = forecast(Cycle(stops), STICK, TERMINAL, (0.1, 0.9, 5.0), Settings())
    assert [t for t, _ in comb.poi] == [0.1, 0.9, 5.0]
    assert comb.poi[0][1] == pytest.approx(1 / 8, abs=0.002)
    assert comb.poi[1][1] > 0.97
    assert comb.revisit_s == pytest.approx(8 * 0.108)
    assert comb.settling_share == pytest.approx(8 / 108, abs=0.003)
    assert comb.blind_share == pytest.approx(1 - 100 / 108 / 8, abs=0.005)
    scan = scan_stops([(14.0e9, 14.5e9)], TERMINAL.channels_hz, STICK, 0.1)
    slow = forecast(Cycle(scan), STICK, TERMINAL, (0.9, 5.0), Settings())
    assert slow.poi[0][1] < 0.2
    assert slow.poi[1][1] < 0.4
    park = forecast(
        Cycle([replace(stops[3], dwell_s=float("inf"))]), STICK, TERMINAL, (1.0,), Settings()
    )
    assert park.settling_share == 0
    assert park.revisit_s is None
    assert park.limit_db is not None
    assert comb.limit_db is not None
    assert park.limit_db < comb.limit_db


def test_a_receiver_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="usable"):
        replace(STICK, usable_hz=3e6)
    with pytest.raises(ValueError, match="settling"):
        replace(STICK, settle_s=-1.0)
