"""Writers of recordings for tests: byte by byte, none of the project's own code."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np


def noise_codes(dtype: str, count: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """Interleaved I/Q codes of one numpy type: Gaussian, a sixth of full scale."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    values = rng.normal(0, 1 / 6, 2 * count)
    if kind.kind == "f":
        return values.astype(kind)
    half = 2.0 ** (8 * kind.itemsize - 1)
    offset = half - 0.5 if kind.kind == "u" else 0.0
    limits = np.iinfo(kind)
    return np.clip(np.rint(values * half + offset), limits.min, limits.max).astype(kind)


def write_sigmf(
    folder: Path,
    data: bytes,
    *,
    name: str = "rec",
    top: dict[str, Any] | None = None,
    captures: list[dict[str, Any]] | None = None,
    annotations: list[dict[str, Any]] | None = None,
) -> Path:
    """A pair of metadata and data; returns the metadata's path."""
    meta = {
        "global": {
            "core:datatype": "ci8",
            "core:sample_rate": 1e6,
            "core:version": "1.0.0",
            **(top or {}),
        },
        "captures": [{"core:sample_start": 0}] if captures is None else captures,
        "annotations": annotations or [],
    }
    (folder / f"{name}.sigmf-data").write_bytes(data)
    path = folder / f"{name}.sigmf-meta"
    path.write_text(json.dumps(meta))
    return path


def chunk(name: bytes, body: bytes, *, size: int | None = None) -> bytes:
    """One RIFF chunk; ``size`` overrides what the header says."""
    header = struct.pack("<4sI", name, len(body) if size is None else size)
    return header + body + b"\0" * (len(body) % 2)


def wav_format(channels: int, rate: int, bits: int, *, tag: int = 1) -> bytes:
    """The ``fmt `` chunk."""
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits))


def wav(*chunks: bytes, form: bytes = b"RIFF") -> bytes:
    """A whole WAV file."""
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body)) + body


def auxi(center_hz: int, *, start: tuple[int, ...] = (2024, 2, 4, 29, 12, 30, 15, 250)) -> bytes:
    """The SpectraVue form: start and stop as SYSTEMTIME, then the centre."""
    times = struct.pack("<16H", *start, *start)
    return chunk(b"auxi", times + struct.pack("<9I", center_hz, 0, 0, 0, 0, 0, 0, 0, 0))
