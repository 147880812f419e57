"""A small archive of recordings, and what a batch made of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sdr_detect.batch.job import analyse
from sdr_detect.batch.outcome import Outcome
from sdr_detect.batch.table import TIMING
from sdr_detect.batch.task import Task, Treatment, software
from sdr_detect.formats.base import RawSpec
from sdr_detect.settings import Settings
from tests.recording_files import noise_codes

SHIPPED = ("gsm_2m4", "iridium_250k", "lost_samples_2m4", "tone_doppler_250k")

STATED = """
[[recording]]
files = "usb/*.cs8"
format = "cs8"
rate_hz = 20e6
rf_hz = 14.25e9
"""

#: Analysing it takes half a second: time for a test to do something meanwhile.
BIG_SAMPLES = 8_000_000


def make(folder: Path, repo_root: Path) -> Path:
    """Four SigMF recordings, a big raw one, a picture, text, and one that is cut off."""
    archive = folder / "archive"
    (archive / "usb").mkdir(parents=True)
    for name in SHIPPED:
        for kind in (".sigmf-meta", ".sigmf-data"):
            shutil.copy(repo_root / "recordings" / (name + kind), archive)
    cut = archive / "cut.sigmf-meta"
    shutil.copy(archive / "lost_samples_2m4.sigmf-meta", cut)
    cut.with_suffix(".sigmf-data").write_bytes(b"\0" * 9)
    (archive / "usb" / "big.cs8").write_bytes(
        noise_codes("i1", 100_000).tobytes() * (BIG_SAMPLES // 100_000)
    )
    (archive / "usb" / "plot.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    (archive / "notes.txt").write_text("Kai 3, µ-Wetter: Regen\n", encoding="utf-8")
    (folder / "stated.toml").write_text(STATED)
    return archive


def task(path: Path, spec: RawSpec | None = None, **settings: Any) -> Task:
    treatment = Treatment(
        settings=Settings.model_validate(settings), max_bursts=10_000, software=software()
    )
    return Task(path=str(path), spec=spec or RawSpec(), treatment=treatment)


def here(tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
    """Does tasks in this process."""
    for item in tasks:
        yield item, analyse(item)


def rows(out: Path, table: str = "results") -> list[dict[str, Any]]:
    """A table without the columns in which two runs differ."""
    if table == "results":
        read: list[dict[str, Any]] = json.loads((out / "results.json").read_text(encoding="utf-8"))
        return [{k: v for k, v in row.items() if k not in TIMING} for row in read]
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(out / f"{table}.parquet").to_pylist()
    return found


def events(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "events").iterdir()}


def status(out: Path) -> dict[str, str]:
    return {Path(row["path"]).name: row["status"] for row in rows(out)}
