"""One recording analysed, as ``analyze`` does it: what every worker runs."""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict

from sdr_detect.analysis import analyze_recording
from sdr_detect.batch.outcome import Outcome, Stamp, rejected, stamp
from sdr_detect.batch.tally import Tally
from sdr_detect.batch.task import Task
from sdr_detect.calibrated import restate
from sdr_detect.calibration.levels import Levels
from sdr_detect.catalog import profiles
from sdr_detect.errors import FormatError, SdrDetectError
from sdr_detect.formats.base import Recording
from sdr_detect.formats.find import open_recording
from sdr_detect.sinks.jsonl import JsonLines


def work(order: str) -> str:
    """Do a task given as JSON; the outcome as JSON."""
    return json.dumps(asdict(analyse(Task.model_validate_json(order))), allow_nan=False)


def analyse(task: Task) -> Outcome:
    """Analyse a recording, or say why it cannot be read."""
    began_s, cpu_s = time.monotonic(), time.process_time()
    lines = io.StringIO()
    try:
        outcome = _analyse(task, lines)
    except SdrDetectError as exc:
        outcome = rejected(task, type(exc).__name__, str(exc), lines.getvalue())
    except OSError as exc:  # the disk, or a server: the next recording may be readable
        reason = f"{task.path}: cannot be read ({exc.strerror or exc}); check the disk"
        outcome = rejected(task, type(exc).__name__, reason, lines.getvalue())
    outcome.row["took_s"] = round(time.monotonic() - began_s, 3)
    outcome.row["cpu_s"] = round(time.process_time() - cpu_s, 3)
    return outcome


def _analyse(task: Task, lines: io.StringIO) -> Outcome:
    how = task.treatment
    levels = Levels(how.calibration, how.settings.site)
    tally = Tally(task.path, levels)
    with open_recording(task.path, task.spec) as recording:
        files = _stamps(recording)
        if how.calibration is not None:
            restate(recording, how.calibration, how.gain_db)
        result = analyze_recording(
            recording,
            settings=how.settings,
            profiles=profiles(),
            lines=JsonLines(lines, max_bursts=how.max_bursts, levels=levels),
            sinks=[tally],
            levels=levels,
            calibration_sha256=how.calibration_sha256,
        )
        if _stamps(recording) != files:
            raise FormatError(
                "was changed while it was read; run again once it is complete", path=task.path
            )
    return Outcome(tally.row(result), tuple(tally.tracks), lines.getvalue(), files)


def _stamps(recording: Recording) -> tuple[Stamp, ...]:
    paths = dict.fromkeys((recording.path, recording.data_path))
    return tuple(stamp(path) for path in paths)
