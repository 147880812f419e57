"""GNU Radio as a peer: a stand-in that sends its bytes, and itself where it is installed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zmq
from sdr_detect_hardware._gnuradio_source import GnuRadioSource

from sdr_detect.curve import KeyPair, SubscriberKeys
from sdr_detect.errors import ConfigError, FormatError, SourceLost, SourceNotFound
from sdr_detect.formats.base import RawSpec
from sdr_detect.live import open_live
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import CF32, RawBlock, stored
from sdr_detect.registry import Driver, SourceOptions, open_source
from sdr_detect.resume import Policy
from sdr_detect.sinks.zmq_pub import ZmqPublisher
from tests.gnuradio_bytes import double, tag, tagged

SPEC = RawSpec(sample_rate_hz=2.4e6, rf_hz=1.45e9)
QUICK = SourceOptions(SPEC, start_timeout_s=10, timeout_s=10)


def ramp(start: int, count: int) -> bytes:
    """Samples that tell their index."""
    return np.arange(start, start + count, dtype=np.float32).astype("<c8").tobytes()


def subscribe(endpoint: str, options: SourceOptions = QUICK) -> Driver:
    return open_source(f"zmq://{endpoint}?peer=gnuradio", options)


class Sink:
    """Sends what a PUB sink sends, once somebody listens."""

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.linger = 2000
        self._socket.bind(endpoint)

    def send(self, *messages: list[bytes]) -> None:
        assert self._socket.recv() == b"\x01"
        for parts in messages:
            self._socket.send_multipart(parts)

    def close(self) -> None:
        self._socket.close()
        self._context.term()


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/gr"


@pytest.fixture
def sink(endpoint: str) -> Iterator[Sink]:
    made = Sink(endpoint)
    yield made
    made.close()


def received(sink: Sink, endpoint: str, *messages: list[bytes], count: int) -> list[RawBlock]:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sink.send, *messages)
        source = subscribe(endpoint)
        assert isinstance(source, GnuRadioSource)
        blocks = source.blocks()
        got = [next(blocks) for _ in range(count)]
        source.close()
        assert list(blocks) == []
    return got


@pytest.mark.parametrize("key", [[], [b"a key"]])
def test_bare_samples(sink: Sink, endpoint: str, key: list[bytes]) -> None:
    sent = [[*key, ramp(n * 4096, 4096)] for n in range(20)]
    got = received(sink, endpoint, *sent, count=20)
    assert [(b.first_sample, b.lost_before) for b in got] == [(n * 4096, 0) for n in range(20)]
    assert b"".join(b.raw.tobytes() for b in got) == ramp(0, 20 * 4096)
    assert [[n.reason for n in b.notices] for b in got[:2]] == [["losses_unseen"], []]
    assert got[0].info.center_hz == 1.45e9


@pytest.mark.parametrize("key", [[], [b"a key"]])
def test_numbered_samples(sink: Sink, endpoint: str, key: list[bytes]) -> None:
    begun = tag(9000, "rx_freq", double(1.4e9))
    got = received(
        sink,
        endpoint,
        [*key, tagged(9000, ramp(9000, 50), begun)],
        [*key, tagged(9050, ramp(9050, 50))],
        [*key, tagged(9200, ramp(9200, 50))],
        count=3,
    )
    assert [(b.first_sample, b.lost_before) for b in got] == [(9000, 0), (9050, 0), (9200, 100)]
    for block in got:
        assert block.decode().samples.real[0] == block.first_sample
    assert [n.reason for n in got[0].notices] == ["settings_differ"]


def test_a_flowgraph_that_was_restarted_is_followed(sink: Sink, endpoint: str) -> None:
    def play() -> None:
        sink.send([tagged(500, ramp(500, 100))], [tagged(0, ramp(0, 100))])
        assert sink._socket.recv() == b"\x00"  # lost: it leaves, and comes again
        sink.send([tagged(100, ramp(100, 100))])

    policy = Policy(first_wait_s=0.1)
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(play)
        source = open_live(f"zmq://{endpoint}?peer=gnuradio", QUICK, policy=policy)
        got = []
        for block in source.blocks():
            got += [block] if block.sample_count else []
            if len(got) == 2:
                source.close()
        playing.result(10)
    assert got[0].stop_sample == 600
    assert got[1].lost_before == got[1].first_sample - 600 > 0
    assert [n.reason for n in got[1].notices] == ["source_back"]


def test_silence_is_loss(sink: Sink, endpoint: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sink.send, [ramp(0, 1)])
        blocks = subscribe(endpoint, SourceOptions(SPEC, timeout_s=0.2)).blocks()
        next(blocks)
        with pytest.raises(SourceLost, match=r"nothing for 0\.2 s"):
            next(blocks)


def test_without_the_option_it_is_named(endpoint: str) -> None:
    with pytest.raises(SourceNotFound, match="peer=gnuradio"):
        open_source(f"zmq://{endpoint}", SourceOptions(start_timeout_s=0.1))


def test_our_own_stream_needs_no_option(endpoint: str) -> None:
    publisher = ZmqPublisher(endpoint, Overflow.DROP_OLDEST)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(subscribe, endpoint)
        assert publisher.wait_for_subscriber()
        publisher.take(stored(IQBlock(StreamInfo("x", 1e6), 0, np.zeros(8, np.complex64))))
        with pytest.raises(FormatError, match=r"leave out \?peer=gnuradio"):
            opening.result(10)
    publisher.close()


def test_it_knows_no_keys(endpoint: str) -> None:
    keys = SubscriberKeys(KeyPair(*zmq.curve_keypair()), zmq.curve_keypair()[0])
    with pytest.raises(ConfigError, match="no CURVE"):
        subscribe(endpoint, SourceOptions(SPEC, curve=keys))


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_who_is_told_no_end_is_not_waited_for_and_gets_all(endpoint: str, transport: str) -> None:
    publisher = ZmqPublisher(
        endpoint if transport == "ipc" else "tcp://127.0.0.1:*", Overflow.BLOCK
    )
    count, size = 40, 100_000  # more than the kernel's buffers hold, less than our queue
    samples = np.frombuffer(ramp(0, size), np.complex64)
    with (
        ThreadPoolExecutor(1) as pool,
        zmq.Context() as context,
        context.socket(zmq.SUB) as ear,
    ):
        ear.linger, ear.rcvhwm, ear.rcvbuf = 0, 1, 4096
        ear.setsockopt(zmq.SUBSCRIBE, b"cf32/")
        ear.connect(publisher.endpoint)
        assert publisher.wait_for_subscriber()
        for number in range(count):
            publisher.take(stored(IQBlock(StreamInfo("x", 1e6), number * size, samples)))
        began_s = time.monotonic()
        closing = pool.submit(publisher.close)
        time.sleep(0.2)
        for _ in range(count):
            assert ear.poll(5000)
            assert ear.recv_multipart()[1] == samples.tobytes()
        closing.result(10)
        assert time.monotonic() - began_s < 5


PYTHON = shutil.which("python3", path="/usr/bin")
gnuradio = pytest.mark.skipif(
    PYTHON is None or shutil.which("gnuradio-config-info", path="/usr/bin") is None,
    reason="GNU Radio is not installed (apt install --no-install-recommends gnuradio)",
)

TRANSMIT = """
import sys
from gnuradio import blocks, gr, zeromq
import pmt

