"""Streams with keys: who has them gets everything, all others nothing, and it is told."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zmq

from sdr_detect import curve, wire
from sdr_detect.curve import KeyPair, PublisherKeys, SubscriberKeys
from sdr_detect.errors import ConfigError, SourceError, SourceNotFound
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock, decoded, stored
from sdr_detect.registry import Driver, SourceOptions, open_source
from sdr_detect.sinks import zmq_gate
from sdr_detect.sinks.zmq_pub import ZmqPublisher

INFO = StreamInfo("a recording", 2.4e6, 14.2e9, start_ns=1)
OURS, FRIEND, STRANGER = (KeyPair(*zmq.curve_keypair()) for _ in range(3))
KEYS = PublisherKeys(OURS, {FRIEND.public: "friend"})

#: What each subscriber brings; only the first may have the stream.
SUBSCRIBERS = {
    "friend": SubscriberKeys(FRIEND, OURS.public),
    "unknown key": SubscriberKeys(STRANGER, OURS.public),
    "wrong server": SubscriberKeys(FRIEND, STRANGER.public),
    "plaintext": None,
}

Publish = Callable[..., ZmqPublisher]


def block(first: int, count: int = 500) -> RawBlock:
    samples = np.random.default_rng(first).standard_normal(2 * count, np.float32)
    return stored(IQBlock(INFO, first, samples.view(np.complex64)))


@pytest.fixture
def publish() -> Iterator[Publish]:
    """Makes publishers with keys, and closes them."""
    with contextlib.ExitStack() as stack:

        def make(
            endpoint: str = "tcp://0.0.0.0:*", keys: PublisherKeys | None = KEYS
        ) -> ZmqPublisher:
            made = ZmqPublisher(endpoint, Overflow.DROP_OLDEST, keys=keys)
            stack.callback(made.close)
            return made

        yield make


def reach(publisher: ZmqPublisher) -> str:
    return publisher.endpoint.replace("0.0.0.0", "127.0.0.1")


def subscribe(publisher: ZmqPublisher, who: str = "friend", start_timeout_s: float = 10) -> Driver:
    options = SourceOptions(start_timeout_s=start_timeout_s, timeout_s=10, curve=SUBSCRIBERS[who])
    return open_source(f"zmq://{reach(publisher)}", options)


@contextlib.contextmanager
def ears(endpoint: str, keys: SubscriberKeys | None) -> Iterator[zmq.Socket[bytes]]:
    """A subscriber without manners: it takes whatever comes, from whoever lets it."""
    with zmq.Context() as context, context.socket(zmq.SUB) as ear:
        ear.linger = 0
        ear.setsockopt(zmq.SUBSCRIBE, b"")
        if keys is not None:
            ear.curve_publickey, ear.curve_secretkey = keys.own.public, keys.own.secret
            ear.curve_serverkey = keys.server
        ear.connect(endpoint)
        yield ear


def wait_until(holds: Callable[[], bool]) -> None:
    due_s = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < due_s
        time.sleep(0.01)


def refused(publisher: ZmqPublisher) -> int:
    assert publisher._gate is not None
    return publisher._gate.refused


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_who_is_known_gets_everything_and_the_others_nothing(
    publish: Publish, transport: str, tmp_path: Path
) -> None:
    publisher = publish(f"ipc://{tmp_path}/iq" if transport == "ipc" else "tcp://0.0.0.0:*")
    sent = [block(n * 500) for n in range(40)]  # fewer than the queue holds
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        strangers = [
            stack.enter_context(ears(reach(publisher), keys))
            for who, keys in SUBSCRIBERS.items()
            if who != "friend"
        ]
        wait_until(lambda: refused(publisher) >= 3)
        source = pool.submit(subscribe, publisher)
        assert publisher.wait_for_subscriber()
        for item in sent:
            publisher.take(item)
        reading = source.result(10).blocks()
        got = [next(reading) for _ in sent]
        assert [ear.poll(0) for ear in strangers] == [0, 0, 0]
        source.result(10).close()
    assert [decoded(b).samples.tobytes() for b in got] == [b.raw.tobytes() for b in sent]


@pytest.mark.parametrize(
    ("who", "error", "said", "logged"),
    [
        ("unknown key", SourceError, "does not know our key", "unknown key {key} from 127.0.0.1"),
        ("wrong server", SourceNotFound, "is --curve-server the key", "another key of the publ"),
        ("plaintext", SourceError, "asks for keys; give --curve-key", "refused a subscriber: it"),
    ],
)
def test_a_refusal_is_told_on_both_sides(
    publish: Publish,
    caplog: pytest.LogCaptureFixture,
    who: str,
    error: type[SourceError],
    said: str,
    logged: str,
) -> None:
    publisher = publish()
    with pytest.raises(error, match=said):
        subscribe(publisher, who, start_timeout_s=0.5 if error is SourceNotFound else 10)
    wait_until(lambda: refused(publisher) > 0)
    assert logged.format(key=STRANGER.public.decode()) in caplog.text
    assert not publisher._heard


def test_keys_for_a_publisher_without(publish: Publish) -> None:
    publisher = publish("tcp://127.0.0.1:*", keys=None)
    with pytest.raises(SourceError, match="does not encrypt; start it with --curve-key"):
        subscribe(publisher)


def test_nobody_there_and_nothing_to_hear(publish: Publish) -> None:
    publisher = publish()
    with pytest.raises(SourceNotFound, match="connected, but its source delivers nothing"):
        subscribe(publisher, start_timeout_s=0.5)
    publisher.close()
    with pytest.raises(SourceNotFound, match=r"within 0\.2 s; there was no connection"):
        subscribe(publisher, start_timeout_s=0.2)


def test_a_publisher_that_comes_back_and_knows_us_no_more(publish: Publish) -> None:
    first = publish()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(subscribe, first)
        assert first.wait_for_subscriber()
        first.take(block(0))
        reading = coming.result(10).blocks()
    next(reading)
    first._release()  # as if it were killed: no word of an end
    publish(first.endpoint, PublisherKeys(OURS, {STRANGER.public: "another"}))
    with pytest.raises(SourceError, match="does not know our key"):
        next(reading)


def test_nobody_is_let_in_when_the_gate_is_gone(publish: Publish) -> None:
    publisher = publish()
    assert publisher._gate is not None
    publisher._gate.close()
    with ears(reach(publisher), SUBSCRIBERS["friend"]) as ear:
        time.sleep(0.3)
        publisher.take(block(0))
        assert ear.poll(200) == 0
    assert not publisher._heard


def test_a_scanner_does_not_fill_the_log(
    publish: Publish, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_gate, "_TELL_INTERVAL_S", 0.5)
    publisher = publish()
    for _ in range(50):
        with ears(reach(publisher), SUBSCRIBERS["unknown key"]):
            pass  # a subscriber that hangs up at once may leave no trace
    with ears(reach(publisher), SUBSCRIBERS["wrong server"]):
        wait_until(lambda: refused(publisher) >= 10)  # it tries again and again
    wait_until(lambda: "more subscribers" in caplog.text)
    publisher.close()
    lines = [r.getMessage() for r in caplog.records if r.name == zmq_gate.__name__]
    assert len(lines) < 10 <= refused(publisher)
    assert f"({refused(publisher)} refused so far)" in lines[-1]


def test_who_comes_in_is_logged(publish: Publish, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    publisher = publish()
    with ears(reach(publisher), SUBSCRIBERS["friend"]):
        assert publisher.wait_for_subscriber()
    assert "let in friend from 127.0.0.1" in caplog.text


def test_a_stranger_cannot_make_us_reserve_memory(publish: Publish) -> None:
    publisher = publish()
    host, port = reach(publisher).removeprefix("tcp://").split(":")
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
    with socket.create_connection((host, int(port)), timeout=5) as wire_level:
        wire_level.sendall(greeting + b"\x06" + struct.pack(">Q", 1 << 30))
        while wire_level.recv(4096):  # the greeting; then it hangs up
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "eth0", "192.0.2.1", "[::]"])
def test_without_keys_nothing_leaves_this_machine(host: str) -> None:
    endpoint = f"tcp://{host}:5555"
    with pytest.raises(ConfigError, match="sdr-detect keys new NAME"):
        ZmqPublisher(endpoint, Overflow.BLOCK)
    with pytest.raises(ConfigError, match="sdr-detect keys new NAME"):
        open_source(f"zmq://{endpoint}")
    wire.check_endpoint(endpoint, keyed=True)


def test_keys_of_files_fit_together(publish: Publish, tmp_path: Path) -> None:
    """What the verb writes is what the sockets take."""
    (server, server_secret), (client, client_secret) = (
        curve.write_pair(tmp_path / name, name) for name in ("capture", "me")
    )
    keys = PublisherKeys(curve.read_pair(server_secret), curve.read_allowed(client.parent))
    publisher = publish(keys=keys)
    own = SubscriberKeys(curve.read_pair(client_secret), curve.read_public(server))
    with ears(reach(publisher), own) as ear:
        assert publisher.wait_for_subscriber()
        publisher.take(block(0))
        assert ear.poll(5000)
