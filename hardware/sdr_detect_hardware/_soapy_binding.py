"""SoapySDR's Python binding, wherever it is, or else the library itself.

PyPI has no SoapySDR. Debian's is compiled for Debian's Python and lies where a
virtual environment does not look; when the ABI is the same, it works there all the
same, with the environment's own NumPy.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import DriverMissing, SourceError
from sdr_detect_hardware import _soapy_c
from sdr_detect_hardware._soapy_api import (
    CHANNEL,
    HAS_TIME,
    LOG_LEVEL,
    RECEIVE,
    REMEDY,
    Binding,
    Read,
    Span,
    markup,
)

#: Where Debian puts what it compiles for its Python.
DEBIAN_FOLDER = Path("/usr/lib/python3/dist-packages")


def load_binding() -> Binding:
    """The first way to SoapySDR that works.

    Raises
    ------
    DriverMissing
        None does; the message says what was found.
    """
    reasons = []
    for way in (load, _soapy_c.load):
        try:
            return way()
        except DriverMissing as exc:
            reasons.append(str(exc))
    raise DriverMissing(f"SoapySDR cannot be used ({'; '.join(reasons)}); run: {REMEDY}")


def load(folder: Path = DEBIAN_FOLDER) -> PythonBinding:
    """The Python binding: imported, or taken from Debian's folder.

    Raises
    ------
    DriverMissing
        There is none, or none for this Python.
    """
    try:
        return PythonBinding(importlib.import_module("SoapySDR"))
    except ImportError:
        return PythonBinding(_from_folder(folder))


def _from_folder(folder: Path) -> ModuleType:
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    found = sorted(path.name for path in folder.glob("_SoapySDR.*so"))
    compiled = next((f"_SoapySDR{end}" for end in suffixes if f"_SoapySDR{end}" in found), None)
    if compiled is None:
        there = f"only {', '.join(found)}" if found else "nothing"
        raise DriverMissing(
            f"no binding for this Python (_SoapySDR{suffixes[0]}): {folder} has {there}",
            uri="python3-soapysdr",
        )
    try:
        for name, file in (("_SoapySDR", compiled), ("SoapySDR", "SoapySDR.py")):
            _load_as(name, folder / file)
    except (ImportError, OSError) as exc:
        for name in ("_SoapySDR", "SoapySDR"):
            sys.modules.pop(name, None)
        raise DriverMissing(f"does not load ({exc})", uri=str(folder / compiled)) from exc
    return sys.modules["SoapySDR"]


def _load_as(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


class PythonBinding:
    """The binding's module."""

    def __init__(self, module: Any) -> None:
        self._module = module
        module.setLogLevel(LOG_LEVEL)

    @property
    def title(self) -> str:
        """What it is, and where it was found."""
        return str(self._module.__file__)

    def modules(self) -> Sequence[str]:
        """Files of the driver modules that were loaded."""
        return list(self._module.listModules())

    def enumerate(self, args: Mapping[str, str]) -> list[dict[str, str]]:
        """Devices attached that fit."""
        try:
            return [dict(found) for found in self._module.Device.enumerate(markup(args))]
        except RuntimeError as exc:
            raise SourceError(f"SoapySDR could not look for devices: {exc}") from exc

    def open(self, args: Mapping[str, str], uri: str) -> PythonRadio:
        """Open the device that fits."""
        try:
            return PythonRadio(self._module.Device(markup(args)), uri)
        except RuntimeError as exc:
            raise SourceError(f"make failed in the driver: {exc}") from exc


class PythonRadio:
    """A device opened through the Python binding."""

    def __init__(self, device: Any, uri: str) -> None:
        self._device = device
        self._stream: Any = None
        self._uri = uri

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return getattr(self._device, name)(*arguments)
        except RuntimeError as exc:
            raise SourceError(f"{name} failed in the driver: {exc}", uri=self._uri) from exc

    def _rx(self, name: str, *arguments: Any) -> Any:
        return self._call(name, RECEIVE, CHANNEL, *arguments)

    def _spans(self, name: str) -> list[Span]:
        return [Span(one.minimum(), one.maximum()) for one in self._rx(name)]

    def gain_names(self) -> Sequence[str]:
        """Gain stages."""
        return list(self._rx("listGains"))

    def gain_span_db(self, name: str | None) -> Span:
        """Range of one stage, or of all together."""
        found = self._rx("getGainRange", *([] if name is None else [name]))
        return Span(found.minimum(), found.maximum())

    def set_gain(self, name: str | None, gain_db: float) -> None:
        """Set one stage, or let the driver distribute."""
        self._rx("setGain", *([] if name is None else [name]), gain_db)

    def gain_db(self) -> float:
        """Overall gain as the driver reports it."""
        return float(self._rx("getGain"))

    def set_manual_gain(self) -> None:
        """Switch automatic gain off, where there is one."""
        if self._rx("hasGainMode"):
            self._rx("setGainMode", False)

    def antennas(self) -> Sequence[str]:
        """Inputs there are."""
        return list(self._rx("listAntennas"))

    def set_antenna(self, name: str) -> None:
        """Choose an input."""
        self._rx("setAntenna", name)

    def frequency_spans_hz(self) -> Sequence[Span]:
        """Where it tunes, as the driver claims."""
        return self._spans("getFrequencyRange")

    def set_frequency(self, hz: float) -> None:
        """Tune."""
        self._rx("setFrequency", hz)

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
        self._call("writeSetting", key, value)

    def formats(self) -> Sequence[str]:
        """Sample formats the driver delivers."""
        return list(self._rx("getStreamFormats"))

    def native_format(self) -> tuple[str, float]:
        """What the device sends, and its code of full scale.

        The binding lacks this one: it takes a C++ reference that Python cannot
        make. The library it is linked to has it.
        """
        return _soapy_c.native_format(_soapy_c.load(), int(self._device.this), self._uri)

    def set_up(self, sample_format: str) -> int:
        """Prepare the stream; the samples of one transfer."""
        self._stream = self._call("setupStream", RECEIVE, sample_format, [CHANNEL])
        return int(self._call("getStreamMTU", self._stream))

    def activate(self) -> None:
        """Begin to receive."""
        code = self._call("activateStream", self._stream)
        if code:
            raise _soapy_c.activation_error(code, self._uri)

    def read(self, buffer: NDArray[np.uint8], samples: int, timeout_s: float) -> Read:
        """Fill ``buffer`` with up to ``samples``."""
        done = self._call("readStream", self._stream, [buffer], samples, 0, round(timeout_s * 1e6))
        return Read(done.ret, done.timeNs if done.flags & HAS_TIME else None)

    def close(self) -> None:
        """Stop receiving, release stream and device. Safe to call twice."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            self._call("deactivateStream", stream)
            self._call("closeStream", stream)
        if self._device is not None:
            device, self._device = self._device, None
            device.close()
