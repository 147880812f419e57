"""``rtlsdr://0`` or ``rtlsdr://serial=00000001``: a dongle on this machine's USB.

After ``?``, joined by ``&``: ``gain=29.7`` dB (manual always), ``ppm=0``,
``rate=2400000``, ``bias=1`` (4.5 V on the antenna input, off again at the end; it
cannot feed an LNB, and harms what is shorted for DC).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import ConfigError, DriverMissing, SourceError, SourceLost, SourceNotFound
from sdr_detect.model import StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import Device, Finding, Liveness, SourceOptions
from sdr_detect_hardware import _librtlsdr, _rtl, _usb_host
from sdr_detect_hardware._live import Assembler, starting_at

#: What USB transfers are made of.
_CHUNK_BYTES = 16_384
_MAX_TRANSFER_BYTES = 8 * _CHUNK_BYTES

#: Transfers kept while the reader is busy: 1.7 s at 2.4 Msps.
_QUEUE_TRANSFERS = 64

#: How long the tuner's synthesiser takes to lock.
_SETTLE_S = 5e-3

_POLL_S = 0.1


LIVENESS = Liveness.RECEIVER


def open_source(uri: str, options: SourceOptions) -> RtlSdrSource:
    """Open the dongle, set it, and wait for its first samples.

    Raises
    ------
    ConfigError
        A setting is missing or out of range.
    DriverMissing
        pyrtlsdr or its library is not installed.
    SourceNotFound, SourceBusy, SourceError
        It cannot be opened; the message names the remedy.
    SourceLost
        It opens and sends no samples.
    """
    settings = _rtl.read_settings(uri, options)
    head = uri.partition("?")[0]
    name = head.partition("://")[2]
    if not name.startswith("serial=") and not (name.isascii() and name.isdigit()):
        raise ConfigError("names no device; write rtlsdr://0 or rtlsdr://serial=…", key=head)
    table = _librtlsdr.load_table()
    dongle = _librtlsdr.Dongle(table, _index(table, name, head), head)
    source = RtlSdrSource(dongle, settings, head, min(options.timeout_s, _rtl.SILENCE_S))
    try:
        source.start(min(options.start_timeout_s, _rtl.SILENCE_S))
    except BaseException:
        source.close()
        raise
    return source


def _index(table: Any, name: str, uri: str) -> int:
    present = _librtlsdr.attached(table)
    if not present:
        raise SourceNotFound("no RTL-SDR is attached; plug one in", uri=uri)
    serials = [serial for _, _, serial in present]
    if name.startswith("serial="):
        wanted = name.removeprefix("serial=")
        if serials.count(wanted) != 1:
            raise SourceNotFound(
                f"{serials.count(wanted)} devices have this serial number; attached: "
                f"{', '.join(serials)}",
                uri=uri,
            )
        return serials.index(wanted)
    if int(name) >= len(present):
        raise SourceNotFound(f"only 0..{len(present) - 1} are attached", uri=uri)
    return int(name)


def probe() -> list[Device]:
    """The dongles attached.

    Raises
    ------
    DriverMissing
        pyrtlsdr or its library is not installed.
    """
    return [
        Device(f"rtlsdr://{index}", f"{maker} {product}".strip(), f"serial {serial}")
        for index, (maker, product, serial) in enumerate(
            _librtlsdr.attached(_librtlsdr.load_table())
        )
    ]


def check() -> list[Finding]:
    """Whether the library is here, and whether the system lets us at a dongle."""
    try:
        table = _librtlsdr.load_table()
    except DriverMissing as exc:
        library = Finding("rtlsdr library", "missing", str(exc.__cause__), _librtlsdr.REMEDY)
    else:
        library = Finding("rtlsdr library", "ok", str(table.librtlsdr._name))
    return [library, *_usb_host.findings()]


class RtlSdrSource:
    """A tuned and running dongle."""

    def __init__(
        self, dongle: _librtlsdr.Dongle, settings: _rtl.Settings, uri: str, silence_s: float
    ) -> None:
        self._dongle = dongle
        self._settings = settings
        self._uri = uri
        self._silence_s = silence_s
        self._arrived: queue.Queue[tuple[NDArray[np.uint8], float, int]] = queue.Queue(
            _QUEUE_TRANSFERS
        )
        self._dropped = 0
        self._ended: str | None = None
        self._broken: SourceError | None = None
        self._closed = threading.Event()
        self._released = False
        self._reading = False
        self._tuner: _rtl.Tuner | None = None
        # Held while tuning, so that no block is numbered under the wrong centre.
        self._tuning = threading.Lock()

    def start(self, limit_s: float) -> None:
        """Set everything, and read until the first samples are here.

        Raises
        ------
        SourceError
            A setting fails, or nothing comes within ``limit_s``.
        """
        info = self._set_up()
        rate_hz = info.sample_rate_hz
        chunks = int(rate_hz * 2 / 20 / _CHUNK_BYTES)  # 20 transfers a second, or more
        size = min(max(chunks, 1) * _CHUNK_BYTES, _MAX_TRANSFER_BYTES)
        self._dongle.start(self._take, self._end, size)
        first = self._next(limit_s)
        if first is None:
            raise SourceLost("closed while it was being opened", uri=self._uri)
        raw, time_s, _ = first
        utc_ns = time.time_ns() - round((time.monotonic() - time_s) * 1e9)
        samples = len(raw) // 2
        self._info = starting_at(info, samples, utc_ns, samples / rate_hz)
        self._assembler = Assembler(self._info, _rtl.CU8)
        self._first = self._assembler.block(raw, time_s)

    def _set_up(self) -> StreamInfo:
        dongle, settings = self._dongle, self._settings
        self._tuner = _rtl.TUNERS.get(dongle.call("get_tuner_type"))
        if_hz = _rtl.tune_hz(self._uri, settings.rf_hz, settings.plan, self._tuner)
        step = _rtl.nearest_gain(self._uri, settings.gain_db, dongle.gains())
        dongle.call("set_sample_rate", settings.rate_hz)
        if settings.ppm:  # the driver refuses what is set already
            dongle.call("set_freq_correction", settings.ppm)
        dongle.call("set_agc_mode", 0)
        dongle.call("set_tuner_gain_mode", 1)
        dongle.call("set_tuner_gain", step)
        dongle.call("set_center_freq", if_hz)
        if settings.bias:
            dongle.call("set_bias_tee", 1)
        dongle.call("reset_buffer")
        gain_db = dongle.call("get_tuner_gain") / 10
        return _rtl.stream_info(self._uri, settings, if_hz, gain_db)

    def _take(self, buffer: Any) -> None:
        """Keep a transfer; called by the driver's thread, which must not wait."""
        raw = np.frombuffer(buffer, np.uint8).copy()
        try:
            self._arrived.put_nowait((raw, time.monotonic(), self._dropped))
            self._dropped = 0
        except queue.Full:
            self._dropped += len(raw) // 2

    def _end(self, cause: str) -> None:
        self._ended = cause

    def _next(self, silence_s: float) -> tuple[NDArray[np.uint8], float, int] | None:
        """The next transfer; None when closed."""
        began_s = time.monotonic()
        while not self._closed.is_set():
            if self._broken is not None:
                raise SourceLost(f"a retune failed: {self._broken}")
            ended = self._ended
            try:
                return self._arrived.get(timeout=_POLL_S if ended is None else 0)
            except queue.Empty:
                if ended is not None:
                    raise SourceLost(f"{ended}; was it unplugged?", uri=self._uri) from None
                if time.monotonic() - began_s > silence_s:
                    raise SourceLost(
                        f"no samples for {silence_s:g} s; was it unplugged?", uri=self._uri
                    ) from None
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
            The tuner does not reach it.
        SourceError
            The device refused, or hangs. The stream ends.
        """
        plan = self._settings.plan
        if_hz = _rtl.tune_hz(self._uri, rf_hz, plan, self._tuner)
        with self._tuning:
            try:
                _librtlsdr.within_limit(
                    self._uri, lambda: self._dongle.call("set_center_freq", if_hz)
                )
            except SourceError as exc:
                self._broken = exc  # where it is tuned now is unknown
                raise
            center_hz = plan.rf_from_if(if_hz)
            self._assembler.retuned(center_hz, plan, time.monotonic() + _SETTLE_S)

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
            while (arrived := self._next(self._silence_s)) is not None:
                raw, time_s, dropped = arrived
                with self._tuning:
                    if dropped:
                        self._assembler.dropped(dropped)
                    block = self._assembler.block(raw, time_s)
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
        if not self._released:
            self._released = True
            self._dongle.close(biased=self._settings.bias)
