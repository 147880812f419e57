"""The SoapySDR driver: the real modules over libraries without hardware."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdr_detect_hardware import _soapy_binding, _soapy_c, _soapy_reader
from sdr_detect_hardware._soapy_api import Read
from sdr_detect_hardware._soapy_reader import Timestamps
from sdr_detect_hardware.soapy import SoapySource

from sdr_detect import runner
from sdr_detect.catalog import converter
from sdr_detect.errors import ConfigError, SourceBusy, SourceError, SourceLost, SourceNotFound
from sdr_detect.formats.base import RawSpec
from sdr_detect.plan import FrequencyPlan
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock, decoded
from sdr_detect.registry import SourceOptions, open_source

KU = FrequencyPlan(converter("ku-12.80"))
HIGH = FrequencyPlan(converter("ku-15.45-high"))
RF = 13.8e9  # IF 1 GHz; the tone is 200 kHz above
SPEC = RawSpec(rf_hz=RF, plan=KU)
MTU = 131_072

CASES = itertools.count()

Log = dict[str, Path]
Open = Callable[..., SoapySource]


@pytest.fixture
def receive(soapy_logs: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens ``soapy://…`` with the libraries doing what ``fake`` says."""
    with contextlib.ExitStack() as stack:

        def begin(
            rest: str = "driver=hackrf?rate=4e6",
            fake: str = "",
            spec: RawSpec = SPEC,
            timeout_s: float = 5.0,
        ) -> SoapySource:
            for driver in ("HACKRF", "RTLSDR"):
                monkeypatch.setenv(f"FAKE_{driver}", fake)
            # For a second SoapySDR remembers what it found for the same words.
            device, mark, settings = rest.partition("?")
            rest = f"{device},case={next(CASES)}{mark}{settings}" if device else rest
            options = SourceOptions(spec, start_timeout_s=1, timeout_s=timeout_s)
            source = open_source(f"soapy://{rest}", options)
            assert isinstance(source, SoapySource)
            stack.callback(source.close)
            return source

        yield begin


def calls(log: Path, name: str) -> list[int]:
    """Arguments of all calls of one function."""
    lines = log.read_text().split("\n") if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.split()[:1] == [name]]


def stall(monkeypatch: pytest.MonkeyPatch, *, after: int, pause_s: float) -> None:
    """Keeps the reading thread from one read, as a busy machine would."""
    monkeypatch.setattr(_soapy_binding, "load_binding", _soapy_c.load)
    read, count = _soapy_c.LibraryRadio.read, itertools.count()

    def slow(self: _soapy_c.LibraryRadio, *arguments: object) -> Read:
        if next(count) == after:
            time.sleep(pause_s)
        return read(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_soapy_c.LibraryRadio, "read", slow)


def samples(block: RawBlock) -> np.ndarray:
    """Its samples, scaled."""
    return decoded(block).samples


def peak_hz(block: RawBlock) -> float:
    """RF of the strongest line in a block."""
    assert block.info.center_hz is not None
    power = np.abs(np.fft.fft(samples(block) * np.hanning(block.sample_count)))
    offset: float = np.fft.fftfreq(len(power), 1 / block.info.sample_rate_hz)[power.argmax()]
    return block.info.center_hz + offset


