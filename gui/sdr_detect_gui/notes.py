"""Annotations of a recording and the SigMF metadata that keep them.

What is not edited stays as it was, fields of other programs included. Samples that have
no metadata file (raw, WAV, arrays, archives) get one beside them, ``NAME.sigmf-meta``,
and their annotations are read from there the next time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdr_detect.errors import SinkError
from sdr_detect.formats.base import Recording
from sdr_detect.model import Span
from sdr_detect.sinks.sigmf_fields import GENERATOR, write_metadata
from sdr_detect.sinks.sigmf_notes import annotating, stored_span

META, DATA = ".sigmf-meta", ".sigmf-data"
#: Annotations shown of a file, and the longest label in a picture.
MAX_SHOWN, MAX_LABEL = 20_000, 40

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A region of the stream that somebody marked; edges are None where none were given.

    ``key`` tells annotations of one recording apart, also after they moved.
    """

    start_sample: int
    stop_sample: int
    freq_lower_hz: float | None
    freq_upper_hz: float | None
    label: str
    comment: str = ""
    key: int = 0


def home_of(path: Path) -> Path:
    """The metadata that describe a file: itself, its partner, or what may lie beside it."""
    if path.name.endswith(META):
        return path
    if path.name.endswith(DATA):
        return path.with_name(path.name.removesuffix(DATA) + META)
    return path.with_name(path.name + META)


class Notebook:
    """The annotations of one recording.

    Parameters
    ----------
    recording : Recording
        Only its metadata are used; it may be closed.

    Attributes
    ----------
    path : Path
        Where they are kept, or will be.
    refusal : str
        Why they cannot be edited; '' when they can.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.path = home_of(recording.path).resolve()
        self.refusal = ""
        self._read: bytes | None = None
        self._document: dict[str, Any] = {"global": {}}
        try:
            self._find()
        except SinkError as exc:
            self.refusal = str(exc)
        entries = self._document.pop("annotations", [])
        self._offset: int = self._document["global"].get("core:offset", 0)
        self._entries: dict[int, Entry] = dict(enumerate(entries))
        self._next_key = len(entries)
        self._saved = dict(self._entries)

    def _find(self) -> None:
        """Read the metadata, or make some."""
        path = self._recording.path
        if not self.path.exists():
            self._document = annotating(self._recording)
            return
        self._read = self.path.read_bytes()
        inside = path.is_file() and not path.name.endswith((META, DATA))  # no pair of SigMF's
        self._document = self._beside() if inside else json.loads(self._read.decode("utf-8-sig"))

    def _beside(self) -> dict[str, Any]:
        """What was kept beside a file, if it is about it."""
        assert self._read is not None
        try:
            document = json.loads(self._read.decode("utf-8-sig"))
            top, entries = document["global"], document["annotations"]
            about = top.get("core:dataset") or top.get("sdrdetect:annotates")
            whole = all(isinstance(entry, dict) for entry in entries)
        except (ValueError, LookupError, TypeError, AttributeError):
            about, whole = None, False
        if about != self._recording.path.name or not whole:
            raise SinkError(
                f"{self.path.name} is there already and no metadata of this file: move it "
                "elsewhere to annotate"
            )
        return document  # type: ignore[no-any-return]

    @property
    def changed(self) -> bool:
        """Whether something is not saved."""
        return self._entries != self._saved

    def entry(self, key: int) -> Entry | None:
        """An annotation as it is kept."""
        return self._entries.get(key)

    def put(self, key: int, entry: Entry | None) -> None:
        """Keep an annotation as this; None takes it away."""
        if entry is None:
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry

    def new_key(self) -> int:
        """A key that no annotation had."""
        self._next_key += 1
        return self._next_key - 1

    def made(self, span: Span, edges_hz: tuple[float, float] | None, label: str) -> Entry:
        """A new annotation of a stretch of the stream."""
        entry = self.placed({}, span, edges_hz) | {"core:generator": GENERATOR}
        return self.named(entry, label) | {"core:uuid": str(uuid.uuid4())}

    def placed(
        self, entry: Entry, span: Span, edges_hz: tuple[float, float] | None
    ) -> dict[str, Any]:
        """The annotation elsewhere."""
        stored = stored_span(span, self._recording)
        stored["core:sample_start"] += self._offset
        moved = {**entry, **stored}
        for side, edge in enumerate(("core:freq_lower_edge", "core:freq_upper_edge")):
            moved.pop(edge, None)
            if edges_hz is not None:
                moved[edge] = edges_hz[side]
        return moved

    def named(self, entry: Entry, label: str, comment: str | None = None) -> dict[str, Any]:
        """The annotation with another label, and another comment unless None."""
        named = dict(entry)
        for field, text in (("core:label", label), ("core:comment", comment)):
            if text:
                named[field] = text
            elif text == "":
                named.pop(field, None)
        return named

    def notes(self) -> list[Annotation]:
        """The annotations in order of time; those that make no sense are left out."""
        found = (self._annotation(key, entry) for key, entry in self._entries.items())
        notes = [note for note in found if note is not None]
        return sorted(notes, key=lambda note: (note.start_sample, note.key))[:MAX_SHOWN]

    def _annotation(self, key: int, entry: Entry) -> Annotation | None:
        start, count = entry.get("core:sample_start"), entry.get("core:sample_count")
        if not isinstance(start, int) or not isinstance(count, int | None):
            return None
        first = self._stream_sample(start - self._offset)
        if count is None:  # as SigMF says: to the end of the capture
            captures = self._recording.captures
            stop = next((c.stop_sample for c in captures if first < c.stop_sample), first)
        else:
            stop = self._stream_sample(start - self._offset + count)
        if stop <= first:
            return None
        edges = [entry.get(f"core:freq_{side}_edge") for side in ("lower", "upper")]
        low, high = (float(e) if isinstance(e, int | float) else None for e in edges)
        label, comment = (str(entry.get(f"core:{name}", "")) for name in ("label", "comment"))
        return Annotation(first, stop, low, high, label, comment, key)

    def _stream_sample(self, stored: int) -> int:
        """Where a sample of the file lies in the stream, in which lost ones count."""
        at = 0
        for capture in self._recording.captures:
            if stored < capture.stored_first:
                break
            inside = min(stored - capture.stored_first, capture.sample_count)
            at = capture.first_sample + inside
        return at

    def save(self) -> None:
        """Write the metadata, whole or not at all; the samples are never touched.

        Raises
        ------
        SinkError
            They cannot be written, or another program has changed them.
        """
        if self._on_disk() != self._read:
            raise SinkError(
                f"{self.path.name} was changed by another program since it was opened, and "
                "nothing is written: open it again, and enter your annotations there"
            )
        entries = sorted(self._entries.values(), key=lambda e: e.get("core:sample_start") or 0)
        write_metadata(self.path, {**self._document, "annotations": entries})
        self._read = self._on_disk()
        self._saved = dict(self._entries)

    def _on_disk(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise SinkError(f"{self.path} cannot be read: {exc.strerror}") from exc
