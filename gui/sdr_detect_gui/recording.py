"""Reads a recording in the background: all of it once for an overview, pieces on request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from sdr_detect import view
from sdr_detect.errors import SdrDetectError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.rawblock import stored
from sdr_detect.sinks.sigmf_record import SigmfRecorder
from sdr_detect.sinks.spectrogram import SpectrogramTap
from sdr_detect.sinks.view_rows import RowMeter, threshold_db
from sdr_detect.sinks.view_state import tuning

#: How often the overview so far is shown.
_SHOW_S = 0.5
#: The longest piece that is read at once: 0.5 GiB of complex floats.
MAX_PIECE = 1 << 26


class Overview(QThread):
    """Takes the spectrum of every sample, in constant memory whatever the length.

    Attributes
    ----------
    grown : Signal(object, float)
        The `Spectrogram` so far, and the share of the file it covers.
    failed : Signal(str)
    """

    grown = Signal(object, float)
    failed = Signal(str)

    def __init__(self, path: Path, spec: RawSpec, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path, self._spec = path, spec
        self._stopping = threading.Event()

    def run(self) -> None:
        """Read from the first sample to the last."""
        try:
            with open_recording(self._path, self._spec) as recording:
                tap = SpectrogramTap(recording.stop_sample)
                due_s = time.monotonic() + _SHOW_S
                for block in recording.blocks():
                    if self._stopping.is_set():
                        return
                    tap.take(block)
                    if time.monotonic() >= due_s:
                        due_s = time.monotonic() + _SHOW_S
                        done = block.stop_sample / max(recording.stop_sample, 1)
                        self.grown.emit(tap.result(), min(done, 0.999))
                self.grown.emit(tap.result(), 1.0)
        except SdrDetectError as exc:
            self.failed.emit(str(exc))

    def close(self) -> None:
        """End it."""
        self._stopping.set()
        self.wait()


@dataclass(frozen=True, slots=True)
class Piece:
    """What is asked for: rows of ``row_samples`` from a sample on."""

    first_sample: int
    row_samples: int
    rows: int


class Pieces(QThread):
    """Reads pieces; of several requests the last one counts.

    Attributes
    ----------
    ready : Signal(object, object)
        The piece and its rows.
    """

    ready = Signal(object, object)
    failed = Signal(str)

    def __init__(self, path: Path, spec: RawSpec, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path, self._spec = path, spec
        self._asked: Piece | None = None
        self._changed = threading.Condition()
        self._stopping = False

    def ask(self, piece: Piece) -> None:
        """Read this next."""
        with self._changed:
            self._asked = piece
            self._changed.notify()

    def run(self) -> None:
        """Serve requests until closed."""
        try:
            with open_recording(self._path, self._spec) as recording:
                while (piece := self._next()) is not None:
                    stop = min(
                        piece.first_sample + min(piece.rows * piece.row_samples, MAX_PIECE),
                        recording.stop_sample,
                    )
                    blocks = recording.blocks(piece.row_samples, piece.first_sample, stop)
                    rows: list[view.Row] = []
                    meter: RowMeter | None = None
                    for block in blocks:
                        if meter is None or meter.info != block.info:
                            meter = RowMeter(block.info)
                        meter.take(block)
                        rows += _row(meter)
                        if self._newer():
                            break
                    else:
                        self.ready.emit(piece, rows)
        except SdrDetectError as exc:
            self.failed.emit(str(exc))

    def _next(self) -> Piece | None:
        with self._changed:
            self._changed.wait_for(lambda: self._asked is not None or self._stopping)
            piece, self._asked = self._asked, None
            return None if self._stopping else piece

    def _newer(self) -> bool:
        with self._changed:
            return self._asked is not None or self._stopping

    def close(self) -> None:
        """End it."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self.wait()


def _row(meter: RowMeter) -> list[view.Row]:
    pooled = meter.row()
    if pooled is None:
        return []
    info, bins = pooled.info, len(pooled.peak)
    head = view.RowHead(
        tuning=tuning(info),
        first_sample=pooled.first_sample,
        stop_sample=pooled.stop_sample,
        stop_ns=info.time_ns(pooled.stop_sample),
        frames=pooled.frames,
        bins=bins,
        rbw_hz=meter.rbw_hz,
        has_floor=False,
        threshold_db=threshold_db(pooled.frames, bins),
        rise_db=None,
    )
    return [view.Row(head, pooled.peak, pooled.mean, None)]


class Cut(QThread):
    """Writes a stretch of a recording as a new SigMF recording, of complex floats.

    Attributes
    ----------
    done : Signal(str)
        What became of it.
    """

    done = Signal(str)

    def __init__(
        self,
        path: Path,
        spec: RawSpec,
        span: tuple[int, int],
        target: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._path, self._spec, self._span, self._target = path, spec, span, target

    def run(self) -> None:
        """Copy."""
        try:
            with open_recording(self._path, self._spec) as recording:
                recorder = SigmfRecorder(self._target)
                try:
                    for block in recording.blocks(1 << 18, *self._span):
                        recorder.take(stored(block))
                finally:
                    recorder.close()
        except SdrDetectError as exc:
            self.done.emit(str(exc))
        else:
            self.done.emit("")
