"""A recording as the window reads it: by a process of its own, which this talks to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from PySide6.QtCore import QObject, QThread, Signal

from sdr_detect import view
from sdr_detect.formats.base import RawSpec
from sdr_detect.model import FloatArray
from sdr_detect.ownprocess import module_command
from sdr_detect_gui.stating import fields


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Level along time: strongest frame and mean of each column, linear; NaN is a hole."""

    first_s: float
    step_s: float
    peak: FloatArray
    mean: FloatArray


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked for: rows of ``row_samples`` from a sample on."""

    first_sample: int
    row_samples: int
    rows: int


class Reader(QThread):
    """Talks to ``sdr_detect_gui.reader``; this thread takes its answers apart.

    Attributes
    ----------
    grown : Signal(object, float)
        The `Outline` so far, and the share of the file it covers.
    looked : Signal(object)
        The `Outline` of a few looks all along a long file, before that.
    ready : Signal(object, object)
        A `Piece` and its rows.
    copied : Signal(str, str)
        Where a copy went, and what became of it: '' when all is well.
    weighed : Signal(object)
        Sample types with weights and reasons, as dictionaries.
    previewed : Signal(object, object)
        What was shown, and (columns, bins) of linear power.
    failed : Signal(str, str)
        Which work failed, and why.
    """

    grown = Signal(object, float)
    looked = Signal(object)
    ready = Signal(object, object)
    copied = Signal(str, str)
    weighed = Signal(object)
    previewed = Signal(object, object)
    failed = Signal(str, str)

    def __init__(self, path: Path, spec: RawSpec, parent: QObject | None = None) -> None:
        super().__init__(parent)
        words = module_command("sdr_detect_gui.reader", str(path), json.dumps(fields(spec)))
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        # A session of its own: Ctrl-C in the terminal is for the window, which ends it.
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._closing = False
        self._copies = 0
        self.start()

    def ask(self, piece: Piece) -> None:
        """Read this next; of several requests the last one counts."""
        self._ask("piece", asdict(piece))

    def overview(self, *, run: bool) -> None:
        """Begin the overview or go on with it, or hold it."""
        self._ask("overview", {"run": run})

    def cut(self, start: int, stop: int, target: Path) -> None:
        """Copy a stretch to a new SigMF recording."""
        self._copies += 1
        self._ask("cut", {"start": start, "stop": stop, "target": str(target)})

    def weigh(self) -> None:
        """Weigh the sample types."""
        self._ask("weigh", {})

    def preview(self, number: int, spec: RawSpec, share: float) -> None:
        """Read a part as stated; ``number`` comes back with the answer."""
        self._ask("preview", {"number": number, "stated": fields(spec), "share": share})

    def _ask(self, what: str, asked: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):  # its end is told by `run`
            self._in.write(json.dumps({"do": what, **asked}).encode() + b"\n")
            self._in.flush()

    def run(self) -> None:
        """Take answers until the process ends."""
        while line := self._out.readline():
            head = json.loads(line)
            parts = [self._out.read(size) for size in head["sizes"]]
            if sum(map(len, parts)) == sum(head["sizes"]):
                self._take(head, parts)
        code = self._process.wait()
        self._copies = 0
        if not self._closing:
            self.failed.emit("reader", f"the reading process ended (exit code {code})")

    def _take(self, head: dict[str, Any], parts: list[bytes]) -> None:
        match head["kind"]:
            case "overview":
                self.grown.emit(_outline(head, parts), head["share"])
            case "looks":
                self.looked.emit(_outline(head, parts))
            case "piece":
                asked = head["piece"]
                piece = Piece(asked["first_sample"], asked["row_samples"], asked["rows"])
                self.ready.emit(piece, _rows(parts))
            case "cut":
                self._copies -= 1
                self.copied.emit(head["target"], head["error"])
            case "weighed":
                self.weighed.emit(head["candidates"])
            case "preview":
                shape = head["columns"], head["bins"]
                self.previewed.emit(head, np.frombuffer(parts[0], "<f4").reshape(shape))
            case "failed":
                self.failed.emit(head["what"], head["error"])

    @property
    def copying(self) -> bool:
        """Whether a copy is being written."""
        return self._copies > 0

    def close(self) -> None:
        """End the process and the thread."""
        self._closing = True
        with suppress(BrokenPipeError):
            self._in.close()
        self._process.kill()
        self.wait()
        self._out.close()


def _outline(head: dict[str, Any], parts: list[bytes]) -> Outline:
    peak, mean = (np.frombuffer(part, "<f4") for part in parts)
    return Outline(head["first_s"], head["step_s"], peak, mean)


def _rows(parts: list[bytes]) -> list[view.Row]:
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [cast(view.Row, view.decode(pair).body) for pair in pairs]
