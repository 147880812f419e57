"""Losses seen by the clock: samples that never came make all later ones late.

A dongle does not tell that its buffer overflowed. But its samples are counted by
a crystal, so the ``n``-th arrives ``n / rate`` after the first, plus a delay of
the way here that varies and is never negative. The smallest delay of several
blocks is steady; when it rises in one step and stays, samples are missing.
"""

from __future__ import annotations

from collections import deque

#: Blocks whose smallest delay is taken: enough to outlast a transfer that
#: delivers several blocks at once.
WINDOW_BLOCKS = 12

#: Smaller steps are left alone: they are jitter. Losses below this stay unseen.
STEP_S = 4e-3

#: While the delay still changes by more than this within the window, a stall is
#: being caught up or the loss is not the whole window's: nothing is decided.
_SETTLED_S = 2e-3


class ArrivalClock:
    """Estimates losses of a stream from the times its blocks arrive.

    A loss is told up to `WINDOW_BLOCKS` blocks after it happened. A way that
    becomes slower for good cannot be told from a loss.

    Parameters
    ----------
    sample_rate_hz : float
        Actual rate. An error of 100 ppm moves the delay by 0.1 ms a second,
        which is followed.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self._rate = sample_rate_hz
        self._count = 0
        self._recent: deque[float] = deque()
        self._before: deque[float] = deque(maxlen=WINDOW_BLOCKS)

    def arrived(self, time_s: float, samples: int) -> int:
        """Count one block; return the samples found missing by now.

        Parameters
        ----------
        time_s : float
            Monotonic time at which the last sample of the block was here.
        samples : int
            Length of the block.
        """
        self._count += samples
        self._recent.append(time_s - self._count / self._rate)
        if len(self._recent) <= WINDOW_BLOCKS:
            return 0
        self._remember(self._recent.popleft())
        step_s = min(self._recent) - min(self._before)
        if step_s <= STEP_S or not self._settled():
            return 0
        lost = round(step_s * self._rate)
        self.missed(lost)
        self._recent = deque(delay_s - step_s for delay_s in self._recent)
        return lost

    def missed(self, samples: int) -> None:
        """Count samples that are known to be missing before the next block."""
        self._count += samples

    def position(self, time_s: float) -> int:
        """Samples that had come by ``time_s`` over the shortest way, were none lost.

        Raises
        ------
        ValueError
            No block has arrived yet.
        """
        delays_s = [*self._before, *self._recent]
        if not delays_s:
            raise ValueError("no block has arrived yet")
        return round((time_s - min(delays_s)) * self._rate)

    def _remember(self, delay_s: float) -> None:
        """Keep what is no stall as the reference for the blocks to come."""
        if not self._before or delay_s <= min(self._before) + STEP_S:
            self._before.append(delay_s)

    def _settled(self) -> bool:
        delays_s = list(self._recent)
        half = len(delays_s) // 2
        return abs(min(delays_s[half:]) - min(delays_s[:half])) <= _SETTLED_S
