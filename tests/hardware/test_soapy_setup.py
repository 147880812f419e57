"""Devices of which nothing is known: what their driver says is kept to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sdr_detect_hardware import _soapy_setup
from sdr_detect_hardware._soapy_api import Span
from sdr_detect_hardware._soapy_settings import Settings, read_settings

from sdr_detect.errors import ConfigError, SourceError, SourceNotFound
from sdr_detect.formats.base import RawSpec
from sdr_detect.registry import SourceOptions

URI = "soapy://driver=other"


class Radio:
    """A device of 12 bits with two gain stages, which notes what it is told."""

    native: tuple[str, float] = ("CS16", 2048.0)
    offered: Sequence[str] = ("CS16", "CF32")
    bandwidths: Sequence[Span] = (Span(1e6, 5e6),)
    rates: Sequence[Span] = (Span(1e6, 1e6), Span(2e6, 10e6))
    made_rate_hz: float | None = None

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.now: dict[str, float] = {}

    def gain_names(self) -> Sequence[str]:
        return ["TIA", "PGA"]

    def gain_span_db(self, name: str | None) -> Span:
        return Span(0, 12) if name else Span(0, 40)

    def set_gain(self, name: str | None, gain_db: float) -> None:
        self.told.append(("gain", name, gain_db))

    def gain_db(self) -> float:
        return 33.0

    def set_manual_gain(self) -> None:
        self.told.append(("manual",))

    def antennas(self) -> Sequence[str]:
        return ["A", "B"]

    def set_antenna(self, name: str) -> None:
        self.told.append(("antenna", name))

    def frequency_spans_hz(self) -> Sequence[Span]:
        return [Span(70e6, 6e9)]

    def set_frequency(self, hz: float) -> None:
        self.told.append(("frequency", hz))

    def rate_spans_hz(self) -> Sequence[Span]:
        return self.rates

    def set_rate(self, hz: float) -> None:
        self.now["rate"] = hz

    def rate_hz(self) -> float:
        return self.made_rate_hz or self.now["rate"]

    def bandwidth_spans_hz(self) -> Sequence[Span]:
        return self.bandwidths

    def set_bandwidth(self, hz: float) -> None:
        self.now["bandwidth"] = hz

    def bandwidth_hz(self) -> float:
        return self.now.get("bandwidth", 0.0)

    def write_setting(self, key: str, value: str) -> None:
        self.told.append((key, value))

    def formats(self) -> Sequence[str]:
        return self.offered

    def native_format(self) -> tuple[str, float]:
        return self.native

    def set_up(self, sample_format: str) -> int:
        self.told.append(("set_up", sample_format))
        return 4096

    def activate(self) -> None:
        self.told.append(("activate",))


def asked(rest: str) -> Settings:
    return read_settings(URI + rest, SourceOptions(RawSpec(rf_hz=1.4e9)))


def begin(radio: Radio, rest: str) -> _soapy_setup.Begun:
    return _soapy_setup.begin(radio, asked(rest), {}, URI)  # type: ignore[arg-type]


def test_settings_are_as_asked_and_the_rail_is_that_of_the_converter() -> None:
    radio = Radio()
    begun = begin(radio, "?rate=5e6&gain=30&bandwidth=3e6&antenna=B")
    assert radio.told == [
        ("antenna", "B"), ("manual",), ("frequency", 1_400_000_000), ("set_up", "CS16"),
        ("activate",), ("gain", None, 30.0),
    ]  # fmt: skip
    assert begun.datatype.name == "cs16"
    assert begun.transfer_samples == 4096
    info = begun.info
    assert info.clip_level == 2047 / 32768
    assert (info.sample_rate_hz, info.usable_hz, info.center_hz) == (5e6, 3e6, 1.4e9)
    assert info.gain_db == 33.0  # as read back: steps of this device are not known


def test_gains_of_stages(caplog: pytest.LogCaptureFixture) -> None:
    radio = Radio()
    with caplog.at_level(logging.INFO):
        begin(radio, "?rate=5e6&gain.TIA=12&gain.PGA=3")
    assert radio.told[-2:] == [("gain", "TIA", 12.0), ("gain", "PGA", 3.0)]
    assert "gain TIA 12 dB, PGA 3 dB" in caplog.text


def test_a_rate_that_the_device_does_not_make_is_said(caplog: pytest.LogCaptureFixture) -> None:
    radio = Radio()
    radio.made_rate_hz = 4_999_872.0
    assert begin(radio, "?rate=5e6&gain=1").info.sample_rate_hz == 4_999_872.0
    assert "the device makes 4.99987e+06 Hz" in caplog.text


def test_packed_samples_are_taken_in_the_next_wider_form(
    caplog: pytest.LogCaptureFixture,
) -> None:
    radio = Radio()
    radio.native = ("CS12", 2048.0)
    begun = begin(radio, "?rate=5e6&gain=1")
    assert (begun.datatype.name, begun.info.clip_level) == ("cs16", 32767 / 32768)
    assert "sends CS12, which its driver turns into CS16" in caplog.text
    radio.offered = ("CS12",)
    with pytest.raises(SourceError, match="delivers CS12; read are CS8, CU8, CS16"):
        begin(radio, "?rate=5e6&gain=1")


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("?gain=1", r"the rate is missing"),
        ("?rate=1.5e6&gain=1", r"rate 1500000 is not within 1000000 or 2000000\.\.10000000"),
        ("?rate=5e6", r"the gain is missing; give \?gain= \(0\.\.40 dB\) .*\(TIA, PGA\)"),
        ("?rate=5e6&gain=41", r"gain 41 is not within 0\.\.40"),
        ("?rate=5e6&gain.PGA=13", r"gain\.PGA 13 is not within 0\.\.12"),
        ("?rate=5e6&gain.LNA=1", r"no gain stage LNA; it has TIA, PGA"),
        ("?rate=5e6&gain=1&bandwidth=6e6", r"bandwidth 6000000 is not within"),
        ("?rate=5e6&gain=1&antenna=RX", r"it has A, B"),
        ("?rate=5e6&gain=1&bias=1", r"no bias voltage is known"),
    ],
)
def test_what_the_driver_says_it_cannot_is_not_tried(rest: str, said: str) -> None:
    radio = Radio()
    with pytest.raises(ConfigError, match=said):
        begin(radio, rest)
    assert radio.told == []


def test_a_fixed_filter_is_not_set() -> None:
    radio = Radio()
    radio.bandwidths = ()
    with pytest.raises(ConfigError, match="filter of this device is fixed"):
        begin(radio, "?rate=5e6&gain=1&bandwidth=1e6")


class Binding:
    """Says what is attached."""

    title = "test"

    def __init__(self, *found: dict[str, str]) -> None:
        self.found = list(found)
        self.opened: list[dict[str, str]] = []

    def modules(self) -> Sequence[str]:
        return []

    def enumerate(self, args: Mapping[str, str]) -> list[dict[str, str]]:
        return self.found

    def open(self, args: Mapping[str, str], uri: str) -> Any:
        self.opened.append(dict(args))
        return object()


def test_the_device_that_fits_is_opened_and_none_when_two_do() -> None:
    one, two = ({"driver": "other", "serial": number, "label": number} for number in "12")
    binding = Binding(one)
    _soapy_setup.open_radio(binding, asked("?rate=5e6"), URI)
    assert binding.opened == [one]
    with pytest.raises(SourceNotFound, match="2 devices fit; add ,serial= with one of 1, 2"):
        _soapy_setup.open_radio(Binding(one, two), asked("?rate=5e6"), URI)


def test_a_blog_v4_is_opened_where_the_library_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "librtlsdr.so.2"
    maps = tmp_path / "maps"
    maps.write_text(f"7f00-7f01 r-xp 00000000 08:01 77 {library}\n7f02-7f03 rw-p 0 00:00 0\n")
    monkeypatch.setattr(_soapy_setup, "_MAPS", maps)
    binding = Binding({"driver": "rtlsdr", "product": "Blog V4"})
    library.write_bytes(b"R820T\0")
    with pytest.raises(SourceError, match="does not know the Blog V4"):
        _soapy_setup.open_radio(binding, asked("?rate=5e6"), URI)
    library.write_bytes(b"RTLSDRBlog\0Blog V4\0")
    _soapy_setup.open_radio(binding, asked("?rate=5e6"), URI)
    assert len(binding.opened) == 1
