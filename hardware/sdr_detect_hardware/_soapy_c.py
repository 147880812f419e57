"""SoapySDR through ``libSoapySDR``'s own C functions: for any Python there is.

Debian's binding is compiled for one Python only. Every function is bound with the
direction of receiving; those of sending are not bound.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_long, c_longlong, c_size_t, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import DriverMissing, SourceError
from sdr_detect_hardware._soapy_api import (
    CHANNEL,
    HAS_TIME,
    LOG_LEVEL,
    MEANING,
    RECEIVE,
    Read,
    Span,
    markup,
)

#: Its functions are those of this version only.
_ABI = "0.8"
_LIBRARY = f"libSoapySDR.so.{_ABI}"


class _Range(ctypes.Structure):
    _fields_ = [("low", c_double), ("high", c_double), ("step", c_double)]


class _Kwargs(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("keys", POINTER(c_char_p)), ("values", POINTER(c_char_p))]


#: Direction and channel.
_RX = (c_int, c_size_t)

#: Result, and arguments after the device.
_DEVICE: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "listGains": (POINTER(c_char_p), (*_RX, POINTER(c_size_t))),
    "getGainRange": (_Range, _RX),
    "getGainElementRange": (_Range, (*_RX, c_char_p)),
    "setGain": (c_int, (*_RX, c_double)),
    "setGainElement": (c_int, (*_RX, c_char_p, c_double)),
    "getGain": (c_double, _RX),
    "hasGainMode": (ctypes.c_bool, _RX),
    "setGainMode": (c_int, (*_RX, ctypes.c_bool)),
    "listAntennas": (POINTER(c_char_p), (*_RX, POINTER(c_size_t))),
    "setAntenna": (c_int, (*_RX, c_char_p)),
    "getFrequencyRange": (POINTER(_Range), (*_RX, POINTER(c_size_t))),
    "setFrequency": (c_int, (*_RX, c_double, POINTER(_Kwargs))),
    "getFrequency": (c_double, _RX),
    "getSampleRateRange": (POINTER(_Range), (*_RX, POINTER(c_size_t))),
    "setSampleRate": (c_int, (*_RX, c_double)),
    "getSampleRate": (c_double, _RX),
    "getBandwidthRange": (POINTER(_Range), (*_RX, POINTER(c_size_t))),
    "setBandwidth": (c_int, (*_RX, c_double)),
    "getBandwidth": (c_double, _RX),
    "writeSetting": (c_int, (c_char_p, c_char_p)),
    "getStreamFormats": (POINTER(c_char_p), (*_RX, POINTER(c_size_t))),
    "getNativeStreamFormat": (c_void_p, (*_RX, POINTER(c_double))),
    "setupStream": (
        c_void_p,
        (c_int, c_char_p, POINTER(c_size_t), c_size_t, POINTER(_Kwargs)),
    ),
    "getStreamMTU": (c_size_t, (c_void_p,)),
    "activateStream": (c_int, (c_void_p, c_int, c_longlong, c_size_t)),
    "readStream": (
        c_int,
        (c_void_p, POINTER(c_void_p), c_size_t, POINTER(c_int), POINTER(c_longlong), c_long),
    ),
    "deactivateStream": (c_int, (c_void_p, c_int, c_longlong)),
    "closeStream": (c_int, (c_void_p,)),
    "unmake": (c_int, ()),
}


def load() -> LibraryBinding:
    """Load the library.

    Raises
    ------
    DriverMissing
        It is not installed, or of another version.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as exc:
        raise DriverMissing(str(exc), uri=_LIBRARY) from exc
    try:
        return LibraryBinding(library)
    except AttributeError as exc:
        raise DriverMissing(f"is no SoapySDR {_ABI} ({exc})", uri=_LIBRARY) from exc


