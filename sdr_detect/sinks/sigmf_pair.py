"""A SigMF pair while it is written: valid at any instant, also after ``kill -9``."""

from __future__ import annotations

import hashlib
import json
import tempfile
from io import FileIO
from pathlib import Path
from typing import Any

import sigmf

from sdr_detect.errors import SinkError
from sdr_detect.model import Notice
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks.sigmf_fields import EXTENSION, GENERATOR, capture_fields
from sdr_detect.sinks.whole_file import write_whole

#: Held on the disk until the end, so that a full one still takes the last metadata.
RESERVE_BYTES = 1 << 20


class DiskRefusal(Exception):
    """The disk takes no more; ``errno`` says why. What was taken is whole samples."""

    def __init__(self, cause: BaseException | None) -> None:
        told = cause.strerror if isinstance(cause, OSError) else str(cause)
        super().__init__(told)
        self.errno = getattr(cause, "errno", None)


class SigmfPair:
    """``NAME.sigmf-data`` and ``NAME.sigmf-meta``, written without a buffer.

    Metadata name a capture before its first sample is written. Samples that no
    metadata name, or half a sample, are never left behind.

    Parameters
    ----------
    path : Path
        Ends in ``.sigmf-meta``; neither file may exist.

    Attributes
    ----------
    sample_count, data_bytes : int
        Written so far.
    entry_count : int
        Captures and annotations.

    Raises
    ------
    SinkError
        A file is there, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data_path = path.with_suffix(".sigmf-data")
        if path.exists():
            raise SinkError(f"{path} exists; choose another name")
        try:
            self._data = open_data(self._data_path)
        except FileExistsError as exc:
            raise SinkError(f"{self._data_path} exists; choose another name") from exc
        except OSError as exc:
            raise SinkError(f"{self._data_path} cannot be written: {exc.strerror}") from exc
        try:
            self._reserve = tempfile.TemporaryFile(dir=path.parent, buffering=0)  # noqa: SIM115
            self._reserve.write(bytes(RESERVE_BYTES))
        except OSError as exc:
            self._data.close()
            self._data_path.unlink()
            raise SinkError(
                f"{path} cannot be written: {exc.strerror}; {RESERVE_BYTES} bytes must be free"
            ) from exc
        self._sha512 = hashlib.sha512()
        self._captures: list[str] = []
        self._annotations: list[str] = []
        self._last: RawBlock | None = None
        self.sample_count = 0
        self.data_bytes = 0

    @property
    def entry_count(self) -> int:
        """Captures and annotations so far."""
        return len(self._captures) + len(self._annotations)

    def fits(self, block: RawBlock) -> bool:
        """Whether one pair can hold these samples with those before: one type, one rate."""
        last = self._last
        return last is None or (
            block.datatype == last.datatype
            and block.info.sample_rate_hz == last.info.sample_rate_hz
        )

    def annotate(self, notice: Notice) -> None:
        """Note something at the next sample; it is written with the next metadata."""
        entry = {
            "core:sample_start": self.sample_count,
            "core:label": notice.reason,
            "core:comment": notice.detail,
            "core:generator": GENERATOR,
        }
        self._annotations.append(json.dumps(entry))

    def append(self, block: RawBlock) -> None:
        """Append samples, as a new capture where they do not continue the last ones.

        Raises
        ------
        DiskRefusal
            It takes not all of them.
        """
        last = self._last
        if (
            last is None
            or block.first_sample != last.stop_sample
            or _settings(block) != (_settings(last))
        ):
            self._begin(block)
        self._last = block
        self._write(block)

    def _begin(self, block: RawBlock) -> None:
        last = self._last
        fields = capture_fields(
            block.info, self.sample_count, block.first_sample, inverted=block.mirrored
        )
        self._captures.append(json.dumps(fields, allow_nan=False))
        self._last = block
        try:
            self._write_meta({})
        except SinkError as exc:
            self._captures.pop()
            self._last = last
            raise DiskRefusal(exc.__cause__) from exc

    def _write(self, block: RawBlock) -> None:
        raw, done = block.raw.data, 0
        try:
            while done < len(raw):
                done += self._data.write(raw[done:])
        except OSError as exc:
            done -= done % block.datatype.sample_bytes
            self._data.truncate(self.data_bytes + done)
            raise DiskRefusal(exc) from exc
        finally:
            self._sha512.update(raw[:done])
            self.data_bytes += done
            self.sample_count += done // block.datatype.sample_bytes

    def _write_meta(self, more: dict[str, Any]) -> None:
        """Write all metadata; each capture and annotation was turned into text once."""
        assert self._last is not None  # called with the first block, or after it
        top = {
            "core:version": sigmf.__specification__,
            "core:datatype": self._last.datatype.sigmf_name,
            "core:sample_rate": self._last.info.sample_rate_hz,
            "core:recorder": GENERATOR,
            "core:extensions": [EXTENSION],
        }
        text = (
            f'{{\n"global": {json.dumps(top | more, indent=2)},\n'
            f'"captures": [\n{_lines(self._captures)}\n],\n'
            f'"annotations": [\n{_lines(self._annotations)}\n]\n}}\n'
        )
        write_whole(self.path, text.encode())

    def close(self) -> None:
        """Finish both files; a pair without samples leaves none. Safe to call twice.

        Raises
        ------
        SinkError
            The last metadata cannot be written; those before them stay.
        """
        if self._data.closed:
            return
        self._reserve.close()  # the room it held is for the metadata
        self._data.close()
        if self.sample_count:
            self._write_meta({"core:sha512": self._sha512.hexdigest()})
        else:
            self._data_path.unlink()
            self.path.unlink(missing_ok=True)


def open_data(path: Path) -> FileIO:
    """A new file without a buffer: what is written is there when this program dies."""
    return path.open("xb", buffering=0)


def _settings(block: RawBlock) -> tuple[object, bool]:
    return block.info, block.mirrored


def _lines(entries: list[str]) -> str:
    return ",\n".join(entries)
