"""The stream of GNU Radio's ZeroMQ PUB sink as blocks, described by what the user states."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sdr_detect import wire
from sdr_detect.datatype import Datatype, parse_datatype
from sdr_detect.errors import ConfigError, FormatError, SourceLost
from sdr_detect.formats.base import RawSpec
from sdr_detect.model import NS_PER_S, Notice, StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import RawBlock
from sdr_detect.registry import SourceOptions
from sdr_detect_hardware import _gnuradio
from sdr_detect_hardware._subscription import Subscription

_log = logging.getLogger(__name__)

#: GNU Radio sends some 4096 samples a message: 0.2 s at 20 Msps.
_QUEUE_MESSAGES = 1000

#: Differences between a tag and what is stated that change no result.
_RATE_TOLERANCE = 1e-4
_CENTER_TOLERANCE_RATES = 0.01


class GnuRadioSource:
    """Receives from one PUB sink."""

    def __init__(self, endpoint: str, options: SourceOptions) -> None:
        if options.curve is not None:
            raise ConfigError("GNU Radio knows no CURVE keys; leave them out", key=endpoint)
        self._assembler = Assembler(endpoint, options.spec)
        self._timeout_s = options.timeout_s
        self._subscription = Subscription(endpoint, b"", None, _QUEUE_MESSAGES)
        try:
            parts = self._subscription.first(options.start_timeout_s)
            self._first = self._assembler.block(parts, time.time_ns())
        except BaseException:
            self._subscription.close()
            raise

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._first.info

    @property
    def overflow(self) -> Overflow:
        """Whether GNU Radio waits for us is not known: a flowgraph is taken as live."""
        return Overflow.DROP_OLDEST

    def blocks(self) -> Iterator[RawBlock]:
        """Blocks until closed.

        Raises
        ------
        SourceLost
            Nothing came for ``timeout_s``, or the flowgraph was restarted.
        FormatError
            Something else is published there.
        """
        with self._subscription.reading():
            yield self._first
            while (parts := self._subscription.next(self._timeout_s)) is not None:
                yield self._assembler.block(parts, time.time_ns())

    def close(self) -> None:
        """Ask the reading thread to end; it releases the socket. Safe to call twice."""
        self._subscription.close()


class Assembler:
    """Numbers samples, finds what is missing, and compares tags with what is stated.

    Parameters
    ----------
    endpoint : str
    spec : RawSpec
        Rate and centre; sample type cf32 unless stated.

    Raises
    ------
    ConfigError
        Rate or centre is missing, or the sample type is none that GNU Radio has.
    """

    def __init__(self, endpoint: str, spec: RawSpec) -> None:
        self._endpoint = endpoint
        self._datatype = _datatype(endpoint, spec)
        self._mirrored = spec.conjugate
        self._info = _stated(endpoint, spec, self._datatype)
        self._key: bytes | None = None
        self._headed = False
        self._place: tuple[int, int] | None = None
        self._told: dict[str, float] = {}

    def block(self, parts: Sequence[_gnuradio.Buffer], utc_ns: int) -> RawBlock:
        """The samples of one message.

        Parameters
        ----------
        parts : sequence of bytes-like
        utc_ns : int
            Host time at which it was here.

        Raises
        ------
        FormatError
            It is none of GNU Radio's, or unlike those before it.
        SourceLost
            Its samples are counted anew.
        """
        key, body = _gnuradio.split(parts)
        begins = self._key is None
        if begins:
            self._begin(key, body)
        elif key != self._key:
            raise FormatError(
                f"{self._endpoint}: messages under the keys {self._key!r} and {key!r} are two "
                "streams; give each an endpoint of its own"
            )
        piece = _gnuradio.read_header(body) if self._headed else _gnuradio.Piece(body)
        count = self._counted(piece.samples)
        first, lost = self._placed(piece.offset, count)
        if begins:
            gone_ns = round((first + count) / self._info.sample_rate_hz * NS_PER_S)
            self._info = replace(self._info, start_ns=utc_ns - gone_ns)
        notices = self._compared(piece)
        if begins and not self._headed:
            notices = (_unseen(self._endpoint), *notices)
        raw = np.frombuffer(piece.samples, np.uint8)
        return RawBlock(self._info, first, raw, self._datatype, lost, notices, self._mirrored)

    def _begin(self, key: bytes, body: memoryview) -> None:
        if key.startswith((wire.TOPIC_PREFIX, wire.FLOAT_PREFIX)):
            raise FormatError(
                f"{self._endpoint}: sdr-detect publishes there, not GNU Radio; leave out "
                "?peer=gnuradio"
            )
        self._key = key
        self._headed = _gnuradio.has_header(body)

    def _counted(self, samples: memoryview) -> int:
        count, rest = divmod(len(samples), self._datatype.sample_bytes)
        if rest or count > wire.MAX_SAMPLES:
            raise FormatError(
                f"{self._endpoint}: {len(samples)} bytes are no whole number of "
                f"{self._datatype.name} samples, or more than {wire.MAX_SAMPLES}; does --format "
                "say what is sent, and is vlen 2 where I and Q are items of their own?"
            )
        return count

    def _placed(self, offset: int | None, count: int) -> tuple[int, int]:
        """Index of the first sample, and how many are missing before it."""
        start, stop = self._place or (0 if offset is None else offset,) * 2
        first = stop if offset is None else offset
        if self._place is not None and first < stop:
            self._went_back(first, start, stop)
        self._place = first, first + count
        if first > stop:
            _log.warning("%s: %d samples lost before %d", self._endpoint, first - stop, first)
        return first, first - stop

    def _went_back(self, first: int, start: int, stop: int) -> None:
        if first > start:
            raise FormatError(
                f"{self._endpoint}: {stop - start} samples came, and the count of items went on by "
                f"{first - start}; an item must be one complex sample: vlen is 1, or 2 where I and "
                "Q are items of their own"
            )
        raise SourceLost(
            f"sample {first} comes after sample {stop - 1}: the flowgraph was started again",
            uri=self._endpoint,
        )

    def _compared(self, piece: _gnuradio.Piece) -> tuple[Notice, ...]:
        """What tags say that was stated otherwise, each time they say something new."""
        rate_hz = self._info.sample_rate_hz
        stated = {
            "rx_rate": (rate_hz, _RATE_TOLERANCE * rate_hz),
            "rx_freq": (self._info.if_center_hz, _CENTER_TOLERANCE_RATES * rate_hz),
        }
        notices = []
        for name, (stated_hz, tolerance_hz) in stated.items():
            said_hz = piece.settings.get(name)
            if said_hz is None or said_hz == self._told.get(name) or stated_hz is None:
                continue
            self._told[name] = said_hz
            if not abs(said_hz - stated_hz) <= tolerance_hz:
                text = (
                    f"{name} is {said_hz:.10g} Hz in GNU Radio, and {stated_hz:.10g} Hz is stated"
                )
                _log.warning("%s: %s", self._endpoint, text)
                notices.append(Notice("settings_differ", text))
        return tuple(notices)


def _datatype(endpoint: str, spec: RawSpec) -> Datatype:
    datatype = parse_datatype(spec.datatype or "cf32")
    if datatype.bits == 24 or datatype.name.startswith("cf64"):
        raise ConfigError(
            f"sample type {datatype.name}: GNU Radio sends cf32, cs32, cs16, cs8 or cu8",
            key=endpoint,
        )
    return datatype


def _stated(endpoint: str, spec: RawSpec, datatype: Datatype) -> StreamInfo:
    if spec.sample_rate_hz is None:
        raise ConfigError("GNU Radio's stream does not tell its rate; give --rate HZ", key=endpoint)
    if spec.center_hz is None:
        raise ConfigError(
            "GNU Radio's stream does not tell its centre; give --rf HZ, or --if HZ", key=endpoint
        )
    return StreamInfo(
        stream_id=endpoint,
        sample_rate_hz=spec.sample_rate_hz,
        center_hz=spec.center_hz,
        clip_level=datatype.clip_level,
        plan=spec.plan,
    )


def _unseen(endpoint: str) -> Notice:
    text = (
        "lost samples stay unseen: GNU Radio does not number them; with pass_tags in its PUB sink "
        "it does"
    )
    _log.warning("%s: %s", endpoint, text)
    return Notice("losses_unseen", text)
