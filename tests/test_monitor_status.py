"""The status line on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sdr_detect.catalog import profiles
from sdr_detect.commands._watch import status_text
from sdr_detect.model import IQBlock, StreamInfo
from sdr_detect.pipeline import Pipeline

INFO = StreamInfo("dev", 1e6, 14.2e9, clip_level=1.0)


def test_what_the_line_tells() -> None:
    samples = np.full(200_000, 0.5, np.complex64)
    samples[:2000] = 1.0
    block = IQBlock(INFO, 1_000_000, samples, 500)
    pipeline = Pipeline(profiles())
    pipeline.process(block)
    text = status_text(block, pipeline.snapshot(), 998_000, 500)
    told = re.fullmatch(
        r"1 s: not_detected, limit -?\d+ dB, PoI \d+%; 1\.0 Msps, lost 500, -6 dBFS, clipped 1%; "
        r"1 bursts, \d+ tracks, blind 0\.0 s",
        text,
    )
    assert told, text
    assert text.index("; 1 bursts") < 80
    assert "Msps" not in status_text(block, pipeline.snapshot(), None, 500)
    silent = IQBlock(INFO, 1_200_000, samples[:0])
    assert "NO SAMPLES" in status_text(silent, pipeline.snapshot(), 1e6, 0)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_the_line_is_renewed_and_cleared(repo_root: Path) -> None:
    master, slave = pty.openpty()
    path = repo_root / "recordings" / "starlink_parked_2m4.sigmf-meta"
    words = ["monitor", "--source", f"file://{path}?pace=0.4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sdr_detect", *words],
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(slave)
    shown = b""
    due_s = time.monotonic() + 60
    while time.monotonic() < due_s:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other end has gone
            break
        shown += piece
    out, _ = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 0
    assert len(re.findall(rb"\r\x1b\[K\d s: \w+, [^;]*; [\d.]+ Msps", shown)) >= 2
    assert b"s: detected, limit" in shown
    assert shown.rstrip().endswith(b"\x1b[K")
    assert "Detected: an emission consistent with" in out