class LibraryBinding:
    """The library with its prototypes."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        for name, (result, arguments) in _DEVICE.items():
            function = getattr(library, f"SoapySDRDevice_{name}")
            function.restype, function.argtypes = result, (c_void_p, *arguments)
        for name, result, arguments in (
            ("SoapySDR_setLogLevel", None, (c_int,)),
            ("SoapySDR_listModules", POINTER(c_char_p), (POINTER(c_size_t),)),
            ("SoapySDR_free", None, (c_void_p,)),
            ("SoapySDRStrings_clear", None, (POINTER(POINTER(c_char_p)), c_size_t)),
            ("SoapySDRKwargsList_clear", None, (POINTER(_Kwargs), c_size_t)),
            ("SoapySDRDevice_lastStatus", c_int, ()),
            ("SoapySDRDevice_lastError", c_char_p, ()),
            (
                "SoapySDRDevice_enumerateStrArgs",
                POINTER(_Kwargs),
                (c_char_p, POINTER(c_size_t)),
            ),
            ("SoapySDRDevice_makeStrArgs", c_void_p, (c_char_p,)),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        library.SoapySDR_setLogLevel(LOG_LEVEL)

    @property
    def title(self) -> str:
        """What it is, and where it was found."""
        return _LIBRARY

    def modules(self) -> Sequence[str]:
        """Files of the driver modules that were loaded."""
        return self.strings(self.library.SoapySDR_listModules)

    def enumerate(self, args: Mapping[str, str]) -> list[dict[str, str]]:
        """Devices attached that fit."""
        length = c_size_t()
        found = self.call("enumerateStrArgs", markup(args).encode(), byref(length))
        devices = [
            {_text(one.keys[k]): _text(one.values[k]) for k in range(one.size)}
            for one in found[: length.value]
        ]
        self.library.SoapySDRKwargsList_clear(found, length)
        return devices

    def open(self, args: Mapping[str, str], uri: str) -> LibraryRadio:
        """Open the device that fits."""
        device = self.call("makeStrArgs", markup(args).encode())
        return LibraryRadio(self, device, uri)

    def call(self, name: str, *arguments: Any, uri: str = "") -> Any:
        """Call ``SoapySDRDevice_<name>``.

        Raises
        ------
        SourceError
            The driver raised.
        """
        result = getattr(self.library, f"SoapySDRDevice_{name}")(*arguments)
        if self.library.SoapySDRDevice_lastStatus():
            cause = _text(self.library.SoapySDRDevice_lastError())
            raise SourceError(f"{name} failed in the driver: {cause}", uri=uri)
        return result

    def strings(self, function: Callable[..., Any], *arguments: Any) -> list[str]:
        """A list that the library allocates, and is given back."""
        length = c_size_t()
        found = function(*arguments, byref(length))
        texts = [_text(text) for text in found[: length.value]]
        self.library.SoapySDRStrings_clear(byref(found), length)
        return texts


class LibraryRadio:
    """A device opened through the library."""

    def __init__(self, binding: LibraryBinding, device: int, uri: str) -> None:
        self._binding = binding
        self._device: int | None = device
        self._stream: int | None = None
        self._uri = uri

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._binding.call(name, self._device, *arguments, uri=self._uri)

    def _rx(self, name: str, *arguments: Any) -> Any:
        return self._call(name, RECEIVE, CHANNEL, *arguments)

    def _strings(self, name: str) -> list[str]:
        return self._binding.strings(lambda length: self._rx(name, length))

    def _spans(self, name: str) -> list[Span]:
        length = c_size_t()
        found = self._rx(name, byref(length))
        spans = [Span(one.low, one.high) for one in found[: length.value]]
        self._binding.library.SoapySDR_free(found)
        return spans

    def gain_names(self) -> Sequence[str]:
        """Gain stages."""
        return self._strings("listGains")

    def gain_span_db(self, name: str | None) -> Span:
        """Range of one stage, or of all together."""
        if name is None:
            found = self._rx("getGainRange")
        else:
            found = self._rx("getGainElementRange", name.encode())
        return Span(found.low, found.high)

    def set_gain(self, name: str | None, gain_db: float) -> None:
        """Set one stage, or let the driver distribute."""
        if name is None:
            self._rx("setGain", gain_db)
        else:
            self._rx("setGainElement", name.encode(), gain_db)

    def gain_db(self) -> float:
        """Overall gain as the driver reports it."""
        return float(self._rx("getGain"))

    def set_manual_gain(self) -> None:
        """Switch automatic gain off, where there is one."""
        if self._rx("hasGainMode"):
            self._rx("setGainMode", False)

    def antennas(self) -> Sequence[str]:
        """Inputs there are."""
        return self._strings("listAntennas")

    def set_antenna(self, name: str) -> None:
        """Choose an input."""
        self._rx("setAntenna", name.encode())

    def frequency_spans_hz(self) -> Sequence[Span]:
        """Where it tunes, as the driver claims."""
        return self._spans("getFrequencyRange")

    def set_frequency(self, hz: float) -> None:
        """Tune."""
        self._rx("setFrequency", hz, None)

    def frequency_hz(self) -> float:
        """Where the driver says it is tuned."""
        return float(self._rx("getFrequency"))

    def rate_spans_hz(self) -> Sequence[Span]:
        """Sample rates, as the driver claims."""
        return self._spans("getSampleRateRange")

    def set_rate(self, hz: float) -> None:
        """Set the sample rate."""
        self._rx("setSampleRate", hz)

    def rate_hz(self) -> float:
        """Sample rate as the driver reports it."""
        return float(self._rx("getSampleRate"))

    def bandwidth_spans_hz(self) -> Sequence[Span]:
        """Widths of the analog filter."""
        return self._spans("getBandwidthRange")

    def set_bandwidth(self, hz: float) -> None:
        """Set the analog filter."""
        self._rx("setBandwidth", hz)

    def bandwidth_hz(self) -> float:
        """Width of the analog filter; 0 where the driver does not say."""
        return float(self._rx("getBandwidth"))

    def write_setting(self, key: str, value: str) -> None:
        """Write a setting of the driver's own."""
        self._call("writeSetting", key.encode(), value.encode())

    def formats(self) -> Sequence[str]:
        """Sample formats the driver delivers."""
        return self._strings("getStreamFormats")

    def native_format(self) -> tuple[str, float]:
        """What the device sends, and its code of full scale."""
        return native_format(self._binding, self._device, self._uri)

    def set_up(self, sample_format: str) -> int:
        """Prepare the stream; the samples of one transfer."""
        channels = (c_size_t * 1)(CHANNEL)
        self._stream = self._call("setupStream", RECEIVE, sample_format.encode(), channels, 1, None)
        return int(self._call("getStreamMTU", self._stream))

    def activate(self) -> None:
        """Begin to receive."""
        code = self._call("activateStream", self._stream, 0, 0, 0)
        if code:
            raise activation_error(code, self._uri)

    def read(self, buffer: NDArray[np.uint8], samples: int, timeout_s: float) -> Read:
        """Fill ``buffer`` with up to ``samples``."""
        buffers = (c_void_p * 1)(buffer.ctypes.data)
        flags, time_ns = c_int(), c_longlong()
        code = self._call(
            "readStream", self._stream, buffers, samples, byref(flags), byref(time_ns),
            round(timeout_s * 1e6),
        )  # fmt: skip
        return Read(code, time_ns.value if flags.value & HAS_TIME else None)

    def close(self) -> None:
        """Stop receiving, release stream and device. Safe to call twice."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            self._call("deactivateStream", stream, 0, 0)
            self._call("closeStream", stream)
        if self._device is not None:
            self._call("unmake")
            self._device = None


def native_format(binding: LibraryBinding, device: int | None, uri: str) -> tuple[str, float]:
    """What the device at this address sends, and its code of full scale."""
    scale = c_double()
    name = binding.call("getNativeStreamFormat", device, RECEIVE, CHANNEL, byref(scale), uri=uri)
    text = _text(ctypes.cast(name, c_char_p).value)
    binding.library.SoapySDR_free(name)
    return text, scale.value


def activation_error(code: int, uri: str) -> SourceError:
    """The error of a stream that does not start."""
    return SourceError(
        f"does not start to receive: {MEANING.get(code, 'error')} ({code}); plug it in again",
        uri=uri,
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
