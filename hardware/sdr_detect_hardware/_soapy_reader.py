"""Transfers out of a SoapySDR stream, with what the driver tells of losses."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdr_detect.errors import SourceError, SourceLost
from sdr_detect.model import NS_PER_S
from sdr_detect_hardware._soapy_api import MEANING, OVERFLOW, TIMEOUT, Radio

_log = logging.getLogger(__name__)

#: Transfers kept while the consumer is busy: 0.4 s at 20 Msps, 3.5 s at 2.4 Msps.
_QUEUE_TRANSFERS = 64

#: Smaller reads cost more to handle than to receive.
_MIN_SAMPLES = 16_384

_POLL_S = 0.1


class Timestamps:
    """Losses by the driver's times, once these are seen to count samples.

    SoapyRTLSDR 0.3.3 makes its times from the bytes that came, taken for samples:
    they run twice as fast. So the speed is measured first, and times that are not
    an exact count of samples at speed 1 or 2 are not used.

    Parameters
    ----------
    rate_hz : float
        Rate that the driver reckons with.
    """

    #: Transfers in a row that must agree: a loss of a whole transfer looks like speed 2.
    TRIALS = 3

    #: Rounding of rate and time over one transfer.
    _SLACK_SAMPLES = 2

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._before: tuple[int, int] | None = None
        self._speeds: list[int] = []

    def missing(self, time_ns: int | None, samples: int) -> int | None:
        """Samples missing before this transfer; None while the times cannot tell."""
        before, self._before = self._before, None if time_ns is None else (time_ns, samples)
        if before is None or time_ns is None:
            return None
        ticks = (time_ns - before[0]) * self._rate / NS_PER_S
        if len(self._speeds) < self.TRIALS:
            self._try(ticks, before[1])
            return None
        missing = round(ticks / self._speeds[0]) - before[1]
        if missing < -self._SLACK_SAMPLES:
            self._speeds.clear()  # the driver began to count anew
            return None
        return missing if missing > self._SLACK_SAMPLES else 0

    def _try(self, ticks: float, samples: int) -> None:
        fits = [n for n in (1, 2) if abs(ticks - n * samples) <= self._SLACK_SAMPLES]
        if self._speeds and fits != self._speeds[:1]:
            self._speeds.clear()
        self._speeds += fits


class Transfer(NamedTuple):
    """Bytes that came, when, and how many samples are known to be missing before them."""

    raw: NDArray[np.uint8]
    time_s: float
    lost: int


class Reader:
    """Reads in a thread of its own, so that the driver's buffer does not run over.

    Parameters
    ----------
    radio : Radio
        Its stream is active.
    transfer_samples : int
        What the driver hands over at a time; whole ones are read, because a part
        left behind is lost when its buffer runs over.
    sample_bytes : int
    code_offset : int
        Added to each byte, modulo 256.
    lost_at_least : int
        Samples of the smallest overflow there can be.
    uri : str
        Named in errors.
    """

    def __init__(
        self,
        radio: Radio,
        *,
        transfer_samples: int,
        sample_bytes: int,
        code_offset: int,
        lost_at_least: int,
        uri: str,
    ) -> None:
        self._radio = radio
        self._samples = transfer_samples * -(-_MIN_SAMPLES // transfer_samples)
        self._sample_bytes = sample_bytes
        self._offset = code_offset
        self._at_least = lost_at_least
        self._uri = uri
        self._timestamps = Timestamps(radio.rate_hz())
        self._arrived: queue.Queue[Transfer] = queue.Queue(_QUEUE_TRANSFERS)
        self._overflowed = False
        self._lost = 0
        self._ended: str | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soapy", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._heard_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End reading; returns when the driver has been left."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def next(self, silence_s: float) -> Transfer | None:
        """The next transfer; None when there is none yet, to look at other things.

        Raises
        ------
        SourceLost
            The driver failed, or nothing came for ``silence_s``.
        """
        ended = self._ended
        try:
            transfer = self._arrived.get(timeout=_POLL_S if ended is None else 0)
        except queue.Empty:
            if ended is not None:
                raise SourceLost(f"{ended}; was it unplugged?", uri=self._uri) from None
            if time.monotonic() - self._heard_s > silence_s:
                raise SourceLost(
                    f"no samples for {silence_s:g} s; was it unplugged?", uri=self._uri
                ) from None
            return None
        return transfer

    def _run(self) -> None:
        try:
            while not self._stopped.is_set() and self._ended is None:
                self._read()
        except SourceError as exc:
            self._ended = str(exc)

    def _read(self) -> None:
        raw = np.empty(self._samples * self._sample_bytes, np.uint8)
        code, time_ns = self._radio.read(raw, self._samples, _POLL_S)
        if code > 0:
            self._keep(raw[: code * self._sample_bytes], time_ns, time.monotonic())
        elif code == OVERFLOW:
            self._overflowed = True
        elif code not in (0, TIMEOUT):
            self._ended = f"the driver says {MEANING.get(code, 'error')} ({code})"

    def _keep(self, raw: NDArray[np.uint8], time_ns: int | None, time_s: float) -> None:
        self._heard_s = time_s
        samples = len(raw) // self._sample_bytes
        if self._offset:
            np.add(raw, np.uint8(self._offset), out=raw)
        self._lost += self._missing(time_ns, samples)
        try:
            self._arrived.put_nowait(Transfer(raw, time_s, self._lost))
            self._lost = 0
        except queue.Full:
            self._lost += samples

    def _missing(self, time_ns: int | None, samples: int) -> int:
        missing = self._timestamps.missing(time_ns, samples)
        overflowed, self._overflowed = self._overflowed, False
        if missing:
            _log.warning("%s: %d samples were lost in the driver", self._uri, missing)
            return missing
        if overflowed:
            _log.warning(
                "%s: the driver's buffer ran over; %d samples are counted as lost, the least "
                "there can be: how many more the arrival times may tell",
                self._uri,
                self._at_least,
            )
            return self._at_least
        return 0
