"""One watch that the window looks at: its process, if the window started it, and its views."""

from __future__ import annotations

import itertools
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QStorageInfo

from sdr_detect import view
from sdr_detect.curve import SubscriberKeys
from sdr_detect_gui.child import Child
from sdr_detect_gui.condition import FRESH_S, Facts
from sdr_detect_gui.feed import Feed
from sdr_detect_gui.mailbox import Mail, Mailbox

#: A process that ended by itself with an error is started again after this.
RESTART_S = 5.0


class Watching(QObject):
    """A running watch.

    Parameters
    ----------
    words : sequence of str or None
        Options of ``monitor``, which is started with them; None to look at a watch
        that runs already.
    endpoint : str or None
        Where it shows; None with ``words``, for a socket that only this user reaches.
    keys : SubscriberKeys, optional
    replay : bool
        The samples come from a recording, not from a receiver.
    verb : {"monitor", "sweep"}
        What is started.
    """

    def __init__(
        self,
        words: Sequence[str] | None,
        endpoint: str | None = None,
        keys: SubscriberKeys | None = None,
        *,
        replay: bool = False,
        verb: Literal["monitor", "sweep"] = "monitor",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.replay = replay
        self.verb = verb
        self.child: Child | None = None
        self.state: view.State | None = None
        self.tuning: view.Tuning | None = None
        self.ended = False
        self.lost_messages = 0
        self.error = ""
        self._row_s: float | None = None
        self._began_s = time.monotonic()
        self._retry_s: float | None = None
        #: Options that say what the receiver's levels mean.
        self.calibration = _stated(words or (), ("--calibration", "--gain"))
        #: Why is recorded now; None: nothing is.
        self.recording: str | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if endpoint is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sdr-detect-")
            endpoint = f"ipc://{Path(self._folder.name) / secrets.token_hex(4)}"
        self.endpoint = endpoint
        self._mailbox = Mailbox()
        self._feed = Feed(endpoint, self._mailbox, keys, self)
        if words is not None:
            told = [verb, *words, "--attended", "--publish-view", endpoint]
            self.child = Child(told, self)
            self.child.start()
        self._feed.start()

    def poll(self) -> Mail:
        """What came since the last call; starts a process again that has failed."""
        mail = self._mailbox.take()
        if mail.restarted:
            self.state, self.ended = None, False
        if mail.rows:
            self._row_s = time.monotonic()
            self.tuning = mail.rows[-1].head.tuning
            self.error = ""
        if mail.state is not None:
            self.state = mail.state
        if mail.end is not None or (mail.state is not None and mail.state.final):
            self.ended = True
        self.lost_messages += mail.lost_messages
        if mail.error is not None:
            self.error = mail.error
        self._look_after()
        return mail

    def _look_after(self) -> None:
        child = self.child
        if child is None or child.running or self.ended or child.exit_code in (0, 2, 130):
            self._retry_s = None
            return
        now_s = time.monotonic()
        if self._retry_s is None:
            self._retry_s = now_s + RESTART_S
        elif now_s >= self._retry_s:
            self.retry()

    def retry(self) -> None:
        """Start the process again now."""
        self._retry_s = None
        if self.child is not None and not self.child.running:
            self._began_s = time.monotonic()
            # What the last process found must not be taken for what the next one sees.
            self.state, self._row_s, self.ended = None, None, False
            self.child.start()
            if self.recording is not None:
                self.child.say(f"record {self.recording}")

    def record(self, why: str | None, *, past: bool = True) -> None:
        """Let the process record until told otherwise, with what it has kept; None ends it."""
        self.recording = why
        if self.child is not None:
            word = "record" if past else "begin"
            self.child.say("stop" if why is None else f"{word} {why}")

    @property
    def can_record(self) -> bool:
        """Whether there is a process that records when this window asks."""
        return self.child is not None and not self.replay

    @property
    def can_compare(self) -> bool:
        """Whether legs of a comparison can be recorded: of a receiver that stays in its place."""
        return self.can_record and self.verb == "monitor"

    @property
    def age_s(self) -> float | None:
        """Age of the newest row."""
        return None if self._row_s is None else time.monotonic() - self._row_s

    @property
    def fresh(self) -> bool:
        """Whether data arrive."""
        age_s = self.age_s
        return age_s is not None and age_s < FRESH_S

    def facts(self) -> Facts:
        """All that a judgement rests on."""
        child = self.child
        return Facts(
            mode="replay" if self.replay else "live",
            age_s=self.age_s,
            state=self.state,
            tuning=self.tuning,
            running=child is None or child.running,
            exit_code=None if child is None else child.exit_code,
            last_words=self.error or ("" if child is None else child.last_words),
            ended=self.ended,
            waited_s=time.monotonic() - self._began_s,
            lost_messages=self.lost_messages,
            disk_free_bytes=QStorageInfo(".").bytesAvailable(),
        )

    def close(self) -> None:
        """End the process if it still runs, then the thread."""
        if self.child is not None:
            self.child.close()
        self._feed.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _stated(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """Those of the options that have one of the names."""
    pairs = itertools.pairwise(words)
    return [word for name, value in pairs if name in names for word in (name, value)]
