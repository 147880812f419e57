"""librtlsdr through the function table of pyrtlsdr.

Not through its ``RtlSdr`` class: that one closes the device on most errors and
keeps the dangling pointer, starts with automatic gain at 80 MHz, and swallows what
a callback raises. Here every return value is looked at, and the device is closed
once.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sdr_detect.errors import DriverMissing, SourceBusy, SourceError, SourceLost, SourceNotFound

_log = logging.getLogger(__name__)

#: How long the device may take to obey; it is then left alone, open.
LIMIT_S = 3.0

#: What libusb's error numbers mean.
_MEANING = {
    -1: "input or output error",
    -2: "invalid parameter",
    -3: "access denied",
    -4: "no such device",
    -5: "device gone",
    -6: "device busy",
    -7: "timeout",
    -8: "overflow",
    -9: "pipe error",
}

REMEDY = 'pip install "sdr-detect[rtlsdr]"'


def load_table() -> Any:
    """The module of pyrtlsdr that holds librtlsdr and its prototypes.

    Raises
    ------
    DriverMissing
        pyrtlsdr or the library is not installed, or they do not fit together.
    """
    try:
        return importlib.import_module("rtlsdr.librtlsdr")
    except (ImportError, AttributeError, OSError) as exc:
        raise DriverMissing(
            f"the RTL-SDR library cannot be used ({exc}); run: {REMEDY}", uri="rtlsdr://"
        ) from exc


def attached(table: Any) -> list[tuple[str, str, str]]:
    """Maker, product and serial number of each dongle; blank what cannot be read."""
    library = table.librtlsdr
    found = []
    for index in range(library.rtlsdr_get_device_count()):
        texts = [(ctypes.c_ubyte * 256)() for _ in range(3)]
        library.rtlsdr_get_device_usb_strings(index, *texts)
        maker, product, serial = (
            bytes(text).partition(b"\0")[0].decode(errors="replace") for text in texts
        )
        found.append((maker, product, serial))
    return found


class Dongle:
    """One open device.

    Parameters
    ----------
    table : module
        From `load_table`.
    index : int
    uri : str
        Named in errors.

    Raises
    ------
    SourceNotFound, SourceBusy, SourceError
        It cannot be opened; the message names the remedy.
    """

    def __init__(self, table: Any, index: int, uri: str) -> None:
        self._table = table
        self._uri = uri
        self._device = table.p_rtlsdr_dev(None)
        self._reader: threading.Thread | None = None
        code = table.librtlsdr.rtlsdr_open(ctypes.byref(self._device), index)
        if code < 0:
            raise _open_error(code, uri)

    def call(self, name: str, *arguments: Any) -> int:
        """Call ``rtlsdr_<name>`` on the device.

        Raises
        ------
        SourceError
            It failed.
        """
        code = int(getattr(self._table.librtlsdr, f"rtlsdr_{name}")(self._device, *arguments))
        if code < 0:
            raise SourceError(
                f"{name}{arguments} failed: {_meaning(code)}; plug the device in again",
                uri=self._uri,
            )
        return code

    def gains(self) -> Sequence[int]:
        """The tuner's gain steps in tenths of a decibel."""
        steps = (ctypes.c_int * 64)()
        return steps[: self.call("get_tuner_gains", steps)]

    def start(self, take: Callable[[Any], None], ended: Callable[[str], None], size: int) -> None:
        """Read in a thread of its own until `close`.

        Parameters
        ----------
        take : callable
            Gets every buffer as an array of bytes that is valid during the call.
        ended : callable
            Told when reading ends, and why.
        size : int
            Bytes of a buffer, a multiple of 16384.
        """

        def hand_over(start: Any, length: int, _context: Any) -> None:
            take(ctypes.cast(start, ctypes.POINTER(ctypes.c_ubyte * length)).contents)

        def read() -> None:
            callback = self._table.rtlsdr_read_async_cb_t(hand_over)
            code = self._table.librtlsdr.rtlsdr_read_async(self._device, callback, None, 0, size)
            ended(_meaning(code))

        self._reader = threading.Thread(target=read, name="usb", daemon=True)
        self._reader.start()

    def close(self, *, biased: bool) -> None:
        """Take the bias voltage off, stop reading, and close.

        A device that does not obey within `LIMIT_S` is left open: closing it under
        a running transfer hangs or crashes.
        """
        closed = threading.Event()

        def release() -> None:
            if biased and self._table.librtlsdr.rtlsdr_set_bias_tee(self._device, 0) < 0:
                _log.warning("%s: the bias voltage could not be taken off", self._uri)
            if self._stopped():
                self._table.librtlsdr.rtlsdr_close(self._device)
                closed.set()

        threading.Thread(target=release, name="usb-close", daemon=True).start()
        if not closed.wait(2 * LIMIT_S):
            _log.error(
                "%s: does not close; end this program and plug the device in again", self._uri
            )

    def _stopped(self) -> bool:
        """Cancel until it is obeyed: a cancel that comes before the first transfer is lost."""
        due_s = time.monotonic() + LIMIT_S
        while self._reader is not None and self._reader.is_alive():
            if time.monotonic() > due_s:
                return False
            self._table.librtlsdr.rtlsdr_cancel_async(self._device)
            self._reader.join(0.05)
        return True


def within_limit(uri: str, act: Callable[[], object]) -> None:
    """Do something that may hang in the driver, and raise what it raises.

    Raises
    ------
    SourceLost
        It did not return within `LIMIT_S`.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as exc:  # noqa: BLE001 - the caller raises it, where it belongs
            raised.append(exc)

    thread = threading.Thread(target=run, name="usb-control", daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    if thread.is_alive():
        raise SourceLost("the driver hangs; end this program and start it again", uri=uri)
    if raised:
        raise raised[0]


def _meaning(code: int) -> str:
    return f"{_MEANING.get(code, 'error')} ({code})" if code else "reading ended"


def _open_error(code: int, uri: str) -> SourceError:
    if code in (-1, -4):
        return SourceNotFound(
            f"{_meaning(code)}: no such device; 'sdr-detect devices' lists what is attached",
            uri=uri,
        )
    if code == -6:
        return SourceBusy(
            "another program, or the kernel's television driver, holds it: end that program, or "
            "run: sudo modprobe -r dvb_usb_rtl28xxu",
            uri=uri,
        )
    if code == -3:
        return SourceError(
            "this user may not open it; run: sudo apt install librtlsdr0 (it brings the udev "
            "rules) and sudo usermod -aG plugdev $USER, log in again, plug it in again",
            uri=uri,
        )
    return SourceError(f"cannot be opened: {_meaning(code)}; plug it in again", uri=uri)
