"""``zmq://ENDPOINT``: blocks that another process publishes.

After ``?``: ``max_age=2``, the seconds after which blocks of a live stream are
dropped for newer ones; ``peer=gnuradio`` for GNU Radio's PUB sink, whose messages
describe nothing, so that rate and centre must be stated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal
from urllib.parse import parse_qsl

import numpy as np
from pydantic import Field

from sdr_detect import wire
from sdr_detect.config import Strict, build
from sdr_detect.errors import ConfigError, SourceLost
from sdr_detect.model import StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import Liveness, SourceOptions
from sdr_detect_hardware._gnuradio_source import GnuRadioSource
from sdr_detect_hardware._lateness import Lateness
from sdr_detect_hardware._subscription import Subscription

_log = logging.getLogger(__name__)

#: Messages ZeroMQ keeps for us; the queue of the runner holds the rest.
_QUEUE_MESSAGES = 16

#: How often it is told that blocks are dropped.
_TELL_INTERVAL_S = 10.0


LIVENESS = Liveness.REMOTE


class _Query(Strict):
    """What may follow ``?`` in the URI."""

    peer: Literal["sdr-detect", "gnuradio"] = "sdr-detect"
    max_age: float = Field(2.0, gt=0, le=86_400)


def open_source(uri: str, options: SourceOptions) -> ZmqSource | GnuRadioSource:
    """Connect, and wait for the first block.

    Raises
    ------
    ConfigError
        The endpoint leaves this machine and there are no keys; a setting is wrong,
        or one that GNU Radio's stream needs is missing.
    SourceError
        The publisher refuses us, or only one side has keys.
    SourceNotFound
        The endpoint is malformed, or nothing came within ``start_timeout_s``.
    SourceLost
        The stream was ending as we joined.
    FormatError
        Something else is published there.
    """
    head, _, text = uri.partition("?")
    query = build(_Query, dict(parse_qsl(text, keep_blank_values=True)), file=head)
    endpoint = head.removeprefix("zmq://")
    wire.check_endpoint(endpoint, keyed=options.curve is not None)
    if query.peer == "sdr-detect":
        spec = options.spec
        if (spec.datatype, spec.sample_rate_hz, spec.center_hz) != (None, None, None):
            raise ConfigError(
                "the publisher says rate, centre and type; leave --rate, --rf, --if, --format out",
                key=head,
            )
        return ZmqSource(endpoint, options, max_age_s=query.max_age)
    if "max_age" in query.model_fields_set:
        raise ConfigError("GNU Radio's messages do not tell their age", file=head, key="max_age")
    return GnuRadioSource(endpoint, options)


class ZmqSource:
    """Receives one session of one publisher.

    Attributes
    ----------
    lost_samples, lost_messages : int
        What is missing since the first block.
    """

    def __init__(self, endpoint: str, options: SourceOptions, *, max_age_s: float) -> None:
        self._timeout_s = options.timeout_s
        self.lost_samples = 0
        self.lost_messages = 0
        hint = "" if options.curve else "; is it GNU Radio's? Then add ?peer=gnuradio"
        self._subscription = Subscription(
            endpoint, wire.TOPIC_PREFIX, options.curve, _QUEUE_MESSAGES
        )
        try:
            first = wire.decode(self._subscription.first(options.start_timeout_s, hint))
            if first.block is None:
                raise SourceLost("the stream ended before its first block came", uri=endpoint)
        except BaseException:
            self._subscription.close()
            raise
        self._first, self._stamp = first.block, first.stamp
        self._stale = _Stale(endpoint, max_age_s)
        self._stale.takes(first.block, first.stamp)

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._first.info

    @property
    def overflow(self) -> Overflow:
        """A publisher that waits for us must not be drained into a full queue."""
        waits = self._stamp.delivery is wire.Delivery.WAITS
        return Overflow.BLOCK if waits else Overflow.DROP_OLDEST

    def blocks(self) -> Iterator[RawBlock]:
        """Blocks until the publisher ends the stream.

        Raises
        ------
        SourceLost
            Nothing came for ``timeout_s``, or the publisher was restarted.
        SourceError
            The publisher was restarted and refuses us.
        FormatError
            Something else is published there.
        """
        with self._subscription.reading():
            # What came before we joined is not lost: nobody listened yet.
            yield replace(self._first, lost_before=0)
            expected = self._first.stop_sample
            while (parts := self._subscription.next(self._timeout_s)) is not None:
                message = wire.decode(parts)
                self._follow(message.stamp)
                block = message.block
                if block is not None and self._stale.takes(block, message.stamp):
                    continue
                dropped = self._stale.release()
                if block is not None:
                    told = () if dropped is None else dropped.notices
                    yield self._continue(replace(block, notices=told + block.notices), expected)
                    expected = block.stop_sample
                    continue
                if dropped is not None:
                    yield self._continue(dropped, expected)
                if message.cause is not None:
                    raise SourceLost(message.cause, uri=self._subscription.endpoint)
                return

    def _follow(self, stamp: wire.Stamp) -> None:
        endpoint = self._subscription.endpoint
        if stamp.session != self._stamp.session or stamp.seq <= self._stamp.seq:
            raise SourceLost(
                "the capture process was restarted: its samples are counted anew; start again",
                uri=endpoint,
            )
        missed = stamp.seq - self._stamp.seq - 1
        if missed:
            self.lost_messages += missed
            _log.warning("%s: %d messages lost before number %d", endpoint, missed, stamp.seq)
        self._stamp = stamp

    def _continue(self, block: RawBlock, expected: int) -> RawBlock:
        """The block, naming all samples lost since the last one that came."""
        lost = block.first_sample - expected
        if lost < 0:
            raise SourceLost(
                f"block at sample {block.first_sample} overlaps what came before it; "
                "restart the capture process",
                uri=self._subscription.endpoint,
            )
        self.lost_samples += lost
        return replace(block, lost_before=lost)

    def close(self) -> None:
        """Ask the reading thread to end; it releases the socket. Safe to call twice."""
        self._subscription.close()


class _Stale:
    """Drops blocks that waited too long, and keeps what they had to tell."""

    def __init__(self, endpoint: str, max_age_s: float) -> None:
        self._endpoint = endpoint
        self._max_age_s = max_age_s
        self._lateness = Lateness(max_age_s)
        self._dropped: RawBlock | None = None
        self._samples = 0
        self._due_s = 0.0

    def takes(self, block: RawBlock, stamp: wire.Stamp) -> bool:
        """Whether the block is to be dropped."""
        late = self._lateness.too_late(stamp.mono_ns, time.monotonic_ns())
        if not late or stamp.delivery is wire.Delivery.WAITS or not block.sample_count:
            return False
        told = () if self._dropped is None else self._dropped.notices
        self._dropped = replace(
            block,
            first_sample=block.stop_sample,
            raw=np.empty(0, np.uint8),
            lost_before=0,
            notices=told + block.notices,
        )
        self._samples += block.sample_count
        return True

    def release(self) -> RawBlock | None:
        """The end of what was dropped, as a block without samples; None if nothing was."""
        dropped, self._dropped = self._dropped, None
        if dropped is not None and time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + _TELL_INTERVAL_S
            _log.warning(
                "%s: this computer is too slow: dropped what waited for more than %g s, %d samples "
                "so far",
                self._endpoint,
                self._max_age_s,
                self._samples,
            )
        return dropped
