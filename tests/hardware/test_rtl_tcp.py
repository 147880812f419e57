"""rtl_tcp over real sockets: settings, inversion, losses, silence, wrong servers."""

from __future__ import annotations

import contextlib
import itertools
import struct
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from sdr_detect_hardware import rtl_tcp

from sdr_detect import runner
from sdr_detect.catalog import converter
from sdr_detect.errors import ConfigError, SourceBusy, SourceLost, SourceNotFound
from sdr_detect.formats.base import RawSpec
from sdr_detect.plan import FrequencyPlan
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block, decoded
from sdr_detect.registry import Driver, SourceOptions, open_source
from tests.hardware.rtl_tcp_server import Plan, Server

KU = FrequencyPlan(converter("ku-12.80"))
HIGH = FrequencyPlan(converter("ku-15.45-high"))
RF = 13.8e9  # IF 1 GHz
SPEC = RawSpec(rf_hz=RF, plan=KU, sample_rate_hz=1e6)

Serve = Callable[[Plan], Server]
Open = Callable[..., Driver]


@pytest.fixture(autouse=True)
def settled_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtl_tcp, "SETTLE_S", 0.1)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def begin(plan: Plan) -> Server:
            server = Server(plan)
            stack.callback(server.close)
            return server

        yield begin


@pytest.fixture
def receive() -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def begin(uri: str, spec: RawSpec = SPEC, timeout_s: float = 5.0) -> Driver:
            options = SourceOptions(spec, start_timeout_s=1, timeout_s=timeout_s)
            source = open_source(uri, options)
            stack.callback(source.close)
            return source

        yield begin


def peak_hz(block: Block) -> float:
    """RF of the strongest line in a block."""
    assert block.info.center_hz is not None
    samples = decoded(block).samples
    power = np.abs(np.fft.fft(samples * np.hanning(len(samples))))
    offset: float = np.fft.fftfreq(len(power), 1 / block.info.sample_rate_hz)[power.argmax()]
    return block.info.center_hz + offset


def test_a_tone_arrives_at_its_rf(serve: Serve, receive: Open) -> None:
    server = serve(Plan(tone_hz=1.0002e9))
    source = receive(f"{server.uri}?gain=40&ppm=-3")
    blocks = list(itertools.islice(source.blocks(), 5))
    assert source.overflow is Overflow.DROP_OLDEST
    for block in blocks:
        assert peak_hz(block) == pytest.approx(RF + 200e3, abs=50)
        assert block.lost_before == 0
        assert np.abs(decoded(block).samples).max() == pytest.approx(85 / 128, rel=0.02)
    assert [b.first_sample for b in blocks[1:]] == [b.stop_sample for b in blocks[:-1]]
    info = blocks[0].info
    assert info is source.info
    assert (info.center_hz, info.gain_db, info.plan) == (RF, 40.2, KU)
    assert info.clip_level == 127.5 / 128
    assert info.start_ns is not None
    assert abs(time.time_ns() - info.start_ns) < 10e9
    assert server.value(1) == 1_000_000_000
    assert server.value(2) == 1_000_000
    assert (server.value(3), server.value(4), server.value(8)) == (1, 402, 0)
    assert struct.pack(">I", server.value(5)) == struct.pack(">i", -3)


def test_a_high_side_converter_is_put_right_once(serve: Serve, receive: Open) -> None:
    server = serve(Plan(tone_hz=1.0002e9))
    spec = RawSpec(rf_hz=14.45e9, plan=HIGH, sample_rate_hz=1e6)
    (block,) = itertools.islice(receive(server.uri, spec).blocks(), 1)
    assert server.value(1) == 1_000_000_000
    # 200 kHz above in IF is 200 kHz below on air.
    assert peak_hz(block) == pytest.approx(14.45e9 - 200e3, abs=50)


