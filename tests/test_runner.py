"""The loop: order, loss, ends and errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import runner
from sdr_detect.datatype import parse_datatype
from sdr_detect.errors import FormatError, SinkError, SourceLost
from sdr_detect.events import Event, Incident, Verdict
from sdr_detect.model import IQBlock, Notice, Span, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block, RawBlock

INFO = StreamInfo("test", 1e6)


def block(first: int, count: int, lost: int = 0) -> IQBlock:
    return IQBlock(INFO, first, np.full(count, first, np.complex64), lost)


class Blocks:
    """A source of given blocks; anything callable among them is called."""

    info = INFO

    def __init__(self, *items: IQBlock | Callable[[], object]) -> None:
        self._items = items
        self.closed = 0
        self.delivered = 0

    def blocks(self) -> Iterator[IQBlock]:
        for item in self._items:
            if isinstance(item, IQBlock | RawBlock):
                self.delivered += 1
                yield item
            else:
                item()

    def close(self) -> None:
        self.closed += 1


class Counter:
    """A pipeline that reports each block as an incident."""

    def __init__(self) -> None:
        self.samples = 0
        self.lost = 0
        self.ends: list[int] = []

    def process(self, block: Block) -> list[Event]:
        self.samples += block.sample_count
        self.lost += block.lost_before
        self.ends.append(block.stop_sample)
        return [Incident("health", Span(block.first_sample, block.stop_sample), "block")]

    def finish(self) -> list[Event]:
        return [Verdict("not_detected", None, 0, 1, None, 0, self.samples / 1e6, 0, ())]


class Memory:
    """A sink and a tap."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.blocks: list[IQBlock] = []
        self.closed = False

    def write(self, event: Event) -> None:
        self.events.append(event)

    def take(self, block: IQBlock) -> None:
        self.blocks.append(block)

    def close(self) -> None:
        self.closed = True


def fail(error: Exception) -> Callable[[], object]:
    def raiser() -> object:
        raise error

    return raiser


def test_events_come_in_order_and_the_verdict_last() -> None:
    source, sink = Blocks(*(block(n * 10, 10) for n in range(100))), Memory()
    verdict = runner.run(source, Counter(), [sink], taps=[sink])
    starts = [event.span.start_sample for event in sink.events if isinstance(event, Incident)]
    assert starts == list(range(0, 1000, 10))
    assert sink.events[-1] is verdict
    assert verdict.analysed_s == 1e-3
    assert [b.first_sample for b in sink.blocks] == starts
    assert sink.closed
    assert source.closed == 1


def test_a_waiting_queue_loses_nothing() -> None:
    class Slow(Memory):
        def take(self, block: IQBlock) -> None:
            time.sleep(0.002)
            super().take(block)

    tap = Slow()
    count = runner.relay(Blocks(*(block(n, 1) for n in range(50))), [tap], queue_samples=2)
    assert count == 50
    assert [b.lost_before for b in tap.blocks] == [0] * 50


def test_a_live_queue_names_what_it_drops() -> None:
    begun, read_all = threading.Event(), threading.Event()

    class Blocked(Memory):
        def take(self, block: IQBlock) -> None:
            super().take(block)
            begun.set()
            assert read_all.wait(10)

    tap = Blocked()
    blocks = [block(n * 10, 10) for n in range(20)]
    source = Blocks(blocks[0], lambda: begun.wait(10), *blocks[1:], read_all.set)
    count = runner.relay(source, [tap], overflow=Overflow.DROP_OLDEST, queue_samples=40)
    # The first block was taken; of the others the four youngest remain.
    taken = [(b.first_sample, b.lost_before) for b in tap.blocks]
    assert taken == [(0, 0), (160, 150), (170, 0), (180, 0), (190, 0)]
    assert count == 50


def test_notices_of_dropped_blocks_are_kept() -> None:
    queue: runner.BlockQueue[IQBlock] = runner.BlockQueue(10, Overflow.DROP_OLDEST)
    told = [Notice("one", ""), Notice("two", ""), Notice("three", "")]
    for number, notice in enumerate(told):
        queue.put(replace(block(number * 10, 10), notices=(notice,)))
    left = queue.get(threading.Event())
    assert left is not None
    assert (left.first_sample, left.lost_before, left.notices) == (20, 20, tuple(told))


