"""Records blocks as SigMF, in the bytes they came in; one capture per stretch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import sigmf

from sdr_detect.errors import SinkError
from sdr_detect.model import StreamInfo
from sdr_detect.rawblock import RawBlock
from sdr_detect.sinks.sigmf_fields import EXTENSION, GENERATOR, capture_fields, write_metadata


class SigmfRecorder:
    """An outlet that writes ``NAME.sigmf-data`` and ``NAME.sigmf-meta``.

    Lost samples and changed settings start a new capture, so that the recording
    tells where they were. Metadata are written with every new capture: a recording
    that was cut off can be read.

    Parameters
    ----------
    path : Path
        Ends in ``.sigmf-meta``; nothing is overwritten.

    Raises
    ------
    SinkError
        The name is wrong, a file is there, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix != ".sigmf-meta":
            raise SinkError(f"{path}: give a name that ends in .sigmf-meta")
        self._meta = path
        self._data_path = path.with_suffix(".sigmf-data")
        if path.exists():
            raise SinkError(f"{path} exists; choose another name")
        self._data = self._create()
        self._sha512 = hashlib.sha512()
        self._captures: list[dict[str, Any]] = []
        self._last: RawBlock | None = None
        self._written = 0

    def _create(self) -> BinaryIO:
        try:
            return self._data_path.open("xb")
        except FileExistsError as exc:
            raise SinkError(f"{self._data_path} exists; choose another name") from exc
        except OSError as exc:
            raise SinkError(f"{self._data_path} cannot be written: {exc.strerror}") from exc

    def take(self, block: RawBlock) -> None:
        """Append one block.

        Raises
        ------
        SinkError
            The disk takes no more, or the samples are of another type than before.
        """
        last = self._last
        if last is not None and block.datatype != last.datatype:
            raise SinkError(
                f"{self._data_path} holds {last.datatype.name} samples, and {block.datatype.name} "
                "came; record to another file"
            )
        self._last = block
        if last is None or block.lost_before or _settings(block) != _settings(last):
            fields = capture_fields(
                block.info, self._written, block.first_sample, inverted=block.mirrored
            )
            self._captures.append(fields)
            self._write_meta({})
        raw = block.raw.data
        try:
            self._data.write(raw)
        except OSError as exc:
            raise SinkError(
                f"{self._data_path} cannot be written: {exc.strerror}; the recording ends at "
                f"sample {self._written}"
            ) from exc
        self._sha512.update(raw)
        self._written += block.sample_count

    def _write_meta(self, more: dict[str, Any]) -> None:
        assert self._last is not None  # called with the first block, or after it
        top = {
            "core:version": sigmf.__specification__,
            "core:datatype": self._last.datatype.sigmf_name,
            "core:sample_rate": self._last.info.sample_rate_hz,
            "core:recorder": GENERATOR,
            "core:extensions": [EXTENSION],
        }
        document = {"global": top | more, "captures": self._captures, "annotations": []}
        write_metadata(self._meta, document)

    def close(self) -> None:
        """Finish the files; a recording of nothing leaves none. Safe to call twice.

        Raises
        ------
        SinkError
            The disk takes no more.
        """
        if self._data.closed:
            return
        try:
            self._data.close()
        except OSError as exc:
            raise SinkError(f"{self._data_path} cannot be written: {exc.strerror}") from exc
        if self._last is None:
            self._data_path.unlink()
        else:
            self._write_meta({"core:sha512": self._sha512.hexdigest()})


def _settings(block: RawBlock) -> tuple[StreamInfo, bool]:
    return block.info, block.mirrored
