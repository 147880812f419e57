"""A live source that is opened again when it is lost.

A receiver that crashes, hangs, is unplugged or restarted comes back as a new
stream that counts from 0. Here it goes on in the old count, with what was missed
meanwhile as lost samples, by the clock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from sdr_detect.errors import SourceBusy, SourceError
from sdr_detect.model import NS_PER_S, Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import CF32, Block, RawBlock, stored
from sdr_detect.registry import Driver, Tunable

_log = logging.getLogger(__name__)

#: Waits before another try double from `Policy.first_wait_s` to this.
LAST_WAIT_S = 60.0
#: A source that delivered for this long starts with the first wait again.
STEADY_S = 60.0
#: While it is gone, a block without samples says so this often.
HEARTBEAT_S = 1.0
#: How soon a stop is noticed.
_POLL_S = 0.2
#: A change of UTC against the monotonic clock that is more than their reading.
CLOCK_STEP_NS = 50_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How long and how often a lost source is tried again.

    Parameters
    ----------
    give_up_s : float or None
        How long it may be gone before its error ends the stream; None for ever.
    persistent : bool
        Whether the first opening, too, is tried again whatever fails. A device
        that is busy is waited for in any case.
    first_wait_s : float
        Wait before the first try.
    """

    give_up_s: float | None = None
    persistent: bool = False
    first_wait_s: float = 1.0


DEFAULT_POLICY = Policy()