def test_a_centre_given_as_if_is_the_same(serve: Serve, receive: Open) -> None:
    server = serve(Plan(tone_hz=1.0002e9))
    source = receive(server.uri, RawSpec(if_hz=1e9, plan=HIGH, sample_rate_hz=1e6))
    (block,) = itertools.islice(source.blocks(), 1)
    assert peak_hz(block) == pytest.approx(14.45e9 - 200e3, abs=50)


def test_the_actual_rate_is_told(serve: Serve, receive: Open) -> None:
    server = serve(Plan())
    info = receive(f"{server.uri}?rate=2.5e6", RawSpec(rf_hz=RF, plan=KU)).info
    assert info.sample_rate_hz != 2.5e6
    assert info.sample_rate_hz == pytest.approx(2.5e6, rel=1e-6)


def test_a_loss_is_found_and_counted(serve: Serve, receive: Open) -> None:
    # The rate command starts the server's count anew.
    server = serve(Plan(paced=True, gaps={1_000_000: 300_000}))
    lost, end = 0, 0
    for block in receive(server.uri).blocks():
        assert block.first_sample == end + block.lost_before
        lost, end = lost + block.lost_before, block.stop_sample
        if end > 3_000_000:
            break
    # A busy machine delays all blocks of a window now and then: by less than 20 ms.
    assert lost == pytest.approx(300_000, abs=20_000)


def test_retuning_discards_what_is_stale(serve: Serve, receive: Open) -> None:
    server = serve(Plan(paced=True, tone_hz=1.0002e9))
    source = receive(server.uri)
    stream = source.blocks()
    before = next(stream)
    time.sleep(0.3)  # stale samples pile up in the sockets
    source.retune(RF + 100e3)  # type: ignore[attr-defined]
    after = next(stream)
    assert (before.info.center_hz, after.info.center_hz) == (RF, RF + 100e3)
    assert after.first_sample == before.stop_sample + after.lost_before
    assert after.lost_before >= 0.3e6
    for block in (before, after, next(stream)):
        assert peak_hz(block) == pytest.approx(RF + 200e3, abs=50)
    with pytest.raises(ConfigError, match=r"24\.\.1766 MHz"):
        source.retune(14.9e9)  # type: ignore[attr-defined]


def test_silence_is_loss(serve: Serve, receive: Open) -> None:
    server = serve(Plan(paced=True, silent_after=600_000))
    source = receive(server.uri, timeout_s=0.5)
    with pytest.raises(SourceLost, match=r"no samples for 0\.5 s"):
        list(source.blocks())


def test_silence_counts_after_three_seconds_at_the_latest(serve: Serve, receive: Open) -> None:
    server = serve(Plan(paced=True, silent_after=500_000))
    source = receive(server.uri, timeout_s=60)
    began = time.monotonic()
    with pytest.raises(SourceLost, match="no samples for 3 s"):
        list(source.blocks())
    assert 2.5 < time.monotonic() - began < 6


def test_an_early_end_is_loss_after_what_came(serve: Serve, receive: Open) -> None:
    server = serve(Plan(paced=True, close_after=700_000))
    stream = receive(server.uri).blocks()
    came = [next(stream)]
    with pytest.raises(SourceLost, match="ended the connection"):
        came.extend(stream)
    assert came[-1].stop_sample > 200_000


@pytest.mark.parametrize(
    ("plan", "error", "said"),
    [
        (Plan(header=b"HTTP/1.1 400 Bad"), SourceNotFound, "answers b'HTTP'"),
        (Plan(header=b"RTL0", close_after=0), SourceNotFound, "closed the connection"),
        (Plan(header=b"", silent_after=0), SourceBusy, "one program at a time"),
        (Plan(silent_after=0), SourceLost, "still plugged in"),
    ],
)
def test_what_is_no_working_server(
    serve: Serve, receive: Open, plan: Plan, error: type, said: str
) -> None:
    server = serve(plan)
    with pytest.raises(error, match=said):
        receive(server.uri, timeout_s=0.4)


