"""A rendered scene as a SigMF recording with the truth as annotations."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sigmf

import sdr_detect
from sdr_detect.errors import SinkError
from sdr_detect.model import NS_PER_S, IQBlock, StreamInfo
from sdr_detect.simulate.frontend import encode
from sdr_detect.simulate.render import Truth, blocks, stream_info, truth
from sdr_detect.simulate.scene import Scene

#: More annotations than this make metadata slower to read than the samples.
MAX_ANNOTATIONS = 20_000

Progress = Callable[[int, int], None]


def write_sigmf(
    scene: Scene,
    path: str | Path,
    seed: int | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Render a scene into ``NAME.sigmf-data`` and ``NAME.sigmf-meta``.

    Parameters
    ----------
    scene : Scene
    path : str or Path
        Ends in ``.sigmf-meta``.
    seed : int, optional
        Instead of the scene's own.
    force : bool
        Replace files that are there.
    progress : callable, optional
        Called with samples made and samples in all.

    Returns
    -------
    Path
        Of the metadata.

    Raises
    ------
    SinkError
        The name is wrong, a file is there, or it cannot be written. Nothing
        half-made is left behind.
    """
    meta = Path(path)
    if meta.suffix != ".sigmf-meta":
        raise SinkError(f"{meta}: give a name that ends in .sigmf-meta")
    data = meta.with_suffix(".sigmf-data")
    for file in (meta, data):
        if file.exists() and not force:
            raise SinkError(f"{file} exists; give another name or --force")
    parts = [file.with_name(file.name + ".part") for file in (data, meta)]
    try:
        with parts[0].open("wb") as out:
            digest, captures = _write_data(scene, seed, out.write, progress)
        record = _metadata(scene, seed, digest, captures)
        sigmf.SigMFFile(metadata=record).validate()
        parts[1].write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        parts[0].replace(data)
        parts[1].replace(meta)
    except OSError as exc:
        raise SinkError(f"{meta}: cannot be written ({exc.strerror}); check space, path") from exc
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return meta


def _write_data(
    scene: Scene, seed: int | None, write: Callable[[bytes], int], progress: Progress | None
) -> tuple[str, list[dict[str, Any]]]:
    sha512 = hashlib.sha512()
    captures: list[dict[str, Any]] = []
    written = 0
    for block in blocks(scene, seed):
        if not captures or block.lost_before:
            captures.append(_capture(block, written))
        # An inverting converter delivers the mirrored spectrum, and a file
        # holds what the receiver delivered.
        samples = block.samples.conj() if block.info.plan.inverted else block.samples
        raw = encode(samples, scene.receiver.datatype).tobytes()
        sha512.update(raw)
        write(raw)
        written += len(block.samples)
        if progress is not None:
            progress(block.stop_sample, scene.sample_count)
    return sha512.hexdigest(), captures


def _capture(block: IQBlock, at: int) -> dict[str, Any]:
    info = block.info
    capture = {
        "core:sample_start": at,
        "core:global_index": block.first_sample,
        "core:frequency": info.center_hz,
        "core:datetime": _utc(info, block.first_sample),
        "sdrdetect:usable_hz": info.usable_hz,
    }
    if info.plan.converter.side != "none":
        capture["sdrdetect:converter"] = info.plan.converter.name
        capture["sdrdetect:if_frequency"] = info.if_center_hz
    return capture


def _utc(info: StreamInfo, sample: int) -> str:
    ns = info.time_ns(sample)
    assert ns is not None  # a scene has a start
    whole = datetime.fromtimestamp(ns // NS_PER_S, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ns % NS_PER_S:09d}Z"


def _metadata(
    scene: Scene, seed: int | None, sha512: str, captures: list[dict[str, Any]]
) -> dict[str, Any]:
    info = stream_info(scene)
    known = list(itertools.islice(truth(scene, seed), MAX_ANNOTATIONS + 1))
    description = f"{scene.scene.title}. {scene.scene.description}".strip()
    if len(known) > MAX_ANNOTATIONS:
        known.pop()
        description += f" Only the first {MAX_ANNOTATIONS} emissions are annotated."
    record = {
        "core:version": sigmf.__specification__,
        "core:datatype": scene.receiver.datatype,
        "core:sample_rate": scene.receiver.sample_rate_hz,
        "core:sha512": sha512,
        "core:description": description,
        "core:author": "sdr-detect simulator",
        "core:recorder": f"sdr-detect {sdr_detect.__version__}",
        "core:hw": "simulated",
        "core:license": "https://spdx.org/licenses/CC0-1.0.html",
        "core:extensions": [{"name": "sdrdetect", "version": "1.0.0", "optional": True}],
        "sdrdetect:scene_sha256": scene.sha256,
        "sdrdetect:seed": scene.scene.seed if seed is None else seed,
        "sdrdetect:receiver": scene.receiver.model_dump(mode="json"),
    }
    known.sort(key=lambda item: item.start_sample)
    return {
        "global": record,
        "captures": captures,
        "annotations": [_annotation(item, info) for item in known],
    }


def _annotation(item: Truth, info: StreamInfo) -> dict[str, Any]:
    assert info.center_hz is not None  # a scene has a centre
    half = info.sample_rate_hz / 2
    return {
        "core:sample_start": item.start_sample,
        "core:sample_count": item.sample_count,
        "core:freq_lower_edge": max(item.freq_lower_hz, info.center_hz - half),
        "core:freq_upper_edge": min(item.freq_upper_hz, info.center_hz + half),
        "core:label": item.name,
        "core:comment": f"simulated {item.kind}, C/N {item.cn_db:.1f} dB",
        "core:generator": "sdr-detect simulator",
        "sdrdetect:truth": {
            "kind": item.kind,
            "emitter": item.emitter,
            "cn_db": item.cn_db,
            "freq_lower_hz": item.freq_lower_hz,
            "freq_upper_hz": item.freq_upper_hz,
            **item.facts,
        },
    }
