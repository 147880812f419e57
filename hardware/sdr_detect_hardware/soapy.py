"""``soapy://driver=hackrf`` or ``soapy://driver=NAME,serial=…``: through SoapySDR.

What stands before ``?`` is SoapySDR's own, and says which device. After it, joined
by ``&``: ``rate=8e6``; ``gain.NAME=16`` dB for a stage (HackRF: LNA, VGA, AMP) or
``gain=30`` for all together (not HackRF); ``bandwidth=`` Hz of the analog filter;
``antenna=``; ``bias=1`` (voltage on the antenna input, off again at the end; it
cannot feed an LNB, and harms what is shorted for DC).
"""

from __future__ import annotations

import json
import logging
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sdr_detect.errors import DriverMissing, SourceError, SourceLost
from sdr_detect.model import StreamInfo
from sdr_detect.ownprocess import module_command
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import Device, Finding, Liveness, SourceOptions
from sdr_detect_hardware import _soapy_binding, _soapy_setup
from sdr_detect_hardware._librtlsdr import within_limit
from sdr_detect_hardware._live import Assembler, starting_at
from sdr_detect_hardware._rtl import SILENCE_S
from sdr_detect_hardware._soapy_api import REMEDY, Radio
from sdr_detect_hardware._soapy_reader import Reader, Transfer
from sdr_detect_hardware._soapy_settings import Settings, read_settings

_log = logging.getLogger(__name__)

#: How long modules may look for their devices; some ask the network.
_PROBE_LIMIT_S = 30.0

_FAULT_REMEDY = "apt list --installed 'soapysdr*-module-*'; remove those that are not needed"

LIVENESS = Liveness.RECEIVER


def open_source(uri: str, options: SourceOptions) -> SoapySource:
    """Open the device, set it, and wait for its first samples.

    Raises
    ------
    ConfigError
        A setting is missing or out of range.
    DriverMissing
        SoapySDR is not installed, or not for this Python.
    SourceNotFound, SourceBusy, SourceError
        It cannot be opened; the message names the remedy.
    SourceLost
        It opens and sends no samples.
    """
    settings = read_settings(uri, options)
    head = uri.partition("?")[0]
    radio, found = _soapy_setup.open_radio(_soapy_binding.load_binding(), settings, head)
    source = SoapySource(radio, settings, head, min(options.timeout_s, SILENCE_S))
    try:
        source.start(found, min(options.start_timeout_s, SILENCE_S))
    except BaseException:
        source.close()
        raise
    return source


def probe() -> list[Device]:
    """The devices that SoapySDR's modules find.

    Raises
    ------
    DriverMissing
        SoapySDR is not installed, or not for this Python.
    SourceError
        A module crashed or hangs.
    """
    devices = []
    for found in _look()["devices"]:
        uri = f"soapy://driver={found.get('driver', '')}"
        if found.get("serial"):
            uri += f",serial={found['serial']}"
        devices.append(Device(uri, found.get("label", "no name"), "through SoapySDR"))
    return devices


def check() -> list[Finding]:
    """Whether SoapySDR is here, and which of its modules."""
    name = "SoapySDR"
    try:
        seen = _look()
    except DriverMissing as exc:
        return [Finding(name, "missing", str(exc), REMEDY)]
    except SourceError as exc:
        return [Finding(name, "fault", str(exc), _FAULT_REMEDY)]
    modules = [path.rpartition("/")[2] for path in seen["modules"]]
    if not modules:
        return [Finding(name, "missing", f"{seen['title']}, without any module", REMEDY)]
    return [Finding(name, "ok", f"{seen['title']}, modules: {', '.join(modules)}")]


def _look() -> dict[str, Any]:
    """What a process of its own finds: a module that crashes does not take this one along."""
    command = module_command("sdr_detect_hardware._soapy_look")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PROBE_LIMIT_S
        )
    except subprocess.TimeoutExpired as exc:
        raise SourceError(f"a module of SoapySDR hangs: no answer in {_PROBE_LIMIT_S:g} s") from exc
    if done.returncode < 0:
        raise SourceError(
            f"a module of SoapySDR crashed while it looked for devices (signal "
            f"{-done.returncode}); it may not get along with what is plugged in"
        )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise SourceError(f"SoapySDR could not look for devices: {done.stderr.strip()}")
    answer: dict[str, Any] = json.loads(lines[-1])
    if "missing" in answer:
        raise DriverMissing(answer["missing"])
    if "failed" in answer:
        raise SourceError(answer["failed"])
    return answer


