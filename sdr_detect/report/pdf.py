"""A report as PDF, printed by a browser of this machine that reaches nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from sdr_detect.errors import ConfigError, SinkError

#: Programs that print; all are Chromium.
BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
)  # fmt: skip
_WAIT_S = 120.0


def browser() -> str:
    """The first browser of the path that can print.

    Raises
    ------
    ConfigError
        There is none.
    """
    for name in BROWSERS:
        if (found := shutil.which(name)) is not None:
            return found
    raise ConfigError(
        f"a PDF is printed by a browser, and none of {', '.join(BROWSERS)} is here: install one "
        "(Debian: apt-get install chromium), or open the report (--report FILE.html) in any "
        "browser and print it to a file"
    )


def print_page(html: bytes, *, wait_s: float = _WAIT_S) -> bytes:
    """The PDF of a page.

    The browser resolves no name and keeps what it needs in a folder that is removed; a
    report's own policy forbids scripts and all that is not in it.

    Raises
    ------
    ConfigError
        There is no browser.
    SinkError
        It failed, or took longer than ``wait_s`` seconds.
    """
    program = browser()
    with tempfile.TemporaryDirectory(prefix="sdr-detect-", ignore_cleanup_errors=True) as folder:
        page, paper = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_bytes(html)
        told = _run([program, *_switches(folder), f"--print-to-pdf={paper}", page.as_uri()], wait_s)
        if not paper.is_file() or not paper.stat().st_size:
            raise SinkError(f"{program} printed nothing: {told or 'it gave no reason'}")
        return paper.read_bytes()


def _switches(folder: str) -> list[str]:
    found = [
        "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer",
        f"--user-data-dir={folder}/profile",
    ]  # fmt: skip
    # As root Chromium refuses to start with its sandbox.
    return [*found, "--no-sandbox"] if os.geteuid() == 0 else found


def _run(words: list[str], wait_s: float) -> str:
    """What the browser said last; it and its children are ended when it takes too long."""
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            _, told = process.communicate(timeout=wait_s)
        except BaseException as exc:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(exc, subprocess.TimeoutExpired):
                raise SinkError(f"{words[0]} did not print within {wait_s:g} s") from exc
            raise
    lines = told.decode(errors="replace").strip().splitlines()
    # Without a desktop it complains of the message bus, which printing does not need.
    return next((line[:200] for line in reversed(lines) if "dbus" not in line), "")
