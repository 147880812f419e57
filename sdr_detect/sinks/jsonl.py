"""Events as JSON Lines: one object a line, ``type`` first."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, TextIO

from sdr_detect.calibration.levels import Levels
from sdr_detect.errors import SinkError
from sdr_detect.events import BurstEvent, Event, Verdict, to_json

#: Burst lines a recording may yield before the rest is only counted.
MAX_BURSTS = 10_000


class JsonLines:
    """Writes one recording's (or one watch's) events.

    Parameters
    ----------
    out : text stream
        Stays open: several recordings may share it.
    max_bursts : int
        Burst lines written; the others are counted in one ``burst_summary``
        before the verdict.
    flush : bool
        Flush every line, so that a reader of a live watch sees it at once.
    levels : Levels, optional
        Adds levels in physical units.
    """

    def __init__(
        self,
        out: TextIO,
        *,
        max_bursts: int = MAX_BURSTS,
        flush: bool = False,
        levels: Levels | None = None,
    ) -> None:
        self._out = out
        self._max_bursts = max_bursts
        self._flush = flush
        self._levels = levels or Levels()
        self._bursts = 0

    def write(self, event: Event) -> None:
        """Write one event.

        Raises
        ------
        SinkError
            The stream takes no more, for example because the disk is full.
        """
        if isinstance(event, BurstEvent):
            self._bursts += 1
            if self._bursts > self._max_bursts:
                return
        if isinstance(event, Verdict) and self._bursts > self._max_bursts:
            self.write_object(self._summary())
        self.write_object(to_json(event) | self._levels.fields(event))

    def write_object(self, item: dict[str, Any]) -> None:
        """Write a line that is no event: what was analysed, or an error.

        Raises
        ------
        SinkError
            As for `write`.
        """
        with self._write_errors():
            self._out.write(json.dumps(item, allow_nan=False, ensure_ascii=False) + "\n")
            if self._flush:
                self._out.flush()

    def write_error(self, path: str, kind: str, message: str) -> None:
        """Write that a recording could not be read (to its end).

        Raises
        ------
        SinkError
            As for `write`.
        """
        self.write_object({"type": "error", "path": path, "error": kind, "message": message})

    def _summary(self) -> dict[str, Any]:
        return {
            "type": "burst_summary",
            "burst_count": self._bursts,
            "written_count": self._max_bursts,
            "omitted_count": self._bursts - self._max_bursts,
            "reason": f"more than {self._max_bursts} bursts; raise --max-bursts to write them all",
        }

    def close(self) -> None:
        """Flush; the stream belongs to the caller.

        Raises
        ------
        SinkError
            As for `write`.
        """
        with self._write_errors():
            self._out.flush()

    @contextlib.contextmanager
    def _write_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # the reader has seen enough (``| head``): no error of ours
        except OSError as exc:
            name = getattr(self._out, "name", "their stream")
            raise SinkError(
                f"JSON Lines cannot be written to {name}: {exc.strerror or exc}; make room "
                "there, or write elsewhere: what follows is not in it"
            ) from exc
