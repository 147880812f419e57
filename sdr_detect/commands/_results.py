"""Results from a recording, or from the JSON Lines of an earlier analysis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdr_detect.commands._calibration_options import Calibrating
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.settings import Settings

#: A longer file is no result: bursts are capped.
_MAX_BYTES = 1 << 28

#: What is read of a line, by its type.
_NEEDED: dict[str, set[str]] = {
    "recording": {"path", "sample_rate_hz", "rf_center_hz", "lo_hz", "dbm_offset_db"},
    "track": {
        "id", "kind", "start_s", "stop_s", "freq_lower_hz", "freq_upper_hz", "snr_db", "matches",
        "power_dbfs",
    },
    "verdict": {
        "verdict", "detection_limit_db", "analysed_s", "blind_s", "poi", "reasons",
        "noise_dbfs_per_hz", "bandwidth_hz",
    },
}  # fmt: skip

#: The longest first line: the ``recording`` object.
_HEAD_BYTES = 1 << 16


def result_lines(
    path: Path, spec: RawSpec, settings: Settings, calibrating: Calibrating
) -> list[dict[str, Any]]:
    """JSON objects of one recording; a recording is analysed, a result is read.

    Raises
    ------
    SdrDetectError
        It is neither, or cannot be read.
    """
    if _is_result(path):
        return _read(path)
    import io

    from sdr_detect.analysis import analyze_recording
    from sdr_detect.calibrated import restate
    from sdr_detect.catalog import profiles
    from sdr_detect.commands._progress import progress
    from sdr_detect.formats.find import open_recording
    from sdr_detect.sinks.jsonl import JsonLines

    text = io.StringIO()
    levels = calibrating.levels(settings.site)
    with open_recording(path, spec) as recording:
        if calibrating.calibration is not None:
            restate(recording, calibrating.calibration, calibrating.gain_db)
        with progress(path.name, recording.stop_sample) as taps:
            analyze_recording(
                recording,
                settings=settings,
                profiles=profiles(),
                lines=JsonLines(text, max_bursts=0, levels=levels),
                taps=taps,
                levels=levels,
                calibration_sha256=calibrating.sha256,
            )
    return [json.loads(line) for line in text.getvalue().splitlines()]


def _is_result(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        line = file.readline(_HEAD_BYTES)
    try:
        head = json.loads(line)
    except ValueError:
        return False
    return isinstance(head, dict) and head.get("type") == "recording"


def _read(path: Path) -> list[dict[str, Any]]:
    from sdr_detect.errors import FormatError

    if path.stat().st_size > _MAX_BYTES:
        raise FormatError(f"is longer than {_MAX_BYTES} bytes; write fewer bursts", path=path)
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            item = json.loads(text)
        except ValueError as exc:
            raise FormatError(f"line {number} is not JSON: {exc}", path=path) from exc
        if not isinstance(item, dict):
            raise FormatError(f"line {number} is no JSON object", path=path)
        lines.append(item)
    count = sum(item.get("type") == "recording" for item in lines)
    if count != 1 or lines[-1].get("type") != "verdict":
        raise FormatError(
            f"holds {count} recordings and ends with {lines[-1].get('type')!r}; a result of one "
            "recording, verdict last, is needed",
            path=path,
        )
    for number, item in enumerate(lines, 1):
        missing = sorted(_NEEDED.get(str(item.get("type")), set()) - item.keys())
        if missing:
            raise FormatError(
                f"line {number} has no {missing[0]!r}; is it a result of this version?", path=path
            )
    return lines
