"""Probability of intercept: that a terminal on the air was met where one listened.

The terminal of `TerminalModel` is followed frame by frame: for each channel, the
chances of when its next burst comes, given that none was heard in this slot so
far. Each frame listened to takes out the bursts that it hears. What is left at
the end of a slot is the chance that a terminal in that channel was missed; over
the channels it is averaged, over slots multiplied, over the unknown instant of
reassignment averaged. Nothing is drawn; the log is only ever added to, so that a
watch of weeks costs no more memory than one of a second.

Within a frame a burst may start anywhere, and across a reassignment the bursts
begin anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sdr_detect.scan.log import all_parts
from sdr_detect.scan.terminal import TerminalModel
from sdr_detect.watched import SAME_S, Stay

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Instants of reassignment that stand for an unknown one: 0.3 s apart.
PHASES = 50

#: Unheard frames after which the next burst is as likely as ever: 5 to 14 frames
#: apart, its chances differ by less than 1e-4 from the mean.
MIXED_FRAMES = 96

#: A chance of being missed below this is none.
_SURE = 1e-12


class Meetings:
    """Adds up the chance of having met one terminal, stay by stay.

    Parameters
    ----------
    model : TerminalModel
    """

    def __init__(self, model: TerminalModel) -> None:
        self.model = model
        channels = len(model.channels_hz)
        self._slot_frames = max(1, round(model.slot_s / model.frame_s))
        if model.slot_phase_s is None:
            steps = (np.arange(PHASES) + 0.5) * self._slot_frames / PHASES
            self._phases = steps.astype(np.int64)
        else:
            self._phases = np.array([round(model.slot_phase_s / model.frame_s)], np.int64)
        spacing = np.zeros(max(model.frames))
        for frames in model.frames:
            spacing[frames - 1] += 1 / len(model.frames)
        #: Chance that the next burst comes in j frames, at any moment.
        self._fresh = np.cumsum(spacing[::-1])[::-1] / (np.arange(1, spacing.size + 1) @ spacing)
        self._spacing = spacing
        self._alive = np.tile(self._fresh, (self._phases.size, channels, 1))
        self._slot = np.full(self._phases.size, np.iinfo(np.int64).min // 2)
        self._missed = np.zeros(self._phases.size)
        self._missed_in = np.zeros((self._phases.size, channels))
        #: The frame each channel has come to, and how much of it was heard so far.
        self._frame = np.zeros(channels, np.int64)
        self._heard = np.zeros(channels)
        self._channels: tuple[int, ...] = ()
        self._from_s = self._stop_s = -math.inf

    def watch(
        self, start_s: float, stop_s: float, channels: tuple[int, ...], share: float = 1.0
    ) -> None:
        """Listen to channels; stays come in order of time.

        Parameters
        ----------
        start_s, stop_s : float
            On the log's clock. A stay that begins where the last one ended, in the
            same channels, goes on: bursts across the seam are heard.
        channels : tuple of int
            From 0.
        share : float
            Part of it that could be used, anywhere between start and stop.
        """
        goes_on = channels == self._channels and abs(start_s - self._stop_s) <= SAME_S
        if not goes_on:
            self._leave()
            self._from_s = start_s
        self._channels, self._stop_s = channels, stop_s
        last_s = stop_s - self.model.burst_s
        if last_s <= self._from_s or not channels or share <= 0:
            return
        _listen(
            self._alive, self._slot, self._missed, self._missed_in, self._frame, self._heard,
            np.array(channels), self._from_s / self.model.frame_s, last_s / self.model.frame_s,
            min(share, 1.0), self.model.activity, self.model.session_duty,
            self._spacing, self._fresh, self._phases, self._slot_frames,
        )  # fmt: skip
        self._from_s = last_s

    def _leave(self) -> None:
        """A frame that was heard in part is over."""
        for channel in self._channels:
            if self._heard[channel]:
                weight = self.model.activity * self._heard[channel]
                for alive in self._alive:
                    _step(alive[channel], weight, self._spacing)
                self._frame[channel] += 1
                self._heard[channel] = 0.0

    def copy(self) -> Meetings:
        """One that goes its own way from here."""
        other = Meetings(self.model)
        other.__dict__.update(
            (name, value.copy() if isinstance(value, np.ndarray) else value)
            for name, value in self.__dict__.items()
        )
        return other

    def missed(self) -> tuple[float, tuple[float, ...]]:
        """Chance that it was never met, and for each channel that it was not met in it."""
        end = self.copy()
        end._leave()
        for k in range(end._phases.size):
            _end_slot(
                k, end._alive, end._missed, end._missed_in, self.model.session_duty, end._fresh
            )
        each = np.exp(end._missed_in).mean(axis=0)
        return float(np.exp(end._missed).mean()), tuple(float(m) for m in each)


def probability_of_intercept(rows: Iterable[Stay], model: TerminalModel) -> float:
    """Chance that a terminal on the air sent at least one burst where one listened.

    Parameters
    ----------
    rows : iterable of Stay
        The log of a watch, by start; see `DwellLog`.
    model : TerminalModel
    """
    meetings = Meetings(model)
    for stay in all_parts(rows):
        length_s = stay.stop_s - stay.start_s
        share = stay.analysed_s / length_s if length_s > 0 else 0.0
        meetings.watch(stay.start_s, stay.stop_s, model.touched(*stay.range_hz), share)
    return min(1.0, max(0.0, 1 - meetings.missed()[0]))


@njit(cache=True, nogil=True)
def _step(alive: Floats, weight: float, spacing: Floats) -> None:
    """One frame on; a burst in it is heard with chance ``weight``. ``alive`` is changed.

    ``alive[j]`` is the chance that none was heard and the next one comes in j frames.
    """
    unheard = alive[0] * (1 - weight)
    last = alive.size - 1
    for j in range(last):
        alive[j] = alive[j + 1] + unheard * spacing[j]
    alive[last] = unheard * spacing[last]


@njit(cache=True, nogil=True)
def _end_slot(
    k: int, alive: Floats, missed: Floats, missed_in: Floats, duty: float, fresh: Floats
) -> None:
    """Close the slot of one phase; bursts begin anew."""
    channels = alive.shape[1]
    mean = 0.0
    for c in range(channels):
        left = alive[k, c].sum()
        if left > 1 - _SURE:  # nothing was heard but rounding
            left = 1.0
        mean += left
        missed_in[k, c] += np.log(1 - duty / channels * (1 - left))
        alive[k, c] = fresh
    missed[k] += np.log(max(1 - duty * (1 - mean / channels), 1e-300))


@njit(cache=True, nogil=True)
def _pass(alive: Floats, ahead: int, weight: float, spacing: Floats) -> bool:
    """Frames that nobody heard, then one heard with ``weight`` (negative: not yet over).

    Returns whether it may still have been missed in any phase.
    """
    missed = False
    for k in range(alive.shape[0]):
        for _ in range(ahead):
            _step(alive[k], 0.0, spacing)
        if alive[k].sum() >= _SURE:
            missed = True
            if weight >= 0:
                _step(alive[k], weight, spacing)
    return missed


@njit(cache=True, nogil=True)
def _listen(
    alive: Floats,
    slot: Ints,
    missed: Floats,
    missed_in: Floats,
    frame: Ints,
    heard: Floats,
    channels: Ints,
    start: float,
    stop: float,
    share: float,
    activity: float,
    duty: float,
    spacing: Floats,
    fresh: Floats,
    phases: Ints,
    slot_frames: int,
) -> None:
    """Listen to ``channels`` from ``start`` to ``stop``, in frames. State is changed.

    A frame is passed when its end is reached; until then ``heard`` gathers how much
    of it was listened to.
    """
    now, last = int(np.floor(start)), int(np.floor(stop))
    while now <= last:
        part = share * (min(stop, now + 1) - max(start, now))
        for k in range(phases.size):
            number = (now - phases[k]) // slot_frames
            if number != slot[k]:
                _end_slot(k, alive, missed, missed_in, duty, fresh)
                slot[k] = number
        surely_met = True
        for c in channels:
            ahead = min(now - frame[c], MIXED_FRAMES)
            heard[c] = part if ahead > 0 else heard[c] + part
            frame[c] = now
            weight = activity * heard[c] if now < last else -1.0
            if _pass(alive[:, c], ahead, weight, spacing):
                surely_met = False
            if now < last:
                frame[c], heard[c] = now + 1, 0.0
        following = now + 1
        if surely_met:  # nothing changes until the next reassignment
            following = max(following, min(last, (phases + (slot + 1) * slot_frames).min()))
        now = following
