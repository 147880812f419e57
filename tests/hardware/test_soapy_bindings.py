"""Both ways to SoapySDR keep one contract, over its real modules."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sdr_detect_hardware import _soapy_binding, _soapy_c
from sdr_detect_hardware._soapy_api import OVERFLOW, TIMEOUT, Binding, Radio, Span

from sdr_detect.errors import DriverMissing, SourceError

Log = dict[str, Path]


@pytest.fixture(params=["python", "library"])
def binding(request: pytest.FixtureRequest, soapy_logs: Log) -> Binding:
    if request.param == "library":
        return _soapy_c.load()
    try:
        return _soapy_binding.load()
    except DriverMissing as exc:
        pytest.skip(str(exc))


@pytest.fixture
def attached(
    binding: Binding, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Radio]]:
    """Opens a device of a driver, with its library doing what ``fake`` says."""
    opened: list[Radio] = []

    def attach(driver: str, fake: str = "") -> Radio:
        monkeypatch.setenv(f"FAKE_{driver.upper()}", fake)
        opened.append(binding.open({"driver": driver}, f"soapy://driver={driver}"))
        return opened[-1]

    yield attach
    for radio in opened:
        radio.close()


def read_until(radio: Radio, samples: int, wanted: int | None = None) -> tuple[int, np.ndarray]:
    """Read until something comes, or a code does."""
    buffer = np.zeros(2 * samples, np.uint8)
    due = time.monotonic() + 5
    while time.monotonic() < due:
        code = radio.read(buffer, samples, 0.1).code
        if code == wanted or (wanted is None and code > 0):
            return code, buffer
    raise AssertionError(f"no {wanted}, but {code}")


def test_what_is_attached(binding: Binding) -> None:
    found = {device["driver"]: device for device in binding.enumerate({})}
    assert found["hackrf"]["serial"].endswith("abc")
    assert found["rtlsdr"]["tuner"] == "Rafael Micro R820T"
    assert [device["driver"] for device in binding.enumerate({"driver": "hackrf"})] == ["hackrf"]
    assert binding.enumerate({"driver": "hackrf", "serial": "9"}) == []
    assert any(path.endswith("libHackRFSupport.so") for path in binding.modules())


def test_what_a_hackrf_can(attached: Callable[..., Radio], soapy_logs: Log) -> None:
    radio = attached("hackrf")
    assert set(radio.gain_names()) == {"LNA", "VGA", "AMP"}
    assert radio.gain_span_db("LNA") == Span(0, 40)
    assert radio.gain_span_db(None).low == 0
    assert radio.frequency_spans_hz() == [Span(0, 7.25e9)]  # as the driver claims
    assert Span(20e6, 20e6) in radio.rate_spans_hz()
    assert Span(1.75e6, 1.75e6) in radio.bandwidth_spans_hz()
    assert radio.antennas() == ["TX/RX"]
    assert radio.native_format() == ("CS8", 128.0)
    assert "CS16" in radio.formats()
    radio.set_manual_gain()
    radio.set_rate(10e6)
    radio.set_bandwidth(5e6)
    radio.set_frequency(1.2e9)
    radio.set_gain("LNA", 24.0)
    radio.set_antenna("TX/RX")
    assert (radio.rate_hz(), radio.bandwidth_hz(), radio.frequency_hz()) == (10e6, 5e6, 1.2e9)
    calls = soapy_logs["hackrf"].read_text()
    for call in ("set_sample_rate 10000000", "set_freq 1200000000", "set_lna_gain 24"):
        assert call in calls


@pytest.mark.parametrize(("driver", "has_time"), [("hackrf", False), ("rtlsdr", True)])
def test_a_stream(
    attached: Callable[..., Radio], soapy_logs: Log, driver: str, has_time: bool
) -> None:
    radio = attached(driver)
    radio.set_rate(2.4e6)
    radio.set_frequency(1e9)
    assert radio.set_up("CS8") == 131_072
    radio.activate()
    count, buffer = read_until(radio, 131_072)
    assert count == 131_072
    assert np.abs(buffer.view(np.int8)).max() > 80
    assert (radio.read(buffer, 131_072, 1.0).time_ns is not None) == has_time
    radio.close()
    radio.close()
    assert soapy_logs[driver].read_text().endswith("close 0\n")


def test_a_reader_too_slow_is_told(attached: Callable[..., Radio]) -> None:
    radio = attached("hackrf", "pace=0")
    radio.set_rate(2e6)
    samples = radio.set_up("CS8")
    radio.activate()
    time.sleep(0.3)
    read_until(radio, samples, OVERFLOW)
    read_until(radio, samples)


def test_silence_is_a_timeout(attached: Callable[..., Radio]) -> None:
    radio = attached("hackrf", "silent_after=0")
    radio.set_rate(2e6)
    samples = radio.set_up("CS8")
    radio.activate()
    read_until(radio, samples, TIMEOUT)


def test_settings_reach_the_driver(attached: Callable[..., Radio], soapy_logs: Log) -> None:
    radio = attached("rtlsdr")
    radio.set_manual_gain()
    radio.set_gain(None, 20.0)
    assert radio.gain_db() == 20.0
    radio.write_setting("biastee", "true")
    radio.write_setting("biastee", "false")
    calls = soapy_logs["rtlsdr"].read_text()
    assert re.findall(r"set_bias_tee (\d)", calls) == ["1", "0"]
    assert "set_tuner_gain_mode 1" in calls
    assert "set_tuner_gain 200" in calls


def test_what_a_driver_raises_is_a_source_error(
    attached: Callable[..., Radio], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="failed in the driver"):
        attached("hackrf", "open=-6")
    radio = attached("rtlsdr")
    with pytest.raises(SourceError, match="soapy://driver=rtlsdr: setupStream failed"):
        radio.set_up("CU12")
    radio = attached("hackrf", "start=-1")
    radio.set_up("CS8")
    with pytest.raises(SourceError, match=r"does not start to receive: stream error \(-2\)"):
        radio.activate()


def test_a_binding_for_another_python_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "SoapySDR", None)
    with pytest.raises(DriverMissing, match=r"no binding for this Python .* has nothing"):
        _soapy_binding.load(tmp_path)
    other = tmp_path / "_SoapySDR.cpython-27-x86_64-linux-gnu.so"
    other.touch()
    with pytest.raises(DriverMissing, match=rf"has only {re.escape(other.name)}"):
        _soapy_binding.load(tmp_path)


def test_a_damaged_binding_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SoapySDR", None)
    monkeypatch.delitem(sys.modules, "_SoapySDR", raising=False)
    suffix = _soapy_binding.importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / f"_SoapySDR{suffix}").write_bytes(b"\x7fELF and no more")
    with pytest.raises(DriverMissing, match="does not load"):
        _soapy_binding.load(tmp_path)
    assert "_SoapySDR" not in sys.modules


def test_no_way_at_all_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SoapySDR", None)
    monkeypatch.setattr(_soapy_c, "_LIBRARY", "libSoapySDR.so.0.0")
    monkeypatch.setattr(_soapy_binding.load, "__defaults__", (Path("/no/folder"),))
    with pytest.raises(DriverMissing, match=r"has nothing; .*libSoapySDR\.so\.0\.0.*apt install"):
        _soapy_binding.load_binding()


def test_the_library_is_taken_where_there_is_no_binding(
    soapy_logs: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "SoapySDR", None)
    monkeypatch.setattr(_soapy_binding.load, "__defaults__", (Path("/no/folder"),))
    assert _soapy_binding.load_binding().title == "libSoapySDR.so.0.8"