def test_nobody_there(receive: Open) -> None:
    server = Server(Plan())
    server.close()
    with pytest.raises(SourceNotFound, match="is rtl_tcp running"):
        receive(server.uri)


@pytest.mark.parametrize(
    ("query", "spec", "said"),
    [
        ("?gain=loud", SPEC, "gain: .*number"),
        ("?gain=55", SPEC, r"gain 55 dB is not within 0\.\.49\.6 dB"),
        ("?gian=5", SPEC, "did you mean 'gain'"),
        ("?ppm=1.5", SPEC, "ppm: .*integer"),
        ("?ppm=2000", SPEC, "ppm: .*less than or equal to 1000"),
        ("?rate=2e6", SPEC, "given twice"),
        ("?rate=500000", RawSpec(rf_hz=RF, plan=KU), r"225001\.\.300000 or 900001\.\.3200000"),
        ("?rate=nan", RawSpec(rf_hz=RF, plan=KU), "rate: .*finite"),
        ("", RawSpec(), "the centre is missing"),
        ("", RawSpec("cs8", rf_hz=RF, plan=KU), "sends cu8"),
        ("", RawSpec(rf_hz=RF), r"13800 MHz.*R820T tunes 24\.\.1766 MHz"),
        ("", RawSpec(rf_hz=12.7e9, plan=KU), "IF -100 MHz"),
    ],
)
def test_settings_are_checked_before_they_are_sent(
    serve: Serve, receive: Open, query: str, spec: RawSpec, said: str
) -> None:
    server = serve(Plan())
    with pytest.raises(ConfigError, match=said):
        receive(server.uri + query, spec)
    assert server.commands == []


@pytest.mark.parametrize(
    "uri", ["rtl_tcp://", "rtl_tcp://host", "rtl_tcp://h:99999", "rtl_tcp://h:1/x"]
)
def test_an_address_that_is_none(receive: Open, uri: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        receive(uri)


def test_a_converter_out_of_its_range_is_warned_of(
    serve: Serve, receive: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(Plan())
    receive(server.uri, RawSpec(rf_hz=14.52e9, plan=KU, sample_rate_hz=1e6))
    assert "converter ku-12.80 is specified for" in caplog.text


def test_the_gain_of_an_unknown_tuner_is_unknown(serve: Serve, receive: Open) -> None:
    server = serve(Plan(header=struct.pack(">4sII", b"RTL0", 77, 9)))
    assert receive(f"{server.uri}?gain=33").info.gain_db is None
    assert server.value(4) == 330


@pytest.mark.parametrize("read", [False, True])
def test_the_bias_voltage_is_taken_off(serve: Serve, receive: Open, read: bool) -> None:
    server = serve(Plan())
    source = receive(f"{server.uri}?bias=1")
    if read:
        runner.relay(source, [], stop=_set_after(0.2))
    source.close()
    source.close()
    due = time.monotonic() + 5
    while server.value(14) and time.monotonic() < due:
        time.sleep(0.01)
    assert [value for number, value in server.commands if number == 14] == [1, 0]


def test_the_bias_voltage_is_taken_off_when_nothing_comes(serve: Serve, receive: Open) -> None:
    server = serve(Plan(silent_after=0))
    with pytest.raises(SourceLost):
        receive(f"{server.uri}?bias=1", timeout_s=0.3)
    due = time.monotonic() + 5
    while server.value(14) and time.monotonic() < due:
        time.sleep(0.01)
    assert [value for number, value in server.commands if number == 14] == [1, 0]


def _set_after(delay_s: float) -> threading.Event:
    event = threading.Event()
    threading.Timer(delay_s, event.set).start()
    return event


def test_commands_fit_the_protocol() -> None:
    assert {command.name: command.value for command in rtl_tcp.Command} == {
        "FREQUENCY": 1, "RATE": 2, "MANUAL_GAIN": 3, "GAIN": 4, "PPM": 5, "DIGITAL_AGC": 8,
        "BIAS_TEE": 14,
    }  # fmt: skip
