"""The RTL-SDR driver: the real pyrtlsdr over a librtlsdr without hardware."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sdr_detect_hardware import _librtlsdr
from sdr_detect_hardware.rtlsdr import RtlSdrSource

from sdr_detect import runner
from sdr_detect.catalog import converter
from sdr_detect.errors import (
    ConfigError,
    DriverMissing,
    SourceBusy,
    SourceError,
    SourceLost,
    SourceNotFound,
)
from sdr_detect.formats.base import RawSpec
from sdr_detect.plan import FrequencyPlan
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block, decoded
from sdr_detect.registry import SourceOptions, open_source

KU = FrequencyPlan(converter("ku-12.80"))
HIGH = FrequencyPlan(converter("ku-15.45-high"))
RF = 13.8e9  # IF 1 GHz; the tone is 200 kHz above
SPEC = RawSpec(rf_hz=RF, plan=KU, sample_rate_hz=1e6)

Open = Callable[..., RtlSdrSource]


@pytest.fixture
def receive(rtlsdr_log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens ``rtlsdr://…`` with the library doing what ``fake`` says."""
    with contextlib.ExitStack() as stack:

        def begin(
            rest: str = "0", fake: str = "", spec: RawSpec = SPEC, timeout_s: float = 5.0
        ) -> RtlSdrSource:
            monkeypatch.setenv("FAKE_RTLSDR", fake)
            options = SourceOptions(spec, start_timeout_s=1, timeout_s=timeout_s)
            source = open_source(f"rtlsdr://{rest}", options)
            assert isinstance(source, RtlSdrSource)
            stack.callback(source.close)
            return source

        yield begin


def calls(log: Path, name: str) -> list[int]:
    """Arguments of all calls of one function."""
    lines = log.read_text().split("\n") if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.split()[:1] == [name]]


def peak_hz(block: Block) -> float:
    """RF of the strongest line in a block."""
    assert block.info.center_hz is not None
    samples = decoded(block).samples
    power = np.abs(np.fft.fft(samples * np.hanning(len(samples))))
    offset: float = np.fft.fftfreq(len(power), 1 / block.info.sample_rate_hz)[power.argmax()]
    return block.info.center_hz + offset


def test_a_tone_arrives_at_its_rf(receive: Open, rtlsdr_log: Path) -> None:
    source = receive("0?gain=40&ppm=7")
    blocks = list(itertools.islice(source.blocks(), 5))
    source.close()
    assert source.overflow is Overflow.DROP_OLDEST
    for block in blocks:
        assert peak_hz(block) == pytest.approx(RF + 200e3, abs=100)
        assert np.abs(decoded(block).samples).max() == pytest.approx(85 / 128, rel=0.02)
        assert block.lost_before == 0
    assert [b.first_sample for b in blocks[1:]] == [b.stop_sample for b in blocks[:-1]]
    info = blocks[0].info
    assert info is source.info
    assert (info.center_hz, info.gain_db, info.clip_level) == (RF, 40.2, 127.5 / 128)
    assert info.start_ns is not None
    assert abs(time.time_ns() - info.start_ns) < 10e9
    assert calls(rtlsdr_log, "set_center_freq") == [1_000_000_000]
    assert calls(rtlsdr_log, "set_freq_correction") == [7]
    assert calls(rtlsdr_log, "set_tuner_gain_mode") == [1]
    assert calls(rtlsdr_log, "set_agc_mode") == [0]
    assert calls(rtlsdr_log, "set_bias_tee") == []
    assert calls(rtlsdr_log, "close") == [0]


def test_no_call_could_transmit(receive: Open, rtlsdr_log: Path) -> None:
    source = receive("0?bias=1&ppm=2")
    next(source.blocks())
    source.retune(RF + 1e6)
    source.close()
    called = {line.split()[0] for line in rtlsdr_log.read_text().splitlines()}
    assert called == {
        "open", "set_sample_rate", "set_freq_correction", "set_agc_mode", "set_tuner_gain_mode",
        "set_tuner_gain", "set_center_freq", "set_bias_tee", "reset_buffer", "read_async",
        "cancel_async", "read_async_ended", "close",
    }  # fmt: skip