@pytest.mark.parametrize("load", [_soapy_binding.load, _soapy_c.load])
@pytest.mark.parametrize(
    ("rest", "level", "gain_db", "rail", "usable_hz"),
    [
        ("driver=hackrf?rate=4e6&gain.LNA=24&gain.VGA=30", 85 / 128, 54, 127 / 128, 3.5e6),
        ("driver=rtlsdr?rate=1e6&gain=40", 85 / 128, 40.2, 127.5 / 128, None),
    ],
)
def test_a_tone_arrives_at_its_rf(
    receive: Open,
    soapy_logs: Log,
    monkeypatch: pytest.MonkeyPatch,
    load: Callable[[], object],
    rest: str,
    level: float,
    gain_db: float,
    rail: float,
    usable_hz: float | None,
) -> None:
    monkeypatch.setattr(_soapy_binding, "load_binding", load)
    source = receive(rest)
    blocks = list(itertools.islice(source.blocks(), 4))
    source.close()
    assert source.overflow is Overflow.DROP_OLDEST
    for block in blocks:
        assert peak_hz(block) == pytest.approx(RF + 200e3, abs=100)
        assert np.abs(samples(block)).max() == pytest.approx(level, rel=0.02)
        assert abs(samples(block).mean()) < 0.02
        assert block.lost_before == 0
        assert block.datatype.name == ("cs8" if "hackrf" in rest else "cu8")
    assert [b.first_sample for b in blocks[1:]] == [b.stop_sample for b in blocks[:-1]]
    info = blocks[0].info
    assert info is source.info
    assert (info.center_hz, info.gain_db, info.clip_level) == (RF, gain_db, rail)
    assert info.usable_hz == usable_hz
    assert info.start_ns is not None
    assert abs(time.time_ns() - info.start_ns) < 10e9


def test_a_hackrf_gets_its_settings_by_name(receive: Open, soapy_logs: Log) -> None:
    source = receive("driver=hackrf?rate=20e6&bandwidth=5.2e6&gain.LNA=21&gain.VGA=21&bias=1")
    assert source.info.gain_db == 24 + 20
    assert source.info.usable_hz == 5e6
    source.close()
    log = soapy_logs["hackrf"]
    assert calls(log, "set_freq") == [1_000_000_000]
    assert calls(log, "set_lna_gain") == [24]
    assert calls(log, "set_vga_gain") == [20]
    assert calls(log, "set_amp_enable") == [0]
    assert calls(log, "set_antenna_enable") == [1, 0]
    order = [line.split()[0] for line in log.read_text().splitlines()]
    assert order.index("start_rx") < order.index("set_amp_enable")
    assert order.index("start_rx") < order.index("set_antenna_enable")
    assert order[-3:] == ["set_antenna_enable", "stop_rx", "close"]


def test_the_amplifier_is_switched_on_when_asked_for(receive: Open, soapy_logs: Log) -> None:
    assert receive("driver=hackrf?rate=4e6&gain.AMP=14").info.gain_db == 50
    assert calls(soapy_logs["hackrf"], "set_amp_enable") == [1]


def test_no_call_could_transmit(receive: Open, soapy_logs: Log) -> None:
    source = receive("driver=hackrf?rate=4e6&bias=1&gain.AMP=14&antenna=TX/RX&bandwidth=3.5e6")
    stream = source.blocks()
    next(stream)
    source.retune(RF + 1e6)
    source.close()
    assert list(stream) == []
    with pytest.raises(SourceLost, match="is closed"):
        source.retune(RF)
    called = {line.split()[0] for line in soapy_logs["hackrf"].read_text().splitlines()}
    assert called == {
        "open", "set_sample_rate", "set_baseband_filter_bandwidth", "set_freq", "set_lna_gain",
        "set_vga_gain", "set_amp_enable", "set_antenna_enable", "start_rx", "stop_rx", "close",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "sent", "recorded"),
    # The module sends whole decibels, and the tuner takes its next higher step.
    [
        ("gain=29.7", 290, 29.7),
        ("gain=43.9", 430, 43.4),
        ("gain.TUNER=0.6", 0, 0.0),
        ("", 290, 29.7),
    ],
)
def test_an_rtl_gain_is_recorded_as_the_tuner_takes_it(
    receive: Open, soapy_logs: Log, asked: str, sent: int, recorded: float
) -> None:
    assert receive(f"driver=rtlsdr?rate=1e6&{asked}").info.gain_db == recorded
    assert calls(soapy_logs["rtlsdr"], "set_tuner_gain")[-1] == sent
    assert calls(soapy_logs["rtlsdr"], "set_tuner_gain_mode") == [1]


