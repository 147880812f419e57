"""Bytes with their times of arrival become blocks. No device is touched here."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdr_detect import hostclock
from sdr_detect.datatype import Datatype
from sdr_detect.model import NS_PER_S, StreamInfo
from sdr_detect.plan import FrequencyPlan
from sdr_detect.rawblock import RawBlock
from sdr_detect_hardware._arrival import ArrivalClock

_log = logging.getLogger(__name__)


def starting_at(info: StreamInfo, first_samples: int, utc_ns: int, late_s: float) -> StreamInfo:
    """``info`` with the time of its sample 0.

    Parameters
    ----------
    first_samples : int
        Length of the first block.
    utc_ns : int
        Host time when the block's last sample was here.
    late_s : float
        How long samples may have been under way.
    """
    start_ns = utc_ns - round(first_samples / info.sample_rate_hz * NS_PER_S)
    clock_ns = hostclock.error_ns()
    error_ns = None if clock_ns is None else clock_ns + round(late_s * NS_PER_S)
    return replace(info, start_ns=start_ns, time_error_ns=error_ns)


class Assembler:
    """Numbers samples, finds what is missing, and marks an inverted spectrum.

    Parameters
    ----------
    info : StreamInfo
        Settings of the first block.
    datatype : Datatype
    """

    def __init__(self, info: StreamInfo, datatype: Datatype) -> None:
        self.info = info
        self._datatype = datatype
        self._clock = ArrivalClock(info.sample_rate_hz)
        self._next = 0
        self._lost = 0
        self._stale_until = 0

    def block(self, raw: NDArray[np.uint8], time_s: float) -> RawBlock | None:
        """The next block; None when it is from before a retune.

        Parameters
        ----------
        raw : (n * sample_bytes,) uint8
        time_s : float
            Monotonic time at which the last byte was here.
        """
        count = len(raw) // self._datatype.sample_bytes
        missing = self._clock.arrived(time_s, count)
        if missing:
            _log.warning(
                "%s: about %d samples were lost before sample %d",
                self.info.stream_id,
                missing,
                self._next + missing,
            )
            self._skip(missing)
        first = self._next
        if first < self._stale_until:
            self._skip(count)
            return None
        lost, self._lost = self._lost, 0
        self._next += count
        mirrored = self.info.plan.inverted
        return RawBlock(self.info, first, raw, self._datatype, lost, mirrored=mirrored)

    def dropped(self, samples: int) -> None:
        """Count samples that came and were thrown away before the next block."""
        self._clock.missed(samples)
        self._skip(samples)

    def retuned(self, center_hz: float, plan: FrequencyPlan, time_s: float) -> None:
        """From ``time_s`` on samples belong to another centre; what came before is stale.

        Blocks that began to arrive earlier are discarded, also those that wait in
        a queue or are held up: the arrival clock knows where the stream was.
        """
        self.info = replace(self.info, center_hz=center_hz, plan=plan)
        self._stale_until = max(self._stale_until, self._clock.position(time_s))

    def _skip(self, samples: int) -> None:
        self._next += samples
        self._lost += samples