def test_a_high_side_converter_is_put_right_once(receive: Open) -> None:
    source = receive(spec=RawSpec(rf_hz=14.45e9, plan=HIGH, sample_rate_hz=1e6))
    assert peak_hz(next(source.blocks())) == pytest.approx(14.45e9 - 200e3, abs=100)


def test_a_loss_is_found_and_counted(receive: Open) -> None:
    source = receive(fake="lose_at=700000 lose=300000")
    lost, end = 0, 0
    for block in source.blocks():
        assert block.first_sample == end + block.lost_before
        lost, end = lost + block.lost_before, block.stop_sample
        if end > 2_500_000:
            break
    assert lost == pytest.approx(300_000, abs=20_000)


def test_what_the_reader_was_too_slow_for_is_counted_exactly(receive: Open) -> None:
    source = receive(fake="pace=50 tone_hz=1000123457")
    stream = source.blocks()
    blocks = [next(stream)]
    time.sleep(1.0)
    blocks += itertools.islice(stream, 100)
    assert max(block.lost_before for block in blocks) > 0
    for block in blocks:  # the phase of the tone tells which sample it really is
        turn = np.exp(2j * np.pi * (0.123457 * block.first_sample % 1.0))
        assert abs(decoded(block).samples[0] - 85 / 128 * turn) < 0.02


def test_unplugging_is_loss_after_all_that_came(receive: Open, rtlsdr_log: Path) -> None:
    came: list[Block] = []
    stream = receive(fake="unplug_after=300000").blocks()
    with pytest.raises(SourceLost, match=r"device gone.*unplugged"):
        came.extend(stream)
    assert came[-1].stop_sample >= 300_000
    assert calls(rtlsdr_log, "close") == [0]


def test_silence_is_loss(receive: Open, rtlsdr_log: Path) -> None:
    source = receive("0?bias=1", fake="silent_after=300000", timeout_s=0.5)
    with pytest.raises(SourceLost, match=r"no samples for 0\.5 s"):
        list(source.blocks())
    assert calls(rtlsdr_log, "set_bias_tee") == [1, 0]
    assert calls(rtlsdr_log, "close") == [0]


def test_silence_from_the_start(receive: Open, rtlsdr_log: Path) -> None:
    with pytest.raises(SourceLost, match="no samples for 1 s"):
        receive("0?bias=1", fake="silent_after=0")
    assert calls(rtlsdr_log, "set_bias_tee") == [1, 0]
    assert calls(rtlsdr_log, "close") == [0]


