"""The process that reads a recording for a window: ``python -m sdr_detect_gui.reader``.

It takes requests as JSON, one a line, and answers with a line of JSON and as many bytes
as that tells. A thread of the window instead would share Python's lock with it: reading at
full speed then makes the window stand still for a quarter of a second at a time.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sdr_detect import view
from sdr_detect.errors import SdrDetectError
from sdr_detect.formats.base import Recording
from sdr_detect.formats.find import open_recording
from sdr_detect.formats.store import FileRange
from sdr_detect.formats.weigh import weigh_range
from sdr_detect.model import FloatArray
from sdr_detect.rawblock import decoded, stored
from sdr_detect.sinks.sigmf_record import SigmfRecorder
from sdr_detect.sinks.spectrogram import Spectrogram, SpectrogramTap
from sdr_detect.sinks.view_rows import RowMeter, threshold_db
from sdr_detect.sinks.view_state import tuning
from sdr_detect_gui.stating import spec_of

#: How often the overview so far is told, and its columns.
_SHOW_S, COLUMNS = 0.5, 1200
#: The longest piece that is read at once: 0.5 GiB of complex floats.
MAX_PIECE = 1 << 26
#: From this length on, looks of so many samples all along the file come first.
_LONG, _LOOK_SAMPLES = 1 << 28, 1 << 15
#: A look for a preview.
_PREVIEW_SAMPLES, _PREVIEW_COLUMNS = 1 << 18, 512
_STAMP = view.Stamp(session="0", seq=0, mono_ns=0, utc_ns=0)

Given = Mapping[str, Any]


class Server:
    """Answers requests about one file."""

    def __init__(self, path: Path, given: Mapping[str, str | float], out: BinaryIO) -> None:
        self._path, self._given = path, given
        self._out = out
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._piece: Given | None = None
        self._ending = False
        self._going = threading.Event()
        self._threads: list[threading.Thread] = []
        self._started: set[str] = set()

    def serve(self, requests: BinaryIO) -> None:
        """Until there are no more of them; a copy that was begun is finished."""
        for line in requests:
            asked = json.loads(line)
            self._take(asked)
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._going.set()
        for thread in self._threads:
            thread.join()

    def _take(self, asked: Given) -> None:
        match asked["do"]:
            case "overview":
                (self._going.set if asked["run"] else self._going.clear)()
                self._begin("overview", self._overview)
            case "piece":
                with self._changed:
                    self._piece = asked
                    self._changed.notify_all()
                self._begin("piece", self._pieces)
            case "cut":
                self._start(lambda: self._cut(asked), "cut")
            case "weigh":
                self._start(self._weigh, "weigh")
            case "preview":
                self._start(lambda: self._preview(asked), "preview")

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        if name not in self._started:
            self._started.add(name)
            self._start(work, name)

    def _start(self, work: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                work()
            except (SdrDetectError, ValueError, OSError) as exc:
                if not self._ending:
                    self._tell({"kind": "failed", "what": name, "error": str(exc)})

        thread = threading.Thread(target=guarded, name=name)
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()

    def _tell(self, head: Mapping[str, Any], *parts: bytes | memoryview) -> None:
        sizes = [len(part) for part in parts]
        line = json.dumps({**head, "sizes": sizes}, allow_nan=False)
        with self._writing, suppress(BrokenPipeError):  # the window is gone
            self._out.write(line.encode() + b"\n")
            for part in parts:
                self._out.write(part)
            self._out.flush()

    def _open(self) -> Recording:
        return open_recording(self._path, spec_of(self._given))

    def _overview(self) -> None:
        with self._open() as recording:
            if recording.stop_sample > _LONG:
                self._looks(recording)
            tap = SpectrogramTap(recording.stop_sample)
            due_s = time.monotonic() + _SHOW_S
            for block in recording.blocks():
                self._going.wait()
                if self._ending:
                    return
                tap.take(block)
                if time.monotonic() >= due_s:
                    due_s = time.monotonic() + _SHOW_S
                    done = block.stop_sample / max(recording.stop_sample, 1)
                    self._outline("overview", tap.result(), min(done, 0.999))
            self._outline("overview", tap.result(), 1.0)

    def _outline(self, kind: str, picture: Spectrogram | None, share: float) -> None:
        if picture is not None:
            shown = picture.pooled(COLUMNS)
            first_s = shown.info.seconds(shown.first_sample)
            step_s = shown.column_samples / shown.info.sample_rate_hz
            self._send_outline(kind, (first_s, step_s), (shown.peak, shown.mean), share)

    def _send_outline(
        self,
        kind: str,
        times_s: tuple[float, float],
        levels: tuple[FloatArray, FloatArray],
        share: float,
    ) -> None:
        head = {"kind": kind, "first_s": times_s[0], "step_s": times_s[1], "share": share}
        self._tell(head, *(power.astype("<f4").tobytes() for power in levels))

    def _looks(self, recording: Recording) -> None:
        """A first idea of a long file: what lies at equal distances."""
        step = recording.stop_sample // COLUMNS
        peak, mean = np.full(COLUMNS, np.nan, np.float32), np.full(COLUMNS, np.nan, np.float32)
        for k in range(COLUMNS):
            self._going.wait()
            if self._ending:
                return
            frames = recording.read(k * step, _LOOK_SAMPLES).reshape(-1, 512)
            energy = (frames.real**2 + frames.imag**2).mean(axis=1)
            peak[k], mean[k] = energy.max(), energy.mean()
            if k % 300 == 299:
                step_s = recording.info.seconds(step)
                self._send_outline("looks", (0.0, step_s), (peak, mean), 0.0)

    def _pieces(self) -> None:
        """Of several requests the last one counts."""
        with self._open() as recording:
            while (asked := self._next_piece()) is not None:
                first, size = asked["first_sample"], asked["row_samples"]
                length = min(asked["rows"] * size, MAX_PIECE)
                stop = min(first + length, recording.stop_sample)
                rows: list[bytes] = []
                meter: RowMeter | None = None
                for block in recording.blocks(size, first, stop):
                    if meter is None or meter.info != block.info:
                        meter = RowMeter(block.info)
                    meter.take(decoded(block))
                    rows += _row(meter)
                    if self._newer():
                        break
                else:
                    self._tell({"kind": "piece", "piece": asked}, *rows)

    def _next_piece(self) -> Given | None:
        with self._changed:
            self._changed.wait_for(lambda: self._piece is not None or self._ending)
            piece, self._piece = self._piece, None
            return None if self._ending else piece

    def _newer(self) -> bool:
        with self._changed:
            return self._piece is not None or self._ending

    def _cut(self, asked: Given) -> None:
        """Write a stretch as a new SigMF recording, of complex floats."""
        target, error = Path(asked["target"]), ""
        try:
            with self._open() as recording:
                recorder = SigmfRecorder(target)
                try:
                    for block in recording.blocks(1 << 18, asked["start"], asked["stop"]):
                        recorder.take(stored(block))
                finally:
                    recorder.close()
        except SdrDetectError as exc:
            error = str(exc)
        self._tell({"kind": "cut", "target": str(target), "error": error})

    def _weigh(self) -> None:
        """How well each sample type fits the bytes of a file without a header."""
        found = weigh_range(FileRange(self._path))
        self._tell({"kind": "weighed", "candidates": [asdict(one) for one in found]})

    def _preview(self, asked: Given) -> None:
        """What a part of the file looks like, read as a sample type."""
        with open_recording(self._path, spec_of(asked["stated"])) as recording:
            length = min(_PREVIEW_SAMPLES, recording.stop_sample)
            first = round(asked["share"] * (recording.stop_sample - length))
            tap = SpectrogramTap(length)
            for block in recording.blocks(1 << 16, first, first + length):
                tap.take(block)
            picture = tap.result()
        if picture is None:
            raise ValueError("too few samples for a picture")
        power = picture.pooled(_PREVIEW_COLUMNS).power
        head = {
            "kind": "preview", "number": asked["number"], "columns": power.shape[0],
            "bins": power.shape[1], "samples": length, "first_sample": first,
        }  # fmt: skip
        self._tell(head, np.nan_to_num(power).astype("<f4").tobytes())


def _row(meter: RowMeter) -> Sequence[bytes]:
    """A row as a message of a watch has it: header and arrays."""
    pooled = meter.row()
    if pooled is None:
        return ()
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
    return view.encode(view.Row(head, pooled.peak, pooled.mean, None), _STAMP)


def main() -> None:
    """Serve the standard input."""
    path, given = Path(sys.argv[1]), json.loads(sys.argv[2])
    Server(path, given, sys.stdout.buffer).serve(sys.stdin.buffer)


if __name__ == "__main__":
    main()