def test_raw_blocks_are_shown_analysed_and_relayed_as_they_are() -> None:
    codes = np.arange(20, dtype=np.uint8)
    source = Blocks(RawBlock(INFO, 0, codes, parse_datatype("cu8")))
    seen, kept = Memory(), Memory()
    runner.run(source, Counter(), [], taps=[seen])
    assert seen.blocks[0].raw is codes
    assert runner.relay(source, [kept, kept]) == 10
    assert kept.blocks[0] is kept.blocks[1]
    assert kept.blocks[0].raw is codes


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=40),
    st.lists(st.booleans(), max_size=80),
    st.integers(1, 30),
)
def test_no_sample_is_unaccounted_for(
    lengths: list[tuple[int, int]], turns: list[bool], capacity: int
) -> None:
    """However puts and gets alternate, each block names all that is missing before it."""
    queue = runner.BlockQueue(capacity, Overflow.DROP_OLDEST)
    stop = threading.Event()
    waiting, position = [], 0
    for count, lost in lengths:
        waiting.append(block(position + lost, count, lost))
        position += lost + count
    got: list[IQBlock] = []
    for put in turns + [True] * len(waiting):
        if put and waiting:
            assert queue.put(waiting.pop(0))
            held = [len(item.samples) for item in queue._blocks]
            assert len(held) == 1 or sum(held) <= capacity
        elif queue._blocks:
            got.append(queue.get(stop) or pytest.fail("the queue is not empty"))
    queue.end()
    while (rest := queue.get(stop)) is not None:
        got.append(rest)
    expected = 0
    for item in got:
        assert item.first_sample == expected + item.lost_before
        expected = item.stop_sample
    assert expected == position


def test_a_queue_must_hold_something() -> None:
    with pytest.raises(ValueError, match="0 samples"):
        runner.BlockQueue(0, Overflow.BLOCK)


def test_a_lost_source_still_gets_its_verdict() -> None:
    source = Blocks(block(0, 10), block(10, 10), fail(SourceLost("gone", uri="test://")))
    sink = Memory()
    with pytest.raises(SourceLost, match="gone"):
        runner.run(source, Counter(), [sink])
    assert isinstance(sink.events[-1], Verdict)
    assert sink.events[-1].analysed_s == 20e-6
    assert sink.closed
    assert source.closed


def test_a_damaged_file_gets_none() -> None:
    source, sink = Blocks(block(0, 10), fail(FormatError("cut off"))), Memory()
    with pytest.raises(FormatError):
        runner.run(source, Counter(), [sink])
    assert not any(isinstance(event, Verdict) for event in sink.events)
    assert sink.closed
    assert source.closed


