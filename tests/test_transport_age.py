"""A subscriber that was held up catches up: what waited too long is dropped, and named."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sdr_detect_hardware import zmq as zmq_source

from sdr_detect.errors import ConfigError
from sdr_detect.model import IQBlock, Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import CF32, Block, RawBlock, stored
from sdr_detect.registry import Driver, SourceOptions, open_source
from sdr_detect.sinks.zmq_pub import ZmqPublisher

INFO = StreamInfo("live", 1e5, 14.2e9)
MAX_AGE_S = 0.8


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/iq"


@pytest.fixture(autouse=True)
def drivers_may_log() -> None:
    logging.getLogger(zmq_source.__name__).disabled = False


def block(first: int, count: int = 100, *notices: Notice) -> RawBlock:
    return stored(IQBlock(INFO, first, np.full(count, first, np.complex64), 0, notices))


def subscribe(endpoint: str) -> Driver:
    return open_source(f"zmq://{endpoint}?max_age={MAX_AGE_S}", SourceOptions(timeout_s=10))


def begin(publisher: ZmqPublisher, pool: ThreadPoolExecutor, endpoint: str) -> Iterator[Block]:
    """A subscriber that has its first block."""
    opening = pool.submit(subscribe, endpoint)
    assert publisher.wait_for_subscriber()
    publisher.take(block(0))
    blocks = opening.result(10).blocks()
    assert next(blocks).first_sample == 0
    return blocks


def held_up(overflow: Overflow, endpoint: str, *late: RawBlock) -> list[Block]:
    """What comes when ``late`` waited too long and two blocks did not."""
    publisher = ZmqPublisher(endpoint, overflow)
    with ThreadPoolExecutor(2) as pool:
        blocks = begin(publisher, pool, endpoint)
        for item in late:
            publisher.take(item)
        time.sleep(MAX_AGE_S + 0.2)
        publisher.take(block(5000))
        publisher.take(block(5100))
        rest = pool.submit(lambda: list(blocks))
        closing = pool.submit(publisher.close)
        closing.result(10)
        return rest.result(10)


def test_what_waited_is_dropped_and_named(endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    late = [block(100 * n, 100, Notice("told", str(n))) for n in range(1, 31)]
    got = held_up(Overflow.DROP_OLDEST, endpoint, *late)
    assert [(b.first_sample, b.lost_before) for b in got] == [(5000, 4900), (5100, 0)]
    # What the receiver had to tell is not dropped.
    assert [n.detail for n in got[0].notices] == [str(n) for n in range(1, 31)]
    assert got[1].notices == ()
    assert "3000 samples so far" in caplog.text


def test_a_replay_is_not_dropped(endpoint: str) -> None:
    late = [block(100 * n) for n in range(1, 31)]
    got = held_up(Overflow.BLOCK, endpoint, *late)
    assert [b.first_sample for b in got] == [*range(100, 3100, 100), 5000, 5100]


def test_what_holds_no_samples_passes(endpoint: str) -> None:
    told = RawBlock(INFO, 100, np.empty(0, np.uint8), CF32, 0, (Notice("source_lost", "gone"),))
    got = held_up(Overflow.DROP_OLDEST, endpoint, told)
    assert [b.notices for b in got] == [told.notices, (), ()]


def test_what_was_dropped_at_the_end_is_named(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    with ThreadPoolExecutor(2) as pool:
        blocks = begin(publisher, pool, endpoint)
        publisher.take(block(100, 100, Notice("told", "last")))
        time.sleep(MAX_AGE_S + 0.2)
        closing = pool.submit(publisher.close)
        (last,) = blocks
        closing.result(10)
    assert (last.first_sample, last.sample_count, last.lost_before) == (200, 0, 100)
    assert [n.detail for n in last.notices] == ["last"]


def test_who_reads_slowly_stays_near_the_present(endpoint: str) -> None:
    """Real time for 2 s at 100 blocks a second, read at 20 a second."""
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    count, ages = 200, []

    def publish() -> None:
        for number in range(1, count):
            time.sleep(0.01)
            sent[100 * number] = time.monotonic()
            publisher.take(block(100 * number))
        publisher.close()

    sent: dict[int, float] = {}
    with ThreadPoolExecutor(2) as pool:
        blocks = begin(publisher, pool, endpoint)
        publishing = pool.submit(publish)
        position = 100
        for item in blocks:
            assert item.first_sample == position + item.lost_before
            position = item.stop_sample
            ages.append(time.monotonic() - sent.get(item.first_sample, time.monotonic()))
            time.sleep(0.05)
        publishing.result(10)
    assert position == 100 * count
    assert len(ages) < count - 50
    assert max(ages) < MAX_AGE_S + 0.3


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("max_age=0", "greater than 0"),
        ("max_age=x", "valid number"),
        ("max_age=inf", "finite"),
        ("maxage=1", "max_age"),
        ("peer=gnu", "sdr-detect"),
        ("peer=gnuradio&max_age=1", "do not tell their age"),
    ],
)
def test_wrong_settings(endpoint: str, query: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_source(f"zmq://{endpoint}?{query}")
