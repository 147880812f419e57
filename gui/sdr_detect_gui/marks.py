"""Annotations that a SigMF recording brings along, placed in the stream."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sdr_detect.formats.base import Recording

MAX_ANNOTATIONS = 20_000
MAX_LABEL = 40


@dataclass(frozen=True, slots=True)
class Annotation:
    """A region that somebody marked; edges are None where none were given."""

    start_sample: int
    stop_sample: int
    freq_lower_hz: float | None
    freq_upper_hz: float | None
    label: str


def read_marks(recording: Recording) -> list[Annotation]:
    """The first `MAX_ANNOTATIONS` of a recording; none where its format has none.

    An annotation that does not make sense is left out: the reader of the format
    has complained of it already, or does not mind.
    """
    path = recording.path
    if not recording.format.startswith("sigmf/"):
        return []
    if path.name.endswith(".sigmf-data"):
        path = path.with_suffix(".sigmf-meta")
    if not path.name.endswith(".sigmf-meta") or not path.is_file():
        return []
    document = json.loads(path.read_bytes())
    offset = document["global"].get("core:offset", 0)
    entries = document.get("annotations", [])[:MAX_ANNOTATIONS]
    found = (_annotation(entry, recording, offset) for entry in entries)
    return [annotation for annotation in found if annotation is not None]


def _annotation(entry: Any, recording: Recording, offset: int) -> Annotation | None:
    if not isinstance(entry, dict):
        return None
    start, count = entry.get("core:sample_start"), entry.get("core:sample_count", 1)
    if not isinstance(start, int) or not isinstance(count, int):
        return None
    first = _stream_sample(start - offset, recording)
    stop = _stream_sample(start - offset + count, recording)
    if stop <= first:
        return None
    edges = [entry.get(f"core:freq_{side}_edge") for side in ("lower", "upper")]
    low, high = (float(e) if isinstance(e, int | float) else None for e in edges)
    label = str(entry.get("core:label", ""))[:MAX_LABEL]
    return Annotation(first, stop, low, high, label)


def _stream_sample(stored: int, recording: Recording) -> int:
    """Where a sample of the file lies in the stream, in which lost ones count."""
    at = 0
    for capture in recording.captures:
        if stored < capture.stored_first:
            break
        inside = min(stored - capture.stored_first, capture.sample_count)
        at = capture.first_sample + inside
    return at