key, numbered = sys.argv[1], sys.argv[2] == "numbered"
tags = []
for offset, name, value in [(0, "rx_freq", pmt.from_double(1.4e9)), (7, "x", pmt.list2(
        pmt.init_c32vector(2, [1j, 2]), pmt.dict_add(pmt.make_dict(), pmt.PMT_T, pmt.PMT_NIL)))]:
    made = gr.tag_t()
    made.offset, made.key, made.value = offset, pmt.intern(name), value
    tags.append(made)
graph = gr.top_block()
samples = blocks.vector_source_c([complex(n) for n in range(100_000)], True, 1, tags)
pace = blocks.throttle(gr.sizeof_gr_complex, 1e6)
sink = zeromq.pub_sink(
    gr.sizeof_gr_complex, 1, "tcp://127.0.0.1:*", pass_tags=numbered, key=key)
graph.connect(samples, pace, sink)
graph.start()
print(sink.last_endpoint().rstrip(chr(0)), flush=True)
sys.stdin.read()
graph.stop()
graph.wait()
"""

RECEIVE = """
import os, sys, time
from gnuradio import blocks, gr, zeromq

endpoint, key, path, size = *sys.argv[1:4], int(sys.argv[4])
graph = gr.top_block()
source = zeromq.sub_source(gr.sizeof_gr_complex, 1, endpoint, key=key)
file = blocks.file_sink(gr.sizeof_gr_complex, path)
file.set_unbuffered(True)
graph.connect(source, file)
graph.start()
until = time.monotonic() + 30
while os.path.getsize(path) < size and time.monotonic() < until:
    time.sleep(0.02)
graph.stop()
graph.wait()
"""


@pytest.fixture
def flowgraph() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a flowgraph in the Python that GNU Radio is installed for."""
    with contextlib.ExitStack() as stack:

        def begin(*words: object) -> subprocess.Popen[str]:
            assert PYTHON is not None
            process = subprocess.Popen(
                [PYTHON, "-c", *map(str, words)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield begin


@gnuradio
@pytest.mark.parametrize(("key", "how"), [("", "bare"), ("", "numbered"), ("a key", "numbered")])
def test_from_gnuradio(flowgraph: Callable[..., subprocess.Popen[str]], key: str, how: str) -> None:
    process = flowgraph(TRANSMIT, key, how)
    assert process.stdout is not None
    source = subscribe(process.stdout.readline().strip(), QUICK)
    position, seen = 0, set()
    for block in source.blocks():
        assert block.first_sample - block.lost_before == (position or block.first_sample)
        heard = block.decode().samples.real
        expected = (heard[0] + np.arange(len(heard))) % 100_000
        assert heard.tolist() == expected.tolist()
        if how == "numbered":
            assert heard[0] == block.first_sample % 100_000
        position = block.stop_sample
        seen |= {notice.reason for notice in block.notices}
        if position > block.info.sample_rate_hz / 8:
            source.close()
    assert seen == ({"settings_differ"} if how == "numbered" else {"losses_unseen"})


@gnuradio
def test_to_gnuradio(flowgraph: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    publisher = ZmqPublisher("tcp://127.0.0.1:*", Overflow.BLOCK)
    info, count = StreamInfo("a stream", 1e6), 50
    path = tmp_path / "heard"
    process = flowgraph(RECEIVE, publisher.endpoint, "cf32/a_stream", path, count * 8 * 5000)
    assert publisher.wait_for_subscriber()
    for number in range(count):
        samples = np.frombuffer(ramp(number * 5000, 5000), np.complex64)
        publisher.take(stored(IQBlock(info, number * 5000, samples)))
        publisher.take(RawBlock(info, (number + 1) * 5000, np.empty(0, np.uint8), CF32))
    began_s = time.monotonic()
    publisher.close()
    assert time.monotonic() - began_s < 15
    assert process.wait(40) == 0
    assert path.read_bytes() == ramp(0, count * 5000)