class ResumingSource:
    """A source that is opened again and again.

    Parameters
    ----------
    uri : str
        Named in messages.
    open_again : callable
        Opens it; called for the first time here.
    policy : Policy
    stop : threading.Event, optional
        Ends waiting.
    clock_ns : callable, optional
        UTC less the monotonic clock. None when the source itself watches its clock.

    Raises
    ------
    SourceError
        It cannot be opened.
    ConfigError
        What is asked of it cannot be.
    """

    def __init__(
        self,
        uri: str,
        open_again: Callable[[], Driver],
        *,
        policy: Policy = DEFAULT_POLICY,
        stop: threading.Event | None = None,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        self._uri = uri
        self._open = open_again
        self._policy = policy
        self._closed = threading.Event()
        self._stop = stop or self._closed
        self._wait_s = policy.first_wait_s
        self._rf_hz: float | None = None
        self._driver = self._open_first()
        self._place = Place(self._driver.info, clock_ns)

    def _open_first(self) -> Driver:
        began_s = time.monotonic()
        while True:
            try:
                return self._open()
            except SourceError as exc:
                wanted = self._policy.persistent or isinstance(exc, SourceBusy)
                if not wanted or self._given_up(began_s):
                    raise
                _log.warning("%s; next try in %g s", exc, self._wait_s)
                if self._paused(self._wait_s):
                    raise
            self._lengthen()

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._place.info

    @property
    def overflow(self) -> Overflow:
        """As the source itself."""
        return self._driver.overflow

    def retune(self, rf_hz: float) -> None:
        """Tune to another RF; a piece that begins later is tuned to it, too.

        Raises
        ------
        SourceError
            This kind of source cannot be tuned from here, or refuses.
        """
        self._tune(rf_hz)
        self._rf_hz = rf_hz

    def _tune(self, rf_hz: float) -> None:
        if not isinstance(self._driver, Tunable):
            raise SourceError("cannot be tuned from here", uri=self._uri)
        self._driver.retune(rf_hz)

    def blocks(self) -> Iterator[Block]:
        """Blocks until the stream ends by itself or is closed.

        Raises
        ------
        SourceError
            It has been gone for longer than the policy allows.
        SdrDetectError
            What is no loss of the source.
        """
        while True:
            began_s = time.monotonic()
            try:
                for block in self._driver.blocks():
                    yield self._place.follow(block, time.monotonic())
                return
            except SourceError as exc:
                if self.overflow is Overflow.BLOCK:  # a replay that waits: no such thing again
                    raise
                cause = exc
            self._driver.close()
            if time.monotonic() - began_s > STEADY_S:
                self._wait_s = self._policy.first_wait_s
            yield from self._gone(cause)
            if self._ends():
                return

    def _gone(self, cause: SourceError) -> Iterator[RawBlock]:
        """Open it again; meanwhile blocks without samples tell what is the matter."""
        began_s, told = time.monotonic(), ""
        while not self._ends():
            if self._given_up(began_s):
                raise cause
            if str(cause) != told:
                told = str(cause)
                _log.warning("%s; next try in %g s", told, self._wait_s)
                yield self._place.say(Notice("source_lost", told))
            yield from self._waiting()
            if self._ends():
                return
            try:
                self._driver = self._open()
                if self._rf_hz is not None:
                    self._tune(self._rf_hz)
            except SourceError as exc:
                cause = exc
            else:
                _log.warning("%s is back", self._uri)
                self._place.restart()
                return

    def _given_up(self, began_s: float) -> bool:
        limit_s = self._policy.give_up_s
        return limit_s is not None and time.monotonic() - began_s >= limit_s

    def _waiting(self) -> Iterator[RawBlock]:
        until_s = time.monotonic() + self._wait_s
        self._lengthen()
        while (left_s := until_s - time.monotonic()) > 0 and not self._ends():
            self._paused(min(left_s, HEARTBEAT_S))
            yield self._place.say()

    def _paused(self, seconds: float) -> bool:
        """Wait; True when closed or stopped meanwhile."""
        until_s = time.monotonic() + seconds
        while not self._ends() and (left_s := until_s - time.monotonic()) > 0:
            self._closed.wait(min(left_s, _POLL_S))
        return self._ends()

    def _ends(self) -> bool:
        return self._closed.is_set() or self._stop.is_set()

    def _lengthen(self) -> None:
        self._wait_s = min(2 * self._wait_s, LAST_WAIT_S)

    def close(self) -> None:
        """Ask the reading thread to end. Safe to call twice."""
        self._closed.set()
        self._driver.close()


class Place:
    """Where in the count the stream is, over all of its pieces.

    Parameters
    ----------
    info : StreamInfo
        Of the first piece.
    clock_ns : callable, optional
        UTC less the monotonic clock.
    """

    def __init__(self, info: StreamInfo, clock_ns: Callable[[], int] | None = None) -> None:
        self.info = info
        self._clock_ns = clock_ns
        self._clock_was_ns = 0 if clock_ns is None else clock_ns()
        self._stepped_ns = 0
        self._offset = 0
        self._next = 0
        self._last_s: float | None = None
        self._last_count = 0
        self._restarted = False
        self._datatype = CF32

    def say(self, *notices: Notice) -> RawBlock:
        """A block without samples."""
        return RawBlock(self.info, self._next, np.empty(0, np.uint8), self._datatype, 0, notices)

    def restart(self) -> None:
        """The next block is the first one of another piece."""
        self._restarted = True

    def follow(self, block: Block, now_s: float) -> Block:
        """The block in the count of the whole stream.

        Parameters
        ----------
        now_s : float
            Monotonic time at which it arrived.
        """
        lost, notices = block.lost_before, block.notices + self._clock_notices()
        if self._restarted:
            lost, notice = self._missed(block, now_s)
            notices = (notice, *notices)
            self._offset = self._next + lost - block.first_sample
            self._restarted = False
        self.info = self._informed(block.info)
        self._datatype = stored(block).datatype
        first = block.first_sample + self._offset
        self._next = first + block.sample_count
        self._last_s, self._last_count = now_s, block.sample_count
        return replace(block, info=self.info, first_sample=first, lost_before=lost, notices=notices)

    def _missed(self, block: Block, now_s: float) -> tuple[int, Notice]:
        """Samples between the last block of one piece and the first of the next."""
        rate_hz = block.info.sample_rate_hz
        if self._last_s is None:
            return 0, Notice("source_back", "before it had delivered anything")
        missed_s = max(now_s - block.sample_count / rate_hz - self._last_s, 0.0)
        # Each of the two may have been under way for as long as it is.
        error_s = (block.sample_count + self._last_count) / rate_hz
        lost = round(missed_s * rate_hz)
        text = f"after {missed_s:.3f} s; about {lost} samples are missing, ±{error_s:.3f} s"
        return lost, Notice("source_back", text)

    def _clock_notices(self) -> tuple[Notice, ...]:
        """A step of UTC moves the time of all samples from here on."""
        if self._clock_ns is None:
            return ()
        now_ns = self._clock_ns()
        step_ns = now_ns - self._clock_was_ns
        if self._restarted:  # the new piece read the clock as it is now
            self._clock_was_ns, self._stepped_ns = now_ns, 0
            return ()
        if abs(step_ns) < CLOCK_STEP_NS:
            return ()
        self._clock_was_ns = now_ns
        self._stepped_ns += step_ns
        text = f"the host's clock was set by {step_ns / NS_PER_S:+.3f} s; times before may be wrong"
        _log.warning("%s: %s", self.info.stream_id, text)
        return (Notice("clock_step", text),)

    def _informed(self, info: StreamInfo) -> StreamInfo:
        """Time of sample 0 in the count of the whole stream."""
        if info.start_ns is None:
            return info
        before_ns = round(self._offset * NS_PER_S / Fraction(info.sample_rate_hz))
        return replace(info, start_ns=info.start_ns - before_ns + self._stepped_ns)