@pytest.mark.parametrize(
    ("rest", "fake", "error", "said"),
    [
        ("0", "count=0", SourceNotFound, "no RTL-SDR is attached"),
        ("0", "open=-1", SourceNotFound, "no such device"),
        ("0", "open=-6", SourceBusy, "modprobe -r dvb_usb_rtl28xxu"),
        ("0", "open=-3", SourceError, "udev.*plugdev"),
        ("0", "open=-12", SourceError, "cannot be opened"),
        ("3", "count=2", SourceNotFound, r"only 0\.\.1"),
        ("serial=9", "count=2", SourceNotFound, "attached: 00000001, 00000002"),
        ("", "", ConfigError, "names no device"),
        ("first", "", ConfigError, "rtlsdr://0 or rtlsdr://serial="),
        ("0?gain=49.7", "", ConfigError, r"0\.\.49\.6 dB"),
        ("0", "tuner=2", ConfigError, r"FC0012 tunes 22\.\.948\.6 MHz"),
        ("0", "tune_fails=1000000000", SourceError, "set_center_freq.*pipe error"),
    ],
)
def test_what_cannot_be_opened(
    receive: Open, rtlsdr_log: Path, rest: str, fake: str, error: type, said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        receive(rest, fake)
    assert raised.type is error
    opened = fake.startswith(("open", "count")) or error is ConfigError
    assert calls(rtlsdr_log, "read_async") == []
    if not opened:
        assert calls(rtlsdr_log, "close") == [0]


def test_a_dongle_by_its_serial_number(receive: Open, rtlsdr_log: Path) -> None:
    receive("serial=00000002", fake="count=3")
    assert calls(rtlsdr_log, "open") == [1]


def test_retuning_discards_what_is_stale(receive: Open) -> None:
    source = receive()
    stream = source.blocks()
    before = next(stream)
    time.sleep(0.3)  # stale transfers pile up
    source.retune(RF + 100e3)
    after = next(stream)
    assert (before.info.center_hz, after.info.center_hz) == (RF, RF + 100e3)
    assert after.first_sample == before.stop_sample + after.lost_before
    assert after.lost_before >= 0.25e6
    for block in (before, after, next(stream)):
        assert peak_hz(block) == pytest.approx(RF + 200e3, abs=100)
    with pytest.raises(ConfigError, match=r"24\.\.1766 MHz"):
        source.retune(14.9e9)


def test_a_failed_retune_ends_the_stream(receive: Open, rtlsdr_log: Path) -> None:
    source = receive(fake="tune_fails=1100000000")
    stream = source.blocks()
    next(stream)
    with pytest.raises(SourceError, match="set_center_freq"):
        source.retune(13.9e9)
    with pytest.raises(SourceLost, match="a retune failed"):
        next(stream)
    assert calls(rtlsdr_log, "close") == [0]


def test_a_cancel_that_is_not_heard_is_said_again(receive: Open, rtlsdr_log: Path) -> None:
    source = receive(fake="deaf=5")
    source.close()
    assert len(calls(rtlsdr_log, "cancel_async")) >= 6
    assert calls(rtlsdr_log, "close") == [0]


def test_a_device_that_does_not_stop_is_left_alone(
    receive: Open,
    rtlsdr_log: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_librtlsdr, "LIMIT_S", 0.3)
    source = receive("0?bias=1", fake="deaf=12")
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 3
    assert "does not close" in caplog.text
    assert calls(rtlsdr_log, "set_bias_tee") == [1, 0]
    assert calls(rtlsdr_log, "close") == []
    while not calls(rtlsdr_log, "read_async_ended"):  # the thread must not outlive the test
        source._dongle._table.librtlsdr.rtlsdr_cancel_async(source._dongle._device)


def test_the_bias_voltage_is_taken_off_at_the_end(receive: Open, rtlsdr_log: Path) -> None:
    source, stop = receive("0?bias=1"), threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert runner.relay(source, [], overflow=source.overflow, stop=stop) > 0
    source.close()
    assert calls(rtlsdr_log, "set_bias_tee") == [1, 0]
    assert calls(rtlsdr_log, "close") == [0]


@pytest.mark.parametrize("kind", [ImportError, AttributeError, OSError])
def test_a_library_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    class Broken(ModuleType):
        def load_librtlsdr(self) -> None:
            raise kind("undefined symbol: rtlsdr_set_dithering")

    for name in [n for n in sys.modules if n.partition(".")[0] == "rtlsdr"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyrtlsdrlib", Broken("pyrtlsdrlib"))
    with pytest.raises(DriverMissing, match=re.escape('pip install "sdr-detect[rtlsdr]"')):
        open_source("rtlsdr://0", SourceOptions(SPEC))


def test_pyrtlsdr_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtlsdr", None)
    monkeypatch.setitem(sys.modules, "rtlsdr.librtlsdr", None)
    with pytest.raises(DriverMissing, match=re.escape('pip install "sdr-detect[rtlsdr]"')):
        open_source("rtlsdr://0", SourceOptions(SPEC))
