"""Detections as SigMF annotations, in a metadata file beside the original.

The new file ``<name>.sdr-detect.sigmf-meta`` points at the same samples through
``core:dataset``; the original is only read.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdr_detect.errors import SinkError
from sdr_detect.events import BurstEvent, TrackEvent, Verdict, to_json
from sdr_detect.formats.base import Recording
from sdr_detect.formats.sigmf import archived_metadata
from sdr_detect.formats.store import PackedStore
from sdr_detect.model import Flag, Span
from sdr_detect.sinks import wording
from sdr_detect.sinks.collect import Collector
from sdr_detect.sinks.sigmf_fields import (
    EXTENSION,
    GENERATOR,
    capture_fields,
    write_metadata,
)

_META, _DATA = ".sigmf-meta", ".sigmf-data"

_FREQUENCY_FIELDS = (
    "core:frequency",
    "sdrdetect:converter",
    "sdrdetect:if_frequency",
    "sdrdetect:inverted",
    "sdrdetect:lo_error_ppm",
)


def write(
    recording: Recording, found: Collector, sha256: str, more: Mapping[str, Any] | None = None
) -> Path:
    """Write the annotations of one recording.

    Parameters
    ----------
    recording : Recording
        Only its metadata are used; it may be closed.
    found : Collector
        What was found in it.
    sha256 : str
        Of its samples; the annotations' identifiers derive from it, so that the
        same finding has the same one every time.
    more : mapping, optional
        Further fields of the recording as a whole, such as the case it belongs to.

    Returns
    -------
    Path
        Of the new metadata file.

    Raises
    ------
    SinkError
        The samples are stored in a way SigMF has no words for, or the file
        cannot be written.
    """
    document = _original(recording) or described(recording)
    own = _annotations(recording, found, sha256, document["global"].get("core:offset", 0))
    known = {entry["core:uuid"] for entry in own}
    before = [e for e in document.get("annotations", ()) if e.get("core:uuid") not in known]
    document["annotations"] = sorted(
        [*before, *own], key=lambda entry: entry.get("core:sample_start", 0)
    )
    if found.verdict is not None:
        document["global"]["sdrdetect:verdict"] = _verdict(found.verdict)
    document["global"].update(more or {})
    path = recording.path.with_name(_stem(recording.path) + ".sdr-detect" + _META)
    write_metadata(path, document)
    return path


def _stem(path: Path) -> str:
    for suffix in (_META, _DATA, ".sigmf"):
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.name


def _original(recording: Recording) -> dict[str, Any] | None:
    """The metadata of a SigMF pair, pointing at its data; None for other recordings."""
    meta = recording.path.with_name(_stem(recording.path) + _META)
    if not recording.format.startswith("sigmf/") or not meta.is_file():
        return None
    document: dict[str, Any] = json.loads(meta.read_bytes())
    top = document["global"]
    top.setdefault("core:dataset", _stem(meta) + _DATA)
    _declare(top)
    for entry in document["captures"]:
        _restate(entry, recording, top.get("core:offset", 0))
    return document


def _declare(top: dict[str, Any]) -> None:
    """Say that fields of ours are in it, beside what is said already."""
    extensions = top.setdefault("core:extensions", [])
    if EXTENSION["name"] not in [entry.get("name") for entry in extensions]:
        extensions.append(EXTENSION)


def _restate(entry: dict[str, Any], recording: Recording, offset: int) -> None:
    """Give a capture the frequencies it was read with, which the user may have stated."""
    at = entry["core:sample_start"] - offset
    for capture in recording.captures:
        if capture.stored_first == at:
            fields = capture_fields(
                capture.info, at, capture.first_sample, inverted=capture.conjugate
            )
            for name in _FREQUENCY_FIELDS:
                entry.pop(name, None)
            entry.update({name: fields[name] for name in _FREQUENCY_FIELDS if name in fields})


def annotating(recording: Recording) -> dict[str, Any]:
    """Metadata to keep annotations of samples in that have no metadata file of their own.

    They name the samples where SigMF has words for how these are stored; else they are
    metadata only, and say what they annotate by ``sdrdetect:annotates``. Those of an
    archive keep what stands in it. Only the recording's metadata are used.
    """
    if recording.format.startswith("sigmf/"):
        return _archived(recording)
    try:
        return described(recording)
    except SinkError:
        pass
    top = _top("cf32_le", recording)
    top["core:metadata_only"] = True
    top["sdrdetect:annotates"] = recording.path.name
    captures = [capture_fields(c.info, c.stored_first, c.first_sample) for c in recording.captures]
    return {"global": top, "captures": captures, "annotations": []}


def _archived(recording: Recording) -> dict[str, Any]:
    """The metadata inside an archive, pointing at the samples inside it."""
    inner: dict[str, Any] = json.loads(archived_metadata(recording.path).decode("utf-8-sig"))
    own = described(recording)
    offset = inner["global"].get("core:offset", 0)
    for capture in own["captures"]:
        capture["core:sample_start"] += offset
    extensions = inner["global"].get("core:extensions", [])
    top = {**inner["global"], **own["global"], "core:extensions": extensions}
    top.pop("core:sha512", None)  # of the samples alone, not of the archive
    _declare(top)
    return {**inner, "global": top, "captures": own["captures"]}


def _top(datatype: str, recording: Recording) -> dict[str, Any]:
    import sigmf

    return {
        "core:version": sigmf.__specification__,
        "core:datatype": datatype,
        "core:sample_rate": recording.info.sample_rate_hz,
        "core:extensions": [EXTENSION],
    }


def described(recording: Recording) -> dict[str, Any]:
    """Metadata for samples that have none of SigMF's, or have them inside an archive.

    Only the recording's metadata are used; it may be closed.

    Raises
    ------
    SinkError
        The samples are stored in a way SigMF has no words for.
    """
    store = recording.store
    extent = store.extent if isinstance(store, PackedStore) else None
    if not isinstance(store, PackedStore) or extent is None or extent.size is None:
        raise SinkError(
            f"{recording.path}: {recording.format} does not keep its samples in one interleaved "
            "run, so SigMF cannot point at them; use --json or --report"
        )
    top = _top(store.datatype.sigmf_name, recording) | {"core:dataset": extent.path.name}
    trailing = extent.path.stat().st_size - extent.offset - extent.size
    if trailing:
        top["core:trailing_bytes"] = trailing
    captures = [
        capture_fields(c.info, c.stored_first, c.first_sample, inverted=c.conjugate)
        for c in recording.captures
    ]
    if extent.offset:
        captures[0]["core:header_bytes"] = extent.offset
    return {"global": top, "captures": captures, "annotations": []}


def _annotations(
    recording: Recording, found: Collector, sha256: str, offset: int
) -> list[dict[str, Any]]:
    labels = {
        event.track.id: f"T{event.track.id} {wording.match_text(wording.best_match(event.track))}"
        for event in found.tracks
    }
    own = [_of_track(event, labels[event.track.id], recording) for event in found.tracks]
    for burst in found.bursts:
        owner = found.track_of(burst)
        own.append(_of_burst(burst, "burst" if owner is None else labels[owner], recording))
    for entry in own:
        entry["core:sample_start"] += offset
        entry["core:generator"] = GENERATOR
        entry["core:uuid"] = _identifier(entry, sha256)
    return own


def _of_track(event: TrackEvent, label: str, recording: Recording) -> dict[str, Any]:
    track = event.track
    best = wording.best_match(track)
    reasons = [] if best is None else [*best.reasons, *(f"against: {a}" for a in best.against)]
    entry = stored_span(track.span, recording) | {
        "core:label": label,
        "core:comment": "; ".join([f"{track.kind} of {track.burst_count} bursts", *reasons]),
    }
    if Flag.RF_UNKNOWN not in track.flags:
        entry |= _edges(track.freq_lower_hz, track.freq_upper_hz)
    return entry


def _of_burst(event: BurstEvent, label: str, recording: Recording) -> dict[str, Any]:
    burst = event.burst
    entry = stored_span(burst.span, recording) | {
        "core:label": label,
        "core:comment": f"burst, C/N {wording.decibel(burst.detection.snr_db)}",
    }
    if Flag.RF_UNKNOWN not in burst.flags:
        entry |= _edges(burst.detection.freq_lower_hz, burst.detection.freq_upper_hz)
    return entry


def _edges(lower_hz: float, upper_hz: float) -> dict[str, Any]:
    return {"core:freq_lower_edge": lower_hz, "core:freq_upper_edge": upper_hz}


def stored_span(span: Span, recording: Recording) -> dict[str, Any]:
    """Where a span of the stream lies among the samples that are in the file."""
    first = stored_sample(span.start_sample, recording)
    return {
        "core:sample_start": first,
        "core:sample_count": stored_sample(span.stop_sample, recording) - first,
    }


def stored_sample(sample: int, recording: Recording) -> int:
    """Where a sample of the stream, in which lost ones count, lies in the file."""
    place = 0
    for capture in recording.captures:
        if sample < capture.first_sample:
            break
        inside = min(sample - capture.first_sample, capture.sample_count)
        place = capture.stored_first + inside
    return place


def _identifier(entry: dict[str, Any], sha256: str) -> str:
    what = json.dumps([sha256, entry], sort_keys=True)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sdr-detect:{what}"))


def _verdict(verdict: Verdict) -> dict[str, Any]:
    fields = to_json(verdict)
    del fields["type"]
    return fields
