"""Blocks from process to process: exact, or with every loss named."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zmq
from sdr_detect_hardware import zmq as zmq_source
from sdr_detect_hardware.zmq import ZmqSource

from sdr_detect import wire
from sdr_detect.errors import ConfigError, FormatError, SinkError, SourceLost, SourceNotFound
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block, RawBlock, stored
from sdr_detect.registry import SourceOptions, open_source
from sdr_detect.sinks import zmq_pub
from sdr_detect.sinks.zmq_pub import ZmqPublisher

INFO = StreamInfo("a recording", 2.4e6, 14.2e9, start_ns=1)
QUICK = SourceOptions(start_timeout_s=10, timeout_s=10)


@pytest.fixture(params=["ipc://{}/iq", "tcp://127.0.0.1:*", "tcp://[::1]:*"])
def publisher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ZmqPublisher]:
    endpoint = request.param.format(tmp_path)
    if "[" in endpoint and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    made = ZmqPublisher(endpoint, Overflow.BLOCK)
    yield made
    made.close()


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/iq"


def _has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


def block(first: int, count: int = 500, lost: int = 0) -> RawBlock:
    samples = np.random.default_rng(first).standard_normal(2 * count, np.float32)
    return stored(IQBlock(INFO, first, samples.view(np.complex64), lost))


def subscribe(endpoint: str, options: SourceOptions = QUICK) -> ZmqSource:
    source = open_source(f"zmq://{endpoint}", options)
    assert isinstance(source, ZmqSource)
    return source


def publish_all(publisher: ZmqPublisher, blocks: list[RawBlock]) -> None:
    assert publisher.wait_for_subscriber()
    for item in blocks:
        publisher.take(item)
    publisher.close()


def publish_one(publisher: ZmqPublisher) -> None:
    assert publisher.wait_for_subscriber()
    publisher.take(block(0))


def raw(block: Block) -> tuple[int, int, bytes]:
    return block.first_sample, block.lost_before, stored(block).raw.tobytes()


def test_blocks_arrive_as_they_were_sent(publisher: ZmqPublisher) -> None:
    sent = [block(n * 500) for n in range(200)]
    sent += [block(150_000, lost=50_000)]
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(publish_all, publisher, sent)
        source = subscribe(publisher.endpoint)
        got = list(source.blocks())
        done.result(10)
    assert [raw(b) for b in got] == [raw(b) for b in sent]
    assert {b.info for b in got} == {INFO}
    assert source.overflow is Overflow.BLOCK
    assert (source.lost_samples, source.lost_messages) == (50_000, 0)


def test_a_replay_waits_for_a_slow_subscriber(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_pub, "QUEUE_MESSAGES", 2)
    monkeypatch.setattr(zmq_source, "_QUEUE_MESSAGES", 2)
    publisher = ZmqPublisher(endpoint, Overflow.BLOCK)
    sent = [block(n * 20_000, 20_000) for n in range(60)]
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(publish_all, publisher, sent)
        source = subscribe(endpoint)
        got = []
        for item in source.blocks():
            time.sleep(0.005)
            got.append(raw(item))
        done.result(10)
    assert got == [raw(b) for b in sent]


def test_a_live_publisher_drops_and_the_gap_is_named(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_pub, "QUEUE_MESSAGES", 2)
    monkeypatch.setattr(zmq_source, "_QUEUE_MESSAGES", 2)
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    begun, sent_all = threading.Event(), threading.Event()

    def publish() -> None:
        assert publisher.wait_for_subscriber()
        publisher.take(block(0, 20_000))
        assert begun.wait(10)
        for number in range(1, 200):
            publisher.take(block(number * 20_000, 20_000))
        sent_all.set()
        publisher.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(publish)
        source = subscribe(endpoint)
        blocks = source.blocks()
        got = [next(blocks)]
        begun.set()
        assert sent_all.wait(10)
        # The end arrives although the queue was full: it is not dropped.
        got += list(blocks)
        done.result(10)
    assert source.overflow is Overflow.DROP_OLDEST
    position = 0
    for item in got:
        assert item.first_sample == position + item.lost_before
        assert raw(item)[2] == raw(block(item.first_sample, 20_000))[2]
        position = item.stop_sample
    # What was dropped after the last block that came cannot be known.
    assert 0 < len(got) < 200
    if len(got) + source.lost_samples // 20_000 < 200:
        assert source.lost_messages > source.lost_samples // 20_000
    assert source.lost_messages > 0


def test_who_joins_late_has_lost_nothing(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    for number in range(10):
        publisher.take(block(number * 500))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(publish_all, publisher, [block(5000, lost=0), block(5500)])
        got = list(subscribe(endpoint).blocks())
        done.result(10)
    assert [(b.first_sample, b.lost_before) for b in got] == [(5000, 0), (5500, 0)]


def test_a_retune_passes_through(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.BLOCK)
    second = replace(block(500), info=replace(INFO, center_hz=14.3e9))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(publish_all, publisher, [block(0), second])
        got = list(subscribe(endpoint).blocks())
        done.result(10)
    assert [b.info.center_hz for b in got] == [14.2e9, 14.3e9]


def test_silence_is_loss(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(publish_one, publisher)
        source = subscribe(endpoint, SourceOptions(start_timeout_s=10, timeout_s=0.2))
        blocks = source.blocks()
        next(blocks)
        with pytest.raises(SourceLost, match=r"nothing for 0\.2 s"):
            next(blocks)
    publisher.close()


def test_nobody_publishes(endpoint: str) -> None:
    with pytest.raises(SourceNotFound, match=r"within 0\.2 s"):
        subscribe(endpoint, SourceOptions(start_timeout_s=0.2))


def test_closing_ends_a_silent_subscriber(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    with ThreadPoolExecutor(2) as pool:
        pool.submit(publish_one, publisher)
        source = subscribe(endpoint, SourceOptions(timeout_s=60))
        reading = pool.submit(lambda: list(source.blocks()))
        time.sleep(0.2)
        source.close()
        assert [raw(b) for b in reading.result(2)] == [raw(block(0))]
    source.close()
    publisher.close()


def test_a_source_never_read_is_released(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(publish_one, publisher)
        source = subscribe(endpoint)
    source.close()
    assert source._subscription.closed
    publisher.close()


class Foreign:
    """Some other publisher."""

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 2000)
        self._socket.bind(endpoint)

    def send(self, *messages: list[bytes]) -> None:
        assert self._socket.recv().startswith(b"\x01")
        for parts in messages:
            self._socket.send_multipart(parts)

    def close(self) -> None:
        self._socket.close()
        self._context.term()


def message(seq: int, item: IQBlock, session: str = "aa") -> list[bytes]:
    stamp = wire.Stamp(session, seq, 0, 0, 0, wire.Delivery.LOSSY)
    head, payload = wire.encode_block(item, stamp)
    return [head, bytes(payload)]


@pytest.fixture
def foreign(endpoint: str) -> Iterator[Foreign]:
    made = Foreign(endpoint)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("messages", "error", "said"),
    [
        ([[b"iq/x \x00\x01"]], FormatError, "1 parts"),
        ([[b"iq/x {}", b""]], FormatError, "Field required"),
        ([message(0, block(0)), message(1, block(500), "bb")], SourceLost, "restarted"),
        ([message(5, block(0)), message(5, block(500))], SourceLost, "restarted"),
        ([message(0, block(0)), message(1, block(100))], SourceLost, "overlaps"),
    ],
)
def test_what_a_publisher_may_not_do(
    endpoint: str, foreign: Foreign, messages: list[list[bytes]], error: type, said: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(foreign.send, *messages)
        with pytest.raises(error, match=said):
            list(subscribe(endpoint).blocks())


def test_lost_messages_are_counted(endpoint: str, foreign: Foreign) -> None:
    end = list(wire.encode_end("x", wire.Stamp("aa", 9, 0, 0, 0, wire.Delivery.LOSSY)))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            foreign.send, message(3, block(0)), message(7, block(2500)), [bytes(p) for p in end]
        )
        source = subscribe(endpoint)
        got = list(source.blocks())
    assert [(b.first_sample, b.lost_before) for b in got] == [(0, 0), (2500, 2000)]
    assert (source.lost_samples, source.lost_messages) == (2000, 4)


def test_a_stream_that_is_ending(endpoint: str, foreign: Foreign) -> None:
    head, payload = wire.encode_end("x", wire.Stamp("aa", 9, 0, 0, 0, wire.Delivery.WAITS))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(foreign.send, [head, bytes(payload)])
        with pytest.raises(SourceLost, match="ended before"):
            subscribe(endpoint)


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5555", "tcp://192.0.2.1:5555"])
def test_nothing_leaves_this_machine(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="neither encrypted"):
        ZmqPublisher(endpoint, Overflow.BLOCK)
    with pytest.raises(ConfigError, match="neither encrypted"):
        subscribe(endpoint)


def test_an_endpoint_in_use() -> None:
    first = ZmqPublisher("tcp://127.0.0.1:*", Overflow.BLOCK)
    with pytest.raises(SinkError, match="in use"):
        ZmqPublisher(first.endpoint, Overflow.BLOCK)
    first.close()
    first.close()


def test_waiting_for_a_subscriber_can_be_stopped(endpoint: str) -> None:
    stop = threading.Event()
    publisher = ZmqPublisher(endpoint, Overflow.BLOCK, stop=stop)
    threading.Timer(0.1, stop.set).start()
    assert not publisher.wait_for_subscriber()
    publisher.close()


def test_a_waiting_publisher_can_be_stopped(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq_pub, "QUEUE_MESSAGES", 1)
    monkeypatch.setattr(zmq_pub, "_LINGER_LIVE_MS", 100)
    stop = threading.Event()
    publisher = ZmqPublisher(endpoint, Overflow.BLOCK, stop=stop)
    context = zmq.Context()
    stuck = context.socket(zmq.SUB)
    stuck.setsockopt(zmq.SUBSCRIBE, wire.TOPIC_PREFIX)
    stuck.setsockopt(zmq.RCVHWM, 1)
    stuck.connect(endpoint)
    assert publisher.wait_for_subscriber()
    threading.Timer(0.5, stop.set).start()
    sent = 0
    while not stop.is_set():
        publisher.take(block(sent * 100_000, 100_000))
        sent += 1
    assert sent < 1000
    began = time.monotonic()
    publisher.close()
    assert time.monotonic() - began < 5
    stuck.close(0)
    context.term()


@pytest.mark.parametrize("name", ["iq", "@"])
def test_nobody_takes_a_local_endpoint_from_another(tmp_path: Path, name: str) -> None:
    endpoint = f"ipc://@{tmp_path}" if name == "@" else f"ipc://{tmp_path}/{name}"
    with contextlib.closing(ZmqPublisher(endpoint, Overflow.BLOCK)) as first:
        with pytest.raises(SinkError, match="another program publishes on it"):
            ZmqPublisher(endpoint, Overflow.BLOCK)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(publish_one, first)
            with contextlib.closing(subscribe(endpoint)) as source:
                assert next(iter(source.blocks())).first_sample == 0
            sent.result()
    ZmqPublisher(endpoint, Overflow.BLOCK).close()


def test_what_a_dead_program_left_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{tmp_path}/iq")
    assert (tmp_path / "iq").is_socket()
    ZmqPublisher(f"ipc://{tmp_path}/iq", Overflow.BLOCK).close()
