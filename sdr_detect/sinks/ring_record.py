"""Keeps the last seconds in memory, and records them when something is found.

A trigger at the stream's position p asks for the samples of [p - pre, p + post).
What several triggers ask for is recorded once: a trigger before the end of a run
lengthens it, a later one begins another, which starts no sooner than the last one
ended. Lost samples count as time.

A person begins with `start`, which asks for the past too, and ends with `stop`.

`take` and `close` belong to the thread that reads; the others may be called from any
other thread and from a signal handler. They only leave a wish for the next `take`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sdr_detect.errors import ConfigError, SinkError
from sdr_detect.model import Notice
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks import disk
from sdr_detect.sinks.sigmf_fields import utc_text
from sdr_detect.sinks.sigmf_record import SigmfRecorder

_log = logging.getLogger(__name__)

#: While the past is written, so many blocks for each one that comes: the ring is on
#: disk after a third of its length, and no write keeps the reader for long.
CATCH_UP = 4
#: Triggers noted in one run's metadata, and triggers and notices that wait for a sample.
MAX_TOLD = 100

#: Samples to the end of a run that nobody has ended yet.
_NO_END = 1 << 62


@dataclass(frozen=True, slots=True)
class RingLimits:
    """How much is kept and written.

    Parameters
    ----------
    pre_s, post_s : float
        Recorded before and after a trigger's arrival.
    max_file_s : float
        Longest file; a run goes on in the next.
    memory_bytes : int
        What the ring may hold.
    quota_bytes : int or None
        What the recordings in the folder may occupy, those found there included.
    """

    pre_s: float
    post_s: float
    max_file_s: float
    memory_bytes: int = 1 << 30
    quota_bytes: int | None = None


@dataclass(slots=True)
class _Run:
    """One stretch to record: its end may still move."""

    next: int
    stop: int
    by_hand: bool = False
    notices: deque[tuple[int, Notice]] = field(default_factory=deque)
    told: set[str] = field(default_factory=set)
    recorder: SigmfRecorder | None = None
    path: Path | None = None
    last: RawBlock | None = None


class RingRecorder:
    """An outlet that records what surrounds triggers, one file each.

    Parameters
    ----------
    folder : Path
        Exists.
    limits : RingLimits
    tell : callable
        Gets a line for each file begun and finished.

    Attributes
    ----------
    by_hand : bool
        `start` was called, and not `stop` since.

    Raises
    ------
    SinkError
        The quota is used up already.
    """

    def __init__(
        self, folder: Path, limits: RingLimits, *, tell: Callable[[str], None] = _log.info
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._tell = tell
        self._wishes: deque[tuple[Notice, int]] = deque(maxlen=MAX_TOLD)
        self._notices: deque[Notice] = deque(maxlen=MAX_TOLD)
        self._held: deque[RawBlock] = deque()
        self._runs: deque[_Run] = deque()
        self._form: tuple[float, int] | None = None
        self._pre = self._post = 0
        self._position: int | None = None
        self._planned_stop = 0
        self.by_hand = False
        self._ended = False
        self._quota_left()

    def trigger(self, why: str, detail: str = "") -> None:
        """Ask for what surrounds the stream's present position.

        Parameters
        ----------
        why : str
            Label of the annotation; of one run each is noted once.
        detail : str
            Its comment.
        """
        self._wishes.append((Notice(why, detail), 1))

    def start(self, why: str, *, past: bool = True) -> None:
        """Record all that follows until `stop`, and the past with it."""
        self._wishes.append((Notice(why, ""), int(past)))
        self.by_hand = True

    def stop(self) -> None:
        """End what `start` began, with the next block."""
        self.by_hand = False

    @property
    def kept_s(self) -> float:
        """How much of the past a trigger would record now. For the reading thread."""
        if self._form is None or self._position is None or not self._held:
            return 0.0
        first = max(self._held[0].first_sample, self._planned_stop)
        return max(self._position - first, 0) / self._form[0]

    @property
    def writing(self) -> tuple[Path, int] | None:
        """The file of the oldest run and its bytes so far. For the reading thread."""
        for run in self._runs:
            if run.path is not None and run.recorder is not None:
                return run.path, run.recorder.data_bytes
        return None

    def take(self, block: RawBlock) -> None:
        """Keep one block, and write what is due.

        Raises
        ------
        ConfigError
            The ring does not fit into its memory.
        SinkError
            The disk takes no more, or the quota is used up. Nothing is recorded after.
        """
        if self._ended:
            return
        if not block.sample_count:
            self._notices += block.notices
            return
        self._adapt(block)
        if self._position is None:
            self._position = self._planned_stop = block.first_sample
        self._plan()
        notices = (*self._notices, *block.notices)
        self._notices.clear()
        self._held.append(replace(block, notices=notices))
        self._position = block.stop_sample
        self._write(CATCH_UP * len(block.raw))
        self._forget()

    def _adapt(self, block: RawBlock) -> None:
        """Turn seconds into samples, for this rate and type."""
        form = block.info.sample_rate_hz, block.datatype.sample_bytes
        if form == self._form:
            return
        rate_hz, size = form
        limits, first = self._limits, self._form is None
        self._form = form
        self._pre = round(limits.pre_s * rate_hz)
        self._post = max(round(limits.post_s * rate_hz), 1)
        most = limits.memory_bytes // size
        if self._pre > most:
            told = (
                f"{limits.pre_s:g} s before a trigger, at {rate_hz:g} samples a second of {size} "
                f"bytes, are {self._pre * size} bytes of memory, more than {limits.memory_bytes}; "
                f"at most {most / rate_hz:.1f} s fit: shorten --pre-trigger or raise --ring-memory"
            )
            if first:
                raise ConfigError(told)
            _log.warning("%s: %s", block.info.stream_id, told)
            self._pre = most

    def _plan(self) -> None:
        """Let the triggers that came since the last block ask for their samples."""
        here = self._position
        assert here is not None  # set with the first block
        for _ in range(len(self._wishes)):
            (wish, past), at = self._wishes.popleft(), here
            if not self._runs or here >= self._runs[-1].stop:
                at = max(here - past * self._pre, self._planned_stop)
                self._runs.append(_Run(at, here))
                # The reason is in the file from its first sample on, whatever comes.
                text = f"asked for at sample {here} of the stream"
                wish = Notice(wish.reason, "; ".join(filter(None, (wish.detail, text))))
            run = self._runs[-1]
            run.stop = self._planned_stop = here + self._post
            if wish.reason not in run.told and len(run.told) < MAX_TOLD:
                run.told.add(wish.reason)
                run.notices.append((at, wish))
        if self._runs:
            self._hold(self._runs[-1], here)

    def _hold(self, run: _Run, here: int) -> None:
        """Keep a run that a person began from ending, until that person ends it."""
        if self.by_hand:
            run.by_hand = True
            run.stop = self._planned_stop = here + _NO_END
        elif run.by_hand:
            run.by_hand = False
            run.stop = self._planned_stop = here

    def _write(self, budget_bytes: float) -> None:
        """Write what runs ask for, oldest first."""
        while self._runs:
            run = self._runs[0]
            while self._held and self._held[0].stop_sample <= run.next:
                self._held.popleft()
            past = not self._held or self._held[0].first_sample >= run.stop
            if past or run.next >= run.stop:
                assert self._position is not None  # runs are planned after the first block
                if self._position < run.stop:
                    return
                self._finish(self._runs.popleft())
                continue
            if budget_bytes <= 0:
                return
            head = self._held[0]
            part = head.part(max(head.first_sample, run.next), min(head.stop_sample, run.stop))
            run.next = part.stop_sample
            budget_bytes -= len(part.raw)
            self._record(run, part)

    def _record(self, run: _Run, part: RawBlock) -> None:
        for at in [at for at, _ in run.notices if part.first_sample < at < part.stop_sample]:
            self._record(run, part.part(part.first_sample, at))
            part = part.part(at, part.stop_sample)
        due = []
        while run.notices and run.notices[0][0] <= part.first_sample:
            due.append(run.notices.popleft()[1])
        run.last = part
        self._hand(run, replace(part, notices=(*due, *part.notices)))

    def _hand(self, run: _Run, block: RawBlock) -> None:
        try:
            if run.recorder is None:
                run.recorder = self._begin(run, block)
            run.recorder.take(block)
        except SinkError:
            self._ended = True
            self._held.clear()
            raise

    def _begin(self, run: _Run, first: RawBlock) -> SigmfRecorder:
        time_ns = first.info.time_ns(first.first_sample)
        when = "undated" if time_ns is None else utc_text(time_ns)[:23].replace(":", "") + "Z"
        path = self._folder / f"{when}-{first.first_sample}.sigmf-meta"
        if path.exists():
            path = disk.free_name(path)
        rate_hz, size = first.info.sample_rate_hz, first.datatype.sample_bytes
        most = max(round(self._limits.max_file_s * rate_hz), 1) * size
        run.path = path
        self._tell(f"recording {path}: {', '.join(sorted(run.told))}")
        return SigmfRecorder(path, max_file_bytes=most, quota_bytes=self._quota_left())

    def _quota_left(self) -> int | None:
        quota = self._limits.quota_bytes
        if quota is None:
            return None
        used = disk.recorded_bytes(self._folder)
        if used >= quota:
            raise SinkError(
                f"{self._folder}: recordings occupy {used} bytes of the {quota} allowed; move some "
                "elsewhere, or raise --quota"
            )
        return quota - used

    def _finish(self, run: _Run) -> None:
        if run.recorder is None or run.last is None:
            self._tell(
                f"nothing to record for {', '.join(sorted(run.told))}: its samples were lost"
            )
            return
        if run.notices:
            none = replace(run.last, raw=np.empty(0, np.uint8), lost_before=0)
            self._hand(run, replace(none, notices=tuple(notice for _, notice in run.notices)))
        run.recorder.close()
        self._tell(f"recorded {run.path}: {run.recorder.sample_count} samples")

    def _forget(self) -> None:
        """Drop what no trigger can ask for any more."""
        assert self._position is not None  # set with the first block
        oldest = self._position - self._pre
        while self._held and self._held[0].stop_sample <= oldest and not self._runs:
            self._held.popleft()

    def close(self) -> None:
        """Write what is still asked for, and finish. Safe to call twice.

        Raises
        ------
        SinkError
            As for `take`.
        """
        if self._ended or self._position is None:
            return
        self._plan()
        self._write(float("inf"))
        self._ended = True
        while self._runs:
            self._finish(self._runs.popleft())