def test_our_own_faults_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        runner.run(Blocks(lambda: 1 // 0), Counter(), [])


def test_a_full_disk_ends_reading() -> None:
    class Full(Memory):
        def write(self, event: Event) -> None:
            raise SinkError("disk full")

    source, full, other = Blocks(*(block(n, 1) for n in range(1000))), Full(), Memory()
    with pytest.raises(SinkError):
        runner.run(source, Counter(), [full, other], queue_samples=2)
    assert full.closed
    assert other.closed
    assert source.closed
    assert source.delivered < 1000
    assert isinstance(other.events[-1], Verdict)  # on what was heard


def test_every_sink_is_closed_even_when_one_fails_to() -> None:
    class Stuck(Memory):
        def close(self) -> None:
            raise SinkError("cannot flush")

    first, last = Memory(), Memory()
    with pytest.raises(SinkError):
        runner.run(Blocks(block(0, 1)), Counter(), [first, Stuck(), last])
    assert first.closed
    assert last.closed


@pytest.mark.parametrize("overflow", list(Overflow))
def test_stop_ends_an_endless_source_with_a_verdict(overflow: Overflow) -> None:
    stop = threading.Event()

    class Endless(Blocks):
        def blocks(self) -> Iterator[IQBlock]:
            position = 0
            while True:
                yield block(position, 10)
                position += 10

    class StopsLater(Counter):
        def process(self, block: Block) -> list[Event]:
            if block.stop_sample >= 1000:
                stop.set()
            return super().process(block)

    source = Endless()
    verdict = runner.run(source, StopsLater(), [], overflow=overflow, stop=stop)
    assert verdict.analysed_s > 0
    assert source.closed
    assert not [t for t in threading.enumerate() if t.name == "reader"]


def test_stop_ends_a_silent_source() -> None:
    stop, closed = threading.Event(), threading.Event()

    class Silent(Blocks):
        def close(self) -> None:
            super().close()
            closed.set()

    source = Silent(block(0, 10), stop.set, lambda: closed.wait(20))
    began = time.monotonic()
    runner.run(source, Counter(), [], stop=stop)
    assert time.monotonic() - began < 5


def test_a_source_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "STOP_GRACE_S", 0.05)
    monkeypatch.setattr(runner, "STOP_LIMIT_S", 0.05)
    release, stop = threading.Event(), threading.Event()
    stop.set()
    with pytest.raises(SourceLost, match=r"did not stop within 0\.05 s"):
        runner.relay(Blocks(lambda: release.wait(20)), [], stop=stop)
    release.set()


def test_a_pipeline_without_verdict_is_a_fault() -> None:
    class Mute(Counter):
        def finish(self) -> list[Event]:
            return []

    with pytest.raises(TypeError, match="verdict"):
        runner.run(Blocks(block(0, 1)), Mute(), [])


class Notebook:
    """A keeper that is told everything."""

    def __init__(self) -> None:
        self.blocks: list[RawBlock] = []

    def record(self, block: RawBlock) -> RawBlock:
        self.blocks.append(block)
        return block


@pytest.mark.parametrize("relayed", [False, True])
def test_a_keeper_gets_what_a_slow_consumer_loses(relayed: bool) -> None:
    begun, read_all = threading.Event(), threading.Event()

    class Blocked(Memory):
        def take(self, block: IQBlock) -> None:
            super().take(block)
            begun.set()
            assert read_all.wait(10)

    tap, keeper = Blocked(), Notebook()
    blocks = [block(n * 10, 10) for n in range(20)]
    source = Blocks(blocks[0], lambda: begun.wait(10), *blocks[1:], read_all.set)
    settings: dict[str, Any] = {"overflow": Overflow.DROP_OLDEST, "queue_samples": 40}
    if relayed:
        runner.relay(source, [tap], keeper=keeper, **settings)
    else:
        runner.run(source, Counter(), [], taps=[tap], keeper=keeper, **settings)
    assert [b.first_sample for b in tap.blocks] == [0, 160, 170, 180, 190]
    assert [b.first_sample for b in keeper.blocks] == list(range(0, 200, 10))


@pytest.mark.parametrize("overflow", list(Overflow))
def test_what_was_recorded_is_what_was_analysed(overflow: Overflow) -> None:
    """However the stop falls between reading, recording and analysing."""

    class Endless(Blocks):
        def blocks(self) -> Iterator[IQBlock]:
            position = 0
            while True:
                yield block(position, 10)
                position += 10

    for turn in range(30):
        stop, keeper, tap = threading.Event(), Notebook(), Memory()
        threading.Timer(turn * 1e-4, stop.set).start()
        runner.run(
            Endless(), Counter(), [], overflow=overflow, stop=stop, taps=[tap], keeper=keeper,
            queue_samples=1 << 30 if overflow is Overflow.DROP_OLDEST else 100,
        )  # fmt: skip
        assert [b.first_sample for b in tap.blocks] == [b.first_sample for b in keeper.blocks]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_recording_that_fails_is_told_also_at_the_end(stopped: bool) -> None:
    stop = threading.Event()

    class Full(Notebook):
        def record(self, block: RawBlock) -> RawBlock:
            if stopped:
                stop.set()
            raise SinkError("disk full")

    with pytest.raises(SinkError, match="full"):
        runner.relay(Blocks(block(0, 10)), [], keeper=Full(), stop=stop)


def test_what_a_source_says_after_the_stop_is_of_no_interest() -> None:
    stop = threading.Event()
    source = Blocks(block(0, 10), stop.set, fail(SourceLost("gone")))
    assert runner.run(source, Counter(), [], stop=stop).analysed_s == 10e-6
