"""Recordings and logs from which tests make cases and packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdr_detect.evidence import package
from sdr_detect.evidence.canonical import START, link
from sdr_detect.simulate.scene import parse_scene
from sdr_detect.simulate.write import write_sigmf

SIGNED = "2026-05-04T10:00:00Z"


@dataclass(frozen=True)
class Sealed:
    path: Path
    public: Path
    secret: Path
    contents: package.Contents


def record(
    folder: Path,
    name: str,
    *,
    start_utc: str = "2026-05-04T08:15:30Z",
    cn_db: float | None = None,
    duration_s: float = 0.05,
    seed: int = 1,
) -> Path:
    """A simulated recording: noise, and a terminal if ``cn_db`` says how strong."""
    terminal = {"kind": "starlink_uplink", "name": "terminal", "channel": 3, "cn_db": cn_db}
    scene: dict[str, Any] = {
        "scene": {
            "title": name, "seed": seed, "duration_s": duration_s, "start_utc": start_utc,
        },
        "receiver": {
            "sample_rate_hz": 2.4e6, "rf_center_hz": 14.2225e9, "converter": "ku-12.80",
            "datatype": "cu8", "noise_dbfs": -30.0,
        },
        "emitter": [] if cn_db is None else [terminal],
    }  # fmt: skip
    return write_sigmf(parse_scene(scene), folder / f"{name}.sigmf-meta")


def files(meta: Path, identifier: str, role: str) -> package.RecordingFiles:
    return package.RecordingFiles(identifier, role, meta.with_suffix(".sigmf-data"), meta)


def chain(*actions: str) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = []
    for number, action in enumerate(actions):
        previous = log[-1]["sha256"] if log else START
        log.append(link({"seq": number, "action": action}, previous))
    return log
