"""A source that retunes itself: stays as long as its strategy says, counted in samples."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sdr_detect.errors import ConfigError, SourceLost
from sdr_detect.model import StreamInfo
from sdr_detect.ports import Overflow
from sdr_detect.rawblock import Block
from sdr_detect.registry import Driver, Tunable
from sdr_detect.scan.plan import Stop
from sdr_detect.scan.strategy import Moment, Strategy

_log = logging.getLogger(__name__)

#: A tuner's steps and a converter's rounding: within this part of the rate it is there.
NEAR = 0.01

#: Stream time after which a receiver that stays where it was has not obeyed.
OBEY_S = 10.0


class TouringSource:
    """A tunable source that is led from stop to stop.

    Blocks are handed on as they come, whatever they were tuned to: what was still
    under way from the last stop is as good as before. A stop is over when samples
    of its whole dwell came from its own centre; how long that takes on a clock does
    not matter.

    Parameters
    ----------
    driver : Driver
        Owned: closed with this one.
    strategy : Strategy
    seconds : float or None
        Stream time after which it ends; None: never.

    Raises
    ------
    ConfigError
        The source cannot be tuned.
    """

    def __init__(self, driver: Driver, strategy: Strategy, seconds: float | None = None) -> None:
        if not isinstance(driver, Tunable):
            raise ConfigError("this source cannot be tuned; a sweep needs a receiver or sim://")
        self._driver = driver
        self._tuner: Tunable = driver
        self._strategy = strategy
        self._seconds = seconds
        self._began: int | None = None
        #: Stops begun so far.
        self.moves = 0

    @property
    def info(self) -> StreamInfo:
        """Settings of the first block."""
        return self._driver.info

    @property
    def overflow(self) -> Overflow:
        """As the source itself."""
        return self._driver.overflow

    def close(self) -> None:
        """Release the source. Safe to call twice."""
        self._driver.close()

    def blocks(self) -> Iterator[Block]:
        """Blocks until the source ends or the time is over.

        Raises
        ------
        SourceLost
            The source goes on at another frequency than it was asked for.
        SdrDetectError
            What the source raises.
        """
        info = self._driver.info
        centre_hz = info.center_hz
        stop = self._strategy.next(Moment(0.0, info.start_ns))
        self._go(stop, centre_hz, info)
        heard = strayed = 0
        for block in self._driver.blocks():
            yield block
            if self._over(block):
                return
            info = block.info
            if _there(info, stop.rf_hz):
                centre_hz = info.center_hz
                heard, strayed = heard + block.sample_count, 0
            else:
                strayed += block.sample_count
                self._check(stop, strayed, info)
            if heard >= stop.dwell_s * info.sample_rate_hz:
                now = Moment(info.seconds(block.stop_sample), info.time_ns(block.stop_sample))
                stop = self._strategy.next(now)
                heard = strayed = 0
                self._go(stop, centre_hz, info)

    def _go(self, stop: Stop, centre_hz: float | None, info: StreamInfo) -> None:
        self.moves += 1
        if centre_hz is None or abs(centre_hz - stop.rf_hz) > NEAR * info.sample_rate_hz:
            _log.debug("to %.6f MHz for %g s", stop.rf_hz / 1e6, stop.dwell_s)
            self._tuner.retune(stop.rf_hz)

    def _over(self, block: Block) -> bool:
        if self._began is None:
            self._began = block.first_sample
        if self._seconds is None:
            return False
        return block.stop_sample - self._began >= self._seconds * block.info.sample_rate_hz

    def _check(self, stop: Stop, strayed: int, info: StreamInfo) -> None:
        if strayed > OBEY_S * info.sample_rate_hz:
            at = "an unknown frequency" if info.center_hz is None else f"{info.center_hz:.0f} Hz"
            raise SourceLost(
                f"it stays at {at} and was asked for {stop.rf_hz:.0f} Hz", uri=info.stream_id
            )


def _there(info: StreamInfo, rf_hz: float) -> bool:
    return info.center_hz is not None and abs(info.center_hz - rf_hz) <= NEAR * info.sample_rate_hz
