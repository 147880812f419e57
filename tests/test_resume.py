"""A lost source comes back: the count goes on, what was missed is in it, and the cause is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import (
    ConfigError,
    DriverMissing,
    SourceBusy,
    SourceError,
    SourceLost,
    SourceNotFound,
)
from sdr_detect.model import Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block, RawBlock, stored
from sdr_detect.resume import Place, Policy, ResumingSource

RATE_HZ = 1e6
UTC_NS = 1_700_000_000_000_000_000
INFO = StreamInfo("dev", RATE_HZ, 14.2e9, start_ns=UTC_NS)
CU8 = parse_datatype("cu8")
QUICK = Policy(first_wait_s=0.01)


def block(first: int, count: int = 1000, lost: int = 0, info: StreamInfo = INFO) -> RawBlock:
    return RawBlock(info, first, np.zeros(2 * count, np.uint8), CU8, lost)


class Piece:
    """A source that delivers some blocks and then ends or fails."""

    def __init__(self, *items: RawBlock | Exception, overflow: Overflow = Overflow.DROP_OLDEST):
        self._items = items
        self.overflow = overflow
        self.closed = 0

    @property
    def info(self) -> StreamInfo:
        return INFO

    def blocks(self) -> Iterator[Block]:
        for item in self._items:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        self.closed += 1


def opener(*outcomes: Piece | Exception) -> Callable[[], Piece]:
    left = list(outcomes)

    def open_again() -> Piece:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return open_again


def reasons(blocks: list[Block]) -> list[str]:
    return [notice.reason for block in blocks for notice in block.notices]


def test_the_count_goes_on_and_the_cause_is_told() -> None:
    first = Piece(block(0), block(1000), SourceLost("unplugged"))
    again = opener(first, SourceNotFound("not there"), Piece(block(0), block(1500, lost=500)))
    source = ResumingSource("dev://0", again, policy=QUICK)
    heard = list(source.blocks())
    assert reasons(heard) == ["source_lost", "source_lost", "source_back"]
    assert [n.detail for b in heard for n in b.notices][:2] == ["unplugged", "not there"]
    assert first.closed == 1
    expected = 0
    for item in heard:
        assert item.first_sample == expected + item.lost_before
        expected = item.stop_sample
    full = [item for item in heard if item.sample_count]
    assert [item.sample_count for item in full] == [1000] * 4
    assert full[2].lost_before > 0  # by the clock: at least both waits
    assert full[3].lost_before == 500


def test_what_is_silent_says_so_with_blocks_without_samples() -> None:
    again = opener(Piece(block(0), SourceLost("gone")), Piece(block(0)))
    source = ResumingSource("dev://0", again, policy=Policy(first_wait_s=1.2))
    heard = list(source.blocks())
    empty = [item for item in heard if not item.sample_count]
    assert len(empty) >= 3
    assert {item.first_sample for item in empty} == {1000}
    assert {item.info for item in empty} == {heard[0].info}
    assert {stored(item).datatype for item in empty} == {CU8}  # what records them goes on


def test_giving_up_raises_the_last_cause() -> None:
    again = opener(Piece(block(0), SourceLost("gone")))
    source = ResumingSource("dev://0", again, policy=Policy(give_up_s=0))
    stream = source.blocks()
    next(stream)
    with pytest.raises(SourceLost, match="gone"):
        list(stream)


def test_a_busy_device_is_waited_for_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    again = opener(SourceBusy("held by rtl_test"), SourceBusy("held by rtl_test"), Piece(block(0)))
    source = ResumingSource("dev://0", again, policy=QUICK)
    assert len(list(source.blocks())) == 1
    assert [r.getMessage() for r in caplog.records] == [
        "held by rtl_test; next try in 0.01 s",
        "held by rtl_test; next try in 0.02 s",
    ]


@pytest.mark.parametrize("error", [SourceNotFound("none"), DriverMissing("none"), ConfigError("x")])
def test_what_else_fails_at_the_start_is_an_error_at_once(error: Exception) -> None:
    with pytest.raises(type(error)):
        ResumingSource("dev://0", opener(error), policy=QUICK)


def test_an_unattended_start_waits_for_the_device() -> None:
    again = opener(SourceNotFound("none"), SourceLost("crashed"), Piece(block(0)))
    policy = replace(QUICK, persistent=True)
    assert len(list(ResumingSource("dev://0", again, policy=policy).blocks())) == 1


def test_waiting_for_a_busy_device_can_be_stopped() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    began_s = time.monotonic()
    with pytest.raises(SourceBusy):
        ResumingSource(
            "dev://0", opener(SourceBusy("held")), policy=Policy(first_wait_s=30), stop=stop
        )
    assert time.monotonic() - began_s < 5


def test_closing_ends_the_waiting() -> None:
    again = opener(Piece(block(0), SourceLost("gone")))
    source = ResumingSource("dev://0", again, policy=Policy(first_wait_s=30))
    stream = source.blocks()
    assert reasons([next(stream), next(stream)]) == ["source_lost"]
    threading.Timer(0.2, source.close).start()
    assert all(item.sample_count == 0 for item in stream)


def test_a_replay_that_is_waited_for_is_not_started_again() -> None:
    piece = Piece(block(0), SourceLost("killed"), overflow=Overflow.BLOCK)
    with pytest.raises(SourceLost, match="killed"):
        list(ResumingSource("zmq://x", opener(piece), policy=QUICK).blocks())


def test_what_is_no_loss_is_not_tried_again() -> None:
    piece = Piece(block(0), ConfigError("out of range"))
    with pytest.raises(ConfigError):
        list(ResumingSource("dev://0", opener(piece), policy=QUICK).blocks())


def test_missed_samples_are_those_of_the_clock() -> None:
    place = Place(INFO)
    place.follow(block(0), now_s=100.0)
    place.restart()
    back = place.follow(block(7, 2000), now_s=103.5)  # its first sample came at 103.498
    assert back.lost_before == 3_498_000
    assert back.first_sample == 1000 + 3_498_000
    (notice,) = back.notices
    assert notice == Notice(
        "source_back", "after 3.498 s; about 3498000 samples are missing, ±0.003 s"
    )
    after = place.follow(block(2007, 10, lost=0), now_s=103.6)
    assert (after.first_sample, after.lost_before) == (back.stop_sample, 0)


def test_time_is_that_of_the_new_piece() -> None:
    place = Place(INFO)
    place.follow(block(0), now_s=100.0)
    place.restart()
    later = replace(INFO, start_ns=UTC_NS + 5_000_000_000)
    back = place.follow(block(0, info=later), now_s=104.0)
    assert back.info.time_ns(back.first_sample) == later.start_ns
    assert place.info is back.info


def test_a_step_of_the_clock_is_told_and_followed(caplog: pytest.LogCaptureFixture) -> None:
    clock_ns = [50]
    place = Place(INFO, lambda: clock_ns[0])
    before = place.follow(block(0), 1.0)
    clock_ns[0] += 3_600_000_000_000
    stepped = place.follow(block(1000), 1.1)
    after = place.follow(block(2000), 1.2)
    assert before.notices == after.notices == ()
    assert [n.reason for n in stepped.notices] == ["clock_step"]
    assert "+3600.000 s" in stepped.notices[0].detail
    assert stepped.info.start_ns == UTC_NS + 3_600_000_000_000
    assert after.info == stepped.info
    clock_ns[0] += 1_000_000  # a reading that was late
    assert place.follow(block(3000), 1.3).notices == ()
    place.restart()  # the new piece has read the clock that was set
    assert place.follow(block(0), 9.0).info.start_ns is not None
    assert "clock" in caplog.text


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 5000), st.booleans(), st.floats(0, 3)),
        min_size=1,
        max_size=30,
    )
)
def test_blocks_of_all_pieces_join(steps: list[tuple[int, int, bool, float]]) -> None:
    place, own, now_s, expected = Place(INFO), 0, 0.0, 0
    for lost, count, restarts, waited_s in steps:
        if restarts:
            place.restart()
            own, lost = 0, 0
        now_s += waited_s
        item = place.follow(block(own + lost, count, lost), now_s)
        own += lost + count
        assert item.first_sample == expected + item.lost_before
        expected = item.stop_sample
    assert place.say().first_sample == expected


def test_who_cannot_tune_says_so() -> None:
    source = ResumingSource("dev://0", opener(Piece(block(0))))
    with pytest.raises(SourceError, match="cannot be tuned"):
        source.retune(1e9)


def test_a_new_piece_is_tuned_as_the_old_one_was() -> None:
    class Tuned(Piece):
        def __init__(self, *items: RawBlock | Exception) -> None:
            super().__init__(*items)
            self.tuned: list[float] = []

        def retune(self, rf_hz: float) -> None:
            self.tuned.append(rf_hz)

    pieces = Tuned(block(0), SourceLost("gone")), Tuned(block(0))
    source = ResumingSource("dev://0", opener(*pieces), policy=QUICK)
    source.retune(14.1e9)
    source.retune(14.2e9)
    assert len([item for item in source.blocks() if item.sample_count]) == 2
    assert [piece.tuned for piece in pieces] == [[14.1e9, 14.2e9], [14.2e9]]
