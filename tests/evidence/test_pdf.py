"""The report as PDF: printed by a real browser, and what is said without one."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sdr_detect.errors import ConfigError, SinkError
from sdr_detect.report import pdf

PAGE = b"<!DOCTYPE html><title>Case 1</title><style>@page { size: A4 }</style><p>Findings</p>"


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """A script in the browser's place."""
    program = folder / "chromium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(pdf, "BROWSERS", (str(program),))


def test_printed_by_a_browser() -> None:
    if not any(map(shutil.which, pdf.BROWSERS)):
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    paper = pdf.print_page(PAGE)
    assert paper.startswith(b"%PDF")
    assert paper.rstrip().endswith(b"%%EOF")
    assert b"Case 1" in paper
    assert b"/MediaBox [0 0 594." in paper or b"/MediaBox [0 0 595" in paper  # A4, not Letter


def test_without_a_browser_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"apt-get install chromium.*print it to a file"):
        pdf.print_page(PAGE)


def test_a_browser_that_prints_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "echo no display >&2; echo ERROR:dbus x >&2; exit 1")
    with pytest.raises(SinkError, match="printed nothing: no display"):
        pdf.print_page(PAGE)


def test_a_browser_that_hangs_is_ended_with_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    stand_in(monkeypatch, tmp_path, f"sleep 100 & echo $! > {child}; wait")
    with pytest.raises(SinkError, match="did not print within 1 s"):
        pdf.print_page(PAGE, wait_s=1)
    number = child.read_text().strip()
    for _ in range(100):
        listed = subprocess.run(
            ["ps", "-o", "stat=", "-p", number], capture_output=True, text=True, check=False
        )
        if not listed.stdout.strip() or listed.stdout.startswith("Z"):
            return
        time.sleep(0.02)
    pytest.fail(f"process {number} outlived the browser: {listed.stdout}")