def test_bytes_of_a_dongle_arrive_as_it_sent_them(receive: Open) -> None:
    block = next(receive("driver=rtlsdr?rate=1e6", "ramp=1").blocks())
    assert block.datatype.name == "cu8"
    assert np.array_equal(block.raw, np.arange(len(block.raw)) % 256)


def test_a_high_side_converter_is_put_right_once(receive: Open) -> None:
    source = receive(spec=RawSpec(rf_hz=14.45e9, plan=HIGH))
    assert peak_hz(next(source.blocks())) == pytest.approx(14.45e9 - 200e3, abs=100)


def test_a_loss_nobody_tells_is_found_and_counted(receive: Open) -> None:
    source = receive(fake="lose_at=2500000 lose=1000000")
    lost, end = 0, 0
    for block in source.blocks():
        assert block.first_sample == end + block.lost_before
        lost, end = lost + block.lost_before, block.stop_sample
        if end > 8_000_000:
            break
    assert lost == pytest.approx(1_000_000, abs=80_000)


def test_an_overflow_of_a_hackrf_is_counted(
    receive: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stall(monkeypatch, after=20, pause_s=0.6)
    # The phase of a tone this slow names the sample, out of 2**24.
    source = receive("driver=hackrf?rate=8e6", f"tone_hz={1e9 + 8e6 / 2**24:.9f}")
    blocks: list[RawBlock] = []
    for block in source.blocks():
        blocks.append(block)
        if block.stop_sample > 12_000_000:
            break

    def sent(block: RawBlock) -> float:
        return float(np.angle(samples(block)[:4096].mean()) / (2 * math.pi) * 2**24)

    true = (sent(blocks[-1]) - sent(blocks[0])) % 2**24
    assert blocks[-1].first_sample == pytest.approx(true, abs=80_000)
    losses = [block.lost_before for block in blocks if block.lost_before]
    assert losses[0] == MTU  # at once, what is sure; the rest when the clock knows it
    assert sum(losses) > 10 * MTU
    assert "the driver's buffer ran over; 131072 samples" in caplog.text


def test_an_overflow_of_a_dongle_is_counted_exactly(
    receive: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stall(monkeypatch, after=12, pause_s=1.0)
    source = receive("driver=rtlsdr?rate=1e6", "pace=8 tone_hz=1000123457")
    blocks = list(itertools.islice(source.blocks(), 24))
    (loss,) = [block.lost_before for block in blocks if block.lost_before]
    assert loss > 15 * MTU
    assert f"{loss} samples were lost in the driver" in caplog.text
    started = samples(blocks[0])[0]
    for block in blocks:  # the phase of the tone tells which sample it really is
        turn = np.exp(2j * np.pi * (0.123457 * block.first_sample % 1.0))
        assert abs(samples(block)[0] - started * turn) < 0.03


def test_what_the_consumer_was_too_slow_for_is_counted_exactly(
    receive: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_soapy_reader, "_QUEUE_TRANSFERS", 8)
    source = receive("driver=rtlsdr?rate=3.2e6", "tone_hz=1000123457")
    stream = source.blocks()
    blocks = list(itertools.islice(stream, 6))
    time.sleep(0.8)
    blocks += itertools.islice(stream, 20)
    assert max(block.lost_before for block in blocks) > 0
    started = samples(blocks[0])[0]
    for block in blocks:
        turn = np.exp(2j * np.pi * (123457 / 3.2e6 * block.first_sample % 1.0))
        assert abs(samples(block)[0] - started * turn) < 0.03


def test_unplugging_is_silence_and_silence_is_loss(receive: Open, soapy_logs: Log) -> None:
    source = receive("driver=hackrf?rate=4e6&bias=1", "silent_after=1300000", timeout_s=0.5)
    came: list[RawBlock] = []
    with pytest.raises(SourceLost, match=r"no samples for 0\.5 s; was it unplugged"):
        came.extend(source.blocks())
    assert came[-1].stop_sample >= 1_000_000
    assert calls(soapy_logs["hackrf"], "set_antenna_enable") == [1, 0]
    assert soapy_logs["hackrf"].read_text().endswith("stop_rx 0\nclose 0\n")


def test_silence_from_the_start(receive: Open, soapy_logs: Log) -> None:
    with pytest.raises(SourceLost, match="no samples for 1 s"):
        receive("driver=hackrf?rate=4e6&bias=1", "silent_after=0")
    assert calls(soapy_logs["hackrf"], "set_antenna_enable") == [1, 0]
    assert soapy_logs["hackrf"].read_text().endswith("stop_rx 0\nclose 0\n")


@pytest.mark.parametrize(
    ("rest", "fake", "error", "said"),
    [
        ("driver=hackrf", "count=0", SourceNotFound, "no such device"),
        ("driver=hackrf", "hidden=1", SourceNotFound, "another program hold it"),
        ("driver=hackrf", "open=-6", SourceBusy, "hackrf open failed"),
        ("driver=hackrf", "count=2 serial=160", SourceNotFound, "2 devices fit.*a0, 0*a1"),
        ("driver=hackrf", "start=-1", SourceError, "does not start to receive"),
        ("driver=rtlsdr", "v4=1", SourceError, "Blog V4.*rtlsdr://0"),
        ("driver=nosuch?rate=1e6", "", SourceNotFound, "is its module installed"),
    ],
)
def test_what_cannot_be_opened(
    receive: Open, soapy_logs: Log, rest: str, fake: str, error: type, said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        receive(rest, fake)
    assert raised.type is error
    assert calls(soapy_logs["hackrf"], "set_freq") == ([1_000_000_000] if "start" in fake else [])


HACKRF_FAULTS = [
    ("", r"names no device; write soapy://driver=hackrf"),
    ("hackrf", r"names no device"),
    ("driver=hackrf,serial=", r"names no device"),
    ("driver=hackrf?rate=1.9e6", r"rate 1900000 is not within 2000000\.\.20000000"),
    ("driver=hackrf?rate=21e6", r"is not within 2000000\.\.20000000"),
    ("driver=hackrf?gain=40", r"gain 40 dB: .*\?gain\.LNA= and \?gain\.VGA= and \?gain\.AMP="),
    ("driver=hackrf?gain.LNA=41", r"gain\.LNA 41 is not within 0\.\.40"),
    ("driver=hackrf?gain.VGA=-1", r"gain\.VGA -1 is not within 0\.\.62"),
    ("driver=hackrf?gain.VGA=nan", r"gain\.VGA nan is not within"),
    ("driver=hackrf?gain.AMP=11", r"gain\.AMP 11 dB is not 0 or 14 dB"),
    ("driver=hackrf?gain.IF=20", r"has no gain stage IF; it has LNA, VGA, AMP"),
    ("driver=hackrf?gain.LNA=much", r"gain\.LNA: 'much' is no number"),
    ("driver=hackrf?gain=1&gain.LNA=8", r"gain and gain\.NAME are both given"),
    ("driver=hackrf?bandwidth=1e6", r"bandwidth 1000000 is not within 1750000\.\.28000000"),
    ("driver=hackrf?antenna=RX2", r"has no antenna 'RX2'; it has TX/RX"),
    ("driver=hackrf?agc=1", r"agc: unknown key"),
    ("driver=rtlsdr?rate=500000", r"225001\.\.300000 or 900001\.\.3200000"),
    ("driver=rtlsdr?gain=49.7", r"gain\.TUNER 49\.7 is not within 0\.\.49\.6"),
]


@pytest.mark.parametrize(("rest", "said"), HACKRF_FAULTS)
def test_a_setting_out_of_range_does_not_reach_the_driver(
    receive: Open, soapy_logs: Log, rest: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        receive(rest)
    for log in soapy_logs.values():
        called = [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []
        assert set(called) <= {"open", "close"}
        assert called.count("open") == called.count("close")


@pytest.mark.parametrize(
    ("rest", "rf_hz", "said"),
    [
        ("driver=hackrf", 8e9, r"IF 8000 MHz, and the device tunes 1\.\.6000 MHz"),
        ("driver=hackrf", 0.9e6, r"tunes 1\.\.6000 MHz"),
        ("driver=rtlsdr?rate=1e6", 9e9, r"tunes 24\.\.1766 MHz"),
    ],
)
def test_a_frequency_out_of_range_does_not_reach_the_driver(
    receive: Open, soapy_logs: Log, rest: str, rf_hz: float, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        receive(rest, spec=RawSpec(rf_hz=rf_hz, plan=FrequencyPlan()))
    assert calls(soapy_logs["hackrf"], "set_freq") == []
    assert calls(soapy_logs["rtlsdr"], "set_center_freq") == []


def test_a_device_by_its_serial_number(receive: Open, soapy_logs: Log) -> None:
    serial = f"{0xB1:032x}"
    receive(f"driver=hackrf,serial={serial}?rate=4e6", "count=2 serial=176")
    assert calls(soapy_logs["hackrf"], "open")[-1] == 1


@pytest.mark.parametrize("driver", ["hackrf", "rtlsdr"])
def test_retuning_discards_what_is_stale(receive: Open, driver: str) -> None:
    source = receive(f"driver={driver}?rate=3e6")
    stream = source.blocks()
    before = next(stream)
    time.sleep(0.3)  # stale transfers pile up
    source.retune(RF + 100e3)
    after = next(stream)
    assert (before.info.center_hz, after.info.center_hz) == (RF, RF + 100e3)
    assert after.first_sample == before.stop_sample + after.lost_before
    assert after.lost_before >= 0.25 * 3e6
    for block in (before, after, next(stream)):
        assert peak_hz(block) == pytest.approx(RF + 200e3, abs=100)
    with pytest.raises(ConfigError, match=r"and the device tunes"):
        source.retune(21e9)


def test_the_bias_voltage_is_taken_off_at_the_end(receive: Open, soapy_logs: Log) -> None:
    source, stop = receive("driver=rtlsdr?rate=1e6&bias=1"), threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert runner.relay(source, [], overflow=source.overflow, stop=stop) > 0
    source.close()
    assert calls(soapy_logs["rtlsdr"], "set_bias_tee") == [1, 0]
    assert soapy_logs["rtlsdr"].read_text().endswith("close 0\n")


@given(
    speed=st.sampled_from([1, 2]),
    rate_hz=st.integers(250_000, 20_000_000),
    lengths=st.lists(st.integers(1_000, 131_072), min_size=8, max_size=30),
    lost=st.integers(3, 10**8),
    data=st.data(),
)
def test_times_that_count_samples_tell_losses_exactly(
    speed: int, rate_hz: int, lengths: list[int], lost: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(Timestamps.TRIALS + 1, len(lengths) - 1))
    times, sample, found = Timestamps(rate_hz), 0, []
    for number, length in enumerate(lengths):
        sample += lost if number == at else 0
        found.append(times.missing(sample * speed * 10**9 // rate_hz, length))
        sample += length
    assert found[: Timestamps.TRIALS + 1] == [None] * (Timestamps.TRIALS + 1)
    assert found[at] == pytest.approx(lost, abs=2)
    assert {
        m for n, m in enumerate(found[Timestamps.TRIALS + 1 :], Timestamps.TRIALS + 1) if n != at
    } <= {0}


def test_times_of_a_clock_are_not_taken_for_counts() -> None:
    times = Timestamps(1e6)
    late_ns = [0, 3e5, 1e5, 9e5, 2e5, 5e5, 0, 7e5, 4e5, 1e5]  # jitter of a host's clock
    assert {times.missing(n * 10**7 + int(j), 10_000) for n, j in enumerate(late_ns)} == {None}
    assert times.missing(None, 10_000) is None