class SoapySource:
    """A tuned and running device."""

    def __init__(self, radio: Radio, settings: Settings, uri: str, silence_s: float) -> None:
        self._radio = radio
        self._settings = settings
        self._uri = uri
        self._silence_s = silence_s
        self._reader: Reader | None = None
        self._broken: SourceError | None = None
        self._closed = threading.Event()
        self._released = False
        self._reading = False
        # Held while tuning, so that no block is numbered under the wrong centre.
        self._tuning = threading.Lock()

    def start(self, found: Mapping[str, str], limit_s: float) -> None:
        """Set everything, and read until the first settled samples are here.

        Parameters
        ----------
        found : mapping
            What SoapySDR knows of the device.
        limit_s : float
            How long it may stay silent.

        Raises
        ------
        ConfigError
            A setting is out of the device's range.
        SourceError
            A setting fails, or nothing comes within ``limit_s``.
        """
        kind = self._settings.kind
        begun = _soapy_setup.begin(self._radio, self._settings, found, self._uri)
        self._spans_hz = begun.frequency_spans_hz
        self._reader = Reader(
            self._radio,
            transfer_samples=begun.transfer_samples,
            sample_bytes=begun.datatype.sample_bytes,
            code_offset=kind.code_offset,
            lost_at_least=begun.transfer_samples if kind.whole_transfers else 1,
            uri=self._uri,
        )
        self._reader.start()
        settled_s = time.monotonic() + kind.settle_s
        while (first := self._next(limit_s)) is not None and first.time_s < settled_s:
            pass
        if first is None:
            raise SourceLost("closed while it was being opened", uri=self._uri)
        utc_ns = time.time_ns() - round((time.monotonic() - first.time_s) * 1e9)
        samples = len(first.raw) // begun.datatype.sample_bytes
        late_s = samples / begun.info.sample_rate_hz
        self._info = starting_at(begun.info, samples, utc_ns, late_s)
        self._assembler = Assembler(self._info, begun.datatype)
        self._first = self._assembler.block(first.raw, first.time_s)

    def _next(self, silence_s: float) -> Transfer | None:
        """The next transfer; None when closed."""
        while self._reader is not None and not self._closed.is_set():
            if self._broken is not None:
                raise SourceLost(f"a retune failed: {self._broken}")
            transfer = self._reader.next(silence_s)
            if transfer is not None:
                return transfer
        return None

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._info

    @property
    def overflow(self) -> Overflow:
        """A receiver cannot wait."""
        return Overflow.DROP_OLDEST

    def retune(self, rf_hz: float) -> None:
        """Tune to another RF; blocks until it has settled are discarded and counted as lost.

        Raises
        ------
        ConfigError
            The device does not reach it.
        SourceError
            The driver refused, or hangs. The stream ends.
        """
        plan = self._settings.plan
        if_hz = _soapy_setup.tune_hz(self._uri, rf_hz, plan, self._spans_hz)
        with self._tuning:
            if self._released:
                raise SourceLost("is closed", uri=self._uri)
            try:
                within_limit(self._uri, lambda: self._radio.set_frequency(if_hz))
            except SourceError as exc:
                self._broken = exc  # where it is tuned now is unknown
                raise
            settled_s = time.monotonic() + self._settings.kind.settle_s
            self._assembler.retuned(plan.rf_from_if(if_hz), plan, settled_s)

    def blocks(self) -> Iterator[RawBlock]:
        """Blocks until closed.

        Raises
        ------
        SourceLost
            The device was unplugged, or is silent.
        """
        self._reading = True
        try:
            if self._first is not None:
                yield self._first
            while (transfer := self._next(self._silence_s)) is not None:
                with self._tuning:
                    if transfer.lost:
                        self._assembler.dropped(transfer.lost)
                    block = self._assembler.block(transfer.raw, transfer.time_s)
                if block is not None:
                    yield block
        finally:
            self._release()

    def close(self) -> None:
        """Ask the reading thread to end; it releases the device. Safe to call twice."""
        self._closed.set()
        if not self._reading:
            self._release()

    def _release(self) -> None:
        """Take the bias voltage off, stop, and close; a driver that hangs is left alone."""
        with self._tuning:  # a device that is gone must not be tuned
            if self._released:
                return
            self._released = True
        try:
            within_limit(self._uri, self._shut_down)
        except SourceError as exc:
            _log.warning("%s: was not closed in order: %s", self._uri, exc)

    def _shut_down(self) -> None:
        try:
            if self._settings.query.bias:
                _soapy_setup.feed(self._radio, self._settings, on=False)
        finally:
            if self._reader is not None:
                self._reader.stop()
            self._radio.close()
