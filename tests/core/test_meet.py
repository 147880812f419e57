"""Probability of intercept against terminals that are drawn burst by burst."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sdr_detect.catalog import channel_plan, profile
from sdr_detect.scan.log import MAX_ROWS, DwellLog
from sdr_detect.scan.meet import Meetings, probability_of_intercept
from sdr_detect.scan.terminal import TerminalModel, slot_phase_s, terminal_model
from sdr_detect.watched import Stay

FOUND = terminal_model(profile("starlink_uplink"))
assert FOUND is not None
TERMINAL: TerminalModel = FOUND
FRAME_S = 4 / 3000


def met_share(rows: Sequence[Stay], model: TerminalModel, trials: int, seed: int = 1) -> float:
    """Share of drawn terminals of which a whole burst falls into a stay in its channel.

    Knows nothing of the computation: times of bursts, channels of slots, look-up.
    """
    rng = np.random.default_rng(seed)
    starts = np.array([row.start_s for row in rows])
    stops = np.array([row.stop_s for row in rows])
    heard = np.zeros((len(rows), len(model.channels_hz)), np.bool_)
    for number, row in enumerate(rows):
        for channel, (low, high) in enumerate(model.channels_hz):
            heard[number, channel] = min(high, row.upper_hz) - max(low, row.lower_hz) > 0.9e6
    end_s = float(stops[-1])
    count = math.ceil((end_s + 1) / (np.mean(model.frames) * model.frame_s) * 1.05) + 20
    met = 0
    for batch in np.array_split(np.arange(trials), max(1, trials * count // 2_000_000)):
        shape = (batch.size, count)
        gaps = rng.choice(model.frames, shape) * model.frame_s
        first = -1 + rng.uniform(0, model.frame_s, (batch.size, 1))
        bursts = first + np.cumsum(gaps, axis=1)
        phase = model.slot_phase_s
        phases = rng.uniform(0, model.slot_s, (batch.size, 1)) if phase is None else phase
        slots = np.floor((bursts - phases) / model.slot_s).astype(int)
        slots -= slots.min()
        drawn = rng.integers(0, len(model.channels_hz), (batch.size, slots.max() + 1))
        on_air = rng.uniform(size=drawn.shape) < model.session_duty
        lines = np.arange(batch.size)[:, None]
        sent = on_air[lines, slots] & (rng.uniform(size=shape) < model.activity)
        stay = np.maximum(np.searchsorted(starts, bursts, side="right") - 1, 0)
        inside = (bursts >= starts[stay]) & (bursts + model.burst_s <= stops[stay])
        met += int((sent & inside & heard[stay, drawn[lines, slots]]).any(axis=1).sum())
    return met / trials


def stays(
    centres_hz: Sequence[float], dwell_s: float, until_s: float, settle_s: float = 0.008
) -> list[Stay]:
    """A receiver of 1.92 MHz that goes round."""
    rows: list[Stay] = []
    start_s = 0.0
    for centre_hz in itertools.cycle(centres_hz):
        stop_s = min(start_s + dwell_s, until_s)
        rows.append(Stay(start_s, stop_s, centre_hz - 0.96e6, centre_hz + 0.96e6, stop_s - start_s))
        start_s = stop_s + settle_s
        if start_s >= until_s:
            return rows
    raise AssertionError


CENTRES_HZ = [c.center_hz + 3e6 for c in channel_plan("starlink-ku-uplink").channels]
SCAN_HZ = [14.0e9 + 0.96e6 + 1.92e6 * k for k in range(260)]

CASES = {
    "park, 5 ms": ([CENTRES_HZ[3]], 5e-3, 5e-3),
    "park, 20 ms": ([CENTRES_HZ[3]], 0.02, 0.02),
    "park, 7.5 s": ([CENTRES_HZ[3]], 7.5, 7.5),
    "park, 40 s": ([CENTRES_HZ[3]], 40.0, 40.0),
    "scan, 2 s": (SCAN_HZ, 0.05, 2.0),
    "scan, 10 s": (SCAN_HZ, 0.05, 10.0),
    "comb, 30 ms": (CENTRES_HZ, 5e-3, 0.03),
    "comb of short stays, 0.3 s": (CENTRES_HZ, 5e-3, 0.3),
    "comb, 0.2 s": (CENTRES_HZ, 0.05, 0.2),
    "comb, 0.5 s": (CENTRES_HZ, 0.05, 0.5),
    "hop, 5 s": (CENTRES_HZ, 15 / 8 - 0.008, 5.0),
    "hop, 20 s": (CENTRES_HZ, 15 / 8 - 0.008, 20.0),
}


@pytest.mark.parametrize("name", CASES)
def test_chance_is_the_share_of_drawn_terminals(name: str) -> None:
    rows = stays(*CASES[name])
    expected = met_share(rows, TERMINAL, 12_000 if rows[-1].stop_s < 3 else 6000)
    assert probability_of_intercept(rows, TERMINAL) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(
    "model",
    [
        replace(TERMINAL, activity=0.02),
        replace(TERMINAL, session_duty=0.3),
        replace(TERMINAL, slot_phase_s=4.0),
        replace(TERMINAL, frames=(7,), burst_s=5e-3),
        replace(TERMINAL, slot_s=2.0, activity=0.1),
    ],
)
@pytest.mark.parametrize("case", ["park, 7.5 s", "comb, 0.5 s", "scan, 10 s", "hop, 5 s"])
def test_chance_of_other_terminals(model: TerminalModel, case: str) -> None:
    rows = stays(*CASES[case])
    expected = met_share(rows, model, 6000)
    assert probability_of_intercept(rows, model) == pytest.approx(expected, abs=0.018)


def test_holes_in_a_stay_count_in_proportion() -> None:
    """Every other 2 ms lost, here as a share, there stay by stay."""
    pieces = [
        Stay(4e-3 * k, 4e-3 * k + 2e-3, 14.22e9, 14.222e9, 2e-3) for k in range(round(0.04 / 4e-3))
    ]
    model = replace(TERMINAL, burst_s=1e-6, activity=0.3)
    apart = probability_of_intercept(pieces, model)
    whole = Stay(0, 0.04, 14.22e9, 14.222e9, 0.02)
    assert probability_of_intercept([whole], model) == pytest.approx(apart, abs=0.01)
    assert apart == pytest.approx(met_share(pieces, model, 20_000), abs=0.015)


def test_chance_at_its_ends() -> None:
    def parked(seconds: float, low_hz: float = 14.21e9, high_hz: float = 14.212e9) -> float:
        return probability_of_intercept([Stay(0, seconds, low_hz, high_hz, seconds)], TERMINAL)

    assert probability_of_intercept([], TERMINAL) == 0
    assert parked(0.8e-3) == 0
    assert parked(10, 11.7e9, 11.702e9) == 0
    assert parked(1, 14.0e9, 14.5e9) == pytest.approx(1)
    assert parked(2000) == pytest.approx(1)
    assert parked(1) == pytest.approx(1 / 8 + 7 / 64 / 15, abs=0.003)
    chances = [parked(t) for t in np.geomspace(1e-3, 300, 30)]
    assert chances == sorted(chances)


def test_the_cut_of_a_stay_changes_nothing() -> None:
    edges = [0.0, 0.0002, 0.0011, 0.013, 0.02, 0.1, 0.1005, 3.3, 16.0]
    touched = TERMINAL.touched(14.21e9, 14.212e9)
    whole, cut = (Meetings(replace(TERMINAL, activity=0.01)) for _ in range(2))
    whole.watch(0, 16, touched)
    for a, b in itertools.pairwise(edges):
        cut.watch(a, b, touched)
        cut.missed()
    assert cut.missed()[0] == pytest.approx(whole.missed()[0], rel=1e-9)


def test_channels_are_counted_that_a_slice_hears() -> None:
    assert TERMINAL.touched(14.21e9, 14.212e9) == (3,)
    assert TERMINAL.touched(13e9, 15e9) == tuple(range(8))
    # Only the guard band, or a sliver of the next channel.
    assert TERMINAL.touched(14.061e9, 14.0638e9) == ()
    assert TERMINAL.touched(14.054e9, 14.064e9) == (0,)
    # What is narrower than a megahertz has no other choice.
    assert TERMINAL.touched(14.21e9, 14.2102e9) == (3,)


def test_per_channel_chances_multiply_to_the_whole_in_one_slot() -> None:
    meetings = Meetings(replace(TERMINAL, slot_phase_s=0.0))
    for number in range(3):
        meetings.watch(number * 1.0, number * 1.0 + 0.9, (number,))
    missed, each = meetings.missed()
    assert missed == pytest.approx(5 / 8)
    assert each == pytest.approx([7 / 8] * 3 + [1] * 5)


def test_reassignment_instants_from_utc() -> None:
    assert slot_phase_s(None) is None
    # 2026-05-04T08:15:30Z: the next instant is :42.
    assert slot_phase_s(1_777_882_530 * 10**9) == pytest.approx(12.0)
    assert slot_phase_s(1_777_882_542 * 10**9 + 10**9) == pytest.approx(14.0)


def test_the_log_is_bounded_and_still_tells_the_chance() -> None:
    model = replace(TERMINAL, activity=1e-4)
    rows = stays(CENTRES_HZ, 0.05, 700.0)
    log = DwellLog(rows)
    assert len(rows) > 2 * MAX_ROWS
    assert len(log.rows) <= MAX_ROWS
    assert log.dropped == 0
    assert sum(row.analysed_s for row in log.rows) == pytest.approx(0.05 * len(rows), rel=1e-3)
    assert sum(row.visits for row in log.rows) == len(rows)
    exact = probability_of_intercept(rows, model)
    assert 0.3 < exact < 0.9
    assert probability_of_intercept(log.rows, model) == pytest.approx(exact, abs=2e-3)


def test_a_log_of_too_many_ranges_drops_the_oldest() -> None:
    log = DwellLog(Stay(k, k + 0.5, 1e9 + k, 2e9 + k, 0.5) for k in range(MAX_ROWS + 1))
    assert len(log.rows) + log.dropped == MAX_ROWS + 1
    assert log.rows[-1].start_s == MAX_ROWS


@pytest.mark.parametrize("wrong", [{"activity": 0}, {"frames": ()}, {"burst_s": 16.0}])
def test_impossible_terminals_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"within|must be"):
        replace(TERMINAL, **wrong)
